// A local chain as one thing: its file, its pool, its maker, and who waits for news. Blocks are made as soon as there is something
// for them, or when somebody asks. Must hold: the head, which all answers go by, moves only when its block is on the disk.

import { setTimeout as sleep } from "node:timers/promises";
import type { Common } from "@ethereumjs/common";
import { type Archive, createArchive, type StoredBlock } from "./archive.ts";
import { openForReading, type Sqlite } from "./chain-file.ts";
import { createCommon } from "./genesis.ts";
import type { BlockPlan, MadeBlock } from "./maker.ts";
import { BlockNotWrittenError, startMaker } from "./maker-client.ts";
import { createPool, type Pool, type WaitingTransaction } from "./pool.ts";
import type { Views } from "./views.ts";
import { startViews } from "./views-client.ts";

/** How long it is waited after a block that could not be written, in milliseconds. */
const RETRY_MS = 1_000;
/** How many blocks are committed together where many are asked for. */
const BLOCKS_TOGETHER = 200;
/** How many transactions a block is offered; what has no room is in the next. */
const OFFERED_TRANSACTIONS = 200;

export interface Chain {
  readonly common: Common;
  readonly archive: Archive;
  readonly views: Views;
  readonly pool: Pool;
  head(): StoredBlock;
  /** Takes a signed transaction; its block follows. Throws {@link TransactionRefusedError}. */
  submit(raw: Uint8Array): Promise<WaitingTransaction>;
  /** The nonce that an account's next transaction takes, after those that wait. */
  nextNonce(address: string): Promise<bigint>;
  /** Makes blocks now, `interval` seconds apart, the first with what waits. Throws {@link BlockNotWrittenError}. */
  mine(count: number, interval?: number): Promise<void>;
  readonly clock: ChainClock;
  /** Whether a transaction is put into a block at once. */
  automine: boolean;
  /** Calls back after each block; returns what ends that. */
  onBlock(listener: (block: StoredBlock) => void): () => void;
  close(): Promise<void>;
}

/** What time blocks are made at. Never before the block before, whatever the machine's clock does. */
export interface ChainClock {
  /** Moves the chain's clock ahead, in seconds. */
  increase(seconds: number): number;
  /** The next block's own time. */
  setNext(timestamp: number): void;
  /** The chain's clock from now on. */
  set(timestamp: number): void;
}

export interface ChainOptions {
  folder: string;
  /** Is told in a sentence when blocks cannot be written, and when they can be again. */
  onMessage(message: string): void;
}

export async function openChain({ folder, onMessage }: ChainOptions): Promise<Chain> {
  let problem: string | undefined;
  const [maker, views] = await Promise.all([startMaker(folder, noteProblem), startViews(folder)]);
  const database: Sqlite = openForReading(folder);
  const common = createCommon();
  const archive = createArchive(database, common);
  const pool = createPool(common);
  const listeners = new Set<(block: StoredBlock) => void>();
  let head = requireBlock(archive, archive.head()?.number ?? 0);
  let offsetSeconds = 0;
  let nextTimestamp: number | undefined;
  let closing = false;

  const machineTime = () => Math.floor(Date.now() / 1_000) + offsetSeconds;

  /** The time of a block after one of another time. */
  function timeAfter(parent: number, interval: number | undefined): number {
    const wish = nextTimestamp ?? (interval === undefined ? machineTime() : parent + interval);
    nextTimestamp = undefined;
    return Math.max(wish, parent);
  }

  const accountOf = (address: string) => views.account(head, address);

  /** One after the other, so that each goes on from the head that the one before has left. */
  let previous: Promise<unknown> = Promise.resolve();
  async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = previous.then(work);
    previous = turn.catch(() => undefined);
    return await turn;
  }

  async function write(plans: BlockPlan[]): Promise<void> {
    let made: MadeBlock[];
    try {
      made = await maker.make(plans);
    } catch (error) {
      if (error instanceof BlockNotWrittenError) noteProblem(explainWriting(error, folder));
      throw error;
    }
    if (problem !== undefined) onMessage("The chain writes blocks again.");
    problem = undefined;
    for (const block of made) {
      pool.remove(block.included);
      pool.remove(block.refused.map(({ hash }) => hash));
      head = requireBlock(archive, block.number);
      for (const listener of listeners) listener(head);
    }
  }

  function noteProblem(message: string): void {
    if (problem !== message) onMessage(message);
    problem = message;
  }

  async function readyTransactions(): Promise<Uint8Array[]> {
    const ready = await pool.ready(async (address) => (await accountOf(address)).nonce);
    return ready.slice(0, OFFERED_TRANSACTIONS).map(({ raw }) => raw);
  }

  /** Puts what waits into blocks until nothing can be. */
  async function produce(): Promise<void> {
    while (chain.automine && !closing) {
      const isEmpty = await inTurn(async () => {
        const transactions = await readyTransactions();
        if (transactions.length === 0) return true;
        await write([{ timestamp: timeAfter(Number(head.header.timestamp), undefined), transactions }]);
        return false;
      }).catch(async (error: unknown) => {
        if (!(error instanceof BlockNotWrittenError)) throw error;
        await sleep(RETRY_MS);
        return false;
      });
      if (isEmpty) return;
    }
  }

  let producing: Promise<void> | undefined;
  let isAwaited = false;
  function wake(): void {
    isAwaited = true;
    producing ??= (async () => {
      // What comes after its last look is found in another round.
      while (isAwaited) {
        isAwaited = false;
        await produce();
      }
      producing = undefined;
    })();
  }

  const chain: Chain = {
    common,
    archive,
    views,
    pool,
    automine: true,
    head: () => head,
    async submit(raw) {
      const waiting = await pool.add(raw, accountOf);
      wake();
      return waiting;
    },
    async nextNonce(address) {
      for (;;) {
        const asked = head;
        const { nonce } = await accountOf(address);
        // A block that came meanwhile has taken what was counted on from among those that wait.
        if (head === asked) return pool.nextNonce(address, nonce);
      }
    },
    async mine(count, interval) {
      for (let left = count; left > 0; left -= BLOCKS_TOGETHER)
        await inTurn(async () => {
          const plans: BlockPlan[] = [];
          let parent = Number(head.header.timestamp);
          for (let index = 0; index < Math.min(left, BLOCKS_TOGETHER); index++) {
            const isFirst = left === count && index === 0;
            const timestamp = timeAfter(parent, isFirst ? undefined : interval);
            plans.push({ timestamp, transactions: isFirst ? await readyTransactions() : [] });
            parent = timestamp;
          }
          await write(plans);
        });
    },
    clock: {
      increase(seconds) {
        offsetSeconds += seconds;
        return offsetSeconds;
      },
      setNext(timestamp) {
        nextTimestamp = timestamp;
        offsetSeconds = timestamp - Math.floor(Date.now() / 1_000);
      },
      set(timestamp) {
        offsetSeconds = timestamp - Math.floor(Date.now() / 1_000);
      },
    },
    onBlock(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      closing = true;
      await producing;
      await previous;
      await Promise.all([maker.close(), views.close()]);
      database.close();
    },
  };
  return chain;
}

function requireBlock(archive: Archive, number: number): StoredBlock {
  const block = archive.block(number);
  if (block === undefined) throw new Error(`Block ${number} is not in the chain's file`);
  return block;
}

/** Why blocks cannot be written, and what to do. */
function explainWriting({ code, message }: BlockNotWrittenError, folder: string): string {
  if (code === "CHAIN_FILE_LOST") return message;
  const wait = "Transactions wait, and nothing is lost; the chain tries again every second.";
  if (code === "SQLITE_FULL" || code === "ENOSPC")
    return `The disk of ${folder} is full: the chain cannot write blocks. Make room. ${wait}`;
  if (code?.startsWith("SQLITE_READONLY") || code === "EROFS" || code === "EACCES")
    return `${folder} cannot be written to: the chain cannot write blocks. Make it writable again. ${wait}`;
  if (code?.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB")
    return `The chain's file in ${folder} is damaged (${message}). Stop, and restore a backup: npm run restore -- <archive>`;
  if (code?.startsWith("SQLITE_IOERR"))
    return `The disk of ${folder} does not take what is written (${message}). Look at the disk. ${wait}`;
  return `The chain cannot write blocks (${message}). ${wait}`;
}
