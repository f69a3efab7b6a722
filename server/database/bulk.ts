// Writing many rows at once, ten times as fast as the client's createMany: one statement takes all rows as one JSON text.
// Besides snapshot.ts the only SQL of the server that PostgreSQL would want differently.

import type { DatabaseTransaction } from "./client.ts";

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
  await transaction.$executeRawUnsafe(insertStatement(table, columns), JSON.stringify(rows));
}

/** Inserts the rows, and replaces those that have the same key. */
export async function upsertRows(
  transaction: DatabaseTransaction,
  { table, columns, rows, key }: BulkRows & { key: readonly string[] },
): Promise<void> {
  if (rows.length === 0) return;
  const updates = columns
    .filter((column) => !key.includes(column))
    .map((column) => `${quote(column)} = excluded.${quote(column)}`);
  // Without WHERE, SQLite would read ON as part of a join.
  const statement = `${insertStatement(table, columns)} WHERE true ON CONFLICT (${key.map(quote).join(", ")}) DO UPDATE SET ${updates.join(", ")}`;
  await transaction.$executeRawUnsafe(statement, JSON.stringify(rows));
}

/** Reads the rows of a table whose key columns equal one of the keys. */
export async function selectRows<Row>(
  transaction: DatabaseTransaction,
  { table, key, keys }: { table: string; key: readonly string[]; keys: readonly (readonly CellValue[])[] },
): Promise<Row[]> {
  if (keys.length === 0) return [];
  const matches = key.map((column, index) => `t.${quote(column)} = json_extract(k.value, '$[${index}]')`).join(" AND ");
  // CROSS JOIN keeps the keys outermost, so that each of them is looked up through the index.
  const statement = `SELECT t.* FROM json_each(?) AS k CROSS JOIN ${quote(table)} AS t WHERE ${matches}`;
  return await transaction.$queryRawUnsafe<Row[]>(statement, JSON.stringify(keys));
}

function insertStatement(table: string, columns: readonly string[]): string {
  const cells = columns.map((_, index) => `json_extract(value, '$[${index}]')`);
  return `INSERT INTO ${quote(table)} (${columns.map(quote).join(", ")}) SELECT ${cells.join(", ")} FROM json_each(?)`;
}

function quote(identifier: string): string {
  return `"${identifier}"`;
}
