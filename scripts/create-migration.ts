// npm run create-migration -- <name>: writes the migrations that a change of schema.prisma needs, one for each database.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { createMigration } from "../server/database/create-migration.ts";
import { findPostgresql, INSTALL_POSTGRESQL, startLocalPostgresql } from "./postgresql/local-server.ts";

const ROOT = resolve(import.meta.dirname, "..");

async function main(name: string | undefined): Promise<void> {
  if (name === undefined || !/^[a-z][a-z0-9_]*$/.test(name)) {
    console.error("Name the migration in lower case, for example: npm run create-migration -- add_orders");
    process.exitCode = 2;
    return;
  }
  if (findPostgresql() === undefined) {
    console.error(`This writes a migration for PostgreSQL too, and needs its programs: ${INSTALL_POSTGRESQL}`);
    process.exitCode = 1;
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "mintmark-migration-"));
  const server = await startLocalPostgresql();
  try {
    const created = await createMigration(name, {
      sqlite: `file:${join(folder, "empty.db")}`,
      postgresql: server.url("postgres"),
    });
    if (created.length === 0) console.log("The schema has not changed: nothing to do.");
    for (const path of created) console.log(`Created ${relative(ROOT, path)}`);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main(process.argv[2]);
