// Writes the mirror. Must hold: one database transaction writes a range's events, the rows folded from them and the
// checkpoint, and begins with a compare-and-set on the checkpoint, so that a crash leaves all of a range or nothing of it
// and a second writer loses cleanly.

import type { CardStatus } from "../chain/abi.ts";
import {
  type CardEvent,
  type ChainEvent,
  type EventName,
  type EventOf,
  isCardEvent,
  isIssue,
  serialOf,
} from "../chain/events.ts";
import { type CellValue, insertRows, selectRows, upsertRows } from "../database/bulk.ts";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import type { Prisma } from "../database/generated/sqlite/client.ts";
import type { BlockPosition } from "../database/mirror-status.ts";
import {
  type BrandState,
  brandIdOf,
  type CardState,
  type CollectionState,
  collectionOf,
  fold,
  foldBrand,
  foldCollection,
  isBrandEvent,
  isCollectionEvent,
  serialsOf,
} from "./fold.ts";
import type { Lease } from "./lease.ts";

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
   * @param from What the checkpoint must be. Throws {@link CheckpointMovedError} if it is not, and {@link LeaseLostError} if
   * another server writes now.
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
  "reissueTo",
  "reissueReadyAt",
  "blockNumber",
  "logIndex",
] as const;
const CARD_KEY = ["collectionAddress", "serial"] as const;
const CHECKPOINT_ID = 1;

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
        await lease?.renew(transaction);
        await moveCheckpoint(transaction, from, to);
        await writeEvents(transaction, events);
        await writeBrands(transaction, events);
        await writeCollections(transaction, events);
        await writeBatches(transaction, events);
        await writeBenefits(transaction, events);
        await writeRedemptions(transaction, events);
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
        await lease?.renew(transaction);
        await moveCheckpoint(transaction, from, to);
        return await undoAfter(transaction, to.number);
      });
    },

    async clear() {
      await database.$transaction(async (transaction) => {
        // First, so that a writer waits, and then finds that its place is gone. A mirror without it has no rows.
        const { count } = await transaction.checkpoint.deleteMany();
        if (count === 0) return;
        await transaction.redemption.deleteMany();
        await transaction.benefit.deleteMany();
        await transaction.card.deleteMany();
        await transaction.batch.deleteMany();
        await transaction.collection.deleteMany();
        await transaction.brand.deleteMany();
        await transaction.event.deleteMany();
        await transaction.block.deleteMany();
      });
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

/** Folds the events onto the brands they concern. There are few of either. */
async function writeBrands(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  const changed = new Map<number, BrandState>();
  for (const event of events.filter(isBrandEvent)) {
    const id = brandIdOf(event);
    const before = changed.get(id) ?? (await transaction.brand.findUnique({ where: { id }, omit: { id: true } }));
    changed.set(id, foldBrand((before as BrandState | null) ?? undefined, event));
  }
  for (const [id, brand] of changed) {
    await transaction.brand.upsert({ where: { id }, create: { id, ...brand }, update: brand });
  }
}

/** Folds the events onto the collections they concern. */
async function writeCollections(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  const changed = new Map<string, CollectionState>();
  for (const event of events.filter(isCollectionEvent)) {
    const address = collectionOf(event);
    const before =
      changed.get(address) ??
      (await transaction.collection.findUnique({ where: { address }, omit: { address: true, issuedCount: true } }));
    changed.set(address, foldCollection((before as CollectionState | null) ?? undefined, event));
  }
  for (const [address, collection] of changed) {
    const create = { address, ...collection, issuedCount: 0 };
    await transaction.collection.upsert({ where: { address }, create, update: collection });
  }
}

/** Batches, each of which is what one event says, and how many cards they make. */
async function writeBatches(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  const issued = new Map<string, number>();
  const batches = events.filter(isNamed("BatchIssued")).map((event): CellValue[] => {
    const { firstSerial, count, tier, expiresAt, commitmentRoot } = event.args;
    issued.set(event.address, (issued.get(event.address) ?? 0) + count);
    const terms = [firstSerial, count, tier, expiresAt, commitmentRoot];
    return [event.address, ...terms, event.blockNumber, event.transactionHash];
  });
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

/** What tiers are entitled to: of several changes the last one counts. */
async function writeBenefits(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  const rows = new Map<string, CellValue[]>();
  for (const { address, args, blockNumber, logIndex } of events.filter(isNamed("BenefitChanged"))) {
    const { tier, benefitId, quota, period, startsAt } = args;
    const row = [address, tier, benefitId, quota, period, startsAt, blockNumber, logIndex];
    rows.set(`${address}/${tier}/${benefitId}`, row);
  }
  await upsertRows(transaction, {
    table: "Benefit",
    columns: ["collectionAddress", "tier", "benefitId", "quota", "period", "startsAt", "blockNumber", "logIndex"],
    key: ["collectionAddress", "tier", "benefitId"],
    rows: [...rows.values()],
  });
}

async function writeRedemptions(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  await insertRows(transaction, {
    table: "Redemption",
    columns: [
      "collectionAddress",
      "serial",
      "benefitId",
      "number",
      "staff",
      "periodStart",
      "used",
      "blockNumber",
      "logIndex",
      "transactionHash",
    ],
    rows: events
      .filter(isNamed("BenefitRedeemed"))
      .map(({ address, args, blockNumber, logIndex, transactionHash }): CellValue[] => {
        const { serial, benefitId, number, staff, periodStart, used } = args;
        const use = [serial, benefitId, number, staff, periodStart, used];
        return [address, ...use, blockNumber, logIndex, transactionHash];
      }),
  });
}

function isNamed<Name extends EventName>(name: Name) {
  return (event: ChainEvent): event is EventOf<Name> => event.name === name;
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
  interface Row extends Omit<CardState, "issuedAt" | "expiresAt" | "reissueReadyAt"> {
    collectionAddress: string;
    serial: number;
    issuedAt: bigint | number;
    expiresAt: bigint | number;
    reissueReadyAt: bigint | number | null;
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
        reissueTo: row.reissueTo,
        reissueReadyAt: row.reissueReadyAt === null ? null : Number(row.reissueReadyAt),
        blockNumber: Number(row.blockNumber),
        logIndex: Number(row.logIndex),
      },
    ]),
  );
}

/** Removes everything after a block: what came into being since is gone, what changed since is folded anew. */
async function undoAfter(transaction: DatabaseTransaction, blockNumber: number): Promise<number> {
  const after = { blockNumber: { gt: blockNumber } };
  const undone = await loadEvents(transaction, after);
  await transaction.event.deleteMany({ where: after });
  await transaction.block.deleteMany({ where: { number: { gt: blockNumber } } });
  await transaction.redemption.deleteMany({ where: after });
  await refoldCards(transaction, undone.filter(isCardEvent));

  const batches = await transaction.batch.findMany({ where: after });
  for (const { collectionAddress: address, count } of batches) {
    await transaction.collection.update({ where: { address }, data: { issuedCount: { decrement: count } } });
  }
  await transaction.batch.deleteMany({ where: after });
  await refoldBenefits(transaction, undone);
  await refoldCollections(transaction, undone);
  await refoldBrands(transaction, undone);
  return undone.length;
}

async function refoldCards(transaction: DatabaseTransaction, undone: readonly CardEvent[]): Promise<void> {
  const touched = new Map<string, [string, number]>();
  for (const event of undone) {
    for (const serial of serialsOf(event)) touched.set(cardKey(event.address, serial), [event.address, serial]);
  }
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
}

async function refoldBenefits(transaction: DatabaseTransaction, undone: readonly ChainEvent[]): Promise<void> {
  for (const address of new Set(undone.filter(isNamed("BenefitChanged")).map((event) => event.address))) {
    await transaction.benefit.deleteMany({ where: { collectionAddress: address } });
    await writeBenefits(transaction, await loadEvents(transaction, { address, name: "BenefitChanged" }));
  }
}

async function refoldCollections(transaction: DatabaseTransaction, undone: readonly ChainEvent[]): Promise<void> {
  for (const address of new Set(undone.filter(isCollectionEvent).map(collectionOf))) {
    const created = await loadEvents(transaction, { name: "CollectionCreated" });
    const later = await loadEvents(transaction, { address, serial: null, name: { not: "BatchIssued" } });
    const events = [...created, ...later].filter(isCollectionEvent).filter((event) => collectionOf(event) === address);
    const collection = events.reduce<CollectionState | undefined>(foldCollection, undefined);
    if (collection === undefined) await transaction.collection.delete({ where: { address } });
    else await transaction.collection.update({ where: { address }, data: collection });
  }
}

async function refoldBrands(transaction: DatabaseTransaction, undone: readonly ChainEvent[]): Promise<void> {
  for (const id of new Set(undone.filter(isBrandEvent).map(brandIdOf))) {
    const names: EventName[] = ["BrandAdmitted", "BrandProfileChanged", "BrandStatusChanged"];
    const events = (await loadEvents(transaction, { name: { in: names } })).filter(isBrandEvent);
    const brand = events
      .filter((event) => brandIdOf(event) === id)
      .reduce<BrandState | undefined>(foldBrand, undefined);
    if (brand === undefined) await transaction.brand.delete({ where: { id } });
    else await transaction.brand.update({ where: { id }, data: brand });
  }
}

/** The stored events of one card in the order of the chain, with the one of its batch among them. */
async function loadCardEvents(transaction: DatabaseTransaction, address: string, serial: number): Promise<CardEvent[]> {
  const batch = await transaction.batch.findFirst({
    where: { collectionAddress: address, firstSerial: { lte: serial } },
    orderBy: { firstSerial: "desc" },
  });
  const ofCard = { address, serial };
  const ofBatch = {
    address,
    name: "BatchIssued",
    blockNumber: batch?.blockNumber ?? -1,
    transactionHash: batch?.transactionHash ?? "",
  };
  const events = await loadEvents(transaction, { OR: [ofCard, ofBatch] });
  if (!events.some((event) => event.name !== "BatchIssued")) return [];
  return events
    .filter(isCardEvent)
    .filter((event) => event.name !== "BatchIssued" || event.args.firstSerial === batch?.firstSerial);
}

/** Stored events in the order of the chain. */
async function loadEvents(transaction: DatabaseTransaction, where: Prisma.EventWhereInput): Promise<ChainEvent[]> {
  const rows = await transaction.event.findMany({ where, orderBy: [{ blockNumber: "asc" }, { logIndex: "asc" }] });
  const numbers = [...new Set(rows.map((row) => row.blockNumber))];
  const blocks = await transaction.block.findMany({ where: { number: { in: numbers } } });
  const blockByNumber = new Map(blocks.map((block) => [block.number, block]));
  return rows.map((row) => {
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
  });
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
    card.reissueTo,
    card.reissueReadyAt,
    card.blockNumber,
    card.logIndex,
  ];
}
