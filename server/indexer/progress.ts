// How far a pass over the chain's history is, and how long it will take.

import type { MirrorProgress } from "../database/mirror-status.ts";

export interface ProgressMeter {
  /** A pass begins after one block and is to end with another. */
  begin(pass: { from: number; target: number }): void;
  /** The mirror has come to a block, with so many more events. */
  reached(step: { block: number; events: number }): void;
  end(): void;
  /** Nothing between two passes. */
  current(): MirrorProgress | undefined;
  /** Whether the last time that this was asked and true is a while ago. */
  isTimeToTell(): boolean;
}

const TELL_INTERVAL_MS = 1_000;

export function createProgressMeter(): ProgressMeter {
  let pass: { from: number; target: number; block: number; events: number; startedAt: number } | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;

  return {
    begin({ from, target }) {
      pass = { from, target, block: from, events: 0, startedAt: performance.now() };
    },
    reached({ block, events }) {
      if (pass === undefined) return;
      pass.block = block;
      pass.events += events;
    },
    end() {
      pass = undefined;
    },
    current() {
      if (pass === undefined) return undefined;
      const { from, target, block, events, startedAt } = pass;
      const seconds = (performance.now() - startedAt) / 1_000;
      return {
        from,
        target,
        block,
        events,
        eventsPerSecond: Math.round(events / Math.max(seconds, 0.001)),
        // Blocks, because how many events are still to come nobody knows.
        secondsLeft: block === from ? undefined : Math.ceil((seconds * (target - block)) / (block - from)),
      };
    },
    isTimeToTell() {
      const now = performance.now();
      if (now - toldAt < TELL_INTERVAL_MS) return false;
      toldAt = now;
      return true;
    },
  };
}
