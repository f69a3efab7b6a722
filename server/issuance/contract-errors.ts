// What the contracts and the node say, as sentences that say what to do. Raw messages of the chain library never reach a
// user: they are long, and may hold the endpoint's credentials.

import { isCallException, isError } from "ethers";
import {
  BRAND_ROLE,
  BRAND_STATUS,
  brandRegistryInterface,
  CARD_STATUS,
  membershipCollectionInterface,
} from "../chain/abi.ts";
import { IssuanceError } from "./problems.ts";

/** A contract refused a call. */
export class ContractRefusal extends IssuanceError {
  override name = "ContractRefusal";
  /** The custom error's name; nothing if the contract gave none that is known. */
  readonly error: string | undefined;
  /** What the custom error carries. */
  readonly values: readonly unknown[];

  constructor(message: string, options: { error: string | undefined; values?: readonly unknown[]; cause?: unknown }) {
    // Another run may issue the same cards at the same time; after a look at the chain there is nothing wrong with that.
    super(message, { retryable: options.error === "CardAlreadyIssued", cause: options.cause });
    this.error = options.error;
    this.values = options.values ?? [];
  }
}

/** Makes whatever a call of the chain has thrown an {@link IssuanceError}. */
export function explainChainError(error: unknown, endpoint: string): IssuanceError {
  if (error instanceof IssuanceError) return error;
  if (isCallException(error)) {
    const { name, values, sentence } = explainRevert(error.data ?? "0x");
    return new ContractRefusal(sentence, { error: name, values });
  }
  if (isError(error, "NONCE_EXPIRED") || isError(error, "REPLACEMENT_UNDERPRICED"))
    return new IssuanceError("Another transaction of the same issuer key was faster.", { retryable: true });
  if (isError(error, "INSUFFICIENT_FUNDS")) {
    return new IssuanceError(
      "The chain asks the issuer key for a fee. Mintmark's chains take none: ask the node's operator for a gas price of 0.",
    );
  }
  const answer = nodeMessage(error);
  return answer === undefined
    ? new IssuanceError(`The chain's node at ${endpoint} cannot be reached. Is it running, and is RPC_URL right?`, {
        retryable: true,
      })
    : new IssuanceError(`The chain's node at ${endpoint} refused: ${answer.slice(0, 200)}`, { retryable: true });
}

/** What the node itself answered, if it answered with a JSON-RPC error. */
export function nodeMessage(error: unknown): string | undefined {
  const info = (error as { info?: { error?: { message?: unknown } } } | null)?.info;
  const nested = (error as { error?: { message?: unknown } } | null)?.error;
  const message = info?.error?.message ?? nested?.message;
  return typeof message === "string" ? message : undefined;
}

/** Decodes the data of a revert. */
export function explainRevert(data: string): {
  name: string | undefined;
  values: readonly unknown[];
  sentence: string;
} {
  const decoded = membershipCollectionInterface.parseError(data) ?? brandRegistryInterface.parseError(data);
  if (decoded === null) {
    return {
      name: undefined,
      values: [],
      sentence: `The contract refused the transaction without a reason that is known here (${data.slice(0, 10)}).`,
    };
  }
  return { name: decoded.name, values: decoded.args.toArray(), sentence: sentenceFor(decoded.name, decoded.args) };
}

function sentenceFor(name: string, values: Iterable<unknown>): string {
  const [first, second, third, fourth] = [...values].map(String);
  switch (name) {
    case "BrandRoleMissing":
      return roleMissing(Number(first), Number(second), third ?? "");
    case "BrandNotActive":
      return brandNotActive(Number(first), Number(second));
    case "CardAlreadyIssued":
      return `Card ${first} is issued already.`;
    case "SerialOutOfRange":
      return `The serials from ${first} on (${second} of them) are not within the edition of ${third}.`;
    case "ExpiryNotInFuture":
      return `Cards cannot be issued expired, and ${moment(Number(first))} has passed on the chain. Correct the expiry.`;
    case "TierNotDeclared":
      return `The collection has declared the tiers 0 to ${second}, and ${first} is none of them. Correct the tier.`;
    case "TermTooLong":
      return Number(first) === 0
        ? "Cards of the collection cannot be valid for ever: it has declared a longest term. Give an expiry."
        : `The collection has declared a longest term, and by it a card expires at ${moment(Number(second))} at the latest now, not at ${moment(Number(first))}. Correct the expiry.`;
    case "AppointmentEnded":
      return `The issuer key ${first} was appointed anew, or not at all, since this was signed or opened. Have it signed or opened again.`;
    case "StaffMismatch":
      return `The holder has signed for the staff key ${first} only. Have that key redeem it, or reserve the benefit anew.`;
    case "BenefitPeriodsFixed":
      return `Benefit ${first} has another period or start in this collection, in all tiers and for ever. Use a new benefit id.`;
    case "FinalActNotAnnounced":
      return "This cannot be undone, so it must be announced seven days before. It was not, or its 30 days are over, or it was cancelled.";
    case "FinalActNotReady":
      return `This cannot be undone, and was announced for ${moment(Number(second))}. Until then the brand's administrator or the guardian can cancel it.`;
    case "ERC721InvalidReceiver":
      return `${first} cannot hold a card. Correct the holder address.`;
    case "WindingDown":
      return "The edition is winding down: the brand has ended it, and no more cards are issued.";
    case "DailyCapExceeded":
      return `The issuer key ${second} may issue ${fourth} more cards now, not ${third}: the brand has capped what it issues in a day, and what was used comes back evenly over 24 hours. Run this again later, or have the brand's administrator raise the cap.`;
    case "BurnNotAuthorized":
      return "The collection does not let its issuer burn cards, which was fixed when it was created. Ask the holder to surrender the card.";
    case "CardNotIssued":
      return `Card ${first} was never issued, so there is nothing to change.`;
    case "CardStatusMismatch":
      return `Card ${first} is ${CARD_STATUS[Number(second)]?.toLowerCase() ?? "in another state"} on the chain, and this cannot be done with it any more.`;
    case "QuotaExceeded":
      return `Card ${first} has used benefit ${second} as often as it may in this period (${third}) on the chain.`;
    case "BenefitNotGranted":
      return `Cards of tier ${first} are not entitled to benefit ${second} any more. Grant it to the tier again, if they should be.`;
    case "BenefitNotStarted":
      return `On the chain, benefit ${first} begins at ${moment(Number(second))}.`;
    case "CardExpired":
      return `Card ${first} has expired at ${moment(Number(second))}. Renew it, and reserve the benefit anew.`;
    case "GenerationMismatch":
      return `Card ${first} has another holder since. Reserve the benefit anew for them.`;
    case "RedemptionNumberMismatch":
      return `The next redemption of benefit ${second} by card ${first} is number ${third}: somebody else was faster.`;
    case "DeadlinePassed":
      return `The holder's signature could be used until ${moment(Number(first))}. Reserve the benefit anew.`;
    case "InvalidSignature":
      return `The signature is not one of the holder ${first}. Reserve the benefit anew.`;
    case "RedemptionNotUndoable":
      return `Redemption ${third} of benefit ${second} by card ${first} cannot be undone: there was none, it was undone before, or the card has used the benefit in a later period since.`;
    case "ReissueToHolder":
      return `Card ${first} is held by this customer already.`;
    case "ReissueNotPending":
      return `Card ${first} does not change hands: its holder has vetoed that, the brand has cancelled it, or its 30 days are over. Give it away anew if both want it.`;
    case "ReissueNotReady":
      return `Card ${first} changes hands at ${moment(Number(second))}: until then its holder can veto that.`;
    case "BrandNotFound":
    case "CollectionNotFound":
      return "The registry does not know the collection. Is the address of the registry right (REGISTRY_ADDRESS)?";
    default:
      return `The contract refused the transaction: ${name}(${[first, second, third].filter((value) => value !== undefined).join(", ")}).`;
  }
}

/** What to say where a key lacks a brand's role. */
export function roleMissing(brandId: number, role: number, account: string): string {
  const title = Object.entries(BRAND_ROLE).find(([, number]) => number === role)?.[0] ?? String(role);
  return `The key ${account} does not have the ${title} role of brand ${brandId}. The brand's administrator must grant it, or another keystore is needed (KEYSTORE_FILE).`;
}

/** What to say where a brand is not active. */
export function brandNotActive(brandId: number, status: number): string {
  switch (BRAND_STATUS[status]) {
    case "Suspended":
      return `Brand ${brandId} is suspended: it can issue cards again once the consortium has reinstated it.`;
    case "Retired":
      return `Brand ${brandId} is retired and issues no more cards.`;
    default:
      return `Brand ${brandId} is not active and cannot issue cards. Ask the consortium.`;
  }
}

function moment(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
