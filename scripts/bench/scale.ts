// How fast the server reads a chain from nothing, at sizes that matter: from the start of its process to the first 200 of /ready,
// beside what reading the same chain costs at least, on fresh databases, as a black box.

import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { type Bound, format, formatBounds, megabytes, number, summarize, table } from "./measure.ts";
import { machineTime } from "./replay/server.ts";
import { type ReplayNode, startReplayNode } from "./replay/start.ts";
import type { DatabaseKind } from "./world/databases.ts";
import { expectComplete, startServer } from "./world/server.ts";

interface Setting {
  events: number;
  shape: "dense" | "sparse";
  withTimestamps: boolean;
  /** What each answer of the node waits, one after the other on the same chain. */
  latencies: readonly number[];
  rounds: number;
}

const SMALL = 200_000;
const LARGE = 2_000_000;
const FULL: readonly Setting[] = [
  { events: SMALL, shape: "dense", withTimestamps: true, latencies: [0, 10, 50], rounds: 3 },
  { events: SMALL, shape: "sparse", withTimestamps: true, latencies: [0, 10, 50], rounds: 3 },
  { events: SMALL, shape: "dense", withTimestamps: false, latencies: [0, 10], rounds: 3 },
  { events: SMALL, shape: "sparse", withTimestamps: false, latencies: [0, 10], rounds: 3 },
  { events: LARGE, shape: "dense", withTimestamps: true, latencies: [0], rounds: 2 },
  { events: LARGE, shape: "sparse", withTimestamps: true, latencies: [0], rounds: 1 },
];

/** The node caps ranges at this. */
const MAX_RANGE = 5_000;
/** How many events the floor's answers have where the cap allows it: more at once is no faster. */
const FLOOR_EVENTS = 10_000;
const RATE_BOUND: Record<string, number> = { SQLite: 40_000, PostgreSQL: 35_000 };
const FLOOR_SHARE = 0.7;

/** What a process took. */
interface Taken {
  seconds: number;
  processorSeconds: number;
}

interface Round extends Taken {
  download: Taken;
  insert: Taken;
  calls: number;
  requests: number;
  peakMemory: number;
  size: number;
}

/** What came of a setting on one database at one latency. */
interface Measured extends Pick<Setting, "events" | "shape" | "withTimestamps"> {
  database: string;
  latencyMs: number;
  head: number;
  rounds: Round[];
}

export interface ScaleOptions {
  kinds: readonly DatabaseKind[];
  /** Every setting, which takes most of an hour, instead of the one that the others say. */
  full: boolean;
  events: number;
  shape: "dense" | "sparse";
  rounds: number;
  progress(text: string): void;
}

export async function benchScale(options: ScaleOptions): Promise<string> {
  const { events: wanted, shape: wantedShape, rounds: wantedRounds } = options;
  const one = { events: wanted, shape: wantedShape, withTimestamps: true, latencies: [0], rounds: wantedRounds };
  const measured: Measured[] = [];
  for (const setting of options.full ? FULL : [one]) {
    const { shape, withTimestamps } = setting;
    options.progress(`a chain of ${number(setting.events)} events, ${shape}${withTimestamps ? "" : ", no times"} …`);
    const node = await startReplayNode({ events: setting.events, shape, withTimestamps, prepare: true });
    try {
      for (const kind of options.kinds) {
        for (const latencyMs of setting.latencies) {
          await node.setLatency(latencyMs);
          const rounds: Round[] = [];
          for (let round = 0; round < setting.rounds; round++) {
            rounds.push(await measureRound(kind, node));
            const { seconds, insert } = rounds[round] as Round;
            const rates = `${number(node.events / seconds)} events/s, floor ${number(node.events / insert.seconds)}`;
            options.progress(`  ${kind.name}, ${latencyMs} ms, round ${round + 1}: ${rates}`);
          }
          const { events, head } = node;
          measured.push({ events, head, shape, withTimestamps, database: kind.name, latencyMs, rounds });
        }
      }
    } finally {
      await node.stop();
    }
  }
  return `${table(HEADER, measured.map(row))}\n\n${formatBounds(bounds(measured))}`;
}

async function measureRound(kind: DatabaseKind, node: ReplayNode): Promise<Round> {
  const download = await measureFloor(node);
  const floorDatabase = await kind.create();
  const insert = await measureFloor(node, floorDatabase.url).finally(() => floorDatabase.drop());

  const database = await kind.create();
  try {
    await node.resetCounts();
    const server = await startServer({ node, databaseUrl: database.url });
    try {
      const seconds = ((await server.ready()) - server.startedAt) / 1_000;
      const { calls, requests } = await node.counts();
      const [peakMemory, processorSeconds] = [server.peakMemory(), server.processorSeconds()];
      await expectComplete(server, node.head, node.cards);
      await server.stop();
      const sum = Object.values(calls).reduce((total, count) => total + count, 0);
      const size = await database.size();
      return { seconds, processorSeconds, download, insert, calls: sum, requests, peakMemory, size };
    } finally {
      await server.stop();
    }
  } finally {
    await database.drop();
  }
}

/** From the start of the floor's process to its end. */
async function measureFloor(node: ReplayNode, databaseUrl?: string): Promise<Taken> {
  const rangeBlocks = Math.max(1, Math.min(MAX_RANGE, Math.round(FLOOR_EVENTS / (node.events / node.head))));
  const addresses = [node.registry, ...node.collections].join();
  const args = [node.url, addresses, String(node.head), String(rangeBlocks)];
  const program = resolve(import.meta.dirname, "floor.ts");
  const what = databaseUrl === undefined ? ["download", ...args] : ["insert", ...args, databaseUrl];
  const startedAt = machineTime();
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...what]);
  const seconds = (machineTime() - startedAt) / 1_000;
  const { events, processorSeconds } = JSON.parse(stdout);
  if (events !== node.events) throw new Error(`The floor has read ${events} events instead of ${node.events}`);
  return { seconds, processorSeconds };
}

const HEADER = [
  "chain",
  "node",
  "database",
  "seconds to ready",
  "events/s",
  "floor: download",
  "floor: download, decode, insert",
  "ratio to it",
  "processor seconds, floor",
  "server",
  "RPC calls (requests)",
  "calls per 5,000 blocks",
  "peak RSS, MB",
  "database, MB",
];

function row(measured: Measured): string[] {
  const { events, shape, withTimestamps, latencyMs, database, head, rounds } = measured;
  const of = (value: (round: Round) => number, digits = 0) => format(summarize(rounds.map(value)), digits);
  const most = (value: (round: Round) => number) => Math.max(...rounds.map(value));
  const perRange = (count: number) => count / (head / MAX_RANGE);
  return [
    `${number(events)} events in ${number(head)} blocks, ${shape}`,
    `${latencyMs} ms${withTimestamps ? "" : ", no times in logs"}`,
    database,
    of(({ seconds }) => seconds, 1),
    of(({ seconds }) => events / seconds),
    of(({ download }) => events / download.seconds),
    of(({ insert }) => events / insert.seconds),
    of(({ seconds, insert }) => insert.seconds / seconds, 2),
    of(({ insert }) => insert.processorSeconds, 1),
    of(({ processorSeconds }) => processorSeconds, 1),
    `${number(most(({ calls }) => calls))} (${number(most(({ requests }) => requests))})`,
    perRange(most(({ calls }) => calls)).toFixed(1),
    of(({ peakMemory }) => megabytes(peakMemory)),
    of(({ size }) => megabytes(size)),
  ];
}

function bounds(measured: readonly Measured[]): Bound[] {
  const found: Bound[] = [];
  const rateOf = ({ events, rounds }: Measured) => summarize(rounds.map(({ seconds }) => events / seconds)).median;
  const plain = measured.filter(({ latencyMs, withTimestamps }) => latencyMs === 0 && withTimestamps);
  for (const small of plain.filter(({ events, shape }) => events < LARGE && shape === "dense")) {
    const share = summarize(small.rounds.map(({ seconds, insert }) => insert.seconds / seconds)).median;
    const needed = RATE_BOUND[small.database] ?? Number.NaN;
    found.push({
      what: `${number(small.events)} events, dense, ${small.database}: start of the process to ready`,
      bound: `≥ ${number(needed)} events/s, or ≥ ${FLOOR_SHARE * 100} % of the floor`,
      measured: `${number(rateOf(small))} events/s, ${number(share * 100)} %`,
      holds: rateOf(small) >= needed || share >= FLOOR_SHARE,
    });
    const large = plain.find(
      ({ events, shape, database }) => events >= LARGE && shape === "dense" && database === small.database,
    );
    if (large === undefined) continue;
    const ratio = rateOf(large) / rateOf(small);
    found.push({
      what: `${number(large.events)} events, dense, ${small.database}: rate against ${number(small.events)}`,
      bound: "≥ 0.8",
      measured: ratio.toFixed(2),
      holds: ratio >= 0.8,
    });
  }
  for (const { events, shape, database, rounds } of measured.filter((each) => each.events >= LARGE)) {
    const peak = megabytes(Math.max(...rounds.map(({ peakMemory }) => peakMemory)));
    found.push({
      what: `${number(events)} events, ${shape}, ${database}: peak RSS`,
      bound: "≤ 400 MB",
      measured: `${number(peak)} MB`,
      holds: peak <= 400,
    });
  }
  for (const { events, database, head, rounds } of plain.filter(({ shape }) => shape === "sparse")) {
    const calls = Math.max(...rounds.map((round) => round.calls)) / (head / MAX_RANGE);
    found.push({
      what: `${number(events)} events, sparse, ${database}: RPC calls per 5,000 blocks`,
      bound: "≤ 2",
      measured: calls.toFixed(2),
      holds: calls <= 2,
    });
  }
  return found;
}
