// What a card's benefit is worth at this moment. Pure, and the same arithmetic as the contract's (BenefitBook): what is said here to be
// left is what the chain will let through. Must hold: what was promised to a till and is not on the chain yet counts as used.

/** A quota without an end, as the contract has it. */
export const UNLIMITED = 2 ** 32 - 1;

/** What a tier is entitled to. Times in seconds since the Unix epoch, as all in this file. */
export interface BenefitTerms {
  benefitId: number;
  /** How often in one period; 0 if no longer granted; 2^32 - 1 for as often as one likes. */
  quota: number;
  /** In seconds; 0 if there is only one, which never ends. */
  period: number;
  startsAt: number;
}

/** What the chain has counted of a card's uses of one benefit. */
export interface BenefitUse {
  /** How often it was redeemed in all; the number of the last redemption. */
  redemptions: number;
  /** When the period began in which the last one counts, and how often it was used in that period. */
  periodStart: number;
  used: number;
}

/** Where the chain has told of something. */
interface Place {
  blockNumber: number;
  logIndex: number;
}

/** What the last redemption of a benefit says of it. */
export type LastRedemption = Place & { number: number; periodStart: number; used: number };

/** What a card has used, after its last redemption and the last undoing of one; the later of the two counts. */
export function useAfter(
  redemption: LastRedemption | null,
  undoing: (Place & { used: number }) | null,
): BenefitUse | null {
  if (redemption === null) return null;
  const { number: redemptions, periodStart } = redemption;
  const isUndone =
    undoing !== null && (undoing.blockNumber - redemption.blockNumber || undoing.logIndex - redemption.logIndex) > 0;
  return { redemptions, periodStart, used: isUndone ? undoing.used : redemption.used };
}

/** A use that was promised: held, or confirmed and not known to be on the chain. */
export interface PendingUse {
  id: string;
  benefitId: number;
  confirmed: boolean;
  /** In milliseconds. */
  heldUntil: number;
  /** Which redemption it is to be, once that is known. */
  number: number | null;
}

/** What may keep a card from being used at all. */
export interface CardCondition {
  status: string;
  /** 0 for never. */
  expiresAt: number;
  brandStatus: string;
}

/** Why something cannot be used now. */
export type Obstacle =
  | "brand-not-active"
  | "card-suspended"
  | "card-revoked"
  | "card-surrendered"
  | "card-expired"
  | "not-granted"
  | "not-started"
  | "used-up";

export interface BenefitStanding {
  benefitId: number;
  /** How often in one period; null for as often as one likes. */
  quota: number | null;
  /** The period that counts now; an end of null never comes. Nothing before the first one. */
  period: { startsAt: number; endsAt: number | null } | null;
  startsAt: number;
  /** How often it was used in this period, as the chain has counted. */
  used: number;
  /** How many uses are promised besides. */
  held: number;
  /** How many are left; null for as many as one likes. */
  left: number | null;
  obstacle: Obstacle | null;
}

const NEVER_USED: BenefitUse = { redemptions: 0, periodStart: 0, used: 0 };

/** What keeps a card from being used; nothing if nothing does. `now` in milliseconds. */
export function obstacleOf({ status, expiresAt, brandStatus }: CardCondition, now: number): Obstacle | null {
  if (status === "Revoked") return "card-revoked";
  if (status === "Surrendered") return "card-surrendered";
  if (status === "Suspended") return "card-suspended";
  if (expiresAt !== 0 && now >= expiresAt * 1000) return "card-expired";
  if (brandStatus !== "Active") return "brand-not-active";
  return null;
}

/**
 * How a benefit stands.
 * @param pending Those of this card's promised uses that are of this benefit; others are passed over.
 * @param now In milliseconds.
 */
export function benefitStanding(
  terms: BenefitTerms,
  use: BenefitUse | null,
  pending: readonly PendingUse[],
  card: CardCondition,
  now: number,
): BenefitStanding {
  const { benefitId, quota, startsAt } = terms;
  const period = periodAt(terms, now);
  const { redemptions, ...counted } = use ?? NEVER_USED;
  // Only a period that began later than the last one counted in begins with 0: see BenefitBook.
  const used = period === null || period.startsAt > counted.periodStart ? 0 : counted.used;
  const held = pending.filter((one) => one.benefitId === benefitId && isOpen(one, redemptions, now)).length;
  const left = quota === UNLIMITED ? null : Math.max(0, quota - used - held);
  const obstacle =
    obstacleOf(card, now) ??
    (quota === 0 ? "not-granted" : period === null ? "not-started" : left === 0 ? "used-up" : null);
  return { benefitId, quota: quota === UNLIMITED ? null : quota, period, startsAt, used, held, left, obstacle };
}

/** Whether a promised use still counts beside what the chain has counted. */
function isOpen({ confirmed, heldUntil, number }: PendingUse, redemptions: number, now: number): boolean {
  if (!confirmed) return heldUntil > now;
  return number === null || number > redemptions;
}

function periodAt({ period, startsAt }: BenefitTerms, now: number): BenefitStanding["period"] {
  const seconds = Math.floor(now / 1000);
  if (seconds < startsAt) return null;
  if (period === 0) return { startsAt, endsAt: null };
  const began = seconds - ((seconds - startsAt) % period);
  return { startsAt: began, endsAt: began + period };
}
