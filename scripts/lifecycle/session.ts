// How `npm start` and `npm run dev` live and end: what is started is stopped in the opposite order, once, whatever the
// reason: Ctrl-C, a signal, the death of npm or of the terminal, or a step that failed.

import { describeFailure } from "../../server/failures.ts";
import type { Terminal } from "./terminal.ts";

const WATCH_PARENT_MS = 500;

/** The reason is expected and told in its message; no stack is needed. */
export class StartError extends Error {
  override name = "StartError";
}

export interface Session {
  /** Says how to stop something that was started. Stopped at once if the session is ending already. */
  onStop(stop: () => Promise<void> | void): Promise<void>;
  /** Ends the session because something that must run has failed. */
  fail(reason: string): void;
  /** Ends the session so that the bootstrap starts it again. */
  end(exitCode: number): void;
}

/** Runs `work`, which starts things and returns; they run until something ends the session, and with it the process. */
export async function runSession(
  terminal: Terminal,
  farewell: string,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const stops: (() => Promise<void> | void)[] = [];
  let ending: Promise<void> | undefined;

  const end = (exitCode: number, message?: string): Promise<void> => {
    ending ??= (async () => {
      if (message !== undefined) terminal.say(message);
      for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) {
        try {
          await stop();
        } catch (error) {
          terminal.say(`While stopping: ${describeFailure(error)}`);
          exitCode ||= 1;
        }
      }
      if (message !== undefined && exitCode === 0) terminal.say(farewell);
      process.exit(exitCode);
    })();
    return ending;
  };

  // A Ctrl-C arrives twice, from the terminal and from npm; the second changes nothing.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => end(0, "Stopping …"));
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) void end(0, "Stopping …, because what started this has ended.");
  }, WATCH_PARENT_MS).unref();

  // What nobody has caught ends the session as well, in order: the chain must write down what it has.
  process.on("uncaughtException", (error) => {
    if (ending === undefined) void end(1, describeFailure(error));
    else terminal.say(`While stopping: ${describeFailure(error)}`);
  });

  const session: Session = {
    async onStop(stop) {
      if (ending === undefined) stops.push(stop);
      else await stop();
    },
    fail: (reason) => void end(1, reason),
    end: (exitCode) => void end(exitCode),
  };
  try {
    await work(session);
  } catch (error) {
    // What fails because it was stopped is not a failure.
    if (ending === undefined) await end(1, describeFailure(error));
  }
  // Only `end` ends the process.
  setInterval(() => undefined, 3_600_000);
}
