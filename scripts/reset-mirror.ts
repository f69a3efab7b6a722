// npm run reset-mirror: empties the mirror's tables, all in one transaction, so that the next start reads the chain from
// its beginning; a server that runs does so at once. Application tables are not touched.

import { existsSync } from "node:fs";
import { openDatabase } from "../server/database/client.ts";
import { describeDatabase, locateDatabase } from "../server/database/location.ts";
import { migrate } from "../server/database/migrate.ts";
import { describeFailure } from "../server/failures.ts";
import { loadWholeConfig } from "../server/half-restored.ts";
import { createMirror } from "../server/indexer/mirror.ts";
import { beginCommand } from "./lifecycle/command.ts";

async function main(): Promise<string> {
  const { databaseUrl, dataFolder } = loadWholeConfig();
  const location = locateDatabase(databaseUrl);
  const where = describeDatabase(location);
  if (location.provider === "sqlite" && !existsSync(location.file)) {
    return `There is no database ${where}: nothing to reset.`;
  }
  await migrate(databaseUrl, { dataFolder });
  const database = await openDatabase(databaseUrl);
  try {
    const mirror = createMirror({ database });
    const checkpoint = await mirror.checkpoint();
    if (checkpoint === undefined) return `The mirror in ${where} was empty already.`;
    const [cards, events] = [await database.card.count(), await database.event.count()];
    await mirror.clear();
    return (
      `The mirror of chain ${checkpoint.chainId} up to block ${checkpoint.block.number} is gone from ${where} ` +
      `(${cards} cards, ${events} events). The server reads the chain anew: one that runs at once, or else the next that is started.`
    );
  } finally {
    await database.$disconnect();
  }
}

beginCommand();
try {
  console.log(await main());
} catch (error) {
  const busy = error instanceof Error && /database is locked|SQLITE_BUSY/i.test(error.message);
  if (busy) console.error("The database is in use. Stop the server first, then run this again.");
  else console.error(describeFailure(error));
  process.exitCode = 1;
}
