// npm run fuzz-api: requests that are made up from the OpenAPI document, right and wrong ones, against a server on each database. Every
// answer must be one that the document gives the operation, and none a fault of the server's.
//
//   npm run fuzz-api                                       20,000 requests from a seed that it chooses
//   npm run fuzz-api -- --seed 42 --runs 100000
//   npm run fuzz-api -- --seed 42 --database postgresql    on that one alone
//   npm run fuzz-api -- --report                           says for each operation what it was answered

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type FuzzResult, fuzzApi } from "../test/fuzz-api/run.ts";
import { postgresql, sqlite } from "../test/support/databases.ts";
import { findPostgresql, INSTALL_POSTGRESQL } from "./postgresql/local-server.ts";

const { values: options } = parseArgs({
  options: {
    seed: { type: "string" },
    runs: { type: "string", default: "20000" },
    database: { type: "string" },
    report: { type: "boolean", default: false },
  },
});

const KINDS = { sqlite, postgresql };
const runs = whole("runs", options.runs);
const seed = options.seed === undefined ? Math.floor(Math.random() * 2 ** 24) : whole("seed", options.seed);
if (options.database !== undefined && !(options.database in KINDS))
  throw new Error(`--database is ${options.database}; it must be sqlite or postgresql.`);
const chosen =
  options.database === undefined ? (["sqlite", "postgresql"] as const) : [options.database as keyof typeof KINDS];

/** So many operations may be left without any request that was granted. */
const MOST_NEVER_DONE = 6;

const counts = { passed: 0, failed: 0, skipped: 0 };
for (const name of chosen) {
  const kind = KINDS[name];
  if (kind === postgresql && findPostgresql() === undefined) {
    counts.skipped++;
    console.log(`${kind.name}: skipped, because it is not installed: ${INSTALL_POSTGRESQL}`);
    continue;
  }
  const result = await fuzzApi({ kind, seed, requests: Math.ceil(runs / chosen.length) });
  const rate = Math.round(result.requests / result.seconds);
  console.log(`${kind.name}: ${result.requests} requests in ${result.seconds.toFixed(1)} s (${rate}/s), seed ${seed}`);
  if (options.report) report(result);
  if (result.neverDone.length > 0) console.log(`Never answered as asked: ${result.neverDone.join(", ")}`);
  // Chance leaves out a few; where there are more, requests do not reach what they are to look into.
  const isBlind = result.requests >= 10_000 && result.neverDone.length > MOST_NEVER_DONE;
  if (result.failure === undefined && !isBlind) counts.passed++;
  else {
    counts.failed++;
    if (result.failure !== undefined) console.error(`\n${result.failure}`);
    console.error(`\nRepeat it with: npm run fuzz-api -- --seed ${seed} --runs ${runs} --database ${name}`);
  }
}
if (process.env["TEST_COUNTS_FILE"] !== undefined)
  writeFileSync(process.env["TEST_COUNTS_FILE"], JSON.stringify(counts));
process.exit(counts.failed === 0 ? 0 : 1);

function report({ seen }: FuzzResult): void {
  for (const [operation, statuses] of [...seen].toSorted(([a], [b]) => a.localeCompare(b))) {
    const told = [...statuses].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
    console.log(`  ${operation.padEnd(60)} ${told.join(", ")}`);
  }
}

function whole(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new Error(`--${name} is ${text}; it must be a whole number.`);
  return number;
}
