// Choices for random runs, which a seed repeats.

import { id } from "ethers";
import { randomNumbers } from "../../support/random.ts";

/** What random runs choose with; all of it follows from a seed. */
export function createRandom(seed: number) {
  const next = randomNumbers(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    between: (first: number, last: number) => first + below(last - first + 1),
    chance: (probability: number) => next() < probability,
    pick: <Value>(values: readonly Value[]): Value => {
      const value = values[below(values.length)];
      if (value === undefined) throw new Error("nothing to pick from");
      return value;
    },
    bytes32: () => id(String(next())),
  };
}

export type Random = ReturnType<typeof createRandom>;
