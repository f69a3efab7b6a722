// Starts a node of a generated chain as a process of its own, and talks to it.

import { resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { createRpc } from "../../../server/chain/rpc.ts";
import { spawnGuarded } from "../../lifecycle/guarded-process.ts";
import type { SideMethods } from "./server.ts";

export interface ReplayNodeOptions {
  seed?: number;
  /** How long the chain is: until so many events have come, or so many cards. */
  events?: number;
  cards?: number;
  shape?: "dense" | "sparse";
  collections?: number;
  withTimestamps?: boolean;
  latencyMs?: number;
  maxLogsRange?: number;
  finalizedDepth?: number;
  /** Whether everything is made before it is asked for. */
  prepare?: boolean;
}

type Side<Method extends keyof SideMethods> = (
  ...params: Parameters<SideMethods[Method]>
) => Promise<ReturnType<SideMethods[Method]>>;

export interface ReplayNode {
  url: string;
  webSocketUrl: string;
  chainId: number;
  registry: string;
  collections: string[];
  /** How many events the server reads, and how many cards there are, before any block is added. */
  events: number;
  cards: number;
  /** The number of the newest block, before any is added. */
  head: number;
  counts: Side<"replay_counts">;
  resetCounts: Side<"replay_resetCounts">;
  setLatency: Side<"replay_setLatency">;
  append: Side<"replay_append">;
  reorg: Side<"replay_reorg">;
  stop(): Promise<void>;
}

export async function startReplayNode(options: ReplayNodeOptions): Promise<ReplayNode> {
  const values = {
    seed: options.seed,
    events: options.events,
    cards: options.cards,
    shape: options.shape,
    collections: options.collections,
    latency: options.latencyMs,
    "max-logs-range": options.maxLogsRange,
    "finalized-depth": options.finalizedDepth,
  };
  const flags = { prepare: options.prepare, "no-timestamps": options.withTimestamps === false };
  const args = [
    ...Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...Object.entries(flags).flatMap(([name, isSet]) => (isSet === true ? [`--${name}`] : [])),
  ];
  const program = resolve(import.meta.dirname, "..", "replay-node.ts");
  const running = await spawnGuarded(process.execPath, ["--max-old-space-size=8192", program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: running.child.stdout as Readable })[Symbol.asyncIterator]();
  const said = await lines.next();
  if (said.done === true) throw new Error("The replaying node did not start");
  const served = JSON.parse(said.value);
  const rpc = createRpc({ url: served.url });
  const side =
    <Method extends keyof SideMethods>(method: Method): Side<Method> =>
    (...params) =>
      rpc.call(method, params);
  return {
    ...served,
    webSocketUrl: served.url.replace(/^http/, "ws"),
    counts: side("replay_counts"),
    resetCounts: side("replay_resetCounts"),
    setLatency: side("replay_setLatency"),
    append: side("replay_append"),
    reorg: side("replay_reorg"),
    stop: () => running.stop(),
  };
}
