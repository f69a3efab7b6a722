// Writes the mirror. Must hold: one database transaction writes a range's events, the rows folded from them, what is told of
// them and the checkpoint, and begins with a compare-and-set on the checkpoint, so that a crash leaves all of a range or nothing of it
// and a second writer loses cleanly.

import type { ChainEvent } from "../chain/events.ts";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import type { BlockPosition } from "../database/mirror-status.ts";
import { type Lease, LeaseLostError } from "./lease.ts";
import { retractAfter, tellEvents, tellOfChain } from "./outbox.ts";
import { clearFolded, refoldAll, writeEvents, writeFolded } from "./rows.ts";
import { stateHash } from "./state-hash.ts";
import { undoAfter } from "./undo.ts";

/** Which chain and which registry a mirror follows. */
export interface ChainIdentity {
  chainId: number;
  genesisHash: string;
  registry: string;
}

/** How far the mirror has read. */
export type MirrorCheckpoint = ChainIdentity & { block: BlockPosition };

/** Somebody else has written in between. Nothing was changed; read the checkpoint again. */
export class CheckpointMovedError extends Error {
  override name = "CheckpointMovedError";
  constructor() {
    super("Another process has moved the mirror's checkpoint: only one indexer may write to a database");
  }
}

/** What a mirror would lose. */
export interface Undoing {
  events: number;
  /** Cards that would change or go. */
  cards: number;
  /** Entries of the outbox that would be retracted. */
  told: number;
}

/** What came of making the mirror's tables anew. */
export interface Rebuilding {
  events: number;
  /** The hash of all that follows from the events, as it was and as it is. */
  before: string;
  after: string;
  /** How long making the tables took, and how long computing both hashes. */
  seconds: { folding: number; hashing: number };
}

export interface Mirror {
  /** How far the mirror is; nothing if it is empty. */
  checkpoint(): Promise<MirrorCheckpoint | undefined>;
  /** Makes an empty mirror follow a chain from its genesis block. Throws {@link CheckpointMovedError} if it is not empty. */
  begin(identity: ChainIdentity, genesis: BlockPosition): Promise<void>;
  /** The addresses of the collections, lower-case. */
  collections(): Promise<string[]>;
  /**
   * Moves the mirror from one block to a later one.
   * @param from What the checkpoint must be. Throws {@link CheckpointMovedError} if it is not, and {@link LeaseLostError} if
   * another server writes now.
   * @param events All events of the blocks after `from` up to `to`, in the order of the chain.
   */
  commit(from: BlockPosition, to: BlockPosition, events: readonly ChainEvent[]): Promise<void>;
  /** The newest blocks with events at or below `number`, newest first. */
  blocksDownFrom(number: number, limit: number): Promise<BlockPosition[]>;
  /** What {@link Mirror.rollBack} to a block would take back. */
  undoing(blockNumber: number): Promise<Undoing>;
  /**
   * Takes the mirror back to an earlier block, as if nothing had happened after it, and retracts what was told of it. Returns
   * how many events are gone.
   */
  rollBack(from: BlockPosition, to: BlockPosition): Promise<number>;
  /**
   * Makes all tables anew from the stored events, without the chain and without telling anybody. Readers see the old ones until it is done. Throws
   * {@link LeaseLostError}, and changes nothing, while another server writes.
   */
  rebuild(onProgress?: (events: number) => void): Promise<Rebuilding>;
  /** Empties the mirror. Application tables stay, the outbox too: what was told is compared with what will be read. */
  clear(): Promise<void>;
}

const CHECKPOINT_ID = 1;
/** A million events take some seconds. */
const REBUILD_TIMEOUT_MS = 60 * 60_000;

/**
 * @param options.lease Where several servers share the database: only its holder can commit.
 */
export function createMirror({ database, lease }: { database: Database; lease?: Lease }): Mirror {
  return {
    async checkpoint() {
      const row = await database.checkpoint.findUnique({ where: { id: CHECKPOINT_ID } });
      if (row === null) return undefined;
      return {
        chainId: Number(row.chainId),
        genesisHash: row.genesisHash,
        registry: row.registry,
        block: { number: row.blockNumber, hash: row.blockHash, timestamp: Number(row.blockTimestamp) },
      };
    },

    async begin(identity, genesis) {
      const { chainId, genesisHash, registry } = identity;
      await database
        .$transaction(async (transaction) => {
          const place = checkpointBlock(genesis);
          await transaction.checkpoint.create({
            data: { id: CHECKPOINT_ID, chainId, genesisHash, registry, ...place },
          });
          await tellOfChain(transaction, identity);
        })
        .catch((error: { code?: string }) => {
          throw error.code === "P2002" ? new CheckpointMovedError() : error;
        });
    },

    async collections() {
      const rows = await database.collection.findMany({ select: { address: true } });
      return rows.map((row) => row.address);
    },

    async commit(from, to, events) {
      await database.$transaction(async (transaction) => {
        await lease?.renew(transaction);
        await moveCheckpoint(transaction, from, to);
        // All at once, so that the events are folded while the database writes them down.
        await allDone([
          writeEvents(transaction, events),
          writeFolded(transaction, events),
          tellEvents(transaction, { after: from.number, upTo: to.number }, events),
        ]);
      });
    },

    async blocksDownFrom(number, limit) {
      const rows = await database.block.findMany({
        where: { number: { lte: number } },
        orderBy: { number: "desc" },
        take: limit,
      });
      return rows.map((row) => ({ number: row.number, hash: row.hash, timestamp: Number(row.timestamp) }));
    },

    async undoing(blockNumber) {
      const [counts] = await database.$queryRaw<[{ events: number | bigint; cards: number | bigint }]>(Prisma.sql`
        WITH u AS MATERIALIZED (SELECT "address", "serial" FROM "Event" WHERE "blockNumber" > ${blockNumber})
        SELECT (SELECT COUNT(*) FROM u) AS "events",
          (SELECT COUNT(*) FROM (SELECT DISTINCT "address", "serial" FROM u WHERE "serial" IS NOT NULL) AS c) AS "cards"`);
      const told = await database.outboxEntry.count({ where: { standingBlock: { gt: blockNumber } } });
      return { events: Number(counts.events), cards: Number(counts.cards), told };
    },

    async rollBack(from, to) {
      return await database.$transaction(async (transaction) => {
        await lease?.renew(transaction);
        await moveCheckpoint(transaction, from, to);
        await retractAfter(transaction, to.number);
        return await undoAfter(transaction, to.number);
      });
    },

    async rebuild(onProgress = () => undefined) {
      // Whoever writes meanwhile would wait for this transaction, and then go on from a checkpoint that is right all the same.
      if (lease !== undefined && !(await lease.hold())) throw new LeaseLostError();
      return await database.$transaction(
        async (transaction) => {
          await lease?.renew(transaction);
          const started = performance.now();
          const before = await stateHash(transaction);
          const hashed = performance.now();
          const events = await refoldAll(transaction, onProgress);
          const folded = performance.now();
          const after = await stateHash(transaction);
          const ended = performance.now();
          const seconds = { folding: (folded - hashed) / 1_000, hashing: (hashed - started + ended - folded) / 1_000 };
          return { events, before, after, seconds };
        },
        { timeout: REBUILD_TIMEOUT_MS },
      );
    },

    async clear() {
      await database.$transaction(async (transaction) => {
        // First, so that a writer waits, and then finds that its place is gone. A mirror without it has no rows.
        const { count } = await transaction.checkpoint.deleteMany();
        if (count === 0) return;
        await clearFolded(transaction);
        await transaction.event.deleteMany();
        await transaction.block.deleteMany();
      });
    },
  };
}

function checkpointBlock(block: BlockPosition) {
  return { blockNumber: block.number, blockHash: block.hash, blockTimestamp: block.timestamp };
}

/** Waits for all of them, also if one fails: none may still be at work when their transaction ends. */
async function allDone(tasks: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(tasks);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

async function moveCheckpoint(transaction: DatabaseTransaction, from: BlockPosition, to: BlockPosition): Promise<void> {
  // The first statement writes, so that the transaction holds the write lock before it reads anything.
  // As plain SQL, like everything that each block takes: the client needs milliseconds to make a statement of its own words.
  const moved = await transaction.$executeRaw(Prisma.sql`
    UPDATE "Checkpoint" SET "blockNumber" = ${to.number}, "blockHash" = ${to.hash}, "blockTimestamp" = ${to.timestamp}
    WHERE "id" = ${CHECKPOINT_ID} AND "blockNumber" = ${from.number} AND "blockHash" = ${from.hash}`);
  if (moved !== 1) throw new CheckpointMovedError();
}
