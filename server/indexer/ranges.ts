// Reads ranges of blocks from the chain. Must hold: a range is complete for all collections that exist at its end, and
// everything in it belongs to the chain that its last block closes.

import { type ChainEvent, decodeLog, EVENT_TOPICS, isCollectionCreated, type RawLog } from "../chain/events.ts";
import type { Rpc, RpcCall } from "../chain/rpc.ts";
import type { BlockPosition } from "../database/mirror-status.ts";

/** All events of a range of blocks. */
export interface BlockRange {
  from: number;
  /** The last block. */
  end: BlockPosition;
  /** The block before the first one, by its hash: what the checkpoint must be for the range to follow it. */
  parentHash: string;
  /** What its logs are asked for with. */
  filters: readonly LogFilter[];
  events: ChainEvent[];
}

type LogFilter = { fromBlock: string; toBlock: string } | { blockHash: string };

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
/** Log filters that are sent in one request. */
const LOG_CALLS_PER_REQUEST = 100;
/** Contracts that one log filter names. */
const ADDRESSES_PER_FILTER = 500;

/** Throws {@link InconsistentAnswerError} if the answer is not a block's header. */
export function positionOf(header: RawHeader): BlockPosition {
  const position = { number: Number(header.number), hash: header.hash, timestamp: Number(header.timestamp) };
  if (![header.hash, header.parentHash].every(isHash) || !isCount(position.number) || !isCount(position.timestamp))
    throw new InconsistentAnswerError("The node answered with something that is not a block");
  return { ...position, hash: header.hash.toLowerCase() };
}

/** The header of a block by number or tag; nothing if the node does not have it. */
export async function readHeader(rpc: Rpc, block: number | "latest"): Promise<RawHeader | undefined> {
  const tag = typeof block === "number" ? hex(block) : block;
  return (await rpc.call<RawHeader | null>("eth_getBlockByNumber", [tag, false])) ?? undefined;
}

/**
 * Reads all events of the blocks `from` to `to`.
 * @param addresses The registry and the collections that are known; those that are created in the range are read as well.
 * @param options.mayChange Whether the chain may still replace blocks of the range while they are read. Then each block is
 * asked for by its hash, because an answer for numbers may come from two forks; that takes a call for each block.
 * @returns The range, and the collections that were created in it.
 * @throws {InconsistentAnswerError} if the answers do not fit together, what the RPC throws if there are none.
 */
export async function readRange(
  rpc: Rpc,
  { from, to, addresses, mayChange }: { from: number; to: number; addresses: readonly string[]; mayChange: boolean },
): Promise<{ range: BlockRange; created: string[] }> {
  const numbers = mayChange ? Array.from({ length: to - from + 1 }, (_, index) => from + index) : [from, to];
  const headers: RawHeader[] = [];
  for (const some of chunks(numbers, HEADERS_PER_REQUEST)) {
    const answers = (await rpc.batch(some.map(headerCall))) as (RawHeader | null)[];
    for (const [index, header] of answers.entries()) {
      const number = some[index] as number;
      if (header === null) throw new InconsistentAnswerError(`The node no longer has block ${number}`);
      if (positionOf(header).number !== number)
        throw new InconsistentAnswerError(`The node answered with another block than block ${number}`);
      headers.push(header);
    }
  }
  const [first, last] = [headers[0], headers.at(-1)];
  if (first === undefined || last === undefined) throw new Error(`There are no blocks ${from} to ${to}`);
  const isLinked = (header: RawHeader, index: number) =>
    index === 0 || header.parentHash.toLowerCase() === headers[index - 1]?.hash.toLowerCase();
  if (mayChange && !headers.every(isLinked))
    throw new InconsistentAnswerError(`The chain has replaced one of the blocks ${from} to ${to} while they were read`);

  const end = positionOf(last);
  const filters = mayChange
    ? headers.map(({ hash }) => ({ blockHash: hash }))
    : [{ fromBlock: hex(from), toBlock: hex(to) }];
  const logs = await readLogs(rpc, filters, end, addresses);
  const created = createdCollections(logs, new Set(addresses));
  if (created.length > 0) logs.push(...(await readLogs(rpc, filters, end, created)));
  const events = await toEvents(rpc, logs, end);
  return { range: { from, end, parentHash: first.parentHash.toLowerCase(), filters, events }, created };
}

/** Adds the events of further collections to a range that was read before they were known. */
export async function extendRange(rpc: Rpc, range: BlockRange, addresses: readonly string[]): Promise<BlockRange> {
  const logs = await readLogs(rpc, range.filters, range.end, addresses);
  const events = [...range.events, ...(await toEvents(rpc, logs, range.end))].sort(inChainOrder);
  return { ...range, events };
}

async function readLogs(
  rpc: Rpc,
  filters: readonly LogFilter[],
  end: BlockPosition,
  addresses: readonly string[],
): Promise<RawLog[]> {
  const questions = chunks(addresses, ADDRESSES_PER_FILTER).flatMap((address) =>
    filters.map((filter) => ({ ...filter, address, topics: [EVENT_TOPICS] })),
  );
  const logs: RawLog[] = [];
  for (const some of chunks(questions, LOG_CALLS_PER_REQUEST)) {
    const calls = some.map((question): RpcCall => ({ method: "eth_getLogs", params: [question] }));
    // The header in the same request, so that it is the same node that answers: one that does not have the last block yet
    // answers with fewer logs, or with none, and not with an error.
    const [header, ...answers] = (await rpc.batch([headerCall(end.number), ...calls])) as [
      RawHeader | null,
      ...RawLog[][],
    ];
    if (header === null || positionOf(header).hash !== end.hash)
      throw new InconsistentAnswerError(`The node no longer has block ${end.number} as it was`);
    for (const [index, answer] of answers.entries()) {
      const question = some[index];
      if (!Array.isArray(answer) || !answer.every(isLog))
        throw new InconsistentAnswerError("The node answered with something that is not a list of logs");
      if (
        question !== undefined &&
        "blockHash" in question &&
        answer.some((log) => log.blockHash !== question.blockHash)
      )
        throw new InconsistentAnswerError(`The node answered with logs of another block than ${question.blockHash}`);
      for (const log of answer) logs.push(log);
    }
  }
  return logs;
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
  return withoutRepetitions(events.sort(inChainOrder));
}

/** Some nodes answer with a log twice. */
function withoutRepetitions(sorted: ChainEvent[]): ChainEvent[] {
  return sorted.filter((event, index) => {
    const before = sorted[index - 1];
    if (before === undefined || inChainOrder(before, event) !== 0) return true;
    if (JSON.stringify(before) === JSON.stringify(event)) return false;
    throw new InconsistentAnswerError(
      `The node answered with two different logs ${event.logIndex} of block ${event.blockNumber}`,
    );
  });
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
  // Of all logs only these few are decoded here: a range may hold tens of thousands of others.
  for (const log of logs.filter(isCollectionCreated)) {
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

function isHash(value: unknown): boolean {
  return typeof value === "string" && /^0x[0-9a-fA-F]{64}$/.test(value);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isLog(value: unknown): value is RawLog {
  const log = value as Partial<RawLog> | null;
  return (
    typeof log === "object" &&
    log !== null &&
    [log.address, log.data, log.blockHash, log.transactionHash, log.blockNumber, log.logIndex].every(
      (field) => typeof field === "string",
    ) &&
    Array.isArray(log.topics) &&
    log.topics.every((topic) => typeof topic === "string")
  );
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  const result: Item[][] = [];
  for (let start = 0; start < items.length; start += size) result.push(items.slice(start, start + size));
  return result;
}
