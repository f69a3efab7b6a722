// Migrations through Prisma's schema engine in its WebAssembly build, because the engine binary that the Prisma CLI wants
// does not come from the npm registry. Keeps `_prisma_migrations` as Prisma does.

import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bindMigrationAwareSqlAdapterFactory, type SqlDriverAdapter } from "@prisma/driver-adapter-utils";
import type { MigrationList, SchemaEngine } from "@prisma/schema-engine-wasm";
import { createAdapter, databaseFile } from "./client.ts";

const SCHEMA_FILE = join(import.meta.dirname, "schema.prisma");
const MIGRATIONS_FOLDER = join(import.meta.dirname, "migrations");
const LOCK_FILE = join(MIGRATIONS_FOLDER, "migration_lock.toml");
const NO_FILTERS = { externalTables: [], externalEnums: [] };

/** The database cannot be used. The message is fit for a user. */
export class DatabaseUnusableError extends Error {
  override name = "DatabaseUnusableError";
}

/**
 * Brings the database at `url` to the current schema. Runs twice without harm. Waits for who else uses the file, but not for
 * longer than `patienceMs`. Returns the migrations it applied. Throws {@link DatabaseUnusableError}.
 */
export async function migrate(url: string, { patienceMs = 30_000 } = {}): Promise<string[]> {
  const file = databaseFile(url);
  try {
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(file, "a"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatabaseUnusableError(
      `The database ${file} cannot be written (${reason}). Set DATA_DIR or DATABASE_URL to where it can.`,
      { cause },
    );
  }
  for (const deadline = performance.now() + patienceMs; ; ) {
    try {
      // The engine wants the file for itself, which it cannot have while a server runs.
      return (await isCurrent(url)) ? [] : await applyMigrations(url);
    } catch (cause) {
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
      await sleep(200);
    }
  }
}

/** Whether every migration has been applied. */
async function isCurrent(url: string): Promise<boolean> {
  const connection = await createAdapter(url).connect();
  try {
    const query = (sql: string) => connection.queryRaw({ sql, args: [], argTypes: [] });
    const tables = await query("SELECT 1 FROM sqlite_master WHERE name = '_prisma_migrations'");
    if (tables.rows.length === 0) return false;
    const { rows } = await query(
      "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL",
    );
    const applied = new Set(rows.map(([name]) => name));
    return readMigrations().migrationDirectories.every(({ path }) => applied.has(path));
  } finally {
    await connection.dispose();
  }
}

async function applyMigrations(url: string): Promise<string[]> {
  return await withEngine(url, async (engine) => {
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: readMigrations(),
      filters: NO_FILTERS,
    });
    return appliedMigrationNames;
  });
}

/**
 * Writes the migration that leads from the existing ones to the schema. Returns its name, or nothing if there is no
 * difference.
 */
export async function createMigration(name: string): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-migration-"));
  try {
    const url = `file:${join(folder, "current.db")}`;
    await migrate(url);
    const schema = { files: [{ path: SCHEMA_FILE, content: readFileSync(SCHEMA_FILE, "utf8") }] };
    const { stdout: script } = await withEngine(url, (engine) =>
      engine.diff({
        from: { tag: "schemaDatasource", ...schema, configDir: import.meta.dirname },
        to: { tag: "schemaDatamodel", ...schema },
        script: true,
        exitCode: null,
        filters: NO_FILTERS,
      }),
    );
    if (script === null || /^\s*(-- This is an empty migration\.\s*)?$/.test(script)) return undefined;
    const migration = `${new Date().toISOString().replace(/\D/g, "").slice(0, 14)}_${name}`;
    mkdirSync(join(MIGRATIONS_FOLDER, migration), { recursive: true });
    writeFileSync(join(MIGRATIONS_FOLDER, migration, "migration.sql"), script);
    if (!existsSync(LOCK_FILE)) writeFileSync(LOCK_FILE, 'provider = "sqlite"\n');
    return migration;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readMigrations(): MigrationList {
  const folders = existsSync(MIGRATIONS_FOLDER) ? readdirSync(MIGRATIONS_FOLDER, { withFileTypes: true }) : [];
  return {
    baseDir: MIGRATIONS_FOLDER,
    lockfile: {
      path: "migration_lock.toml",
      content: existsSync(LOCK_FILE) ? readFileSync(LOCK_FILE, "utf8") : null,
    },
    shadowDbInitScript: "",
    migrationDirectories: folders
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort()
      .map((name) => ({
        path: name,
        migrationFile: {
          path: "migration.sql",
          content: { tag: "ok", value: readFileSync(join(MIGRATIONS_FOLDER, name, "migration.sql"), "utf8") },
        },
      })),
  };
}

async function withEngine<Result>(url: string, use: (engine: SchemaEngine) => Promise<Result>): Promise<Result> {
  const bindings = await loadBindings();
  const adapter = createAdapter(url);
  // The engine locks the file for itself and leaves its connections open when it is freed.
  const connections: SqlDriverAdapter[] = [];
  const factory = bindMigrationAwareSqlAdapterFactory({
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    connect: async () => {
      const connection = await adapter.connect();
      connections.push(connection);
      return connection;
    },
    connectToShadowDb: () => adapter.connectToShadowDb(),
  });
  const datamodels: [string, string][] = [[SCHEMA_FILE, readFileSync(SCHEMA_FILE, "utf8")]];
  const engine = await bindings.SchemaEngine.new({ datamodels }, () => undefined, factory);
  try {
    return await use(engine);
  } finally {
    engine.free();
    for (const connection of connections) await connection.dispose();
  }
}

type Bindings = typeof import("@prisma/schema-engine-wasm") & { __wbg_set_wasm(exports: WebAssembly.Exports): void };

let loading: Promise<Bindings> | undefined;

/** The package's own entry imports the .wasm file as a module, which Node 22 cannot; so it is put together here. */
function loadBindings(): Promise<Bindings> {
  loading ??= (async () => {
    const entry = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
    const bindings = (await import(entry)) as Bindings;
    const binary = await WebAssembly.compile(readFileSync(join(dirname(entry), "schema_engine_bg.wasm")));
    const instance = await WebAssembly.instantiate(binary, { "./schema_engine_bg.js": { ...bindings } });
    bindings.__wbg_set_wasm(instance.exports);
    (instance.exports["__wbindgen_start"] as () => void)();
    return bindings;
  })();
  return loading;
}
