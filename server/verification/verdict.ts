// The answer to "is this card genuine". Pure: what the mirror holds, what it knows of itself and the time go in, a verdict
// comes out. Must hold: a mirror that is not known to be fresh never leads to a verdict about the card as it is now, and a
// verdict about the past says that it is one.

import type { BrandStatus, CardStatus } from "../chain/abi.ts";
import type { MirrorStatus } from "../database/mirror-status.ts";

export const VERDICTS = [
  "genuine",
  "expired",
  "suspended",
  "revoked",
  "surrendered",
  "not-found",
  /** The same code was seen where one card cannot be. Kept for scans that are counted; nothing gives it yet. */
  "suspect-duplicate",
  "cannot-confirm",
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Why a verdict is what it is; stable, for programs. */
export const VERDICT_REASONS = [
  "record-on-chain",
  "brand-retired",
  "card-expired",
  "card-suspended",
  "brand-suspended",
  "card-revoked",
  "card-surrendered",
  "card-not-issued",
  "mirror-starting",
  "mirror-catching-up",
  "mirror-degraded",
  "mirror-lagging",
  "past-block",
  "block-time-unknown",
] as const;
export type VerdictReason = (typeof VERDICT_REASONS)[number];

/**
 * What a verdict rests on. `record`: the chain holds such a card. That a printed code is the original is not said by it:
 * a code can be copied.
 */
export const ASSURANCES = ["record"] as const;
export type Assurance = (typeof ASSURANCES)[number];

/** A verdict about the card as of the mirror's last block. */
export interface RecordVerdict {
  verdict: Verdict;
  reasons: VerdictReason[];
}

export interface VerdictWithAssurance extends RecordVerdict {
  assurance: Assurance;
  /**
   * With `cannot-confirm` only: what the mirror's last block says, which may have changed since; of a past block, what it was
   * when something last happened before it.
   */
  lastKnown: RecordVerdict | undefined;
}

export interface VerdictInput {
  /** The card as the mirror holds it; nothing if it holds none. */
  card: { status: CardStatus; expiresAt: number } | undefined;
  /** The status of the card's brand; nothing if the collection is not known either. */
  brandStatus: BrandStatus | undefined;
  /** The wall clock, in seconds since the Unix epoch. */
  now: number;
  mirror: Pick<MirrorStatus, "state" | "lagSeconds">;
  /** From how many seconds of lag on nothing can be confirmed. */
  maxLagSeconds: number;
}

/** Decides. The order of the cases is the order of precedence. */
export function verdictOf(input: VerdictInput): VerdictWithAssurance {
  const record = recordVerdictOf(input);
  const doubt = mirrorDoubt(input.mirror, input.maxLagSeconds);
  if (doubt !== undefined) {
    return { verdict: "cannot-confirm", assurance: "record", reasons: [doubt], lastKnown: record };
  }
  return { ...record, assurance: "record", lastKnown: undefined };
}

export interface PastVerdictInput extends Pick<VerdictInput, "card" | "brandStatus"> {
  /** Between which times the block was sealed, in seconds since the Unix epoch; equal where its time is known. */
  sealed: { earliest: number; latest: number };
  mirror: Pick<MirrorStatus, "state">;
}

/**
 * Decides as of a block of the past, at the time of that block. A mirror that is behind the chain knows as much of the past as
 * any other. One that has stopped because the chain cannot be right says so beside the verdict.
 */
export function pastVerdictOf({ card, brandStatus, sealed, mirror }: PastVerdictInput): VerdictWithAssurance {
  const record = recordVerdictOf({ card, brandStatus, now: sealed.earliest });
  const doubts: VerdictReason[] = mirror.state === "degraded" ? ["past-block", "mirror-degraded"] : ["past-block"];
  if (recordVerdictOf({ card, brandStatus, now: sealed.latest }).verdict !== record.verdict) {
    const reasons: VerdictReason[] = ["block-time-unknown", ...doubts];
    return { verdict: "cannot-confirm", assurance: "record", reasons, lastKnown: record };
  }
  return {
    verdict: record.verdict,
    assurance: "record",
    reasons: [...record.reasons, ...doubts],
    lastKnown: undefined,
  };
}

/** Why the mirror cannot be relied on now; nothing if it can. */
export function mirrorDoubt(
  mirror: Pick<MirrorStatus, "state" | "lagSeconds">,
  maxLagSeconds: number,
): Extract<VerdictReason, `mirror-${string}`> | undefined {
  switch (mirror.state) {
    case "starting":
      return "mirror-starting";
    case "catching-up":
      return "mirror-catching-up";
    case "degraded":
      return "mirror-degraded";
    case "following":
      // Written so that an unknown lag counts as too much.
      return mirror.lagSeconds !== undefined && mirror.lagSeconds <= maxLagSeconds ? undefined : "mirror-lagging";
  }
}

function recordVerdictOf({
  card,
  brandStatus,
  now,
}: Pick<VerdictInput, "card" | "brandStatus" | "now">): RecordVerdict {
  if (card === undefined) return { verdict: "not-found", reasons: ["card-not-issued"] };
  switch (card.status) {
    case "None":
      return { verdict: "not-found", reasons: ["card-not-issued"] };
    case "Revoked":
      return { verdict: "revoked", reasons: ["card-revoked"] };
    case "Surrendered":
      return { verdict: "surrendered", reasons: ["card-surrendered"] };
    case "Suspended":
    case "Active":
      break;
  }
  const suspended: VerdictReason[] = [];
  if (card.status === "Suspended") suspended.push("card-suspended");
  if (brandStatus === "Suspended") suspended.push("brand-suspended");
  if (suspended.length > 0) return { verdict: "suspended", reasons: suspended };
  if (card.expiresAt !== 0 && now >= card.expiresAt) return { verdict: "expired", reasons: ["card-expired"] };
  return {
    verdict: "genuine",
    reasons: brandStatus === "Retired" ? ["record-on-chain", "brand-retired"] : ["record-on-chain"],
  };
}
