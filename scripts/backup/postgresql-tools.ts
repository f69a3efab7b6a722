// PostgreSQL's own programs, pg_dump and pg_restore. Must hold: no password is among a program's arguments, where every user of the machine
// could read it.

import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseLocation } from "../../server/database/location.ts";
import { describeDatabase } from "../../server/database/location.ts";
import { BackupError } from "./problems.ts";

type PostgresqlLocation = Extract<DatabaseLocation, { provider: "postgresql" }>;

/** How a person gets the programs. */
const INSTALL = "Install them: apt-get install -y postgresql-client, in the server's version or a newer one";
/** Where Debian has those of each version. */
const DEBIAN_FOLDER = "/usr/lib/postgresql";
const SHOWN_CHARACTERS = 600;

/** Dumps the database as of one moment, while others write to it. Throws {@link BackupError}. */
export async function dumpPostgresql(location: PostgresqlLocation, file: string): Promise<void> {
  const options = ["--format=custom", "--no-owner", "--no-privileges", `--schema=${location.schema}`, `--file=${file}`];
  await run("pg_dump", options, location);
}

/** Puts a dump into an empty database: all of it or nothing. Throws {@link BackupError}. */
export async function restorePostgresql(location: PostgresqlLocation, file: string): Promise<void> {
  const options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"];
  // Each database has this schema already.
  const filter = location.schema === "public" ? ["--clean", "--if-exists"] : [];
  await run("pg_restore", [...options, ...filter, `--dbname=${connectionString(location)}`, file], location);
}

async function run(program: string, options: readonly string[], location: PostgresqlLocation): Promise<void> {
  const where = describeDatabase(location);
  const url = new URL(location.url);
  const password = decodeURIComponent(url.password);
  const target = program === "pg_dump" ? [`--dbname=${connectionString(location)}`] : [];
  const child = spawn(newest(program), [...options, ...target], {
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
