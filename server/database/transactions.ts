// Transactions of application tables. On PostgreSQL two of them may wait for each other, and one is ended then; on a file another
// process may hold the lock for longer than it is waited for. Done again, both come through.

import { setTimeout as sleep } from "node:timers/promises";
import type { Database, DatabaseTransaction } from "./client.ts";
import { isOutage } from "./unusable.ts";

const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 10;
/** Whoever has waited for a lock for longer has waited enough. */
const LOCK_PATIENCE_MS = 5_000;

/** Runs `work` in a transaction, again if it met another one. `work` must do nothing but what the transaction takes back. */
export async function inTransaction<Result>(
  database: Database,
  work: (transaction: DatabaseTransaction) => Promise<Result>,
): Promise<Result> {
  const began = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await database.$transaction(work);
    } catch (error) {
      const hasWaited = isOutage(error) && performance.now() - began > LOCK_PATIENCE_MS;
      if (attempt === ATTEMPTS || hasWaited || !hasMetAnother(error)) throw error;
      await sleep(FIRST_PAUSE_MS * 2 ** attempt * (0.5 + Math.random()));
    }
  }
}

/**
 * Whether a transaction failed because of another one: a deadlock, a failed serialization, a lock that was not given, or a row
 * that both have written.
 */
export function hasMetAnother(error: unknown): boolean {
  const { code, meta, message } = error as { code?: unknown; meta?: unknown; message?: unknown };
  if (code === "P2034" || code === "P2002" || code === "P1008") return true;
  return /40P01|40001|23505|SQLITE_BUSY|SQLITE_CONSTRAINT_(PRIMARYKEY|UNIQUE)|deadlock|database is locked|Unique constraint/i.test(
    `${JSON.stringify(meta ?? "")} ${String(message)}`,
  );
}
