// Reads rows of several tables with one statement. One statement is one snapshot, without a transaction to open and close,
// and its answer is one text, which makes it several times as fast as the client's own queries.
// Besides bulk.ts the only SQL that PostgreSQL would want differently: there, json_object is json_build_object, and
// json_group_array is json_agg.

import type { Database } from "./client.ts";
import type * as Models from "./generated/client.ts";
import { Prisma } from "./generated/client.ts";

/** A row as it comes out of a snapshot: times and ids are plain numbers, all of them far below 2^53. */
type Plain<Row> = {
  [Column in keyof Row]: bigint extends Row[Column] ? number | Exclude<Row[Column], bigint> : Row[Column];
};

export type BatchRow = Plain<Models.Batch>;
export type BenefitRow = Plain<Models.Benefit>;
export type BrandRow = Plain<Models.Brand>;
export type CardRow = Plain<Models.Card>;
export type CheckpointRow = Plain<Models.Checkpoint>;
export type CollectionRow = Plain<Models.Collection>;
export type CollectionWithBrand = CollectionRow & { brand: BrandRow };
export type EventRow = Plain<Models.Event>;
export type RedemptionRow = Plain<Models.Redemption>;

interface Tables {
  Batch: BatchRow;
  Benefit: BenefitRow;
  Brand: BrandRow;
  Card: CardRow;
  Checkpoint: CheckpointRow;
  Collection: CollectionRow;
  Event: EventRow;
  Redemption: RedemptionRow;
}

/** Each table's columns as arguments of json_object. */
const COLUMNS: { [Table in keyof Tables]: Prisma.Sql } = {
  Batch: columnsOf("Batch", Prisma.BatchScalarFieldEnum),
  Benefit: columnsOf("Benefit", Prisma.BenefitScalarFieldEnum),
  Brand: columnsOf("Brand", Prisma.BrandScalarFieldEnum),
  Card: columnsOf("Card", Prisma.CardScalarFieldEnum),
  Checkpoint: columnsOf("Checkpoint", Prisma.CheckpointScalarFieldEnum),
  Collection: columnsOf("Collection", Prisma.CollectionScalarFieldEnum),
  Event: columnsOf("Event", Prisma.EventScalarFieldEnum),
  Redemption: columnsOf("Redemption", Prisma.RedemptionScalarFieldEnum),
};

function columnsOf(table: string, columns: Record<string, string>): Prisma.Sql {
  return Prisma.raw(
    Object.keys(columns)
      .map((column) => `'${column}', "${table}"."${column}"`)
      .join(", "),
  );
}

/** A part of a snapshot: SQL for one JSON value, and that value's type. */
export interface Part<Value> {
  sql: Prisma.Sql;
  /** Never there; it holds the type. */
  value?: Value;
}

type Parts = Record<string, Part<unknown>>;
type Values<Included extends Parts> = {
  [Name in keyof Included]: Included[Name] extends Part<infer Value> ? Value : never;
};

interface Selection<Included extends Parts> {
  /** Which rows; without WHERE. Within `include`, the outer row's columns are named with their table. */
  where: Prisma.Sql;
  /** Without ORDER BY. */
  orderBy?: Prisma.Sql;
  /** Further values for each row. */
  include?: Included;
}

/** The first row; null if there is none. */
export function one<Table extends keyof Tables, Included extends Parts = Record<never, never>>(
  table: Table,
  selection: Selection<Included>,
): Part<(Tables[Table] & Values<Included>) | null> {
  return { sql: Prisma.sql`(${rows(table, { ...selection, limit: 1 })})` };
}

/** At most `limit` rows. */
export function many<Table extends keyof Tables, Included extends Parts = Record<never, never>>(
  table: Table,
  selection: Selection<Included> & { limit: number },
): Part<(Tables[Table] & Values<Included>)[]> {
  return { sql: Prisma.sql`(SELECT json_group_array(json(r."row")) FROM (${rows(table, selection)}) AS r)` };
}

/** A single number or text. */
export function value<Value extends number | string>(sql: Prisma.Sql): Part<Value> {
  return { sql: Prisma.sql`(${sql})` };
}

/** The row that a row belongs to by a foreign key, which guarantees that there is one. */
export function owner<Table extends keyof Tables>(table: Table, where: Prisma.Sql): Part<Tables[Table]> {
  return { sql: one(table, { where }).sql };
}

/** How far the mirror is; null if it is empty. */
export const checkpoint = one("Checkpoint", { where: Prisma.sql`"id" = 1` });

/** What is told of a collection's brand wherever a collection is told of. */
export const withBrand = { brand: owner("Brand", Prisma.sql`"id" = "Collection"."brandId"`) };

/** A collection with its brand, by its address. */
export const collectionAt = (address: string) =>
  one("Collection", { where: Prisma.sql`"address" = ${address}`, include: withBrand });

/** A serial as the tables hold it: those beyond every edition (at most 1,000,000,000 cards) as 0, which no card has. */
export function storedSerial(serial: bigint): number {
  return serial <= 1_000_000_000n ? Number(serial) : 0;
}

/** A card by its collection's address and its serial. */
export const cardAt = (address: string, serial: number) =>
  one("Card", { where: Prisma.sql`"collectionAddress" = ${address} AND "serial" = ${serial}` });

/** The batch that a serial belongs to if it was issued: batches do not overlap. */
export const batchAt = (address: string, serial: number) =>
  one("Batch", {
    where: Prisma.sql`"collectionAddress" = ${address} AND "firstSerial" <= ${serial}`,
    orderBy: Prisma.sql`"firstSerial" DESC`,
  });

/** Reads all parts as of one moment. */
export async function readSnapshot<Included extends Parts>(
  database: Database,
  parts: Included,
): Promise<Values<Included>> {
  const [answer] = await database.$queryRaw<{ snapshot: string }[]>(
    Prisma.sql`SELECT json_object(${Prisma.join(members(parts))}) AS "snapshot"`,
  );
  if (answer === undefined) throw new Error("A SELECT without FROM has answered with no row");
  return JSON.parse(answer.snapshot) as Values<Included>;
}

function rows(
  table: keyof Tables,
  { where, orderBy, include = {}, limit }: Selection<Parts> & { limit: number },
): Prisma.Sql {
  const row = Prisma.join([COLUMNS[table], ...members(include)]);
  const order = orderBy === undefined ? Prisma.empty : Prisma.sql`ORDER BY ${orderBy}`;
  return Prisma.sql`SELECT json_object(${row}) AS "row" FROM ${Prisma.raw(`"${table}"`)} WHERE ${where} ${order} LIMIT ${limit}`;
}

/** Parts as arguments of json_object. Their names come from the sources, never from a request. */
function members(parts: Parts): Prisma.Sql[] {
  return Object.entries(parts).map(([name, { sql }]) => Prisma.sql`${Prisma.raw(`'${name}'`)}, json(${sql})`);
}
