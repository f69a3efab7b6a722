// A process that tries mutants one after the other: compiles the contracts that depend on the mutated file, and runs the
// contract tests on them until one fails. Started by pool.ts, which sends it mutants and ends it if it hangs.

import { basename } from "node:path";
import {
  type Code,
  CompilationError,
  compileContracts,
  contractsInput,
  deployableContracts,
  importClosures,
  SOURCE_PREFIX,
  syntaxTrees,
} from "../solidity/compiler.ts";
import { contractTestFiles, loadContractTests } from "../solidity/contract-tests.ts";
import { CHECK } from "./pool.ts";

/** What a worker is asked. */
export interface Task {
  file: string;
  content: string;
  /** The full titles of tests that have noticed what is alike; they are run before all others. */
  likely: readonly string[];
}

/** What became of a mutant. */
export type Outcome =
  | { kind: "killed"; by: string }
  | { kind: "survived" }
  /** The compiler makes the same code of it, so no test could tell. */
  | { kind: "same-code" }
  | { kind: "not-compiling"; message: string };

export type Message =
  | { kind: "ready" }
  | { kind: "broken"; message: string }
  /** `spent`: the next mutant needs another worker. */
  | { kind: "done"; outcome: Outcome; spent: boolean };

/** Two workers and the rest of a test run must fit into a small machine. */
const MEMORY_LIMIT = 3 * 2 ** 30;
/** What a mutant takes must be its own doing. */
const MEMORY_TO_BEGIN_WITH = 1.8 * 2 ** 30;

const input = await contractsInput();
const trees = syntaxTrees(input);
const closures = importClosures(trees);
const contracts = deployableContracts(trees);
// Without the optimizer compiling takes a third of the time, and the tests do not look at gas.
const quickInput = { ...input, settings: { ...input.settings, optimizer: { enabled: false } } };
const original = compileContracts(quickInput, contracts.keys());
const originalOptimized: Code = new Map();
const tests = await loadContractTests(contractTestFiles());

let hangs = false;

async function attempt({ file, content, likely }: Task): Promise<Outcome> {
  const mutated = `${SOURCE_PREFIX}${file}`;
  // What stands with the tests stays as it is: they look at the contracts themselves.
  const affected = [...contracts]
    .filter(([, source]) => closures.get(source)?.has(mutated) && source.startsWith(`${SOURCE_PREFIX}contracts/`))
    .map(([name]) => name);
  // The compiler reads all sources that it is given, needed or not.
  const needed = new Set(affected.flatMap((name) => [...(closures.get(contracts.get(name) ?? "") ?? [])]));
  const sources = Object.fromEntries(Object.entries(input.sources).filter(([source]) => needed.has(source)));
  const change = { sources: { ...sources, [mutated]: { content } } };
  let code: Code;
  try {
    code = compileContracts({ ...quickInput, ...change }, affected);
  } catch (error) {
    if (error instanceof CompilationError) return { kind: "not-compiling", message: error.message };
    throw error;
  }
  if (isSame(affected, code, original)) return { kind: "same-code" };
  const mixed = new Map([...original, ...code]);
  for (const only of likely.length > 0 ? [likely, undefined] : [undefined]) {
    const options = { first: basename(file, ".sol"), bail: true, files: testsThatReach(file) };
    const run = await tests.run(mixed, only === undefined ? options : { ...options, only });
    hangs = run.hangs;
    const [failure] = run.failures;
    if (failure !== undefined) return { kind: "killed", by: failure.title };
  }
  // The optimizer sees through more differences that are none.
  const unknown = affected.filter((name) => !originalOptimized.has(name));
  for (const [name, compiled] of compileContracts({ ...input, sources }, unknown))
    originalOptimized.set(name, compiled);
  const optimized = compileContracts({ ...input, ...change }, affected);
  return isSame(affected, optimized, originalOptimized) ? { kind: "same-code" } : { kind: "survived" };
}

/**
 * Which tests can notice a change of a source: nothing but the consortium's own tests reaches the consortium's contracts. Its
 * tests reach the others, too, but look at nothing of them that theirs do not.
 */
function testsThatReach(file: string): (test: string) => boolean {
  const ofConsortium = (path: string) => path.includes("/consortium/");
  return (test) => ofConsortium(test) === ofConsortium(file);
}

function isSame(contractNames: readonly string[], left: Code, right: Code): boolean {
  return contractNames.every((name) => left.get(name)?.bytecode === right.get(name)?.bytecode);
}

function send(message: Message): void {
  process.send?.(message);
}

function done(outcome: Outcome, spent: boolean): void {
  send({ kind: "done", outcome, spent });
}

// The chain works in threads of its own, so this is asked also while it is busy.
setInterval(() => {
  if (process.memoryUsage.rss() > MEMORY_LIMIT) done({ kind: "killed", by: "the memory limit" }, true);
}, 200).unref();

// Once for all workers; twice, so that it is sure that one run does not leave anything to the next.
if (process.argv.includes(CHECK)) await checkUnchanged();
else send({ kind: "ready" });

async function checkUnchanged(): Promise<void> {
  for (const _round of ["first", "second"]) {
    const { passed, failures } = await tests.run(original, { bail: false });
    const [failure] = failures;
    if (failure === undefined && passed > 0) continue;
    send({
      kind: "broken",
      message:
        `Without any change a test fails: ${failure?.title}: ${failure?.message}\n` +
        "If npm test has it pass, it is about gas or size: then its file belongs into ABOUT_CODE in contract-tests.ts.",
    });
    return;
  }
  send({ kind: "ready" });
}

// One at a time: pool.ts sends the next mutant when it has the outcome of the last.
process.on("message", (task: Task) => {
  attempt(task).then(
    (outcome) => done(outcome, hangs || process.memoryUsage.rss() > MEMORY_TO_BEGIN_WITH),
    (error: unknown) => send({ kind: "broken", message: error instanceof Error ? (error.stack ?? "") : String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
