// The database client. The URL decides the database; nothing else in the server knows which one it is.
// Must hold: a file database is opened in WAL mode, so that readers never wait for whoever writes.

import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import type { PrismaPg } from "@prisma/adapter-pg";
import type { SqlDriverAdapterFactory } from "@prisma/driver-adapter-utils";
import { acceptBulkParameters, type OnFailure } from "./bulk-parameter.ts";
import { type Dialect, postgresqlDialect, sqliteDialect } from "./dialect.ts";
import { PrismaClient } from "./generated/sqlite/client.ts";
import { type DatabaseLocation, locateDatabase } from "./location.ts";
import { createSqliteThreads } from "./sqlite-thread.ts";

/**
 * The client, typed as SQLite's: both are generated from one schema, and what SQLite's offers, PostgreSQL's offers too. The
 * other way round that would not hold.
 */
export type Database = PrismaClient;
/** What runs inside a transaction: the client without what would leave it. */
export type DatabaseTransaction = Parameters<Parameters<PrismaClient["$transaction"]>[0]>[0];

type PostgresqlLocation = Extract<DatabaseLocation, { provider: "postgresql" }>;

/**
 * How long a transaction may take, and wait for its beginning. A range of blocks with a million events, or one that is taken
 * back card by card, takes minutes on a slow disk; a transaction that hangs must still end one day.
 */
const TRANSACTION_OPTIONS = { timeout: 600_000, maxWait: 10_000 };
/** Rows go into indexes at random places: the parts of them that are in use should fit. */
export const WRITER_CACHE_KIB = 16_384;
/** How long a PostgreSQL server may take to answer to a new connection. */
const CONNECT_TIMEOUT_MS = 10_000;

export interface DatabaseOptions {
  /** Whether this connection writes so much at once that whoever else uses this thread should not have to wait. */
  writesMuch?: boolean;
  /** Whether this connection's transactions read before they write. */
  application?: boolean;
  /** Whether whatever writes is refused, where the database can do so. */
  readsOnly?: boolean;
  /** Is told what statements fail with. */
  onFailure?: OnFailure;
  /**
   * How long a statement waits for a file that another process has locked. Its thread stands still meanwhile, and what else is
   * asked on it waits as well.
   */
  lockPatienceMs?: number;
  /** How long a PostgreSQL server may take for one statement; without it, one that has stopped is waited for. */
  statementTimeoutMs?: number;
}

/** Connects to the database at `url`. Its tables must be there: see migrate.ts. */
export async function openDatabase(url: string, options: DatabaseOptions = {}): Promise<Database> {
  const location = locateDatabase(url);
  switch (location.provider) {
    case "sqlite":
      return await openSqlite(location.file, options);
    case "postgresql":
      return await openPostgresql(location, options);
  }
}

/** How the database behind a client, or behind a transaction of it, spells its SQL. */
export function dialectOf(client: Database | DatabaseTransaction): Dialect {
  return (client as unknown as { $dialect: Dialect }).$dialect;
}

async function openSqlite(file: string, options: DatabaseOptions): Promise<Database> {
  const { writesMuch = false, application = false, lockPatienceMs } = options;
  if (!writesMuch && !application) return await openDirectly(file, options);
  const cacheKiB = writesMuch ? WRITER_CACHE_KIB : undefined;
  mkdirSync(dirname(file), { recursive: true });
  return sqliteClient(createSqliteThreads({ file, lockPatienceMs, cacheKiB }).adapter(), options.onFailure);
}

/** A client on this thread, for what reads. */
async function openDirectly(file: string, options: DatabaseOptions): Promise<Database> {
  const client = sqliteClient(createSqliteAdapter(file, options), options.onFailure);
  await client.$queryRawUnsafe("PRAGMA journal_mode = WAL");
  await client.$queryRawUnsafe("PRAGMA synchronous = FULL");
  if (options.readsOnly === true) await client.$queryRawUnsafe("PRAGMA query_only = ON");
  return client;
}

/** A client of an SQLite file, over one of its adapters. */
export function sqliteClient(adapter: SqlDriverAdapterFactory, onFailure?: OnFailure): Database {
  const client = new PrismaClient({
    adapter: acceptBulkParameters(adapter, onFailure),
    transactionOptions: TRANSACTION_OPTIONS,
  });
  return client.$extends({ client: { $dialect: sqliteDialect } }) as unknown as Database;
}

async function openPostgresql(location: PostgresqlLocation, options: DatabaseOptions): Promise<Database> {
  const { PrismaClient } = await import("./generated/postgresql/client.ts");
  const client = new PrismaClient({
    adapter: acceptBulkParameters(await createPostgresqlAdapter(location, options), options.onFailure),
    // Whatever the server's default is: the writer's compare-and-set waits for another writer's row lock and then looks
    // again, where stricter levels would fail.
    transactionOptions: { ...TRANSACTION_OPTIONS, isolationLevel: "ReadCommitted" },
  });
  return client.$extends({ client: { $dialect: postgresqlDialect } }) as unknown as Database;
}

/** The driver adapter for a file; creates its folder. */
export function createSqliteAdapter(file: string, { lockPatienceMs }: DatabaseOptions = {}): PrismaBetterSqlite3 {
  mkdirSync(dirname(file), { recursive: true });
  return new PrismaBetterSqlite3({ url: file, ...(lockPatienceMs === undefined ? {} : { timeout: lockPatienceMs }) });
}

/** The driver adapter for a PostgreSQL database, with at most `connections` connections. */
export async function createPostgresqlAdapter(
  { url, schema }: PostgresqlLocation,
  { connections = 10, statementTimeoutMs }: { connections?: number } & DatabaseOptions = {},
): Promise<PrismaPg> {
  // Only here, so that who uses a file does not load it.
  const { PrismaPg } = await import("@prisma/adapter-pg");
  const connectionString = new URL(url);
  const { searchParams } = connectionString;
  // The client names the schema in its statements; ours leave it to the server, which must mean the same one.
  searchParams.set("options", `${searchParams.get("options") ?? ""} -c search_path=${schema}`.trim());
  searchParams.delete("schema");
  const config = {
    connectionString: connectionString.href,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    fallback_application_name: "mintmark",
    keepAlive: true,
    ...(statementTimeoutMs === undefined ? {} : { query_timeout: statementTimeoutMs }),
    max: connections,
  };
  return new PrismaPg(config, { schema });
}
