// What is told of cards: the card with what the brand knows about it, and what has changed.

import { decodeBytes32String, getAddress, ZeroHash } from "ethers";
import type { EventOf } from "../chain/events.ts";
import { selectRows } from "../database/bulk.ts";
import type { Database } from "../database/client.ts";
import type { CardRow, CollectionRow, EventRow } from "../database/snapshot.ts";
import type { ToldEventName } from "./types.ts";

/** Events of exactly one card. */
export type CardToldEvent = EventOf<Exclude<ToldEventName, "BatchIssued" | "WindDownStarted">>;

/** What the tables of the brand add to a card. */
export interface CardTies {
  customerId: string | null;
  orderId: string | null;
}

type CardKey = Pick<CardRow, "collectionAddress" | "serial" | "holder">;

/** Which customers hold cards, and which orders they came of; in the order of the cards. */
export async function tiesOf(database: Database, brandId: number, cards: readonly CardKey[]): Promise<CardTies[]> {
  const holders = [...new Set(cards.map(({ holder }) => holder))].map((holder) => [brandId, holder]);
  const select = (column: "holder" | "wallet") =>
    selectRows<{ id: string; holder: string; wallet: string }>(database, {
      table: "Customer",
      key: ["brandId", column],
      keys: holders,
    });
  const [kept, own, commands] = await Promise.all([
    select("holder"),
    select("wallet"),
    selectRows<{ collectionAddress: string; claimedSerial: number; orderId: string | null }>(database, {
      table: "Command",
      key: ["collectionAddress", "claimedSerial"],
      keys: cards.map(({ collectionAddress, serial }) => [collectionAddress, serial]),
    }),
  ]);
  const customers = new Map([
    ...own.map(({ wallet, id }) => [wallet, id] as const),
    ...kept.map(({ holder, id }) => [holder, id] as const),
  ]);
  const orders = new Map(
    commands.map((command) => [`${command.collectionAddress} ${command.claimedSerial}`, command.orderId]),
  );
  return cards.map(({ collectionAddress, serial, holder }) => ({
    customerId: customers.get(holder) ?? null,
    orderId: orders.get(`${collectionAddress} ${serial}`) ?? null,
  }));
}

export function presentCollectionName({ address, slug, name }: Pick<CollectionRow, "address" | "slug" | "name">) {
  return { address: getAddress(address), slug, name };
}

export function presentTold(card: CardRow, collection: Pick<CollectionRow, "address" | "slug" | "name">) {
  return {
    collection: presentCollectionName(collection),
    serial: card.serial,
    holder: getAddress(card.holder),
    tier: card.tier,
    status: card.status,
    issuedAt: isoTime(card.issuedAt),
    expiresAt: isoTimeOrNull(card.expiresAt),
    generation: card.generation,
  };
}

/** The block that something is told as of; its time in seconds. */
export function presentAsOf(chainId: number, block: { number: number; hash: string; timestamp: number }) {
  return { chainId, blockNumber: block.number, blockHash: block.hash, timestamp: isoTime(block.timestamp) };
}

/**
 * What an event has changed.
 * @param history The card's events up to that block, in the order of the chain, for what was before.
 */
export function changeOf(event: CardToldEvent, history: readonly EventRow[]): object {
  switch (event.name) {
    case "CardRenewed": {
      const before = valueBefore(event, history, "expiresAt");
      return {
        expiresAt: {
          before: before === undefined ? null : isoTimeOrNull(before),
          after: isoTimeOrNull(event.args.expiresAt),
        },
      };
    }
    case "CardTierChanged":
      return {
        tier: { before: valueBefore(event, history, "tier") ?? null, after: event.args.tier },
      };
    case "CardCorrected": {
      const { tier, expiresAt, reason } = event.args;
      const before = valueBefore(event, history, "expiresAt");
      return {
        tier: { before: valueBefore(event, history, "tier") ?? null, after: tier },
        expiresAt: {
          before: before === undefined ? null : isoTimeOrNull(before),
          after: isoTimeOrNull(expiresAt),
        },
        reason: readableReason(reason),
      };
    }
    case "CardSuspended":
    case "CardRevoked":
      return { reason: readableReason(event.args.reason) };
    case "CardReinstated":
    case "CardSurrendered":
      return {};
    case "CardReissued": {
      const { from, to, generation } = event.args;
      return { holder: { before: getAddress(from), after: getAddress(to) }, generation };
    }
    case "RedemptionUndone": {
      const { benefitId, number, used, staff, reason } = event.args;
      return { benefitId, number, usedInPeriod: used, staff: getAddress(staff), reason: readableReason(reason) };
    }
    case "BenefitRedeemed": {
      const { benefitId, number, used, periodStart, staff } = event.args;
      return { benefitId, number, usedInPeriod: used, periodStart: isoTime(periodStart), staff: getAddress(staff) };
    }
  }
}

/** Which events set a card's expiry or tier. */
const SETTERS: Readonly<Record<"expiresAt" | "tier", readonly string[]>> = {
  expiresAt: ["BatchIssued", "CardRenewed", "CardCorrected"],
  tier: ["BatchIssued", "CardTierChanged", "CardCorrected"],
};

/**
 * What the last event before said of a value. Nothing where the mirror has gone over to another
 * fork meanwhile; what is made of that is told to nobody.
 */
function valueBefore(
  { blockNumber, logIndex }: CardToldEvent,
  history: readonly EventRow[],
  argument: keyof typeof SETTERS,
): number | undefined {
  const last = history.findLast(
    (event) =>
      SETTERS[argument].includes(event.name) &&
      (event.blockNumber < blockNumber || (event.blockNumber === blockNumber && event.logIndex < logIndex)),
  );
  return last === undefined ? undefined : (JSON.parse(last.arguments) as Record<string, number>)[argument];
}

/** A reason as it was written, where it is a text; its 32 bytes otherwise. */
function readableReason(reason: string): string | null {
  if (reason === ZeroHash) return null;
  try {
    const text = decodeBytes32String(reason);
    return /^[\x20-\x7e]+$/.test(text) ? text : reason;
  } catch {
    return reason;
  }
}

export function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** The same for times where 0 means never. */
export function isoTimeOrNull(seconds: number): string | null {
  return seconds === 0 ? null : isoTime(seconds);
}
