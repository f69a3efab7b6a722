// Puts an archive back. Must hold: the whole archive was checked before anything is touched; what was there is set aside and never deleted; dying in
// the middle leaves the old files, or what the next run finishes (see moves.ts); and a block that anybody has seen does not vanish: a local chain that
// goes on from the archive's is kept.

import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Config } from "../../server/config.ts";
import { openDatabase } from "../../server/database/client.ts";
import { type DatabaseLocation, describeDatabase, locateDatabase } from "../../server/database/location.ts";
import { migrate } from "../../server/database/migrate.ts";
import { readMigrations } from "../../server/database/migrations.ts";
import { UNDER_WAY_FILE } from "../../server/half-restored.ts";
import { syncToDisk } from "../../server/system/durable-files.ts";
import { claimRun } from "../lifecycle/run-file.ts";
import { readArchive, requireArchive } from "./archive.ts";
import { filesToKeep, REPLACED_PREFIX, STAGING_FOLDER } from "./files.ts";
import { hasTables, refuseWhileInUse } from "./in-use.ts";
import { continues, type KeptChain, readKeptChain } from "./local-chain.ts";
import { DATA_FOLDER, type Manifest } from "./manifest.ts";
import { carryOut, finish, type Move, type MovePlan, planUnderWay } from "./moves.ts";
import { restorePostgresql } from "./postgresql-tools.ts";
import { BackupError, explained } from "./problems.ts";
import { faultOf } from "./sqlite-files.ts";

export interface PutBackOptions {
  /** Whether what is there may be set aside. */
  replace: boolean;
  /** Which local chain counts; the one that has all blocks of the other one, if not given. */
  chain?: "keep" | "replace" | undefined;
  say(line: string): void;
}

export interface PutBack {
  /** What the archive says of itself; nothing if a restore of it that was broken off had only to be finished. */
  manifest: Manifest | undefined;
  /** Where what was there is now; nothing if there was nothing. */
  aside: string | undefined;
}

type RestoredConfig = Pick<Config, "databaseUrl" | "dataFolder">;

/** Of these, what the archive does not have is younger than it, and stays: without its keystore, a brand that has come since could not issue. */
const MERGED_FOLDERS = ["keys", "deployments", "art", "imports"];
/** What stays where it is. */
const UNTOUCHED = new Set(["logs", "dev", STAGING_FOLDER, UNDER_WAY_FILE]);

/** Throws {@link BackupError}. */
export async function putBack(archive: string, config: RestoredConfig, options: PutBackOptions): Promise<PutBack> {
  const { dataFolder } = config;
  const location = locateDatabase(config.databaseUrl);
  requireArchive(archive);
  const isNew = !existsSync(dataFolder);
  try {
    // Nobody starts on the data folder meanwhile.
    const run = await claimRun(dataFolder, options.say);
    try {
      await refuseWhileInUse(dataFolder, location, config.databaseUrl);
      const finished = finishEarlier(dataFolder, options.say);
      if (finished?.archive === archive && !options.replace) return { manifest: undefined, aside: finished.aside };
      return await putBackChecked(archive, config, location, options);
    } finally {
      run.release();
    }
  } catch (error) {
    throw explained(error, dataFolder);
  } finally {
    if (isNew && existsSync(dataFolder) && readdirSync(dataFolder).length === 0)
      rmSync(dataFolder, { recursive: true });
  }
}

function finishEarlier(dataFolder: string, say: (line: string) => void): MovePlan | undefined {
  const earlier = planUnderWay(dataFolder);
  if (earlier === undefined) return undefined;
  finish(dataFolder, earlier);
  say(`The restore of ${earlier.archive} that was broken off is finished first.`);
  return earlier;
}

async function putBackChecked(
  archive: string,
  config: RestoredConfig,
  location: DatabaseLocation,
  options: PutBackOptions,
): Promise<PutBack> {
  const { dataFolder } = config;
  const staging = join(dataFolder, STAGING_FOLDER);
  const databaseStaging = location.provider === "sqlite" ? `${location.file}${STAGING_FOLDER}` : staging;
  const discard = () => {
    if (existsSync(join(dataFolder, UNDER_WAY_FILE))) return;
    for (const folder of [staging, databaseStaging]) rmSync(folder, { recursive: true, force: true });
  };
  discard();
  try {
    const manifest = await readArchive(archive, staging);
    checkDatabase(archive, manifest, staging, location);
    const staged = join(staging, DATA_FOLDER);
    const before = entriesOf(dataFolder, location);
    const hasDatabase =
      location.provider === "sqlite" ? existsSync(location.file) : await isTaken(config.databaseUrl, manifest);
    refuseOverwriting(dataFolder, location, { before, hasDatabase }, options.replace);
    const keepsChain = chooseChain(join(dataFolder, "chain"), join(staged, "chain"), manifest, options);

    const restoredAt = new Date();
    const aside = join(dataFolder, `${REPLACED_PREFIX}${restoredAt.toISOString().replace(/[:.]/g, "-")}`);
    const moves: Move[] = [];
    if (keepsChain) rmSync(join(staged, "chain"), { recursive: true, force: true });
    keepYounger(dataFolder, staged);
    for (const name of before) {
      if (name !== "chain" || !keepsChain) moves.push({ from: join(dataFolder, name), to: join(aside, name) });
    }
    if (location.provider === "sqlite") {
      // Migrated where it is out of everybody's way; it may be renamed within its own file system only.
      mkdirSync(databaseStaging, { recursive: true, mode: 0o700 });
      const file = join(databaseStaging, "mintmark.db");
      moveOrCopy(join(staging, manifest.database.file), file);
      await prepareDatabase(`file:${file}`, manifest, restoredAt, archive);
      for (const suffix of ["", "-wal", "-shm"]) {
        const from = `${location.file}${suffix}`;
        const isInside = dirname(location.file) === dataFolder;
        const to = isInside ? join(aside, basename(from)) : `${from}.${basename(aside)}`;
        if (existsSync(from)) moves.push({ from, to });
      }
      moves.push({ from: file, to: location.file });
    } else if (!hasDatabase) {
      await restorePostgresql(location, join(staging, manifest.database.file));
      await prepareDatabase(config.databaseUrl, manifest, restoredAt, archive);
    }
    for (const name of existsSync(staged) ? readdirSync(staged) : [])
      moves.push({ from: join(staged, name), to: join(dataFolder, name) });
    syncAll(staging);
    carryOut(dataFolder, {
      archive,
      aside: before.length > 0 || hasDatabase ? aside : undefined,
      moves,
      staging: [staging, databaseStaging],
    });
    return { manifest, aside: existsSync(aside) ? aside : undefined };
  } finally {
    discard();
  }
}

/** What is in the data folder and would be replaced. */
function entriesOf(dataFolder: string, location: DatabaseLocation): string[] {
  const isDatabase = (name: string) =>
    location.provider === "sqlite" &&
    ["", "-wal", "-shm", STAGING_FOLDER].some((suffix) => join(dataFolder, name) === `${location.file}${suffix}`);
  return readdirSync(dataFolder).filter(
    (name) =>
      !UNTOUCHED.has(name) && !name.startsWith(REPLACED_PREFIX) && !/^run\.json/.test(name) && !isDatabase(name),
  );
}

function refuseOverwriting(
  dataFolder: string,
  location: DatabaseLocation,
  { before, hasDatabase }: { before: readonly string[]; hasDatabase: boolean },
  replace: boolean,
): void {
  if (location.provider === "postgresql" && hasDatabase) return;
  if (replace || (before.length === 0 && !hasDatabase)) return;
  const what = [...before, ...(hasDatabase ? [describeDatabase(location)] : [])].slice(0, 6).join(", ");
  throw new BackupError(
    `There are data already (${what}). To set them aside and put the archive in their place, say --replace: nothing is deleted. Their folder is ${dataFolder}.`,
  );
}

/**
 * Whether a PostgreSQL database has this very archive already, because a restore was broken off after that. Throws {@link BackupError} if it has
 * anything else: this program deletes no database.
 */
async function isTaken(url: string, { createdAt, mirror }: Manifest): Promise<boolean> {
  if (!(await hasTables(url))) return false;
  const database = await openDatabase(url);
  try {
    const last = await database.restore.findFirst({ orderBy: { id: "desc" } }).catch(() => null);
    const isThis = last !== null && Number(last.archiveAt) === Date.parse(createdAt);
    // A server that has run since has gone on.
    const checkpoint = await database.checkpoint.findUnique({ where: { id: 1 } });
    if (isThis && checkpoint?.blockHash === mirror?.block.hash) return true;
  } finally {
    await database.$disconnect();
  }
  throw new BackupError(
    `The database ${describeDatabase(locateDatabase(url))} is not empty. Create one with: createdb --encoding=UTF8 --template=template0 <name>, let DATABASE_URL name it, and run this again.`,
  );
}

function checkDatabase(archive: string, manifest: Manifest, staging: string, location: DatabaseLocation): void {
  const { kind, file, migrations } = manifest.database;
  if (kind !== location.provider) {
    const names = { sqlite: "SQLite", postgresql: "PostgreSQL" };
    throw new BackupError(
      `${archive} has a database of ${names[kind]}, and DATABASE_URL names one of ${names[location.provider]}. Set DATABASE_URL to one of ${names[kind]}.`,
    );
  }
  const known = new Set(readMigrations(kind).migrationDirectories.map(({ path }) => path));
  if (migrations.some((name) => !known.has(name)))
    throw new BackupError(
      `${archive} was made by a newer version of Mintmark. Put it back with that version or a newer one.`,
    );
  const databases = filesToKeep(staging, () => false).filter((path) => path.endsWith(".db"));
  for (const path of databases) {
    if (path !== file && !path.startsWith(join(DATA_FOLDER, "chain"))) continue;
    const fault = faultOf(join(staging, path));
    if (fault !== undefined)
      throw new BackupError(
        `${archive} is damaged: ${path} is no sound database (${fault}). Nothing was changed; use another one.`,
      );
  }
}

/** Whether the local chain that is there stays. Throws {@link BackupError} where neither has all blocks of the other one. */
function chooseChain(
  folder: string,
  staged: string,
  { chain }: Manifest,
  options: Pick<PutBackOptions, "chain" | "say">,
): boolean {
  const choice = options.chain;
  if (!existsSync(folder)) {
    if (choice === "keep") throw new BackupError(`There is no chain in ${folder} to keep. Leave --keep-chain out.`);
    return false;
  }
  if (choice === "replace") return false;
  if (choice === "keep" || chain === null) return true;
  let there: KeptChain | undefined;
  try {
    there = readKeptChain(folder);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BackupError(
      `The chain in ${folder} cannot be read (${reason}). To set it aside and put back the archive's, say --replace-chain; blocks after ${chain.head.number} are gone then.`,
      { cause },
    );
  }
  const archived = readKeptChain(staged);
  if (there === undefined || (archived !== undefined && continues(archived, there))) return false;
  if (continues(there, chain)) {
    const blocks = there.head.number - chain.head.number;
    options.say(
      `The local chain goes on from the archive's (${blocks} ${blocks === 1 ? "block" : "blocks"} more) and is kept: what was issued stays. With --replace-chain the archive's would be put back.`,
    );
    return true;
  }
  throw new BackupError(
    `The chain in ${folder} (block ${there.head.number}, ${there.head.hash}) and the archive's (block ${chain.head.number}, ${chain.head.hash}) are different chains. Say which counts: --keep-chain or --replace-chain.`,
  );
}

/** Adds to what will be put back what the archive cannot know. */
function keepYounger(dataFolder: string, staged: string): void {
  for (const folder of MERGED_FOLDERS) {
    const there = join(dataFolder, folder);
    if (existsSync(there)) cpSync(there, join(staged, folder), { recursive: true, force: false, errorOnExist: false });
  }
}

function moveOrCopy(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    cpSync(from, to);
  }
}

/** Brings the database to the current schema, frees it of whoever led then, and writes down what was done. */
async function prepareDatabase(url: string, manifest: Manifest, at: Date, archive: string): Promise<void> {
  await migrate(url);
  const database = await openDatabase(url, { application: true });
  try {
    await database.writerLease.deleteMany();
    // The archive could not know of itself; the alarm about the last one's age would go off.
    const madeAt = Date.parse(manifest.createdAt);
    await database.backup.create({ data: { startedAt: madeAt, finishedAt: madeAt, bytes: statSync(archive).size } });
    await database.restore.create({
      data: {
        at: at.getTime(),
        archiveAt: Date.parse(manifest.createdAt),
        blockNumber: manifest.mirror?.block.number ?? null,
        details: JSON.stringify({ archive: basename(archive), chain: manifest.chain }),
      },
    });
  } finally {
    await database.$disconnect();
  }
}

function syncAll(folder: string): void {
  for (const path of filesToKeep(folder, () => false)) syncToDisk(join(folder, path));
}
