// How the row of an import is changed. Every change locks the row first and counts its revision up, so that of two processes that
// would change it one waits and then sees what the other has done.

import type { Database, DatabaseTransaction } from "../database/client.ts";
import type { Prisma } from "../database/generated/sqlite/client.ts";
import { inTransaction } from "../database/transactions.ts";
import type { ImportRow } from "./states.ts";

export type ImportChange = Prisma.ImportUpdateManyMutationInput;

/** Runs `change` with the row locked. Nothing if there is no such row. */
export async function withImport<Result>(
  database: Database,
  id: string,
  change: (transaction: DatabaseTransaction, row: ImportRow) => Promise<Result>,
): Promise<Result | undefined> {
  return await inTransaction(database, async (transaction) => {
    // The update takes the lock; a look before it would see what another process is about to change.
    const { count } = await transaction.import.updateMany({ where: { id }, data: { revision: { increment: 1 } } });
    if (count === 0) return undefined;
    const row = await transaction.import.findUniqueOrThrow({ where: { id } });
    return await change(transaction, row);
  });
}

export async function updateImport(
  transaction: DatabaseTransaction,
  id: string,
  now: number,
  data: ImportChange,
): Promise<void> {
  await transaction.import.updateMany({ where: { id }, data: { ...data, updatedAt: now } });
}

/** How many lines there are, by what became of them, counted anew. */
export async function countLines(transaction: DatabaseTransaction, importId: string): Promise<LineCounts> {
  const groups = await transaction.importLine.groupBy({ by: ["state"], where: { importId }, _count: true });
  const counts = new Map(groups.map(({ state, _count }) => [state, _count]));
  const of = (state: string) => counts.get(state) ?? 0;
  return {
    lines: groups.reduce((sum, { _count }) => sum + _count, 0),
    wrongLines: of("wrong"),
    queuedLines: of("queued"),
    doneLines: of("done"),
    failedLines: of("failed"),
    cancelledLines: of("cancelled"),
  };
}

export type LineCounts = Pick<
  ImportRow,
  "lines" | "wrongLines" | "queuedLines" | "doneLines" | "failedLines" | "cancelledLines"
>;
