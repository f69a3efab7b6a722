// npm run check: looks at the whole database, and changes nothing. Says what is damaged, and what helps. Ends with 1 if anything is.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ConfigError, loadConfig } from "../server/config.ts";
import { openDatabase } from "../server/database/client.ts";
import { readDatabaseState } from "../server/database/database-state.ts";
import { checkWhole, type Damage, MIRROR_TABLES } from "../server/database/integrity.ts";
import { requireKnownDatabase, requireSameDatabase } from "../server/database/known-database.ts";
import { type DatabaseLocation, describeDatabase, locateDatabase } from "../server/database/location.ts";
import { DatabaseUnusableError, damaged, damageOf } from "../server/database/unusable.ts";
import { loadWholeConfig } from "../server/half-restored.ts";
import { createMirror } from "../server/indexer/mirror.ts";
import { brokenInvariants } from "./check/invariants.ts";

const SHOWN = 10;

/** Whether all is well. */
async function main(): Promise<boolean> {
  const { databaseUrl, dataFolder } = loadWholeConfig();
  const location = locateDatabase(databaseUrl);
  if (location.provider === "sqlite") {
    const size = statSync(location.file, { throwIfNoEntry: false })?.size ?? 0;
    requireKnownDatabase(dataFolder, location, size === 0);
    if (size === 0) throw new DatabaseUnusableError(`There is no database ${location.file}: nothing to check.`);
  }
  const { damage, how } = await checkWhole(location);
  if (damage.length > 0) {
    for (const { table, detail } of damage.slice(0, SHOWN)) console.log(`✗ ${table ?? "the file"}: ${detail}`);
    if (damage.length > SHOWN) console.log(`  … and ${damage.length - SHOWN} more`);
    console.log(adviceFor(location, damage));
    return false;
  }
  console.log(`✓ ${describeDatabase(location)} is whole, by ${how}.`);

  const database = await openDatabase(databaseUrl, { readsOnly: true });
  try {
    await requireSameDatabase(dataFolder, location, () => readDatabaseState(database));
    console.log("✓ It has all commits that this data folder has seen.");
    const broken = await brokenInvariants(database);
    for (const sentence of broken) console.log(`✗ ${sentence}`);
    if (broken.length > 0) {
      console.log(
        "Something of it was lost. Restore a backup with npm run restore -- <archive>, which compares orders with the chain.",
      );
      return false;
    }
    console.log("✓ Orders, commands, transactions and nonces fit together.");
  } finally {
    await database.$disconnect();
  }
  return location.provider === "postgresql" || (await mirrorIsFold(location));
}

/** Whether the mirror's tables are what follows from the stored events: they are made anew in a copy, so that nobody has to wait. */
async function mirrorIsFold({ file }: Extract<DatabaseLocation, { provider: "sqlite" }>): Promise<boolean> {
  const folder = mkdtempSync(join(dirname(file), "check-"));
  try {
    const copy = join(folder, "copy.db");
    const database = await openDatabase(`file:${file}`);
    try {
      await database.$executeRaw`VACUUM INTO ${copy}`;
    } finally {
      await database.$disconnect();
    }
    const rebuilt = await openDatabase(`file:${copy}`, { writesMuch: true });
    try {
      const { before, after, events } = await createMirror({ database: rebuilt }).rebuild();
      const stored = `${events.toLocaleString("en")} stored events`;
      console.log(
        before === after
          ? `✓ The mirror is what follows from its ${stored}. npm run audit compares it with the chain.`
          : `✗ The mirror is not what follows from its ${stored}. Stop the server and run: npm run rebuild`,
      );
      return before === after;
    } finally {
      await rebuilt.$disconnect();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function adviceFor(location: DatabaseLocation, damage: readonly Damage[]): string {
  const isSqlite = location.provider === "sqlite";
  if (isSqlite && damage.every(({ detail }) => /index/i.test(detail)))
    return `Only indexes are damaged, which follow from the tables. Stop the server and run: sqlite3 ${location.file} REINDEX`;
  if (damage.every(({ table }) => table !== undefined && MIRROR_TABLES.has(table)))
    return "Only tables are damaged that can be read from the chain again. Stop the server and run: npm run reset-mirror. If that fails, restore a backup: npm run restore -- <archive>";
  const salvage = isSqlite
    ? ` Without one, SQLite's own recovery saves what can still be read: sqlite3 ${location.file} .recover | sqlite3 recovered.db`
    : "";
  return `Orders, keys, customers and webhooks are only here: keep the database. Restore a backup with npm run restore -- <archive>, which compares orders with the chain.${salvage}`;
}

try {
  if (!(await main())) process.exitCode = 1;
} catch (error) {
  const isExpected = error instanceof ConfigError || error instanceof DatabaseUnusableError;
  const damage = damageOf(error);
  if (isExpected) console.error(error.message);
  else if (damage !== undefined) console.error(damaged(locateDatabase(loadConfig().databaseUrl), damage).message);
  else console.error(error);
  process.exitCode = 1;
}
