// The database client. The URL decides the database; nothing else in the server knows which one it is.
// Must hold: a file database is opened in WAL mode, so that readers never wait for the indexer.

import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import { PrismaClient } from "./generated/client.ts";

export type Database = PrismaClient;
/** What runs inside a transaction: the client without what would leave it. */
export type DatabaseTransaction = Parameters<Parameters<PrismaClient["$transaction"]>[0]>[0];

/** The file of a `file:` URL, absolute. Throws for other URLs. */
export function databaseFile(url: string): string {
  if (!url.startsWith("file:")) {
    throw new Error(`Database URL ${url} is not supported: use file:<path>, for example file:./data/mintmark.db`);
  }
  return resolve(url.slice("file:".length));
}

/** The driver adapter for a database URL; creates the folder of a file database. */
export function createAdapter(url: string): PrismaBetterSqlite3 {
  const file = databaseFile(url);
  mkdirSync(dirname(file), { recursive: true });
  return new PrismaBetterSqlite3({ url: file });
}

/** Connects to the database at `url`. Its tables must be there: see {@link migrate}. */
export async function openDatabase(url: string): Promise<Database> {
  const database = new PrismaClient({
    adapter: createAdapter(url),
    transactionOptions: { timeout: 60_000, maxWait: 10_000 },
  });
  // WAL survives a killed process with every committed transaction. FULL would also survive a power cut, but the mirror
  // can be read from the chain again, so the faster setting loses nothing.
  await database.$queryRawUnsafe("PRAGMA journal_mode = WAL");
  await database.$queryRawUnsafe("PRAGMA synchronous = NORMAL");
  return database;
}
