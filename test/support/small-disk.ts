// A disk of a few megabytes, for what happens when it is full or can only be read.

import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SmallDisk {
  folder: string;
  /** Fills it to the last byte. */
  fill(): void;
  /** Makes room again. */
  empty(): void;
  setReadOnly(readOnly: boolean): void;
  remove(): void;
}

export const NEEDS_MOUNT = "needs Linux and the right to mount: run the tests as root";

export function canMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  try {
    makeSmallDisk(1).remove();
    return true;
  } catch {
    return false;
  }
}

export function makeSmallDisk(megabytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-disk-"));
  run("mount", "-t", "tmpfs", "-o", `size=${megabytes}m,mode=700`, "tmpfs", folder);
  const ballast = join(folder, "ballast");
  return {
    folder,
    fill() {
      const descriptor = openSync(ballast, "a");
      try {
        const block = Buffer.alloc(statfsSync(folder).bsize);
        for (;;) writeSync(descriptor, block);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      } finally {
        closeSync(descriptor);
      }
    },
    empty: () => rmSync(ballast, { force: true }),
    setReadOnly: (readOnly) => run("mount", "-o", `remount,${readOnly ? "ro" : "rw"}`, folder),
    remove() {
      run("umount", "--lazy", folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}
