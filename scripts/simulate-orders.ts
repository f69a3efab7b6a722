// npm run simulate-orders: thousands of orders with retries and duplicates, at two servers that are killed, on a chain whose node
// fails and whose key others use as well. In the end each order is issued once, or failed with a reason. Ends with 1 if not.
//
//   npm run simulate-orders                               2,000 orders from a seed that it chooses
//   npm run simulate-orders -- --orders 10000 --seed 42   so many, from this seed
//   npm run simulate-orders -- --database postgresql      on PostgreSQL instead of SQLite
//   npm run simulate-orders -- --runs 5                   from so many seeds, one after the other

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { simulateOrders } from "../test/simulation/orders/run.ts";
import { bringDatabases } from "./bench/world/databases.ts";
import { wholeNumber } from "./lifecycle/whole-number.ts";

const { values } = parseArgs({
  options: {
    orders: { type: "string", default: "2000" },
    seed: { type: "string" },
    runs: { type: "string", default: "1" },
    database: { type: "string", default: "sqlite" },
  },
});

const orders = wholeNumber("orders", values.orders);
const runs = wholeNumber("runs", values.runs);
const first = wholeNumber("seed", values.seed ?? String(1 + Math.floor(Math.random() * 1e9)));
if (values.database !== "sqlite" && values.database !== "postgresql") {
  console.error(`--database must be sqlite or postgresql, not "${values.database}".`);
  process.exit(2);
}

const databases = await bringDatabases([values.database]);
let failed = 0;
try {
  const [kind] = databases.kinds;
  if (kind === undefined) throw new Error(`${values.database} is not installed`);
  for (let seed = first; seed < first + runs; seed++) {
    console.log(`${orders} orders, seed ${seed}, ${kind.name}`);
    const outcome = await simulateOrders({ seed, orders, kind, onProgress: (text) => console.log(`  ${text}`) });
    for (const [what, times] of Object.entries(outcome.happened).sort()) console.log(`  ${what}: ${times}`);
    for (const text of outcome.wrong.slice(0, 50)) console.error(`  WRONG: ${text}`);
    if (outcome.wrong.length > 0) {
      failed++;
      console.error(
        `  ${outcome.wrong.length} things are wrong. Again: npm run simulate-orders -- --seed ${seed} --orders ${orders}`,
      );
    } else {
      console.log(`  all is well after ${outcome.seconds.toFixed(0)} s`);
    }
  }
} finally {
  await databases.stop();
}
if (process.env["TEST_COUNTS_FILE"] !== undefined)
  writeFileSync(process.env["TEST_COUNTS_FILE"], JSON.stringify({ passed: runs - failed, failed, skipped: 0 }));
process.exit(failed === 0 ? 0 : 1);
