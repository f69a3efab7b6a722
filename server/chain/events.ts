// The one typed list of the events that the server reads, and how a log becomes one of them.
// The four events of a card are decoded by hand, because there is one of each for every card ever issued and ethers'
// general decoder takes 30 times as long; the rare ones go through ethers.

import { AbiCoder, ParamType, toUtf8String, Utf8ErrorFuncs } from "ethers";
import { BURN_AUTH, type BurnAuth, brandRegistryInterface, membershipCollectionInterface } from "./abi.ts";

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

/** The arguments of each event, by its name. Addresses and hashes are lower-case. */
export interface EventArguments {
  BrandAdmitted: {
    brandId: number;
    admin: string;
    name: string;
    legalName: string;
    domain: string;
    filingNumber: string;
    profileUri: string;
    profileHash: string;
  };
  CollectionCreated: {
    collection: string;
    brandId: number;
    slug: string;
    name: string;
    symbol: string;
    maxSupply: number;
    burnAuth: BurnAuth;
  };
  CardBaseURIChanged: { cardBaseURI: string };
  RoleGranted: { role: string; account: string; sender: string };
  RoleRevoked: { role: string; account: string; sender: string };
  Transfer: { from: string; to: string; serial: number };
  Locked: { serial: number };
  Issued: { from: string; to: string; serial: number; burnAuth: BurnAuth };
  BatchIssued: { firstSerial: number; count: number; tier: number; expiresAt: number; commitmentRoot: string };
}

export type EventName = keyof EventArguments;

/** An event with its name, its arguments and where it stands. */
export type ChainEvent = {
  [Name in EventName]: EventPosition & { name: Name; args: EventArguments[Name] };
}[EventName];

/** The events that concern single cards; what {@link fold} takes. */
export type CardEvent = Extract<ChainEvent, { name: "Transfer" | "Locked" | "Issued" | "BatchIssued" }>;

/** A log that claims to be one of our events but cannot be. Never skipped: the mirror would be wrong without it. */
export class EventDecodeError extends Error {
  override name = "EventDecodeError";
}

const ZERO_ADDRESS = `0x${"0".repeat(40)}`;

type Decode = (log: RawLog) => { [Name in EventName]: { name: Name; args: EventArguments[Name] } }[EventName];

function collectionTopic(name: EventName): string {
  return membershipCollectionInterface.getEvent(name)?.topicHash ?? missing(name);
}

function registryTopic(name: EventName): string {
  return brandRegistryInterface.getEvent(name)?.topicHash ?? missing(name);
}

function missing(name: string): never {
  throw new Error(`The interface has no event ${name}`);
}

const COLLECTION_CREATED_TOPIC = registryTopic("CollectionCreated");

const DECODERS = new Map<string, Decode>([
  [
    collectionTopic("Transfer"),
    (log) => ({
      name: "Transfer",
      args: { from: addressTopic(log, 1), to: addressTopic(log, 2), serial: numberTopic(log, 3) },
    }),
  ],
  [collectionTopic("Locked"), (log) => ({ name: "Locked", args: { serial: numberWord(log, 0) } })],
  [
    collectionTopic("Issued"),
    (log) => ({
      name: "Issued",
      args: {
        from: addressTopic(log, 1),
        to: addressTopic(log, 2),
        serial: numberTopic(log, 3),
        burnAuth: burnAuthOf(numberWord(log, 0)),
      },
    }),
  ],
  [
    collectionTopic("BatchIssued"),
    (log) => ({
      name: "BatchIssued",
      args: {
        firstSerial: numberTopic(log, 1),
        count: numberWord(log, 0),
        tier: numberWord(log, 1),
        expiresAt: numberWord(log, 2),
        commitmentRoot: `0x${word(log, 3)}`,
      },
    }),
  ],
  [
    registryTopic("BrandAdmitted"),
    (log) => {
      const [profile] = decodeData("BrandAdmitted", log);
      return {
        name: "BrandAdmitted",
        args: {
          brandId: numberTopic(log, 1),
          admin: addressTopic(log, 2),
          name: profile.name,
          legalName: profile.legalName,
          domain: profile.domain,
          filingNumber: profile.filingNumber,
          profileUri: profile.profileURI,
          profileHash: profile.profileHash,
        },
      };
    },
  ],
  [
    COLLECTION_CREATED_TOPIC,
    (log) => {
      const [slug, name, symbol, maxSupply, burnAuth] = decodeData("CollectionCreated", log);
      return {
        name: "CollectionCreated",
        args: {
          collection: addressTopic(log, 1),
          brandId: numberTopic(log, 2),
          slug,
          name,
          symbol,
          maxSupply: Number(maxSupply),
          burnAuth: burnAuthOf(Number(burnAuth)),
        },
      };
    },
  ],
  [
    registryTopic("CardBaseURIChanged"),
    (log) => ({ name: "CardBaseURIChanged", args: { cardBaseURI: decodeData("CardBaseURIChanged", log)[0] } }),
  ],
  [
    registryTopic("RoleGranted"),
    (log) => ({
      name: "RoleGranted",
      args: { role: topic(log, 1), account: addressTopic(log, 2), sender: addressTopic(log, 3) },
    }),
  ],
  [
    registryTopic("RoleRevoked"),
    (log) => ({
      name: "RoleRevoked",
      args: { role: topic(log, 1), account: addressTopic(log, 2), sender: addressTopic(log, 3) },
    }),
  ],
]);

/** Whether a log is a `CollectionCreated`, without decoding it. */
export function isCollectionCreated(log: RawLog): boolean {
  return log.topics[0]?.toLowerCase() === COLLECTION_CREATED_TOPIC;
}

/** The topics of all events that the server reads, for the filter of `eth_getLogs`. */
export const EVENT_TOPICS: readonly string[] = [...DECODERS.keys()];

/**
 * Decodes a log.
 * @param blockTimestamp The time of the log's block, in seconds since the Unix epoch.
 * @returns Nothing for an event that is not on the list.
 * @throws {EventDecodeError} if the log is on the list but malformed.
 */
export function decodeLog(log: RawLog, blockTimestamp: number): ChainEvent | undefined {
  const decode = DECODERS.get(log.topics[0]?.toLowerCase() ?? "");
  if (decode === undefined) return undefined;
  return {
    blockNumber: Number(log.blockNumber),
    blockHash: log.blockHash.toLowerCase(),
    blockTimestamp,
    transactionHash: log.transactionHash.toLowerCase(),
    logIndex: Number(log.logIndex),
    address: log.address.toLowerCase(),
    ...decode(log),
  } as ChainEvent;
}

/** Whether the event concerns single cards. */
export function isCardEvent(event: ChainEvent): event is CardEvent {
  return (
    event.name === "Transfer" || event.name === "Locked" || event.name === "Issued" || event.name === "BatchIssued"
  );
}

/** The serial of an event that concerns exactly one card; nothing for the others. */
export function serialOf(event: ChainEvent): number | undefined {
  return event.name === "Transfer" || event.name === "Locked" || event.name === "Issued"
    ? event.args.serial
    : undefined;
}

/** Whether a transfer is an issue: ERC-721 reports it as coming from the zero address. */
export function isIssue(transfer: EventArguments["Transfer"]): boolean {
  return transfer.from === ZERO_ADDRESS;
}

// biome-ignore lint/suspicious/noExplicitAny: what ethers decodes is typed by the interface's text, not by TypeScript
function decodeData(name: EventName, log: RawLog): any[] {
  const inputs =
    brandRegistryInterface.getEvent(name)?.inputs.filter((input) => input.indexed !== true) ?? missing(name);
  // Strings are read as bytes: the chain takes any, and one that is not UTF-8 must not stop the mirror for everybody.
  const raw = inputs.map((input) => ParamType.from(input.format("full").replaceAll(/\bstring\b/g, "bytes")));
  try {
    const values = AbiCoder.defaultAbiCoder().decode(raw, log.data).toArray();
    return inputs.map((input, index) => withText(input, values[index]));
  } catch (cause) {
    throw new EventDecodeError(`${name} in ${describe(log)} has malformed data`, { cause });
  }
}

/** A decoded value with its bytes as text again; what is not UTF-8 in them becomes replacement characters. */
function withText(type: ParamType, value: unknown): unknown {
  if (type.isTuple()) {
    const parts = value as readonly unknown[];
    return Object.fromEntries(
      type.components.map((component, index) => [component.name, withText(component, parts[index])]),
    );
  }
  return type.baseType === "string" ? toUtf8String(value as string, Utf8ErrorFuncs.replace) : value;
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

function numberWord(log: RawLog, index: number): number {
  return numberOf(word(log, index), log);
}

/** Everything that the contracts report as a number fits into 32 bits; anything else is not theirs. */
function numberOf(hexadecimal: string, log: RawLog): number {
  if (!/^0{56}[0-9a-f]{8}$/.test(hexadecimal))
    throw new EventDecodeError(`A number in ${describe(log)} is out of range`);
  return Number.parseInt(hexadecimal.slice(56), 16);
}

function burnAuthOf(value: number): BurnAuth {
  const name = BURN_AUTH[value];
  if (name === undefined) throw new EventDecodeError(`${value} is not a burn authorisation`);
  return name;
}

function describe(log: RawLog): string {
  return `the log ${Number(log.logIndex)} of block ${Number(log.blockNumber)}`;
}
