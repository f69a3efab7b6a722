// A process that computes for the server, one question after the other. What takes much computing or memory is there and not here:
// requests do not wait for it, and its memory goes back to the system with it.
// Must hold: it ends when the server does, however that ends.

import { fork } from "node:child_process";
import { once } from "node:events";

export interface Child {
  ask(question: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/** Keeps what a process takes near what it needs. */
const ARGUMENTS = ["--heap-growing-percent=100", "--max-semi-space-size=8"];

/** @param program Begins with {@link serve}. */
export function startChild(program: string): Child {
  const child = fork(program, { execArgv: ARGUMENTS, serialization: "advanced", env: { MALLOC_ARENA_MAX: "2" } });
  const ended = once(child, "exit") as Promise<[number | null, string | null]>;
  child.unref();
  child.channel?.unref();
  let closing = false;
  let last: Promise<unknown> = Promise.resolve();

  async function askNow(question: unknown): Promise<unknown> {
    const answered = once(child, "message");
    child.channel?.ref();
    child.send(question as object);
    try {
      const outcome = await Promise.race([answered, ended]);
      if (child.exitCode === null && child.signalCode === null) return outcome[0];
      throw new Error(`A process that computes for the server has ended (${child.signalCode ?? child.exitCode})`);
    } finally {
      child.channel?.unref();
    }
  }

  return {
    ask(question) {
      const answer = last.then(() => askNow(question));
      last = answer.catch(() => {});
      return answer;
    },
    async close() {
      if (closing) return;
      closing = true;
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** In the process itself: answers each question with what `answer` makes of it. */
export function serve(answer: (question: unknown) => Promise<unknown>): void {
  process.on("disconnect", () => process.exit());
  // The terminal's interrupt key reaches it too; the server decides when it is over.
  process.on("SIGINT", () => {});
  process.on("message", async (question) => {
    const answered = await answer(question);
    // Nobody is left to tell if that fails.
    process.send?.(answered, undefined, undefined, (error) => {
      if (error !== null) process.exit();
    });
  });
}
