// One simulation: what its seed says happens to the chain, to the nodes and to the writers; then everything is well again, and
// the mirror must be right within a short time. Must hold: the seed alone decides what is tried. When the processes get to
// run is up to the machine, so a failure that depends on it may need several tries with its seed.

import { watch } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createRpc } from "../../server/chain/rpc.ts";
import { openDatabase } from "../../server/database/client.ts";
import { createMirror } from "../../server/indexer/mirror.ts";
import type { Fault } from "../support/faulty-rpc.ts";
import { freshMirrorRows } from "../support/mirror.ts";
import { PATIENCE_MS } from "../support/patience.ts";
import type { SimulatedBlock } from "./chain.ts";
import { createFaults } from "./faults.ts";
import { judgeMirror, lookAtMirror } from "./oracle.ts";
import { createRandom, type Random } from "./random.ts";
import type { World } from "./world.ts";
import type { WriterSettings } from "./writer.ts";
import type { Writer } from "./writers.ts";

/** What was tried and what came of it. */
export interface Outcome {
  seed: number;
  /** What is wrong; nothing if all is well. */
  divergences: string[];
  counts: Counts;
  /** How long the mirror took to be right once all was well, in milliseconds. */
  convergenceMs: number;
  /** What the writers said last. */
  logs: string[];
}

export interface Counts {
  /** Blocks made, also those that were taken back. */
  blocks: number;
  /** Events on the chain in the end. */
  events: number;
  reorgs: number;
  deepestReorg: number;
  kills: number;
  freezes: number;
  /** How often the mirror was emptied. */
  resets: number;
  looks: number;
  /** Entries of the outbox in the end. */
  told: number;
  onPostgresql: number;
  /** Answers spoilt, by how. */
  faults: Record<string, number>;
}

export interface SimulationOptions {
  /** Spoils what passes the other faults, to the very end: for trying whether the simulation notices. */
  sabotage?: Fault;
}

/** Seeds are whole numbers from 1 to this one. */
export const MOST_SEED = 1_000_000_000;
/** As long as a correct mirror needs on a busy machine, many times over. */
/** How much of what the writers said is told. */
const LOG_LINES = 30;
/** One of so many simulations runs on PostgreSQL. */
const POSTGRESQL_EVERY = 8;

export async function simulate(world: World, seed: number, options: SimulationOptions = {}): Promise<Outcome> {
  const simulation = await begin(world, seed, options);
  try {
    await simulation.disturb();
    await simulation.settle();
  } catch (error) {
    simulation.outcome.divergences.push(`It broke off: ${error instanceof Error ? error.stack : error}`);
  } finally {
    await simulation.end();
  }
  return simulation.outcome;
}

/** What is wrong, for a person, and how to see it again. */
export function describeOutcome({ seed, divergences, logs }: Outcome): string {
  const wrong = divergences.map((divergence) => `  ${divergence}`);
  return [`Seed ${seed}:`, ...wrong, ...logs.slice(-LOG_LINES), `Again: npm run simulate -- --seed ${seed}`].join("\n");
}

async function begin(world: World, seed: number, { sabotage }: SimulationOptions) {
  const { chain, life, ledgers, nodes, writers } = world;
  const random = createRandom(seed);
  const [plan, lifeRandom, killRandom] = [random.fork("plan"), random.fork("life"), random.fork("kills")];
  const counts: Counts = {
    ...{ blocks: 0, events: 0, reorgs: 0, deepestReorg: 0, kills: 0, freezes: 0, resets: 0 },
    ...{ looks: 0, told: 0, onPostgresql: 0 },
    faults: {},
  };
  const outcome: Outcome = { seed, divergences: [], counts, convergenceMs: 0, logs: [] };

  await world.reset();
  const databaseSpace = await world.createDatabase({ onPostgresql: seed % POSTGRESQL_EVERY === 0 });
  const { isPostgresql } = databaseSpace;
  counts.onPostgresql = isPostgresql ? 1 : 0;
  const database = await openDatabase(databaseSpace.url);
  const first = chain.head.number;

  const finalityDepth = plan.weighted([
    [2, 0],
    [3, 8],
    [10, 64],
  ]);
  const settings: WriterSettings = {
    databaseUrl: databaseSpace.url,
    rpcUrls: nodes.slice(0, plan.chance(0.35) ? 2 : 1).map(({ rpcUrl }) => rpcUrl),
    // No shorter: on a busy machine a node that is well needs that long.
    rpcTimeoutMs: plan.pick([500, 1_500]),
    registry: chain.deployment.registry,
    finalityDepth,
    pollIntervalMs: plan.pick([5, 20, 100]),
    behindGraceMs: plan.between(30, 200),
    maxRange: plan.pick([1, 3, 20, 5_000]),
    isHinted: plan.chance(0.5),
    // The first is shorter than the time between two signs of life: writers take the lease from each other all the time.
    patienceMs: plan.pick([100, 1_500, 5_000]),
  };

  // ——— The chain ———

  /** The highest block that anybody may have seen. */
  let highest = first;
  /** Chains that were taken back, whole. */
  let former: SimulatedBlock[][] = [];

  /** Blocks up to this one stay. */
  const finalBlock = () => Math.max(first, highest - finalityDepth);

  function commonBlock(other: readonly SimulatedBlock[]): number {
    let number = Math.min(other.length, chain.blocks.length) - 1;
    while (other[number]?.hash !== chain.blocks[number]?.hash) number--;
    return number;
  }

  const usableFormer = () => former.filter((other) => commonBlock(other) >= finalBlock());

  async function mine(acts: number): Promise<void> {
    const { head } = chain;
    const timestamp =
      head.timestamp +
      plan.weighted([
        [30, plan.between(1, 12)],
        [4, 90],
        [1, 86_400],
        // What was announced can be carried out then.
        [0.5, 8 * 86_400],
      ]);
    await chain.mine(await life.block(lifeRandom, ledgers.after(head), timestamp, acts), timestamp);
    counts.blocks++;
    highest = Math.max(highest, chain.head.number);
    // Some hints get lost.
    if (plan.chance(0.8) && settings.isHinted) hint();
  }

  async function mineSome(blocks: number, busy: number): Promise<void> {
    for (let block = 0; block < blocks; block++) await mine(plan.chance(busy) ? plan.between(1, 4) : 0);
  }

  /** Changes the chain so that nobody sees it half changed, or so that everybody may. */
  async function reorganise(change: () => Promise<void>): Promise<void> {
    const before = chain.blocks.slice();
    const resume = plan.chance(0.75) ? await Promise.all(nodes.map((node) => node.pause())) : [];
    try {
      await change();
    } finally {
      for (const go of resume) go();
    }
    highest = Math.max(highest, chain.head.number);
    const depth = before.length - 1 - commonBlock(before);
    if (depth === 0) return;
    counts.reorgs++;
    counts.deepestReorg = Math.max(counts.deepestReorg, depth);
    former = [before, ...former].slice(0, 8);
  }

  async function reorg(): Promise<void> {
    const most = chain.head.number - finalBlock();
    if (most < 1) return;
    const depth = Math.min(
      most,
      plan.weighted([
        [5, plan.between(1, 3)],
        [3, plan.between(1, 12)],
        [1, plan.between(1, 64)],
        [1, 64],
      ]),
    );
    const length = plan.weighted([
      [3, depth + 1],
      [2, depth + plan.between(1, 4)],
      [2, depth],
      [2, plan.between(1, depth)],
    ]);
    const contents = plan.weighted([
      [3, "new"],
      [2, "the same"],
      [3, "shuffled"],
      [1, "nothing"],
    ] as const);
    await reorganise(async () => {
      const taken = chain.blocks.slice(chain.head.number - depth + 1);
      await chain.rollBackTo(chain.head.number - depth);
      const loose = plan.shuffled(taken.flatMap(({ sendings }) => sendings)).filter(() => plan.chance(0.7));
      for (let index = 0; index < length; index++) {
        if (contents === "new" || (contents === "the same" && index >= taken.length)) {
          await mine(plan.chance(0.6) ? plan.between(1, 3) : 0);
          continue;
        }
        const share = Math.ceil(loose.length / (length - index));
        const sendings = {
          "the same": () => taken[index]?.sendings ?? [],
          shuffled: () => loose.splice(0, share),
          nothing: () => [],
        }[contents]();
        // Many blocks' transactions may come together, but not more than a block holds.
        await chain.mine(sendings.slice(0, 30), chain.head.timestamp + plan.between(1, 12));
        counts.blocks++;
      }
    });
  }

  /** Goes back to a chain that was taken back, and maybe on from there. */
  async function returnToFormer(): Promise<void> {
    const choices = usableFormer();
    if (choices.length === 0) return;
    const other = plan.pick(choices);
    await reorganise(async () => {
      const common = commonBlock(other);
      await chain.rollBackTo(common);
      await chain.replay(other.slice(common + 1));
      counts.blocks += other.length - common - 1;
      if (plan.chance(0.5)) await mine(plan.between(0, 2));
    });
  }

  // ——— The writers ———

  const team: (Writer | undefined)[] = Array.from({ length: plan.chance(0.5) ? 2 : 1 }, () => undefined);
  const used = new Set<Writer>();
  let frozen = 0;
  let isEmptying = false;
  /** Everything that goes on beside the plan. */
  const errands = new Set<Promise<void>>();
  const answered = new Set<() => void>();

  async function startWriter(place: number): Promise<void> {
    const writer = await writers.take();
    used.add(writer);
    writer.start(settings);
    team[place] = writer;
  }

  function errand(work: Promise<void>): void {
    const running = work.finally(() => errands.delete(running));
    running.catch(() => undefined);
    errands.add(running);
  }

  /** Resolves at a moment that is worth killing somebody at. */
  async function untilWorthKilling(dice: Random): Promise<void> {
    const patience = sleep(400);
    const kind = dice.pick(["answer", "commit", "any"] as const);
    if (kind === "answer") {
      let left = dice.between(1, 8);
      const { promise, resolve } = Promise.withResolvers<void>();
      const onAnswer = () => void (--left === 0 && resolve());
      answered.add(onAnswer);
      await Promise.race([promise, patience]);
      answered.delete(onAnswer);
      await pauseExactly(dice.next() * dice.pick([1, 5, 20]));
    } else if (kind === "commit" && databaseSpace.journalFile !== undefined) {
      const ended = new AbortController();
      const { promise, resolve } = Promise.withResolvers<void>();
      try {
        watch(databaseSpace.journalFile, { signal: ended.signal }, () => resolve());
        await Promise.race([promise, patience]);
        await pauseExactly(dice.next() * 3);
      } catch (error) {
        // Nothing has been written yet.
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      } finally {
        ended.abort();
      }
    } else await sleep(dice.next() * 60);
  }

  async function killOne(): Promise<void> {
    const places = [...team.keys()].filter((place) => team[place] !== undefined);
    if (places.length === 0) return;
    const place = killRandom.pick(places);
    const dice = killRandom.fork(`${counts.kills}`);
    const writer = team[place] as Writer;
    team[place] = undefined;
    await untilWorthKilling(dice);
    await writer.kill();
    counts.kills++;
    if (dice.chance(0.3)) await sleep(dice.next() * 100);
    await startWriter(place);
  }

  function hint(): void {
    for (const writer of team) writer?.hint();
  }

  async function restartOne(): Promise<void> {
    const place = plan.below(team.length);
    const writer = team[place];
    if (writer === undefined) return;
    team[place] = undefined;
    await writer.stop();
    writer.start(settings);
    team[place] = writer;
  }

  async function freezeOne(): Promise<void> {
    const writer = plan.pick(team);
    const ms = plan.between(5, 300);
    if (writer === undefined || isEmptying) return;
    frozen++;
    writer.freeze();
    counts.freezes++;
    await sleep(ms);
    writer.thaw();
    frozen--;
  }

  /** What `npm run reset-mirror` does while the servers run, and maybe somebody is about to write. */
  async function emptyMirror(): Promise<void> {
    isEmptying = true;
    // One that stands still may hold the lock of the file, and who waits for that lets nobody else in this process run.
    while (frozen > 0) await sleep(5);
    await createMirror({ database }).clear();
    isEmptying = false;
    counts.resets++;
  }

  // ——— What goes wrong ———

  const faults = createFaults({
    random: random.fork("faults"),
    blocks: () => chain.blocks,
    formerChains: usableFormer,
    mostBehind: finalityDepth === 0 ? 5 : Math.min(finalityDepth, 20),
    onFault(name) {
      counts.faults[name] = (counts.faults[name] ?? 0) + 1;
    },
  });
  for (const node of nodes) {
    node.fault = (request) => faults.next(request) ?? sabotage;
    node.onAnswered = () => {
      for (const tell of [...answered]) tell();
    };
  }

  async function changeWeather(): Promise<void> {
    faults.probability = plan.pick([0, 0.05, 0.15, 0.3]);
  }

  async function look(): Promise<void> {
    counts.looks++;
    const { eventsUpTo } = ledgers;
    const wrong = await lookAtMirror(database, { isPostgresql, eventsUpTo, wasEmptied: counts.resets > 0 });
    outcome.divergences.push(...wrong.map((what) => `In the middle of it: ${what}`));
  }

  const isAt = async ({ number, hash }: SimulatedBlock): Promise<boolean> => {
    const checkpoint = await database.checkpoint.findFirst();
    return checkpoint?.blockNumber === number && checkpoint.blockHash === hash;
  };

  return {
    outcome,

    /** Everything that the seed has in store. */
    async disturb(): Promise<void> {
      await mineSome(plan.pick([0, 5, 30, 100]), 0.4);
      await changeWeather();
      const staggered = plan.chance(0.5);
      for (const place of team.keys()) {
        await startWriter(place);
        if (staggered) await mineSome(2, 0.8);
      }
      const steps = plan.between(8, 24);
      for (let step = 0; step < steps; step++) {
        const act = plan.weighted<() => Promise<void> | void>([
          [8, () => mineSome(plan.between(1, 5), 0.7)],
          [2, () => mineSome(plan.between(20, 70), 0.15)],
          [5, reorg],
          [2, returnToFormer],
          // Forth and back before anybody has got used to it.
          [1, async () => [await reorg(), await returnToFormer(), await returnToFormer()][0]],
          [5, () => void errand(killOne())],
          [1, restartOne],
          [1, () => void errand(freezeOne())],
          [1, hint],
          [3, changeWeather],
          [0.5, emptyMirror],
          [3, look],
        ]);
        await act();
        await sleep(
          plan.weighted([
            [3, 0],
            [4, plan.below(30)],
            [2, plan.between(30, 150)],
          ]),
        );
      }
    },

    /** Nothing goes wrong any more: the mirror must come to be right, and is judged. */
    async settle(): Promise<void> {
      await Promise.all(errands);
      faults.probability = 0;
      if (plan.chance(0.8)) await mineSome(plan.between(1, 3), 0.7);
      const since = performance.now();
      while (!(await isAt(chain.head))) {
        if (performance.now() - since > PATIENCE_MS || team.some((writer) => writer?.complaint())) break;
        // A writer that has stopped for good will not come to it.
        const statuses = await Promise.all(team.map((writer) => writer?.status()));
        if (statuses.some((status) => status?.state === "degraded")) break;
        await sleep(10);
      }
      outcome.convergenceMs = Math.round(performance.now() - since);
      if (!(await isAt(chain.head))) {
        const statuses = await Promise.all(team.map((writer) => writer?.status()));
        const said = statuses.map((status) => JSON.stringify(status)).join("; ");
        outcome.divergences.push(`The mirror did not come to block ${chain.head.number} ${chain.head.hash}: ${said}`);
      }
      for (const writer of team) {
        const complaint = writer?.complaint();
        if (complaint !== undefined) outcome.divergences.push(complaint);
        else await writer?.stop();
      }
      const { eventsUpTo } = ledgers;
      outcome.divergences.push(...(await lookAtMirror(database, { isPostgresql, eventsUpTo, wasEmptied: false })));
      counts.events = eventsUpTo(chain.head.hash)?.length ?? 0;
      counts.told = await database.outboxEntry.count();
      // A mirror of another moment cannot be held against the chain's last.
      if (outcome.divergences.length > 0) return;
      const freshRows = await freshMirrorRows({ rpcUrl: chain.rpcUrl, deployment: chain.deployment });
      outcome.divergences.push(...(await judgeMirror({ database, rpc: createRpc({ url: chain.rpcUrl }), freshRows })));
    },

    async end(): Promise<void> {
      await Promise.allSettled(errands);
      for (const node of nodes) {
        node.fault = undefined;
        node.onAnswered = undefined;
      }
      const failed = outcome.divergences.length > 0;
      for (const writer of used) {
        outcome.logs.push(...writer.log().map((line) => `${writer.pid} ${line}`));
        if (!failed && team.includes(writer)) writers.giveBack(writer);
        else await writer.kill();
      }
      await database.$disconnect();
      await databaseSpace.drop();
    },
  };
}

/** Waits for a time, to the fraction of a millisecond. */
async function pauseExactly(ms: number): Promise<void> {
  const until = performance.now() + ms;
  if (ms >= 2) await sleep(ms - 1);
  while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve));
}
