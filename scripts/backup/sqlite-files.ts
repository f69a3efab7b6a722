// SQLite files as wholes: copied while others write, and looked at. Must hold: a copy is as of one moment, and nobody waits for it.

import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import Database from "better-sqlite3";

/** All pages in one step: one look at the file, which in WAL mode keeps no writer waiting; a second step would begin anew after each write. */
const ALL_PAGES = 2 ** 31 - 1;

/** Copies a database file that may be in use, with SQLite's own online backup. */
export async function copySqlite(source: string, target: string): Promise<void> {
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const database = new Database(source, { fileMustExist: true });
  try {
    await database.backup(target, { progress: () => ALL_PAGES });
  } finally {
    database.close();
  }
  // The copy is said to have a log beside it, which a reader would make.
  const copy = new Database(target);
  try {
    copy.pragma("journal_mode = DELETE");
  } finally {
    copy.close();
  }
}

/** What is wrong with a database file; nothing if it is sound. */
export function faultOf(file: string): string | undefined {
  try {
    const database = new Database(file, { readonly: true, fileMustExist: true });
    try {
      const [first] = database.pragma("integrity_check(1)") as { integrity_check: string }[];
      return first?.integrity_check === "ok" ? undefined : (first?.integrity_check ?? "no answer");
    } finally {
      database.close();
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Whether another process has a database file open. What is damaged is nobody's. */
export function isInUse(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    const database = new Database(file, { timeout: 500 });
    try {
      // SQLite leaves WAL mode only for who has the file alone.
      database.pragma("journal_mode = DELETE");
      return false;
    } finally {
      database.close();
    }
  } catch (error) {
    return /locked|busy/i.test(String(error));
  }
}
