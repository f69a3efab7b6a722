// What people do with cards, each as one transaction, and what it may take. The benchmark prints this list and the
// tracked snapshot is compared with it by a test: a new operation is one entry here.

import { id } from "ethers";
import { collectionRequest, FIRST_FREE, type GasWorld, gasOf, holders, isolated, NO_ROOT, TERMS } from "./world.ts";

export interface Operation {
  /** Its name in the snapshot. */
  key: string;
  /** Its name in the benchmark. */
  what: string;
  /** The most gas that it may take: per card where `cards` is given. */
  bound?: number;
  /** For batches: how many cards the transaction deals with. */
  cards?: number;
  /** Prepares what it needs, sends the one transaction and returns what that took. */
  run(world: GasWorld): Promise<number>;
}

const issue = (count: number, root = NO_ROOT) =>
  async function issueBatch({ collection, issuer }: GasWorld): Promise<number> {
    return await gasOf(collection.connect(issuer).issue(FIRST_FREE, holders(count, "new"), TERMS, root));
  };

export const OPERATIONS: readonly Operation[] = [
  { key: "issue 1", what: "issue one card", run: issue(1) },
  { key: "issue 100", what: "issue 100 cards", cards: 100, bound: 52_000, run: issue(100) },
  {
    key: "issue 100, committed",
    what: "issue 100 cards with a commitment root",
    cards: 100,
    bound: 52_000,
    run: issue(100, id("root")),
  },
  { key: "issue 1000", what: "issue 1,000 cards", cards: 1_000, bound: 52_000, run: issue(1_000) },
  {
    key: "createCollection",
    what: "new collection",
    run: async ({ registry, admin }) =>
      await gasOf(registry.connect(admin).createCollection(collectionRequest("bench-second"))),
  },
];

/** What each operation takes, by its key. */
export async function measureOperations(
  world: GasWorld,
  operations: readonly Operation[] = OPERATIONS,
): Promise<Record<string, number>> {
  const taken: Record<string, number> = {};
  for (const { key, run } of operations) taken[key] = await isolated(world, async () => await run(world));
  return taken;
}

/** The figure that an operation's bound is about. */
export function perCard({ cards = 1 }: Operation, gas: number): number {
  return gas / cards;
}
