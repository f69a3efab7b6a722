// What each operation took when that was last looked at and accepted: a tracked file, so that a change of cost shows in
// the diff of the change that causes it.

import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";

export const SNAPSHOT_FILE = resolve(import.meta.dirname, "..", "..", "test", "contracts", "gas-snapshot.json");
export const SNAPSHOT_COMMAND = "npm run gas-snapshot";

/** Gas by the key of the operation. */
export type GasSnapshot = Record<string, number>;

export function readSnapshot(file = SNAPSHOT_FILE): GasSnapshot {
  return JSON.parse(readFileSync(file, "utf8")) as GasSnapshot;
}

export function writeSnapshot(snapshot: GasSnapshot, file = SNAPSHOT_FILE): void {
  writeFileSync(file, `${JSON.stringify(snapshot, null, 2)}\n`);
}

/** A line per operation that takes something else than before, is new or is gone; none if all is as it was. */
export function differences(before: GasSnapshot, after: GasSnapshot): string[] {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) => {
    const [old, now] = [before[key], after[key]];
    if (old === now) return [];
    const text = (gas: number | undefined) => (gas === undefined ? "nothing" : gas.toLocaleString("en"));
    if (old === undefined || now === undefined) return [`${key}: ${text(old)} → ${text(now)}`];
    const change = `${now > old ? "+" : "−"}${text(Math.abs(now - old))}`;
    return [`${key}: ${text(old)} → ${text(now)} (${change}, ${(((now - old) / old) * 100).toFixed(2)} %)`];
  });
}
