// The migrations of each database, in folders of their own. Where a migration has one name in several folders, it does the
// same in each.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { MigrationList } from "@prisma/schema-engine-wasm";
import type { Provider } from "./schema-variant.ts";

export const LOCK_FILE = "migration_lock.toml";
/** What the engine is to leave alone: nothing. */
export const NO_FILTERS = { externalTables: [], externalEnums: [] };

export function migrationsFolder(provider: Provider): string {
  return join(import.meta.dirname, "migrations", provider);
}

/** The migrations of a database, oldest first, as the engine takes them. */
export function readMigrations(provider: Provider): MigrationList {
  const folder = migrationsFolder(provider);
  const entries = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
  const lockFile = join(folder, LOCK_FILE);
  return {
    baseDir: folder,
    lockfile: { path: LOCK_FILE, content: existsSync(lockFile) ? readFileSync(lockFile, "utf8") : null },
    shadowDbInitScript: "",
    migrationDirectories: entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort()
      .map((name) => ({
        path: name,
        migrationFile: {
          path: "migration.sql",
          content: { tag: "ok", value: readFileSync(join(folder, name, "migration.sql"), "utf8") },
        },
      })),
  };
}
