// Who somebody is to a brand by their cards. Questions that come while others are being answered are answered together, by one statement:
// at the till every millisecond counts, and what a statement costs is paid once for all. Must hold: an answer is of one moment, cards,
// benefits and uses alike; a customer's cards are those at the address that the brand keeps for them and at their own wallet.
//
// What collections promise is remembered until the mirror has another block: it rarely changes, and would be most of each answer.

import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../database/client.ts";
import type { CheckpointRow } from "../database/snapshot.ts";
import type { BenefitTerms, BenefitUse } from "./benefits.ts";
import { createMemberStatements, type FoundCard, type FoundCollection } from "./member-statements.ts";

/** Whose cards: a brand's customer by the brand's reference, or an address, lower-case. */
export type Whose =
  | {
      brandId: number;
      reference: string;
      /** Where the brand keeps their cards, if the tables do not know it. */
      kept?: string;
    }
  | { address: string };

export interface HeldCard extends Omit<FoundCard, "collection" | "uses"> {
  collection: Omit<FoundCollection, "brand" | "terms">;
  brand: FoundCollection["brand"];
  /** What its tier is entitled to, in the order of the benefits. */
  benefits: { terms: BenefitTerms; use: BenefitUse | null }[];
}

export interface Member {
  checkpoint: CheckpointRow | null;
  /** Nothing if the brand knows nobody by that reference, or an address was asked for. */
  customer: { id: string; reference: string; holder: string | null; wallet: string | null } | null;
  /** In the order of collection address and serial; those that nobody can use any more too. */
  cards: HeldCard[];
  /** Whether there are more cards than those. */
  more: boolean;
}

export interface Members {
  find(whose: Whose): Promise<Member>;
}

/** How many cards of one person are looked at. */
export const MOST_CARDS = 100;
/** How many questions one statement answers. */
const MOST_AT_ONCE = 64;
/** The least time from one statement to the next: each costs a millisecond or two, however many it answers. */
const GAP_MS = 4;

interface Waiting {
  whose: Whose;
  outcome: PromiseWithResolvers<Member>;
}

export function createMembers({ database }: { database: Database }): Members {
  const waiting: Waiting[] = [];
  let prepared: ReturnType<typeof createMemberStatements> | undefined;
  let working = false;
  let startedAt = Number.NEGATIVE_INFINITY;
  /** What collections promised as of a block, lower-case address by address. */
  let remembered: { blockHash: string; collections: Map<string, FoundCollection> } = {
    blockHash: "",
    collections: new Map(),
  };

  /** Reads several at once, as of one moment. */
  async function read(all: readonly Whose[]): Promise<Member[]> {
    prepared ??= createMemberStatements(database, MOST_CARDS);
    const statements = prepared;
    let found = await statements.read(all, { withCollections: false });
    const isKnown = ({ collection }: FoundCard) => remembered.collections.has(collection);
    if (found.checkpoint?.blockHash !== remembered.blockHash || !found.cards.flat().every(isKnown)) {
      found = await statements.read(all, { withCollections: true });
      const blockHash = found.checkpoint?.blockHash ?? "";
      if (blockHash !== remembered.blockHash) remembered = { blockHash, collections: new Map() };
      for (const collection of found.collections) remembered.collections.set(collection.address, collection);
    }
    const { collections } = remembered;
    const { checkpoint, customers, cards } = found;
    return all.map((_, index) => {
      const own = cards[index] ?? [];
      return {
        checkpoint,
        customer: customers[index] ?? null,
        cards: own.slice(0, MOST_CARDS).map((card) => heldCard(card, collections.get(card.collection))),
        more: own.length > MOST_CARDS,
      };
    });
  }

  async function work(): Promise<void> {
    working = true;
    try {
      while (waiting.length > 0) {
        // Who asks in this turn of the event loop comes along; and while one statement follows another, who asks a little later.
        const gap = startedAt + GAP_MS - performance.now();
        await (gap > 1 ? sleep(gap) : new Promise((resolve) => setImmediate(resolve)));
        startedAt = performance.now();
        const group = waiting.splice(0, MOST_AT_ONCE);
        try {
          const members = await read(group.map(({ whose }) => whose));
          for (const [index, { outcome }] of group.entries()) outcome.resolve(members[index] as Member);
        } catch (error) {
          for (const { outcome } of group) outcome.reject(error);
        }
      }
    } finally {
      working = false;
    }
  }

  return {
    find(whose) {
      const outcome = Promise.withResolvers<Member>();
      waiting.push({ whose, outcome });
      // While one statement is under way, those who ask are collected for the next.
      if (!working) void work();
      return outcome.promise;
    },
  };
}

/** A card, and what its collection promises its tier. */
function heldCard(card: FoundCard, collection: FoundCollection | undefined): HeldCard {
  if (collection === undefined) throw new Error(`A card is of ${card.collection}, which is no collection`);
  const { address, slug, name, brandId, benefitsFrozen, windingDown, brand } = collection;
  const uses = new Map(card.uses.map(({ benefitId, use }) => [benefitId, use]));
  return {
    ...card,
    collection: { address, slug, name, brandId, benefitsFrozen, windingDown },
    brand,
    benefits: (collection.terms.get(card.tier) ?? []).map((terms) => ({
      terms,
      use: uses.get(terms.benefitId) ?? null,
    })),
  };
}
