// Whether a database is whole, as it says itself. Quickly at every start, and all of it when somebody asks: npm run check.

import { statSync } from "node:fs";
import type { SqlDriverAdapter } from "@prisma/driver-adapter-utils";
import { createPostgresqlAdapter, createSqliteAdapter } from "./client.ts";
import { type DatabaseLocation, locateDatabase } from "./location.ts";
import { damaged, damageOf } from "./unusable.ts";

/** The tables that the indexer writes: they can be read from the chain again. */
export const MIRROR_TABLES = new Set(
  "Checkpoint Block Event EventSubject Brand Collection Batch Card Benefit Redemption RedemptionUndoing Reissue".split(
    " ",
  ),
);

/** What is wrong with a table. */
export interface Damage {
  /** Nothing if it is the file itself. */
  table: string | undefined;
  detail: string;
}

/** How long the check at a start may take. What cannot be read from the chain again comes first. */
const QUICK_MS = 3_000;

/** The mirror's tables are the largest by far; those of a larger file are looked at by npm run check alone. */
const QUICK_MIRROR_BYTES = 256 * 1024 * 1024;

/** Throws {@link DatabaseUnusableError} if a look at the tables, one by one for some seconds, finds a database damaged. */
export async function checkQuickly(url: string): Promise<void> {
  const location = locateDatabase(url);
  // PostgreSQL checks each page that it reads, where it was set up with checksums, and has nothing quicker.
  if (location.provider === "postgresql") return;
  const connection = await createSqliteAdapter(location.file).connect();
  try {
    const deadline = performance.now() + QUICK_MS;
    const isLarge = statSync(location.file).size > QUICK_MIRROR_BYTES;
    for (const table of await tablesOf(location, connection)) {
      if (performance.now() > deadline || (isLarge && MIRROR_TABLES.has(table))) return;
      const [detail] = await checkTable(connection, table, "quick_check");
      if (detail !== undefined) throw damaged(location, `in the table ${table}: ${detail}`);
    }
  } catch (error) {
    const damage = damageOf(error);
    throw damage === undefined ? error : damaged(location, damage, error);
  } finally {
    await connection.dispose();
  }
}

/** All that the database finds wrong with itself, and how it was looked at. */
export async function checkWhole(location: DatabaseLocation): Promise<{ damage: Damage[]; how: string }> {
  switch (location.provider) {
    case "sqlite":
      return await checkSqlite(location);
    case "postgresql":
      return await checkPostgresql(location);
  }
}

async function checkSqlite(location: Extract<DatabaseLocation, { provider: "sqlite" }>) {
  const connection = await createSqliteAdapter(location.file).connect();
  const damage: Damage[] = [];
  try {
    for (const table of await tablesOf(location, connection)) {
      const details = await checkTable(connection, table, "integrity_check");
      damage.push(...details.map((detail) => ({ table, detail })));
    }
    const whole = await checkTable(connection, undefined, "integrity_check");
    if (damage.length === 0) damage.push(...whole.map((detail) => ({ table: undefined, detail })));
    for (const [table, , parent] of await query(connection, "PRAGMA foreign_key_check"))
      damage.push({ table: String(table), detail: `a row whose ${String(parent)} is not there` });
  } catch (error) {
    const detail = damageOf(error);
    if (detail === undefined) throw error;
    damage.push({ table: undefined, detail });
  } finally {
    await connection.dispose();
  }
  return { damage, how: "PRAGMA integrity_check and foreign_key_check" };
}

async function checkTable(
  connection: SqlDriverAdapter,
  table: string | undefined,
  check: "quick_check" | "integrity_check",
): Promise<string[]> {
  const argument = table === undefined ? "" : `("${table}")`;
  try {
    const rows = await query(connection, `PRAGMA ${check}${argument}`);
    return rows.map(([text]) => String(text).trim()).filter((text) => text !== "ok");
  } catch (error) {
    const detail = damageOf(error);
    if (detail === undefined) throw error;
    return [detail];
  }
}

/** Reads every table and every index, with the extension amcheck where the user may make it. */
async function checkPostgresql(location: Extract<DatabaseLocation, { provider: "postgresql" }>) {
  const connection = await (await createPostgresqlAdapter(location, { connections: 1 })).connect();
  const damage: Damage[] = [];
  let hasAmcheck = false;
  try {
    hasAmcheck = await query(connection, "CREATE EXTENSION IF NOT EXISTS amcheck").then(
      () => true,
      () => false,
    );
    for (const table of await tablesOf(location, connection)) {
      const name = `"${location.schema}"."${table}"`;
      const checks = hasAmcheck
        ? [
            `SELECT msg FROM verify_heapam('${name}')`,
            `SELECT bt_index_check(i.indexrelid, true)::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'btree' AND i.indrelid = '${name}'::regclass`,
          ]
        : [`SELECT count(*)::text FROM ${name} AS t WHERE t::text = ''`];
      for (const [index, sql] of checks.entries()) {
        try {
          const rows = await query(connection, sql);
          if (hasAmcheck && index === 0) damage.push(...rows.map(([detail]) => ({ table, detail: String(detail) })));
        } catch (error) {
          const detail = damageOf(error);
          if (detail === undefined) throw error;
          damage.push({ table, detail });
        }
      }
    }
  } finally {
    await connection.dispose();
  }
  const how = hasAmcheck
    ? "the extension amcheck: verify_heapam and bt_index_check"
    : "reading every row, without the extension amcheck, which this user may not create";
  return { damage, how };
}

/** All tables but the engine's own; those of the application first. */
async function tablesOf({ provider }: DatabaseLocation, connection: SqlDriverAdapter): Promise<string[]> {
  const sql = {
    sqlite:
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
    postgresql:
      "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY 1",
  };
  const tables = (await query(connection, sql[provider])).map(([name]) => String(name));
  const isMirror = (table: string) => MIRROR_TABLES.has(table);
  return [...tables.filter((table) => !isMirror(table)), ...tables.filter(isMirror)];
}

async function query(connection: SqlDriverAdapter, sql: string): Promise<unknown[][]> {
  return (await connection.queryRaw({ sql, args: [], argTypes: [] })).rows;
}
