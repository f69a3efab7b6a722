// npm run simulate-restores: orders while archives are made, servers that are killed, an archive put back, and all orders sent again: no card is there
// twice, and every one has its order or is listed. Ends with 1 if not.
//
//   npm run simulate-restores                               10 rounds on SQLite from a seed that it chooses
//   npm run simulate-restores -- --rounds 100 --seed 42     so many rounds, from this seed
//   npm run simulate-restores -- --database postgresql      on PostgreSQL instead of SQLite

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { simulateRestores } from "../test/simulation/restores/run.ts";
import { bringDatabases } from "./bench/world/databases.ts";
import { wholeNumber } from "./lifecycle/whole-number.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "10" },
    seed: { type: "string" },
    database: { type: "string", default: "sqlite" },
  },
});

/** Rounds in one world: orders of earlier rounds are sent again in each. */
const ROUNDS_TOGETHER = 5;

const rounds = wholeNumber("rounds", values.rounds);
const first = wholeNumber("seed", values.seed ?? String(1 + Math.floor(Math.random() * 1e9)));
if (values.database !== "sqlite" && values.database !== "postgresql") {
  console.error(`--database must be sqlite or postgresql, not "${values.database}".`);
  process.exit(2);
}

const databases = await bringDatabases([values.database]);
let passed = 0;
let failed = 0;
try {
  const [kind] = databases.kinds;
  if (kind === undefined) throw new Error(`${values.database} is not installed`);
  for (let done = 0, seed = first; done < rounds; done += ROUNDS_TOGETHER, seed++) {
    const together = Math.min(ROUNDS_TOGETHER, rounds - done);
    console.log(`${together} rounds, seed ${seed}, ${kind.name}`);
    const outcome = await simulateRestores({
      seed,
      rounds: together,
      kind,
      onProgress: (text) => console.log(`  ${text}`),
    });
    for (const [what, times] of Object.entries(outcome.happened).sort()) console.log(`  ${what}: ${times}`);
    for (const text of outcome.wrong.slice(0, 50)) console.error(`  WRONG: ${text}`);
    if (outcome.wrong.length > 0) {
      failed++;
      console.error(
        `  Again: npm run simulate-restores -- --seed ${seed} --rounds ${together} --database ${values.database}`,
      );
    } else {
      passed++;
      console.log(`  all is well after ${outcome.seconds.toFixed(0)} s`);
    }
  }
} finally {
  await databases.stop();
}
if (process.env["TEST_COUNTS_FILE"] !== undefined)
  writeFileSync(process.env["TEST_COUNTS_FILE"], JSON.stringify({ passed, failed, skipped: 0 }));
process.exit(failed === 0 ? 0 : 1);
