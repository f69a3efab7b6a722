// The one file in which a local chain is kept: an SQLite database in WAL mode, in which every commit is synced to the disk.
// Must hold: a block is in it, whole, before anybody is told of it; one process writes, and any number may read.

import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { makeFolder, syncToDisk } from "../../../server/system/durable-files.ts";

/** What a chain is kept as. Another number: another version's. */
const FORMAT = 1;
const PAGE_CACHE_KIB = 32_768;
/** Beyond that the log is written back into the file. Larger than SQLite's own: each writing back syncs the file. */
const WAL_PAGES = 8_000;
const WAL_KEPT_BYTES = 64 * 2 ** 20;

const SCHEMA = `
  CREATE TABLE "meta" ("key" TEXT PRIMARY KEY, "value" TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE "block" ("number" INTEGER PRIMARY KEY, "hash" BLOB NOT NULL, "header" BLOB NOT NULL, "size" INTEGER NOT NULL);
  CREATE UNIQUE INDEX "block_hash" ON "block" ("hash");
  CREATE TABLE "tx" (
    "hash" BLOB NOT NULL, "block" INTEGER NOT NULL, "position" INTEGER NOT NULL, "raw" BLOB NOT NULL, "sender" BLOB NOT NULL,
    "status" INTEGER NOT NULL, "gasUsed" INTEGER NOT NULL, "cumulativeGasUsed" INTEGER NOT NULL, "contractAddress" BLOB,
    "logsBloom" BLOB NOT NULL);
  CREATE UNIQUE INDEX "tx_hash" ON "tx" ("hash");
  CREATE UNIQUE INDEX "tx_position" ON "tx" ("block", "position");
  CREATE TABLE "log" (
    "block" INTEGER NOT NULL, "position" INTEGER NOT NULL, "tx" INTEGER NOT NULL, "address" BLOB NOT NULL, "topics" BLOB NOT NULL,
    "data" BLOB NOT NULL, PRIMARY KEY ("block", "position")) WITHOUT ROWID;
  CREATE TABLE "node" ("hash" BLOB NOT NULL, "value" BLOB NOT NULL);
  CREATE UNIQUE INDEX "node_hash" ON "node" ("hash");`;

/** The chain cannot be opened, or not made. The message says what is wrong and what to do. */
export class ChainRefusedError extends Error {
  override name = "ChainRefusedError";
}

export type Sqlite = Database.Database;

export const chainFile = (folder: string): string => join(folder, "chain.db");
/** Which block was written last, outside of the database: tells when blocks have gone from it. */
const headFile = (folder: string): string => join(folder, "head");

export interface Head {
  number: number;
  /** 0x and 64 digits. */
  hash: string;
}

/** Makes the file of a new chain. Its tables are empty, and it is no chain before its first block is in it. */
export function createChainFile(folder: string): Sqlite {
  makeFolder(folder);
  const database = openForWriting(folder);
  database.exec(`BEGIN; ${SCHEMA} COMMIT`);
  database.prepare(`INSERT INTO "meta" VALUES ('format', ?)`).run(String(FORMAT));
  syncToDisk(folder);
  return database;
}

export function openForWriting(folder: string): Sqlite {
  const database = new Database(chainFile(folder));
  database.pragma("journal_mode = WAL");
  // A commit is on the disk before it returns, also when the power fails (https://sqlite.org/pragma.html#pragma_synchronous).
  database.pragma("synchronous = FULL");
  database.pragma(`cache_size = -${PAGE_CACHE_KIB}`);
  database.pragma(`wal_autocheckpoint = ${WAL_PAGES}`);
  database.pragma(`journal_size_limit = ${WAL_KEPT_BYTES}`);
  return database;
}

export function openForReading(folder: string): Sqlite {
  const database = new Database(chainFile(folder), { fileMustExist: true });
  database.pragma(`cache_size = -${PAGE_CACHE_KIB}`);
  database.pragma("query_only = ON");
  return database;
}

/** Throws {@link ChainRefusedError} if the file is another version's. */
export function requireFormat(database: Sqlite): void {
  const found = database.prepare(`SELECT "value" FROM "meta" WHERE "key" = 'format'`).pluck().get();
  if (Number(found) === FORMAT) return;
  throw new ChainRefusedError(
    `The chain in ${database.name} was written by another version of Mintmark (format ${found}; this one has ${FORMAT}). ` +
      "Start the version that wrote it, or move the data folder away to begin anew.",
  );
}

/**
 * Writes down which block is the newest, in place. Not synced: after a power cut it may name an older block, which says nothing;
 * that it names a newer one than the chain has tells that blocks are missing.
 */
export function createHeadMark(folder: string): { write(head: Head): void; close(): void } {
  const descriptor = openSync(headFile(folder), existsSync(headFile(folder)) ? "r+" : "w", 0o600);
  return {
    write({ number, hash }) {
      writeSync(descriptor, `${String(number).padStart(16)} ${hash}\n`, 0);
    },
    close: () => closeSync(descriptor),
  };
}

/** The block that was written last, as the mark has it; nothing if there is no mark that can be read. */
export function readHeadMark(folder: string): Head | undefined {
  let text: string;
  try {
    text = readFileSync(headFile(folder), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    // A folder is not named by the system.
    throw Object.assign(error as Error, { path: headFile(folder) });
  }
  const match = /^ *(\d+) (0x[0-9a-f]{64})\n/.exec(text);
  return match?.[1] === undefined || match[2] === undefined ? undefined : { number: Number(match[1]), hash: match[2] };
}
