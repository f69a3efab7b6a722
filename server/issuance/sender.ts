// Sends cards to the chain, exactly once each. The chain itself is the record of what was issued: it is read before the
// first transaction and again whenever anything is uncertain, and the contract refuses a serial that it has issued. So a
// run may die at any moment, be repeated, or race with another one.

import { keccak256 } from "ethers";
import { batchReference, cardOfFile } from "./batch-reference.ts";
import type { CollectionOnChain, IssuanceChain, Receipt } from "./chain.ts";
import { commitmentRoot } from "./commitment.ts";
import { ContractRefusal } from "./contract-errors.ts";
import type { BrandKeys } from "./keystore.ts";
import { markOrigin } from "./origin.ts";
import {
  type CardToIssue,
  encodeTransaction,
  gasBudget,
  gasFor,
  type PlannedTransaction,
  planTransactions,
} from "./plan.ts";
import { IssuanceError } from "./problems.ts";
import { conflict } from "./validation.ts";

export interface IssuanceDependencies {
  chain: IssuanceChain;
  collection: CollectionOnChain;
  keys: Pick<BrandKeys, "issuer" | "commitmentSalt" | "cardTag">;
  /** The most cards in one transaction. */
  maxCards: number;
  /** How long to wait for a transaction to get into a block, in milliseconds. */
  receiptTimeoutMs?: number;
  /** Told once why, when a transaction in flight is waited for although the node does not answer. */
  onTrouble?: (reason: string) => void;
}

export interface IssuancePlan {
  transactions: PlannedTransaction[];
  /** By how much the contracts cost more than the plan's figures say. */
  gasFactor: number;
}

export interface IssuanceOutcome {
  /** How many of the cards are on chain now. */
  issued: number;
  /** Whether the run was stopped before all were. */
  interrupted: boolean;
}

/** Attempts in a row that may fail without any card of the file getting issued, by this run or another one. */
const MAXIMUM_ATTEMPTS = 6;
const FIRST_PAUSE_MS = 250;
const RECEIPT_TIMEOUT_MS = 120_000;
/** A replaced transaction never gets a receipt. Asked for a few times, since the two answers may be of different blocks. */
const ASK_AGAIN_AFTER_REPLACEMENT = 3;

/**
 * Plans the cards that are not issued yet and has the node execute the first transaction without sending it, which tells
 * early what would be refused. With the gas factor of an earlier plan it skips that. Throws {@link IssuanceError}.
 */
export async function planIssuance(
  dependencies: IssuanceDependencies,
  cards: readonly CardToIssue[],
  knownGasFactor?: number,
): Promise<IssuancePlan> {
  const { chain, maxCards } = dependencies;
  const head = await chain.head();
  if (head.baseFee !== 0n) {
    throw new IssuanceError(
      `The chain asks for a base fee of ${head.baseFee} wei. Mintmark's chains take no fees: set the base fee to zero (Besu: zeroBaseFee).`,
    );
  }
  const limits = { maxCards, gasBudget: gasBudget(head.gasLimit) };
  const within = (gasFactor: number): IssuancePlan => {
    const transactions = planTransactions(cards, { ...limits, gasFactor });
    if (transactions.length === 0 && cards.length > 0) {
      throw new IssuanceError(
        `The chain's blocks (${head.gasLimit} gas) are too small to issue a card with a quarter of one. Ask the chain's operators for a higher block gas limit.`,
      );
    }
    return { transactions, gasFactor };
  };

  if (knownGasFactor !== undefined) return within(knownGasFactor);
  const plan = within(1);
  const [first] = plan.transactions;
  if (first === undefined) return plan;
  const estimate = await chain.estimateGas(callOf(dependencies, first));
  // In steps, so that two runs come to the same plan although their first transactions differ a little.
  const steps = Math.ceil((estimate / gasFor(first.batches.length, first.cards, 1)) * 4);
  return steps <= 4 ? plan : within(steps / 4);
}

/**
 * Plans for a summary what was outstanding a moment ago. Where another run issues the same cards meanwhile, it looks again;
 * returns what is still outstanding besides the plan. Throws {@link IssuanceError}.
 */
export async function planOutstanding(
  dependencies: IssuanceDependencies,
  cards: readonly CardToIssue[],
): Promise<IssuancePlan & { outstanding: readonly CardToIssue[] }> {
  let outstanding = cards;
  for (let attempts = 1; ; attempts++) {
    try {
      return { ...(await planIssuance(dependencies, outstanding)), outstanding };
    } catch (error) {
      if (!(error instanceof ContractRefusal && error.retryable) || attempts === MAXIMUM_ATTEMPTS) throw error;
      const left: CardToIssue[] = await notIssued(dependencies, outstanding);
      if (left.length < outstanding.length) attempts = 0;
      outstanding = left;
    }
  }
}

/**
 * Issues the cards. Calls `onProgress` with the number of cards that are on chain, first with those that were before.
 * When `signal` is aborted, the transaction in flight is still waited for. Throws {@link IssuanceError}; what was issued
 * until then stays issued, and the same call again goes on from there.
 */
export async function issueCards(
  dependencies: IssuanceDependencies,
  cards: readonly CardToIssue[],
  options: { signal?: AbortSignal; onProgress?: (issued: number) => void } = {},
): Promise<IssuanceOutcome> {
  const { signal, onProgress = () => {} } = options;
  let attempts = 0;
  let outstanding: CardToIssue[] | undefined;
  let queue: PlannedTransaction[] = [];
  let gasFactor: number | undefined;

  while (outstanding === undefined || outstanding.length > 0) {
    try {
      if (queue.length === 0) {
        // What was on chain once stays there, so only the rest is looked up again.
        const left: CardToIssue[] = await notIssued(dependencies, outstanding ?? cards);
        // Whoever issued them: as long as cards get issued, trying goes on.
        if (outstanding !== undefined && left.length < outstanding.length) attempts = 0;
        outstanding = left;
        onProgress(cards.length - left.length);
        if (left.length === 0) break;
        // A race that was lost once says nothing about gas; failing again may.
        const plan: IssuancePlan = await planIssuance(dependencies, left, attempts < 2 ? gasFactor : undefined);
        ({ transactions: queue, gasFactor } = plan);
      }
      const next = queue[0];
      if (next === undefined || signal?.aborted === true) break;
      await sendTransaction(dependencies, next);
      queue.shift();
      attempts = 0;
      const sent = new Set(next.batches.flat());
      outstanding = outstanding?.filter((card) => !sent.has(card)) ?? [];
      onProgress(cards.length - outstanding.length);
    } catch (error) {
      if (!(error instanceof IssuanceError && error.retryable)) throw error;
      queue = [];
      attempts++;
      if (attempts >= MAXIMUM_ATTEMPTS) throw error;
      if (signal?.aborted === true) break;
      // Never the same for two runs, lest they meet again and again.
      await pause(FIRST_PAUSE_MS * 2 ** (attempts - 1) * (0.5 + Math.random()), signal);
    }
  }
  // What is reported is what the chain says, not what this run believes to have done.
  const issued = cards.length - (await notIssued(dependencies, cards)).length;
  if (issued < cards.length && signal?.aborted !== true) {
    throw new IssuanceError(`Only ${issued} of ${cards.length} cards are on chain. Run the same command again.`, {
      retryable: true,
    });
  }
  return { issued, interrupted: issued < cards.length };
}

/** Those of the cards that are not on chain. Throws if one was issued otherwise than the file wants it. */
async function notIssued(
  { chain, collection }: IssuanceDependencies,
  cards: readonly CardToIssue[],
): Promise<CardToIssue[]> {
  const issued = await chain.cards(
    collection.address,
    cards.map(({ serial }) => serial),
  );
  return cards.filter((card) => {
    const onChain = issued.get(card.serial);
    if (onChain === undefined) return true;
    const reason = conflict(card, onChain);
    if (reason !== undefined)
      throw new IssuanceError(`While the file was being issued, somebody else issued line ${card.line}: ${reason}.`);
    return false;
  });
}

function callOf({ collection, keys }: IssuanceDependencies, transaction: PlannedTransaction) {
  const { address } = collection;
  const data = encodeTransaction(transaction, (batch) => ({
    commitmentRoot: commitmentRoot(batch, address, keys),
    batchReference: batchReference(batch.map((card) => keys.cardTag(address, cardOfFile(card)))),
  }));
  return { from: keys.issuer.address, to: address, data: markOrigin(data, "file") };
}

/** Sends one transaction and waits until it is in a block. Returns only if it succeeded. */
async function sendTransaction(dependencies: IssuanceDependencies, transaction: PlannedTransaction): Promise<void> {
  const { chain, keys } = dependencies;
  const call = callOf(dependencies, transaction);
  const nonce = await chain.nonce(call.from);
  const signed = await keys.issuer.signTransaction({
    type: 0,
    chainId: chain.chainId,
    nonce,
    to: call.to,
    data: call.data,
    gasLimit: transaction.gas,
    gasPrice: 0,
  });
  const hash = keccak256(signed);
  const submission = await chain.submit(signed);
  let receipt: Receipt | undefined;
  switch (submission.kind) {
    case "raced":
      await waitForNonce(dependencies, call.from, nonce);
      throw new IssuanceError(
        "Another transaction of the same issuer key was faster. Is somebody else issuing with this key?",
        { retryable: true },
      );
    case "refused":
      receipt = await chain.receipt(hash);
      if (receipt === undefined) throw submission.error;
      break;
    case "accepted":
    case "uncertain":
      receipt = await waitForReceipt(dependencies, { hash, from: call.from, nonce });
  }
  if (receipt.succeeded) return;
  // The reason is not in the receipt. Executed again, the transaction fails again and says why.
  await chain.simulate(call);
  throw new IssuanceError(
    `The transaction ${hash} failed in its block (${receipt.gasUsed} of ${transaction.gas} gas used), but would not fail now.`,
    { retryable: true },
  );
}

async function waitForReceipt(
  { chain, receiptTimeoutMs = RECEIPT_TIMEOUT_MS, onTrouble }: IssuanceDependencies,
  { hash, from, nonce }: { hash: string; from: string; nonce: number },
): Promise<Receipt> {
  const deadline = performance.now() + receiptTimeoutMs;
  let replaced = 0;
  for (let wait = 25; ; wait = Math.min(wait * 1.5, 1000)) {
    const receipt = await patiently(() => chain.receipt(hash), deadline, onTrouble);
    if (receipt !== undefined) return receipt;
    if (
      (await patiently(() => chain.nonce(from), deadline, onTrouble)) > nonce &&
      ++replaced >= ASK_AGAIN_AFTER_REPLACEMENT
    ) {
      throw new IssuanceError(`Another transaction of the same issuer key took the place of ${hash}.`, {
        retryable: true,
      });
    }
    if (performance.now() > deadline) {
      throw new IssuanceError(
        `The transaction ${hash} has been in no block for ${Math.round(receiptTimeoutMs / 1000)} seconds. Are the chain's validators running? Run the same command again later.`,
        { retryable: true },
      );
    }
    await pause(wait);
  }
}

/** Waits until the nonce is used, so that the chain can be read after whatever was faster. */
async function waitForNonce(
  { chain, receiptTimeoutMs = RECEIPT_TIMEOUT_MS, onTrouble }: IssuanceDependencies,
  account: string,
  nonce: number,
): Promise<void> {
  const deadline = performance.now() + receiptTimeoutMs;
  for (
    let wait = 25;
    (await patiently(() => chain.nonce(account), deadline, onTrouble)) <= nonce;
    wait = Math.min(wait * 2, 1000)
  ) {
    if (performance.now() > deadline) {
      throw new IssuanceError(
        `Another transaction of the issuer key ${account} has been waiting for ${Math.round(receiptTimeoutMs / 1000)} seconds and gets into no block. Ask the node's operator to drop it, then run the same command again.`,
      );
    }
    await pause(wait);
  }
}

/** Asks again while the node cannot be reached: a transaction in flight is not given up because of a lost connection. */
async function patiently<Answer>(
  ask: () => Promise<Answer>,
  deadline: number,
  onTrouble: IssuanceDependencies["onTrouble"],
): Promise<Answer> {
  for (let told = false; ; told = true) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof IssuanceError && error.retryable) || performance.now() > deadline) throw error;
      if (!told) onTrouble?.(error.message);
      await pause(500);
    }
  }
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}
