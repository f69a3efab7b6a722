// Several workers that try mutants side by side. A worker that hangs or dies is replaced.

import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Message, Outcome, Task } from "./worker.ts";

/** With this argument a worker first sees that the tests pass on unchanged code. */
export const CHECK = "--check";

const WORKER = join(import.meta.dirname, "worker.ts");

/** How long one mutant may take. Endless loops end sooner, because they run out of gas. */
const MUTANT_TIMEOUT_MS = 120_000;
/** Tests to try first: more would take longer than they save. */
const MAX_LIKELY_TESTS = 5;
/** How long a worker may take to load the tests and to run them on the unchanged code. */
const START_TIMEOUT_MS = 900_000;

/** Tries all mutants and tells about each as soon as its outcome is known. Throws if the tests fail on unchanged code. */
export async function tryMutants<M extends { id: string; file: string; place: string; content: string }>(
  mutants: readonly M[],
  { workers, onOutcome }: { workers: number; onOutcome: (mutant: M, outcome: Outcome) => void },
): Promise<void> {
  const queue = [...mutants];
  let isChecked = false;
  const retried = new Set<M>();
  /** By the function that was mutated, the tests that noticed, the last one first. */
  const noticed = new Map<string, string[]>();
  const remember = (place: string, outcome: Outcome) => {
    if (outcome.kind !== "killed") return;
    const others = noticed.get(place)?.filter((test) => test !== outcome.by) ?? [];
    noticed.set(place, [outcome.by, ...others].slice(0, MAX_LIKELY_TESTS));
  };
  const children = new Set<ChildProcess>();
  const end = () => {
    for (const child of children) child.kill("SIGKILL");
  };
  process.once("exit", end);

  async function work(): Promise<void> {
    while (queue.length > 0) {
      const worker = start(children, isChecked ? [] : [CHECK]);
      isChecked = true;
      try {
        const ready = await worker.next(START_TIMEOUT_MS);
        if (ready === "timeout" || ready === "gone")
          throw new Error(`A worker did not get ready.\n${worker.complaint()}`);
        if (ready.kind === "broken") throw new Error(ready.message);
        for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
          worker.send({ file: mutant.file, content: mutant.content, likely: noticed.get(mutant.place) ?? [] });
          const message = await worker.next(MUTANT_TIMEOUT_MS);
          if (message === "gone") {
            if (retried.has(mutant)) throw new Error(`Workers end when they try ${mutant.id}.\n${worker.complaint()}`);
            retried.add(mutant);
            queue.unshift(mutant);
            break;
          }
          if (message !== "timeout" && message.kind === "broken") throw new Error(message.message);
          const isDone = message !== "timeout" && message.kind === "done";
          const outcome: Outcome = isDone ? message.outcome : { kind: "killed", by: "the time limit" };
          remember(mutant.place, outcome);
          onOutcome(mutant, outcome);
          // Then another worker goes on.
          if (!isDone || message.spent) break;
        }
      } finally {
        worker.end();
      }
    }
  }

  try {
    await Promise.all(Array.from({ length: Math.min(workers, mutants.length) }, work));
  } finally {
    process.off("exit", end);
    end();
  }
}

function start(children: Set<ChildProcess>, args: readonly string[]) {
  const child = fork(WORKER, args, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
  children.add(child);
  let complaint = "";
  child.stderr?.on("data", (data) => {
    complaint = `${complaint}${data}`.slice(-4_000);
  });
  let waiting: ((message: Message | "gone" | "timeout") => void) | undefined;
  child.on("message", (message: Message) => waiting?.(message));
  child.on("exit", (code, signal) => {
    children.delete(child);
    complaint = `${complaint}\n(ended with ${signal ?? code})`;
    waiting?.("gone");
  });
  return {
    send: (task: Task) => child.send(task),
    complaint: () => complaint,
    end: () => child.kill("SIGKILL"),
    async next(timeoutMs: number): Promise<Message | "gone" | "timeout"> {
      if (child.exitCode !== null) return "gone";
      let timer: NodeJS.Timeout | undefined;
      const message = await new Promise<Message | "gone" | "timeout">((done) => {
        waiting = done;
        timer = setTimeout(() => done("timeout"), timeoutMs);
      });
      clearTimeout(timer);
      waiting = undefined;
      return message;
    },
  };
}
