// What the customers of a simulated shop want: few customers and few things, so that many wishes are equal.

import { Wallet } from "ethers";
import type { Random } from "../random.ts";

export interface Wish {
  key: string;
  customer: { reference: string; holder?: string };
  items: { collection: string; tier: number; term: string | null; quantity: number }[];
}

export interface WishMaker {
  make(): Wish;
}

const TERMS = ["P1Y", "P6M", null] as const;
const CUSTOMERS = 12;

export function createWishMaker(dice: Random, collections: readonly [string, string]): WishMaker {
  const wallets = new Map<string, string>();
  let made = 0;
  const item = (collection: string) => ({
    collection,
    tier: dice.between(1, 2),
    term: dice.pick(TERMS),
    quantity: dice.weighted([
      [6, 1],
      [2, 2],
      [1, 4],
    ]),
  });
  return {
    make() {
      const reference = `C-${dice.below(CUSTOMERS)}`;
      const own = dice.chance(0.2);
      if (own && !wallets.has(reference)) wallets.set(reference, Wallet.createRandom().address);
      const holder = own ? wallets.get(reference) : undefined;
      const [first, second] = collections;
      return {
        key: `wish-${made++}`,
        customer: { reference, ...(holder === undefined ? {} : { holder }) },
        items: dice.chance(0.15) ? [item(first), item(second)] : [item(dice.pick(collections))],
      };
    },
  };
}
