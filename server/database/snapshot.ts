// Reads rows of several tables with one statement. One statement is one snapshot, without a transaction to open and close,
// and its answer is one text, which makes it several times as fast as the client's own queries.
// Must hold: every database answers with the same values in the same order, because the bytes of the API follow from them.

import { type Database, dialectOf } from "./client.ts";
import type { Dialect } from "./dialect.ts";
import type * as Models from "./generated/sqlite/client.ts";
import { Prisma } from "./generated/sqlite/client.ts";

/** A row as it comes out of a snapshot: times and ids are plain numbers, all of them far below 2^53. */
type Plain<Row> = {
  [Column in keyof Row]: bigint extends Row[Column] ? number | Exclude<Row[Column], bigint> : Row[Column];
};

export type BatchRow = Plain<Models.Batch>;
export type BenefitRow = Plain<Models.Benefit>;
export type BlockRow = Plain<Models.Block>;
export type BrandRow = Plain<Models.Brand>;
export type CardRow = Plain<Models.Card>;
export type CheckpointRow = Plain<Models.Checkpoint>;
export type CollectionRow = Plain<Models.Collection>;
export type CollectionWithBrand = CollectionRow & { brand: BrandRow };
export type EventRow = Plain<Models.Event>;
export type EventSubjectRow = Plain<Models.EventSubject>;
export type RedemptionRow = Plain<Models.Redemption>;
export type RedemptionUndoingRow = Plain<Models.RedemptionUndoing>;
export type ReissueRow = Plain<Models.Reissue>;

interface Tables {
  Batch: BatchRow;
  Benefit: BenefitRow;
  Block: BlockRow;
  Brand: BrandRow;
  Card: CardRow;
  Checkpoint: CheckpointRow;
  Collection: CollectionRow;
  Event: EventRow;
  EventSubject: EventSubjectRow;
  Redemption: RedemptionRow;
  RedemptionUndoing: RedemptionUndoingRow;
  Reissue: ReissueRow;
}

/** Each table's columns as members of a JSON object. */
const COLUMNS: { [Table in keyof Tables]: Prisma.Sql } = {
  Batch: columnsOf("Batch", Prisma.BatchScalarFieldEnum),
  Benefit: columnsOf("Benefit", Prisma.BenefitScalarFieldEnum),
  Block: columnsOf("Block", Prisma.BlockScalarFieldEnum),
  Brand: columnsOf("Brand", Prisma.BrandScalarFieldEnum),
  Card: columnsOf("Card", Prisma.CardScalarFieldEnum),
  Checkpoint: columnsOf("Checkpoint", Prisma.CheckpointScalarFieldEnum),
  Collection: columnsOf("Collection", Prisma.CollectionScalarFieldEnum),
  Event: columnsOf("Event", Prisma.EventScalarFieldEnum),
  EventSubject: columnsOf("EventSubject", Prisma.EventSubjectScalarFieldEnum),
  Redemption: columnsOf("Redemption", Prisma.RedemptionScalarFieldEnum),
  RedemptionUndoing: columnsOf("RedemptionUndoing", Prisma.RedemptionUndoingScalarFieldEnum),
  Reissue: columnsOf("Reissue", Prisma.ReissueScalarFieldEnum),
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
  sql(dialect: Dialect): Prisma.Sql;
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
  /** How many rows to leave out before the first. */
  skip?: number;
  /** Further values for each row. */
  include?: Included;
}

/** The first row; null if there is none. */
export function one<Table extends keyof Tables, Included extends Parts = Record<never, never>>(
  table: Table,
  selection: Selection<Included>,
): Part<(Tables[Table] & Values<Included>) | null> {
  return { sql: (dialect) => Prisma.sql`(${rows(dialect, table, { ...selection, limit: 1 })})` };
}

/** At most `limit` rows. */
export function many<Table extends keyof Tables, Included extends Parts = Record<never, never>>(
  table: Table,
  selection: Selection<Included> & { limit: number },
): Part<(Tables[Table] & Values<Included>)[]> {
  return {
    sql: (dialect) =>
      Prisma.sql`(SELECT ${dialect.json.array(Prisma.sql`r."row"`)} FROM (${rows(dialect, table, selection)}) AS r)`,
  };
}

/** A single number. */
export function value<Value extends number>(sql: Prisma.Sql): Part<Value> {
  return { sql: () => Prisma.sql`(${sql})` };
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

/** Which card a row of another table is asked for. */
export interface CardKey {
  address: Prisma.Sql;
  serial: Prisma.Sql;
}

/** A column of the batch that a card was issued in, as a subquery. */
export function ofBatch(column: "blockNumber" | "logIndex", { address, serial }: CardKey): Prisma.Sql {
  return Prisma.sql`(
    SELECT ${Prisma.raw(`b."${column}"`)} FROM "Batch" AS b
    WHERE b."collectionAddress" = ${address} AND b."firstSerial" <= ${serial} ORDER BY b."firstSerial" DESC LIMIT 1)`;
}

/** Which event is the one that issued a card's batch. */
export function issuedBatchOf(card: CardKey): Prisma.Sql {
  return Prisma.sql`
    "Event"."blockNumber" = ${ofBatch("blockNumber", card)} AND "Event"."logIndex" = ${ofBatch("logIndex", card)}`;
}

/** How many members a JSON object is made with at once: a function of PostgreSQL takes at most 100 arguments. */
const MOST_MEMBERS = 50;

/** Reads all parts as of one moment. */
export async function readSnapshot<Included extends Parts>(
  database: Database,
  parts: Included,
): Promise<Values<Included>> {
  const dialect = dialectOf(database);
  const all = members(dialect, parts);
  const columns: Prisma.Sql[] = [];
  for (let start = 0; start < all.length; start += MOST_MEMBERS) {
    const object = dialect.json.object(Prisma.join(all.slice(start, start + MOST_MEMBERS)));
    columns.push(Prisma.sql`${dialect.json.text(object)} AS ${Prisma.raw(`"snapshot${start}"`)}`);
  }
  const [answer] = await database.$queryRaw<Record<string, string>[]>(Prisma.sql`SELECT ${Prisma.join(columns)}`);
  if (answer === undefined) throw new Error("A SELECT without FROM has answered with no row");
  return Object.assign({}, ...Object.values(answer).map((text) => JSON.parse(text))) as Values<Included>;
}

function rows(
  dialect: Dialect,
  table: keyof Tables,
  { where, orderBy, skip, include = {}, limit }: Selection<Parts> & { limit: number },
): Prisma.Sql {
  const row = dialect.json.object(Prisma.join([COLUMNS[table], ...members(dialect, include)]));
  const order = orderBy === undefined ? Prisma.empty : Prisma.sql`ORDER BY ${orderBy}`;
  const offset = skip === undefined ? Prisma.empty : Prisma.sql`OFFSET ${skip}`;
  return Prisma.sql`SELECT ${row} AS "row" FROM ${Prisma.raw(`"${table}"`)} WHERE ${where} ${order} LIMIT ${limit} ${offset}`;
}

/** Parts as members of a JSON object. Their names come from the sources, never from a request. */
function members(dialect: Dialect, parts: Parts): Prisma.Sql[] {
  return Object.entries(parts).map(
    ([name, { sql }]) => Prisma.sql`${Prisma.raw(`'${name}'`)}, ${dialect.json.nested(sql(dialect))}`,
  );
}
