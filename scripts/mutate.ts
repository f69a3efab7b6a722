// npm run mutate: changes the contracts in every small way and looks whether a contract test notices: first those in
// TypeScript, then, of what they leave, those in Solidity.
//
//   npm run mutate                       all mutants
//   npm run mutate -- --emits            only those that leave out an event
//   npm run mutate -- --sample 100       those, and 100 of the others; --seed chooses which
//   npm run mutate -- --only CardRecord  those whose id contains the text
//
// Fails if an event can be left out unnoticed, if a mutant survives that test/contracts/mutation-survivors.json does not
// explain, if that file explains what is no survivor, or if fewer than 95 % are noticed in all, explained or not.

import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { enumValues, type Mutant, mutantsOf } from "./mutation/mutants.ts";
import { tryMutants } from "./mutation/pool.ts";
import { createSolidityTests } from "./mutation/solidity-tests.ts";
import { explainedSurvivors, SURVIVORS_FILE } from "./mutation/survivors.ts";
import type { Outcome } from "./mutation/worker.ts";
import { contractsInput, ownSources, SOURCE_PREFIX, syntaxTrees } from "./solidity/compiler.ts";

const ROOT = join(import.meta.dirname, "..");
const MIN_NOTICED = 0.95;
const PROGRESS_EVERY = 50;
/** More do not help: each keeps one core busy and takes some 500 MB. */
const MAX_WORKERS = 8;

const { values: options } = parseArgs({
  options: {
    emits: { type: "boolean", default: false },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    workers: { type: "string" },
    list: { type: "boolean", default: false },
  },
});

const all = await findMutants();
const chosen = choose(all);
const explained = explainedSurvivors(ROOT);

if (options.list) {
  for (const { id } of chosen) console.log(id);
  process.exit(0);
}

const outcomes = new Map<Mutant, Outcome>();
const started = performance.now();
const seconds = () => Math.round((performance.now() - started) / 1000);
const workers = Number(options.workers ?? Math.min(availableParallelism(), MAX_WORKERS));
console.log(`Trying ${chosen.length} of ${all.length} mutants with ${workers} workers …`);
await tryMutants(chosen, {
  workers,
  onOutcome(mutant, outcome) {
    outcomes.set(mutant, outcome);
    if (outcomes.size % PROGRESS_EVERY === 0) console.log(`  ${outcomes.size} tried after ${seconds()} s`);
  },
});
await trySolidityTests([...outcomes].filter(([, { kind }]) => kind === "survived").map(([mutant]) => mutant));
report();

/** Shows the Solidity tests what the others did not notice. */
async function trySolidityTests(survivors: readonly Mutant[]): Promise<void> {
  if (survivors.length === 0) return;
  console.log(
    `  ${outcomes.size} tried after ${seconds()} s; trying the Solidity tests on the ${survivors.length} that are left …`,
  );
  const queue = [...survivors];
  const work = async () => {
    const tests = await createSolidityTests(ROOT);
    for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
      if (await tests.notice(mutant)) outcomes.set(mutant, { kind: "killed", by: "the Solidity tests" });
      else describe(mutant);
    }
    tests.remove();
  };
  await Promise.all(Array.from({ length: Math.min(workers, survivors.length) }, work));
}

async function findMutants(): Promise<Mutant[]> {
  const input = await contractsInput();
  const trees = syntaxTrees(input);
  const enums = enumValues(trees.values());
  return [...ownSources(input)].flatMap(([file, content]) => {
    const tree = trees.get(SOURCE_PREFIX + file);
    return tree === undefined ? [] : mutantsOf(file, tree, content, enums);
  });
}

function choose(mutants: readonly Mutant[]): Mutant[] {
  const isEmit = ({ operator }: Mutant) => operator === "emit";
  const only = options.only;
  if (only !== undefined) return mutants.filter(({ id }) => id.includes(only));
  if (options.emits) return mutants.filter(isEmit);
  if (options.sample === undefined) return [...mutants];
  const rest = shuffled(
    mutants.filter((mutant) => !isEmit(mutant)),
    Number(options.seed),
  );
  return [...mutants.filter(isEmit), ...rest.slice(0, Number(options.sample))];
}

/** In an order that follows from the seed (mulberry32). */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((left, right) => left.rank - right.rank)
    .map(({ item }) => item);
}

function describe(mutant: Mutant): void {
  const reason = explained.get(mutant.id);
  console.log(`\n${reason === undefined ? "Survived" : "Survived, as explained"}: ${mutant.file}:${mutant.line}`);
  console.log(`  - ${mutant.before}\n  + ${mutant.after || "(nothing)"}`);
  console.log(reason === undefined ? `  id: ${mutant.id}\n` : `  because ${reason}\n`);
}

function report(): void {
  const rows = new Map<string, Record<Outcome["kind"] | "explained", number>>();
  const unexplained: Mutant[] = [];
  const problems: string[] = [];
  for (const [mutant, outcome] of outcomes) {
    const row = rows.get(mutant.operator) ?? {
      killed: 0,
      survived: 0,
      explained: 0,
      "same-code": 0,
      "not-compiling": 0,
    };
    rows.set(mutant.operator, row);
    const isExplained = explained.has(mutant.id);
    row[outcome.kind === "survived" && isExplained ? "explained" : outcome.kind]++;
    if (outcome.kind === "survived" && mutant.operator === "emit") {
      problems.push(`${mutant.file}:${mutant.line}: no test notices that this event is missing: ${mutant.before}`);
    } else if (outcome.kind === "survived" && !isExplained) {
      unexplained.push(mutant);
    } else if (outcome.kind !== "survived" && isExplained) {
      problems.push(`${SURVIVORS_FILE} explains what is no survivor any more (${outcome.kind}): ${mutant.id}`);
    }
  }
  const known = new Set(all.map(({ id }) => id));
  for (const id of explained.keys()) {
    if (!known.has(id)) problems.push(`${SURVIVORS_FILE} explains what is no mutant any more: ${id}`);
  }
  for (const mutant of unexplained) problems.push(`${mutant.file}:${mutant.line}: ${mutant.before} → ${mutant.after}`);

  const sum = (kind: Outcome["kind"] | "explained") => [...rows.values()].reduce((total, row) => total + row[kind], 0);
  const noticed = sum("killed") / (sum("killed") + sum("survived") + sum("explained") || 1);
  if (noticed < MIN_NOTICED)
    problems.push(`${percent(noticed)} of the mutants were noticed; at least ${percent(MIN_NOTICED)} must be`);

  console.table(Object.fromEntries(rows));
  console.log(
    `${sum("killed")} noticed, ${sum("survived")} survived, ${sum("explained")} survived as explained: ${percent(noticed)} noticed. ` +
      `${sum("same-code")} gave the same code, ${sum("not-compiling")} did not compile. ${seconds()} s.`,
  );
  for (const problem of problems) console.log(`✖ ${problem}`);
  if (process.env["TEST_COUNTS_FILE"] !== undefined) {
    const counts = { passed: sum("killed") + sum("explained"), failed: problems.length, skipped: 0 };
    writeFileSync(process.env["TEST_COUNTS_FILE"], JSON.stringify(counts));
  }
  process.exit(problems.length === 0 ? 0 : 1);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
