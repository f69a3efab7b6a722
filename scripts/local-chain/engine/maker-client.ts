// Asks the maker's thread.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { BlockPlan, MadeBlock } from "./maker.ts";
import type { MakerAnswer } from "./maker-thread.ts";

/** A block could not be written. The chain is as it was. */
export class BlockNotWrittenError extends Error {
  override name = "BlockNotWrittenError";
  /** SQLite's or the system's: SQLITE_FULL, ENOSPC, … */
  readonly code: string | undefined;
  constructor(message: string, code: string | undefined) {
    super(message);
    this.code = code;
  }
}

export interface MakerClient {
  /** Resolves when the blocks are on the disk. Rejects with {@link BlockNotWrittenError}; then none of them was made. */
  make(plans: readonly BlockPlan[]): Promise<MadeBlock[]>;
  close(): Promise<void>;
}

/**
 * Starts the thread. It throws in this process if it dies: a chain that makes no blocks is better started anew.
 * @param onNews Is told in sentences what has happened to the chain's file.
 */
export async function startMaker(folder: string, onNews: (sentence: string) => void): Promise<MakerClient> {
  const worker = new Worker(new URL("./maker-thread.ts", import.meta.url), { workerData: { folder } });
  const waiting: PromiseWithResolvers<MadeBlock[]>[] = [];
  await once(worker, "message");
  worker.on("message", (answer: MakerAnswer) => {
    if ("news" in answer) return onNews(answer.news);
    const asked = waiting.shift();
    if ("made" in answer) asked?.resolve(answer.made);
    else asked?.reject(new BlockNotWrittenError(answer.problem, answer.code));
  });
  worker.on("error", (error) => {
    throw error;
  });
  return {
    async make(plans) {
      const asked = Promise.withResolvers<MadeBlock[]>();
      waiting.push(asked);
      worker.postMessage(plans);
      return await asked.promise;
    },
    async close() {
      const ended = once(worker, "exit");
      worker.postMessage("close");
      await ended;
    },
  };
}
