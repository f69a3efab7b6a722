// The methods of a local chain's JSON-RPC: those of every Ethereum node that wallets, ethers and the server use, the unlocked
// accounts of development nodes, and ways to make blocks and move the clock under the names that Hardhat and anvil have for them.
// None takes a block back: what a client has seen stays.

import { FeeMarket1559Tx } from "@ethereumjs/tx";
import { hexToBytes } from "@ethereumjs/util";
import { z } from "zod";
import { type StoredBlock, type StoredLog, textOf } from "../engine/archive.ts";
import type { Chain } from "../engine/chain.ts";
import { BLOCK_GAS_LIMIT, developmentKeys, LOCAL_CHAIN_ID } from "../engine/genesis.ts";
import { BlockNotWrittenError } from "../engine/maker-client.ts";
import { TransactionRefusedError } from "../engine/pool.ts";
import { CallFailedError, type CallRequest } from "../engine/views.ts";
import { CODE, JsonRpcError } from "./errors.ts";
import {
  address,
  type BlockReference,
  blockReference,
  bytes,
  callRequest,
  hash,
  type LogFilter,
  logFilter,
  params,
  parse,
  quantityValue,
} from "./parameters.ts";
import {
  presentBlock,
  presentHeader,
  presentLog,
  presentReceipt,
  presentStored,
  presentTransaction,
  quantity,
} from "./presenting.ts";

/** More logs than this in one answer are asked for in smaller ranges. */
const MOST_LOGS = 50_000;
const MOST_BLOCKS_MINED = 100_000;

export type Method = (params: unknown) => unknown;

export interface Methods {
  [name: string]: Method;
}

const flag = z.boolean().nullish();
const number = quantityValue.transform(Number);

export function createMethods(chain: Chain): Methods {
  const { archive, views, pool, common } = chain;
  let unlocked: ReturnType<typeof developmentKeys> | undefined;
  const keysOfAccounts = () => {
    unlocked ??= developmentKeys();
    return unlocked;
  };
  /** Signing for an account takes its next nonce, one after the other. */
  let signing: Promise<unknown> = Promise.resolve();

  function find(reference: BlockReference): StoredBlock | undefined {
    if (typeof reference === "object") {
      const block = archive.blockByHash(bufferOf(reference.hash));
      return block === undefined || block.number > chain.head().number ? undefined : block;
    }
    if (reference === "earliest") return archive.block(0);
    if (!reference.startsWith("0x")) return chain.head();
    const wanted = Number(reference);
    return wanted <= chain.head().number ? archive.block(wanted) : undefined;
  }

  function require(reference: BlockReference): StoredBlock {
    const block = find(reference);
    if (block !== undefined) return block;
    throw new JsonRpcError(CODE.server, "header not found");
  }

  function* logsOf(filter: LogFilter): Generator<StoredLog> {
    const addresses = filter.address?.map(bufferOf);
    const topics = filter.topics.map((topic) => topic?.map(bufferOf));
    const [from, to] = rangeOf(filter);
    yield* archive.logs({ from, to, addresses, topics });
  }

  function rangeOf({ blockHash, fromBlock, toBlock }: LogFilter): [number, number] {
    if (blockHash != null) {
      const { number } = require({ hash: blockHash });
      return [number, number];
    }
    const place = (reference: BlockReference) =>
      typeof reference === "string" && reference.startsWith("0x") ? Number(reference) : require(reference).number;
    return [place(fromBlock), Math.min(place(toBlock), chain.head().number)];
  }

  function presentLogs(logs: Iterable<StoredLog>) {
    const answer: ReturnType<typeof presentLog>[] = [];
    let block: { number: number; hash: string; time: bigint; transactions: Buffer[] } | undefined;
    for (const log of logs) {
      if (answer.length >= MOST_LOGS)
        throw new JsonRpcError(
          CODE.limitExceeded,
          `query returned more than ${MOST_LOGS} logs: ask for a smaller range`,
        );
      if (block?.number !== log.block) {
        const found = require(quantity(log.block));
        const transactions = archive.transactionHashes(log.block);
        block = { number: log.block, hash: textOf(found.hash), time: found.header.timestamp, transactions };
      }
      answer.push(presentLog(log, block.hash, block.time, textOf(block.transactions[log.tx] ?? Buffer.alloc(32))));
    }
    return answer;
  }

  async function submit(raw: Uint8Array): Promise<string> {
    return (await chain.submit(raw)).hash;
  }

  async function signed(request: z.output<typeof callRequest>): Promise<Uint8Array> {
    const keys = await keysOfAccounts();
    const from = request.from ?? [...keys.keys()][0] ?? "";
    const key = keys.get(from);
    if (key === undefined)
      throw new JsonRpcError(CODE.invalidParams, `unknown account ${from}: only the development accounts are unlocked`);
    const gasLimit = request.gas ?? (await views.estimateGas(chain.head(), { ...request, from }));
    const transaction = new FeeMarket1559Tx(
      {
        chainId: common.chainId(),
        nonce: request.nonce ?? (await chain.nextNonce(from)),
        gasLimit,
        value: request.value ?? 0n,
        ...(request.to === undefined ? {} : { to: request.to as `0x${string}` }),
        ...(request.data === undefined ? {} : { data: hexToBytes(request.data as `0x${string}`) }),
      },
      { common },
    );
    return transaction.sign(key).serialize();
  }

  async function sendTransaction(request: z.output<typeof callRequest>): Promise<string> {
    const turn = signing.then(async () => await submit(await signed(request)));
    signing = turn.catch(() => undefined);
    return await turn;
  }

  async function mine(count: number, interval: number | undefined): Promise<void> {
    if (count > MOST_BLOCKS_MINED)
      throw new JsonRpcError(CODE.limitExceeded, `at most ${MOST_BLOCKS_MINED} blocks can be made at once`);
    await chain.mine(count, interval);
  }

  /** Hardhat's and anvil's names for the same. */
  const both = (name: string, method: Method): Methods => ({ [`hardhat_${name}`]: method, [`anvil_${name}`]: method });
  const mineBlocks: Method = async (given) => {
    const [count, interval] = parse(params(number.nullish(), number.nullish()), given);
    await mine(count ?? 1, interval ?? undefined);
    return null;
  };

  return {
    web3_clientVersion: () => "mintmark-local-chain",
    net_version: () => String(LOCAL_CHAIN_ID),
    net_listening: () => true,
    eth_chainId: () => quantity(LOCAL_CHAIN_ID),
    eth_syncing: () => false,
    eth_accounts: async () => [...(await keysOfAccounts()).keys()],
    eth_blockNumber: () => quantity(chain.head().number),
    eth_gasPrice: () => "0x0",
    eth_maxPriorityFeePerGas: () => "0x0",
    eth_feeHistory(given) {
      const [count, newest, percentiles] = parse(params(number, blockReference, z.array(z.number()).nullish()), given);
      const last = require(newest).number;
      const blocks = Math.max(1, Math.min(count, last + 1, 1_024));
      const gasUsedRatio = Array.from({ length: blocks }, (_, index) => {
        const block = require(quantity(last - blocks + 1 + index));
        return Number(block.header.gasUsed) / Number(BLOCK_GAS_LIMIT);
      });
      return {
        oldestBlock: quantity(last - blocks + 1),
        baseFeePerGas: Array.from({ length: blocks + 1 }, () => "0x0"),
        gasUsedRatio,
        ...(percentiles == null ? {} : { reward: gasUsedRatio.map(() => percentiles.map(() => "0x0")) }),
      };
    },

    eth_getBlockByNumber(given) {
      const [reference, whole] = parse(params(blockReference, flag), given);
      const block = find(reference);
      return block === undefined ? null : presentBlock(block, archive, common, whole ?? false);
    },
    eth_getBlockByHash(given) {
      const [blockHash, whole] = parse(params(hash, flag), given);
      const block = find({ hash: blockHash });
      return block === undefined ? null : presentBlock(block, archive, common, whole ?? false);
    },
    eth_getHeaderByNumber(given) {
      const [reference] = parse(params(blockReference), given);
      const block = find(reference);
      return block === undefined ? null : presentHeader(block);
    },
    eth_getBlockTransactionCountByNumber(given) {
      const [reference] = parse(params(blockReference), given);
      const block = find(reference);
      return block === undefined ? null : quantity(archive.transactionHashes(block.number).length);
    },
    eth_getBlockTransactionCountByHash(given) {
      const [blockHash] = parse(params(hash), given);
      const block = find({ hash: blockHash });
      return block === undefined ? null : quantity(archive.transactionHashes(block.number).length);
    },
    eth_getBlockReceipts(given) {
      const [reference] = parse(params(z.union([hash.transform((value) => ({ hash: value })), blockReference])), given);
      const block = find(reference);
      if (block === undefined) return null;
      return archive.transactions(block.number).map((row) => presentReceipt(row, block, archive, common));
    },
    eth_getTransactionByHash(given) {
      const [wanted] = parse(params(hash), given);
      const row = archive.transaction(bufferOf(wanted));
      if (row !== undefined && row.block <= chain.head().number)
        return presentStored(row, require(quantity(row.block)), common);
      const waiting = pool.get(wanted.toLowerCase());
      return waiting === undefined ? null : presentTransaction(waiting.transaction, waiting.hash, waiting.sender);
    },
    eth_getTransactionByBlockNumberAndIndex(given) {
      const [reference, position] = parse(params(blockReference, number), given);
      const block = find(reference);
      const row = block === undefined ? undefined : archive.transactions(block.number)[position];
      return block === undefined || row === undefined ? null : presentStored(row, block, common);
    },
    eth_getRawTransactionByHash(given) {
      const [wanted] = parse(params(hash), given);
      const row = archive.transaction(bufferOf(wanted));
      if (row !== undefined && row.block <= chain.head().number) return textOf(row.raw);
      const waiting = pool.get(wanted.toLowerCase());
      return waiting === undefined ? null : textOf(waiting.raw);
    },
    eth_getTransactionReceipt(given) {
      const [wanted] = parse(params(hash), given);
      const row = archive.transaction(bufferOf(wanted));
      if (row === undefined || row.block > chain.head().number) return null;
      return presentReceipt(row, require(quantity(row.block)), archive, common);
    },
    eth_getLogs(given) {
      const [filter] = parse(params(logFilter), given);
      return presentLogs(logsOf(filter));
    },

    async eth_call(given) {
      const [request, reference] = parse(params(callRequest, blockReference), given);
      return await views.call(require(reference), request as CallRequest);
    },
    async eth_estimateGas(given) {
      const [request, reference] = parse(params(callRequest, blockReference), given);
      return quantity(await views.estimateGas(require(reference), request as CallRequest));
    },
    async eth_getBalance(given) {
      const [account, reference] = parse(params(address, blockReference), given);
      return quantity((await views.account(require(reference), account)).balance);
    },
    async eth_getTransactionCount(given) {
      const [account, reference] = parse(params(address, blockReference), given);
      if (reference === "pending") return quantity(await chain.nextNonce(account));
      return quantity((await views.account(require(reference), account)).nonce);
    },
    async eth_getCode(given) {
      const [account, reference] = parse(params(address, blockReference), given);
      return await views.code(require(reference), account);
    },
    async eth_getStorageAt(given) {
      const [account, slot, reference] = parse(params(address, z.string(), blockReference), given);
      return await views.storage(require(reference), account, slot);
    },
    async eth_getProof(given) {
      const [account, slots, reference] = parse(params(address, z.array(z.string()).max(1_024), blockReference), given);
      return await views.proof(require(reference), account, slots);
    },

    async eth_sendRawTransaction(given) {
      const [raw] = parse(params(bytes), given);
      return await submit(hexToBytes(raw as `0x${string}`));
    },
    async eth_sendTransaction(given) {
      const [request] = parse(params(callRequest), given);
      return await sendTransaction(request);
    },

    async evm_mine(given) {
      const [options] = parse(
        params(z.union([number, z.object({ timestamp: number.nullish(), blocks: number.nullish() })]).nullish()),
        given,
      );
      const { timestamp, blocks } = typeof options === "number" ? { timestamp: options, blocks: 1 } : (options ?? {});
      if (timestamp != null) chain.clock.setNext(timestamp);
      await mine(blocks ?? 1, undefined);
      return "0x0";
    },
    ...both("mine", mineBlocks),
    evm_setNextBlockTimestamp(given) {
      const [timestamp] = parse(params(number), given);
      const parent = Number(chain.head().header.timestamp);
      if (timestamp < parent)
        throw new JsonRpcError(CODE.server, `Timestamp ${timestamp} is before the newest block's, ${parent}`);
      chain.clock.setNext(timestamp);
      return null;
    },
    evm_increaseTime(given) {
      const [seconds] = parse(params(number), given);
      return quantity(chain.clock.increase(seconds));
    },
    evm_setTime(given) {
      const [timestamp] = parse(params(number), given);
      chain.clock.set(timestamp);
      return null;
    },
    evm_setAutomine(given) {
      const [automine] = parse(params(z.boolean()), given);
      chain.automine = automine;
      return true;
    },
    ...both("getAutomine", () => chain.automine),
  };
}

function bufferOf(text: string): Buffer {
  return Buffer.from(text.slice(2), "hex");
}

/** How an error is answered. */
export function answerOf(error: unknown): JsonRpcError {
  if (error instanceof JsonRpcError) return error;
  if (error instanceof TransactionRefusedError) return new JsonRpcError(CODE.server, error.message);
  if (error instanceof CallFailedError)
    return error.isRevert
      ? new JsonRpcError(CODE.reverted, error.message, error.data)
      : new JsonRpcError(CODE.server, error.message);
  if (error instanceof BlockNotWrittenError)
    return new JsonRpcError(CODE.internal, `the block could not be written: ${error.message}`);
  return new JsonRpcError(CODE.internal, error instanceof Error ? error.message : String(error));
}
