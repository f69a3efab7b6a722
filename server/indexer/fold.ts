// The heart of the mirror: what an event makes of a card, a brand and a collection. Pure, so that backfill, live tail,
// roll-back and rebuild cannot disagree: they all fold the same events in the same order.

import type { BrandStatus, BurnAuth, CardStatus } from "../chain/abi.ts";
import {
  type BrandEvent,
  type BrandProfile,
  type CardEvent,
  type ChainEvent,
  type CollectionEvent,
  isBurn,
  isIssue,
} from "../chain/events.ts";

/** A card as its events tell it. Times are seconds since the Unix epoch. */
export interface CardState {
  /** Lower-case; of a dead card, the last one. */
  holder: string;
  tier: number;
  status: CardStatus;
  issuedAt: number;
  /** 0 if the card never expires. */
  expiresAt: number;
  generation: number;
  /** Who is to hold the card once a pending reissue is executed; nothing if none is pending. */
  reissueTo: string | null;
  /** Until when the holder can veto it, at least; nothing if none is pending. */
  reissueReadyAt: number | null;
  /** The event that changed the card last. */
  blockNumber: number;
  logIndex: number;
}

/** A brand as its events tell it. */
export interface BrandState extends BrandProfile {
  status: BrandStatus;
  /** What its collections' slugs begin with; nobody else has it. */
  handle: string;
  /** How often its keys were replaced: those of earlier epochs can do nothing. */
  keyEpoch: number;
  /** How often it was suspended. */
  suspension: number;
  /** Where it was admitted. */
  blockNumber: number;
  transactionHash: string;
}

/** A collection as its own events tell it; how many cards it has is told by its batches. */
export interface CollectionState {
  brandId: number;
  slug: string;
  name: string;
  symbol: string;
  maxSupply: number;
  burnAuth: BurnAuth;
  /** How long a holder can veto a reissue, in seconds. */
  reissueDelay: number;
  /** Its cards have tiers from 0 to this one. */
  highestTier: number;
  /** How long after an act a card may be valid, in seconds; 2^32 - 1 if for as long as one likes, also for ever. */
  longestTerm: number;
  contractUri: string;
  contentHash: string;
  contentFrozen: boolean;
  benefitsFrozen: boolean;
  windingDown: boolean;
  /** Where it was created. */
  blockNumber: number;
  transactionHash: string;
}

/** An event that cannot follow what came before: an event is missing, doubled or out of order. */
export class FoldError extends Error {
  override name = "FoldError";
}

const NO_HASH = `0x${"0".repeat(64)}`;
const NOTHING_PENDING = { reissueTo: null, reissueReadyAt: null } as const;

/**
 * What a card is after an event.
 * @param card The card before; nothing if its serial was never issued.
 * @throws {FoldError} if the event cannot happen to such a card.
 */
export function fold(card: CardState | undefined, event: CardEvent): CardState {
  const { blockNumber, logIndex } = event;
  if (card === undefined) {
    if (event.name !== "Transfer" || !isIssue(event.args)) throw impossibleForCard(card, event);
    return {
      holder: event.args.to,
      tier: 0,
      status: "Active",
      issuedAt: event.blockTimestamp,
      expiresAt: 0,
      generation: 0,
      ...NOTHING_PENDING,
      blockNumber,
      logIndex,
    };
  }
  if (card.status !== "Active" && card.status !== "Suspended") throw impossibleForCard(card, event);
  const changed = (change: Partial<CardState>): CardState => ({ ...card, ...change, blockNumber, logIndex });
  const check = (possible: boolean) => {
    if (!possible) throw impossibleForCard(card, event);
  };
  switch (event.name) {
    case "Transfer":
      // Of a card that exists ERC-721 reports two kinds of change: it is burned, by its holder's or its issuer's act, or it
      // is burned and minted again, by a reissue. What it comes to is said by the event that follows in the same transaction.
      if (isIssue(event.args)) {
        check(event.args.to === card.reissueTo);
        return changed({ holder: event.args.to });
      }
      check(isBurn(event.args) && event.args.from === card.holder);
      return card;
    case "Locked":
    case "Issued":
      // Both restate what Transfer said: a card is locked for good, and issued to its holder.
      return card;
    case "BatchIssued": {
      check(card.blockNumber === blockNumber);
      const { tier, expiresAt } = event.args;
      return changed({ tier, expiresAt });
    }
    case "CardRenewed":
      return changed({ expiresAt: event.args.expiresAt });
    case "CardTierChanged":
      return changed({ tier: event.args.tier });
    case "CardCorrected":
      return changed({ tier: event.args.tier, expiresAt: event.args.expiresAt });
    case "CardSuspended":
      check(card.status === "Active");
      return changed({ status: "Suspended" });
    case "CardReinstated":
      check(card.status === "Suspended");
      return changed({ status: "Active" });
    case "CardRevoked":
      return changed({ status: "Revoked", ...NOTHING_PENDING });
    case "CardSurrendered":
      check(event.args.holder === card.holder);
      return changed({ status: "Surrendered", ...NOTHING_PENDING });
    case "ReissueRequested":
      return changed({ reissueTo: event.args.to, reissueReadyAt: event.args.readyAt });
    case "ReissueCancelled":
      check(card.reissueTo === event.args.to);
      return changed(NOTHING_PENDING);
    case "CardReissued":
      check(card.holder === event.args.to && card.generation + 1 === event.args.generation);
      return changed({ generation: event.args.generation, ...NOTHING_PENDING });
    case "BenefitRedeemed":
      check(card.status === "Active");
      return changed({});
    case "RedemptionUndone":
      return changed({});
    default:
      return event satisfies never;
  }
}

/** The serials of the cards that an event concerns. */
export function* serialsOf(event: CardEvent): Iterable<number> {
  if (event.name === "BatchIssued") {
    const { firstSerial, count } = event.args;
    for (let serial = firstSerial; serial < firstSerial + count; serial++) yield serial;
  } else {
    yield event.args.serial;
  }
}

/**
 * What a brand is after an event.
 * @param brand The brand before; nothing if it was never admitted.
 * @throws {FoldError} if the event cannot happen to such a brand.
 */
export function foldBrand(brand: BrandState | undefined, event: BrandEvent): BrandState {
  if (event.name === "BrandAdmitted") {
    if (brand !== undefined) throw impossible(event, `brand ${event.args.brandId}, which was admitted before`);
    const { brandId: _, admin: __, ...profile } = event.args;
    const { blockNumber, transactionHash } = event;
    return { ...profile, status: "Active", keyEpoch: 0, suspension: 0, blockNumber, transactionHash };
  }
  if (brand === undefined) throw impossible(event, `brand ${event.args.brandId}, which was never admitted`);
  switch (event.name) {
    case "BrandStatusChanged":
      return { ...brand, status: event.args.status, suspension: event.args.suspension };
    case "BrandKeysReplaced":
      return { ...brand, keyEpoch: event.args.keyEpoch };
    case "BrandProfileChanged": {
      const { brandId: _, ...profile } = event.args;
      return { ...brand, ...profile };
    }
    default:
      return event satisfies never;
  }
}

/** The brand that an event concerns. */
export function brandIdOf(event: BrandEvent): number {
  return event.args.brandId;
}

/**
 * What a collection is after an event.
 * @param collection The collection before; nothing if it was never created.
 * @throws {FoldError} if the event cannot happen to such a collection.
 */
export function foldCollection(collection: CollectionState | undefined, event: CollectionEvent): CollectionState {
  if (event.name === "CollectionCreated") {
    if (collection !== undefined) throw impossible(event, "a collection that was created before");
    const { collection: _, ...terms } = event.args;
    const { blockNumber, transactionHash } = event;
    return {
      ...terms,
      contractUri: "",
      contentHash: NO_HASH,
      contentFrozen: false,
      benefitsFrozen: false,
      windingDown: false,
      blockNumber,
      transactionHash,
    };
  }
  if (collection === undefined) throw impossible(event, "a collection that was never created");
  switch (event.name) {
    case "ContentChanged":
      return { ...collection, contractUri: event.args.contractUri, contentHash: event.args.contentHash };
    case "ContentFrozen":
      return { ...collection, contentFrozen: true };
    case "BenefitsFrozen":
      return { ...collection, benefitsFrozen: true };
    case "WindDownStarted":
      return { ...collection, windingDown: true };
    default:
      return event satisfies never;
  }
}

/** The address of the collection that an event concerns. */
export function collectionOf(event: CollectionEvent): string {
  return event.name === "CollectionCreated" ? event.args.collection : event.address;
}

const BRAND_EVENTS: ReadonlySet<string> = new Set<BrandEvent["name"]>([
  "BrandAdmitted",
  "BrandProfileChanged",
  "BrandStatusChanged",
  "BrandKeysReplaced",
]);
const COLLECTION_EVENTS: ReadonlySet<string> = new Set<CollectionEvent["name"]>([
  "CollectionCreated",
  "ContentChanged",
  "ContentFrozen",
  "BenefitsFrozen",
  "WindDownStarted",
]);

/** Whether the event changes a brand. */
export function isBrandEvent(event: ChainEvent): event is BrandEvent {
  return BRAND_EVENTS.has(event.name);
}

/** Whether the event changes a collection itself. */
export function isCollectionEvent(event: ChainEvent): event is CollectionEvent {
  return COLLECTION_EVENTS.has(event.name);
}

function impossibleForCard(card: CardState | undefined, event: CardEvent): FoldError {
  if (card === undefined) return impossible(event, "a card that was never issued");
  const { status, blockNumber } = card;
  return impossible(event, `a card that is ${status} and last changed in block ${blockNumber}`);
}

function impossible(event: ChainEvent, before: string): FoldError {
  return new FoldError(
    `${event.name} (block ${event.blockNumber}, log ${event.logIndex}, contract ${event.address}) cannot happen to ${before}`,
  );
}
