// Transactions that wait for a block, in memory: whoever has sent one sends it again if its block does not come, as with every node.

import type { Common } from "@ethereumjs/common";
import { createTxFromRLP, type TypedTransaction } from "@ethereumjs/tx";
import { textOf } from "./archive.ts";
import { BLOCK_GAS_LIMIT } from "./genesis.ts";

/** More than anybody sends at once; beyond that a sender has run wild. */
const MOST_WAITING = 20_000;

/** A transaction is not taken. The words are those of other nodes, which clients know. */
export class TransactionRefusedError extends Error {
  override name = "TransactionRefusedError";
}

export interface WaitingTransaction {
  /** 0x and 64 digits. */
  hash: string;
  raw: Uint8Array;
  transaction: TypedTransaction;
  /** Lower-case. */
  sender: string;
  nonce: bigint;
}

/** What the newest state says of an account. */
export interface AccountState {
  nonce: bigint;
  balance: bigint;
}

export interface Pool {
  /** Takes a signed transaction. Throws {@link TransactionRefusedError}. */
  add(raw: Uint8Array, accountOf: (address: string) => Promise<AccountState>): Promise<WaitingTransaction>;
  /** What can be in the next block, in the order in which it came, each sender's by their nonces. */
  ready(nonceOf: (address: string) => Promise<bigint>): Promise<WaitingTransaction[]>;
  remove(hashes: Iterable<string>): void;
  get(hash: string): WaitingTransaction | undefined;
  /** The nonce after those that wait without a gap. */
  nextNonce(sender: string, nonce: bigint): bigint;
  readonly size: number;
}

export function createPool(common: Common): Pool {
  const byHash = new Map<string, WaitingTransaction>();
  const bySender = new Map<string, Map<bigint, WaitingTransaction>>();

  function nextNonce(sender: string, nonce: bigint): bigint {
    const own = bySender.get(sender);
    let next = nonce;
    while (own?.has(next)) next++;
    return next;
  }

  function remove(hashes: Iterable<string>): void {
    for (const hash of hashes) {
      const waiting = byHash.get(hash);
      if (waiting === undefined) continue;
      byHash.delete(hash);
      const own = bySender.get(waiting.sender);
      own?.delete(waiting.nonce);
      if (own?.size === 0) bySender.delete(waiting.sender);
    }
  }

  return {
    async add(raw, accountOf) {
      const transaction = decode(raw, common);
      const hash = textOf(transaction.hash());
      if (byHash.has(hash)) throw new TransactionRefusedError("already known");
      const sender = senderOf(transaction);
      const { nonce, balance } = await accountOf(sender);
      if (transaction.nonce < nonce)
        throw new TransactionRefusedError(`nonce too low: next nonce ${nonce}, transaction nonce ${transaction.nonce}`);
      if (transaction.gasLimit > BLOCK_GAS_LIMIT) throw new TransactionRefusedError("exceeds block gas limit");
      const intrinsic = transaction.getIntrinsicGas();
      if (transaction.gasLimit < intrinsic)
        throw new TransactionRefusedError(
          `intrinsic gas too low: gas ${transaction.gasLimit}, minimum needed ${intrinsic}`,
        );
      const cost = transaction.getUpfrontCost(0n);
      if (cost > balance)
        throw new TransactionRefusedError(
          `insufficient funds for gas * price + value: address ${sender} have ${balance} want ${cost}`,
        );
      if (byHash.has(hash)) throw new TransactionRefusedError("already known");
      const own = bySender.get(sender) ?? new Map<bigint, WaitingTransaction>();
      if (own.has(transaction.nonce)) throw new TransactionRefusedError("replacement transaction underpriced");
      if (byHash.size >= MOST_WAITING) throw new TransactionRefusedError("txpool is full");
      const waiting = { hash, raw, transaction, sender, nonce: transaction.nonce };
      byHash.set(hash, waiting);
      own.set(waiting.nonce, waiting);
      bySender.set(sender, own);
      return waiting;
    },
    async ready(nonceOf) {
      const next = new Map<string, bigint>();
      for (const sender of bySender.keys()) next.set(sender, await nonceOf(sender));
      const found: WaitingTransaction[] = [];
      // Sent again while its block was made.
      const done = [...byHash.values()].filter(({ sender, nonce }) => nonce < (next.get(sender) ?? 0n));
      remove(done.map(({ hash }) => hash));
      // What was sent in another order than its nonces is found in a later round.
      for (let before = -1; before < found.length; ) {
        before = found.length;
        for (const waiting of byHash.values()) {
          if (next.get(waiting.sender) !== waiting.nonce) continue;
          found.push(waiting);
          next.set(waiting.sender, waiting.nonce + 1n);
        }
      }
      return found;
    },
    remove,
    get: (hash) => byHash.get(hash),
    nextNonce,
    get size() {
      return byHash.size;
    },
  };
}

function decode(raw: Uint8Array, common: Common): TypedTransaction {
  let transaction: TypedTransaction;
  try {
    transaction = createTxFromRLP(raw, { common });
  } catch (error) {
    throw new TransactionRefusedError(`rlp: ${(error as Error).message}`);
  }
  if (transaction.type === 3) throw new TransactionRefusedError("transaction type not supported");
  if (!transaction.isSigned()) throw new TransactionRefusedError("invalid sender: the transaction is not signed");
  return transaction;
}

function senderOf(transaction: TypedTransaction): string {
  try {
    return transaction.getSenderAddress().toString();
  } catch (error) {
    throw new TransactionRefusedError(`invalid sender: ${(error as Error).message}`);
  }
}
