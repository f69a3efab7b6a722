// npm test: types, lint, contract tests, server and browser tests. Ends with one line that adds everything up.
//
//   npm test -- --long                                 and what takes longer: more fuzzing, servers that are killed again and again,
//                                                      the example store, simulations, coverage, mutants; CI runs this
//   npm test -- test/server/indexer/fold.test.ts       arguments are passed on to mocha and leave out everything else

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Counts, runChecks } from "./checks.ts";
import { binary, run, runQuietly, runScript, runScriptQuietly } from "./run.ts";

/** The suites besides the contracts', those with the longest files first, lest one of them is left alone in the end. */
const SUITES = [
  "test/e2e/**/*.test.ts",
  "test/scripts/**/*.test.ts",
  "packages/*/test/**/*.test.ts",
  "test/web/**/*.test.ts",
  "test/server/**/*.test.ts",
];

/** Servers that are killed, and databases and chains that go away, again and again. */
const LONG_SUITE = "test/long/**/*.test.ts";

/** Of the suites, what takes minutes of a processor: left to the long run, so that what everybody runs stays below ten. */
const LONG_FILES = [
  "test/e2e/readme.test.ts",
  "test/e2e/shop.test.ts",
  "test/scripts/backup.test.ts",
  "test/scripts/full-disk.test.ts",
  "test/scripts/issue.test.ts",
  "test/scripts/local-chain.test.ts",
  "test/scripts/log-file.test.ts",
  "test/scripts/restore-drill.test.ts",
  "test/server/database/gone.test.ts",
  "test/server/database/lost.test.ts",
  "test/server/database/traffic.test.ts",
  "test/server/database/upgrade.test.ts",
  "test/server/http/at-block.test.ts",
  "test/server/http/imports.test.ts",
  "test/server/imports/killed-processes.test.ts",
  "test/server/indexer/faults.test.ts",
  "test/server/indexer/resume.test.ts",
  "test/server/indexer/simulation.test.ts",
  "test/server/issuance/reconciliation/restored.test.ts",
  "test/server/issuance/sending/crashes.test.ts",
  "test/server/issuance/sending/redemption-crashes.test.ts",
  "test/server/issuance/sending/redemptions.test.ts",
  "test/server/issuance/sending/trouble.test.ts",
  "test/server/system/descriptors.test.ts",
  "test/server/system/full-disk.test.ts",
  "test/server/system/last-words.test.ts",
  "test/server/system/starting.test.ts",
  "test/server/system/stopping.test.ts",
];

/** Most tests wait most of the time: for blocks, for servers to start, for time-outs. */
const PARALLEL = ["--parallel", "--jobs", "4"];

/** How many mutants are tried besides those that leave out an event: a minute's worth. `npm run mutate` tries all. */
const SAMPLED_MUTANTS = "12";

/** How many requests are made up from the OpenAPI document, on both databases together: a minute's worth. */
const FUZZED_REQUESTS = "20000";

/** How many simulations are run: some 2 minutes' worth. */
const SIMULATIONS = "36";

/** How many orders a simulated shop takes, on each database: a minute's worth. */
const SIMULATED_ORDERS = "1500";

/** How long the system is watched for alarms in ordinary traffic, on each database. */
const SOAKED_MINUTES = "1";

/** How often everything is ended in some way and started again: two minutes' worth. */
const RESTARTS = "5";

/** How many archives are put back while orders come, on each database: a minute's worth. */
const RESTORES = "4";

const folder = mkdtempSync(join(tmpdir(), "mintmark-test-"));

// Servers and commands are started again and again; what one of them has compiled, the next need not, which saves each a second.
process.env["NODE_COMPILE_CACHE"] ??= join(folder, "compiled");

/**
 * Runs a test suite and reads what its reporter counted. A suite that breaks off before that counts as one failure.
 * @param start Starts it. Where it returns a text, that is what the suite has printed while another one had the terminal.
 */
async function suite(
  title: string,
  start: (environment: NodeJS.ProcessEnv) => Promise<number | { code: number; output: string }>,
): Promise<Counts> {
  const file = join(folder, `${title}.json`);
  const started = performance.now();
  const running = start({ TEST_COUNTS_FILE: file });
  console.log(`\n▸ ${title}`);
  const ended = await running;
  const { code, output } = typeof ended === "number" ? { code: ended, output: undefined } : ended;
  if (output !== undefined) console.log(`\n▸ ${title}, which ran beside the other tests\n${output}`);
  console.log(`${title}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  let counts: Counts;
  try {
    counts = JSON.parse(readFileSync(file, "utf8")) as Counts;
  } catch {
    const failure = `ended with code ${code} before its tests were done`;
    console.error(`${title}: ${failure}`);
    return { passed: 0, failed: 1, skipped: 0, failures: [`${title}: ${failure}`] };
  }
  if (code !== 0 && counts.failed === 0) {
    const failure = `${title}: ended with code ${code} although none of its tests failed`;
    return { ...counts, failed: 1, failures: [failure] };
  }
  const failures = counts.failures ?? (counts.failed > 0 ? [`${counts.failed} of its tests`] : []);
  return { ...counts, failures: failures.map((failure) => `${title}: ${failure}`) };
}

/** Beside the other suites: this one keeps one processor busy, and those wait most of the time. */
async function testContracts(): Promise<Counts[]> {
  const fuzz = [long ? "--slice" : "--quick"];
  return [
    await suite("contracts", (counts) => runQuietly(binary("hardhat"), ["test", "mocha"], counts)),
    await suite("Solidity tests", (counts) => runScriptQuietly("fuzz.ts", fuzz, counts)),
  ];
}

/** The whole system, tried with what nobody has thought of, watched, and ended in every way: it waits most of the time. */
async function testSystem(): Promise<Counts[]> {
  const results = [
    await suite("fuzzed API", (counts) => runScript("fuzz-api.ts", ["--runs", FUZZED_REQUESTS], counts)),
    await suite("simulations", (counts) => runScript("simulate.ts", ["--runs", SIMULATIONS], counts)),
  ];
  for (const database of ["sqlite", "postgresql"]) {
    const options = ["--orders", SIMULATED_ORDERS, "--database", database];
    results.push(
      await suite(`simulated orders on ${database}`, (counts) => runScript("simulate-orders.ts", options, counts)),
    );
  }
  for (const database of ["sqlite", "postgresql"]) {
    const soak = ["--minutes", SOAKED_MINUTES, "--database", database];
    results.push(
      await suite(`alarms in ordinary traffic on ${database}`, (counts) => runScript("soak.ts", soak, counts)),
    );
    const restores = ["--rounds", RESTORES, "--database", database];
    results.push(
      await suite(`simulated restores on ${database}`, (counts) => runScript("simulate-restores.ts", restores, counts)),
    );
  }
  results.push(
    await suite("simulated restarts", (counts) => runScript("simulate-restarts.ts", ["--rounds", RESTARTS], counts)),
  );
  return results;
}

/** Whether the contracts' tests are good. Beside the system's: it keeps the processors busy that those leave idle. */
async function testContractTests(): Promise<Counts[]> {
  return [
    await suite("coverage of the contracts", (counts) => runScriptQuietly("coverage.ts", [], counts)),
    await suite("mutants of the contracts", (counts) =>
      runScriptQuietly("mutate.ts", ["--sample", SAMPLED_MUTANTS], counts)),
  ];
}

const long = process.argv.includes("--long");
const chosen = process.argv.slice(2).filter((argument) => argument !== "--long");
const results: Counts[] = [];
try {
  const all = chosen.length === 0;
  if (all) results.push(await runChecks());
  // A test that leaves a handle open would otherwise keep a failed run from ending.
  const left = LONG_FILES.flatMap((file) => ["--ignore", file]);
  const args = ["--exit", ...(all ? [...PARALLEL, ...left, ...SUITES] : chosen)];
  if (all && !long) console.log(`\nLeft to npm test -- --long: ${LONG_FILES.join(", ")}`);
  const [contracts] = await Promise.all([
    all ? testContracts() : [],
    suite(all ? "server, pages, scripts" : "chosen tests", (counts) => run("mocha", args, counts)).then((counts) =>
      results.push(counts),
    ),
  ]);
  results.push(...contracts);
  if (long) {
    // The longest files first here, too.
    const endurance = ["--exit", ...PARALLEL, LONG_SUITE, ...LONG_FILES];
    results.push(await suite("servers in trouble", (counts) => run("mocha", endurance, counts)));
    const [system, contractTests] = await Promise.all([testSystem(), testContractTests()]);
    results.push(...system, ...contractTests);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const failures = results.flatMap((counts) => counts.failures ?? []);
if (failures.length > 0) console.error(`\nFailed:\n${failures.map((failure) => `  ${failure}`).join("\n")}`);
const sum = (key: "passed" | "failed" | "skipped") => results.reduce((total, counts) => total + counts[key], 0);
console.log(`\n${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
process.exitCode = sum("failed") === 0 ? 0 : 1;
