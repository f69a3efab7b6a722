// What the store keeps outside its database: secrets that it makes once, in a file that only its user may read.

import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Kept {
  /** The password of the store's staff. */
  staffPassword: string;
  /** Whether the database was filled to the end. */
  seeded?: true;
  /** Where Mintmark tells the store what happens, and the secret that proves that it is Mintmark. */
  webhook?: { mintmarkUrl: string; id: string; url: string; secret: string };
}

export interface Keeper {
  read(): Kept;
  write(kept: Kept): void;
}

export function createKeeper(folder: string): Keeper {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "secrets.json");
  const keeper: Keeper = {
    read() {
      try {
        return JSON.parse(readFileSync(file, "utf8")) as Kept;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        const kept = { staffPassword: randomBytes(9).toString("base64url") };
        keeper.write(kept);
        return kept;
      }
    },
    write(kept) {
      writeFileSync(`${file}.new`, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
  };
  return keeper;
}
