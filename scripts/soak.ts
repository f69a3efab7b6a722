// npm run soak: the real system under ordinary traffic, watched by Prometheus with our alarm rules. Ends with 1 if an alarm fires.
//
//   npm run soak -- --minutes 30                          from a seed that it chooses, on SQLite
//   npm run soak -- --minutes 30 --database postgresql --seed 7

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { bringDatabases } from "./bench/world/databases.ts";
import { findProgram, INSTALL_PROMETHEUS } from "./soak/prometheus.ts";
import { soak } from "./soak/soak.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    database: { type: "string", default: "sqlite" },
    seed: { type: "string" },
  },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed ?? 1 + Math.floor(Math.random() * 1e9));
const problems = [
  !(minutes > 0) && `--minutes takes a number above 0, not "${values.minutes}".`,
  !Number.isSafeInteger(seed) && `--seed takes a whole number, not "${values.seed}".`,
  !["sqlite", "postgresql"].includes(values.database) && `--database must be sqlite or postgresql.`,
].filter((problem) => problem !== false);
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(2);
}

function end(counts: { passed: number; failed: number; skipped: number }): never {
  if (process.env["TEST_COUNTS_FILE"] !== undefined)
    writeFileSync(process.env["TEST_COUNTS_FILE"], JSON.stringify(counts));
  process.exit(counts.failed === 0 ? 0 : 1);
}

if (findProgram("prometheus") === undefined) {
  console.warn(`Skipped: Prometheus is not installed. Install it: ${INSTALL_PROMETHEUS}`);
  end({ passed: 0, failed: 0, skipped: 1 });
}
const databases = await bringDatabases([values.database]);
try {
  const [kind] = databases.kinds;
  if (kind === undefined) throw new Error(`${values.database} is not installed`);
  console.log(`${minutes} minutes of ordinary traffic, seed ${seed}, ${kind.name}`);
  const outcome = await soak({ minutes, seed, kind, onProgress: (text) => console.log(`  ${text}`) });
  for (const [name, count] of Object.entries(outcome.answers)) console.log(`  ${name}: ${count}`);
  console.log(`  ${outcome.orders} orders, ${outcome.webhooks} webhooks, ${outcome.scrapes} scrapes`);
  for (const [name, seconds] of Object.entries(outcome.pending)) console.log(`  pending: ${name}, ${seconds} s`);
  for (const [name, seconds] of Object.entries(outcome.fired)) console.error(`  FIRED: ${name}, ${seconds} s`);
  for (const text of outcome.wrong) console.error(`  WRONG: ${text}`);
  const failed = Object.keys(outcome.fired).length + outcome.wrong.length;
  console.log(failed === 0 ? "  no alarm fired" : `  Again: npm run soak -- --minutes ${minutes} --seed ${seed}`);
  await databases.stop();
  end({ passed: failed === 0 ? 1 : 0, failed, skipped: 0 });
} catch (error) {
  await databases.stop();
  throw error;
}
