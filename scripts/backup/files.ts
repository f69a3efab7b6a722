// Files of the data folder: which of them an archive has, and how they are brought to and from the disk.

import { createHash } from "node:crypto";
import { copyFileSync, createReadStream, existsSync, mkdirSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { UNDER_WAY_FILE } from "../../server/half-restored.ts";

/**
 * What an archive does not have, because it is written anew or means nothing later: logs, who runs, what is half written, and the chain and database
 * of `npm run dev`, which forget everything when it ends.
 */
export const LEFT_OUT_FOLDERS = ["logs", "dev"];
const LEFT_OUT_FILES =
  /^run\.json|^database-[0-9a-f]+\.json$|\.(tmp|part|lock|unfinished(\.\d+)?)$|^\.attempt\.|^node\.log$|\.unpacked\.json$|-(wal|shm|journal)$/;
/** Folders that restores make: see restore.ts. */
export const REPLACED_PREFIX = "replaced-";
export const STAGING_FOLDER = ".restoring";

/** The files of a data folder that an archive has, as paths within it, sorted. Links are followed. */
export function filesToKeep(dataFolder: string, isDatabase: (file: string) => boolean): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  function walk(folder: string): void {
    const real = realpathSync(folder);
    if (seen.has(real)) return;
    seen.add(real);
    for (const name of readdirSync(folder).sort()) {
      const file = join(folder, name);
      if (isLeftOut(relative(dataFolder, file), name) || isDatabase(file)) continue;
      // It may have gone since.
      const about = statSync(file, { throwIfNoEntry: false });
      if (about?.isDirectory()) walk(file);
      else if (about?.isFile()) found.push(relative(dataFolder, file));
    }
  }
  if (existsSync(dataFolder)) walk(dataFolder);
  return found;
}

function isLeftOut(path: string, name: string): boolean {
  const [top = ""] = path.split(sep);
  if (LEFT_OUT_FOLDERS.includes(top) || top.startsWith(REPLACED_PREFIX)) return true;
  if (top.endsWith(STAGING_FOLDER) || top === UNDER_WAY_FILE) return true;
  return LEFT_OUT_FILES.test(name);
}

/** Copies a file into a folder that may not be there yet. Whether it did: not if the file is gone. */
export function copyInto(source: string, target: string): boolean {
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  try {
    copyFileSync(source, target);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" && !existsSync(source)) return false;
    throw error;
  }
}

export async function sha256Of(file: string): Promise<string> {
  const digest = createHash("sha256");
  for await (const piece of createReadStream(file)) digest.update(piece as Buffer);
  return digest.digest("hex");
}
