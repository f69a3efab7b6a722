// Writers by the dozen: processes that wait for work, so that the one that takes a killed one's place need not be waited for.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { MirrorStatus } from "../../server/database/mirror-status.ts";
import { PATIENCE_MS } from "../support/patience.ts";
import type { FromWriter, ToWriter, WriterSettings } from "./writer.ts";

export interface Writer {
  readonly pid: number;
  start(settings: WriterSettings): void;
  hint(): void;
  /** What it last said of itself when asked; nothing if it does not answer in time. */
  status(): Promise<MirrorStatus | undefined>;
  /** Ends the indexer in order; the process waits for other work. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** Lets it stand still for a while. */
  freeze(): void;
  thaw(): void;
  /** What it said that should never happen. */
  complaint(): string | undefined;
  /** Its last lines of log. */
  log(): readonly string[];
}

export interface Writers {
  /** A process that waits for work; makes sure that another one will. */
  take(): Promise<Writer>;
  /** Takes back one that has been stopped. */
  giveBack(writer: Writer): void;
  close(): Promise<void>;
}

const SPARE = 2;
const LOG_LINES = 200;
const STATUS_TIMEOUT_MS = 500;
/** A writer that does not stop in order within this time hangs. */
const STOP_TIMEOUT_MS = PATIENCE_MS;

/**
 * @param options.folder Where they keep what is compiled.
 * @param options.warmUpUrl A database without meaning.
 */
export function createWriters({ folder, warmUpUrl }: { folder: string; warmUpUrl: string }): Writers {
  const waiting: Promise<Writer>[] = [];
  const alive = new Set<ChildProcess>();

  async function launch(): Promise<Writer> {
    const child = fork(join(import.meta.dirname, "writer.ts"), [join(folder, "compiled"), warmUpUrl], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    alive.add(child);
    child.once("exit", () => alive.delete(child));
    const writer = watch(child);
    await writer.ready();
    return writer;
  }

  function refill(): void {
    while (waiting.length < SPARE) {
      const writer = launch();
      // Whoever takes it is told.
      writer.catch(() => undefined);
      waiting.push(writer);
    }
  }
  refill();

  return {
    async take() {
      const writer = waiting.shift() ?? launch();
      refill();
      return await writer;
    },
    giveBack(writer) {
      waiting.unshift(Promise.resolve(writer));
    },
    async close() {
      await Promise.allSettled(waiting);
      const ended = [...alive].map((child) => once(child, "exit"));
      for (const child of alive) child.kill("SIGKILL");
      await Promise.all(ended);
    },
  };
}

function watch(child: ChildProcess): Writer & { ready(): Promise<void> } {
  let complaint: string | undefined;
  let wanted = false;
  const lines: string[] = [];
  let isReady = Promise.withResolvers<void>();
  isReady.promise.catch(() => undefined);
  let onStatus: ((status: MirrorStatus | undefined) => void) | undefined;

  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      lines.push(...text.trimEnd().split("\n"));
      lines.splice(0, lines.length - LOG_LINES);
    });
  }
  child.on("message", (message: FromWriter) => {
    if (message.kind === "ready") isReady.resolve();
    if (message.kind === "status") onStatus?.(message.status);
    if (message.kind === "refused") complaint = message.reason;
  });
  child.once("exit", (code, signal) => {
    if (!wanted) complaint = `The writer ended by itself with ${signal ?? `code ${code}`}`;
    isReady.reject(new Error(`The writer ended: ${lines.join("\n")}`));
    onStatus?.(undefined);
  });
  const tell = (message: ToWriter) => {
    if (child.connected) child.send(message, () => undefined);
  };

  return {
    pid: child.pid as number,
    ready: () => isReady.promise,
    start: (settings) => tell({ kind: "start", settings }),
    hint: () => tell({ kind: "hint" }),
    async status() {
      return await new Promise((resolve) => {
        const patience = setTimeout(() => onStatus?.(undefined), STATUS_TIMEOUT_MS);
        onStatus = (status) => {
          clearTimeout(patience);
          onStatus = undefined;
          resolve(status);
        };
        tell({ kind: "status" });
      });
    },
    async stop() {
      isReady = Promise.withResolvers();
      tell({ kind: "stop" });
      const impatience = setTimeout(() => {
        complaint ??= `The writer did not stop within ${STOP_TIMEOUT_MS / 1000} s`;
        child.kill("SIGKILL");
      }, STOP_TIMEOUT_MS);
      await isReady.promise.finally(() => clearTimeout(impatience));
    },
    async kill() {
      wanted = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    complaint: () => complaint,
    log: () => lines,
  };
}
