// Processes that compute for the server: how they come to their end, counted, and as a sentence that a person can act on.
// Must hold: however a child ends, or does not even start, whoever waits for it is told, and nothing of it ends the server.

import type { ChildProcess } from "node:child_process";
import { Counter, type Registry } from "prom-client";

/** What the children are called in metrics, and what each does. */
const TASKS = {
  keys: "opens a keystore",
  holders: "derives customers' addresses",
  reader: "reads a spreadsheet",
  printer: "makes a document to print",
} as const;
export type ChildName = keyof typeof TASKS;

/** Why a child has not done its work. */
export type ChildEnd =
  | { kind: "not-started"; code: string }
  | { kind: "killed"; signal: string }
  | { kind: "ended"; code: number | null }
  | { kind: "silent"; seconds: number }
  | { kind: "malformed" }
  /** It lives, and the system did not let it do its work. */
  | { kind: "refused"; reason: string };

/** A child has not done its work, which may be tried again. The message is fit for a user. */
export class ChildEndedError extends Error {
  override name = "ChildEndedError";
  readonly end: ChildEnd;

  constructor(child: ChildName, end: ChildEnd) {
    super(`The process that ${TASKS[child]} ${describeEnd(end)}`);
    this.end = end;
  }
}

const NOT_STARTED: Record<string, string> = {
  EAGAIN: "the system allows no more processes. Raise the limit (ulimit -u), or end others",
  ENOMEM: "memory is short. Free some",
  EMFILE: "the server has too many open files. Raise the limit (ulimit -n)",
  ENFILE: "the system has too many open files. Close some",
};

function describeEnd(end: ChildEnd): string {
  switch (end.kind) {
    case "not-started":
      return `could not be started: ${NOT_STARTED[end.code] ?? "the system refused"} (${end.code}).`;
    case "killed":
      return `was killed (${end.signal}). Is memory short?`;
    case "ended":
      return `ended unexpectedly (code ${end.code}). Is memory short?`;
    case "silent":
      return `did not answer within ${end.seconds} s and was ended. Is the machine overloaded?`;
    case "malformed":
      return "answered with something that is no answer.";
    case "refused":
      return `could not do its work: ${end.reason}.`;
  }
}

/** A child, if it could be started, and how it ends. */
export interface LaunchedChild {
  child: ChildProcess | undefined;
  /** Never rejects. */
  ended: Promise<ChildEnd>;
}

/** @param start Calls `spawn` or `fork`, which report some failures by throwing and others by an event. */
export function launch(start: () => ChildProcess): LaunchedChild {
  let child: ChildProcess;
  try {
    child = start();
  } catch (error) {
    return { child: undefined, ended: Promise.resolve(notStarted(error)) };
  }
  const ended = new Promise<ChildEnd>((resolve) => {
    // Later ones are of signals and messages that did not reach it: then it has ended, which "exit" says.
    child.on("error", (error) => {
      if (child.pid === undefined) resolve(notStarted(error));
    });
    child.once("exit", (code, signal) =>
      resolve(signal === null ? { kind: "ended", code } : { kind: "killed", signal }),
    );
  });
  return { child: child.pid === undefined ? undefined : child, ended };
}

function notStarted(error: unknown): ChildEnd {
  return { kind: "not-started", code: (error as NodeJS.ErrnoException).code ?? "unknown error" };
}

/** Of this process, since it was started. */
const deaths = new Map<ChildName, number>();

/** Counts a child that came to its end before its work was done. Returns what its user is told. */
export function diedAtWork(child: ChildName, end: ChildEnd): ChildEndedError {
  countDeath(child);
  return new ChildEndedError(child, end);
}

/** Counts a child of a child. */
export function countDeath(child: ChildName): void {
  deaths.set(child, (deaths.get(child) ?? 0) + 1);
}

/** Registers the metric of the children. Once for each registry. */
export function measureChildren(registry: Registry): void {
  new Counter({
    name: "mintmark_child_process_deaths_total",
    help: "Processes that compute for the server and came to their end before their work was done, by what they do. It is tried again.",
    labelNames: ["process"],
    registers: [registry],
    collect() {
      this.reset();
      for (const child of Object.keys(TASKS) as ChildName[]) this.inc({ process: child }, deaths.get(child) ?? 0);
    },
  });
}
