// The local chain of `npm start`, as a process of its own that is started again when it dies. Its promise: a block that any client
// has seen is there after any stop, kill, power cut, clock step or full disk; or the start says in one sentence which blocks are
// missing and what to do, and does nothing else.
//
// Why not a ready-made node: anvil keeps its state in memory and writes it down now and then, so that blocks are seen before they
// are kept, and it computes the whole state anew for each block, which takes seconds from 50,000 cards on; Hardhat's node forgets
// everything; Besu, which the consortium runs, needs Java. The virtual machine, the state's tries and the blocks are EthereumJS's;
// ours is where they are kept (engine/) and how they are asked for (rpc/). An SQLite file, synced with each block, needs no replay at
// a start and no memory for what is old.

import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { makeFolder } from "../../server/system/durable-files.ts";
import { type GuardedProcess, spawnGuarded } from "../lifecycle/guarded-process.ts";
import { ChainRefusedError } from "./engine/chain-file.ts";
import { BlocksMissingError, type KeptChain, type KnownBlock } from "./engine/opening.ts";
import type { ChainNews, ChainProcessOptions } from "./process.ts";

const PROGRAM = fileURLToPath(new URL("./process.ts", import.meta.url));
/** Most of what a block takes is garbage after it: it is collected when it is half as much as what is in use, not several times as much. */
const NODE_OPTIONS = ["--heap-growing-percent=50", "--max-semi-space-size=8"];
const ENVIRONMENT: NodeJS.ProcessEnv = { MALLOC_ARENA_MAX: "2" };
/** It is not started again when it dies more often. */
const DEATHS_PER_MINUTE = 5;
const RESTART_AFTER_MS = 200;
/** How much of its last words is shown. */
const SHOWN_CHARACTERS = 2_000;

export interface LocalChainOptions {
  /** Where the chain is kept. */
  folder: string;
  host: string;
  port: number;
  /** What the database knows of the chain. */
  known?: KnownBlock | undefined;
  /** Whether to go on although the newest blocks are missing. */
  acceptLoss?: boolean;
  /** Is told in sentences what a person should know. */
  onMessage: (message: string) => void;
  /** Is told of the process as soon as there is one, to write it down. */
  onProcess?: (pid: number) => void;
}

export interface LocalChain extends KeptChain {
  readonly rpcUrl: string;
  /** The process that runs now. */
  pid(): number;
  /** Resolves, with a reason, if the chain ends for good without having been stopped. */
  readonly failed: Promise<string>;
  /** Ends the process; what clients have seen is on the disk already. */
  stop(): Promise<void>;
}

/**
 * Starts the chain that is kept in a folder, or a new one. Throws {@link ChainRefusedError} if it cannot be opened as it is, and
 * {@link BlocksMissingError} if its newest blocks are gone.
 */
export async function startLocalChain(options: LocalChainOptions): Promise<LocalChain> {
  const { folder, host, port, onMessage } = options;
  makeFolder(folder);
  const failed = Promise.withResolvers<string>();
  const deaths: number[] = [];
  let stopping = false;
  const processOptions = { folder, host, port, acceptLoss: false };

  const { acceptLoss = false, known } = options;
  let running = await launch({ ...processOptions, acceptLoss, known }, options);
  watch(running.process);

  function watch({ ended }: GuardedProcess): void {
    void ended.then(async ({ code, signal }) => {
      if (stopping) return;
      const how = signal ?? `code ${code}`;
      const now = performance.now();
      deaths.push(now);
      if (deaths.filter((time) => now - time < 60_000).length > DEATHS_PER_MINUTE)
        return failed.resolve(`the chain's process died more than ${DEATHS_PER_MINUTE} times within a minute (${how})`);
      onMessage(`The chain's process ended unexpectedly (${how}). Starting it again …`);
      await sleep(RESTART_AFTER_MS);
      if (stopping) return;
      try {
        // What was known at the start, and may have been accepted as lost, is settled.
        running = await launch(processOptions, options);
      } catch (error) {
        return failed.resolve(`the chain cannot be started again: ${(error as Error).message}`);
      }
      if (stopping) await running.process.stop();
      else watch(running.process);
    });
  }

  return {
    ...running.kept,
    rpcUrl: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    pid: () => running.process.pid,
    failed: failed.promise,
    async stop() {
      stopping = true;
      await running.process.stop();
    },
  };
}

/** Starts the process and waits until the chain can be asked. */
async function launch(
  processOptions: ChainProcessOptions,
  { onMessage, onProcess }: LocalChainOptions,
): Promise<{ process: GuardedProcess; kept: KeptChain }> {
  const process_ = await spawnGuarded(process.execPath, [...NODE_OPTIONS, PROGRAM, JSON.stringify(processOptions)], {
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { ...process.env, ...ENVIRONMENT },
  });
  onProcess?.(process_.pid);
  let lastWords = "";
  process_.child.stderr?.on("data", (data) => {
    lastWords = `${lastWords}${data}`.slice(-SHOWN_CHARACTERS);
  });
  const ready = Promise.withResolvers<KeptChain>();
  process_.child.on("message", (news: ChainNews) => {
    if (news.kind === "message") onMessage(news.message);
    else if (news.kind === "ready") ready.resolve(news);
    else ready.reject(news.blocksMissing ? new BlocksMissingError(news.message) : new ChainRefusedError(news.message));
  });
  void process_.ended.then(({ code, signal }) =>
    ready.reject(new ChainRefusedError(`The chain's process ended at once (${signal ?? code}). ${lastWords.trim()}`)),
  );
  return { process: process_, kept: await ready.promise };
}
