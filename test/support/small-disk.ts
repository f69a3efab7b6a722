// A disk of its own, small enough to be filled. Takes the rights to mount one.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  readonly folder: string;
  /** Takes all room but `leftBytes`. */
  fill(leftBytes?: number): void;
  /** Gives the room back. */
  empty(): void;
  remove(): void;
}

/** Why there is none, where there can be none on this machine. */
export const SMALL_DISK_MISSING = "A small disk cannot be mounted: run this as root, as CI does (mount -t tmpfs)";

/** Mounts a disk in memory; nothing where that is not allowed. */
export function mountSmallDisk(megabytes: number): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-disk-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder]);
  if (status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
  const filler = join(folder, "filler");
  return {
    folder,
    fill(leftBytes = 0) {
      const { bavail, bsize } = statfsSync(folder);
      const free = bavail * bsize - leftBytes;
      if (free <= 0) return;
      // Others write at the same time: what is full is full.
      for (let size = free; size >= bsize; size = Math.floor(size / 2)) {
        try {
          writeFileSync(filler, Buffer.alloc(size), { flag: "a" });
          if (leftBytes > 0) return;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        }
      }
    },
    empty: () => rmSync(filler, { force: true }),
    remove() {
      spawnSync("umount", ["-l", folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
