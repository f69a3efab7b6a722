// How many blocks are read at once: so many that a range holds a good number of events, and no more than the node takes.
// Must hold: memory and the database's transactions stay small however dense the chain is, and a sparse one takes few calls.

import { mayHelpToAskLess } from "../chain/rpc.ts";

export interface RangeSize {
  /** How many blocks the next range has. */
  blocks(): number;
  /** Of how many blocks logs are asked for in one call; a range may take several calls, which go in one request. */
  window(): number;
  /** How many ranges are read at the same time. */
  inFlight(): number;
  /** A range of so many blocks had so many events. */
  succeeded(range: { blocks: number; events: number }): void;
  /** A range of so many blocks could not be read. */
  failed(blocks: number, error: unknown): void;
}

const FIRST_RANGE = 15;
/** What a range should hold at most: some 5 MB of the node's JSON. */
const FULL_RANGE_EVENTS = 7_000;
const WINDOWS_PER_RANGE = 8;
const MOST_GROWTH = 32;
/** After how many ranges it is tried whether the node takes larger windows by now. */
const RANGES_BEFORE_GROWTH = 64;

/**
 * @param options.maxWindow Of how many blocks logs are asked for in one call at most.
 */
export function createRangeSize({ maxWindow }: { maxWindow: number }): RangeSize {
  let window = maxWindow;
  let size = Math.min(FIRST_RANGE, maxWindow);
  let sought = true;
  let successes = 0;

  return {
    blocks: () => size,
    window: () => window,
    // One tells most while the size is still to be found. With two the next is there when one is committed; each more takes
    // memory, and calls of its own for collections that an earlier one brings to light.
    inFlight: () => (sought ? 1 : 2),
    succeeded({ blocks, events }) {
      if (++successes % RANGES_BEFORE_GROWTH === 0) window = Math.min(window * 2, maxWindow);
      const fitting = events === 0 ? Number.POSITIVE_INFINITY : Math.floor((blocks * FULL_RANGE_EVENTS) / events);
      // Ranges were under way while it grew: a smaller one that comes in late says nothing against the larger ones.
      const most = Math.min(Math.max(1, fitting), window * WINDOWS_PER_RANGE);
      const grown = Math.max(size, blocks * MOST_GROWTH);
      if (most <= grown) sought = false;
      size = Math.min(grown, most);
      // Whole windows: half of one is a call as well.
      if (size > window) size -= size % window;
    },
    failed(blocks, error) {
      // A node that is not there would not be there for fewer blocks either.
      if (!mayHelpToAskLess(error)) return;
      successes = 0;
      size = Math.max(1, Math.floor(blocks / 2));
      window = Math.min(window, size);
    },
  };
}
