// Brings a database to the current schema, with Prisma's own engine; keeps `_prisma_migrations` as Prisma does. Must hold:
// several servers may do so at once, and one of them does it.

import { closeSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SqlDriverAdapter } from "@prisma/driver-adapter-utils";
import { makeFolder } from "../system/durable-files.ts";
import { explainSystemError } from "../system/failures.mjs";
import { createPostgresqlAdapter, createSqliteAdapter } from "./client.ts";
import { requireKnownDatabase, requireSameDatabase } from "./known-database.ts";
import { type DatabaseLocation, describeDatabase, locateDatabase } from "./location.ts";
import { NO_FILTERS, readMigrations } from "./migrations.ts";
import { withEngine } from "./schema-engine.ts";
import {
  DatabaseUnusableError,
  damaged,
  damageOf,
  explainPostgresql,
  explainSqlite,
  passesByItself,
  storageFaultOf,
} from "./unusable.ts";

const PATIENCE_MS = 30_000;
const RETRY_MS = 200;
/** The advisory lock of whoever migrates a PostgreSQL database; any number that no other program uses. */
const ADVISORY_LOCK = 6_045_322_181;

export interface MigrateOptions {
  /** How long to wait for who else uses the database. */
  patienceMs?: number;
  /** What remembers the database: see known-database.ts. Without it, a database that is not there is created in any case. */
  dataFolder?: string;
}

/**
 * Brings the database at `url` to the current schema, all of it or nothing. Runs twice without harm. Returns the migrations it
 * applied. Throws {@link DatabaseUnusableError}, also if the database is not the one that the data folder knows, or not all of it.
 */
export async function migrate(url: string, options: MigrateOptions = {}): Promise<string[]> {
  const location = locateDatabase(url);
  switch (location.provider) {
    case "sqlite":
      return await migrateSqlite(location, options);
    case "postgresql":
      return await migratePostgresql(location, options);
  }
}

async function migrateSqlite(
  location: Extract<DatabaseLocation, { provider: "sqlite" }>,
  { patienceMs = PATIENCE_MS, dataFolder }: MigrateOptions,
): Promise<string[]> {
  const { file } = location;
  if (dataFolder !== undefined) {
    // Before it is opened, which would create it.
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    requireKnownDatabase(dataFolder, location, size === 0);
  }
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
  const withConnection = async <Result>(use: (connection: SqlDriverAdapter) => Promise<Result>): Promise<Result> => {
    const connection = await createSqliteAdapter(file).connect();
    try {
      return await use(connection);
    } finally {
      await connection.dispose();
    }
  };
  for (const deadline = performance.now() + patienceMs; ; ) {
    try {
      // The engine wants the file for itself, which it cannot have while a server runs.
      const isCurrent = await withConnection((connection) => isMigrated(location, connection, dataFolder));
      const applied = isCurrent ? [] : await applyMigrations(location);
      await withConnection((connection) => requireState(location, connection, dataFolder));
      return applied;
    } catch (cause) {
      if (cause instanceof DatabaseUnusableError) throw cause;
      const damage = damageOf(cause);
      if (damage !== undefined) throw damaged(location, damage, cause);
      // The engine does not know the adapter's name for a lock that was waited for in vain.
      const isLocked = /locked|SQLITE_BUSY|SocketTimeout/i.test(String(cause));
      const fault = storageFaultOf(cause) ?? (isLocked ? "locked" : undefined);
      if (fault !== "locked" || performance.now() > deadline) throw explainSqlite(file, cause, fault) ?? cause;
      await sleep(RETRY_MS);
    }
  }
}

async function migratePostgresql(
  location: Extract<DatabaseLocation, { provider: "postgresql" }>,
  { patienceMs = PATIENCE_MS, dataFolder }: MigrateOptions,
): Promise<string[]> {
  for (const deadline = performance.now() + patienceMs; ; ) {
    try {
      return await migratePostgresqlNow(location, patienceMs, dataFolder);
    } catch (error) {
      if (!passesByItself(error) || performance.now() > deadline) throw explainPostgresql(location, error);
      await sleep(RETRY_MS);
    }
  }
}

async function migratePostgresqlNow(
  location: Extract<DatabaseLocation, { provider: "postgresql" }>,
  patienceMs: number,
  dataFolder: string | undefined,
): Promise<string[]> {
  // One connection, which holds the lock until it is closed.
  const connection = await (await createPostgresqlAdapter(location, { connections: 1 })).connect();
  try {
    let applied: string[] = [];
    if (!(await isMigrated(location, connection, dataFolder))) {
      const [encoding] = await query(connection, "SHOW server_encoding");
      if (encoding?.[0] !== "UTF8") {
        throw new DatabaseUnusableError(
          `The database ${describeDatabase(location)} is in the encoding ${encoding?.[0]}, which lacks most characters. Create one with: createdb --encoding=UTF8 --template=template0 <name>`,
        );
      }
      await query(connection, `SET lock_timeout = ${Math.max(1, Math.round(patienceMs))}`);
      await query(connection, `SELECT pg_advisory_lock(${ADVISORY_LOCK})::text`);
      if (!(await isMigrated(location, connection, dataFolder))) {
        if (location.schema !== "public") await query(connection, `CREATE SCHEMA IF NOT EXISTS "${location.schema}"`);
        await tryCreatingTable(location.schema, connection);
        applied = await applyMigrations(location);
      }
    }
    await requireState(location, connection, dataFolder);
    return applied;
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

/**
 * Whether a database has all migrations. Throws {@link DatabaseUnusableError} if it has others too, if one of them was not finished,
 * or if it has none although the data folder has been used with it.
 */
async function isMigrated(
  location: DatabaseLocation,
  connection: SqlDriverAdapter,
  dataFolder: string | undefined,
): Promise<boolean> {
  const { provider } = location;
  const table = {
    sqlite: "SELECT 1 FROM sqlite_master WHERE name = '_prisma_migrations'",
    postgresql: "SELECT 1 WHERE to_regclass('_prisma_migrations') IS NOT NULL",
  };
  const isEmpty = (await query(connection, table[provider])).length === 0;
  if (dataFolder !== undefined) requireKnownDatabase(dataFolder, location, isEmpty);
  if (isEmpty) return false;
  const rows = (await query(
    connection,
    `SELECT migration_name, CASE WHEN finished_at IS NULL THEN 0 ELSE 1 END
     FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY migration_name`,
  )) as [string, number | bigint][];
  const known = readMigrations(provider).migrationDirectories.map(({ path }) => path);
  const newer = rows.map(([name]) => name).filter((name) => !known.includes(name));
  if (newer.length > 0) {
    throw new DatabaseUnusableError(
      `The database ${describeDatabase(location)} is of a newer Mintmark than this one (it has the migration ${newer.at(-1)}). Start that version, or restore a backup that was made before the upgrade: npm run restore -- <archive>`,
    );
  }
  const unfinished = rows.find(([, isFinished]) => Number(isFinished) === 0);
  if (unfinished !== undefined) {
    throw new DatabaseUnusableError(
      `The database ${describeDatabase(location)} is half upgraded: the migration ${unfinished[0]} was interrupted. Restore the backup that was made before the upgrade: npm run restore -- <archive>`,
    );
  }
  const applied = new Set(rows.map(([name]) => name));
  return known.every((name) => applied.has(name));
}

/** Throws {@link DatabaseUnusableError} if a migrated database has lost what the data folder knows to have been there. */
async function requireState(
  location: DatabaseLocation,
  connection: SqlDriverAdapter,
  dataFolder: string | undefined,
): Promise<void> {
  if (dataFolder === undefined) return;
  await requireSameDatabase(dataFolder, location, async () => {
    const [row] = await query(connection, `SELECT "name", "commits" FROM "DatabaseState" WHERE "id" = 1`);
    return { name: String(row?.[0] ?? ""), commits: Number(row?.[1] ?? 0) };
  });
}

async function query(connection: SqlDriverAdapter, sql: string): Promise<unknown[][]> {
  return (await connection.queryRaw({ sql, args: [], argTypes: [] })).rows;
}

async function applyMigrations(location: DatabaseLocation): Promise<string[]> {
  return await withEngine(location, { atomic: true }, async (engine) => {
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: readMigrations(location.provider),
      filters: NO_FILTERS,
    });
    return appliedMigrationNames;
  });
}
