// Logs as the contracts emit them. Those of cards are put together from words, because millions are needed within seconds; those
// with text, of which there are few, come from ethers.

import { type EventFragment, id } from "ethers";
import { brandRegistryInterface, membershipCollectionInterface } from "../../../server/chain/abi.ts";
import type { EventName } from "../../../server/chain/events.ts";

export interface ReplayLog {
  address: string;
  topics: readonly string[];
  data: string;
  /** Which transaction of its block emitted it. */
  transaction: number;
}

/** ERC-4906: the contracts emit it, and the server does not read it. */
const METADATA_UPDATE_TOPIC = id("MetadataUpdate(uint256)");

function fragmentOf(name: EventName): EventFragment {
  const fragment = membershipCollectionInterface.getEvent(name) ?? brandRegistryInterface.getEvent(name);
  if (fragment === null) throw new Error(`No interface has an event ${name}`);
  return fragment;
}

/** 32 bytes as 64 hexadecimal digits. */
type Word = string;

/** A number that fits into 32 bits as a word. */
export function numberWord(value: number): Word {
  return value.toString(16).padStart(64, "0");
}

/** An address as a word. */
export function addressWord(address: string): Word {
  return `${"0".repeat(24)}${address.slice(2)}`;
}

const topicByName = new Map<EventName, string>();

function topicOf(name: EventName): string {
  let topic = topicByName.get(name);
  if (topic === undefined) {
    topic = fragmentOf(name).topicHash;
    topicByName.set(name, topic);
  }
  return topic;
}

/** Collects the logs of one block, transaction by transaction. */
export class BlockLogs {
  readonly logs: ReplayLog[] = [];
  #transaction = -1;

  /** What is added from here on, one more transaction has emitted. */
  beginTransaction(): void {
    this.#transaction++;
  }

  /** Adds an event without text. The words are those of its indexed arguments, and of the others, in their order. */
  add(name: EventName, address: string, indexed: readonly Word[], others: readonly Word[]): void {
    const topics = [topicOf(name), ...indexed.map((word) => `0x${word}`)];
    this.logs.push({ address, topics, data: `0x${others.join("")}`, transaction: this.#transaction });
  }

  /** Adds an event of any kind. */
  addEncoded(name: EventName, address: string, values: readonly unknown[]): void {
    const contract =
      membershipCollectionInterface.getEvent(name) === null ? brandRegistryInterface : membershipCollectionInterface;
    const { topics, data } = contract.encodeEventLog(fragmentOf(name), values);
    this.logs.push({ address, topics, data, transaction: this.#transaction });
  }

  addMetadataUpdate(address: string, serial: number): void {
    const data = `0x${numberWord(serial)}`;
    this.logs.push({ address, topics: [METADATA_UPDATE_TOPIC], data, transaction: this.#transaction });
  }
}
