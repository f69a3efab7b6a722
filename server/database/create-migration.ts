// Writes the migration that a change of the schema needs, for every database.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { locateDatabase } from "./location.ts";
import { migrate } from "./migrate.ts";
import { LOCK_FILE, migrationsFolder, NO_FILTERS } from "./migrations.ts";
import { withEngine } from "./schema-engine.ts";
import { PROVIDERS, type Provider, schemaFileFor, schemaFor } from "./schema-variant.ts";

/** The SQL that leads a database from where its migrations end to the schema; nothing if there is no difference. */
export async function missingMigration(emptyDatabaseUrl: string): Promise<string | undefined> {
  await migrate(emptyDatabaseUrl);
  const location = locateDatabase(emptyDatabaseUrl);
  const { provider } = location;
  const schema = { files: [{ path: schemaFileFor(provider), content: schemaFor(provider) }] };
  const { stdout: script } = await withEngine(location, {}, (engine) =>
    engine.diff({
      from: { tag: "schemaDatasource", ...schema, configDir: import.meta.dirname },
      to: { tag: "schemaDatamodel", ...schema },
      script: true,
      exitCode: null,
      filters: NO_FILTERS,
    }),
  );
  if (script === null || /^\s*(-- This is an empty migration\.\s*)?$/.test(script)) return undefined;
  return provider === "postgresql" ? withByteOrder(script) : script;
}

/**
 * Writes the migration that leads from the existing ones to the schema, for every database that needs one.
 * @param emptyDatabases A database of each kind, which is made use of.
 * @returns The folders that were written.
 */
export async function createMigration(name: string, emptyDatabases: Record<Provider, string>): Promise<string[]> {
  const migration = `${new Date().toISOString().replace(/\D/g, "").slice(0, 14)}_${name}`;
  const scripts: [Provider, string][] = [];
  for (const provider of PROVIDERS) {
    const script = await missingMigration(emptyDatabases[provider]);
    if (script !== undefined) scripts.push([provider, script]);
  }
  // Only now, so that a failure leaves none behind that the others lack.
  return scripts.map(([provider, script]) => {
    const folder = join(migrationsFolder(provider), migration);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "migration.sql"), script);
    const lockFile = join(migrationsFolder(provider), LOCK_FILE);
    if (!existsSync(lockFile)) writeFileSync(lockFile, `provider = "${provider}"\n`);
    return folder;
  });
}

/**
 * Orders texts by their bytes, as SQLite does, whatever the language of the server: lists and their cursors rely on one
 * order. The schema cannot say it, and the engine does not look at it when it compares.
 */
function withByteOrder(script: string): string {
  return script.replace(/(?<=" |\bTYPE )TEXT\b(?! COLLATE)/g, 'TEXT COLLATE "C"');
}
