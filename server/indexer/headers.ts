// Headers of blocks, as the node answers them and as the indexer needs them.

import type { Rpc, RpcCall } from "../chain/rpc.ts";
import type { BlockPosition } from "../database/mirror-status.ts";

/** A block's header as `eth_getBlockByNumber` answers it. */
export interface RawHeader {
  number: string;
  hash: string;
  parentHash: string;
  timestamp: string;
  /** Says which logs the block may hold; some nodes leave it out. */
  logsBloom?: string;
  /** The hashes of its transactions. */
  transactions?: readonly unknown[];
  /** The root of the trie of its receipts; some nodes leave it out. */
  receiptsRoot?: string;
}

const ZERO_HASH = `0x${"0".repeat(64)}`;

/** Keccak-256 of the RLP of nothing (Ethereum yellow paper, 4.1). */
const EMPTY_TRIE_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";

/** The node does not have a block that it had a moment ago, or its answers do not fit together. Try again. */
export class InconsistentAnswerError extends Error {
  override name = "InconsistentAnswerError";
}

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

export function headerByNumber(block: number): RpcCall {
  return { method: "eth_getBlockByNumber", params: [hex(block), false] };
}

export function headerByHash(hash: string): RpcCall {
  return { method: "eth_getBlockByHash", params: [hash, false] };
}

/**
 * The hash of the block before, lower-case; nothing where the node does not say: Hardhat's makes blocks in advance (`hardhat_mine`)
 * before it knows what they follow.
 */
export function parentOf({ parentHash }: RawHeader): string | undefined {
  return parentHash === ZERO_HASH ? undefined : parentHash.toLowerCase();
}

/** Whether a block cannot hold logs: it has no receipts, as its hash vouches for. */
export function isWithoutReceipts({ receiptsRoot, transactions }: RawHeader): boolean {
  return receiptsRoot?.toLowerCase() === EMPTY_TRIE_ROOT && transactions?.length === 0;
}

/** Whether each header is the parent of the next. */
export function areLinked(headers: readonly RawHeader[]): boolean {
  return headers.every((header, index) => {
    const parent = index === 0 ? undefined : parentOf(header);
    return parent === undefined || parent === headers[index - 1]?.hash.toLowerCase();
  });
}

/** A quantity as JSON-RPC writes it. */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

export function isHash(value: unknown): boolean {
  return typeof value === "string" && /^0x[0-9a-fA-F]{64}$/.test(value);
}

export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
