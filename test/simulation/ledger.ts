// What stands on the simulated chain after a block: brands, collections, cards. Follows from the logs, so that it is right
// on every fork, and is what the next transactions are made up from.
// Must hold: a ledger never changes; a block makes a new one that shares what the block did not touch.

import type { FinalAct } from "../../server/chain/abi.ts";
import { type ChainEvent, decodeLog, type EventArguments, isCardEvent } from "../../server/chain/events.ts";
import {
  type BrandState,
  type CardState,
  fold,
  foldBrand,
  isBrandEvent,
  serialsOf,
} from "../../server/indexer/fold.ts";
import type { SimulatedBlock, SimulatedChain } from "./chain.ts";

export interface CollectionLedger {
  readonly terms: EventArguments["CollectionCreated"];
  readonly cards: ReadonlyMap<number, CardState>;
  /** How often each benefit was redeemed, by `serial/benefitId`. */
  readonly redemptions: ReadonlyMap<string, number>;
  /** Redemptions that nobody has undone, by `serial/benefitId`; not all of them can be undone still. */
  readonly standing: ReadonlyMap<string, readonly number[]>;
  /** Benefits with a quota, by tier. */
  readonly benefits: ReadonlyMap<number, readonly number[]>;
  readonly openAllowlists: readonly string[];
  /** What is announced and was neither cancelled nor carried out, and from when on it can be carried out. */
  readonly announced: ReadonlyMap<FinalAct, number>;
}

export interface Ledger {
  readonly brands: ReadonlyMap<number, BrandState>;
  /** By their address, lower-case. */
  readonly collections: ReadonlyMap<string, CollectionLedger>;
  /** The block's events that the mirror has to have, in their order. */
  readonly events: readonly ChainEvent[];
}

/** A collection's ledger while its block is written. */
interface Draft {
  terms: EventArguments["CollectionCreated"];
  cards: Map<number, CardState>;
  redemptions: Map<string, number>;
  standing: Map<string, readonly number[]>;
  benefits: Map<number, readonly number[]>;
  openAllowlists: readonly string[];
  announced: Map<FinalAct, number>;
}

/** The ledgers of all blocks that the chain has ever had. */
export interface Ledgers {
  after(block: SimulatedBlock): Ledger;
  /** All events up to a block, oldest first; nothing if there never was such a block. */
  eventsUpTo(blockHash: string): ChainEvent[] | undefined;
}

const EMPTY_LEDGER: Ledger = { brands: new Map(), collections: new Map(), events: [] };

export function createLedgers(chain: SimulatedChain): Ledgers {
  const written = new WeakMap<SimulatedBlock, Ledger>();

  /** From the first block to this one. */
  function pathTo(block: SimulatedBlock): SimulatedBlock[] {
    const path: SimulatedBlock[] = [];
    for (let next: SimulatedBlock | undefined = block; next !== undefined; next = chain.known.get(next.parentHash))
      path.push(next);
    return path.reverse();
  }

  function after(block: SimulatedBlock): Ledger {
    let ledger = written.get(block);
    if (ledger !== undefined) return ledger;
    const parent = chain.known.get(block.parentHash);
    ledger = ledgerAfter(parent === undefined ? EMPTY_LEDGER : after(parent), block, chain.deployment.registry);
    written.set(block, ledger);
    return ledger;
  }

  return {
    after,
    eventsUpTo(blockHash) {
      const block = chain.known.get(blockHash);
      return block && pathTo(block).flatMap((one) => after(one).events);
    },
  };
}

/** The ledger after a block. */
function ledgerAfter(before: Ledger, block: SimulatedBlock, registry: string): Ledger {
  const brands = new Map(before.brands);
  const drafts = new Map<string, Draft>();
  const events: ChainEvent[] = [];
  const draftOf = (address: string): Draft | undefined => {
    const collection = before.collections.get(address);
    if (!drafts.has(address) && collection !== undefined) drafts.set(address, draft(collection));
    return drafts.get(address);
  };
  for (const log of block.logs) {
    const event = decodeLog(log, block.timestamp);
    if (event === undefined) continue;
    const collection = draftOf(event.address);
    if (event.address !== registry && collection === undefined) continue;
    events.push(event);
    if (isBrandEvent(event)) brands.set(event.args.brandId, foldBrand(brands.get(event.args.brandId), event));
    if (event.name === "CollectionCreated") {
      const { args: terms } = event;
      const uses = { redemptions: new Map(), standing: new Map() };
      const nothing = { benefits: new Map(), openAllowlists: [], announced: new Map() };
      drafts.set(terms.collection, { terms, cards: new Map(), ...uses, ...nothing });
    }
    if (collection !== undefined) write(collection, event);
  }
  return { brands, collections: new Map([...before.collections, ...drafts]), events };
}

function draft({ terms, cards, redemptions, standing, benefits, openAllowlists, announced }: CollectionLedger): Draft {
  const uses = { redemptions: new Map(redemptions), standing: new Map(standing) };
  const copies = { cards: new Map(cards), benefits: new Map(benefits), announced: new Map(announced) };
  return { terms, openAllowlists, ...uses, ...copies };
}

function write(collection: Draft, event: ChainEvent): void {
  const { cards, redemptions, standing, benefits, openAllowlists } = collection;
  if (isCardEvent(event)) {
    for (const serial of serialsOf(event)) cards.set(serial, fold(cards.get(serial), event));
  }
  switch (event.name) {
    case "FinalActAnnounced":
      collection.announced.set(event.args.act, event.args.readyAt);
      break;
    case "FinalActCancelled":
      collection.announced.delete(event.args.act);
      break;
    case "ContentFrozen":
      collection.announced.delete("FreezeContent");
      break;
    case "BenefitsFrozen":
      collection.announced.delete("FreezeBenefits");
      break;
    case "WindDownStarted":
      collection.announced.delete("WindDown");
      break;
    case "BenefitRedeemed": {
      const key = `${event.args.serial}/${event.args.benefitId}`;
      redemptions.set(key, event.args.number);
      standing.set(key, [...(standing.get(key) ?? []), event.args.number]);
      break;
    }
    case "RedemptionUndone": {
      const { serial, benefitId, number } = event.args;
      const key = `${serial}/${benefitId}`;
      const others = (standing.get(key) ?? []).filter((one) => one !== number);
      if (others.length === 0) standing.delete(key);
      else standing.set(key, others);
      break;
    }
    case "BenefitChanged": {
      const { tier, benefitId, quota } = event.args;
      const others = (benefits.get(tier) ?? []).filter((id) => id !== benefitId);
      benefits.set(tier, quota === 0 ? others : [...others, benefitId]);
      break;
    }
    case "AllowlistOpened":
      collection.openAllowlists = [...openAllowlists, event.args.root];
      break;
    case "AllowlistClosed": {
      const { root } = event.args;
      collection.openAllowlists = openAllowlists.filter((open) => open !== root);
    }
  }
}
