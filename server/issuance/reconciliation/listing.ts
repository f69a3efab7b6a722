// What a person should look at after an older copy was restored: what the chain has and nobody here has asked for, and what this database says
// otherwise than the chain.

import type { Database } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";

export interface ListedCard {
  /** The collection's slug. */
  collection: string;
  serial: number;
  holder: string;
  /** What the brand calls the holder; nothing if it knows none. */
  reference: string | null;
  tier: number;
  expiresAt: number;
  source: "order" | "import";
  state: "unclaimed" | "claimed" | "released";
  /** The order or import that has it. */
  owner: string | null;
  issuedAt: number;
  transactionHash: string;
}

export interface ListedRedemption {
  collection: string;
  serial: number;
  benefitId: number;
  number: number;
  redeemedAt: number;
  transactionHash: string;
}

export interface Listing {
  /** The last time that an archive was put back; nothing if none was, or somebody has copied files. */
  restore: { at: number; archiveAt: number; blockNumber: number | null } | undefined;
  cards: ListedCard[];
  /** Unclaimed ones. */
  redemptions: ListedRedemption[];
  /** Orders that this database calls issued and whose cards the chain has not, or has revoked without an order to do so. */
  contradictions: { orderId: string; collection: string; serial: number; what: "not on the chain" | "revoked" }[];
  /** Payments that were open when the copy was made: what was paid since is asked for at the provider. */
  openPayments: number;
  /** How much is told again, because it happened after the copy was made. */
  toldAgain: number;
}

const MOST = 10_000;

export async function listReconciliation(database: Database): Promise<Listing> {
  const restore = await database.restore.findFirst({ orderBy: { id: "desc" } });
  const cards = await database.$queryRaw<ListedCard[]>(Prisma.sql`
    SELECT c."slug" AS "collection", a."serial", a."holder", a."tier", a."expiresAt", a."source", a."state",
      COALESCE(a."orderId", a."importId") AS "owner", a."issuedAt", a."transactionHash",
      (SELECT MIN(u."reference") FROM "Customer" AS u WHERE u."brandId" = a."brandId" AND (u."holder" = a."holder" OR u."wallet" = a."holder")) AS "reference"
    FROM "AdoptedCard" AS a JOIN "Collection" AS c ON c."address" = a."collectionAddress"
    ORDER BY CASE WHEN a."state" = 'unclaimed' THEN 0 ELSE 1 END, c."slug", a."serial" LIMIT ${MOST}`);
  const redemptions = await database.$queryRaw<ListedRedemption[]>(Prisma.sql`
    SELECT c."slug" AS "collection", a."serial", a."benefitId", a."number", a."redeemedAt", a."transactionHash"
    FROM "AdoptedRedemption" AS a JOIN "Collection" AS c ON c."address" = a."collectionAddress"
    WHERE a."state" = 'unclaimed' ORDER BY c."slug", a."serial", a."benefitId", a."number" LIMIT ${MOST}`);
  return {
    restore:
      restore === null
        ? undefined
        : {
            at: Number(restore.at),
            archiveAt: Number(restore.archiveAt),
            blockNumber: restore.blockNumber,
          },
    cards: cards.map((card) => ({
      ...card,
      serial: Number(card.serial),
      tier: Number(card.tier),
      expiresAt: Number(card.expiresAt),
      issuedAt: Number(card.issuedAt),
    })),
    redemptions: redemptions.map((one) => ({
      ...one,
      serial: Number(one.serial),
      benefitId: Number(one.benefitId),
      number: Number(one.number),
      redeemedAt: Number(one.redeemedAt),
    })),
    contradictions: await contradictions(database),
    openPayments: await database.payment.count({ where: { state: { in: ["creating", "open"] } } }),
    toldAgain:
      restore?.blockNumber == null
        ? 0
        : await database.outboxEntry.count({ where: { blockNumber: { gt: restore.blockNumber } } }),
  };
}

async function contradictions(database: Database): Promise<Listing["contradictions"]> {
  const rows = await database.$queryRaw<
    { orderId: string; collection: string; serial: number; status: string | null }[]
  >(Prisma.sql`
    SELECT m."orderId", COALESCE(c."slug", m."collectionAddress") AS "collection", m."serial", k."status"
    FROM "Command" AS m
    JOIN "Order" AS o ON o."id" = m."orderId"
    LEFT JOIN "Collection" AS c ON c."address" = m."collectionAddress"
    LEFT JOIN "Card" AS k ON k."collectionAddress" = m."collectionAddress" AND k."serial" = m."serial"
    WHERE m."kind" = 'issue' AND m."state" = 'done' AND (k."serial" IS NULL OR (k."status" = 'Revoked' AND o."state" = 'issued'
      AND NOT EXISTS (SELECT 1 FROM "Command" AS r WHERE r."orderId" = m."orderId" AND r."serial" = m."serial" AND r."kind" = 'revoke')))
    ORDER BY m."id" LIMIT ${MOST}`);
  return rows.map(({ orderId, collection, serial, status }) => ({
    ...{ orderId, collection, serial: Number(serial) },
    what: status === null ? "not on the chain" : "revoked",
  }));
}

/**
 * An operator has settled unclaimed cards otherwise: later orders are issued anew. Returns how many were unclaimed.
 * @param card Which one; all of them if not given.
 */
export async function releaseCards(
  database: Database,
  card: { collection: string; serial: number } | undefined,
  now: number,
): Promise<number> {
  const which =
    card === undefined
      ? Prisma.empty
      : Prisma.sql`AND "serial" = ${card.serial} AND "collectionAddress" IN (SELECT "address" FROM "Collection" WHERE "slug" = ${card.collection} OR "address" = ${card.collection.toLowerCase()})`;
  const cards = await database.$executeRaw(
    Prisma.sql`UPDATE "AdoptedCard" SET "state" = 'released', "settledAt" = ${now} WHERE "state" = 'unclaimed' ${which}`,
  );
  if (card !== undefined) return cards;
  const redemptions = await database.$executeRaw(
    Prisma.sql`UPDATE "AdoptedRedemption" SET "state" = 'released', "settledAt" = ${now} WHERE "state" = 'unclaimed'`,
  );
  return cards + redemptions;
}
