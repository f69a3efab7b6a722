// npm run fuzz: the Solidity tests with inputs and sequences of calls that the runner makes up, many of them.
//
//   npm run fuzz                          all of them
//   npm run fuzz -- --quick               as few as npm test tries
//   npm run fuzz -- --slice               as many as CI tries, from another seed each time
//   npm run fuzz -- --only CardRecord     the files whose name contains the text
//   npm run fuzz -- --seed 0x2a           other inputs; `--seed random` says which it took
//
// hardhat.config.ts says how many; a comment at a test can say it for that test: /// hardhat-config: fuzz.runs = 50000

import { randomBytes } from "node:crypto";
import { globSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const ROOT = join(import.meta.dirname, "..");

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    slice: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    seed: { type: "string" },
  },
});

const seed = options.seed ?? (options.slice ? "random" : undefined);
if (seed !== undefined) {
  process.env["FUZZ_SEED"] = seed === "random" ? `0x${randomBytes(32).toString("hex")}` : seed;
  console.log(`Seed: ${process.env["FUZZ_SEED"]}`);
}

// The hard fork is the network's; without one the runner takes the latest.
process.env["HARDHAT_NETWORK"] ??= "default";
const { default: hre } = await import("hardhat");

interface Results {
  suiteResults: { testResults: { status: "Success" | "Failure" | "Skipped" }[] }[];
}

const testFiles = globSync("test/contracts/solidity/*.t.sol", { cwd: ROOT }).filter((file) =>
  file.includes(options.only),
);
if (testFiles.length === 0) throw new Error(`No Solidity test has "${options.only}" in its name.`);
// Everything, because the runner calls only contracts that it has artifacts of, and a chosen file brings its own only.
await hre.tasks.getTask("build").run({ quiet: true });
const result = (await hre.tasks.getTask(["test", "solidity"]).run({
  testFiles: testFiles.map((file) => join(ROOT, file)),
  testProfile: options.quick ? "default" : options.slice ? "slice" : "full",
})) as { success: true; value: Results } | { success: false; error: Results };

if (process.env["TEST_COUNTS_FILE"] !== undefined) {
  // The runner's own summary counts nothing unless other suites ran before it in the same task.
  const { suiteResults } = result.success ? result.value : result.error;
  const all = suiteResults.flatMap(({ testResults }) => testResults);
  const count = (wanted: string) => all.filter(({ status }) => status === wanted).length;
  const counts = { passed: count("Success"), failed: count("Failure"), skipped: count("Skipped") };
  writeFileSync(process.env["TEST_COUNTS_FILE"], JSON.stringify(counts));
}
process.exit(result.success ? 0 : 1);
