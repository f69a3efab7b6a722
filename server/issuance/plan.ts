// Which cards go into which transaction. A batch is a run of consecutive serials with the same terms; a transaction packs
// as many batches as fit, so that tiers scattered over an edition do not cost one transaction each. The plan follows from the
// cards alone: a repeated run that begins at the same card makes the same transactions.

import { membershipCollectionInterface } from "../chain/abi.ts";

/** A card that can be issued. */
export interface CardToIssue {
  /** The line of the spreadsheet that asks for it. */
  line: number;
  serial: number;
  /** Checksummed. */
  holder: string;
  tier: number;
  /** In seconds since the Unix epoch; 0 for never. */
  expiresAt: number;
  physicalNumber?: string | undefined;
}

/** Cards of one call of `issue`: consecutive serials, the same tier and expiry. Never empty. */
export type PlannedBatch = [CardToIssue, ...CardToIssue[]];

export interface PlannedTransaction {
  batches: PlannedBatch[];
  /** How many cards it issues. */
  cards: number;
  /** The gas limit to send it with. */
  gas: number;
}

export interface PlanLimits {
  /** The most cards in one transaction. */
  maxCards: number;
  /** The most gas for one transaction. */
  gasBudget: number;
  /** By how much this chain's contracts cost more than the figures below; 1 unless an estimate has shown it. */
  gasFactor: number;
}

/**
 * Cards per transaction unless the user wants fewer. 200 cards take about 10 million gas: below the 2^24 of EIP-7825, small
 * enough that every validator executes it within a fraction of a block's time, and large enough that 5,000 cards are
 * about 25 transactions.
 */
export const DEFAULT_CARDS_PER_TRANSACTION = 200;

/** No transaction takes more gas than EIP-7825 allows any transaction. */
const MAXIMUM_GAS = 2 ** 24;

/** Upper bounds, measured and rounded up: what a transaction, a batch in it and a card in that cost. */
const GAS = { transaction: 60_000, batch: 75_000, card: 56_000 };

/** The gas that one transaction may take: a quarter of a block, so that the brand never fills the consortium's blocks. */
export function gasBudget(blockGasLimit: number): number {
  return Math.min(Math.floor(blockGasLimit / 4), MAXIMUM_GAS);
}

/** The gas limit for a transaction of so many batches and cards. */
export function gasFor(batches: number, cards: number, gasFactor: number): number {
  return Math.ceil((GAS.transaction + GAS.batch * batches + GAS.card * cards) * gasFactor);
}

/** Plans all cards, which need not be in order. Returns nothing to send if not even one card fits the gas budget. */
export function planTransactions(cards: readonly CardToIssue[], limits: PlanLimits): PlannedTransaction[] {
  if (gasFor(1, 1, limits.gasFactor) > limits.gasBudget) return [];
  const transactions: PlannedTransaction[] = [];
  let current: PlannedTransaction | undefined;
  let previous: CardToIssue | undefined;
  for (const card of cards.toSorted((left, right) => left.serial - right.serial)) {
    const continues =
      previous !== undefined &&
      previous.serial + 1 === card.serial &&
      previous.tier === card.tier &&
      previous.expiresAt === card.expiresAt;
    if (current !== undefined) {
      const batches = current.batches.length + (continues ? 0 : 1);
      const fits =
        current.cards < limits.maxCards && gasFor(batches, current.cards + 1, limits.gasFactor) <= limits.gasBudget;
      if (!fits) current = undefined;
    }
    const batch = continues ? current?.batches.at(-1) : undefined;
    if (batch !== undefined) {
      batch.push(card);
    } else if (current !== undefined) {
      current.batches.push([card]);
    } else {
      current = { batches: [[card]], cards: 0, gas: 0 };
      transactions.push(current);
    }
    if (current !== undefined) {
      current.cards += 1;
      current.gas = gasFor(current.batches.length, current.cards, limits.gasFactor);
    }
    previous = card;
  }
  return transactions;
}

/** What a batch says of its cards besides their terms, 32 bytes each. */
export interface BatchNotes {
  /** See commitment.ts. */
  commitmentRoot: string;
  /** See batch-reference.ts. */
  batchReference: string;
}

/** The call data of a transaction to the collection. */
export function encodeTransaction(
  transaction: PlannedTransaction,
  notesOf: (batch: readonly CardToIssue[]) => BatchNotes,
): string {
  const calls = transaction.batches.map((batch) => {
    const { serial, tier, expiresAt } = batch[0];
    const holders = batch.map(({ holder }) => holder);
    const { commitmentRoot, batchReference } = notesOf(batch);
    return membershipCollectionInterface.encodeFunctionData("issue", [
      serial,
      holders,
      { tier, expiresAt },
      commitmentRoot,
      batchReference,
    ]);
  });
  const [only, ...others] = calls;
  return only !== undefined && others.length === 0
    ? only
    : membershipCollectionInterface.encodeFunctionData("multicall", [calls]);
}
