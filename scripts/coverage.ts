// npm run coverage: which statements, lines and branches of the contracts their tests reach. Fails below 100 % of each.
// A branch is each outcome of a condition, and of each operand of `&&` and `||`. What is not reached is listed; lcov.info
// in coverage/ is for editors. Whether a test also looks at what it reaches is what npm run mutate finds out.

import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import hre from "hardhat";
import { COVERAGE_LIBRARY, COVERAGE_SOURCE, createGoals, type Goal, instrument } from "./coverage/instrument.ts";
import {
  type Code,
  CompilationError,
  compileContracts,
  contractsInput,
  deployableContracts,
  ownSources,
  SOURCE_PREFIX,
  syntaxTrees,
} from "./solidity/compiler.ts";
import { contractTestFiles, loadContractTests } from "./solidity/contract-tests.ts";

const OUTPUT = join(import.meta.dirname, "..", "coverage");
const MAX_SHOWN_TEXT = 80;

const goals = createGoals();
const reached = new Set<number>();
hre.hooks.registerHandlers("network", {
  onCoverageData: async (_context, tags) => {
    for (const tag of tags) reached.add(Number(BigInt(`0x${tag}`)));
  },
});

const input = await contractsInput();
const trees = syntaxTrees(input);
const sources: typeof input.sources = { ...input.sources, [COVERAGE_SOURCE]: { content: COVERAGE_LIBRARY } };
for (const [file, content] of ownSources(input)) {
  const tree = trees.get(SOURCE_PREFIX + file);
  if (tree) sources[SOURCE_PREFIX + file] = { content: instrument(file, tree, content, goals) };
}
const code = compileInstrumented({ ...input, sources });
const tests = await loadContractTests(contractTestFiles());
const { passed, failures } = await tests.run(code, { bail: false });
for (const { title, message } of failures) console.error(`✖ ${title}\n  ${message}`);

const isReached = (goal: Goal) => reached.has(goals.all.indexOf(goal));
const files = [...Map.groupBy(goals.all, ({ file }) => file)].sort(([left], [right]) => left.localeCompare(right));
const statements = goals.all.filter(({ kind }) => kind === "statement");
const branches = goals.all.filter(({ kind }) => kind === "branch");

console.table(
  Object.fromEntries(
    [...files, ["all", goals.all] as const].map(([file, all]) => {
      const of = (kind: Goal["kind"]) => all.filter((goal) => goal.kind === kind);
      return [
        basename(file),
        { statements: share(of("statement")), lines: share(lines(all)), branches: share(of("branch")) },
      ];
    }),
  ),
);
const missing = goals.all.filter((goal) => !isReached(goal));
for (const { file, line, place, text, outcome } of missing) {
  const what = text.length > MAX_SHOWN_TEXT ? `${text.slice(0, MAX_SHOWN_TEXT)}…` : text;
  console.log(`✖ ${file}:${line} (${place}): ${outcome === undefined ? "never runs" : `never ${outcome}`}: ${what}`);
}
writeLcov();
console.log(
  `${passed} tests reach ${goals.all.length - missing.length} of ${goals.all.length} statements and branches.`,
);

if (process.env["TEST_COUNTS_FILE"] !== undefined) {
  const complete = [statements, branches].filter((all) => all.every(isReached)).length;
  const counts = { passed: complete, failed: 2 - complete + failures.length, skipped: 0 };
  writeFileSync(process.env["TEST_COUNTS_FILE"], JSON.stringify(counts));
}
process.exit(missing.length === 0 && failures.length === 0 ? 0 : 1);

function compileInstrumented(instrumented: typeof input): Code {
  const contracts = [...deployableContracts(trees).keys()];
  try {
    return compileContracts(instrumented, contracts);
  } catch (error) {
    // A report in the midst of an expression needs room on the stack; the other code generator has it, and takes longer.
    if (!(error instanceof CompilationError) || !/stack too deep/i.test(error.message)) throw error;
    return compileContracts({ ...instrumented, settings: { ...input.settings, viaIR: true } }, contracts);
  }
}

/** One goal for each line that a statement begins on: the line is reached if all of them are. */
function lines(all: readonly Goal[]): Goal[] {
  const byLine = Map.groupBy(
    all.filter(({ kind }) => kind === "statement"),
    ({ file, line }) => `${file}:${line}`,
  );
  return [...byLine.values()].flatMap((group) => group.find((goal) => !isReached(goal)) ?? group[0] ?? []);
}

function share(all: readonly Goal[]): string {
  const count = all.filter(isReached).length;
  return all.length === 0 ? "–" : `${((count / all.length) * 100).toFixed(2)} % (${count}/${all.length})`;
}

function writeLcov(): void {
  const records = files.map(([file, all]) => {
    const data = lines(all).map((goal) => `DA:${goal.line},${isReached(goal) ? 1 : 0}`);
    const outcomes = all.filter(({ kind }) => kind === "branch");
    const branchData = outcomes.map((goal, index) => `BRDA:${goal.line},0,${index},${isReached(goal) ? 1 : 0}`);
    return [`SF:${file}`, ...data, ...branchData, "end_of_record"].join("\n");
  });
  mkdirSync(OUTPUT, { recursive: true });
  writeFileSync(join(OUTPUT, "lcov.info"), `TN:\n${records.join("\n")}\n`);
}
