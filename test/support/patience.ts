// How long tests wait: for a state, which they ask for again and again, and never for a time. So the limits only end what would never
// come, and are as long as it takes on a machine whose processors twenty other programs use too. How fast something is, benchmarks say.
// Needs no package: mocha's and Hardhat's settings read it.

import { setTimeout as sleep } from "node:timers/promises";

/** For one state. */
export const PATIENCE_MS = 5 * 60_000;
/** For a whole test, or what comes before or after it. */
export const TEST_PATIENCE_MS = 15 * 60_000;

const GAP_MS = 10;

/** Waits until a condition holds, and returns what it has come to. */
export async function until<Value>(
  condition: () => Promise<Value> | Value,
  complaint: () => string = () => "It did not happen in time",
): Promise<NonNullable<Value>> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await sleep(GAP_MS)) {
    const value = await condition();
    if (value) return value as NonNullable<Value>;
    if (performance.now() > deadline) throw new Error(complaint());
  }
}
