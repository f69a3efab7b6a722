// How soon a new block shows in the API: from when the node announces it to when a client that keeps asking for its card is
// answered with it. The client asks again a millisecond after each answer, so what is measured includes that and one answer.

import { setTimeout as sleep } from "node:timers/promises";
import { type Bound, percentile } from "./measure.ts";
import { machineTime } from "./replay/server.ts";
import { GAP_MS } from "./world/following.ts";
import type { FilledMirror } from "./world/mirror.ts";

const BLOCKS = 150;
const INTERVAL_MS = 200;

export async function benchLive(mirror: FilledMirror): Promise<Bound[]> {
  const subscribed = await latencies(mirror, true);
  const polling = await latencies(mirror, false);
  const of = (values: readonly number[], ...shares: number[]) => shares.map((share) => percentile(values, share));
  const text = (values: readonly number[]) => `${values.map((value) => value.toFixed(1)).join(" / ")} ms`;
  const what = `${BLOCKS} blocks with one card each, one every ${INTERVAL_MS} ms, ${mirror.kind.name}`;
  const [p50 = Number.NaN, p95 = Number.NaN, max = Number.NaN] = of(subscribed, 0.5, 0.95, 1);
  const [pollingP99 = Number.NaN] = of(polling, 0.99);
  return [
    {
      what: `${what}: block → API, with a subscription, p50 / p95 / max`,
      bound: "≤ 15 / 25 / 100 ms",
      measured: text([p50, p95, max]),
      holds: p50 <= 15 && p95 <= 25 && max <= 100,
    },
    {
      what: `${what}: by polling alone, p50 / p95 / p99 / max`,
      bound: "p99 ≤ 150 ms",
      measured: text(of(polling, 0.5, 0.95, 0.99, 1)),
      holds: pollingP99 <= 150,
    },
  ];
}

/** Milliseconds from block to API. */
async function latencies(mirror: FilledMirror, subscribed: boolean): Promise<number[]> {
  const server = await mirror.start({ subscribed });
  try {
    await server.ready();
    // The first question of its kind costs more than all others.
    await server.get(mirror.pathOf(1));
    const found: number[] = [];
    for (let block = 0, due = machineTime(); block < BLOCKS; block++, due += INTERVAL_MS) {
      await sleep(Math.max(0, due - machineTime()));
      const { at, firstSerial } = await mirror.node.append(1, 1);
      found.push((await server.until(mirror.pathOf(firstSerial), ({ status }) => status === 200, GAP_MS)) - at);
    }
    return found;
  } finally {
    await server.stop();
  }
}
