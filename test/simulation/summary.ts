// What many simulations came to.

import type { Counts, Outcome } from "./run.ts";

export interface Summary {
  readonly done: number;
  readonly failedSeeds: readonly number[];
  add(outcome: Outcome): void;
  text(seconds: number): string;
}

export function createSummary(): Summary {
  const totals: Partial<Record<keyof Counts, number>> = {};
  const faults: Record<string, number> = {};
  const failedSeeds: number[] = [];
  let done = 0;
  let deepestReorg = 0;
  let slowestMs = 0;

  return {
    get done() {
      return done;
    },
    failedSeeds,
    add({ seed, divergences, counts, convergenceMs }) {
      done++;
      if (divergences.length > 0) failedSeeds.push(seed);
      for (const [name, count] of Object.entries(counts) as [keyof Counts, number | Record<string, number>][]) {
        if (typeof count === "number") totals[name] = (totals[name] ?? 0) + count;
      }
      for (const [name, count] of Object.entries(counts.faults)) faults[name] = (faults[name] ?? 0) + count;
      deepestReorg = Math.max(deepestReorg, counts.deepestReorg);
      slowestMs = Math.max(slowestMs, convergenceMs);
    },
    text(seconds) {
      const total = (name: keyof Counts) => (totals[name] ?? 0).toLocaleString("en");
      const spoilt = Object.entries(faults).sort(([, a], [, b]) => b - a);
      const sum = spoilt.reduce((all, [, count]) => all + count, 0);
      return [
        `${done} simulations in ${seconds.toFixed(0)} s, ${total("onPostgresql")} of them on PostgreSQL`,
        `${total("blocks")} blocks made, ${total("events")} events on the chains in the end, ${total("told")} entries told`,
        `${total("reorgs")} reorgs, the deepest of ${deepestReorg} blocks`,
        `${total("kills")} writers killed, ${total("freezes")} stopped for a while, ${total("resets")} mirrors emptied`,
        `${total("looks")} looks in the middle of it; right again after ${(slowestMs / 1000).toFixed(1)} s at the latest`,
        `${sum.toLocaleString("en")} answers spoilt: ${spoilt.map(([name, count]) => `${name} ${count}`).join(", ")}`,
        failedSeeds.length === 0
          ? "0 divergences"
          : `${failedSeeds.length} divergences: seeds ${failedSeeds.join(", ")}`,
      ].join("\n");
    },
  };
}
