// One value for all that the mirror says: equal mirrors, on whatever database, have equal hashes. SHA-256 over every row of
// the folded tables in the order of their keys, each as a line of JSON.

import { createHash } from "node:crypto";
import type { DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";

const ROWS_PER_QUERY = 20_000;

/** Each table's columns in the order in which they are hashed, and how many of them are its key. */
const TABLES: readonly { table: string; columns: readonly string[]; key: number }[] = [
  { table: "Brand", columns: Object.keys(Prisma.BrandScalarFieldEnum), key: 1 },
  { table: "Collection", columns: Object.keys(Prisma.CollectionScalarFieldEnum), key: 1 },
  { table: "Batch", columns: Object.keys(Prisma.BatchScalarFieldEnum), key: 2 },
  { table: "Card", columns: Object.keys(Prisma.CardScalarFieldEnum), key: 2 },
  { table: "Benefit", columns: Object.keys(Prisma.BenefitScalarFieldEnum), key: 3 },
  { table: "Redemption", columns: Object.keys(Prisma.RedemptionScalarFieldEnum), key: 4 },
  { table: "RedemptionUndoing", columns: Object.keys(Prisma.RedemptionUndoingScalarFieldEnum), key: 4 },
  { table: "Reissue", columns: Object.keys(Prisma.ReissueScalarFieldEnum), key: 3 },
  { table: "EventSubject", columns: Object.keys(Prisma.EventSubjectScalarFieldEnum), key: 3 },
];

type Cell = string | number | bigint | boolean | null;

/** The hash of the mirror as a transaction sees it, in lower-case hexadecimal. */
export async function stateHash(transaction: DatabaseTransaction): Promise<string> {
  const hash = createHash("sha256");
  for (const { table, columns, key } of TABLES) {
    const keyColumns = columns.slice(0, key);
    const keys = Prisma.raw(keyColumns.map((column) => `"${column}"`).join(", "));
    let last: Cell[] | undefined;
    do {
      const after = last === undefined ? Prisma.sql`true` : Prisma.sql`(${keys}) > (${Prisma.join(last)})`;
      const rows: Record<string, Cell>[] = await transaction.$queryRaw(
        Prisma.sql`SELECT * FROM ${Prisma.raw(`"${table}"`)} WHERE ${after} ORDER BY ${keys} LIMIT ${ROWS_PER_QUERY}`,
      );
      for (const row of rows) {
        hash.update(`${JSON.stringify([table, ...columns.map((column) => plain(row[column] ?? null))])}\n`);
      }
      const end = rows.at(-1);
      last =
        rows.length < ROWS_PER_QUERY || end === undefined ? undefined : keyColumns.map((column) => end[column] ?? null);
    } while (last !== undefined);
  }
  return hash.digest("hex");
}

/** Databases differ in how they hand out numbers and truth. */
function plain(cell: Cell): string | number | null {
  return typeof cell === "bigint" || typeof cell === "boolean" ? Number(cell) : cell;
}
