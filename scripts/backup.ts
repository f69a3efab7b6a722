// npm run backup -- <file>: copies the SQLite database as of one moment, also while a server writes to it. Must hold: the
// file is complete or is not there.

import { existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { loadConfig } from "../server/config.ts";
import { openDatabase } from "../server/database/client.ts";
import { describeDatabase, locateDatabase } from "../server/database/location.ts";
import { describeFailure } from "../server/failures.ts";
import { beginCommand } from "./lifecycle/command.ts";

class BackupError extends Error {
  override name = "BackupError";
}

async function main(): Promise<string> {
  const [name, ...rest] = process.argv.slice(2);
  if (name === undefined || rest.length > 0)
    throw new BackupError("Say which file to write: npm run backup -- backup.db");
  const { databaseUrl } = loadConfig();
  const location = locateDatabase(databaseUrl);
  if (location.provider === "postgresql")
    throw new BackupError("PostgreSQL has a command of its own: pg_dump --format=custom --file=<file> <DATABASE_URL>");
  if (!existsSync(location.file))
    throw new BackupError(`There is no database ${describeDatabase(location)}: nothing to copy.`);
  const file = resolve(name);
  if (existsSync(file)) throw new BackupError(`${file} is there already. Choose another name, or move it away.`);

  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.unfinished`;
  rmSync(unfinished, { force: true });
  const database = await openDatabase(databaseUrl);
  try {
    await database.$executeRaw`VACUUM INTO ${unfinished}`;
  } finally {
    await database.$disconnect();
  }
  renameSync(unfinished, file);
  return `${file} is a copy of ${location.file} (${(statSync(file).size / 1e6).toFixed(1)} MB).`;
}

beginCommand();
try {
  console.log(await main());
} catch (error) {
  console.error(describeFailure(error));
  process.exitCode = 1;
}
