// Makes an archive of everything that a restore needs, while servers and the chain run. Must hold: the database is copied before the chain. A chain
// that is newer than the database is reconciled with it, see server/issuance/reconciliation/; a database that knows blocks which the chain lacks is not.

import { existsSync, mkdirSync, realpathSync, rmSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { Config } from "../../server/config.ts";
import { openDatabase } from "../../server/database/client.ts";
import { type DatabaseLocation, describeDatabase, locateDatabase } from "../../server/database/location.ts";
import { alreadyThere, draftOf, removeLeftovers, writeArchive } from "./archive.ts";
import { copyInto, filesToKeep, sha256Of } from "./files.ts";
import { copyChain, readKeptChain } from "./local-chain.ts";
import { ARCHIVE_FORMAT, DATA_FOLDER, DATABASE_FOLDER, type Manifest } from "./manifest.ts";
import { dumpPostgresql } from "./postgresql-tools.ts";
import { BackupError, explained } from "./problems.ts";
import { copySqlite } from "./sqlite-files.ts";

export interface MadeArchive {
  file: string;
  bytes: number;
  manifest: Manifest;
  /** What a restore needs and the archive does not have, in sentences. */
  missing: string[];
}

type BackedUpConfig = Pick<Config, "databaseUrl" | "dataFolder" | "keystoreFile" | "authSecret" | "dataKey">;

/** Throws {@link BackupError}. */
export async function backUp(name: string, config: BackedUpConfig, { overwrite = false } = {}): Promise<MadeArchive> {
  const file = resolve(name);
  const location = locateDatabase(config.databaseUrl);
  const startedAt = Date.now();
  refuseTarget(file, config, location, overwrite);
  const staging = draftOf(file, "staging");
  const discard = () => {
    for (const leftover of [staging, draftOf(file)]) rmSync(leftover, { recursive: true, force: true });
  };
  const stopped = (signal: NodeJS.Signals) => {
    discard();
    console.error(`Stopped by ${signal}. No archive was made.`);
    process.exit(1);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stopped);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    removeLeftovers(file);
    mkdirSync(staging, { mode: 0o700 });
    const manifest = await collect(staging, config, location);
    await writeArchive(file, { folder: staging, manifest, overwrite });
    const { size: bytes } = statSync(file);
    await writeDown(config.databaseUrl, { startedAt, bytes });
    return { file, bytes, manifest, missing: missingOf(config) };
  } catch (error) {
    throw explained(error, `The archive ${file}`);
  } finally {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.removeListener(signal, stopped);
    discard();
  }
}

function refuseTarget(file: string, config: BackedUpConfig, location: DatabaseLocation, overwrite: boolean): void {
  if (location.provider === "sqlite" && !existsSync(location.file))
    throw new BackupError(`There is no database ${describeDatabase(location)}: nothing to back up.`);
  if (isWithin(file, config.dataFolder)) {
    throw new BackupError(
      `${file} is inside of what is backed up, ${config.dataFolder}. Choose a place elsewhere, at best on another machine's disk.`,
    );
  }
  const there = statSync(file, { throwIfNoEntry: false });
  if (there?.isDirectory()) throw new BackupError(`${file} is a folder. Name a file in it.`);
  if (there !== undefined && !overwrite) throw alreadyThere(file);
}

function isWithin(file: string, folder: string): boolean {
  const path = relative(realPath(folder), realPath(file));
  return path === "" || (!path.startsWith("..") && !isAbsolute(path));
}

/** Where a path leads, although its end may not be there yet. */
function realPath(path: string): string {
  if (existsSync(path)) return realpathSync(path);
  const parent = dirname(path);
  return parent === path ? path : join(realPath(parent), relative(parent, path));
}

/** Copies everything to be archived into a folder. */
async function collect(staging: string, config: BackedUpConfig, location: DatabaseLocation): Promise<Manifest> {
  const { dataFolder } = config;
  const createdAt = new Date().toISOString();
  const database = `${DATABASE_FOLDER}/${location.provider === "sqlite" ? "mintmark.db" : "mintmark.dump"}`;
  // Before the copy: what it has is at least that new.
  const about = await aboutDatabase(config.databaseUrl);
  mkdirSync(join(staging, DATABASE_FOLDER), { mode: 0o700 });
  if (location.provider === "sqlite") await copySqlite(location.file, join(staging, database));
  else await dumpPostgresql(location, join(staging, database));

  // Only now: see above.
  const chainFolder = join(dataFolder, "chain");
  const stagedChain = join(staging, DATA_FOLDER, "chain");
  if (existsSync(chainFolder)) await copyChain(chainFolder, stagedChain);
  const chain = readKeptChain(stagedChain);
  const isElsewhere = (path: string) => path === chainFolder || isDatabaseFile(path, location);
  for (const path of filesToKeep(dataFolder, isElsewhere))
    copyInto(join(dataFolder, path), join(staging, DATA_FOLDER, path));

  const files = [];
  for (const path of filesToKeep(staging, () => false)) {
    const file = join(staging, path);
    files.push({ path: path.replaceAll("\\", "/"), size: statSync(file).size, sha256: await sha256Of(file) });
  }
  return {
    format: ARCHIVE_FORMAT,
    createdAt,
    database: { kind: location.provider, file: database, migrations: about.migrations },
    mirror: about.mirror,
    chain: chain === undefined ? null : { genesisHash: chain.genesisHash, head: chain.head },
    files,
  };
}

function isDatabaseFile(path: string, location: DatabaseLocation): boolean {
  return location.provider === "sqlite" && path === location.file;
}

async function aboutDatabase(url: string): Promise<{ migrations: string[]; mirror: Manifest["mirror"] }> {
  const database = await openDatabase(url);
  try {
    const rows = await database.$queryRaw<{ migration_name: string }[]>`
      SELECT "migration_name" FROM "_prisma_migrations" WHERE "finished_at" IS NOT NULL ORDER BY "migration_name"`;
    const checkpoint = await database.checkpoint.findUnique({ where: { id: 1 } });
    const mirror = checkpoint && {
      chainId: Number(checkpoint.chainId),
      genesisHash: checkpoint.genesisHash,
      block: { number: checkpoint.blockNumber, hash: checkpoint.blockHash },
    };
    return { migrations: rows.map(({ migration_name }) => migration_name), mirror };
  } finally {
    await database.$disconnect();
  }
}

/** For the alarm that says when the last archive was made. An archive is good without it. */
async function writeDown(url: string, { startedAt, bytes }: { startedAt: number; bytes: number }): Promise<void> {
  const database = await openDatabase(url, { application: true });
  try {
    await database.backup.create({ data: { startedAt, finishedAt: Date.now(), bytes } });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(
      `The archive is made, but the database does not say so (${reason}): the alarm about its age goes on.`,
    );
  } finally {
    await database.$disconnect();
  }
}

function missingOf({ keystoreFile, dataFolder, authSecret, dataKey }: BackedUpConfig): string[] {
  const missing: string[] = [];
  if (keystoreFile !== undefined && !isWithin(resolve(keystoreFile), dataFolder))
    missing.push(`the keystore ${resolve(keystoreFile)} (KEYSTORE_FILE)`);
  if (authSecret !== undefined) missing.push("AUTH_SECRET");
  if (dataKey !== undefined) missing.push("DATA_KEY");
  return missing;
}
