// npm run audit: holds the whole mirror against what the contracts say at the mirror's block. Ends with 1 if they differ.

import cliProgress from "cli-progress";
import { createRpc } from "../server/chain/rpc.ts";
import { openDatabase } from "../server/database/client.ts";
import { migrate } from "../server/database/migrate.ts";
import { describeFailure } from "../server/failures.ts";
import { loadWholeConfig } from "../server/half-restored.ts";
import { auditAll } from "../server/indexer/audit/audit.ts";
import type { Difference } from "../server/indexer/audit/difference.ts";
import { beginCommand } from "./lifecycle/command.ts";

/** How many differences are shown one by one. */
const MOST_SHOWN = 50;

function described({ of, mirror, chain }: Difference): string {
  const side = (values: Record<string, unknown> | undefined) =>
    values === undefined ? "nothing" : JSON.stringify(values);
  return `  ${of}\n    mirror: ${side(mirror)}\n    chain:  ${side(chain)}`;
}

async function main(): Promise<number> {
  const { databaseUrl, rpcUrl, dataFolder } = loadWholeConfig();
  await migrate(databaseUrl, { dataFolder });
  const database = await openDatabase(databaseUrl);
  const bar = new cliProgress.SingleBar({
    format: "{bar} {value}/{total} cards, {eta} s left",
    clearOnComplete: true,
  });
  try {
    let started = false;
    const report = await auditAll({
      rpc: createRpc({ url: rpcUrl }),
      database,
      onProgress(done, all) {
        if (!started) bar.start(all, 0);
        started = true;
        bar.update(done);
      },
    });
    bar.stop();
    if (report.block === undefined) {
      console.log("The mirror is empty: there is nothing to compare.");
      return 0;
    }
    const { block, cards, differences } = report;
    const as = `as of block ${block.number} (${block.hash})`;
    if (differences.length === 0) {
      console.log(`The mirror equals the chain ${as}: ${cards} cards, and every brand, collection and benefit.`);
      return 0;
    }
    console.error(`The mirror and the chain differ in ${differences.length} places ${as}:`);
    console.error(differences.slice(0, MOST_SHOWN).map(described).join("\n"));
    if (differences.length > MOST_SHOWN) console.error(`  and ${differences.length - MOST_SHOWN} more`);
    console.error(
      "Where the events in the database are right, run: npm run rebuild. Otherwise stop the server and run: npm run reset-mirror",
    );
    return 1;
  } finally {
    bar.stop();
    await database.$disconnect();
  }
}

beginCommand();
try {
  process.exitCode = await main();
} catch (error) {
  console.error(describeFailure(error));
  process.exitCode = 2;
}
