// Who runs on a data folder: one file, made by whoever starts and removed by whoever stops in order. It lets a start tell a
// run that is going on (keep away) from one that was killed (end what it left running, and say so), and never take a
// stranger's process for one of ours: see process-identity.mjs.

import { linkSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { prepareDataFolder } from "../../server/system/data-folder.ts";
import { createFile, replaceFile } from "../../server/system/durable-files.ts";
import { identifyProcess, isRunning, type ProcessIdentity } from "./process-identity.mjs";

interface RunRecord {
  /** The process that started everything. */
  supervisor: ProcessIdentity;
  /** When, as an ISO date. */
  since: string;
  /** What it started, by what it is: "chain", "server". */
  children: Record<string, ProcessIdentity>;
}

/** Somebody else runs on this data folder. The message is fit for a user. */
export class AlreadyRunningError extends Error {
  override name = "AlreadyRunningError";
}

export interface RunFile {
  /** Whether the run before ended without stopping in order. */
  readonly earlierRunWasKilled: boolean;
  /** Writes down a process that the run has started. */
  record(name: string, pid: number): void;
  /** The run has stopped in order. */
  release(): void;
}

/** Claims a data folder. Ends what a killed run left behind. Throws {@link AlreadyRunningError}. */
export async function claimRun(dataFolder: string, onMessage: (message: string) => void): Promise<RunFile> {
  prepareDataFolder(dataFolder);
  const file = join(dataFolder, "run.json");
  const supervisor = identifyProcess(process.pid);
  if (supervisor === undefined) throw new Error("The system does not tell when a process was started");
  const run: RunRecord = { supervisor, since: new Date().toISOString(), children: {} };
  let earlierRunWasKilled = false;
  for (;;) {
    if (createFile(file, JSON.stringify(run))) break;
    const found = readRecord(file);
    if (found !== undefined && isRunning(found.supervisor)) {
      throw new AlreadyRunningError(
        `Mintmark is running on ${dataFolder} already (process ${found.supervisor.pid}, since ${new Date(found.since).toLocaleString()}). ` +
          `Stop it with Ctrl-C in its terminal or with: kill ${found.supervisor.pid}\n` +
          "To run a second one beside it, give it a data folder and ports of its own: DATA_DIR, PORT and RPC_URL.",
      );
    }
    earlierRunWasKilled = true;
    await endOrphans(found, onMessage);
    removeStale(file, found);
  }

  return {
    earlierRunWasKilled,
    record(name, pid) {
      const identity = identifyProcess(pid);
      if (identity === undefined) return;
      run.children[name] = identity;
      replaceFile(file, JSON.stringify(run));
    },
    release: () => rmSync(file, { force: true }),
  };
}

/** The record; nothing if it is gone, or is none. */
function readRecord(file: string): RunRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(file, "utf8")) as Partial<RunRecord> | null;
    return record?.supervisor === undefined ? undefined : (record as RunRecord);
  } catch {
    return undefined;
  }
}

async function endOrphans(run: RunRecord | undefined, onMessage: (message: string) => void): Promise<void> {
  for (const [name, child] of Object.entries(run?.children ?? {})) {
    if (!isRunning(child)) continue;
    onMessage(`The earlier run was killed and left its ${name} running (process ${child.pid}): ending it.`);
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      if (isRunning(child)) process.kill(child.pid, signal);
      for (let waited = 0; waited < 5_000 && isRunning(child); waited += 50) await sleep(50);
    }
  }
}

/** Removes the record of a dead run, unless another start has put its own there in the meantime. */
function removeStale(file: string, found: RunRecord | undefined): void {
  const grave = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, grave);
    if (JSON.stringify(readRecord(grave)) !== JSON.stringify(found)) linkSync(grave, file);
  } catch (error) {
    // Somebody else was faster, in either step; the caller looks again.
    if (!["ENOENT", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
  rmSync(grave, { recursive: true, force: true });
}
