// Writes the mirror. Must hold: one database transaction writes a range's events, the rows folded from them and the
// checkpoint, and begins with a compare-and-set on the checkpoint, so that a crash leaves all of a range or nothing of it
// and a second writer loses cleanly.

import type { CardStatus } from "../chain/abi.ts";
import { type CardEvent, type ChainEvent, type EventName, isCardEvent, isIssue, serialOf } from "../chain/events.ts";
import { type CellValue, insertRows, selectRows, upsertRows } from "../database/bulk.ts";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import type { BlockPosition } from "../database/mirror-status.ts";
import { type CardState, fold, serialsOf } from "./fold.ts";

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

export interface Mirror {
  /** How far the mirror is; nothing if it is empty. */
  checkpoint(): Promise<MirrorCheckpoint | undefined>;
  /** Makes an empty mirror follow a chain from its genesis block. Throws {@link CheckpointMovedError} if it is not empty. */
  begin(identity: ChainIdentity, genesis: BlockPosition): Promise<void>;
  /** The addresses of the collections, lower-case. */
  collections(): Promise<string[]>;
  /**
   * Moves the mirror from one block to a later one.
   * @param from What the checkpoint must be. Throws {@link CheckpointMovedError} if it is not.
   * @param events All events of the blocks after `from` up to `to`, in the order of the chain.
   */
  commit(from: BlockPosition, to: BlockPosition, events: readonly ChainEvent[]): Promise<void>;
  /** The newest blocks with events at or below `number`, newest first. */
  blocksDownFrom(number: number, limit: number): Promise<BlockPosition[]>;
  /** Takes the mirror back to an earlier block, as if nothing had happened after it. Returns how many events are gone. */
  rollBack(from: BlockPosition, to: BlockPosition): Promise<number>;
  /** Empties the mirror. Application tables stay. */
  clear(): Promise<void>;
}

const CARD_COLUMNS = [
  "collectionAddress",
  "serial",
  "holder",
  "tier",
  "status",
  "issuedAt",
  "expiresAt",
  "generation",
  "blockNumber",
  "logIndex",
] as const;
const CARD_KEY = ["collectionAddress", "serial"] as const;
const CHECKPOINT_ID = 1;

export function createMirror({ database }: { database: Database }): Mirror {
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
      await database.checkpoint
        .create({ data: { id: CHECKPOINT_ID, chainId, genesisHash, registry, ...checkpointBlock(genesis) } })
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
        await moveCheckpoint(transaction, from, to);
        await writeEvents(transaction, events);
        await writeRegistryRows(transaction, events);
        await writeCards(transaction, events.filter(isCardEvent));
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

    async rollBack(from, to) {
      return await database.$transaction(async (transaction) => {
        await moveCheckpoint(transaction, from, to);
        return await undoAfter(transaction, to.number);
      });
    },

    async clear() {
      await database.$transaction([
        database.card.deleteMany(),
        database.batch.deleteMany(),
        database.collection.deleteMany(),
        database.brand.deleteMany(),
        database.event.deleteMany(),
        database.block.deleteMany(),
        database.checkpoint.deleteMany(),
      ]);
    },
  };
}

function checkpointBlock(block: BlockPosition) {
  return { blockNumber: block.number, blockHash: block.hash, blockTimestamp: block.timestamp };
}

async function moveCheckpoint(transaction: DatabaseTransaction, from: BlockPosition, to: BlockPosition): Promise<void> {
  // The first statement writes, so that the transaction holds the write lock before it reads anything.
  const moved = await transaction.checkpoint.updateMany({
    where: { id: CHECKPOINT_ID, blockNumber: from.number, blockHash: from.hash },
    data: checkpointBlock(to),
  });
  if (moved.count !== 1) throw new CheckpointMovedError();
}

async function writeEvents(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  const blocks = new Map<number, CellValue[]>();
  const rows = events.map((event) => {
    if (!blocks.has(event.blockNumber)) {
      blocks.set(event.blockNumber, [event.blockNumber, event.blockHash, event.blockTimestamp]);
    }
    return [
      event.blockNumber,
      event.logIndex,
      event.transactionHash,
      event.address,
      event.name,
      serialOf(event) ?? null,
      JSON.stringify(event.args),
    ];
  });
  await insertRows(transaction, {
    table: "Block",
    columns: ["number", "hash", "timestamp"],
    rows: [...blocks.values()],
  });
  await insertRows(transaction, {
    table: "Event",
    columns: ["blockNumber", "logIndex", "transactionHash", "address", "name", "serial", "arguments"],
    rows,
  });
}

/** Brands, collections and batches: each is what one event says, but for the count of issued cards. */
async function writeRegistryRows(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  const batches: CellValue[][] = [];
  const issued = new Map<string, number>();
  for (const event of events) {
    switch (event.name) {
      case "BrandAdmitted": {
        const { brandId, name, legalName, domain, filingNumber, profileUri, profileHash } = event.args;
        const { blockNumber, transactionHash } = event;
        const profile = { name, legalName, domain, filingNumber, profileUri, profileHash };
        await transaction.brand.create({
          data: { id: brandId, status: "Active", ...profile, blockNumber, transactionHash },
        });
        break;
      }
      case "CollectionCreated": {
        const { collection: address, ...terms } = event.args;
        const { blockNumber, transactionHash } = event;
        await transaction.collection.create({
          data: { address, ...terms, issuedCount: 0, blockNumber, transactionHash },
        });
        break;
      }
      case "BatchIssued": {
        const { firstSerial, count, tier, expiresAt, commitmentRoot } = event.args;
        const terms = [firstSerial, count, tier, expiresAt, commitmentRoot];
        batches.push([event.address, ...terms, event.blockNumber, event.transactionHash]);
        issued.set(event.address, (issued.get(event.address) ?? 0) + count);
        break;
      }
    }
  }
  await insertRows(transaction, {
    table: "Batch",
    columns: [
      "collectionAddress",
      "firstSerial",
      "count",
      "tier",
      "expiresAt",
      "commitmentRoot",
      "blockNumber",
      "transactionHash",
    ],
    rows: batches,
  });
  for (const [address, count] of issued) {
    await transaction.collection.update({ where: { address }, data: { issuedCount: { increment: count } } });
  }
}

/** Folds the events onto the cards they concern and writes the outcome. */
async function writeCards(transaction: DatabaseTransaction, events: readonly CardEvent[]): Promise<void> {
  const before = await loadCards(transaction, events);
  const changed = new Map<string, { collection: string; serial: number; card: CardState }>();
  for (const event of events) {
    for (const serial of serialsOf(event)) {
      const key = cardKey(event.address, serial);
      const card = fold(changed.get(key)?.card ?? before.get(key), event);
      changed.set(key, { collection: event.address, serial, card });
    }
  }
  await upsertRows(transaction, {
    table: "Card",
    columns: CARD_COLUMNS,
    key: CARD_KEY,
    rows: Array.from(changed.values(), ({ collection, serial, card }) => cardRow(collection, serial, card)),
  });
}

/** The cards that the events concern, as the mirror has them. */
async function loadCards(
  transaction: DatabaseTransaction,
  events: readonly CardEvent[],
): Promise<Map<string, CardState>> {
  const wanted = new Map<string, [string, number]>();
  const issuedHere = new Set<string>();
  for (const event of events) {
    for (const serial of serialsOf(event)) {
      const key = cardKey(event.address, serial);
      // An issued card has no row yet, and looking for it would cost as much as writing it. Were there one after all, the
      // event's own row could not be new either, and the insert would fail.
      if (event.name === "Transfer" && isIssue(event.args)) issuedHere.add(key);
      if (!issuedHere.has(key)) wanted.set(key, [event.address, serial]);
    }
  }
  interface Row extends Omit<CardState, "issuedAt" | "expiresAt"> {
    collectionAddress: string;
    serial: number;
    issuedAt: bigint | number;
    expiresAt: bigint | number;
  }
  const rows = await selectRows<Row>(transaction, { table: "Card", key: CARD_KEY, keys: [...wanted.values()] });
  return new Map(
    rows.map((row) => [
      cardKey(row.collectionAddress, row.serial),
      {
        holder: row.holder,
        tier: Number(row.tier),
        status: row.status as CardStatus,
        issuedAt: Number(row.issuedAt),
        expiresAt: Number(row.expiresAt),
        generation: Number(row.generation),
        blockNumber: Number(row.blockNumber),
        logIndex: Number(row.logIndex),
      },
    ]),
  );
}

/** Removes everything after a block: cards issued since are gone, cards changed since are folded anew. */
async function undoAfter(transaction: DatabaseTransaction, blockNumber: number): Promise<number> {
  const after = { blockNumber: { gt: blockNumber } };
  const undone = await transaction.event.findMany({
    where: after,
    orderBy: [{ blockNumber: "asc" }, { logIndex: "asc" }],
  });
  const touched = new Map<string, [string, number]>();
  for (const row of undone) {
    const { address } = row;
    if (row.name === "BatchIssued") {
      const { firstSerial, count } = JSON.parse(row.arguments) as { firstSerial: number; count: number };
      for (let serial = firstSerial; serial < firstSerial + count; serial++)
        touched.set(cardKey(address, serial), [address, serial]);
    } else if (row.serial !== null) {
      touched.set(cardKey(address, row.serial), [address, row.serial]);
    }
  }

  await transaction.event.deleteMany({ where: after });
  await transaction.block.deleteMany({ where: { number: { gt: blockNumber } } });
  const refolded: CellValue[][] = [];
  for (const [address, serial] of touched.values()) {
    const events = await loadCardEvents(transaction, address, serial);
    const card = events.reduce<CardState | undefined>(fold, undefined);
    if (card === undefined) {
      await transaction.card.deleteMany({ where: { collectionAddress: address, serial } });
    } else {
      refolded.push(cardRow(address, serial, card));
    }
  }
  await upsertRows(transaction, { table: "Card", columns: CARD_COLUMNS, key: CARD_KEY, rows: refolded });

  const batches = await transaction.batch.findMany({ where: after });
  for (const { collectionAddress: address, count } of batches) {
    await transaction.collection.update({ where: { address }, data: { issuedCount: { decrement: count } } });
  }
  await transaction.batch.deleteMany({ where: after });
  await transaction.collection.deleteMany({ where: after });
  await transaction.brand.deleteMany({ where: after });
  return undone.length;
}

/** The stored events of one card in the order of the chain, with the one of its batch among them. */
async function loadCardEvents(transaction: DatabaseTransaction, address: string, serial: number): Promise<CardEvent[]> {
  const rows = await transaction.event.findMany({ where: { address, serial } });
  const batch = await transaction.batch.findFirst({
    where: { collectionAddress: address, firstSerial: { lte: serial } },
    orderBy: { firstSerial: "desc" },
  });
  if (rows.length > 0 && batch !== null) {
    const { blockNumber, transactionHash } = batch;
    const issued = await transaction.event.findMany({
      where: { blockNumber, transactionHash, address, name: "BatchIssued" },
    });
    rows.push(...issued.filter((row) => JSON.parse(row.arguments).firstSerial === batch.firstSerial));
  }
  const blocks = await transaction.block.findMany({ where: { number: { in: rows.map((row) => row.blockNumber) } } });
  const blockByNumber = new Map(blocks.map((block) => [block.number, block]));
  return rows
    .sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex)
    .map((row) => {
      const block = blockByNumber.get(row.blockNumber);
      if (block === undefined) throw new Error(`The mirror has events of block ${row.blockNumber}, but not the block`);
      return {
        blockNumber: row.blockNumber,
        blockHash: block.hash,
        blockTimestamp: Number(block.timestamp),
        transactionHash: row.transactionHash,
        logIndex: row.logIndex,
        address: row.address,
        name: row.name as EventName,
        args: JSON.parse(row.arguments),
      } as ChainEvent;
    })
    .filter(isCardEvent);
}

function cardKey(collection: string, serial: number): string {
  return `${collection}/${serial}`;
}

function cardRow(collection: string, serial: number, card: CardState): CellValue[] {
  return [
    collection,
    serial,
    card.holder,
    card.tier,
    card.status,
    card.issuedAt,
    card.expiresAt,
    card.generation,
    card.blockNumber,
    card.logIndex,
  ];
}
