// Blocks, transactions, receipts and logs as JSON-RPC writes them (https://ethereum.github.io/execution-apis/).

import type { Common } from "@ethereumjs/common";
import { createTxFromRLP, type TypedTransaction } from "@ethereumjs/tx";
import type { Archive, StoredBlock, StoredLog, StoredTransaction } from "../engine/archive.ts";
import { textOf } from "../engine/archive.ts";

export const quantity = (value: number | bigint): string => `0x${value.toString(16)}`;

export function presentHeader({ number, hash, header, size }: StoredBlock) {
  const fields = header.toJSON();
  return {
    number: quantity(number),
    hash: textOf(hash),
    parentHash: fields.parentHash,
    nonce: fields.nonce,
    mixHash: fields.mixHash,
    sha3Uncles: fields.uncleHash,
    logsBloom: fields.logsBloom,
    transactionsRoot: fields.transactionsTrie,
    stateRoot: fields.stateRoot,
    receiptsRoot: fields.receiptTrie,
    miner: fields.coinbase,
    difficulty: "0x0",
    totalDifficulty: "0x0",
    extraData: fields.extraData,
    size: quantity(size),
    gasLimit: fields.gasLimit,
    gasUsed: fields.gasUsed,
    timestamp: fields.timestamp,
    baseFeePerGas: fields.baseFeePerGas,
    withdrawalsRoot: fields.withdrawalsRoot,
    blobGasUsed: fields.blobGasUsed,
    excessBlobGas: fields.excessBlobGas,
    parentBeaconBlockRoot: fields.parentBeaconBlockRoot,
  };
}

export function presentBlock(block: StoredBlock, archive: Archive, common: Common, whole: boolean) {
  const transactions = whole
    ? archive.transactions(block.number).map((row) => presentStored(row, block, common))
    : archive.transactionHashes(block.number).map(textOf);
  return { ...presentHeader(block), transactions, uncles: [], withdrawals: [] };
}

export function presentStored(row: StoredTransaction, block: StoredBlock, common: Common) {
  return {
    ...presentTransaction(createTxFromRLP(row.raw, { common }), textOf(row.hash), textOf(row.sender)),
    blockHash: textOf(block.hash),
    blockNumber: quantity(row.block),
    transactionIndex: quantity(row.position),
    // Nothing is paid for gas.
    gasPrice: "0x0",
  };
}

/** One that is in no block yet. */
export function presentTransaction(transaction: TypedTransaction, hash: string, from: string) {
  const fields = transaction.toJSON();
  const { yParity } = fields as { yParity?: string };
  return {
    blockHash: null as string | null,
    blockNumber: null as string | null,
    transactionIndex: null as string | null,
    hash,
    from,
    type: quantity(transaction.type),
    ...(fields.chainId === undefined && transaction.type === 0
      ? {}
      : { chainId: quantity(transaction.common.chainId()) }),
    nonce: fields.nonce,
    to: fields.to ?? null,
    value: fields.value,
    gas: fields.gasLimit,
    gasPrice: fields.gasPrice ?? fields.maxFeePerGas ?? "0x0",
    ...(fields.maxFeePerGas === undefined
      ? {}
      : { maxFeePerGas: fields.maxFeePerGas, maxPriorityFeePerGas: fields.maxPriorityFeePerGas }),
    ...(fields.accessList === undefined ? {} : { accessList: fields.accessList }),
    input: fields.data,
    v: fields.v,
    r: fields.r,
    s: fields.s,
    ...(transaction.type === 0 ? {} : { yParity: yParity ?? fields.v }),
  };
}

export function presentReceipt(row: StoredTransaction, block: StoredBlock, archive: Archive, common: Common) {
  const transaction = createTxFromRLP(row.raw, { common });
  const logs = archive.logsOfTransaction(row.block, row.position);
  return {
    transactionHash: textOf(row.hash),
    transactionIndex: quantity(row.position),
    blockHash: textOf(block.hash),
    blockNumber: quantity(row.block),
    from: textOf(row.sender),
    to: transaction.to?.toString() ?? null,
    contractAddress: row.contractAddress === null ? null : textOf(row.contractAddress),
    type: quantity(transaction.type),
    status: quantity(row.status),
    gasUsed: quantity(row.gasUsed),
    cumulativeGasUsed: quantity(row.cumulativeGasUsed),
    effectiveGasPrice: "0x0",
    logsBloom: textOf(row.logsBloom),
    logs: logs.map((log) => presentLog(log, textOf(block.hash), block.header.timestamp, textOf(row.hash))),
  };
}

export function presentLog(log: StoredLog, blockHash: string, timestamp: bigint, transactionHash: string) {
  const topics: string[] = [];
  for (let at = 0; at < log.topics.length; at += 32) topics.push(textOf(log.topics.subarray(at, at + 32)));
  return {
    address: textOf(log.address),
    topics,
    data: textOf(log.data),
    blockHash,
    blockNumber: quantity(log.block),
    blockTimestamp: quantity(timestamp),
    transactionHash,
    transactionIndex: quantity(log.tx),
    logIndex: quantity(log.position),
    removed: false,
  };
}
