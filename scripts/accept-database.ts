// npm run accept-database: goes on with a database that is another one than the data folder knows, or has lost something. What is lost
// stays lost; the database itself is not changed.

import { existsSync } from "node:fs";
import { ConfigError } from "../server/config.ts";
import { openDatabase } from "../server/database/client.ts";
import { readDatabaseState } from "../server/database/database-state.ts";
import { checkQuickly } from "../server/database/integrity.ts";
import { knownDatabaseFile, readKnownDatabase, rememberDatabase } from "../server/database/known-database.ts";
import { describeDatabase, locateDatabase } from "../server/database/location.ts";
import { migrate } from "../server/database/migrate.ts";
import { DatabaseUnusableError } from "../server/database/unusable.ts";
import { loadWholeConfig } from "../server/half-restored.ts";

async function main(): Promise<string> {
  const { databaseUrl, dataFolder } = loadWholeConfig();
  const location = locateDatabase(databaseUrl);
  const where = describeDatabase(location);
  if (location.provider === "sqlite" && !existsSync(location.file))
    throw new DatabaseUnusableError(`There is no database ${where}: nothing to accept.`);
  const known = readKnownDatabase(knownDatabaseFile(dataFolder, location));
  await migrate(databaseUrl);
  await checkQuickly(databaseUrl);
  const database = await openDatabase(databaseUrl);
  try {
    const state = await readDatabaseState(database);
    rememberDatabase(dataFolder, location, state);
    if (known === undefined) return `${where} is remembered, with ${state.commits} commits.`;
    const lost = known.name === state.name ? Math.max(0, known.commits - state.commits) : known.commits;
    return lost === 0
      ? `${where} is complete: nothing had to be accepted.`
      : `${where} is accepted with ${state.commits} commits, without the ${lost} that this data folder had seen besides. Cards that were issued in them are on the chain; orders that were not are lost: ask the shops to send those again, with the same Idempotency-Key.`;
  } finally {
    await database.$disconnect();
  }
}

try {
  console.log(await main());
} catch (error) {
  console.error(error instanceof ConfigError || error instanceof DatabaseUnusableError ? error.message : error);
  process.exitCode = 1;
}
