// The mirror's tables as events make them: what is written when events come, and what is folded anew when they are taken
// back. Everything here runs inside a transaction of mirror.ts.

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
import type { DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
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

/** How many stored events are folded at a time. */
const EVENTS_PER_STEP = 20_000;

/** Writes events down, with their blocks. They must be new. */
export async function writeEvents(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
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

/** Folds events, which must follow those before them, into all tables that are made of them. */
export async function writeFolded(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  await writeBrands(transaction, events);
  await writeCollections(transaction, events);
  await writeBatches(transaction, events);
  await writeBenefits(transaction, events);
  await writeRedemptions(transaction, events);
  await writeCards(transaction, events.filter(isCardEvent));
}

/** Empties all tables that are made of events. */
export async function clearFolded(transaction: DatabaseTransaction): Promise<void> {
  await transaction.redemption.deleteMany();
  await transaction.benefit.deleteMany();
  await transaction.card.deleteMany();
  await transaction.batch.deleteMany();
  await transaction.collection.deleteMany();
  await transaction.brand.deleteMany();
}

/** Folds all stored events anew, into empty tables. Returns how many there are. */
export async function refoldAll(
  transaction: DatabaseTransaction,
  onProgress: (events: number) => void,
): Promise<number> {
  await clearFolded(transaction);
  let done = 0;
  for (let last = { blockNumber: -1, logIndex: -1 }; ; ) {
    const rows = await transaction.$queryRaw<StoredEvent[]>(Prisma.sql`
      SELECT e.*, b."hash", b."timestamp" FROM "Event" e JOIN "Block" b ON b."number" = e."blockNumber"
      WHERE (e."blockNumber", e."logIndex") > (${last.blockNumber}, ${last.logIndex})
      ORDER BY e."blockNumber", e."logIndex" LIMIT ${EVENTS_PER_STEP}`);
    const events = rows.map(fromStored);
    await writeFolded(transaction, events);
    done += events.length;
    onProgress(done);
    const end = events.at(-1);
    if (end === undefined) return done;
    last = { blockNumber: end.blockNumber, logIndex: end.logIndex };
  }
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
export async function undoAfter(transaction: DatabaseTransaction, blockNumber: number): Promise<number> {
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
    return fromStored({ ...row, hash: block.hash, timestamp: block.timestamp });
  });
}

/** An event's row with the hash and the time of its block. */
interface StoredEvent {
  blockNumber: number | bigint;
  logIndex: number | bigint;
  transactionHash: string;
  address: string;
  name: string;
  arguments: string;
  hash: string;
  timestamp: number | bigint;
}

function fromStored(row: StoredEvent): ChainEvent {
  return {
    blockNumber: Number(row.blockNumber),
    blockHash: row.hash,
    blockTimestamp: Number(row.timestamp),
    transactionHash: row.transactionHash,
    logIndex: Number(row.logIndex),
    address: row.address,
    name: row.name as EventName,
    args: JSON.parse(row.arguments),
  } as ChainEvent;
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
