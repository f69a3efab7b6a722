// Where uploaded spreadsheets are kept until their cards are issued: below the data folder, a file for each import. Must hold: what
// has a name of its own is whole; what was cut off is removed, at once or after a restart.

import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { syncToDisk } from "../system/durable-files.ts";

export interface ImportFiles {
  /** Where the spreadsheet of an import is. */
  path(id: string): string;
  /** Takes in a file. Throws {@link FileTooLarge}, or what the source throws, and leaves nothing behind then. */
  receive(source: Readable, limit: number): Promise<ReceivedFile>;
  remove(id: string): Promise<void>;
  /** Removes what no import needs: `needed` is asked about each file that has not been written to for so long. */
  sweep(options: { olderThanMs: number; now: number; needed(id: string): Promise<boolean> }): Promise<void>;
}

/** A file that has come in whole, and belongs to no import yet. */
export interface ReceivedFile {
  bytes: number;
  keepAs(id: string): Promise<void>;
  discard(): Promise<void>;
}

export class FileTooLarge extends Error {
  override name = "FileTooLarge";
}

const PART = ".part";
const WHOLE = ".spreadsheet";

export function createImportFiles(dataFolder: string): ImportFiles {
  const folder = join(dataFolder, "imports");
  const path = (id: string) => join(folder, `${id}${WHOLE}`);
  return {
    path,
    async receive(source, limit) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const part = join(folder, `${randomUUID()}${PART}`);
      // Customers' references are in it.
      const file = await open(part, "wx", 0o600);
      let bytes = 0;
      try {
        // The connection must stay open for the answer that says what is wrong.
        for await (const piece of source.iterator({ destroyOnReturn: false })) {
          bytes += (piece as Buffer).length;
          if (bytes > limit) throw new FileTooLarge(`more than ${limit} bytes`);
          await file.writeFile(piece as Buffer);
        }
        await file.sync();
        await file.close();
      } catch (error) {
        await file.close();
        await rm(part, { force: true });
        throw error;
      }
      return {
        bytes,
        async keepAs(id) {
          await rename(part, path(id));
          syncToDisk(folder);
        },
        discard: () => rm(part, { force: true }),
      };
    },
    remove: (id) => rm(path(id), { force: true }),
    async sweep({ olderThanMs, now, needed }) {
      for (const name of await namesIn(folder)) {
        const file = join(folder, name);
        const touched = await stat(file).then(
          ({ mtimeMs }) => mtimeMs,
          () => undefined,
        );
        if (touched === undefined || touched > now - olderThanMs) continue;
        const wanted = name.endsWith(WHOLE) && (await needed(name.slice(0, -WHOLE.length)));
        if (!wanted && (name.endsWith(WHOLE) || name.endsWith(PART))) await rm(file, { force: true });
      }
    },
  };
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
