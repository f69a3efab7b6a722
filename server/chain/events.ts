// The one typed list of the events that the server reads, and how a log becomes one of them.
// Events without text are decoded by hand, because there are several for every card ever issued and ethers' general decoder
// takes 30 times as long; those with text are rare and go through ethers.

import type { EventFragment } from "ethers";
import {
  BRAND_ROLES,
  BRAND_STATUS,
  type BrandRole,
  type BrandStatus,
  BURN_AUTH,
  type BurnAuth,
  brandRegistryInterface,
  FINAL_ACTS,
  type FinalAct,
  membershipCollectionInterface,
} from "./abi.ts";
import { decodeValues } from "./decoding.ts";

/** A log as `eth_getLogs` answers it. */
export interface RawLog {
  address: string;
  topics: string[];
  data: string;
  blockNumber: string;
  blockHash: string;
  /** Newer nodes add it; without it the block has to be asked for. */
  blockTimestamp?: string | null;
  transactionHash: string;
  logIndex: string;
  removed?: boolean;
}

/** Where an event stands. Addresses and hashes are lower-case; the timestamp is in seconds since the Unix epoch. */
export interface EventPosition {
  blockNumber: number;
  blockHash: string;
  blockTimestamp: number;
  transactionHash: string;
  logIndex: number;
  /** The contract that emitted it. */
  address: string;
}

/** Who a brand is, as the registry says. */
export interface BrandProfile {
  name: string;
  legalName: string;
  domain: string;
  filingNumber: string;
  profileUri: string;
  profileHash: string;
}

/**
 * The arguments of each event, by its name. Addresses and hashes are lower-case, times are seconds since the Unix epoch.
 */
export interface EventArguments {
  BrandAdmitted: BrandProfile & { brandId: number; admin: string; handle: string };
  BrandProfileChanged: BrandProfile & { brandId: number };
  BrandStatusChanged: { brandId: number; status: BrandStatus; suspension: number; reason: string };
  BrandKeysReplaced: { brandId: number; keyEpoch: number; admin: string };
  Appointed: { brandId: number; role: BrandRole; account: string; appointment: number };
  DailyCapChanged: { brandId: number; issuer: string; dailyCap: number };
  DailyCapLifted: { brandId: number; issuer: string };
  DailyCapUsed: { brandId: number; issuer: string; used: number };
  CollectionCreated: {
    collection: string;
    brandId: number;
    slug: string;
    name: string;
    symbol: string;
    maxSupply: number;
    burnAuth: BurnAuth;
    reissueDelay: number;
    highestTier: number;
    longestTerm: number;
  };
  CardBaseURIChanged: { cardBaseURI: string };
  RoleGranted: { role: string; account: string; sender: string };
  RoleRevoked: { role: string; account: string; sender: string };
  ContentChanged: { contractUri: string; contentHash: string };
  ContentFrozen: Record<never, never>;
  WindDownStarted: Record<never, never>;
  FinalActAnnounced: { act: FinalAct; readyAt: number };
  FinalActCancelled: { act: FinalAct };
  BenefitChanged: { tier: number; benefitId: number; quota: number; period: number; startsAt: number };
  BenefitsFrozen: Record<never, never>;
  AllowlistOpened: {
    root: string;
    issuer: string;
    appointment: number;
    firstSerial: number;
    count: number;
    deadline: number;
  };
  AllowlistClosed: { root: string };
  BatchIssued: {
    firstSerial: number;
    count: number;
    tier: number;
    expiresAt: number;
    commitmentRoot: string;
    batchReference: string;
  };
  Transfer: { from: string; to: string; serial: number };
  Locked: { serial: number };
  Issued: { from: string; to: string; serial: number; burnAuth: BurnAuth };
  CardRenewed: { serial: number; expiresAt: number };
  CardTierChanged: { serial: number; tier: number };
  CardCorrected: { serial: number; tier: number; expiresAt: number; reason: string };
  CardSuspended: { serial: number; reason: string };
  CardReinstated: { serial: number };
  CardRevoked: { serial: number; reason: string };
  CardSurrendered: { serial: number; holder: string };
  ReissueRequested: { serial: number; to: string; reason: string; readyAt: number };
  ReissueCancelled: { serial: number; to: string; vetoed: boolean };
  CardReissued: { serial: number; from: string; to: string; generation: number };
  BenefitRedeemed: {
    serial: number;
    benefitId: number;
    staff: string;
    number: number;
    periodStart: number;
    used: number;
  };
  RedemptionUndone: {
    serial: number;
    benefitId: number;
    staff: string;
    number: number;
    used: number;
    reason: string;
  };
}

export type EventName = keyof EventArguments;

/** An event with its name, its arguments and where it stands. */
export type ChainEvent = {
  [Name in EventName]: EventPosition & { name: Name; args: EventArguments[Name] };
}[EventName];

/** The events of these names. */
export type EventOf<Name extends EventName> = Extract<ChainEvent, { name: Name }>;

/** The events of exactly one card; each has the serial among its arguments. */
const SINGLE_CARD_EVENTS = [
  "Transfer",
  "Locked",
  "Issued",
  "CardRenewed",
  "CardTierChanged",
  "CardCorrected",
  "CardSuspended",
  "CardReinstated",
  "CardRevoked",
  "CardSurrendered",
  "ReissueRequested",
  "ReissueCancelled",
  "CardReissued",
  "BenefitRedeemed",
  "RedemptionUndone",
] as const satisfies readonly EventName[];

/** The events that concern cards; what {@link fold} takes. */
export type CardEvent = EventOf<(typeof SINGLE_CARD_EVENTS)[number] | "BatchIssued">;

/** The events that change a brand. */
export type BrandEvent = EventOf<"BrandAdmitted" | "BrandProfileChanged" | "BrandStatusChanged" | "BrandKeysReplaced">;

/** The events that change a collection itself. */
export type CollectionEvent = EventOf<
  "CollectionCreated" | "ContentChanged" | "ContentFrozen" | "BenefitsFrozen" | "WindDownStarted"
>;

/** A log that claims to be one of our events but cannot be. Never skipped: the mirror would be wrong without it. */
export class EventDecodeError extends Error {
  override name = "EventDecodeError";
}

const ZERO_ADDRESS = `0x${"0".repeat(40)}`;

/** How the arguments of an event are read from a log. */
type Decoders = { [Name in EventName]: (log: RawLog) => EventArguments[Name] };

const DECODERS: Decoders = {
  BrandAdmitted: (log) => {
    const [handle, profile] = decodeData("BrandAdmitted", log);
    return { brandId: numberTopic(log, 1), admin: addressTopic(log, 2), handle, ...profileOf(profile) };
  },
  BrandProfileChanged: (log) => {
    const [profile] = decodeData("BrandProfileChanged", log);
    return { brandId: numberTopic(log, 1), ...profileOf(profile) };
  },
  BrandStatusChanged: (log) => ({
    brandId: numberTopic(log, 1),
    status: memberOf(BRAND_STATUS, numberWord(log, 0), log),
    suspension: numberWord(log, 1),
    reason: hashWord(log, 2),
  }),
  BrandKeysReplaced: (log) => ({
    brandId: numberTopic(log, 1),
    keyEpoch: numberWord(log, 0),
    admin: addressTopic(log, 2),
  }),
  Appointed: (log) => ({
    brandId: numberTopic(log, 1),
    role: memberOf(BRAND_ROLES, numberTopic(log, 2), log),
    account: addressTopic(log, 3),
    appointment: appointmentWord(log, 0),
  }),
  DailyCapChanged: (log) => ({
    brandId: numberTopic(log, 1),
    issuer: addressTopic(log, 2),
    dailyCap: numberWord(log, 0),
  }),
  DailyCapLifted: (log) => ({ brandId: numberTopic(log, 1), issuer: addressTopic(log, 2) }),
  DailyCapUsed: (log) => ({ brandId: numberTopic(log, 1), issuer: addressTopic(log, 2), used: numberWord(log, 0) }),
  CollectionCreated: (log) => {
    const [slug, name, symbol, maxSupply, burnAuth, reissueDelay, highestTier, longestTerm] = decodeData(
      "CollectionCreated",
      log,
    );
    return {
      collection: addressTopic(log, 1),
      brandId: numberTopic(log, 2),
      slug,
      name,
      symbol,
      maxSupply: Number(maxSupply),
      burnAuth: memberOf(BURN_AUTH, Number(burnAuth), log),
      reissueDelay: Number(reissueDelay),
      highestTier: Number(highestTier),
      longestTerm: Number(longestTerm),
    };
  },
  CardBaseURIChanged: (log) => ({ cardBaseURI: decodeData("CardBaseURIChanged", log)[0] }),
  RoleGranted: (log) => ({ role: topic(log, 1), account: addressTopic(log, 2), sender: addressTopic(log, 3) }),
  RoleRevoked: (log) => ({ role: topic(log, 1), account: addressTopic(log, 2), sender: addressTopic(log, 3) }),
  ContentChanged: (log) => {
    const [contractUri, contentHash] = decodeData("ContentChanged", log);
    return { contractUri, contentHash };
  },
  ContentFrozen: () => ({}),
  WindDownStarted: () => ({}),
  FinalActAnnounced: (log) => ({
    act: memberOf(FINAL_ACTS, numberTopic(log, 1), log),
    readyAt: numberWord(log, 0),
  }),
  FinalActCancelled: (log) => ({ act: memberOf(FINAL_ACTS, numberTopic(log, 1), log) }),
  BenefitChanged: (log) => ({
    tier: numberTopic(log, 1),
    benefitId: numberTopic(log, 2),
    quota: numberWord(log, 0),
    period: numberWord(log, 1),
    startsAt: numberWord(log, 2),
  }),
  BenefitsFrozen: () => ({}),
  AllowlistOpened: (log) => ({
    root: topic(log, 1),
    issuer: addressTopic(log, 2),
    appointment: appointmentWord(log, 0),
    firstSerial: numberWord(log, 1),
    count: numberWord(log, 2),
    deadline: numberWord(log, 3),
  }),
  AllowlistClosed: (log) => ({ root: topic(log, 1) }),
  BatchIssued: (log) => ({
    firstSerial: numberTopic(log, 1),
    count: numberWord(log, 0),
    tier: numberWord(log, 1),
    expiresAt: numberWord(log, 2),
    commitmentRoot: hashWord(log, 3),
    batchReference: hashWord(log, 4),
  }),
  Transfer: (log) => ({ from: addressTopic(log, 1), to: addressTopic(log, 2), serial: numberTopic(log, 3) }),
  Locked: (log) => ({ serial: numberWord(log, 0) }),
  Issued: (log) => ({
    from: addressTopic(log, 1),
    to: addressTopic(log, 2),
    serial: numberTopic(log, 3),
    burnAuth: memberOf(BURN_AUTH, numberWord(log, 0), log),
  }),
  CardRenewed: (log) => ({ serial: numberTopic(log, 1), expiresAt: numberWord(log, 0) }),
  CardTierChanged: (log) => ({ serial: numberTopic(log, 1), tier: numberWord(log, 0) }),
  CardCorrected: (log) => ({
    serial: numberTopic(log, 1),
    tier: numberWord(log, 0),
    expiresAt: numberWord(log, 1),
    reason: hashWord(log, 2),
  }),
  CardSuspended: (log) => ({ serial: numberTopic(log, 1), reason: hashWord(log, 0) }),
  CardReinstated: (log) => ({ serial: numberTopic(log, 1) }),
  CardRevoked: (log) => ({ serial: numberTopic(log, 1), reason: hashWord(log, 0) }),
  CardSurrendered: (log) => ({ serial: numberTopic(log, 1), holder: addressTopic(log, 2) }),
  ReissueRequested: (log) => ({
    serial: numberTopic(log, 1),
    to: addressTopic(log, 2),
    reason: hashWord(log, 0),
    readyAt: numberWord(log, 1),
  }),
  ReissueCancelled: (log) => ({
    serial: numberTopic(log, 1),
    to: addressTopic(log, 2),
    vetoed: numberWord(log, 0) !== 0,
  }),
  CardReissued: (log) => ({
    serial: numberTopic(log, 1),
    from: addressTopic(log, 2),
    to: addressTopic(log, 3),
    generation: numberWord(log, 0),
  }),
  BenefitRedeemed: (log) => ({
    serial: numberTopic(log, 1),
    benefitId: numberTopic(log, 2),
    staff: addressTopic(log, 3),
    number: numberWord(log, 0),
    periodStart: numberWord(log, 1),
    used: numberWord(log, 2),
  }),
  RedemptionUndone: (log) => ({
    serial: numberTopic(log, 1),
    benefitId: numberTopic(log, 2),
    staff: addressTopic(log, 3),
    number: numberWord(log, 0),
    used: numberWord(log, 1),
    reason: hashWord(log, 2),
  }),
};

const EVENT_BY_TOPIC = new Map(
  (Object.keys(DECODERS) as EventName[]).map((name) => [fragmentOf(name).topicHash, name] as const),
);
const COLLECTION_CREATED_TOPIC = fragmentOf("CollectionCreated").topicHash;
const SINGLE_CARD_EVENT_NAMES: ReadonlySet<EventName> = new Set(SINGLE_CARD_EVENTS);

function fragmentOf(name: EventName): EventFragment {
  const fragment = membershipCollectionInterface.getEvent(name) ?? brandRegistryInterface.getEvent(name);
  if (fragment === null) throw new Error(`No interface has an event ${name}`);
  return fragment;
}

/** Whether a log is a `CollectionCreated`, without decoding it. */
export function isCollectionCreated(log: RawLog): boolean {
  return log.topics[0]?.toLowerCase() === COLLECTION_CREATED_TOPIC;
}

/** The topics of all events that the server reads, for the filter of `eth_getLogs`. */
export const EVENT_TOPICS: readonly string[] = [...EVENT_BY_TOPIC.keys()];

/**
 * Decodes a log.
 * @param blockTimestamp The time of the log's block, in seconds since the Unix epoch.
 * @returns Nothing for an event that is not on the list.
 * @throws {EventDecodeError} if the log is on the list but malformed.
 */
export function decodeLog(log: RawLog, blockTimestamp: number): ChainEvent | undefined {
  const name = EVENT_BY_TOPIC.get(log.topics[0]?.toLowerCase() ?? "");
  if (name === undefined) return undefined;
  return {
    blockNumber: Number(log.blockNumber),
    blockHash: log.blockHash.toLowerCase(),
    blockTimestamp,
    transactionHash: log.transactionHash.toLowerCase(),
    logIndex: Number(log.logIndex),
    address: log.address.toLowerCase(),
    name,
    args: DECODERS[name](log),
  } as ChainEvent;
}

/** Whether the event concerns cards. */
export function isCardEvent(event: ChainEvent): event is CardEvent {
  return event.name === "BatchIssued" || SINGLE_CARD_EVENT_NAMES.has(event.name);
}

/** The serial of an event that concerns exactly one card; nothing for the others. */
export function serialOf(event: ChainEvent): number | undefined {
  return SINGLE_CARD_EVENT_NAMES.has(event.name) ? (event.args as { serial: number }).serial : undefined;
}

/** Whether a transfer burns the card: ERC-721 reports it as going to the zero address. */
export function isBurn(transfer: EventArguments["Transfer"]): boolean {
  return transfer.to === ZERO_ADDRESS;
}

/** Whether a transfer is an issue or a reissue: ERC-721 reports both as coming from the zero address. */
export function isIssue(transfer: EventArguments["Transfer"]): boolean {
  return transfer.from === ZERO_ADDRESS;
}

// biome-ignore lint/suspicious/noExplicitAny: what ethers decodes is typed by the interface's text, not by TypeScript
function decodeData(name: EventName, log: RawLog): any[] {
  const inputs = fragmentOf(name).inputs.filter((input) => input.indexed !== true);
  try {
    return decodeValues(inputs, log.data);
  } catch (cause) {
    throw new EventDecodeError(`${name} in ${describe(log)} has malformed data`, { cause });
  }
}

function topic(log: RawLog, index: number): string {
  const value = log.topics[index];
  if (value?.length !== 66) throw new EventDecodeError(`Topic ${index} of ${describe(log)} is missing`);
  return value.toLowerCase();
}

function addressTopic(log: RawLog, index: number): string {
  return `0x${topic(log, index).slice(26)}`;
}

function numberTopic(log: RawLog, index: number): number {
  return numberOf(topic(log, index).slice(2), log);
}

function word(log: RawLog, index: number): string {
  const value = log.data.slice(2 + 64 * index, 66 + 64 * index);
  if (value.length !== 64) throw new EventDecodeError(`The data of ${describe(log)} is too short`);
  return value.toLowerCase();
}

function hashWord(log: RawLog, index: number): string {
  return `0x${word(log, index)}`;
}

function numberWord(log: RawLog, index: number): number {
  return numberOf(word(log, index), log);
}

/** An appointment's number: a count, and 32 bits behind it that nobody can foresee. Beyond what a number of JavaScript holds there is none. */
function appointmentWord(log: RawLog, index: number): number {
  const number = BigInt(`0x${word(log, index)}`);
  if (number > BigInt(Number.MAX_SAFE_INTEGER))
    throw new EventDecodeError(`A number in ${describe(log)} is out of range`);
  return Number(number);
}

/** Everything else that the contracts report as a number fits into 32 bits; anything else is not theirs. */
function numberOf(hexadecimal: string, log: RawLog): number {
  if (!/^0{56}[0-9a-f]{8}$/.test(hexadecimal))
    throw new EventDecodeError(`A number in ${describe(log)} is out of range`);
  return Number.parseInt(hexadecimal.slice(56), 16);
}

/** The member of a Solidity enum. */
function memberOf<Member extends string>(members: readonly Member[], value: number, log: RawLog): Member {
  const member = members[value];
  if (member === undefined)
    throw new EventDecodeError(`${value} in ${describe(log)} is not one of ${members.join(", ")}`);
  return member;
}

function profileOf(profile: Omit<BrandProfile, "profileUri"> & { profileURI: string }): BrandProfile {
  return {
    name: profile.name,
    legalName: profile.legalName,
    domain: profile.domain,
    filingNumber: profile.filingNumber,
    profileUri: profile.profileURI,
    profileHash: profile.profileHash,
  };
}

function describe(log: RawLog): string {
  return `the log ${Number(log.logIndex)} of block ${Number(log.blockNumber)}`;
}
