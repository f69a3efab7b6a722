// Where log lines go: the standard output, written at once. Must hold: what keeps lines from being written — a full disk, a pipe that
// nobody reads, a terminal that was closed — ends nobody and holds nobody up for long. Lines are dropped then, that is said once on
// the error output, and how many there were is in the log when it goes on.

import { writeSync } from "node:fs";
import { explainSystemError, writeError } from "./failures.mjs";

/** How often, and for how long each time, a reader is waited for that does not keep up. */
const READER_ATTEMPTS = 20;
const READER_PAUSE_MS = 10;
/** How often it is said that lines are dropped. */
const TELL_MS = 60_000;
/** pino's number for "warn". */
const WARN_LEVEL = 40;

export interface LogDestination {
  write(line: string): void;
}

export function createLogDestination(descriptor = 1): LogDestination {
  let dropped = 0;
  let toldAt = Number.NEGATIVE_INFINITY;
  /** Whether the last line that was written is only a part of one. */
  let brokenOff = false;

  function writeWhole(text: string): void {
    const bytes = Buffer.from(brokenOff ? `\n${text}` : text);
    let attempts = 0;
    for (let written = 0; written < bytes.length; ) {
      try {
        written += writeSync(descriptor, bytes, written);
        brokenOff = written < bytes.length;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || ++attempts > READER_ATTEMPTS) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, READER_PAUSE_MS);
      }
    }
  }

  return {
    write(line) {
      try {
        if (dropped > 0) {
          const msg = `${dropped} log ${dropped === 1 ? "line was" : "lines were"} dropped, because the log could not be written`;
          writeWhole(`${JSON.stringify({ level: WARN_LEVEL, time: Date.now(), dropped, msg })}\n`);
          dropped = 0;
        }
        writeWhole(line);
      } catch (error) {
        if (dropped === 0 && performance.now() - toldAt > TELL_MS) {
          toldAt = performance.now();
          const reason = explainSystemError(error) ?? (error as Error).message;
          writeError(`The log cannot be written, so its lines are dropped until it can. ${reason}`);
        }
        dropped++;
      }
    },
  };
}
