// npm test: types, lint, contract tests, server and browser tests. Ends with one line that adds everything up.
// Arguments are passed on to mocha and leave out the checks: npm test -- test/server/indexer/fold.test.ts

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Counts, runChecks } from "./checks.ts";
import { run } from "./run.ts";

/** The suites besides the contracts', in the order from quick to slow. */
const SUITES = [
  "test/server/**/*.test.ts",
  "test/web/**/*.test.ts",
  "test/scripts/**/*.test.ts",
  "test/e2e/**/*.test.ts",
];

const folder = mkdtempSync(join(tmpdir(), "mintmark-test-"));

/** Runs a test suite and reads what its reporter counted. A suite that breaks off before that counts as one failure. */
async function suite(title: string, command: string, args: string[]): Promise<Counts> {
  console.log(`\n▸ ${title}`);
  const file = join(folder, `${command}.json`);
  const code = await run(command, args, { TEST_COUNTS_FILE: file });
  let counts: Counts;
  try {
    counts = JSON.parse(readFileSync(file, "utf8")) as Counts;
  } catch {
    console.error(`${title}: ended with code ${code} before its tests were done`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

const chosen = process.argv.slice(2);
const results: Counts[] = [];
try {
  if (chosen.length === 0) {
    results.push(await runChecks());
    results.push(await suite("contracts", "hardhat", ["test", "mocha"]));
  }
  const all = chosen.length === 0;
  // A test that leaves a handle open would otherwise keep a failed run from ending.
  const args = ["--exit", ...(all ? SUITES : chosen)];
  results.push(await suite(all ? "server, pages, scripts" : "chosen tests", "mocha", args));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const sum = (key: keyof Counts) => results.reduce((total, counts) => total + counts[key], 0);
console.log(`\n${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
process.exitCode = sum("failed") === 0 ? 0 : 1;
