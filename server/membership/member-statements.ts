// The statements behind members.ts. Lists instead of objects, because the names of their members would be most of the answer.

import { withBulkParameter } from "../database/bulk-parameter.ts";
import { type Database, dialectOf } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import type { CheckpointRow } from "../database/snapshot.ts";
import { type BenefitTerms, type BenefitUse, type PendingUse, useAfter } from "./benefits.ts";
import type { Whose } from "./members.ts";

export interface FoundCard {
  /** Lower-case address. */
  collection: string;
  serial: number;
  holder: string;
  tier: number;
  status: string;
  /** In seconds since the Unix epoch. */
  issuedAt: number;
  /** 0 for never. */
  expiresAt: number;
  generation: number;
  /** Of those of its tier's benefits that were used. */
  uses: { benefitId: number; use: BenefitUse }[];
  pending: PendingUse[];
}

export interface FoundCollection {
  address: string;
  slug: string;
  name: string;
  brandId: number;
  benefitsFrozen: boolean;
  windingDown: boolean;
  brand: { name: string; status: string };
  /** By tier, in the order of the benefits. */
  terms: Map<number, BenefitTerms[]>;
}

export interface Found {
  checkpoint: CheckpointRow | null;
  /** By the place of the question. */
  customers: (FoundCustomer | undefined)[];
  /** By the place of the question, in the order of collection address and serial; one more than the limit where there are more. */
  cards: FoundCard[][];
  /** Those of the cards' collections; nothing if they were not asked for. */
  collections: FoundCollection[];
}
type FoundCustomer = { id: string; reference: string; holder: string | null; wallet: string | null };

type Place = [blockNumber: number, logIndex: number];
type RedemptionCells = [number: number, periodStart: number, used: number, ...Place];
type UndoingCells = [used: number, ...Place];
type CardCells = [
  ...[collection: string, serial: number, holder: string, tier: number, status: string],
  ...[issuedAt: number, expiresAt: number, generation: number],
  uses: [benefitId: number, redemption: RedemptionCells | null, undoing: UndoingCells | null][],
  pending: [id: string, benefitId: number, state: string, heldUntil: number, number: number | null][],
];
type CollectionCells = [
  ...[address: string, slug: string, name: string, brandId: number],
  ...[benefitsFrozen: boolean | number, windingDown: boolean | number, brandName: string, brandStatus: string],
  terms: [tier: number, benefitId: number, quota: number, period: number, startsAt: number][],
];
interface Answer {
  checkpoint: CheckpointRow | null;
  customers: [asked: number, id: string, reference: string, holder: string | null, wallet: string | null][];
  cards: [asked: number, cards: CardCells[]][];
  collections?: CollectionCells[];
}

export function createMemberStatements(database: Database, mostCards: number) {
  const { input, json } = dialectOf(database);
  const tuple = (...values: string[]) => json.tuple(Prisma.raw(values.join(", "))).sql;
  const nested = (value: string) => json.nested(Prisma.raw(value)).sql;
  const list = (from: string) => `(SELECT ${json.array(Prisma.raw(`r."row"`)).sql} FROM (${from}) AS r)`;
  const columns = (table: string, ...names: string[]) => names.map((name) => `${table}."${name}"`);
  const object = (members: Record<string, string>) =>
    json.object(
      Prisma.raw(
        Object.entries(members)
          .map(([name, sql]) => `'${name}', ${sql}`)
          .join(", "),
      ),
    ).sql;

  // The questions come as rows of the one table that has columns for all that they say.
  const asked = ["id", "brandId", "reference", "holder"];
  const cell = (column: string) => input.cell(column, asked.indexOf(column));

  const ofBenefit = (table: string, order: string, ...names: string[]) => `(
    SELECT ${tuple(...columns("u", ...names, "used", "blockNumber", "logIndex"))} FROM "${table}" AS u
    WHERE u."collectionAddress" = c."collectionAddress" AND u."serial" = c."serial" AND u."benefitId" = b."benefitId"
    ORDER BY ${order} LIMIT 1)`;
  const use = tuple(
    `b."benefitId"`,
    nested(ofBenefit("Redemption", `u."number" DESC`, "number", "periodStart")),
    nested(ofBenefit("RedemptionUndoing", `u."blockNumber" DESC, u."logIndex" DESC`)),
  );
  const uses = list(`SELECT ${use} AS "row" FROM "Benefit" AS b
    WHERE b."collectionAddress" = c."collectionAddress" AND b."tier" = c."tier"`);
  const pending = list(`
    SELECT ${tuple(...columns("h", "id", "benefitId", "state", "heldUntil", "number"))} AS "row" FROM "BenefitHold" AS h
    WHERE h."collectionAddress" = c."collectionAddress" AND h."serial" = c."serial" AND h."state" IN ('held', 'confirmed', 'undoing')`);
  const card = tuple(
    ...columns("c", "collectionAddress", "serial", "holder", "tier", "status", "issuedAt", "expiresAt", "generation"),
    nested(uses),
    nested(pending),
  );
  const cards = list(`SELECT ${card} AS "row" FROM (
    SELECT * FROM "Card" AS k WHERE k."holder" = a."address" ORDER BY k."collectionAddress", k."serial" LIMIT ${mostCards + 1}) AS c`);
  const terms = list(`
    SELECT ${tuple(...columns("b", "tier", "benefitId", "quota", "period", "startsAt"))} AS "row" FROM "Benefit" AS b
    WHERE b."collectionAddress" = l."address" ORDER BY b."tier", b."benefitId"`);
  const collections = list(`
    SELECT ${tuple(...columns("l", "address", "slug", "name", "brandId", "benefitsFrozen", "windingDown"), `o."name"`, `o."status"`, nested(terms))} AS "row"
    FROM "Collection" AS l JOIN "Brand" AS o ON o."id" = l."brandId"
    WHERE l."address" IN (SELECT k."collectionAddress" FROM a CROSS JOIN "Card" AS k WHERE k."holder" = a."address")`);
  const checkpoint = `(SELECT ${object(
    Object.fromEntries(Object.keys(Prisma.CheckpointScalarFieldEnum).map((name) => [name, `p."${name}"`])),
  )} FROM "Checkpoint" AS p WHERE p."id" = 1)`;
  const statement = (withCollections: boolean) => `
    WITH q AS MATERIALIZED (
      SELECT CAST(${cell("id")} AS INTEGER) AS "asked", ${cell("brandId")} AS "brandId", ${cell("reference")} AS "reference",
        ${cell("holder")} AS "address" FROM ${input.from("Customer")}),
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
          object({
            checkpoint: nested(checkpoint),
            customers: nested(
              list(`SELECT ${tuple(...columns("w", "asked", "id", "reference", "holder", "wallet"))} AS "row" FROM w`),
            ),
            cards: nested(list(`SELECT ${tuple(`a."asked"`, nested(cards))} AS "row" FROM a`)),
            ...(withCollections ? { collections: nested(collections) } : {}),
          }),
        ),
      ).sql
    } AS "answer"`;
  const texts = { cardsOnly: statement(false), all: statement(true) };

  return {
    /** Answers several questions as of one moment. */
    async read(all: readonly Whose[], { withCollections }: { withCollections: boolean }): Promise<Found> {
      const rows = all.map((whose, index) =>
        "address" in whose
          ? [String(index), 0, null, whose.address]
          : [String(index), whose.brandId, whose.reference, whose.kept ?? null],
      );
      const [row] = await withBulkParameter(input.encode(asked, rows), (parameter) =>
        database.$queryRawUnsafe<{ answer: string }[]>(withCollections ? texts.all : texts.cardsOnly, parameter),
      );
      if (row === undefined) throw new Error("A SELECT without FROM has answered with no row");
      const answer = JSON.parse(row.answer) as Answer;
      const found: Found = {
        checkpoint: answer.checkpoint,
        customers: all.map(() => undefined),
        cards: all.map(() => []),
        collections: (answer.collections ?? []).map(foundCollection),
      };
      for (const [index, id, reference, holder, wallet] of answer.customers)
        found.customers[index] = { id, reference, holder, wallet };
      for (const [index, cells] of answer.cards) found.cards[index]?.push(...cells.map(foundCard));
      for (const own of found.cards) own.sort(inOrder);
      return found;
    },
  };
}

function foundCard([collection, serial, holder, tier, status, ...rest]: CardCells): FoundCard {
  const [issuedAt, expiresAt, generation, uses, pending] = rest;
  return {
    ...{ collection, serial, holder, tier, status, issuedAt, expiresAt, generation },
    uses: uses.flatMap(([benefitId, redemption, undoing]) => {
      const use = useOf(redemption, undoing);
      return use === null ? [] : [{ benefitId, use }];
    }),
    pending: pending.map(([id, benefitId, state, heldUntil, number]) => ({
      ...{ id, benefitId, heldUntil, number },
      confirmed: state !== "held",
    })),
  };
}

function useOf(redemption: RedemptionCells | null, undoing: UndoingCells | null): BenefitUse | null {
  if (redemption === null) return null;
  const [number, periodStart, used, blockNumber, logIndex] = redemption;
  const last = { number, periodStart, used, blockNumber, logIndex };
  return useAfter(last, undoing === null ? null : { used: undoing[0], blockNumber: undoing[1], logIndex: undoing[2] });
}

function foundCollection([address, slug, name, brandId, ...rest]: CollectionCells): FoundCollection {
  const [benefitsFrozen, windingDown, brandName, brandStatus, terms] = rest;
  const byTier = new Map<number, BenefitTerms[]>();
  for (const [tier, benefitId, quota, period, startsAt] of terms) {
    const own = byTier.get(tier) ?? [];
    own.push({ benefitId, quota, period, startsAt });
    byTier.set(tier, own);
  }
  return {
    ...{ address, slug, name, brandId },
    benefitsFrozen: Boolean(benefitsFrozen),
    windingDown: Boolean(windingDown),
    brand: { name: brandName, status: brandStatus },
    terms: byTier,
  };
}

function inOrder(left: FoundCard, right: FoundCard): number {
  if (left.collection !== right.collection) return left.collection < right.collection ? -1 : 1;
  return left.serial - right.serial;
}
