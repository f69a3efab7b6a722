// Who somebody is to a brand by their cards. Questions that come while others are being answered are answered together, by one statement:
// at the till every millisecond counts, and what a statement costs is paid once for all. Must hold: an answer is of one moment, cards,
// benefits and uses alike; a customer's cards are those at the address that the brand keeps for them and at their own wallet.

import { withBulkParameter } from "../database/bulk-parameter.ts";
import { type Database, dialectOf } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import type { CheckpointRow } from "../database/snapshot.ts";
import { type BenefitTerms, type BenefitUse, type LastRedemption, type PendingUse, useAfter } from "./benefits.ts";

/** Whose cards: a brand's customer by the brand's reference, or an address, lower-case. */
export type Whose = { brandId: number; reference: string } | { address: string };

export interface HeldCard {
  /** Addresses are lower-case. */
  collection: {
    address: string;
    slug: string;
    name: string;
    brandId: number;
    benefitsFrozen: boolean;
    windingDown: boolean;
  };
  brand: { name: string; status: string };
  serial: number;
  holder: string;
  tier: number;
  status: string;
  /** In seconds; 0 for never. */
  issuedAt: number;
  expiresAt: number;
  generation: number;
  /** What its tier is entitled to, in the order of the benefits. */
  benefits: { terms: BenefitTerms; use: BenefitUse | null }[];
  pending: PendingUse[];
}

export interface Member {
  checkpoint: CheckpointRow | null;
  /** Nothing if the brand knows nobody by that reference, or an address was asked for. */
  customer: { id: string; reference: string; holder: string | null; wallet: string | null } | null;
  /** In the order of collection address and serial; those that nobody can use any more too. */
  cards: HeldCard[];
  /** Whether there are more cards than those. */
  more: boolean;
}

export interface Members {
  find(whose: Whose): Promise<Member>;
}

/** How many cards of one person are looked at. */
export const MOST_CARDS = 100;
/** How many questions one statement answers. */
const MOST_AT_ONCE = 64;
/** While so many statements are under way, those who ask are collected for the next. */
const STATEMENTS_AT_ONCE = 2;

interface Waiting {
  whose: Whose;
  outcome: PromiseWithResolvers<Member>;
}

export function createMembers({ database }: { database: Database }): Members {
  const waiting: Waiting[] = [];
  let underWay = 0;

  async function work(): Promise<void> {
    underWay++;
    try {
      // Who asks in this turn of the event loop comes along.
      await new Promise((resolve) => setImmediate(resolve));
      while (waiting.length > 0) {
        const group = waiting.splice(0, MOST_AT_ONCE);
        try {
          const members = await readMembers(
            database,
            group.map(({ whose }) => whose),
          );
          for (const [index, { outcome }] of group.entries()) outcome.resolve(members[index] as Member);
        } catch (error) {
          for (const { outcome } of group) outcome.reject(error);
        }
      }
    } finally {
      underWay--;
    }
  }

  return {
    find(whose) {
      const outcome = Promise.withResolvers<Member>();
      waiting.push({ whose, outcome });
      if (underWay < STATEMENTS_AT_ONCE) void work();
      return outcome.promise;
    },
  };
}

/** As the statement answers, by the number of the question. */
interface Found {
  checkpoint: CheckpointRow | null;
  customers: { asked: number; id: string; reference: string; holder: string | null; wallet: string | null }[];
  addresses: { asked: number; cards: FoundCard[] }[];
}
interface FoundCard extends Omit<HeldCard, "collection" | "brand" | "benefits"> {
  collection: Omit<HeldCard["collection"], "benefitsFrozen" | "windingDown"> & {
    benefitsFrozen: boolean | number;
    windingDown: boolean | number;
    brand: HeldCard["brand"];
  };
  benefits: { terms: BenefitTerms; redemption: LastRedemption | null; undoing: Parameters<typeof useAfter>[1] }[];
}

/** Reads several at once, as of one moment. */
export async function readMembers(database: Database, all: readonly Whose[]): Promise<Member[]> {
  const dialect = dialectOf(database);
  const { input, json } = dialect;
  // The questions, as rows of the one table that has columns for all that they say.
  const columns = ["id", "brandId", "reference", "holder"];
  const rows = all.map((whose, index) =>
    "address" in whose
      ? [String(index), 0, null, whose.address]
      : [String(index), whose.brandId, whose.reference, null],
  );
  const cell = (column: string) => input.cell(column, columns.indexOf(column));
  const object = (members: Record<string, string>, nested: readonly string[] = []) =>
    json.object(
      Prisma.raw(
        Object.entries(members)
          .map(([name, sql]) => `'${name}', ${nested.includes(name) ? json.nested(Prisma.raw(sql)).sql : sql}`)
          .join(", "),
      ),
    ).sql;
  const list = (from: string) => `(SELECT ${json.array(Prisma.raw(`r."row"`)).sql} FROM (${from}) AS r)`;
  const fields = (table: string, names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [name, `${table}."${name}"`]));

  const ofBenefit = (table: string, order: string, columns: readonly string[]) =>
    `(SELECT ${object(fields("u", ["used", "blockNumber", "logIndex", ...columns]))} FROM "${table}" AS u
      WHERE u."collectionAddress" = c."collectionAddress" AND u."serial" = c."serial" AND u."benefitId" = b."benefitId"
      ORDER BY ${order} LIMIT 1)`;
  const terms = object(fields("b", ["benefitId", "quota", "period", "startsAt"]));
  const benefit = object(
    {
      terms,
      redemption: ofBenefit("Redemption", `u."number" DESC`, ["number", "periodStart"]),
      undoing: ofBenefit("RedemptionUndoing", `u."blockNumber" DESC, u."logIndex" DESC`, []),
    },
    ["terms", "redemption", "undoing"],
  );
  const benefits = list(`SELECT ${benefit} AS "row" FROM "Benefit" AS b
    WHERE b."collectionAddress" = c."collectionAddress" AND b."tier" = c."tier" ORDER BY b."benefitId"`);
  const pending = list(`SELECT ${object({
    ...fields("h", ["id", "benefitId", "heldUntil", "number"]),
    confirmed: `h."state" = 'confirmed'`,
  })} AS "row" FROM "BenefitHold" AS h
    WHERE h."collectionAddress" = c."collectionAddress" AND h."serial" = c."serial" AND h."state" IN ('held', 'confirmed')`);
  const brand = `(SELECT ${object(fields("o", ["name", "status"]))} FROM "Brand" AS o WHERE o."id" = l."brandId")`;
  const collection = `(SELECT ${object(
    { ...fields("l", ["address", "slug", "name", "brandId", "benefitsFrozen", "windingDown"]), brand },
    ["brand"],
  )} FROM "Collection" AS l WHERE l."address" = c."collectionAddress")`;
  const card = object(
    {
      ...fields("c", ["serial", "holder", "tier", "status", "issuedAt", "expiresAt", "generation"]),
      ...{ collection, benefits, pending },
    },
    ["collection", "benefits", "pending"],
  );
  const cards = list(`SELECT ${card} AS "row" FROM (
    SELECT * FROM "Card" AS k WHERE k."holder" = a."address" ORDER BY k."collectionAddress", k."serial" LIMIT ${MOST_CARDS + 1}) AS c
    ORDER BY c."collectionAddress", c."serial"`);
  const statement = `
    WITH q AS MATERIALIZED (
      SELECT CAST(${cell("id")} AS INTEGER) AS "asked", ${cell("brandId")} AS "brandId", ${cell("reference")} AS "reference", ${cell("holder")} AS "address"
      FROM ${input.from("Customer")}),
    w AS MATERIALIZED (
      SELECT q."asked", m."id", m."reference", m."holder", m."wallet" FROM q CROSS JOIN "Customer" AS m
      WHERE m."brandId" = q."brandId" AND m."reference" = q."reference"),
    a AS MATERIALIZED (
      SELECT "asked", "holder" AS "address" FROM w WHERE "holder" IS NOT NULL
      UNION SELECT "asked", "wallet" FROM w WHERE "wallet" IS NOT NULL
      UNION SELECT "asked", "address" FROM q WHERE "address" IS NOT NULL)
    SELECT ${
      json.text(
        Prisma.raw(
          object(
            {
              checkpoint: `(SELECT ${object(fields("p", ["id", "chainId", "genesisHash", "registry", "blockNumber", "blockHash", "blockTimestamp"]))} FROM "Checkpoint" AS p WHERE p."id" = 1)`,
              customers: list(
                `SELECT ${object(fields("w", ["asked", "id", "reference", "holder", "wallet"]))} AS "row" FROM w`,
              ),
              addresses: list(`SELECT ${object({ asked: `a."asked"`, cards }, ["cards"])} AS "row" FROM a`),
            },
            ["checkpoint", "customers", "addresses"],
          ),
        ),
      ).sql
    } AS "found"`;
  const [answer] = await withBulkParameter(input.encode(columns, rows), (parameter) =>
    database.$queryRawUnsafe<{ found: string }[]>(statement, parameter),
  );
  if (answer === undefined) throw new Error("A SELECT without FROM has answered with no row");
  const { checkpoint, customers, addresses } = JSON.parse(answer.found) as Found;
  const customerOf = new Map(customers.map(({ asked, ...customer }) => [asked, customer]));
  const cardsOf = Map.groupBy(addresses, ({ asked }) => asked);
  return all.map((_, index) => {
    const found = (cardsOf.get(index) ?? []).flatMap((address) => address.cards).map(heldCard);
    found.sort(inOrder);
    return {
      checkpoint,
      customer: customerOf.get(index) ?? null,
      cards: found.slice(0, MOST_CARDS),
      more: found.length > MOST_CARDS,
    };
  });
}

function heldCard({ collection: { brand, ...collection }, benefits, ...card }: FoundCard): HeldCard {
  return {
    ...card,
    benefits: benefits.map(({ terms, redemption, undoing }) => ({ terms, use: useAfter(redemption, undoing) })),
    collection: {
      ...collection,
      benefitsFrozen: Boolean(collection.benefitsFrozen),
      windingDown: Boolean(collection.windingDown),
    },
    brand,
    pending: card.pending.map((one) => ({ ...one, confirmed: Boolean(one.confirmed) })),
  };
}

function inOrder(left: HeldCard, right: HeldCard): number {
  const [one, other] = [left.collection.address, right.collection.address];
  return one < other ? -1 : one > other ? 1 : left.serial - right.serial;
}
