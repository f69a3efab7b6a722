// npm run simulate-restarts: `npm start`, stopped, killed, its clock set and its disk filled, while cards are issued. Ends with 1 if a
// block that was seen is gone, a card was issued twice, or a start did not come up by itself.
//
//   npm run simulate-restarts                              20 rounds from a seed that it chooses
//   npm run simulate-restarts -- --rounds 200 --seed 42    so many, from this seed

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { simulateRestarts } from "../test/simulation/restarts/run.ts";
import { wholeNumber } from "./lifecycle/whole-number.ts";

const { values } = parseArgs({ options: { rounds: { type: "string", default: "20" }, seed: { type: "string" } } });

const rounds = wholeNumber("rounds", values.rounds);
const seed = wholeNumber("seed", values.seed ?? String(1 + Math.floor(Math.random() * 1e9)));
console.log(`${rounds} rounds, seed ${seed}`);
const { wrong, happened, seconds } = await simulateRestarts({
  seed,
  rounds,
  onProgress: (text) => console.log(`  ${text}`),
});
for (const [what, times] of Object.entries(happened).sort()) console.log(`  ${what}: ${times}`);
for (const text of wrong.slice(0, 50)) console.error(`  WRONG: ${text}`);
console.log(
  wrong.length === 0
    ? `  all is well after ${seconds.toFixed(0)} s`
    : `  ${wrong.length} things are wrong. Again: npm run simulate-restarts -- --seed ${seed} --rounds ${rounds}`,
);
if (process.env["TEST_COUNTS_FILE"] !== undefined)
  writeFileSync(
    process.env["TEST_COUNTS_FILE"],
    JSON.stringify({ passed: wrong.length === 0 ? 1 : 0, failed: wrong.length === 0 ? 0 : 1, skipped: 0 }),
  );
process.exit(wrong.length === 0 ? 0 : 1);
