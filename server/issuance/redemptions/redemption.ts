// What a redemption is: one use of a benefit, from the till's wish to the chain. docs/issuance.md draws the states.

import type { Obstacle } from "../../membership/benefits.ts";
import type { Authorisation } from "./typed-data.ts";

/**
 * `held`: reserved for somebody, for a while. `released`: given back before it was used. `expired`: nobody confirmed it in time.
 * `confirmed`: granted, and on its way to the chain. `redeemed`: the mirror has it. `failed`: the chain has refused it for good.
 * `undoing` and `undone`: it is being, or was, taken back.
 */
export const REDEMPTION_STATES = [
  "held",
  "released",
  "expired",
  "confirmed",
  "redeemed",
  "failed",
  "undoing",
  "undone",
] as const;
export type RedemptionState = (typeof REDEMPTION_STATES)[number];

export interface RedemptionRecord {
  id: string;
  brandId: number;
  customerId: string | null;
  /** Addresses are lower-case. */
  collectionAddress: string;
  serial: number;
  benefitId: number;
  holder: string;
  generation: number;
  /** Whether the brand signs for the holder. */
  custodial: boolean;
  state: RedemptionState;
  /** In milliseconds, as all times here. */
  heldUntil: number;
  number: number | null;
  note: string | null;
  reason: string | null;
  failure: string | null;
  failureDetail: string | null;
  createdBy: string;
  createdAt: number;
  confirmedAt: number | null;
  updatedAt: number;
}

/** A holder's own word for it. */
export type SignedAuthorisation = Pick<Authorisation, "number" | "deadline"> & { signature: string };

/** The benefit cannot be used: see `obstacle`. */
export class BenefitRefusedError extends Error {
  override name = "BenefitRefusedError";
  readonly obstacle: Obstacle;

  constructor(obstacle: Obstacle) {
    super(SENTENCES[obstacle]);
    this.obstacle = obstacle;
  }
}

/** What is wanted of a redemption is not possible in its state; the message says what to do. */
export class RedemptionConflictError extends Error {
  override name = "RedemptionConflictError";
}

const SENTENCES: Record<Obstacle, string> = {
  "brand-not-active": "The brand is not active, and its cards entitle to nothing for now. Ask the consortium.",
  "card-suspended": "The card is suspended. The brand can reinstate it.",
  "card-revoked": "The card was revoked.",
  "card-surrendered": "The card was surrendered by its holder.",
  "card-expired": "The card has expired. The brand can renew it.",
  "not-granted":
    "The card's tier is not entitled to this benefit. GET /v1/collections/{collection}/benefits tells which are.",
  "not-started": "The benefit cannot be used yet. Come back when it has started.",
  "used-up":
    "Nothing is left of the benefit: it was used as often as it may be in this period, or another till has reserved the last use. Try again when the period ends, or that till has given it back.",
};
