// npm test: types, lint, contract tests, server and browser tests. Ends with one line that adds everything up.
//
//   npm test -- --long                                 and what takes longer: more fuzzing, servers that are killed again and again,
//                                                      the example store, simulations, coverage, mutants; CI runs this
//   npm test -- test/server/indexer/fold.test.ts       arguments are passed on to mocha and leave out everything else

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Counts, runChecks } from "./checks.ts";
import { run, runScript } from "./run.ts";

/** The suites besides the contracts', those with the longest files first, lest one of them is left alone in the end. */
const SUITES = [
  "test/e2e/**/*.test.ts",
  "test/scripts/**/*.test.ts",
  "test/web/**/*.test.ts",
  "test/server/**/*.test.ts",
  "packages/*/test/**/*.test.ts",
];

/** Servers that are killed, and databases and chains that go away, again and again. */
const LONG_SUITE = "test/long/**/*.test.ts";

/** Of the suites, what takes minutes of a processor: left to the long run, so that what everybody runs stays below ten. */
const LONG_FILES = [
  "test/e2e/shop.test.ts",
  "test/server/http/imports.test.ts",
  "test/server/indexer/audit.test.ts",
  "test/server/indexer/faults.test.ts",
  "test/server/indexer/resume.test.ts",
  "test/server/issuance/sending/redemption-crashes.test.ts",
];

/** Most tests wait most of the time: for blocks, for servers to start, for time-outs. */
const PARALLEL = ["--parallel", "--jobs", "3"];

/** How many mutants are tried besides those that leave out an event: some 3 minutes' worth. `npm run mutate` tries all. */
const SAMPLED_MUTANTS = "40";

/** How many requests are made up from the OpenAPI document, on both databases together: a minute's worth. */
const FUZZED_REQUESTS = "20000";

/** How many simulations are run: some 2 minutes' worth. */
const SIMULATIONS = "60";

/** How many orders a simulated shop takes, on each database: a minute's worth. */
const SIMULATED_ORDERS = "2000";

/** How many archives are put back while orders come, on each database: two minutes' worth. */
const RESTORES = "10";

const folder = mkdtempSync(join(tmpdir(), "mintmark-test-"));

/** Runs a test suite and reads what its reporter counted. A suite that breaks off before that counts as one failure. */
async function suite(title: string, start: (environment: NodeJS.ProcessEnv) => Promise<number>): Promise<Counts> {
  console.log(`\n▸ ${title}`);
  const file = join(folder, `${title}.json`);
  const started = performance.now();
  const code = await start({ TEST_COUNTS_FILE: file });
  console.log(`${title}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  let counts: Counts;
  try {
    counts = JSON.parse(readFileSync(file, "utf8")) as Counts;
  } catch {
    console.error(`${title}: ended with code ${code} before its tests were done`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

const long = process.argv.includes("--long");
const chosen = process.argv.slice(2).filter((argument) => argument !== "--long");
const results: Counts[] = [];
try {
  if (chosen.length === 0) {
    results.push(await runChecks());
    results.push(await suite("contracts", (counts) => run("hardhat", ["test", "mocha"], counts)));
    results.push(await suite("Solidity tests", (counts) => runScript("fuzz.ts", long ? [] : ["--quick"], counts)));
  }
  const all = chosen.length === 0;
  // A test that leaves a handle open would otherwise keep a failed run from ending.
  const left = LONG_FILES.flatMap((file) => ["--ignore", file]);
  const args = ["--exit", ...(all ? [...PARALLEL, ...left, ...SUITES] : chosen)];
  if (all && !long) console.log(`\nLeft to npm test -- --long: ${LONG_FILES.join(", ")}`);
  results.push(await suite(all ? "server, pages, scripts" : "chosen tests", (counts) => run("mocha", args, counts)));
  if (long) {
    const endurance = ["--exit", ...PARALLEL, ...LONG_FILES, LONG_SUITE];
    results.push(await suite("servers in trouble", (counts) => run("mocha", endurance, counts)));
    results.push(await suite("fuzzed API", (counts) => runScript("fuzz-api.ts", ["--runs", FUZZED_REQUESTS], counts)));
    results.push(await suite("simulations", (counts) => runScript("simulate.ts", ["--runs", SIMULATIONS], counts)));
    for (const database of ["sqlite", "postgresql"]) {
      const options = ["--orders", SIMULATED_ORDERS, "--database", database];
      results.push(
        await suite(`simulated orders on ${database}`, (counts) => runScript("simulate-orders.ts", options, counts)),
      );
    }
    for (const database of ["sqlite", "postgresql"]) {
      const options = ["--rounds", RESTORES, "--database", database];
      results.push(
        await suite(`simulated restores on ${database}`, (counts) =>
          runScript("simulate-restores.ts", options, counts)),
      );
    }
    results.push(await suite("coverage of the contracts", (counts) => runScript("coverage.ts", [], counts)));
    results.push(
      await suite("mutants of the contracts", (counts) =>
        runScript("mutate.ts", ["--sample", SAMPLED_MUTANTS], counts)),
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const sum = (key: keyof Counts) => results.reduce((total, counts) => total + counts[key], 0);
console.log(`\n${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
process.exitCode = sum("failed") === 0 ? 0 : 1;
