// The heart of the mirror: what an event makes of a card. Pure, so that backfill, live tail, roll-back and rebuild cannot
// disagree: they all fold the same events in the same order.

import type { CardStatus } from "../chain/abi.ts";
import { type CardEvent, isIssue } from "../chain/events.ts";

/** A card as its events tell it. Times are seconds since the Unix epoch. */
export interface CardState {
  /** Lower-case. */
  holder: string;
  tier: number;
  status: CardStatus;
  issuedAt: number;
  /** 0 if the card never expires. */
  expiresAt: number;
  generation: number;
  /** The event that changed the card last. */
  blockNumber: number;
  logIndex: number;
}

/** An event that cannot follow what came before: an event is missing, doubled or out of order. */
export class FoldError extends Error {
  override name = "FoldError";
}

/**
 * What a card is after an event.
 * @param card The card before; nothing if its serial was never issued.
 * @throws {FoldError} if the event cannot happen to such a card.
 */
export function fold(card: CardState | undefined, event: CardEvent): CardState {
  switch (event.name) {
    case "Transfer":
      if (card !== undefined || !isIssue(event.args)) throw impossible(card, event);
      return {
        holder: event.args.to,
        tier: 0,
        status: "Active",
        issuedAt: event.blockTimestamp,
        expiresAt: 0,
        generation: 0,
        blockNumber: event.blockNumber,
        logIndex: event.logIndex,
      };
    case "Locked":
    case "Issued":
      // Both restate what Transfer said: a card is locked for good, and issued to its holder.
      if (card === undefined) throw impossible(card, event);
      return card;
    case "BatchIssued":
      if (card === undefined || card.blockNumber !== event.blockNumber) throw impossible(card, event);
      return {
        ...card,
        tier: event.args.tier,
        expiresAt: event.args.expiresAt,
        blockNumber: event.blockNumber,
        logIndex: event.logIndex,
      };
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

function impossible(card: CardState | undefined, event: CardEvent): FoldError {
  const before =
    card === undefined ? "a card that was never issued" : `a card last changed in block ${card.blockNumber}`;
  return new FoldError(
    `${event.name} (block ${event.blockNumber}, log ${event.logIndex}, collection ${event.address}) cannot happen to ${before}`,
  );
}
