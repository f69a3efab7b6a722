// The process that is killed: an indexer with its lease and its database, wired as server/main.ts does it, without all else.
// It is started ahead of time and waits to be told what to mirror, so that a simulation need not wait for it.

import { enableCompileCache, flushCompileCache } from "node:module";
import type { Logger } from "pino";
import type { MirrorStatus } from "../../server/database/mirror-status.ts";
import type { Indexer } from "../../server/indexer/indexer.ts";

export interface WriterSettings {
  databaseUrl: string;
  rpcUrls: readonly string[];
  rpcTimeoutMs: number;
  registry: string;
  finalityDepth: number;
  pollIntervalMs: number;
  behindGraceMs: number;
  maxRange: number;
  /** Whether it may rely on being told of most new blocks. */
  isHinted: boolean;
  /** For how long the lease's holder may show no sign of life. */
  patienceMs: number;
}

/** What a writer is told. */
export type ToWriter =
  | { kind: "start"; settings: WriterSettings }
  /** There may be a new block. */
  | { kind: "hint" }
  | { kind: "status" }
  | { kind: "stop" };

/** What it says. */
export type FromWriter =
  /** It can be told what to mirror. */
  | { kind: "ready" }
  | { kind: "status"; status: MirrorStatus }
  /** The indexer cannot start, for good. */
  | { kind: "refused"; reason: string };

const [cacheFolder, warmUpUrl] = process.argv.slice(2) as [string, string];
enableCompileCache(cacheFolder);
const { default: pino } = await import("pino");
const { createFailoverRpc } = await import("../../server/chain/failover.ts");
const { createRpc } = await import("../../server/chain/rpc.ts");
const { openDatabase } = await import("../../server/database/client.ts");
const { createIndexer } = await import("../../server/indexer/indexer.ts");
const { createLease } = await import("../../server/indexer/lease.ts");
const { createMirror } = await import("../../server/indexer/mirror.ts");
flushCompileCache();
// The first client takes ten times as long as the next.
await (await openDatabase(warmUpUrl)).$disconnect();

const say = (message: FromWriter) => process.send?.(message);
const logger: Logger = pino({ level: "info", base: { pid: process.pid } }, pino.destination({ fd: 1, sync: true }));
let indexer: Indexer | undefined;
let onHead: (() => void) | undefined;
let disconnect: () => Promise<void> = async () => undefined;

async function start(settings: WriterSettings): Promise<void> {
  const database = await openDatabase(settings.databaseUrl);
  disconnect = () => database.$disconnect();
  const [first, ...others] = settings.rpcUrls.map((url) => createRpc({ url, timeoutMs: settings.rpcTimeoutMs }));
  if (first === undefined) throw new Error("A writer needs a node");
  const lease = createLease({ database, patienceMs: settings.patienceMs });
  indexer = createIndexer({
    rpc: createFailoverRpc({ rpcs: [first, ...others], logger, lookEveryMs: 200 }),
    mirror: createMirror({ database, lease }),
    lease,
    logger,
    registryOn: () => settings.registry,
    finalityDepth: settings.finalityDepth,
    pollIntervalMs: settings.pollIntervalMs,
    behindGraceMs: settings.behindGraceMs,
    maxRange: settings.maxRange,
    followHeads(hint) {
      onHead = hint;
      return { stop: () => undefined, subscribed: settings.isHinted };
    },
  });
  await indexer.start();
}

async function stop(): Promise<void> {
  await indexer?.stop();
  indexer = undefined;
  onHead = undefined;
  await disconnect();
  disconnect = async () => undefined;
  say({ kind: "ready" });
}

function onMessage(message: ToWriter): void {
  switch (message.kind) {
    case "start":
      start(message.settings).catch((error: Error) => say({ kind: "refused", reason: String(error.stack) }));
      break;
    case "hint":
      onHead?.();
      break;
    case "status":
      if (indexer !== undefined) say({ kind: "status", status: indexer.status() });
      break;
    case "stop":
      stop().catch((error: Error) => say({ kind: "refused", reason: String(error.stack) }));
  }
}

process.on("message", onMessage);
// Whoever started it has ended.
process.on("disconnect", () => process.exit());
say({ kind: "ready" });
