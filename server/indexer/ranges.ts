// Reads ranges of blocks from the chain. Must hold: a range is complete for all collections that exist at its end, and
// everything in it belongs to the chain that its last block closes.

import type { Logger } from "pino";
import { mayHoldLogs } from "../chain/bloom.ts";
import { type ChainEvent, decodeLog, EVENT_TOPICS, isCollectionCreated, type RawLog } from "../chain/events.ts";
import { type Rpc, type RpcCall, RpcError } from "../chain/rpc.ts";
import type { BlockPosition } from "../database/mirror-status.ts";
import { type Batches, createBatches } from "./batches.ts";
import {
  areLinked,
  headerByHash,
  headerByNumber,
  hex,
  InconsistentAnswerError,
  isCount,
  isWithoutReceipts,
  parentOf,
  positionOf,
  type RawHeader,
} from "./headers.ts";

/** All events of a range of blocks. */
export interface BlockRange {
  from: number;
  /** The last block. */
  end: BlockPosition;
  /**
   * The block before the first one, by its hash: what the checkpoint must be for the range to follow it. Nothing where the
   * range was read by numbers, or the node does not say.
   */
  parentHash: string | undefined;
  events: ChainEvent[];
  /** What the events were asked for with. */
  source: RangeSource;
}

/** How the logs of a range are asked for. */
export interface RangeSource {
  /** Asks for the header of the last block: a node that answers with it has all of them. */
  witness: RpcCall;
  filters: readonly LogFilter[];
  /** The headers that are known; of blocks that are read by their hashes all of them. */
  headers: readonly RawHeader[];
}

type LogFilter = { fromBlock: string; toBlock: string } | { blockHash: string };

export interface RangeReader {
  /**
   * Reads the blocks `from` to `to`, which the chain will not replace, by their numbers: one call for every `window` blocks,
   * and one more.
   * @param addresses The registry and the collections that are known; those that are created in the range are read as well.
   * @returns The range, and the collections that were created in it.
   * @throws {InconsistentAnswerError} if the answers do not fit together, what the RPC throws if there are none.
   */
  readFinal(blocks: {
    from: number;
    to: number;
    window: number;
    addresses: readonly string[];
  }): Promise<RangeWithCollections>;
  /**
   * Reads the blocks `from` to `to`, which the chain may replace meanwhile, each by its hash: an answer for numbers may come
   * from two forks. Where a block is said to hold no logs and its header says otherwise, its receipts decide.
   * @param newest The header of `to`, where it is known already.
   */
  readChangeable(blocks: {
    from: number;
    to: number;
    addresses: readonly string[];
    newest?: RawHeader | undefined;
  }): Promise<RangeWithCollections>;
  /** Adds the events of further collections to a range that was read before they were known. */
  extend(range: BlockRange, addresses: readonly string[]): Promise<BlockRange>;
  /** Which of these blocks the chain has no longer, as the node sees it now. */
  replaced(blocks: readonly BlockPosition[]): Promise<BlockPosition[]>;
}

export interface RangeWithCollections {
  range: BlockRange;
  created: string[];
}

/** Contracts that one log filter names. */
const ADDRESSES_PER_FILTER = 500;
/** Calls for logs that one header vouches for. */
const QUESTIONS_PER_WITNESS = 25;
/** JSON-RPC's code of a method that the node does not have. */
const METHOD_NOT_FOUND = -32601;

export function createRangeReader({ rpc, logger }: { rpc: Rpc; logger: Logger }): RangeReader {
  const batches = createBatches(rpc);

  async function read(
    source: RangeSource,
    { from, addresses }: { from: number; addresses: readonly string[] },
  ): Promise<RangeWithCollections> {
    const { logs, last } = await readLogs(source, addresses);
    const known = source.headers.length === 0 ? { ...source, headers: [last] } : source;
    const created = createdCollections(logs, new Set(addresses));
    if (created.length > 0) {
      const since = { ...known, filters: known.filters.filter((filter) => mayHoldFrom(filter, firstBlockOf(logs))) };
      for (const log of (await readLogs(since, created)).logs) logs.push(log);
    }
    const [first] = source.headers;
    return {
      range: {
        from,
        end: positionOf(last),
        parentHash: first === undefined ? undefined : parentOf(first),
        events: await toEvents(logs, { from, headers: known.headers }),
        source: known,
      },
      created,
    };
  }

  /** The logs of some contracts, and the header of the last block. */
  async function readLogs(
    { witness, filters, headers }: RangeSource,
    addresses: readonly string[],
  ): Promise<{ logs: RawLog[]; last: RawHeader }> {
    const questions = filters.flatMap((filter) =>
      chunks(addresses, ADDRESSES_PER_FILTER).map((address) => ({ ...filter, address, topics: [EVENT_TOPICS] })),
    );
    const known = headers.at(-1);
    // Nothing to ask where the headers say that there is nothing.
    if (known !== undefined && questions.length === 0) return { logs: [], last: known };
    // The header in the same request, so that it is the same node that answers: one that does not have the last block yet
    // answers with fewer logs, or with none, and not with an error.
    const groups = chunks(questions, QUESTIONS_PER_WITNESS).map((some) => [
      witness,
      ...some.map((question): RpcCall => ({ method: "eth_getLogs", params: [question] })),
    ]);
    const answers = await batches.ask(groups);
    const wanted = new Set(addresses);
    const logs: RawLog[] = [];
    const blocksWithLogs = new Set<string>();
    let last = known;
    for (const [index, [header, ...lists]] of answers.entries()) {
      last = requireHeader(header as RawHeader | null, witness, last);
      for (const [place, list] of lists.entries()) {
        const found = requireLogs(list, wanted);
        const question = questions[index * QUESTIONS_PER_WITNESS + place];
        if (question !== undefined && "blockHash" in question) requireLogsOf(found, question.blockHash);
        for (const log of found) {
          logs.push(log);
          blocksWithLogs.add(log.blockHash.toLowerCase());
        }
      }
    }
    if (last === undefined) throw new Error("A range has no blocks");
    const silent = headers.filter(({ hash }) => !blocksWithLogs.has(hash.toLowerCase()));
    for (const header of silent) for (const log of await logsLeftOut(header, addresses)) logs.push(log);
    return { logs, last };
  }

  /** What a node that answers with no logs of a block at all has left out; nodes do so while they are indexing it. */
  async function logsLeftOut(header: RawHeader, addresses: readonly string[]): Promise<RawLog[]> {
    const { transactions = [], logsBloom } = header;
    if (transactions.length === 0 || !mayHoldLogs(logsBloom, { addresses, topics: EVENT_TOPICS })) return [];
    const calls = transactions.map((hash): RpcCall => ({ method: "eth_getTransactionReceipt", params: [hash] }));
    let receipts: ({ logs?: unknown } | null)[];
    try {
      receipts = (await batches.ask(calls.map((call) => [call]))).flat() as typeof receipts;
    } catch (error) {
      if (!(error instanceof RpcError) || error.code !== METHOD_NOT_FOUND) throw error;
      return [];
    }
    const wanted = new Set(addresses);
    const topics = new Set(EVENT_TOPICS);
    const logs = receipts.flatMap((receipt) => {
      if (receipt === null) throw new InconsistentAnswerError(`The node no longer has block ${Number(header.number)}`);
      const all = requireLogs(receipt.logs, undefined);
      return all.filter(
        (log) => wanted.has(log.address.toLowerCase()) && topics.has(log.topics[0]?.toLowerCase() ?? ""),
      );
    });
    requireLogsOf(logs, header.hash);
    if (logs.length > 0) {
      const block = { number: Number(header.number), hash: header.hash, logs: logs.length };
      logger.warn(block, `the node at ${rpc.endpoint} answers without logs that its receipts hold; took the receipts'`);
    }
    return logs;
  }

  async function toEvents(
    logs: readonly RawLog[],
    { from, headers }: { from: number; headers: readonly RawHeader[] },
  ): Promise<ChainEvent[]> {
    const timestamps = await blockTimestamps(batches, logs, headers);
    const hashes = new Map(headers.map((header) => [Number(header.number), header.hash.toLowerCase()]));
    const to = Math.max(...hashes.keys());
    const events: ChainEvent[] = [];
    for (const log of logs) {
      const event = decodeLog(log, timestamps.get(log.blockHash) ?? Number(log.blockTimestamp));
      if (event === undefined) continue;
      const { blockNumber, blockHash, blockTimestamp, logIndex } = event;
      if (![blockNumber, blockTimestamp, logIndex].every(isCount) || blockNumber < from || blockNumber > to)
        throw new InconsistentAnswerError(`The node answered with a log that is not of the blocks ${from} to ${to}`);
      if ((hashes.get(blockNumber) ?? blockHash) !== blockHash)
        throw new InconsistentAnswerError(`The node answered with two different blocks ${blockNumber}`);
      hashes.set(blockNumber, blockHash);
      events.push(event);
    }
    return withoutRepetitions(events.sort(inChainOrder));
  }

  return {
    async readFinal({ from, to, window, addresses }) {
      const filters: LogFilter[] = [];
      for (let first = from; first <= to; first += window)
        filters.push({ fromBlock: hex(first), toBlock: hex(Math.min(first + window - 1, to)) });
      return await read({ witness: headerByNumber(to), filters, headers: [] }, { from, addresses });
    },
    async readChangeable({ from, to, addresses, newest }) {
      const headers = newest !== undefined && from === to ? [newest] : await readHeaders(batches, { from, to });
      if (!areLinked(headers))
        throw new InconsistentAnswerError(
          `The chain has replaced one of the blocks ${from} to ${to} while they were read`,
        );
      const last = headers.at(-1);
      if (last === undefined) throw new Error(`There are no blocks ${from} to ${to}`);
      const filters = headers.filter((header) => !isWithoutReceipts(header)).map(({ hash }) => ({ blockHash: hash }));
      return await read({ witness: headerByHash(last.hash), filters, headers }, { from, addresses });
    },
    async extend(range, addresses) {
      const { logs } = await readLogs(range.source, addresses);
      const { from, source } = range;
      const events = [...range.events, ...(await toEvents(logs, { from, headers: source.headers }))].sort(inChainOrder);
      return { ...range, events };
    },
    async replaced(blocks) {
      const answers = await batches.ask(blocks.map(({ number }) => [headerByNumber(number)]));
      return blocks.filter((block, index) => {
        const header = answers[index]?.[0] as RawHeader | null;
        if (header === null) throw new InconsistentAnswerError(`The node no longer has block ${block.number}`);
        return positionOf(header).hash !== block.hash;
      });
    },
  };
}

async function readHeaders(batches: Batches, { from, to }: { from: number; to: number }): Promise<RawHeader[]> {
  const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const answers = await batches.ask(numbers.map((number) => [headerByNumber(number)]));
  return answers.map(([answer], index) => {
    const header = answer as RawHeader | null;
    const number = numbers[index];
    if (header === null) throw new InconsistentAnswerError(`The node no longer has block ${number}`);
    if (positionOf(header).number !== number)
      throw new InconsistentAnswerError(`The node answered with another block than block ${number}`);
    return header;
  });
}

/** The times of those blocks whose logs do not carry them, by block hash. */
async function blockTimestamps(
  batches: Batches,
  logs: readonly RawLog[],
  headers: readonly RawHeader[],
): Promise<Map<string, number>> {
  const timestamps = new Map(headers.map(({ hash, timestamp }) => [hash, Number(timestamp)]));
  const missing = new Set<string>();
  for (const { blockHash, blockTimestamp } of logs)
    if (blockTimestamp == null && !timestamps.has(blockHash)) missing.add(blockHash);
  const hashes = [...missing];
  const answers = await batches.ask(hashes.map((hash) => [headerByHash(hash)]));
  for (const [index, hash] of hashes.entries()) {
    const header = answers[index]?.[0] as RawHeader | null;
    if (header === null) throw new InconsistentAnswerError(`The node no longer has block ${hash}`);
    timestamps.set(hash, positionOf(header).timestamp);
  }
  return timestamps;
}

function requireHeader(header: RawHeader | null, witness: RpcCall, known: RawHeader | undefined): RawHeader {
  const [wanted] = witness.params;
  if (header === null) throw new InconsistentAnswerError(`The node no longer has block ${wanted}`);
  const { number, hash } = positionOf(header);
  const isWanted =
    witness.method === "eth_getBlockByHash" ? hash === String(wanted).toLowerCase() : number === Number(wanted);
  if (!isWanted || (known !== undefined && known.hash.toLowerCase() !== hash))
    throw new InconsistentAnswerError(`The node no longer has block ${wanted} as it was`);
  return header;
}

function requireLogs(list: unknown, addresses: ReadonlySet<string> | undefined): RawLog[] {
  if (!Array.isArray(list) || !list.every(isLog))
    throw new InconsistentAnswerError("The node answered with something that is not a list of logs");
  for (const log of list) {
    if (log.removed === true)
      throw new InconsistentAnswerError(`The node is taking back block ${Number(log.blockNumber)}`);
    if (addresses?.has(log.address.toLowerCase()) === false)
      throw new InconsistentAnswerError(`The node answered with logs of ${log.address}, which it was not asked for`);
  }
  return list;
}

function requireLogsOf(logs: readonly RawLog[], blockHash: string): void {
  if (logs.some((log) => log.blockHash.toLowerCase() !== blockHash.toLowerCase()))
    throw new InconsistentAnswerError(`The node answered with logs of another block than ${blockHash}`);
}

/** The first block in which a collection was created. */
function firstBlockOf(logs: readonly RawLog[]): number {
  return Math.min(...logs.filter(isCollectionCreated).map(({ blockNumber }) => Number(blockNumber)));
}

/** Whether logs that a filter asks for may be of a block or of later ones. */
function mayHoldFrom(filter: LogFilter, block: number): boolean {
  return "blockHash" in filter || Number(filter.toBlock) >= block;
}

function createdCollections(logs: readonly RawLog[], known: ReadonlySet<string>): string[] {
  const created = new Set<string>();
  // Of all logs only these few are decoded here: a range may hold tens of thousands of others.
  for (const log of logs.filter(isCollectionCreated)) {
    const event = decodeLog(log, 0);
    if (event?.name === "CollectionCreated" && !known.has(event.args.collection)) created.add(event.args.collection);
  }
  return [...created];
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

function inChainOrder(a: ChainEvent, b: ChainEvent): number {
  return a.blockNumber - b.blockNumber || a.logIndex - b.logIndex;
}

function isLog(value: unknown): value is RawLog {
  const log = value as Partial<RawLog> | null;
  return (
    typeof log === "object" &&
    log !== null &&
    typeof log.address === "string" &&
    typeof log.data === "string" &&
    typeof log.blockHash === "string" &&
    typeof log.transactionHash === "string" &&
    typeof log.blockNumber === "string" &&
    typeof log.logIndex === "string" &&
    Array.isArray(log.topics) &&
    log.topics.every((topic) => typeof topic === "string")
  );
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  const result: Item[][] = [];
  for (let start = 0; start < items.length; start += size) result.push(items.slice(start, start + size));
  return result;
}
