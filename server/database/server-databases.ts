// The clients of a server, and who watches over its database.

import type { Logger } from "pino";
import { type Database, openDatabase, sqliteClient, WRITER_CACHE_KIB } from "./client.ts";
import { readDatabaseState } from "./database-state.ts";
import { type DatabaseWatch, watchPostgresql, watchSqlite } from "./database-watch.ts";

import { followDatabase } from "./known-database.ts";
import { type DatabaseLocation, locateDatabase } from "./location.ts";
import { createSqliteThreads, type WriteGuard } from "./sqlite-thread.ts";

/** Of an SQLite file, the writing clients share one connection, and its queue. */
export interface ServerDatabases {
  /** For reading: what requests ask for most. */
  database: Database;
  /** For the indexer. Its heartbeat goes before what others want to write. */
  writer: Database;
  /** For application tables. */
  application: Database;
  /** What is wrong with the database, in a sentence; nothing while all is well. */
  problem(): string | undefined;
  close(): Promise<void>;
}

export interface ServerDatabasesOptions {
  url: string;
  /** Remembers the database. */
  dataFolder: string;
  logger: Logger;
  /** Is told when the server cannot go on, and must end. */
  onLost(problem: string): void;
}

/**
 * Another process may lock an SQLite file. Who writes waits on a thread of its own for as long as a request can; who reads waits on
 * the server's only one, and hardly ever has to.
 */
const WRITE_PATIENCE_MS = 8_000;
const READ_PATIENCE_MS = 100;
/** What a request asks the database for takes milliseconds. */
const STATEMENT_TIMEOUT_MS = 10_000;

type Located<Provider extends DatabaseLocation["provider"]> = ServerDatabasesOptions & {
  location: Extract<DatabaseLocation, { provider: Provider }>;
};

/** Connects a server to its database, which must be migrated. */
export async function openServerDatabases(options: ServerDatabasesOptions): Promise<ServerDatabases> {
  const location = locateDatabase(options.url);
  switch (location.provider) {
    case "sqlite":
      return await openSqlite({ ...options, location });
    case "postgresql":
      return await openPostgresql({ ...options, location });
  }
}

async function openSqlite({ url, location, dataFolder, logger }: Located<"sqlite">): Promise<ServerDatabases> {
  let watch: DatabaseWatch | undefined;
  const onFailure = (error: unknown) => watch?.failed(error);
  const guard: WriteGuard = {
    requireWritable: () => watch?.requireWritable(),
    committed: (number) => watch?.committed(number),
  };
  const threads = createSqliteThreads({
    ...{ file: location.file, lockPatienceMs: WRITE_PATIENCE_MS, cacheKiB: WRITER_CACHE_KIB, guard },
  });
  const database = await openDatabase(url, { lockPatienceMs: READ_PATIENCE_MS, readsOnly: true, onFailure });
  const application = sqliteClient(threads.adapter(), onFailure);
  const writer = sqliteClient(threads.adapter({ urgent: true }), onFailure);
  const known = followDatabase(dataFolder, location, await readDatabaseState(application));
  const watching = watchSqlite({ location, known, logger, rescue: threads.copyTo });
  watch = watching;
  return {
    ...{ database, writer, application },
    problem: watching.problem,
    async close() {
      await Promise.all([database, writer, application].map((client) => client.$disconnect()));
      watching.close();
      known.close();
    },
  };
}

async function openPostgresql(options: Located<"postgresql">): Promise<ServerDatabases> {
  const { url, location, dataFolder, logger, onLost } = options;
  let watch: DatabaseWatch | undefined;
  const onFailure = (error: unknown) => watch?.failed(error);
  const bounded = { statementTimeoutMs: STATEMENT_TIMEOUT_MS, onFailure };
  const [database, writer, application] = await Promise.all([
    openDatabase(url, bounded),
    openDatabase(url, { onFailure }),
    openDatabase(url, bounded),
  ]);
  const state = await readDatabaseState(application);
  const known = followDatabase(dataFolder, location, state);
  const watching = watchPostgresql({ location, known, logger, database: application, state, onLost });
  watch = watching;
  return {
    ...{ database, writer, application },
    problem: watching.problem,
    async close() {
      await watching.close();
      await Promise.all([database, writer, application].map((client) => client.$disconnect()));
      known.close();
    },
  };
}
