// Whether a card that the chain has may be what an order asks for. Must hold: no card is taken for an order that could not have led to it.

import { expiryOfTerm } from "../orders/term.ts";

/** A card as it was issued. */
export interface IssuedAs {
  tier: number;
  /** In seconds; 0 for never. */
  expiresAt: number;
  /** In seconds. */
  issuedAt: number;
}

const DAY_MS = 24 * 3_600_000;
/**
 * For so long after a card was adopted an order may be one that was sent again: for so long an Idempotency-Key is remembered, and who repeats an order
 * later orders anew, restored or not. And at most so long before its card was issued an order was placed.
 */
export const REPEATED_FOR_MS = 7 * DAY_MS;
/** How far the chain's clock may be behind ours. */
const CLOCK_SKEW_MS = 60_000;

/** Whether a card may have been issued for an item: same tier, and valid until a day that the term led to before it was issued. */
export function mayBeFor(card: IssuedAs, { tier, term }: { tier: number; term: string | null }, timeZone: string) {
  if (card.tier !== tier) return false;
  if (term === null || card.expiresAt === 0) return term === null && card.expiresAt === 0;
  // Half a day at a time, lest a day is left out where clocks are put forward.
  const issuedAt = card.issuedAt * 1000;
  for (let time = issuedAt + CLOCK_SKEW_MS; time > issuedAt - REPEATED_FOR_MS - DAY_MS; time -= DAY_MS / 2) {
    if (expiryOfTerm(term, time, timeZone) === card.expiresAt) return true;
  }
  return false;
}
