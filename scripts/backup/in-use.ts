// Whether somebody works on what is about to be replaced.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../server/database/client.ts";
import { type DatabaseLocation, describeDatabase } from "../../server/database/location.ts";
import { createLease, holdWhenFree } from "../../server/indexer/lease.ts";
import { isRunning } from "../lifecycle/process-identity.mjs";
import { BackupError } from "./problems.ts";
import { isInUse } from "./sqlite-files.ts";

/** Throws {@link BackupError} if the local chain of this data folder runs, or a server on the database. */
export async function refuseWhileInUse(dataFolder: string, location: DatabaseLocation, url: string): Promise<void> {
  refuseRunningChain(dataFolder);
  if (location.provider === "sqlite") {
    if (isInUse(location.file))
      throw new BackupError(`A server uses the database ${location.file}. Stop it first, then run this again.`);
    return;
  }
  if (!(await hasTables(url))) return;
  const database = await openDatabase(url);
  const lease = createLease({ database });
  try {
    if (!(await holdWhenFree(lease)))
      throw new BackupError(
        `A server uses the database ${describeDatabase(location)}. Stop it first, then run this again.`,
      );
    await lease.release();
  } finally {
    await database.$disconnect();
  }
}

/** Whether a PostgreSQL database has tables of ours. */
export async function hasTables(url: string): Promise<boolean> {
  const database = await openDatabase(url);
  try {
    const [row] = await database.$queryRaw<
      { found: string | null }[]
    >`SELECT to_regclass('"_prisma_migrations"')::text AS "found"`;
    return row?.found != null;
  } finally {
    await database.$disconnect();
  }
}

function refuseRunningChain(dataFolder: string): void {
  const chainFolder = join(dataFolder, "chain");
  const chainLocks = existsSync(chainFolder) ? readdirSync(chainFolder).filter((name) => name.endsWith(".lock")) : [];
  for (const file of chainLocks.map((name) => join(chainFolder, name))) {
    for (const process of processesIn(file)) {
      if (!isAlive(process)) continue;
      throw new BackupError(
        `The local chain in ${chainFolder} is running (process ${process.pid}). Stop it first, then run this again.`,
      );
    }
  }
}

/** Processes that a file names: with when they were started, or by their number alone. */
function processesIn(file: string): { pid: number; start?: string }[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  try {
    const found: { pid: number; start?: string }[] = [];
    JSON.parse(text, (_key, value) => {
      if (typeof value?.pid === "number") found.push(value);
      return value;
    });
    if (found.length > 0) return found;
  } catch {
    // No JSON.
  }
  const [number] = /\d+/.exec(text) ?? [];
  return number === undefined ? [] : [{ pid: Number(number) }];
}

function isAlive({ pid, start }: { pid: number; start?: string }): boolean {
  if (start !== undefined) return isRunning({ pid, start });
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
