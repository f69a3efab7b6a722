// Writing many rows at once, ten times as fast as the client's createMany: one statement takes all rows as one JSON text.

import { type DatabaseTransaction, dialectOf } from "./client.ts";
import type { Dialect } from "./dialect.ts";

export type CellValue = string | number | null;

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
  await transaction.$executeRawUnsafe(insertStatement(dialect, table, columns), dialect.input.encode(columns, rows));
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
  await transaction.$executeRawUnsafe(statement, dialect.input.encode(columns, rows));
}

/** Reads the rows of a table whose key columns equal one of the keys. */
export async function selectRows<Row>(
  transaction: DatabaseTransaction,
  { table, key, keys }: { table: string; key: readonly string[]; keys: readonly (readonly CellValue[])[] },
): Promise<Row[]> {
  if (keys.length === 0) return [];
  const { input } = dialectOf(transaction);
  const matches = key.map((column, index) => `t.${quote(column)} = ${input.cell(column, index)}`).join(" AND ");
  // With CROSS JOIN, SQLite keeps the keys outermost, so that each of them is looked up through the index.
  const statement = `SELECT t.* FROM ${input.from(table)} CROSS JOIN ${quote(table)} AS t WHERE ${matches}`;
  return await transaction.$queryRawUnsafe<Row[]>(statement, input.encode(key, keys));
}

function insertStatement({ input }: Dialect, table: string, columns: readonly string[]): string {
  return `INSERT INTO ${quote(table)} (${columns.map(quote).join(", ")}) SELECT ${columns.map(input.cell).join(", ")} FROM ${input.from(table)}`;
}

function quote(identifier: string): string {
  return `"${identifier}"`;
}
