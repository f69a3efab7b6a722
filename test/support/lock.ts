// Another program that keeps an SQLite file locked, as a backup or an administrator's shell may.

import { spawn } from "node:child_process";
import { once } from "node:events";

/** Locks the database against writers; resolves when it is locked. The function that it returns gives it free. */
export async function lockSqlite(url: string): Promise<() => Promise<void>> {
  const script = `
    import { DatabaseSync } from "node:sqlite";
    new DatabaseSync(${JSON.stringify(url.slice("file:".length))}, { timeout: 10_000 }).exec("BEGIN IMMEDIATE");
    console.log("locked");
    setInterval(() => undefined, 1_000);`;
  const other = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(other, "exit");
  await once(other.stdout, "data");
  return async () => {
    other.kill("SIGKILL");
    await ended;
  };
}
