// What the customers of a simulated shop want, thrown for with the dice of its seed.

import { ZeroAddress } from "ethers";
import type { Random } from "../random.ts";

/** An order that somebody wants, and how they go about it. */
export interface Wish {
  key: string;
  reference: string;
  body: { customer: { reference: string; holder?: string }; items: WishedItem[]; paid?: object };
  /** Whether its holder is one that no card can be issued to. */
  isHopeless: boolean;
  /** How often it is sent at the same time, to whichever server. */
  copies: number;
  /** After how many milliseconds the customer gives up waiting for an answer, the first time; they ask again. */
  patienceMs: number | undefined;
  /** Whether it is sent once more when it was answered. */
  repeats: boolean;
  /** After how many milliseconds it is cancelled, if it still can be. */
  cancelsAfterMs: number | undefined;
}

export interface WishedItem {
  collection: string;
  tier?: number;
  term?: string | null;
  quantity?: number;
}

export interface Editions {
  large: string;
  small: string;
  free: string;
}

/** Fewer references than orders: customers come back. */
const ORDERS_PER_CUSTOMER = 3;
const TERMS = ["P1Y", "P6M", null] as const;

export function makeWish(dice: Random, number: number, orders: number, editions: Editions): Wish {
  const reference = `C-${dice.below(Math.ceil(orders / ORDERS_PER_CUSTOMER))}`;
  const isHopeless = dice.chance(0.01);
  const kind = dice.weighted([
    [12, "large"],
    [3, "small"],
    [3, "free"],
    [2, "both"],
  ] as const);
  const bought = (collection: string): WishedItem => ({
    collection,
    tier: dice.between(1, 3),
    term: dice.pick(TERMS),
    quantity: dice.weighted([
      [8, 1],
      [2, 2],
      [1, 5],
    ]),
  });
  const items: Record<typeof kind, () => WishedItem[]> = {
    large: () => [bought(editions.large)],
    small: () => [bought(editions.small)],
    free: () => [{ collection: editions.free }],
    both: () => [bought(editions.large), bought(editions.small)],
  };
  return {
    key: `wish-${number}`,
    reference,
    body: {
      customer: { reference, ...(isHopeless ? { holder: ZeroAddress } : {}) },
      items: items[kind](),
      ...(dice.chance(0.5) ? { paid: { amount: dice.below(100_000), currency: "CNY" } } : {}),
    },
    isHopeless,
    copies: dice.weighted([
      [8, 1],
      [2, 2],
      [1, 3],
    ]),
    patienceMs: dice.chance(0.1) ? dice.between(1, 60) : undefined,
    repeats: dice.chance(0.1),
    cancelsAfterMs: dice.chance(0.03) ? dice.below(300) : undefined,
  };
}
