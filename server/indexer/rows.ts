// The mirror's tables as events make them: what is written when events come. What is written when they are taken back is in
// undo.ts. Everything here runs inside a transaction of mirror.ts.

import { type ChainEvent, type EventName, type EventOf, isCardEvent, serialOf } from "../chain/events.ts";
import { type CellValue, insertRows, upsertRows } from "../database/bulk.ts";
import type { DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { createCardBook } from "./card-book.ts";
import {
  type BrandState,
  brandIdOf,
  type CollectionState,
  collectionOf,
  foldBrand,
  foldCollection,
  isBrandEvent,
  isCollectionEvent,
} from "./fold.ts";
import { loadEventsAfter, type Place } from "./stored-events.ts";

export const SUBJECT_KEY = ["subject", "blockNumber", "logIndex"] as const;
/** How many stored events are folded at a time. */
const EVENTS_PER_STEP = 20_000;
/** How many cards are kept in memory before they are written. */
const CARDS_IN_MEMORY = 200_000;
const BEFORE_ALL: Place = { blockNumber: -1, logIndex: -1 };

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
  await writeAllButCards(transaction, events);
  const cards = createCardBook(transaction);
  await cards.fold(events.filter(isCardEvent));
  await cards.write();
}

/** Empties all tables that are made of events. */
export async function clearFolded(transaction: DatabaseTransaction): Promise<void> {
  // In this order, because rows refer to those of later tables. Without a condition SQLite need not look at the rows.
  for (const table of [
    "EventSubject",
    "Reissue",
    "RedemptionUndoing",
    "Redemption",
    "Benefit",
    "Card",
    "Batch",
    "Collection",
    "Brand",
  ]) {
    await transaction.$executeRaw(Prisma.sql`DELETE FROM ${Prisma.raw(`"${table}"`)}`);
  }
}

/** Folds all stored events anew, into empty tables. Returns how many there are. */
export async function refoldAll(
  transaction: DatabaseTransaction,
  onProgress: (events: number) => void,
): Promise<number> {
  await clearFolded(transaction);
  const cards = createCardBook(transaction);
  const readAfter = (place: Place) => loadEventsAfter(transaction, place, EVENTS_PER_STEP);
  let done = 0;
  let reading = readAfter(BEFORE_ALL);
  try {
    for (;;) {
      const events = await reading;
      const end = events.at(-1);
      if (end === undefined) break;
      // While these are folded, the database reads on.
      reading = readAfter(end);
      // Awaited by the next turn; until then a failure must not count as unhandled.
      reading.catch(() => undefined);
      await writeAllButCards(transaction, events);
      await cards.fold(events.filter(isCardEvent));
      if (cards.size() > CARDS_IN_MEMORY) await cards.write();
      done += events.length;
      onProgress(done);
    }
  } finally {
    // Nothing may still be at work when the transaction ends.
    await Promise.allSettled([reading]);
  }
  await cards.write();
  return done;
}

async function writeAllButCards(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  await writeBrands(transaction, events);
  await writeCollections(transaction, events);
  await writeBatches(transaction, events);
  await writeBenefits(transaction, events);
  await writeRedemptions(transaction, events);
  await writeUndoings(transaction, events);
  await writeReissues(transaction, events);
  await writeSubjects(transaction, events);
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

/** Batches, each of which is what one event says, and how many cards they make with those before them. */
async function writeBatches(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  const totals = new Map<string, BatchTotals>();
  const batches: CellValue[][] = [];
  for (const { address, args, blockNumber, logIndex, transactionHash } of events.filter(isNamed("BatchIssued"))) {
    const { firstSerial, count, tier, expiresAt, commitmentRoot, batchReference } = args;
    const before = totals.get(address) ?? (await lastTotals(transaction, address));
    const issuedCount = before.issuedCount + count;
    const highestSerial = Math.max(before.highestSerial, firstSerial + count - 1);
    totals.set(address, { issuedCount, highestSerial });
    const terms = [firstSerial, count, tier, expiresAt, commitmentRoot, batchReference, issuedCount, highestSerial];
    batches.push([address, ...terms, blockNumber, logIndex, transactionHash]);
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
      "batchReference",
      "issuedCount",
      "highestSerial",
      "blockNumber",
      "logIndex",
      "transactionHash",
    ],
    rows: batches,
  });
  for (const [address, { issuedCount }] of totals) {
    await transaction.$executeRaw(
      Prisma.sql`UPDATE "Collection" SET "issuedCount" = ${issuedCount} WHERE "address" = ${address}`,
    );
  }
}

type BatchTotals = Record<"issuedCount" | "highestSerial", number>;

/** What a collection's batches come to so far. */
async function lastTotals(transaction: DatabaseTransaction, collectionAddress: string): Promise<BatchTotals> {
  const [last] = await transaction.$queryRaw<Record<keyof BatchTotals, number | bigint>[]>(Prisma.sql`
    SELECT "issuedCount", "highestSerial" FROM "Batch" WHERE "collectionAddress" = ${collectionAddress}
    ORDER BY "blockNumber" DESC, "logIndex" DESC LIMIT 1`);
  return { issuedCount: Number(last?.issuedCount ?? 0), highestSerial: Number(last?.highestSerial ?? 0) };
}

/** What tiers are entitled to: of several changes the last one counts. */
export async function writeBenefits(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
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

async function writeUndoings(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  await insertRows(transaction, {
    table: "RedemptionUndoing",
    columns: [
      "collectionAddress",
      "serial",
      "benefitId",
      "number",
      "staff",
      "used",
      "reason",
      "blockNumber",
      "logIndex",
      "transactionHash",
    ],
    rows: events
      .filter(isNamed("RedemptionUndone"))
      .map(({ address, args, blockNumber, logIndex, transactionHash }): CellValue[] => {
        const { serial, benefitId, number, staff, used, reason } = args;
        return [address, serial, benefitId, number, staff, used, reason, blockNumber, logIndex, transactionHash];
      }),
  });
}

/** The changes of holder, by which a read of the past finds who held a card then. */
async function writeReissues(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  await insertRows(transaction, {
    table: "Reissue",
    columns: ["collectionAddress", "serial", "generation", "fromHolder", "toHolder", "blockNumber", "logIndex"],
    rows: events.filter(isNamed("CardReissued")).map(({ address, args, blockNumber, logIndex }): CellValue[] => {
      const { serial, generation, from, to } = args;
      return [address, serial, generation, from, to, blockNumber, logIndex];
    }),
  });
}

/** Which events a read of the past has to fold for a brand or a collection. */
async function writeSubjects(transaction: DatabaseTransaction, events: readonly ChainEvent[]): Promise<void> {
  await insertRows(transaction, { table: "EventSubject", columns: SUBJECT_KEY, rows: subjectRows(events) });
}

/** The keys of those rows: what an event is about, if it is about a brand or a collection itself. */
export function subjectRows(events: readonly ChainEvent[]): CellValue[][] {
  const rows: CellValue[][] = [];
  for (const event of events) {
    const { blockNumber, logIndex } = event;
    if (isBrandEvent(event)) rows.push([`brand/${brandIdOf(event)}`, blockNumber, logIndex]);
    if (isCollectionEvent(event)) rows.push([`collection/${collectionOf(event)}`, blockNumber, logIndex]);
  }
  return rows;
}

/** For filters: whether an event has this name. */
export function isNamed<Name extends EventName>(name: Name) {
  return (event: ChainEvent): event is EventOf<Name> => event.name === name;
}
