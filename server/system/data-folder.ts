// The folder of everything that is kept. Must hold: only its owner reads what is in it, whatever the mode of files was before; and
// a folder that cannot be used is told of in one sentence before anything is started on it.

import { chmodSync, lstatSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { makeFolder } from "./durable-files.ts";
import { explainSystemError } from "./failures.mjs";

/** The folder cannot be used. The message is fit for a user. */
export class DataFolderError extends Error {
  override name = "DataFolderError";
}

/** What this process and its children create is for their owner only. */
const OWNER_ONLY = 0o077;
/** What we keep in a data folder. Other files in it are somebody else's. */
const OWN_FOLDERS = ["art", "chain", "deployments", "dev", "imports", "keys", "logs", "payment-simulator", "shop"];
const OWN_FILES = /^(auth-secret|run\.json|mintmark\.db(-wal|-shm|-journal)?)$/;

/** From now on this process and its children create files for their owner only. */
export function keepFromOthers(): void {
  process.umask(OWNER_ONLY);
}

/**
 * Makes the folder if it is not there, tries whether it can be written, and takes it, with what we have put in it, out of others'
 * reach. Throws {@link DataFolderError}.
 */
export function prepareDataFolder(folder: string): void {
  keepFromOthers();
  const attempt = join(folder, `.attempt.${process.pid}`);
  try {
    makeFolder(folder);
    // Some content: an empty file can be created on a full disk.
    writeFileSync(attempt, "Can this folder be written?\n");
    tighten(folder);
  } catch (cause) {
    const { path = attempt } = cause as NodeJS.ErrnoException;
    const sentence = explainSystemError(cause, path === attempt ? folder : path);
    if (sentence === undefined) throw cause;
    throw new DataFolderError(sentence, { cause });
  } finally {
    remove(attempt);
  }
}

function remove(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Where it could not be written either.
  }
}

function tighten(folder: string): void {
  // A folder that is not ours alone is left as it is: the user's home, the current folder, a shared one such as /tmp.
  const isShared = [homedir(), process.cwd(), "/"].includes(resolve(folder)) || (lstatSync(folder).mode & 0o1000) !== 0;
  if (!isShared) takeFromOthers(folder);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && OWN_FOLDERS.includes(entry.name)) tightenAll(path);
    else if (entry.isFile() && OWN_FILES.test(entry.name)) takeFromOthers(path);
  }
}

function tightenAll(folder: string): void {
  takeFromOthers(folder);
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    // Never what a symbolic link leads to.
    if (entry.isDirectory() || entry.isFile()) takeFromOthers(join(entry.parentPath, entry.name));
  }
}

function takeFromOthers(path: string): void {
  try {
    const { mode } = lstatSync(path);
    if ((mode & OWNER_ONLY) !== 0) chmodSync(path, mode & 0o7777 & ~OWNER_ONLY);
  } catch (error) {
    // Gone meanwhile; or another user's, who decides about it.
    if (!["ENOENT", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

/** Where the disk of a folder is to be asked about, which may not be there yet: the folder, or the nearest one above it. */
export function existingFolder(folder: string): string {
  for (let path = resolve(folder); ; path = dirname(path)) {
    try {
      if (lstatSync(path).isDirectory()) return path;
    } catch {
      // Not there yet.
    }
    if (path === dirname(path)) return path;
  }
}
