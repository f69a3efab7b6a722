// Reads ranges of blocks from the chain. Must hold: a range is complete for all collections that exist at its end, and
// everything in it belongs to the chain that its last block closes.

import { type ChainEvent, decodeLog, EVENT_TOPICS, type RawLog } from "../chain/events.ts";
import type { Rpc, RpcCall } from "../chain/rpc.ts";
import type { BlockPosition } from "../database/mirror-status.ts";

/** All events of a range of blocks. */
export interface BlockRange {
  from: number;
  /** The last block. */
  end: BlockPosition;
  /** The block before the first one, by its hash: what the checkpoint must be for the range to follow it. */
  parentHash: string;
  events: ChainEvent[];
}

/** A block's header as `eth_getBlockByNumber` answers it. */
export interface RawHeader {
  number: string;
  hash: string;
  parentHash: string;
  timestamp: string;
}

/** The node does not have a block that it had a moment ago, or its answers do not fit together. Try again. */
export class InconsistentAnswerError extends Error {
  override name = "InconsistentAnswerError";
}

/** Blocks whose headers are asked for in one request. */
const HEADERS_PER_REQUEST = 200;
/** Contracts that one log filter names. */
const ADDRESSES_PER_FILTER = 500;

export function positionOf(header: RawHeader): BlockPosition {
  return { number: Number(header.number), hash: header.hash.toLowerCase(), timestamp: Number(header.timestamp) };
}

/** The header of a block by number or tag; nothing if the node does not have it. */
export async function readHeader(rpc: Rpc, block: number | "latest"): Promise<RawHeader | undefined> {
  const tag = typeof block === "number" ? hex(block) : block;
  return (await rpc.call<RawHeader | null>("eth_getBlockByNumber", [tag, false])) ?? undefined;
}

/**
 * Reads all events of the blocks `from` to `to`.
 * @param addresses The registry and the collections that are known; those that are created in the range are read as well.
 * @returns The range, and the collections that were created in it.
 * @throws {InconsistentAnswerError} if the answers do not fit together, what the RPC throws if there are none.
 */
export async function readRange(
  rpc: Rpc,
  { from, to, addresses }: { from: number; to: number; addresses: readonly string[] },
): Promise<{ range: BlockRange; created: string[] }> {
  const filters = chunks(addresses, ADDRESSES_PER_FILTER);
  const [first, last, ...answers] = (await rpc.batch([
    headerCall(from),
    headerCall(to),
    ...filters.map((some) => logsCall(from, to, some)),
  ])) as [RawHeader | null, RawHeader | null, ...RawLog[][]];
  if (first === null || last === null)
    throw new InconsistentAnswerError(`The node no longer has blocks ${from} to ${to}`);

  const logs = answers.flat();
  const created = createdCollections(logs, new Set(addresses));
  if (created.length > 0) logs.push(...(await readLogs(rpc, from, to, created)));
  const end = positionOf(last);
  return {
    range: { from, end, parentHash: first.parentHash.toLowerCase(), events: await toEvents(rpc, logs, end) },
    created,
  };
}

/** Adds the events of further collections to a range that was read before they were known. */
export async function extendRange(rpc: Rpc, range: BlockRange, addresses: readonly string[]): Promise<BlockRange> {
  const logs = await readLogs(rpc, range.from, range.end.number, addresses);
  const events = [...range.events, ...(await toEvents(rpc, logs, range.end))].sort(inChainOrder);
  return { ...range, events };
}

async function readLogs(rpc: Rpc, from: number, to: number, addresses: readonly string[]): Promise<RawLog[]> {
  const calls = chunks(addresses, ADDRESSES_PER_FILTER).map((some) => logsCall(from, to, some));
  return ((await rpc.batch(calls)) as RawLog[][]).flat();
}

async function toEvents(rpc: Rpc, logs: RawLog[], end: BlockPosition): Promise<ChainEvent[]> {
  const timestamps = await blockTimestamps(rpc, logs);
  const events: ChainEvent[] = [];
  for (const log of logs) {
    if (log.removed === true)
      throw new InconsistentAnswerError(`The node is taking back block ${Number(log.blockNumber)}`);
    const event = decodeLog(log, timestamps.get(log.blockHash) ?? Number(log.blockTimestamp));
    if (event === undefined) continue;
    if (event.blockNumber === end.number && event.blockHash !== end.hash) {
      throw new InconsistentAnswerError(`The node answered with two different blocks ${end.number}`);
    }
    events.push(event);
  }
  return events.sort(inChainOrder);
}

/** The times of those blocks whose logs do not carry them, by block hash. */
async function blockTimestamps(rpc: Rpc, logs: readonly RawLog[]): Promise<Map<string, number>> {
  const hashes = new Set(logs.filter((log) => log.blockTimestamp == null).map((log) => log.blockHash));
  const timestamps = new Map<string, number>();
  for (const some of chunks([...hashes], HEADERS_PER_REQUEST)) {
    const calls = some.map((hash): RpcCall => ({ method: "eth_getBlockByHash", params: [hash, false] }));
    const headers = (await rpc.batch(calls)) as (RawHeader | null)[];
    for (const [index, hash] of some.entries()) {
      const header = headers[index];
      if (header == null) throw new InconsistentAnswerError(`The node no longer has block ${hash}`);
      timestamps.set(hash, Number(header.timestamp));
    }
  }
  return timestamps;
}

function createdCollections(logs: readonly RawLog[], known: ReadonlySet<string>): string[] {
  const created: string[] = [];
  for (const log of logs) {
    const event = decodeLog(log, 0);
    if (event?.name === "CollectionCreated" && !known.has(event.args.collection)) created.push(event.args.collection);
  }
  return created;
}

function inChainOrder(a: ChainEvent, b: ChainEvent): number {
  return a.blockNumber - b.blockNumber || a.logIndex - b.logIndex;
}

function headerCall(block: number): RpcCall {
  return { method: "eth_getBlockByNumber", params: [hex(block), false] };
}

function logsCall(from: number, to: number, address: readonly string[]): RpcCall {
  return {
    method: "eth_getLogs",
    params: [{ fromBlock: hex(from), toBlock: hex(to), address, topics: [EVENT_TOPICS] }],
  };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  const result: Item[][] = [];
  for (let start = 0; start < items.length; start += size) result.push(items.slice(start, start + size));
  return result;
}
