// Watches over the chain's file while it is open. Must hold: no block is told of that is in a file which nobody finds again; and what is in
// such a file is saved while it is still open.

import { rmSync } from "node:fs";
import { basename } from "node:path";
import Database from "better-sqlite3";
import { watchSqliteFiles } from "../../../server/database/sqlite-files.ts";
import { makeFolder, syncToDisk } from "../../../server/system/durable-files.ts";
import { createArchive } from "./archive.ts";
import { chainFile, type Head, type Sqlite } from "./chain-file.ts";
import { createCommon } from "./genesis.ts";

/** The file was deleted, replaced or cut. The message is fit for a user. */
export class ChainFileLostError extends Error {
  override name = "ChainFileLostError";
  readonly code = "CHAIN_FILE_LOST";
}

export interface FileWatch {
  /** Throws {@link ChainFileLostError}; then for as long as the process lives. */
  requireWell(): void;
  /** Looks for the last time. Resolves when what there is to save is saved. */
  close(): Promise<void>;
}

/** How often it is looked where no block is made. */
const LOOK_MS = 1_000;

/**
 * Watches over a file that is open for writing, in WAL mode.
 * @param newest The newest block, which what is saved must have.
 * @param tell Is told in sentences what has happened, and where what was written has been saved.
 */
export function watchChainFile(
  database: Sqlite,
  folder: string,
  newest: () => Head,
  tell: (sentence: string) => void,
): FileWatch {
  const file = chainFile(folder);
  const name = basename(file);
  const files = watchSqliteFiles(file);
  let problem: string | undefined;
  let saving: Promise<void> | undefined;

  function become(sentence: string): void {
    problem = sentence;
    tell(sentence);
  }

  /** The open files still have everything, for as long as they are open. */
  async function save(what: string): Promise<void> {
    const copy = `${file}.rescued-${new Date().toISOString().replace(/\D/g, "").slice(0, 14)}`;
    try {
      makeFolder(folder);
      await database.backup(copy);
      requireHead(copy, newest());
      syncToDisk(copy);
      become(
        `${what} No more blocks are made; all blocks that were seen are in ${copy}. Stop, put that file in the place of ${name}, delete ${name}-wal and ${name}-shm, and start again.`,
      );
    } catch (error) {
      rmSync(copy, { force: true });
      become(
        `${what} No more blocks are made, and those that were seen could not be copied (${(error as Error).message}). Stop, and restore a backup: npm run restore -- <archive>.`,
      );
    }
  }

  function look(): void {
    if (problem !== undefined) return;
    const found = files.problem();
    if (found === undefined) return;
    const what = `The chain's file is not what it was: in ${folder}, ${found.replace("the server", "the chain")}`;
    become(`${what} No more blocks are made.`);
    saving = save(what);
  }

  const looking = setInterval(look, LOOK_MS).unref();
  return {
    requireWell() {
      look();
      if (problem !== undefined) throw new ChainFileLostError(problem);
    },
    async close() {
      clearInterval(looking);
      look();
      await saving;
      files.close();
    },
  };
}

/** Throws if a copy does not have all that was seen: where the log was cut, what was only there is gone. */
function requireHead(copy: string, newest: Head): void {
  const database = new Database(copy, { fileMustExist: true });
  try {
    // Alone in its file: nothing beside it is to be moved with it.
    database.pragma("journal_mode = DELETE");
    const found = database.pragma("quick_check(1)", { simple: true });
    if (found !== "ok") throw new Error(String(found));
    const head = createArchive(database, createCommon()).head();
    if (head?.number === newest.number && head.hash === newest.hash) return;
    throw new Error(`blocks ${(head?.number ?? -1) + 1} to ${newest.number} are not in it any more`);
  } finally {
    database.close();
  }
}
