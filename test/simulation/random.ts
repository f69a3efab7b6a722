// The dice of a simulation: what is thrown for comes out the same for the same seed.

import { randomNumbers } from "../support/random.ts";

export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number from 0 to `count` - 1. */
  below(count: number): number;
  /** A whole number from `first` to `last`. */
  between(first: number, last: number): number;
  chance(probability: number): boolean;
  /** One of several; throws if there are none. */
  pick<Item>(items: readonly Item[]): Item;
  /** One of several, each as likely as its weight says. */
  weighted<Item>(items: readonly (readonly [weight: number, item: Item])[]): Item;
  shuffled<Item>(items: readonly Item[]): Item[];
  /** Lower-case hexadecimal with 0x. */
  hex(bytes: number): string;
  /** Dice of their own for a purpose, so that how often one is thrown has no influence on another. */
  fork(purpose: string): Random;
}

/** Spreads a text over 32 bits: FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash | 0;
}

export function createRandom(seed: number): Random {
  const next = randomNumbers(seed);
  const random: Random = {
    next,
    below: (count) => Math.floor(next() * count),
    between: (first, last) => first + Math.floor(next() * (last - first + 1)),
    chance: (probability) => next() < probability,
    pick(items) {
      if (items.length === 0) throw new Error("There is nothing to pick from");
      return items[Math.floor(next() * items.length)] as (typeof items)[number];
    },
    weighted(items) {
      let left = next() * items.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, item] of items) {
        left -= weight;
        if (left < 0) return item;
      }
      return random.pick(items)[1];
    },
    shuffled(items) {
      const order = items.map((item) => ({ item, key: next() }));
      return order.sort((a, b) => a.key - b.key).map(({ item }) => item);
    },
    hex: (bytes) =>
      `0x${Array.from({ length: bytes }, () =>
        Math.floor(next() * 256)
          .toString(16)
          .padStart(2, "0"),
      ).join("")}`,
    fork: (purpose) => createRandom(hashOf(`${seed} ${purpose}`)),
  };
  return random;
}
