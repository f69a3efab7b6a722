// Files that must be whole and still be there after a power cut: written beside their place, brought to the disk, put into their
// place at once, and their folder's entry brought to the disk too. Must hold: for the eyes of their owner only.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Writes a file in the place of the one that is there: a reader sees the old one or the new one, never half of it. */
export function replaceFile(file: string, content: string | Uint8Array): void {
  withDraft(file, content, (draft) => renameSync(draft, file));
}

/** Writes a file where there is none yet. Whether it did: of several who try at once, one does. */
export function createFile(file: string, content: string | Uint8Array): boolean {
  return withDraft(file, content, (draft) => {
    try {
      // Unlike a rename, a link fails if somebody else was faster.
      linkSync(draft, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST" || existsSync(file)) return false;
      // File systems without links.
      renameSync(draft, file);
    }
    return true;
  });
}

/** Makes a folder, with those above it, for its owner only. What is there already stays as it is. */
export function makeFolder(folder: string): void {
  if (existsSync(folder) && statSync(folder).isDirectory()) return;
  const above = dirname(resolve(folder));
  // One by one: what is wrong with the first of several would be told as another fault.
  if (above !== resolve(folder)) makeFolder(above);
  try {
    mkdirSync(folder, { mode: FOLDER_MODE });
  } catch (error) {
    // Somebody else was faster.
    if (existsSync(folder) && statSync(folder).isDirectory()) return;
    throw error;
  }
  syncToDisk(above);
}

/** Brings to the disk what was written into a file, or what was renamed, linked and removed in a folder. */
export function syncToDisk(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } catch (error) {
    // Some network file systems bring folders to the disk by themselves and refuse to be asked.
    if (!["EINVAL", "ENOTSUP"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  } finally {
    closeSync(descriptor);
  }
}

function withDraft<Result>(file: string, content: string | Uint8Array, place: (draft: string) => Result): Result {
  const folder = dirname(resolve(file));
  makeFolder(folder);
  const draft = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    const descriptor = openSync(draft, "wx", FILE_MODE);
    try {
      // A disk that becomes full takes a part first, and says so at the next attempt.
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    const result = place(draft);
    syncToDisk(folder);
    return result;
  } catch (error) {
    // The draft's name says nothing to a person, and errors of writing name no file at all.
    if (error instanceof Error) Object.assign(error, { path: file });
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
