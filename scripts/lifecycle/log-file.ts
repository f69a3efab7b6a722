// The file that the server's log lines go to. Must hold: what keeps lines from being written — a full disk, a folder that is gone —
// ends nobody. Lines are dropped then and counted, that is said once, and writing goes on by itself when it can. All files together
// never grow beyond a bound.

import { closeSync, fstatSync, openSync, renameSync, rmSync, statfsSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { existingFolder } from "../../server/system/data-folder.ts";
import { makeFolder } from "../../server/system/durable-files.ts";
import { explainSystemError } from "../../server/system/failures.mjs";

export interface LogFile {
  write(line: string): void;
  /** Writes what was not written yet, and closes the file. */
  close(): void;
}

export interface LogFileOptions {
  file: string;
  /** Is told, once, that lines are dropped and why; and once when that is over. */
  onMessage: (message: string) => void;
  /** How large one file becomes. */
  limitBytes?: number;
  /** How many files there are at most: `server.log`, and older ones from `server.log.1` on. */
  files?: number;
}

const LIMIT_BYTES = 10_000_000;
const FILES = 5;
/** Lines that come in within so long are written together. */
const COLLECT_MS = 100;
/** What waits to be written, at most. */
const LARGEST_PENDING_BYTES = 1_000_000;
/** How long to wait after a failure, and how much room there must be then. */
const RETRY_MS = 1_000;
const LEAST_FREE_BYTES = 256_000;
const FILE_MODE = 0o600;

export function openLogFile({ file, onMessage, limitBytes = LIMIT_BYTES, files = FILES }: LogFileOptions): LogFile {
  let descriptor: number | undefined;
  let size = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  /** How many lines were dropped since writing failed; nothing while it works. */
  let dropped: number | undefined;
  /** Whether the last line in the file is only a part of one. */
  let brokenOff = false;

  /** Opens the file where it is not open, or not there any more: an open one that was deleted takes room that nobody can free. */
  function current(): number {
    if (descriptor !== undefined && fstatSync(descriptor).nlink > 0 && size < limitBytes) return descriptor;
    close();
    if (size >= limitBytes) rotate();
    makeFolder(dirname(file));
    descriptor = openSync(file, "a", FILE_MODE);
    size = fstatSync(descriptor).size;
    return size < limitBytes ? descriptor : current();
  }

  function rotate(): void {
    const name = (age: number) => (age === 0 ? file : `${file}.${age}`);
    rmSync(name(files - 1), { force: true });
    for (let age = files - 2; age >= 0; age--) {
      try {
        renameSync(name(age), name(age + 1));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      }
    }
    size = 0;
  }

  function close(): void {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  }

  function flush(): void {
    timer = undefined;
    if (pending.length === 0 && dropped === undefined) return;
    try {
      if (dropped !== undefined) recover(dropped);
      for (let line = pending[0]; line !== undefined; line = pending[0]) {
        writeLine(line);
        pending.shift();
        pendingBytes -= line.length;
      }
    } catch (error) {
      if (dropped === undefined) {
        dropped = 0;
        const reason = explainSystemError(error, file) ?? String(error);
        onMessage(`The log ${file} cannot be written, so its lines are dropped until it can. ${reason}`);
      }
      drop();
      timer = setTimeout(flush, RETRY_MS);
    }
  }

  function writeLine(line: Buffer): void {
    const target = current();
    if (brokenOff) size += writeSync(target, "\n");
    // A disk that becomes full takes a part first, and says so at the next attempt.
    for (let written = 0; written < line.length; ) {
      written += writeSync(target, line, written);
      brokenOff = written < line.length;
    }
    size += line.length;
  }

  function recover(lines: number): void {
    // A few bytes fit onto a full disk now and then; that is not the end of it.
    const { bavail, bsize } = statfsSync(existingFolder(dirname(file)));
    if (bavail * bsize < LEAST_FREE_BYTES) throw new Error("the disk is still full");
    const message = `The log is written again. ${lines} ${lines === 1 ? "line was" : "lines were"} dropped meanwhile.`;
    writeLine(Buffer.from(`${message}\n`));
    dropped = undefined;
    onMessage(message);
  }

  function drop(): void {
    dropped = (dropped ?? 0) + pending.length;
    pending = [];
    pendingBytes = 0;
  }

  return {
    write(line) {
      if (dropped !== undefined) {
        dropped++;
        return;
      }
      const bytes = Buffer.from(`${line}\n`);
      pending.push(bytes);
      pendingBytes += bytes.length;
      if (pendingBytes > LARGEST_PENDING_BYTES) {
        clearTimeout(timer);
        flush();
      } else timer ??= setTimeout(flush, COLLECT_MS);
    },
    close() {
      clearTimeout(timer);
      flush();
      clearTimeout(timer);
      close();
    },
  };
}
