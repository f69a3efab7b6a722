// Putting files into the places of others so that dying in the middle leaves the old ones, or something that the next run finishes. Everything is on
// the disk and checked before; what is left are renames, written down before the first of them. Whoever starts while they are under way is refused.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { UNDER_WAY_FILE } from "../../server/half-restored.ts";
import { syncToDisk } from "../../server/system/durable-files.ts";

/** Absolute paths. Never done twice: then `to` is there, or `from` is gone. */
export interface Move {
  from: string;
  to: string;
}

/** What is under way: shown to whoever asks, and done again from its beginning. */
export interface MovePlan {
  /** The archive that is being put back. */
  archive: string;
  /** Where what was there goes; nothing if there was nothing. */
  aside?: string | undefined;
  moves: Move[];
  /** Removed in the end. */
  staging: string[];
}

/** Writes the plan down and carries it out. */
export function carryOut(dataFolder: string, plan: MovePlan): void {
  const file = join(dataFolder, UNDER_WAY_FILE);
  const draft = `${file}.tmp`;
  writeFileSync(draft, JSON.stringify(plan), { mode: 0o600 });
  syncToDisk(draft);
  renameSync(draft, file);
  syncToDisk(dataFolder);
  finish(dataFolder, plan);
}

/** The plan that a run has not finished; nothing if there is none. */
export function planUnderWay(dataFolder: string): MovePlan | undefined {
  const file = join(dataFolder, UNDER_WAY_FILE);
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as MovePlan) : undefined;
}

/** Carries out what is left of a plan. */
export function finish(dataFolder: string, { moves, staging }: MovePlan): void {
  const folders = new Set<string>();
  for (const { from, to } of moves) {
    if (!existsSync(from)) continue;
    if (existsSync(to)) {
      // What was there went aside before.
      if (!staging.some((folder) => from.startsWith(`${folder}${sep}`))) continue;
      // Made meanwhile, by a program that did not know: it must not be taken for what belongs there.
      renameSync(to, `${to}.made-meanwhile-${Date.now()}`);
    }
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
    renameSync(from, to);
    for (const path of [from, to]) folders.add(dirname(path));
  }
  for (const folder of folders) if (existsSync(folder)) syncToDisk(folder);
  rmSync(join(dataFolder, UNDER_WAY_FILE));
  syncToDisk(dataFolder);
  for (const folder of staging) rmSync(folder, { recursive: true, force: true });
}
