// What a collection has declared of its cards for ever: their tiers, and how long they may be valid. The chain refuses anything else, so it is
// refused here first.

import { UNLIMITED_TERM } from "../chain/abi.ts";

export interface DeclaredTerms {
  /** Cards have tiers from 0 to this one. */
  highestTier: number;
  /** How long after it was issued a card may be valid, in seconds; {@link UNLIMITED_TERM} if for as long as one likes, also for ever. */
  longestTerm: number;
}

const DAY_SECONDS = 86_400;

/** Why cards of the collection cannot have a tier, as a predicate; nothing if they can. */
export function undeclaredTier(tier: number, { highestTier }: DeclaredTerms): string | undefined {
  if (tier <= highestTier) return undefined;
  const tiers = highestTier === 0 ? "only the tier 0" : `the tiers 0 to ${highestTier}`;
  return `is not a tier of this collection, whose cards have ${tiers}`;
}

/**
 * Why a card that is issued now cannot expire then, as a predicate; nothing if it can.
 * @param expiresAt In seconds; 0 for never.
 * @param now In seconds.
 */
export function termTooLong(expiresAt: number, { longestTerm }: DeclaredTerms, now: number): string | undefined {
  if (longestTerm === UNLIMITED_TERM) return undefined;
  const latest = Math.floor(now) + longestTerm;
  if (expiresAt !== 0 && expiresAt <= latest) return undefined;
  const ends = expiresAt === 0 ? "has no end" : "is too late";
  const last = new Date(latest * 1000).toISOString().replace(".000", "");
  return `${ends}: a card of this collection is valid for at most ${spanOf(longestTerm)}, now until ${last}`;
}

/** A number of seconds in words. */
function spanOf(seconds: number): string {
  if (seconds % DAY_SECONDS !== 0) return `${seconds} seconds`;
  const days = seconds / DAY_SECONDS;
  return days === 1 ? "1 day" : `${days} days`;
}
