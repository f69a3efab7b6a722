// Writing many rows at once, ten times as fast as the client's createMany: one statement takes all rows as one JSON text.

import { withBulkParameter } from "./bulk-parameter.ts";
import { type DatabaseTransaction, dialectOf } from "./client.ts";
import type { Dialect } from "./dialect.ts";

export type CellValue = string | number | boolean | null;

/** Rows of one table as arrays of cells, in the order of the columns. */
export interface BulkRows {
  table: string;
  columns: readonly string[];
  rows: readonly (readonly CellValue[])[];
}

/** Inserts the rows. Fails, as a whole, if one of them is there already. */
export async function insertRows(transaction: DatabaseTransaction, { table, columns, rows }: BulkRows): Promise<void> {
  if (rows.length === 0) return;
  const dialect = dialectOf(transaction);
  await withBulkParameter(dialect.input.encode(columns, rows), (parameter) =>
    transaction.$executeRawUnsafe(insertStatement(dialect, table, columns), parameter),
  );
}

/** Inserts the rows, and replaces those that have the same key. */
export async function upsertRows(
  transaction: DatabaseTransaction,
  { table, columns, rows, key }: BulkRows & { key: readonly string[] },
): Promise<void> {
  if (rows.length === 0) return;
  const dialect = dialectOf(transaction);
  const updates = columns
    .filter((column) => !key.includes(column))
    .map((column) => `${quote(column)} = excluded.${quote(column)}`);
  // Without WHERE, SQLite would read ON as part of a join.
  const statement = `${insertStatement(dialect, table, columns)} WHERE true ON CONFLICT (${key.map(quote).join(", ")}) DO UPDATE SET ${updates.join(", ")}`;
  await withBulkParameter(dialect.input.encode(columns, rows), (parameter) =>
    transaction.$executeRawUnsafe(statement, parameter),
  );
}

/** Keys of rows of a table. */
export interface BulkKeys {
  table: string;
  key: readonly string[];
  keys: readonly (readonly CellValue[])[];
  /** A further condition. Rows that are read are `t`. */
  where?: string;
}

/** Reads the rows of a table whose key columns equal one of the keys. */
export async function selectRows<Row>(
  transaction: DatabaseTransaction,
  { table, key, keys, where = "true" }: BulkKeys,
): Promise<Row[]> {
  if (keys.length === 0) return [];
  const { input } = dialectOf(transaction);
  const matches = key.map((column, index) => `t.${quote(column)} = ${input.cell(column, index)}`).join(" AND ");
  // With CROSS JOIN, SQLite keeps the keys outermost, so that each of them is looked up through the index.
  const statement = `SELECT t.* FROM ${input.from(table)} CROSS JOIN ${quote(table)} AS t WHERE ${matches} AND ${where}`;
  return await withBulkParameter(input.encode(key, keys), (parameter) =>
    transaction.$queryRawUnsafe<Row[]>(statement, parameter),
  );
}

/**
 * Reads, for each key, the last row at or before it: the one that has the greatest last column not above the key's, of those
 * that equal it in the columns before. Each row comes once, and in any order.
 */
export async function selectRowsAtOrBefore<Row>(
  transaction: DatabaseTransaction,
  { table, key, keys }: Omit<BulkKeys, "where">,
): Promise<Row[]> {
  if (keys.length === 0) return [];
  const { input } = dialectOf(transaction);
  const cells = key.map((column, index) => ({ column: quote(column), cell: input.cell(column, index) }));
  const [last, ...others] = cells.toReversed() as [(typeof cells)[0], ...typeof cells];
  const same = (alias: string) => others.map(({ column, cell }) => `${alias}.${column} = ${cell}`).join(" AND ");
  const greatest = `SELECT MAX(s.${last.column}) FROM ${quote(table)} AS s WHERE ${same("s")} AND s.${last.column} <= ${last.cell}`;
  const statement = `SELECT DISTINCT t.* FROM ${input.from(table)} CROSS JOIN ${quote(table)} AS t WHERE ${same("t")} AND t.${last.column} = (${greatest})`;
  return await withBulkParameter(input.encode(key, keys), (parameter) =>
    transaction.$queryRawUnsafe<Row[]>(statement, parameter),
  );
}

/** Deletes the rows of a table whose key columns equal one of the keys. */
export async function deleteRows(
  transaction: DatabaseTransaction,
  { table, key, keys, where = "true" }: BulkKeys,
): Promise<void> {
  if (keys.length === 0) return;
  const { input } = dialectOf(transaction);
  const statement = `DELETE FROM ${quote(table)} WHERE (${key.map(quote).join(", ")}) IN (SELECT ${key.map(input.cell).join(", ")} FROM ${input.from(table)}) AND ${where}`;
  await withBulkParameter(input.encode(key, keys), (parameter) => transaction.$executeRawUnsafe(statement, parameter));
}

/**
 * Changes rows: those that equal a row here in the key columns get its other cells. Returns how many were changed.
 * @param where A further condition. Rows that are changed are `t`.
 */
export async function updateRows(
  transaction: DatabaseTransaction,
  { table, columns, rows, key, where = "true" }: BulkRows & { key: readonly string[]; where?: string },
): Promise<number> {
  if (rows.length === 0) return 0;
  const { input } = dialectOf(transaction);
  const cells = columns.map((column, index) => ({ column, name: quote(column), cell: input.cell(column, index) }));
  const matches = cells.filter(({ column }) => key.includes(column)).map(({ name, cell }) => `t.${name} = ${cell}`);
  const changes = cells.filter(({ column }) => !key.includes(column)).map(({ name, cell }) => `${name} = ${cell}`);
  const statement = `UPDATE ${quote(table)} AS t SET ${changes.join(", ")} FROM ${input.from(table)} WHERE ${matches.join(" AND ")} AND ${where}`;
  return await withBulkParameter(input.encode(columns, rows), (parameter) =>
    transaction.$executeRawUnsafe(statement, parameter),
  );
}

function insertStatement({ input }: Dialect, table: string, columns: readonly string[]): string {
  return `INSERT INTO ${quote(table)} (${columns.map(quote).join(", ")}) SELECT ${columns.map(input.cell).join(", ")} FROM ${input.from(table)}`;
}

function quote(identifier: string): string {
  return `"${identifier}"`;
}
