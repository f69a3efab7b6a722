// What a data folder remembers of the database that it is used with: which one it is, and how many commits it has seen there. A
// database that is missing, is another one, or has lost its newest commits is recognised by it before anything is written or sent.
// Must hold: what the file says was in the database before it was written down.

import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { type DatabaseLocation, describeDatabase } from "./location.ts";
import { DatabaseUnusableError } from "./unusable.ts";

/** What a database says of itself. */
export interface DatabaseState {
  name: string;
  commits: number;
}

/** What is remembered, while a server runs. */
export interface KnownDatabase {
  /** Notes a commit that is done. Survives the end of the process at once, and a power cut after a second. */
  note(commits: number): void;
  close(): void;
}

/** The number has a fixed place and length, so that it is overwritten where it stands: a full disk does not prevent that. */
const BEFORE_NUMBER = '{"commits":"';
const DIGITS = 16;
const SYNC_MS = 1_000;

const REMEDIES =
  "Put the database back as it was, or restore a backup: npm run restore -- <archive>. docs/operations.md says what can be rebuilt without one.";

/** Where a data folder remembers a database. Another one, after a move to PostgreSQL for example, has a file of its own. */
export function knownDatabaseFile(dataFolder: string, location: DatabaseLocation): string {
  // A data folder can be moved with the database in it.
  const isFile = location.provider === "sqlite";
  const where = isFile ? relative(resolve(dataFolder), location.file) : describeDatabase(location);
  return join(dataFolder, `database-${createHash("sha256").update(where).digest("hex").slice(0, 8)}.json`);
}

/** What is remembered; nothing if nothing is. Throws {@link DatabaseUnusableError} if it cannot be read. */
export function readKnownDatabase(file: string): DatabaseState | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  const [, commits, name] = /^\{"commits":"(\d{16})","name":"(\w+)"/.exec(text) ?? [];
  if (commits !== undefined && name !== undefined) return { name, commits: Number(commits) };
  throw new DatabaseUnusableError(
    `${file} is damaged: it tells whether the database has lost anything. Run npm run check, and delete that file if all is well.`,
  );
}

/**
 * Throws {@link DatabaseUnusableError} if the database is not there, or has no tables, although the data folder has been used with it.
 * To be asked before it is created.
 */
export function requireKnownDatabase(dataFolder: string, location: DatabaseLocation, isEmpty: boolean): void {
  if (!isEmpty) return;
  const file = knownDatabaseFile(dataFolder, location);
  const known = readKnownDatabase(file);
  const where = describeDatabase(location);
  if (known !== undefined) {
    throw new DatabaseUnusableError(
      `The database ${where} is missing or empty, although this data folder has used it (${known.commits} commits). Nothing was created. ${REMEDIES} To begin with nothing, use another DATA_DIR.`,
    );
  }
  if (location.provider !== "sqlite") return;
  const log = `${location.file}-wal`;
  if (existsSync(log) && statSync(log).size > 0) {
    throw new DatabaseUnusableError(
      `The database ${where} is missing or empty, but its newest commits are in ${log}. Nothing was created. ${REMEDIES}`,
    );
  }
}

/**
 * Throws {@link DatabaseUnusableError} if a database is not the one that the data folder knows, or not all of it.
 * @param readState Reads what the database says of itself. Is called after what is remembered was read: a server may write meanwhile.
 */
export async function requireSameDatabase(
  dataFolder: string,
  location: DatabaseLocation,
  readState: () => Promise<DatabaseState>,
): Promise<void> {
  const known = readKnownDatabase(knownDatabaseFile(dataFolder, location));
  if (known === undefined) return;
  const problem = differenceOf(location, known, await readState());
  if (problem !== undefined) {
    throw new DatabaseUnusableError(
      `${problem} Nothing was written and nothing sent. ${REMEDIES} To go on with it as it is: npm run accept-database.`,
    );
  }
}

/** What is wrong with a database that should be, or have become, what is known of it; nothing if all is well. */
export function differenceOf(
  location: DatabaseLocation,
  known: DatabaseState,
  state: DatabaseState,
): string | undefined {
  const where = describeDatabase(location);
  if (state.name !== known.name) return `The database ${where} is not the one that this data folder has used.`;
  const lost = known.commits - state.commits;
  if (lost <= 0) return undefined;
  const cause = location.provider === "sqlite" ? `${location.file}-wal was cut or deleted, or` : "Probably";
  return `The database ${where} has lost its newest ${lost === 1 ? "commit" : `${lost} commits`}: it is at ${state.commits}, and this data folder has seen ${known.commits}. ${cause} an older copy was put in its place.`;
}

/** Remembers a database as it is. What was remembered before is forgotten. */
export function rememberDatabase(dataFolder: string, location: DatabaseLocation, state: DatabaseState): void {
  const file = knownDatabaseFile(dataFolder, location);
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.draft`;
  const descriptor = openSync(draft, "w", 0o600);
  try {
    const database = location.provider === "sqlite" ? location.file : describeDatabase(location);
    const rest = `","name":${JSON.stringify(state.name)},"database":${JSON.stringify(database)}}\n`;
    writeSync(descriptor, `${BEFORE_NUMBER}${digits(state.commits)}${rest}`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(draft, file);
  syncToDisk(dirname(file));
}

/** Goes on remembering a database, which must be the one that is known. */
export function followDatabase(dataFolder: string, location: DatabaseLocation, state: DatabaseState): KnownDatabase {
  const file = knownDatabaseFile(dataFolder, location);
  if (readKnownDatabase(file) === undefined) rememberDatabase(dataFolder, location, state);
  const descriptor = openSync(file, "r+");
  const place = BEFORE_NUMBER.length;
  let syncing: NodeJS.Timeout | undefined;

  return {
    note(commits) {
      // Another server on this data folder may have seen more.
      const seen = Buffer.alloc(DIGITS);
      readSync(descriptor, seen, 0, DIGITS, place);
      if (Number(seen.toString()) >= commits) return;
      writeSync(descriptor, digits(commits), place);
      syncing ??= setTimeout(() => {
        syncing = undefined;
        // What fails here fails at the end again, where it is told.
        fdatasync(descriptor, () => undefined);
      }, SYNC_MS).unref();
    },
    close() {
      clearTimeout(syncing);
      fdatasyncSync(descriptor);
      closeSync(descriptor);
    },
  };
}

function digits(commits: number): string {
  return String(commits).padStart(DIGITS, "0");
}

/** So that the name of a new file survives a power cut. */
function syncToDisk(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
