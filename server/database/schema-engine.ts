// Prisma's schema engine in its WebAssembly build, because the engine binary that the Prisma CLI wants does not come from the
// npm registry.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { PrismaPg } from "@prisma/adapter-pg";
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
  type SqlResultSet,
} from "@prisma/driver-adapter-utils";
import type { SchemaEngine } from "@prisma/schema-engine-wasm";
import { createPostgresqlAdapter, createSqliteAdapter } from "./client.ts";
import type { DatabaseLocation } from "./location.ts";
import { schemaFileFor, schemaFor } from "./schema-variant.ts";

/**
 * Runs `use` with an engine for the database.
 * @param options.atomic Whether all that it does is one transaction, so that whoever is interrupted has changed nothing.
 */
export async function withEngine<Result>(
  location: DatabaseLocation,
  { atomic = false }: { atomic?: boolean },
  use: (engine: SchemaEngine) => Promise<Result>,
): Promise<Result> {
  const bindings = await loadBindings();
  const adapter = await createEngineAdapter(location);
  // The engine locks the database for itself and leaves its connections open when it is freed.
  const connections: SqlDriverAdapter[] = [];
  const failures: unknown[] = [];
  const noting = async <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    try {
      return await answer;
    } catch (error) {
      failures.push(error);
      throw error;
    }
  };
  async function connect(): Promise<SqlDriverAdapter> {
    const connection = await adapter.connect();
    connections.push(connection);
    if (!atomic) return connection;
    await begin(location, connection);
    return notingFailures(connection, noting);
  }
  const factory = bindMigrationAwareSqlAdapterFactory({
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    connect: () => noting(connect()),
    connectToShadowDb: () => adapter.connectToShadowDb(),
  });
  const { provider } = location;
  const datamodels: [string, string][] = [[schemaFileFor(provider), schemaFor(provider)]];
  let engine: SchemaEngine | undefined;
  try {
    engine = await bindings.SchemaEngine.new({ datamodels }, () => undefined, factory);
    const result = await use(engine);
    if (atomic) for (const connection of connections) await execute(connection, "COMMIT");
    return result;
  } catch (error) {
    // The engine loses the driver's codes, and what it says after the first failure is about a transaction that has failed.
    throw failures[0] ?? error;
  } finally {
    engine?.free();
    // What was not committed is taken back.
    for (const connection of connections) await connection.dispose();
  }
}

async function begin({ provider }: DatabaseLocation, connection: SqlDriverAdapter): Promise<void> {
  // Migrations that make a table anew say so themselves, but within a transaction it is too late.
  if (provider === "sqlite") await execute(connection, "PRAGMA foreign_keys = OFF");
  await execute(connection, provider === "sqlite" ? "BEGIN IMMEDIATE" : "BEGIN");
}

async function execute(connection: SqlDriverAdapter, sql: string): Promise<void> {
  await connection.queryRaw({ sql, args: [], argTypes: [] });
}

/** The connection, with all that it is asked for going through `noting`. */
function notingFailures(
  connection: SqlDriverAdapter,
  noting: <Answer>(answer: Promise<Answer>) => Promise<Answer>,
): SqlDriverAdapter {
  const queryRaw = connection.queryRaw.bind(connection);
  const executeRaw = connection.executeRaw.bind(connection);
  const executeScript = connection.executeScript.bind(connection);
  return Object.assign(connection, {
    queryRaw: (query: SqlQuery) => noting(queryRaw(query)),
    executeRaw: (query: SqlQuery) => noting(executeRaw(query)),
    executeScript: (script: string) => noting(executeScript(script)),
  });
}

async function createEngineAdapter(location: DatabaseLocation): Promise<SqlMigrationAwareDriverAdapterFactory> {
  switch (location.provider) {
    case "sqlite":
      return createSqliteAdapter(location.file);
    case "postgresql": {
      // One connection, because the engine's lock belongs to the session that took it.
      const adapter = await createPostgresqlAdapter(location, { connections: 1 });
      return {
        provider: adapter.provider,
        adapterName: adapter.adapterName,
        connect: async () => forEngine(await adapter.connect()),
        connectToShadowDb: () => adapter.connectToShadowDb(),
      };
    }
  }
}

/** What the driver answers, as far as it matters here. */
interface QueryResult {
  fields: { dataTypeID: number }[];
  rows: unknown[];
}

type PostgresqlConnection = Awaited<ReturnType<PrismaPg["connect"]>>;

/** PostgreSQL's catalogue has columns of a type called "char", with its quotes, which the adapter does not know. */
const CATALOGUE_CHAR = 18;
const TEXT = 25;

/** The adapter's connection, with what the engine needs besides what the client does. */
function forEngine(connection: PostgresqlConnection): PostgresqlConnection {
  const pool = connection.underlyingDriver();
  const queryPool = pool.query.bind(pool) as (query: unknown) => Promise<QueryResult>;
  const queryRaw = connection.queryRaw.bind(connection);
  // Which columns of an answer are of that type, by its rows, which the adapter passes on as they are.
  const characterColumns = new WeakMap<object, number[]>();
  Object.assign(pool, {
    async query(request: unknown): Promise<QueryResult> {
      const result = await queryPool(request);
      const found = result.fields.flatMap(({ dataTypeID }, index) => (dataTypeID === CATALOGUE_CHAR ? [index] : []));
      for (const index of found) Object.assign(result.fields[index] ?? {}, { dataTypeID: TEXT });
      characterColumns.set(result.rows, found);
      return result;
    },
  });
  return Object.assign(connection, {
    // The adapter's own cuts a script at every semicolon, those in texts and comments too, and sends the pieces one by one.
    // The server takes it whole and then does all of it or nothing.
    async executeScript(script: string): Promise<void> {
      await queryPool(script);
    },
    async queryRaw(query: SqlQuery): Promise<SqlResultSet> {
      const result = await queryRaw(query);
      for (const index of characterColumns.get(result.rows) ?? []) result.columnTypes[index] = ColumnTypeEnum.Character;
      return result;
    },
  });
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
