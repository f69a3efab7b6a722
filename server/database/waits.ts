// Waits that are kept as a time of the wall clock. One that lies further ahead than the longest that its writer ever sets was written
// while the clock was ahead; with the clock set right it would last for days. Whoever writes a wait knows what its longest is.

import type { Database } from "./client.ts";
import { Prisma } from "./generated/sqlite/client.ts";

export interface WrongWait {
  table: string;
  /** Which rows have such a wait; answered by an index. */
  where: Prisma.Sql;
  /** What they become: due now, or a little later where something may be under way. */
  set: Prisma.Sql;
}

/**
 * Shortens such waits. Reads first: there are none nearly always, and a statement that changes nothing would still take the only write
 * lock of SQLite. Returns how many there were.
 */
export async function shortenWaits(database: Database, { table, where, set }: WrongWait): Promise<number> {
  const name = Prisma.raw(`"${table}"`);
  const found = await database.$queryRaw<unknown[]>(Prisma.sql`SELECT 1 FROM ${name} WHERE ${where} LIMIT 1`);
  if (found.length === 0) return 0;
  return await database.$executeRaw(Prisma.sql`UPDATE ${name} SET ${set} WHERE ${where}`);
}
