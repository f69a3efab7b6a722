// PostgreSQL's own programs, pg_dump and pg_restore. Must hold: no password is among a program's arguments, where every user of the machine
// could read it.

import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { DatabaseLocation } from "../../server/database/location.ts";
import { describeDatabase } from "../../server/database/location.ts";
import { BackupError } from "./problems.ts";

type PostgresqlLocation = Extract<DatabaseLocation, { provider: "postgresql" }>;

/** How a person gets the programs. */
const INSTALL = "Install them: apt-get install -y postgresql-client, in the server's version or a newer one";
/** Where Debian has those of each version. */
const DEBIAN_FOLDER = "/usr/lib/postgresql";
const SHOWN_CHARACTERS = 600;

/**
 * Dumps the database as of one moment, while others write to it. Throws {@link BackupError}.
 * @param program pg_dump; the machine's newest if not given.
 */
export async function dumpPostgresql(location: PostgresqlLocation, file: string, program = newest("pg_dump")) {
  const options = ["--format=custom", "--no-owner", "--no-privileges", `--schema=${location.schema}`, `--file=${file}`];
  await run(program, [...options, `--dbname=${connectionString(location)}`], location);
}

/** Puts a dump into an empty database: all of it or nothing. Throws {@link BackupError}. */
export async function restorePostgresql(location: PostgresqlLocation, file: string): Promise<void> {
  const options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"];
  // Each database has this schema already: only what is in it is restored then.
  const filter = location.schema === "public" ? ["--schema=public"] : [];
  const target = `--dbname=${connectionString(location)}`;
  await run(newest("pg_restore"), [...options, ...filter, target, file], location);
}

async function run(file: string, options: readonly string[], location: PostgresqlLocation): Promise<void> {
  const program = basename(file);
  const where = describeDatabase(location);
  const url = new URL(location.url);
  const password = decodeURIComponent(url.password);
  const child = spawn(file, options, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...(password === "" ? {} : { PGPASSWORD: password }) },
  });
  let said = "";
  child.stderr.on("data", (data) => {
    said += data;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (cause: NodeJS.ErrnoException) => {
      const missing = `PostgreSQL's program ${program} is not on this machine. ${INSTALL}.`;
      reject(cause.code === "ENOENT" ? new BackupError(missing, { cause }) : cause);
    });
    child.once("close", resolve);
  });
  if (code === 0) return;
  if (/server version mismatch|unsupported version/.test(said)) {
    const versions = /server version: ([\d.]+).*?version: ([\d.]+)/s.exec(said);
    const detail = versions === null ? "" : `: the server has ${versions[1]}, the program ${versions[2]}`;
    throw new BackupError(
      `PostgreSQL's program ${program} is older than what it is to work with${detail}. ${INSTALL}.`,
    );
  }
  const words = said.trim().slice(0, SHOWN_CHARACTERS);
  throw new BackupError(`${program} failed on ${where}: ${words === "" ? `it ended with code ${code}` : words}`);
}

/** The newest of the machine's; otherwise whatever the PATH has. */
function newest(program: string): string {
  const versions = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER) : [];
  return (
    versions
      .toSorted((one, other) => Number(other) - Number(one))
      .map((version) => join(DEBIAN_FOLDER, version, "bin", program))
      .find((file) => existsSync(file)) ?? program
  );
}

/** What the programs connect with; without the password and what only our driver knows. */
function connectionString({ url }: PostgresqlLocation): string {
  const parsed = new URL(url);
  parsed.searchParams.delete("schema");
  parsed.password = "";
  return parsed.href;
}
