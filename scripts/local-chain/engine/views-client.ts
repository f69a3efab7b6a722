// Asks the threads that know the state: the one that has least to do.

import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { StoredBlock } from "./archive.ts";
import { CallFailedError, type Views } from "./views.ts";
import type { ViewAnswer, ViewQuestion } from "./views-thread.ts";

/** Each takes some 60 MB. */
const MOST_THREADS = 2;

interface Thread {
  worker: Worker;
  waiting: Map<number, PromiseWithResolvers<unknown>>;
}

export async function startViews(folder: string): Promise<Views & { close(): Promise<void> }> {
  const count = Math.min(MOST_THREADS, availableParallelism());
  const threads = await Promise.all(Array.from({ length: count }, () => startThread(folder)));
  let nextId = 1;

  function ask<What extends keyof Views>(what: What): Views[What] {
    return (async (block: StoredBlock, ...args: unknown[]) => {
      const [first, ...others] = threads;
      if (first === undefined) throw new Error("There is no thread to ask");
      const thread = others.reduce((best, other) => (other.waiting.size < best.waiting.size ? other : best), first);
      const id = nextId++;
      const asked = Promise.withResolvers<unknown>();
      thread.waiting.set(id, asked);
      thread.worker.postMessage({ id, what, block: block.number, args } satisfies ViewQuestion);
      return await asked.promise;
    }) as unknown as Views[What];
  }

  return {
    call: ask("call"),
    estimateGas: ask("estimateGas"),
    account: ask("account"),
    code: ask("code"),
    storage: ask("storage"),
    proof: ask("proof"),
    async close() {
      await Promise.all(
        threads.map(async ({ worker }) => {
          const ended = once(worker, "exit");
          worker.postMessage("close");
          await ended;
        }),
      );
    },
  };
}

/** It throws in this process if it dies, as the maker's does. */
async function startThread(folder: string): Promise<Thread> {
  const worker = new Worker(new URL("./views-thread.ts", import.meta.url), { workerData: { folder } });
  const waiting: Thread["waiting"] = new Map();
  await once(worker, "message");
  worker.on("message", (answer: ViewAnswer) => {
    const asked = waiting.get(answer.id);
    waiting.delete(answer.id);
    if ("value" in answer) asked?.resolve(answer.value);
    else if ("failed" in answer) asked?.reject(new CallFailedError(answer.failed.reason, answer.failed.data));
    else asked?.reject(new Error(answer.problem));
  });
  worker.on("error", (error) => {
    throw error;
  });
  return { worker, waiting };
}
