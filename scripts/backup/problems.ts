// What keeps an archive from being made or put back, in a sentence.

/** The message is fit for a user. */
export class BackupError extends Error {
  override name = "BackupError";
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "There is no space left on its disk. Free some, or choose another place",
  EDQUOT: "Its disk quota is used up. Free some space, or choose another place",
  EROFS: "Its disk can only be read. Choose another place",
  EACCES: "This user may not write there. Change the permissions, or choose another place",
  EPERM: "This user may not do that. Change the permissions, or choose another place",
  EMFILE: "Too many files are open. Raise the limit: ulimit -n 4096",
  EIO: "The disk has failed. Look into the system's log",
};

/** An error of the system, or of SQLite about its disk, as a {@link BackupError} about a place; any other one as it is. */
export function explained(error: unknown, place: string): unknown {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  const known = /SQLITE_FULL|disk is full/i.test(`${code} ${message}`) ? "ENOSPC" : code;
  const reason = REASONS[known];
  return reason === undefined ? error : new BackupError(`${place} cannot be written. ${reason}.`, { cause: error });
}
