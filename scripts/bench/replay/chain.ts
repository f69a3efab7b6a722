// The generated chain: its planned history, blocks that are added while it is served, and blocks that are replaced by others.
// Must hold: a block's hash, header and logs follow from its number and from how often it was replaced, and hashes link up.

import { EMPTY_BLOOM, logsBloom } from "./bloom.ts";
import { createHistory, type ExtraBatch, type HistoryOptions, timeOf } from "./history.ts";
import type { ReplayLog } from "./logs.ts";
import { randomHex } from "./random.ts";

export interface ReplayChainOptions extends HistoryOptions {
  /** Whether logs carry the time of their block, as newer nodes' do. */
  withTimestamps: boolean;
}

/** The logs of a block as JSON texts, separated by commas. */
export interface BlockText {
  text: Buffer;
  /** Where each log begins; and one more, one byte after the end. */
  starts: Uint32Array;
  addresses: readonly string[];
  /** The topic of each that names the event. */
  events: readonly string[];
}

export interface ReplayChain {
  readonly chainId: number;
  readonly registry: string;
  readonly collections: readonly string[];
  /** How many events the server reads, and how many cards there are, in the planned blocks. */
  readonly events: number;
  readonly cards: number;
  /** The number of the newest block. */
  head(): number;
  /** The number of the block with this hash; nothing if the chain does not have it, or no longer. */
  numberOf(hash: string): number | undefined;
  hashOf(block: number): string;
  /** The header as JSON; nothing for a block that is not there. */
  header(block: number): string | undefined;
  /** The first block at or after this one that has logs; may lie beyond the head. */
  nextWithLogs(block: number): number;
  logs(block: number): readonly ReplayLog[];
  logsText(block: number): BlockText;
  /** Makes all texts of the planned blocks, so that answering costs nothing but sending. */
  prepare(): void;
  /** Adds a block with a batch of so many cards, or an empty one. Returns its number and the first serial. */
  append(cards: number): { block: number; firstSerial: number };
  /**
   * Replaces the newest blocks by as many others and one empty block more. The others have the same batches, for other holders;
   * or nothing, which only blocks can lose that were added.
   */
  replace(depth: number, empty: boolean): void;
}

const CHAIN_ID = 20_260_101;
/** What a block without transactions has instead: Keccak-256 of the RLP of nothing. */
const EMPTY_TRIE_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
const KIND = { block: 11, transaction: 12, root: 13 } as const;
const GAS_LIMIT = "0x3b9aca00";
const NO_BYTES = "0x";
const ZERO_HASH = `0x${"0".repeat(64)}`;
const NO_UNCLES = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347";
/** Hash digits that say which block it is; the others are random. */
const NUMBER_DIGITS = 16;

export function createReplayChain(options: ReplayChainOptions): ReplayChain {
  const { seed, withTimestamps } = options;
  /** From which block on which fork counts, in the order of the blocks. */
  let forks: { from: number; fork: number }[] = [];
  let lastFork = 0;
  const forkOf = (block: number) => forks.findLast(({ from }) => from <= block)?.fork ?? 0;

  const history = createHistory(options, forkOf);
  const added: (ExtraBatch | undefined)[] = [];
  let { nextSerial } = history;
  let prepared: { headers: Map<number, string>; texts: Map<number, BlockText> } | undefined;

  const head = () => history.lastBlock + added.length;

  function hashOf(block: number): string {
    const random = randomHex(6, seed, KIND.block, forkOf(block), block);
    return `0x${random}${block.toString(16).padStart(NUMBER_DIGITS, "0")}`;
  }

  function transactionHash(block: number, transaction: number): string {
    return `0x${randomHex(8, seed, KIND.transaction, forkOf(block), block, transaction)}`;
  }

  function logs(block: number): readonly ReplayLog[] {
    if (block <= history.lastBlock) return history.logsOf(block);
    const batch = added[block - history.lastBlock - 1];
    return batch === undefined ? [] : history.logsOfExtra(block, batch);
  }

  function hasLogs(block: number): boolean {
    if (block <= history.lastBlock) return !history.isEmpty(block);
    return added[block - history.lastBlock - 1] !== undefined;
  }

  function makeHeader(block: number): string {
    const blockLogs = hasLogs(block) ? logs(block) : [];
    const transactions = (blockLogs.at(-1)?.transaction ?? -1) + 1;
    return JSON.stringify({
      number: hex(block),
      hash: hashOf(block),
      mixHash: "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365",
      parentHash: block === 0 ? ZERO_HASH : hashOf(block - 1),
      nonce: "0x0000000000000000",
      sha3Uncles: NO_UNCLES,
      logsBloom: blockLogs.length === 0 ? EMPTY_BLOOM : logsBloom(blockLogs),
      transactionsRoot: `0x${randomHex(8, seed, KIND.root, 1, forkOf(block), block)}`,
      stateRoot: `0x${randomHex(8, seed, KIND.root, 2, forkOf(block), block)}`,
      receiptsRoot:
        transactions === 0 ? EMPTY_TRIE_ROOT : `0x${randomHex(8, seed, KIND.root, 3, forkOf(block), block)}`,
      miner: history.registry,
      difficulty: "0x1",
      totalDifficulty: hex(block + 1),
      extraData: NO_BYTES,
      baseFeePerGas: "0x0",
      size: "0x3e8",
      gasLimit: GAS_LIMIT,
      gasUsed: hex(transactions * 21_000),
      timestamp: hex(timeOf(block)),
      uncles: [],
      transactions: Array.from({ length: transactions }, (_, index) => transactionHash(block, index)),
    });
  }

  function makeLogsText(block: number): BlockText {
    const blockLogs = logs(block);
    const starts = new Uint32Array(blockLogs.length + 1);
    const time = withTimestamps ? `","blockTimestamp":"${hex(timeOf(block))}` : "";
    const place = `","removed":false,"blockNumber":"${hex(block)}","blockHash":"${hashOf(block)}${time}","transactionHash":"`;
    let transaction = -1;
    let common = "";
    let text = "";
    for (const [index, log] of blockLogs.entries()) {
      if (log.transaction !== transaction) {
        transaction = log.transaction;
        common = `${place}${transactionHash(block, transaction)}","transactionIndex":"${hex(transaction)}","address":"`;
      }
      if (index > 0) text += ",";
      starts[index] = text.length;
      text += `{"logIndex":"${hex(index)}${common}${log.address}","data":"${log.data}","topics":["${log.topics.join('","')}"]}`;
    }
    starts[blockLogs.length] = text.length + 1;
    return {
      text: Buffer.from(text, "latin1"),
      starts,
      addresses: blockLogs.map(({ address }) => address),
      events: blockLogs.map(({ topics }) => topics[0] ?? ""),
    };
  }

  return {
    chainId: CHAIN_ID,
    registry: history.registry,
    collections: history.collections,
    events: history.events,
    cards: history.cards,
    head,
    hashOf,
    numberOf(hash) {
      const block = Number(`0x${hash.slice(-NUMBER_DIGITS)}`);
      return Number.isSafeInteger(block) && block <= head() && hashOf(block) === hash.toLowerCase() ? block : undefined;
    },
    header(block) {
      if (block > head()) return undefined;
      return prepared?.headers.get(block) ?? makeHeader(block);
    },
    nextWithLogs(block) {
      const planned = history.nextWithLogs(block);
      if (planned <= history.lastBlock) return planned;
      let next = Math.max(block, history.lastBlock + 1);
      while (next <= head() && !hasLogs(next)) next++;
      return next;
    },
    logs,
    logsText: (block) => prepared?.texts.get(block) ?? makeLogsText(block),
    prepare() {
      prepared = { headers: new Map(), texts: new Map() };
      for (let block = history.nextWithLogs(1); block <= history.lastBlock; block = history.nextWithLogs(block + 1)) {
        prepared.headers.set(block, makeHeader(block));
        prepared.texts.set(block, makeLogsText(block));
      }
    },
    append(cards) {
      const firstSerial = nextSerial;
      added.push(cards === 0 ? undefined : { firstSerial, count: cards });
      nextSerial += cards;
      return { block: head(), firstSerial };
    },
    replace(depth, empty) {
      const from = head() - depth + 1;
      if (depth < 1 || from < 1) throw new RangeError(`The chain cannot replace ${depth} of its ${head()} blocks`);
      if (empty && from <= history.lastBlock)
        throw new RangeError(`Only the ${added.length} blocks that were added can become empty`);
      forks = [...forks.filter((fork) => fork.from < from), { from, fork: ++lastFork }];
      if (empty) added.fill(undefined, from - history.lastBlock - 1);
      added.push(undefined);
      for (const kept of prepared === undefined ? [] : [prepared.headers, prepared.texts])
        for (let block = from; block <= history.lastBlock; block++) kept.delete(block);
    },
  };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
