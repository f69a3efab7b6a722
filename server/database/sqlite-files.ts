// Whether an SQLite database is still where it was opened. Its files can be deleted, replaced or cut while they are open: SQLite then goes
// on with what nobody finds again, and answers as if all were well.

import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from "node:fs";
import { basename } from "node:path";

export interface SqliteFiles {
  /** What has happened to the files, in a sentence; nothing if they are as they should be. */
  problem(): string | undefined;
  close(): void;
}

/**
 * The beginning of the file with the newest commits, and where in it stands what a checkpoint changes. Frames of a page each follow, which
 * have that salt, too.
 */
const LOG_HEADER = { bytes: 32, magic: 0x377f0682, pageSize: 8, salt: { from: 16, to: 24 } };
const FRAME_HEADER = { bytes: 24, salt: { from: 8, to: 16 } };

/** Looks at the files of a database that is open, in WAL mode. */
export function watchSqliteFiles(file: string): SqliteFiles {
  // SQLite puts what belongs to a file beside what a link leads to.
  const real = realpathSync(file);
  const files = [file, `${real}-wal`, `${real}-shm`];
  const opened = files.map(identityOf);
  // Only this one: whoever closes the others' files takes the driver's locks away.
  const log = openSync(`${real}-wal`, "r");
  const header = Buffer.alloc(LOG_HEADER.bytes);
  let size = 0;
  let salt = "";

  /** Whether the log has lost anything but by a checkpoint, which begins it anew with another salt. */
  function isCut(): boolean {
    const before = { size, salt };
    size = fstatSync(log).size;
    if (size === 0) return false;
    const read = readSync(log, header, 0, LOG_HEADER.bytes, 0);
    salt = header.toString("hex", LOG_HEADER.salt.from, LOG_HEADER.salt.to);
    // The last bit tells the order of bytes.
    const isLog = read === LOG_HEADER.bytes && (header.readUInt32BE(0) & ~1) === LOG_HEADER.magic;
    return !isLog || (size < before.size && salt === before.salt) || hasHole(before.size);
  }

  /**
   * Whether there is nothing where the last whole frame was: the log was cut, and has grown since. What follows that frame is the
   * beginning of one that is being written, or that a full disk had no room for.
   */
  function hasHole(sizeBefore: number): boolean {
    const frame = FRAME_HEADER.bytes + header.readUInt32BE(LOG_HEADER.pageSize);
    const frames = Math.floor((sizeBefore - LOG_HEADER.bytes) / frame);
    if (frames < 1 || size < sizeBefore) return false;
    const last = LOG_HEADER.bytes + (frames - 1) * frame;
    const { from, to } = FRAME_HEADER.salt;
    const found = Buffer.alloc(to - from);
    readSync(log, found, 0, found.length, last + from);
    return found.every((byte) => byte === 0);
  }

  return {
    problem() {
      const gone = files.find((path, index) => identityOf(path) !== opened[index]);
      if (gone !== undefined) return `${basename(gone)} was deleted or replaced while the server ran.`;
      return isCut() ? `${basename(file)}-wal was cut while the server ran.` : undefined;
    },
    close: () => closeSync(log),
  };
}

/** Which file stands at a path; nothing if there is none. */
function identityOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev} ${found.ino}`;
}
