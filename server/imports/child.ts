// A process that computes for the server, one question after the other. What takes much computing or memory is there and not here:
// requests do not wait for it, and its memory goes back to the system with it.
// Must hold: it ends when the server does, however that ends; every question is answered or rejected, however the process ends.

import { fork } from "node:child_process";
import { type ChildEnd, ChildEndedError, type ChildName, diedAtWork, launch } from "../child-processes.ts";

export interface Child {
  /** Throws `ChildEndedError`. */
  ask(question: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/** Keeps what a process takes near what it needs. */
const ARGUMENTS = ["--heap-growing-percent=100", "--max-semi-space-size=8"];
/** No answer takes so long on a machine that still does anything. */
const PATIENCE_MS = 300_000;

/** @param program Begins with {@link serve}. */
export function startChild(name: ChildName, program: string, patienceMs = PATIENCE_MS): Child {
  const { child, ended } = launch(() =>
    fork(program, { execArgv: ARGUMENTS, serialization: "advanced", env: { MALLOC_ARENA_MAX: "2" } }),
  );
  child?.unref();
  child?.channel?.unref();
  let closing = false;
  let silent = false;
  let waiting: PromiseWithResolvers<unknown> | undefined;
  /** Why it can be asked nothing any more. */
  let over: Error | undefined;
  let last: Promise<unknown> = Promise.resolve();

  child?.on("message", (message) => {
    const answer = message as ServedAnswer;
    if ("answer" in answer) waiting?.resolve(answer.answer);
    else waiting?.reject(new ChildEndedError(name, { kind: "refused", reason: answer.refused }));
  });
  void ended.then((end) => {
    const seen: ChildEnd = silent ? { kind: "silent", seconds: patienceMs / 1_000 } : end;
    over = closing ? new Error("The process was closed") : diedAtWork(name, seen);
    waiting?.reject(over);
  });

  async function askNow(question: unknown): Promise<unknown> {
    if (child === undefined) await ended;
    if (over !== undefined) throw over;
    const answer = Promise.withResolvers<unknown>();
    waiting = answer;
    const timer = setTimeout(() => {
      silent = true;
      child?.kill("SIGKILL");
    }, patienceMs);
    child?.channel?.ref();
    // What does not reach it: it has ended, or is about to.
    child?.send(question as object, undefined, undefined, (error) => {
      if (error !== null) child.kill("SIGKILL");
    });
    try {
      return await answer.promise;
    } finally {
      clearTimeout(timer);
      waiting = undefined;
      child?.channel?.unref();
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
      child?.kill("SIGKILL");
      await ended;
    },
  };
}

/** What comes back for a question. */
type ServedAnswer =
  | { answer: unknown }
  /** The system did not let it, as the system says it. */
  | { refused: string };

/** In the process itself: answers each question with what `answer` makes of it. */
export function serve(answer: (question: unknown) => Promise<unknown>): void {
  async function served(question: unknown): Promise<ServedAnswer> {
    try {
      return { answer: await answer(question) };
    } catch (error) {
      const { code, syscall, message } = error as NodeJS.ErrnoException;
      // Anything else is a fault of ours: the process ends with it.
      if (code === undefined || syscall === undefined) throw error;
      return { refused: message };
    }
  }

  process.on("disconnect", () => process.exit());
  // The terminal's interrupt key reaches it too; the server decides when it is over.
  process.on("SIGINT", () => {});
  process.on("message", async (question) => {
    const answered = await served(question);
    // Nobody is left to tell if that fails.
    process.send?.(answered, undefined, undefined, (error) => {
      if (error !== null) process.exit();
    });
  });
}
