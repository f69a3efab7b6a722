// npm run rebuild: makes the mirror's tables anew from the events that are stored, without asking the chain, and says whether
// that changed anything. Readers see the old tables until the new ones are complete.

import { openDatabase } from "../server/database/client.ts";
import { migrate } from "../server/database/migrate.ts";
import { describeFailure } from "../server/failures.ts";
import { loadWholeConfig } from "../server/half-restored.ts";
import { createLease, holdWhenFree, LeaseLostError } from "../server/indexer/lease.ts";
import { createMirror } from "../server/indexer/mirror.ts";
import { beginCommand } from "./lifecycle/command.ts";

async function main(): Promise<void> {
  const { databaseUrl, dataFolder } = loadWholeConfig();
  await migrate(databaseUrl, { dataFolder });
  const database = await openDatabase(databaseUrl, { writesMuch: true });
  const lease = createLease({ database });
  try {
    if (!(await holdWhenFree(lease))) throw new LeaseLostError();
    let shown = performance.now();
    const { events, before, after, seconds } = await createMirror({ database, lease }).rebuild((done) => {
      if (performance.now() - shown < 1_000) return;
      shown = performance.now();
      console.log(`  ${done.toLocaleString("en")} events`);
    });
    const rate = Math.round(events / seconds.folding).toLocaleString("en");
    console.log(
      `Rebuilt from ${events.toLocaleString("en")} events in ${seconds.folding.toFixed(1)} s (${rate} events/s), ` +
        `and compared with what was there in ${seconds.hashing.toFixed(1)} s.`,
    );
    console.log(before === after ? `Nothing has changed: state ${after}` : `State ${before}\nis now ${after}`);
  } finally {
    await lease.release();
    await database.$disconnect();
  }
}

beginCommand();
try {
  await main();
} catch (error) {
  if (error instanceof LeaseLostError)
    console.error(
      "A server is writing the mirror. Stop it first, then run this again; it needs no rebuilding while it is right.",
    );
  else console.error(describeFailure(error));
  process.exitCode = 1;
}
