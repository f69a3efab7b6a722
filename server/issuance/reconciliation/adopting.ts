// Takes over what the chain has and this database does not know. Must hold: a card that a waiting command wants at its serial becomes that
// command's; every other one is written down as unclaimed before anything else is sent, so that an order that is sent again can be given it.

import { insertRows, selectRows } from "../../database/bulk.ts";
import type { Database, DatabaseTransaction } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";
import { inTransaction } from "../../database/transactions.ts";
import type { BrandKeys } from "../keystore.ts";
import { lockEdition } from "../orders/serials.ts";
import { settleOrders } from "../orders/standing.ts";
import type { UnknownBatch, UnknownTransaction } from "./unknown.ts";

/** What only a brand's keystore knows. */
export type KnownByKeys = Pick<BrandKeys, "holderAddress" | "cardTag">;

export interface AdoptingOptions {
  application: Database;
  /** Nothing if this server has no keystore of the brand. */
  keysOf(brandId: number): Promise<KnownByKeys | undefined>;
  /** In milliseconds. */
  now: number;
}

export interface Adopted {
  /** How many cards nobody has claimed yet, and how many waiting commands have found theirs. */
  unclaimed: number;
  settled: number;
  redemptions: number;
}

interface Claim {
  id: number;
  claimedSerial: number;
  state: string;
  holder: string | null;
  tier: number | null;
  expiresAt: number | bigint | null;
  orderId: string | null;
  importId: string | null;
  standsFor: string | null;
}

interface IssuedCard {
  collection: string;
  serial: number;
  holder: string;
  tier: number;
  expiresAt: number;
  /** To which order it belongs, as the chain says. */
  tag: string | undefined;
}

/** Takes over one transaction. Done twice, it is done once. */
export async function adopt(unknown: UnknownTransaction, options: AdoptingOptions): Promise<Adopted> {
  const { application, now } = options;
  const adopted: Adopted = { unclaimed: 0, settled: 0, redemptions: 0 };
  for (const [collection, batches] of Map.groupBy(unknown.batches, (batch) => batch.collection)) {
    const known = await application.collection.findUnique({
      where: { address: collection },
      select: { brandId: true },
    });
    if (known === null) continue;
    const keys = await options.keysOf(known.brandId);
    const counts = await inTransaction(application, (transaction) =>
      adoptCards(transaction, unknown, { collection, brandId: known.brandId, batches, keys, now }),
    );
    adopted.unclaimed += counts.unclaimed;
    adopted.settled += counts.settled;
  }
  adopted.redemptions = await inTransaction(application, (transaction) => adoptRedemptions(transaction, unknown, now));
  return adopted;
}

async function adoptCards(
  transaction: DatabaseTransaction,
  { hash, blockNumber, origin }: UnknownTransaction,
  options: {
    collection: string;
    brandId: number;
    batches: readonly UnknownBatch[];
    keys: KnownByKeys | undefined;
    now: number;
  },
): Promise<{ unclaimed: number; settled: number }> {
  const { collection, brandId, batches, keys: secrets, now } = options;
  // An order that is being placed is either written before, and found among the commands, or sees what is written here.
  await lockEdition(transaction, collection);
  const cards = await issuedCards(transaction, collection, batches);
  const keys = cards.map(({ serial }) => [collection, serial]);
  const claims = await selectRows<Claim>(transaction, {
    table: "Command",
    key: ["collectionAddress", "claimedSerial"],
    keys,
  });
  const claimOf = new Map(claims.map((claim) => [Number(claim.claimedSerial), claim]));
  const before = await selectRows<{ serial: number }>(transaction, {
    table: "AdoptedCard",
    key: ["collectionAddress", "serial"],
    keys,
  });
  const known = new Set(before.map(({ serial }) => Number(serial)));
  const wanted = await wantedHolders(transaction, claims, secrets);

  const issuedAt = await blockTime(transaction, blockNumber);
  const rows: (string | number | null)[][] = [];
  const settled: Claim[] = [];
  const displaced: number[] = [];
  for (const card of cards) {
    const claim = claimOf.get(card.serial);
    const fits =
      claim !== undefined && isWanted(claim, wanted.get(claim.id), card) && !isAnothers(claim, card, secrets);
    // What is done has its card already, and what is sent finds it by its nonce.
    if (fits && claim.state !== "queued" && claim.state !== "held") continue;
    if (claim !== undefined && !fits && claim.state !== "done") displaced.push(claim.id);
    if (known.has(card.serial)) continue;
    // A file says itself which card is whose, and the person who issued it has the file.
    if (origin === "file" && !fits) continue;
    if (fits) settled.push({ ...claim, holder: card.holder });
    rows.push([
      ...[collection, card.serial, brandId, card.holder, card.tier, card.expiresAt],
      ...[origin === "import" ? "import" : "order", card.tag ?? null, fits ? "claimed" : "unclaimed"],
      ...(fits ? [claim.orderId, claim.importId] : [null, null]),
      ...[issuedAt, blockNumber, hash, now, fits ? now : null],
    ]);
  }
  await insertRows(transaction, { table: "AdoptedCard", columns: CARD_COLUMNS, rows });
  for (const { id, holder } of settled) {
    await transaction.$executeRaw(Prisma.sql`
      UPDATE "Command" SET "state" = 'done', "holder" = ${holder}, "suspect" = ${false}, "blockNumber" = ${blockNumber},
        "transactionHash" = ${hash}, "failure" = NULL, "failureDetail" = NULL
      WHERE "id" = ${id} AND "state" IN ('queued', 'held')`);
  }
  // Their serials are somebody else's: the sender finds that out and gives them others.
  for (const id of displaced)
    await transaction.$executeRaw(Prisma.sql`UPDATE "Command" SET "claimedSerial" = NULL WHERE "id" = ${id}`);
  await settleOrders(
    transaction,
    settled.flatMap(({ orderId }) => orderId ?? []),
    now,
  );
  return { unclaimed: rows.length - settled.length, settled: settled.length };
}

const CARD_COLUMNS = [
  ...[
    "collectionAddress",
    "serial",
    "brandId",
    "holder",
    "tier",
    "expiresAt",
    "source",
    "tag",
    "state",
    "orderId",
    "importId",
  ],
  ...["issuedAt", "blockNumber", "transactionHash", "adoptedAt", "settledAt"],
];

/** The cards of some batches, with whom they were issued to: the mirror says who holds them now. */
async function issuedCards(
  transaction: DatabaseTransaction,
  collection: string,
  batches: readonly UnknownBatch[],
): Promise<IssuedCard[]> {
  const serials = batches.flatMap(({ firstSerial, count }) =>
    Array.from({ length: count }, (_, at) => firstSerial + at),
  );
  const keys = serials.map((serial) => [collection, serial]);
  const holders = new Map<number, string>();
  const now = await selectRows<{ serial: number; holder: string }>(transaction, {
    table: "Card",
    key: ["collectionAddress", "serial"],
    keys,
  });
  for (const { serial, holder } of now) holders.set(Number(serial), holder);
  const reissues = await selectRows<{ serial: number; generation: number; fromHolder: string }>(transaction, {
    table: "Reissue",
    key: ["collectionAddress", "serial"],
    keys,
  });
  for (const { serial, fromHolder } of reissues.toSorted((left, right) => right.generation - left.generation))
    holders.set(Number(serial), fromHolder);
  return batches.flatMap(({ firstSerial, count, tier, expiresAt, tags }) =>
    Array.from({ length: count }, (_, at) => firstSerial + at).flatMap((serial, index) => {
      const holder = holders.get(serial);
      return holder === undefined ? [] : [{ collection, serial, holder, tier, expiresAt, tag: tags?.[index] }];
    }),
  );
}

/** Who is to get the cards of commands that have no holder yet: the address that is, or would be, kept for their customer. */
async function wantedHolders(
  transaction: DatabaseTransaction,
  claims: readonly Claim[],
  keys: KnownByKeys | undefined,
): Promise<Map<number, string>> {
  const found = new Map(claims.flatMap(({ id, holder }) => (holder === null ? [] : [[id, holder] as const])));
  const open = claims.filter(({ id, orderId }) => !found.has(id) && orderId !== null);
  const orders = await selectRows<{ id: string; customerId: string }>(transaction, {
    table: "Order",
    key: ["id"],
    keys: open.map(({ orderId }) => [orderId]),
  });
  const customers = await selectRows<{ id: string; reference: string; holder: string | null }>(transaction, {
    table: "Customer",
    key: ["id"],
    keys: orders.map(({ customerId }) => [customerId]),
  });
  const addresses = new Map(
    customers.map(({ id, reference, holder }) => [id, holder ?? keys?.holderAddress(reference).toLowerCase()]),
  );
  const customerOf = new Map(orders.map(({ id, customerId }) => [id, customerId]));
  for (const { id, orderId } of open) {
    const address = addresses.get(customerOf.get(orderId ?? "") ?? "");
    if (address !== undefined) found.set(id, address);
  }
  return found;
}

function isWanted({ tier, expiresAt }: Claim, holder: string | undefined, card: IssuedCard): boolean {
  return holder === card.holder && tier === card.tier && Number(expiresAt) === card.expiresAt;
}

/** Whether the chain says of a card that it belongs to another order than a command's. */
function isAnothers({ standsFor }: Claim, { collection, tag }: IssuedCard, keys: KnownByKeys | undefined): boolean {
  return tag !== undefined && standsFor !== null && keys !== undefined && keys.cardTag(collection, standsFor) !== tag;
}

/** Redemptions that no command stands for, and that nobody has undone. */
async function adoptRedemptions(
  transaction: DatabaseTransaction,
  { hash, blockNumber, redemptions }: UnknownTransaction,
  now: number,
): Promise<number> {
  const redeemedAt = redemptions.length === 0 ? 0 : await blockTime(transaction, blockNumber);
  let adopted = 0;
  for (const { collection, serial, benefitId, number } of redemptions) {
    adopted += await transaction.$executeRaw(Prisma.sql`
      INSERT INTO "AdoptedRedemption" ("collectionAddress", "serial", "benefitId", "number", "brandId", "state", "redeemedAt",
        "blockNumber", "transactionHash", "adoptedAt")
      SELECT ${collection}, ${serial}, ${benefitId}, ${number}, c."brandId", 'unclaimed', ${redeemedAt}, ${blockNumber}, ${hash}, ${now}
      FROM "Collection" AS c WHERE c."address" = ${collection}
        AND NOT EXISTS (SELECT 1 FROM "Command" AS m WHERE m."collectionAddress" = ${collection} AND m."serial" = ${serial}
          AND m."benefitId" = ${benefitId} AND m."redemptionNumber" = ${number} AND m."kind" = 'redeem' AND m."state" IN ('sent', 'done'))
        AND NOT EXISTS (SELECT 1 FROM "RedemptionUndoing" AS u WHERE u."collectionAddress" = ${collection} AND u."serial" = ${serial}
          AND u."benefitId" = ${benefitId} AND u."number" = ${number})
      ON CONFLICT DO NOTHING`);
  }
  return adopted;
}

async function blockTime(transaction: DatabaseTransaction, number: number): Promise<number> {
  const block = await transaction.block.findUnique({ where: { number }, select: { timestamp: true } });
  return Number(block?.timestamp ?? 0);
}
