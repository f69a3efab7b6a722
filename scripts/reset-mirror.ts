// npm run reset-mirror: empties the mirror's tables, all in one transaction, so that the next start reads the chain from
// its beginning; a server that runs does so at once. Application tables are not touched.

import { existsSync } from "node:fs";
import { ConfigError, loadConfig } from "../server/config.ts";
import { databaseFile, openDatabase } from "../server/database/client.ts";
import { DatabaseUnusableError, migrate } from "../server/database/migrate.ts";

async function main(): Promise<string> {
  const { databaseUrl } = loadConfig();
  const file = databaseFile(databaseUrl);
  if (!existsSync(file)) return `There is no database ${file}: nothing to reset.`;
  await migrate(databaseUrl);
  const database = await openDatabase(databaseUrl);
  try {
    const checkpoint = await database.checkpoint.findUnique({ where: { id: 1 } });
    const deleted = await database.$transaction(async (transaction) => {
      const { count: cards } = await transaction.card.deleteMany();
      await transaction.batch.deleteMany();
      await transaction.collection.deleteMany();
      await transaction.brand.deleteMany();
      const { count: events } = await transaction.event.deleteMany();
      await transaction.block.deleteMany();
      await transaction.checkpoint.deleteMany();
      return { cards, events };
    });
    if (checkpoint === null) return `The mirror in ${file} was empty already.`;
    return (
      `The mirror of chain ${checkpoint.chainId} up to block ${checkpoint.blockNumber} is gone from ${file} ` +
      `(${deleted.cards} cards, ${deleted.events} events). The server reads the chain anew: one that runs at once, or else the next that is started.`
    );
  } finally {
    await database.$disconnect();
  }
}

try {
  console.log(await main());
} catch (error) {
  const busy = error instanceof Error && /database is locked|SQLITE_BUSY/i.test(error.message);
  if (busy) console.error("The database is in use. Stop the server first, then run this again.");
  else console.error(error instanceof ConfigError || error instanceof DatabaseUnusableError ? error.message : error);
  process.exitCode = 1;
}
