// npm run simulate: an indexer on a real chain that goes back and forth, behind nodes that fail and lie, in processes that are
// killed; in the end its mirror and its outbox must be what the chain says. Ends with 1 if one of them is not.
//
//   npm run simulate                          100 simulations from a seed that it chooses
//   npm run simulate -- --runs 1000           so many
//   npm run simulate -- --from 1              from this seed on
//   npm run simulate -- --seed 42             this one, with what the writers log
//   npm run simulate -- --jobs 4              so many at the same time; each has a chain of its own

import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { describeOutcome, MOST_SEED, type Outcome, simulate } from "../test/simulation/run.ts";
import { createSummary } from "../test/simulation/summary.ts";
import { createWorld } from "../test/simulation/world.ts";
import { wholeNumber } from "./lifecycle/whole-number.ts";

/** After so many simulations a chain's node is replaced: it keeps every state that it ever had. */
const SIMULATIONS_PER_WORLD = 150;

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "100" },
    from: { type: "string" },
    seed: { type: "string" },
    jobs: { type: "string" },
  },
});
const runs = values.seed === undefined ? wholeNumber("runs", values.runs) : 1;
const first = wholeNumber("seed", values.seed ?? values.from ?? String(1 + Math.floor(Math.random() * MOST_SEED)));
// Much of a simulation is waiting.
const jobs = Math.min(runs, wholeNumber("jobs", values.jobs ?? String(availableParallelism())));

const summary = createSummary();
const started = performance.now();
let next = first;

function onOutcome(outcome: Outcome): void {
  summary.add(outcome);
  if (outcome.divergences.length > 0) console.error(`\n${describeOutcome(outcome)}`);
  if (values.seed !== undefined) console.log(outcome.logs.join("\n"));
  const perMinute = (60_000 * summary.done) / (performance.now() - started);
  const minutesLeft = (runs - summary.done) / perMinute;
  const line = `${summary.done} of ${runs} simulations, ${summary.failedSeeds.length} diverged; ${perMinute.toFixed(0)} a minute, ${minutesLeft.toFixed(1)} minutes left`;
  if (process.stdout.isTTY) process.stdout.write(`\r${line}\x1b[K`);
  else if (summary.done % 20 === 0) console.log(line);
}

async function work(): Promise<void> {
  while (next < first + runs) {
    const world = await createWorld();
    try {
      for (let done = 0; done < SIMULATIONS_PER_WORLD && next < first + runs; done++) {
        const outcome = await simulate(world, next++);
        onOutcome(outcome);
        // What is wrong may be wrong with the chain's node.
        if (outcome.divergences.length > 0) break;
      }
    } finally {
      await world.close();
    }
  }
}

console.log(`${runs} simulations, seeds ${first} to ${first + runs - 1}, ${jobs} at a time`);
await Promise.all(Array.from({ length: jobs }, work));
console.log(`\n${summary.text((performance.now() - started) / 1000)}`);
if (process.env["TEST_COUNTS_FILE"] !== undefined) {
  const failed = summary.failedSeeds.length;
  writeFileSync(process.env["TEST_COUNTS_FILE"], JSON.stringify({ passed: summary.done - failed, failed, skipped: 0 }));
}
process.exit(summary.failedSeeds.length === 0 ? 0 : 1);
