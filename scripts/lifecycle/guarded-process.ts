// Child processes that never outlive us, and that only we end. They run in a session of their own, so that Ctrl-C in the
// terminal reaches them through us and in the right order; and a watcher ends them if we are killed.

import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import type { Socket } from "node:net";

const WATCH = `read _
kill -TERM "$1" || exit
for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; kill -0 "$1" || exit; done
kill -KILL "$1"`;

export interface GuardedProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Resolves when the process has ended, however that came. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Asks the process to end, and ends it after `patienceMs`. */
  stop(patienceMs?: number): Promise<void>;
}

/** Starts a process; rejects if there is no such program. */
export async function spawnGuarded(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): Promise<GuardedProcess> {
  const child = spawn(command, args, { ...options, detached: true });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  const pid = child.pid as number;
  // The pipe closes when we end, whatever ends us; then `read` returns and the process is told to end.
  const watcher = spawn("/bin/sh", ["-c", WATCH, "sh", String(pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  watcher.on("error", () => undefined); // Without a shell the process is still ended by the next start.
  watcher.unref();
  (watcher.stdin as Socket).unref();

  let done = false;
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => {
      done = true;
      // Its number may soon be another process's.
      watcher.kill("SIGKILL");
      resolve({ code, signal });
    });
  });
  return {
    pid,
    child,
    ended,
    async stop(patienceMs = 10_000) {
      if (done) return;
      child.kill("SIGTERM");
      const impatience = setTimeout(() => child.kill("SIGKILL"), patienceMs);
      await ended;
      clearTimeout(impatience);
    },
  };
}
