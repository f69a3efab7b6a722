// The server as a child: its log lines go to a file, what went wrong to the terminal too, and it is started again when it
// dies.

import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { MirrorProgress } from "../../server/database/mirror-status.ts";
import { describeFailure } from "../../server/failures.ts";
import { progressLine } from "../../server/indexer/progress-line.ts";
import { type GuardedProcess, spawnGuarded } from "./guarded-process.ts";
import { openLogFile } from "./log-file.ts";
import { SERVER_ARGUMENTS, SERVER_ENVIRONMENT } from "./server-command.ts";
import { StartError } from "./session.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** How long to wait before a server that died is started again: longer each time that it dies again soon. */
const FIRST_RESTART_MS = 200;
const LAST_RESTART_MS = 10_000;
/** A server that has run for so long begins anew with the first. */
const SETTLED_MS = 60_000;
const POLL_MS = 100;
/** The server lets requests in flight finish before it ends. */
const STOP_PATIENCE_MS = 20_000;
/** How much of what the server said last is shown. */
const SHOWN_LINES = 12;
/** pino's number for "error". */
const ERROR_LEVEL = 50;

export interface ServerOptions {
  /** Where the server answers, from this machine. */
  url: string;
  logFile: string;
  environment?: NodeJS.ProcessEnv;
  /** Whether a server that died stays dead until {@link ServerProcess.restart}: while its sources are being written. */
  staysDead?: boolean;
  /** Is told what the person at the terminal should know. */
  onMessage: (message: string) => void;
  onProcess?: (pid: number) => void;
}

export interface ServerProcess {
  /** Resolves when the server says that it is ready; rejects, with the server's own words, if it is dead for good before. */
  ready(onProgress: (text: string) => void): Promise<void>;
  /** Resolves, with a reason, when the server is dead for good: it gave up at its first start. */
  readonly failed: Promise<string>;
  /** Ends the server and starts it again, with the sources as they are now. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const { url, logFile, onMessage } = options;
  const log = openLogFile({ file: logFile, onMessage });

  let stopping = false;
  let wasReady = false;
  let expectedEnd: GuardedProcess | undefined;
  let lastWords: string[] = [];
  /** Why the server is dead for good. */
  let dead: string | undefined;
  /** Whether somebody waits for it to be ready. */
  let awaited = false;
  let restartMs = FIRST_RESTART_MS;
  let launchedAt = 0;
  /** What was said of the last death. */
  let toldOf = "";
  let fail: (reason: string) => void = () => undefined;
  const failed = new Promise<string>((done) => {
    fail = done;
  });
  let current = await launch();

  async function launch(): Promise<GuardedProcess> {
    lastWords = [];
    dead = undefined;
    launchedAt = performance.now();
    const server = await spawnGuarded(process.execPath, SERVER_ARGUMENTS, {
      cwd: ROOT,
      env: { ...process.env, ...SERVER_ENVIRONMENT, ...options.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    options.onProcess?.(server.pid);
    for (const stream of [server.child.stdout, server.child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", (line) => handleLine(line));
    }
    // Not "exit": what it said last may still be on its way then.
    server.child.once("close", (code, signal) => {
      if (!stopping && expectedEnd !== server) void handleDeath(signal ?? `code ${code}`, code !== null);
    });
    return server;
  }

  function handleLine(line: string): void {
    log.write(line);
    const record = parseRecord(line);
    // Not a log line: what the server says when it gives up.
    if (record === undefined) lastWords.push(line);
    else if (record.level >= ERROR_LEVEL) onMessage(`server: ${record.text} (details in ${logFile})`);
  }

  function giveUp(reason: string): void {
    dead = reason;
    if (options.staysDead !== true) fail(reason);
    // Whoever waits for it to be ready is told there.
    else if (!awaited) onMessage(`${reason}\nWaiting for a source to change …`);
  }

  async function handleDeath(how: string, byItself: boolean): Promise<void> {
    if (stopping) return;
    const words = lastWords.slice(-SHOWN_LINES).join("\n").trim();
    if (options.staysDead === true || (byItself && !wasReady))
      return giveUp(words === "" ? `The server ended unexpectedly (${how}); see ${logFile}.` : words);
    const told = `The server ended unexpectedly (${how})${words === "" ? "" : `: ${words}`}. Starting it again …`;
    if (performance.now() - launchedAt > SETTLED_MS) {
      restartMs = FIRST_RESTART_MS;
      toldOf = "";
    }
    // Not every few seconds, while what keeps it from starting lasts: a full disk, for example.
    if (told !== toldOf) onMessage(told);
    toldOf = told;
    await launchAgain();
  }

  async function launchAgain(): Promise<void> {
    while (!stopping) {
      await sleep(restartMs);
      restartMs = Math.min(restartMs * 2, LAST_RESTART_MS);
      if (stopping) return;
      try {
        current = await launch();
        break;
      } catch (error) {
        // The system has no process or descriptor left for it.
        const told = `The server cannot be started. ${describeFailure(error)}`;
        if (told !== toldOf) onMessage(told);
        toldOf = told;
      }
    }
    // Stopped while it was being launched.
    if (stopping) await current.stop(STOP_PATIENCE_MS);
  }

  return {
    failed,
    async ready(onProgress) {
      awaited = true;
      try {
        while (!stopping) {
          if (dead !== undefined) throw new StartError(dead);
          const answer = await askReady(url);
          if (answer.problem !== undefined) throw new StartError(answer.problem);
          if (answer.ready) {
            wasReady = true;
            return;
          }
          if (answer.reason !== undefined) onProgress(answer.reason);
          await sleep(POLL_MS);
        }
        throw new StartError("The server was stopped before it was ready.");
      } finally {
        awaited = false;
      }
    },
    async restart() {
      const old = current;
      expectedEnd = old;
      await old.stop(STOP_PATIENCE_MS);
      if (!stopping) current = await launch();
    },
    async stop() {
      stopping = true;
      await current.stop(STOP_PATIENCE_MS);
      log.close();
    },
  };
}

/** As /ready writes it: what is not known is null there. */
type PresentedProgress = Omit<MirrorProgress, "secondsLeft"> & { secondsLeft: number | null };

async function askReady(url: string): Promise<{ ready: boolean; reason?: string; problem?: string }> {
  let response: Response;
  try {
    response = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(5_000) });
  } catch {
    return { ready: false }; // Not listening yet.
  }
  if (response.ok) {
    await response.body?.cancel();
    return { ready: true };
  }
  const body = (await response.json().catch(() => ({}))) as {
    reason?: string;
    mirror?: { state?: string; problem?: string | null; progress?: PresentedProgress | null };
  };
  const { progress } = body.mirror ?? {};
  const reason = progress ? progressLine({ ...progress, secondsLeft: progress.secondsLeft ?? undefined }) : body.reason;
  return {
    ready: false,
    ...(typeof reason === "string" ? { reason } : {}),
    ...(body.mirror?.state === "degraded" && body.mirror.problem ? { problem: body.mirror.problem } : {}),
  };
}

function parseRecord(line: string): { level: number; text: string } | undefined {
  try {
    const record = JSON.parse(line) as { level?: unknown; msg?: unknown };
    if (typeof record.level !== "number") return undefined;
    return { level: record.level, text: typeof record.msg === "string" ? record.msg : line };
  } catch {
    return undefined; // Not a log line.
  }
}
