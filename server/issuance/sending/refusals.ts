// What the contracts' refusals mean for what was to be sent: whether to wait, to give up, or to look closer.

import type { ContractRefusal } from "../contract-errors.ts";

/**
 * `wait`: it may be allowed later; nothing is wrong with the card. `stale`: the chain has moved on; look what it has. `final`: it
 * will never be allowed as it is.
 */
export type Meaning = "wait" | "stale" | "final";

const MEANINGS: Readonly<Record<string, Meaning>> = {
  BrandNotActive: "wait",
  BrandRoleMissing: "wait",
  DailyCapExceeded: "wait",
  // Orders are held against the term when they are placed, by our clock: that of the chain gets there too.
  TermTooLong: "wait",
  // It is signed anew, for whoever sends it.
  StaffMismatch: "wait",
  ReissueNotReady: "wait",
  CardAlreadyIssued: "stale",
  CardStatusMismatch: "stale",
  // Somebody has used the benefit in between: it is authorised anew, with the number that is next.
  RedemptionNumberMismatch: "wait",
};
/** What a brand or its key may not do now; whatever else is refused may be about one card of many. */
const ABOUT_ALL = new Set(["BrandNotActive", "BrandRoleMissing"]);

export function meaningOf({ error }: Pick<ContractRefusal, "error">): Meaning {
  // A refusal without a known reason is more likely the chain's fault than the card's.
  return error === undefined ? "wait" : (MEANINGS[error] ?? "final");
}

/** Whether a refusal says of all cards of a transaction that they must wait. */
export function holdsForAll({ error }: Pick<ContractRefusal, "error">): boolean {
  return error !== undefined && ABOUT_ALL.has(error);
}

/** How many cards a key may still issue, if a refusal says so. */
export function cardsLeft({ error, values }: Pick<ContractRefusal, "error" | "values">): number | undefined {
  return error === "DailyCapExceeded" ? Number(values[3]) : undefined;
}

/** The stable name of a refusal: `BrandNotActive` is `brand-not-active`. */
export function failureName({ error }: Pick<ContractRefusal, "error">): string {
  return error === undefined ? "refused" : error.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, "-").toLowerCase();
}
