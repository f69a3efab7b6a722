// Brings a database to the current schema, with Prisma's own engine; keeps `_prisma_migrations` as Prisma does. Must hold:
// several servers may do so at once, and one of them does it.

import { closeSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SqlDriverAdapter } from "@prisma/driver-adapter-utils";
import { makeFolder } from "../system/durable-files.ts";
import { explainSystemError } from "../system/failures.mjs";
import { createPostgresqlAdapter, createSqliteAdapter } from "./client.ts";
import { type DatabaseLocation, describeDatabase, locateDatabase } from "./location.ts";
import { NO_FILTERS, readMigrations } from "./migrations.ts";
import { withEngine } from "./schema-engine.ts";
import { DatabaseUnusableError, explainPostgresql, explainSqlite, passesByItself } from "./unusable.ts";

const RETRY_MS = 200;
/** The advisory lock of whoever migrates a PostgreSQL database; any number that no other program uses. */
const ADVISORY_LOCK = 6_045_322_181;

/**
 * Brings the database at `url` to the current schema. Runs twice without harm. Waits for who else uses the database, but not
 * for longer than `patienceMs`. Returns the migrations it applied. Throws {@link DatabaseUnusableError}.
 */
export async function migrate(url: string, { patienceMs = 30_000 } = {}): Promise<string[]> {
  const location = locateDatabase(url);
  switch (location.provider) {
    case "sqlite":
      return await migrateSqlite(location, patienceMs);
    case "postgresql":
      return await migratePostgresql(location, patienceMs);
  }
}

async function migrateSqlite(
  location: Extract<DatabaseLocation, { provider: "sqlite" }>,
  patienceMs: number,
): Promise<string[]> {
  const { file } = location;
  try {
    makeFolder(dirname(file));
    closeSync(openSync(file, "a"));
  } catch (cause) {
    const { code = "" } = cause as NodeJS.ErrnoException;
    const reason = explainSystemError(cause, file) ?? String(cause);
    throw new DatabaseUnusableError(
      `The database ${file} cannot be written (${code}). ${reason} DATA_DIR or DATABASE_URL name another place.`,
      {
        cause,
      },
    );
  }
  const isCurrent = async (): Promise<boolean> => {
    const connection = await createSqliteAdapter(file).connect();
    try {
      return await hasAllMigrations(location, connection);
    } finally {
      await connection.dispose();
    }
  };
  for (const deadline = performance.now() + patienceMs; ; ) {
    try {
      // The engine wants the file for itself, which it cannot have while a server runs.
      return (await isCurrent()) ? [] : await applyMigrations(location);
    } catch (cause) {
      const unusable = explainSqlite(file, cause);
      if (unusable !== undefined) throw unusable;
      const reason = String(cause);
      if (/not a database|malformed/i.test(reason)) {
        throw new DatabaseUnusableError(
          `The database ${file} is damaged. Move it away and start again: the mirror is then read from the chain anew.`,
          { cause },
        );
      }
      // The engine does not know the adapter's name for a lock that was waited for in vain.
      if (!/locked|SQLITE_BUSY|SocketTimeout/i.test(reason)) throw cause;
      if (performance.now() > deadline) {
        throw new DatabaseUnusableError(
          `The database ${file} is locked by another program. End that program and run this again.`,
          { cause },
        );
      }
      await sleep(RETRY_MS);
    }
  }
}

async function migratePostgresql(
  location: Extract<DatabaseLocation, { provider: "postgresql" }>,
  patienceMs: number,
): Promise<string[]> {
  for (const deadline = performance.now() + patienceMs; ; ) {
    try {
      return await migratePostgresqlNow(location, patienceMs);
    } catch (error) {
      if (!passesByItself(error) || performance.now() > deadline) throw explainPostgresql(location, error);
      await sleep(RETRY_MS);
    }
  }
}

async function migratePostgresqlNow(
  location: Extract<DatabaseLocation, { provider: "postgresql" }>,
  patienceMs: number,
): Promise<string[]> {
  // One connection, which holds the lock until it is closed.
  const connection = await (await createPostgresqlAdapter(location, { connections: 1 })).connect();
  try {
    if (await hasAllMigrations(location, connection)) return [];
    const [encoding] = await query(connection, "SHOW server_encoding");
    if (encoding?.[0] !== "UTF8") {
      throw new DatabaseUnusableError(
        `The database ${describeDatabase(location)} is in the encoding ${encoding?.[0]}, which lacks most characters. Create one with: createdb --encoding=UTF8 --template=template0 <name>`,
      );
    }
    await query(connection, `SET lock_timeout = ${Math.max(1, Math.round(patienceMs))}`);
    await query(connection, `SELECT pg_advisory_lock(${ADVISORY_LOCK})::text`);
    if (await hasAllMigrations(location, connection)) return [];
    if (location.schema !== "public") await query(connection, `CREATE SCHEMA IF NOT EXISTS "${location.schema}"`);
    await tryCreatingTable(location.schema, connection);
    return await applyMigrations(location);
  } finally {
    await connection.dispose();
  }
}

/** Fails as the engine would, but with PostgreSQL's code for the reason, which the engine does not pass on. */
async function tryCreatingTable(schema: string, connection: SqlDriverAdapter): Promise<void> {
  await query(connection, "BEGIN");
  await query(connection, `CREATE TABLE "${schema}"."_mintmark_attempt" (id INTEGER)`);
  await query(connection, "ROLLBACK");
}

async function hasAllMigrations({ provider }: DatabaseLocation, connection: SqlDriverAdapter): Promise<boolean> {
  const table = {
    sqlite: "SELECT 1 FROM sqlite_master WHERE name = '_prisma_migrations'",
    postgresql: "SELECT 1 WHERE to_regclass('_prisma_migrations') IS NOT NULL",
  };
  if ((await query(connection, table[provider])).length === 0) return false;
  const rows = await query(
    connection,
    "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL",
  );
  const applied = new Set(rows.map(([name]) => name));
  return readMigrations(provider).migrationDirectories.every(({ path }) => applied.has(path));
}

async function query(connection: SqlDriverAdapter, sql: string): Promise<unknown[][]> {
  return (await connection.queryRaw({ sql, args: [], argTypes: [] })).rows;
}

async function applyMigrations(location: DatabaseLocation): Promise<string[]> {
  return await withEngine(location, async (engine) => {
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: readMigrations(location.provider),
      filters: NO_FILTERS,
    });
    return appliedMigrationNames;
  });
}
