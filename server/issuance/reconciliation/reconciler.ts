// Holds the application against the chain, before anything is sent and from then on: a database that is an older copy of itself does not know
// what was issued since. Must hold: nothing is sent before the mirror has reached where the chain was, and what the mirror has by our keys was
// compared with the book. Needs no sign that a copy was restored: what is on the chain and not in the book is the sign.

import type { Logger } from "pino";
import type { Database } from "../../database/client.ts";
import type { MirrorStatus } from "../../database/mirror-status.ts";
import type { IssuanceChain } from "../chain.ts";
import { adopt, type KnownByKeys } from "./adopting.ts";
import { readFigures } from "./figures.ts";
import { claimByImports } from "./imports.ts";
import { matchWaiting } from "./matching.ts";
import { type Answers, unknownTransactions } from "./unknown.ts";

export interface Reconciler {
  /**
   * Compares what is new in the mirror. Whether this server may send: once it leads, the mirror has reached the block that was the chain's newest then,
   * and all up to there was compared.
   */
  follow(chain: Pick<IssuanceChain, "head" | "transaction">, status: MirrorStatus): Promise<boolean>;
  /** Gives unclaimed cards to orders of a brand that wait. Must run before anything of the brand is planned. Returns how many. */
  match(brandId: number): Promise<number>;
  /** This server does not lead any more: another one may have written meanwhile. */
  forget(): void;
  /** A key has joined: what it has sent before is compared too. */
  reconsider(): Promise<void>;
  /** Whether {@link Reconciler.follow} has said yes. */
  isLevel(): boolean;
}

export interface ReconcilerOptions {
  application: Database;
  /** Nothing if this server has no keystore of the brand. */
  keysOf(brandId: number): Promise<KnownByKeys | undefined>;
  timeZone: string;
  finalityDepth: number;
  logger: Logger;
  /** The wall clock, in milliseconds. */
  now(): number;
  /** The steady clock. */
  steady(): number;
}

/** How many blocks are compared at once. */
const BLOCKS_AT_ONCE = 1_000;
/** How far the comparison may be ahead of what is written down of it, in blocks. */
const WRITTEN_EVERY = 250;
/** How often it is looked whether imports have claimed cards. */
const IMPORTS_MS = 5_000;

export function createReconciler(options: ReconcilerOptions): Reconciler {
  const { application, timeZone, finalityDepth, logger, now, steady } = options;
  let level = false;
  /** The chain's newest block when this server began to lead. */
  let target: number | undefined;
  /** What was compared, and what of that is written down. */
  let through: number | undefined;
  let written = 0;
  let last: { number: number; hash: string } | undefined;
  /** Whether there may be unclaimed cards: nearly always there are none, and nothing is asked then. */
  let unclaimed = true;
  let importsAt = Number.NEGATIVE_INFINITY;
  const answers: Answers = new Map();

  async function begin(): Promise<number> {
    const { genesisHash } = await application.checkpoint.findUniqueOrThrow({ where: { id: 1 } });
    const row = await application.reconciliation.findUnique({ where: { id: 1 } });
    if (row?.genesisHash === genesisHash) return row.throughBlock;
    const fresh = { genesisHash, baselineBlock: -1, throughBlock: -1 };
    await application.reconciliation.upsert({ where: { id: 1 }, create: { id: 1, ...fresh }, update: fresh });
    return -1;
  }

  async function write(block: number): Promise<void> {
    await application.reconciliation.update({ where: { id: 1 }, data: { throughBlock: block } });
    written = block;
  }

  /** Compares the blocks after `from` up to `to`. */
  async function compare(chain: Pick<IssuanceChain, "transaction">, from: number, to: number): Promise<void> {
    const total = { transactions: 0, unclaimed: 0, settled: 0, redemptions: 0 };
    for (let first = from; first < to; first += BLOCKS_AT_ONCE) {
      const until = Math.min(first + BLOCKS_AT_ONCE, to);
      for (const unknown of await unknownTransactions(application, chain, { from: first, to: until, answers })) {
        const adopted = await adopt(unknown, { ...options, application, now: now() });
        total.transactions++;
        total.unclaimed += adopted.unclaimed;
        total.settled += adopted.settled;
        total.redemptions += adopted.redemptions;
      }
    }
    answers.clear();
    if (total.unclaimed + total.settled + total.redemptions === 0) return;
    unclaimed = true;
    logger.warn(
      { fromBlock: from + 1, toBlock: to, ...total },
      "the chain has cards or redemptions by this server's keys that its database does not know: it is an older copy of itself. `npm run reconcile` lists them",
    );
  }

  return {
    async follow(chain, { indexed, state, headNumber }) {
      if (indexed === undefined) return level;
      through ??= await begin();
      if (!level && target === undefined) {
        if (state !== "following") return false;
        target = Math.max((await chain.head()).number, headNumber ?? 0);
      }
      if (indexed.hash !== last?.hash) {
        // Blocks that were taken back have others in their place.
        if (last !== undefined && indexed.number <= last.number)
          through = Math.min(through, Math.max(indexed.number - finalityDepth - 1, -1));
        // A copy of the mirror may be older than what was compared.
        if (indexed.number > through) await compare(chain, through, indexed.number);
        through = indexed.number;
        last = indexed;
        if (through - written >= WRITTEN_EVERY) await write(through);
      }
      if (level || target === undefined || indexed.number < target) return level;
      await write(through);
      level = true;
      const figures = await readFigures(application);
      unclaimed = figures.cards > 0;
      if (figures.cards + figures.redemptions > 0)
        logger.warn(
          figures,
          "cards or redemptions of the chain are nobody's in this database. `npm run reconcile` lists them",
        );
      return true;
    },
    async match(brandId) {
      if (!unclaimed) return 0;
      if (steady() - importsAt > IMPORTS_MS) {
        importsAt = steady();
        await claimByImports(application, now());
        unclaimed = (await readFigures(application)).cards > 0;
      }
      const matched = await matchWaiting(application, brandId, { keysOf: options.keysOf, now: now(), timeZone });
      if (matched > 0)
        logger.info({ brandId, cards: matched }, "orders that wait got cards that the chain has already");
      return matched;
    },
    forget() {
      level = false;
      target = undefined;
      through = undefined;
      last = undefined;
      unclaimed = true;
    },
    async reconsider() {
      const row = await application.reconciliation.findUnique({ where: { id: 1 } });
      if (row === null) return;
      await application.reconciliation.update({ where: { id: 1 }, data: { throughBlock: row.baselineBlock } });
      through = undefined;
      last = undefined;
    },
    isLevel: () => level,
  };
}
