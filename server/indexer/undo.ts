// Takes the mirror's tables back to an earlier block. What has come into being since goes; what has changed since is folded
// anew from the events that are left. Must hold: the time it takes follows from what is undone and from the histories of the
// cards that it concerns, not from the size of the mirror; so everything is looked up by the keys of what is undone.

import { type CardEvent, type ChainEvent, type EventName, type EventOf, isCardEvent } from "../chain/events.ts";
import { type CellValue, deleteRows, selectRows, selectRowsAtOrBefore } from "../database/bulk.ts";
import type { DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { CARD_KEY, cardRow, writeCardRows } from "./card-book.ts";
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
import { isNamed, SUBJECT_KEY, subjectRows, writeBenefits } from "./rows.ts";
import { fromStored, inChainOrder, loadEvents, type StoredEvent } from "./stored-events.ts";

type StoredRow = Omit<StoredEvent, "hash" | "timestamp">;
type CardKey = [collection: string, serial: number];

const BRAND_CHANGES = ["BrandAdmitted", "BrandProfileChanged", "BrandStatusChanged", "BrandKeysReplaced"] as const;
const COLLECTION_CHANGES = ["ContentChanged", "ContentFrozen", "BenefitsFrozen", "WindDownStarted"] as const;

/** How many cards are folded anew at a time. */
const CARDS_PER_STEP = 20_000;

/** Removes everything after a block. Returns how many events are gone. */
export async function undoAfter(transaction: DatabaseTransaction, blockNumber: number): Promise<number> {
  const after = { blockNumber: { gt: blockNumber } };
  // Materialized, or SQLite would walk through the index of all cards to find each but once.
  const cards = await transaction.$queryRaw<{ address: string; serial: number | bigint }[]>(Prisma.sql`
    WITH u AS MATERIALIZED (SELECT "address", "serial" FROM "Event" WHERE "blockNumber" > ${blockNumber})
    SELECT DISTINCT "address", "serial" FROM u WHERE "serial" IS NOT NULL`);
  const others = await loadEvents(transaction, Prisma.sql`e."blockNumber" > ${blockNumber} AND e."serial" IS NULL`);
  const { count } = await transaction.event.deleteMany({ where: after });
  await transaction.block.deleteMany({ where: { number: { gt: blockNumber } } });

  await removeBatches(transaction, others.filter(isNamed("BatchIssued")));
  await deleteRows(transaction, { table: "EventSubject", key: SUBJECT_KEY, keys: subjectRows(others) });
  for (let start = 0; start < cards.length; start += CARDS_PER_STEP) {
    const some = cards
      .slice(start, start + CARDS_PER_STEP)
      .map(({ address, serial }): CardKey => [address, Number(serial)]);
    for (const table of ["Redemption", "RedemptionUndoing", "Reissue"]) {
      await deleteRows(transaction, { table, key: CARD_KEY, keys: some, where: `"blockNumber" > ${blockNumber}` });
    }
    await refoldCards(transaction, some);
  }
  await refoldBenefits(transaction, others);
  await refoldCollections(transaction, others);
  await refoldBrands(transaction, others);
  return count;
}

async function refoldCards(transaction: DatabaseTransaction, keys: readonly CardKey[]): Promise<void> {
  const cards = new Map<string, Map<number, CardState | undefined>>();
  for (const [collection, serial] of keys) {
    const own = cards.get(collection);
    if (own === undefined) cards.set(collection, new Map([[serial, undefined]]));
    else own.set(serial, undefined);
  }
  for (const event of await loadEventsOfCards(transaction, keys)) {
    const own = cards.get(event.address);
    if (own === undefined) continue;
    // A batch is about more cards than those that have changed.
    for (const serial of serialsOf(event)) if (own.has(serial)) own.set(serial, fold(own.get(serial), event));
  }
  const gone: CardKey[] = [];
  const refolded: CellValue[][] = [];
  for (const [collection, own] of cards) {
    for (const [serial, card] of own) {
      if (card === undefined) gone.push([collection, serial]);
      else refolded.push(cardRow(collection, serial, card));
    }
  }
  await deleteRows(transaction, { table: "Card", key: CARD_KEY, keys: gone });
  await writeCardRows(transaction, refolded);
}

/** The stored events of cards in the order of the chain, with those of their batches among them. */
async function loadEventsOfCards(transaction: DatabaseTransaction, keys: readonly CardKey[]): Promise<CardEvent[]> {
  const ofCards = await selectRows<StoredRow>(transaction, { table: "Event", key: ["address", "serial"], keys });
  const batches = await selectRowsAtOrBefore<{ blockNumber: number | bigint; logIndex: number | bigint }>(transaction, {
    table: "Batch",
    key: ["collectionAddress", "firstSerial"],
    keys,
  });
  const ofBatches = await selectRows<StoredRow>(transaction, {
    table: "Event",
    key: ["blockNumber", "logIndex"],
    keys: batches.map(({ blockNumber, logIndex }) => [Number(blockNumber), Number(logIndex)]),
  });
  const rows = [...ofCards, ...ofBatches];
  const numbers = new Set(rows.map((row) => Number(row.blockNumber)));
  const blocks = await selectRows<{ number: number | bigint; hash: string; timestamp: number | bigint }>(transaction, {
    table: "Block",
    key: ["number"],
    keys: [...numbers].map((number) => [number]),
  });
  const blockOf = new Map(blocks.map((block) => [Number(block.number), block]));
  return rows
    .map((row) => {
      const block = blockOf.get(Number(row.blockNumber));
      return fromStored({ ...row, hash: block?.hash ?? null, timestamp: block?.timestamp ?? null });
    })
    .filter(isCardEvent)
    .sort(inChainOrder);
}

async function removeBatches(
  transaction: DatabaseTransaction,
  undone: readonly EventOf<"BatchIssued">[],
): Promise<void> {
  const cards = new Map<string, number>();
  for (const { address, args } of undone) cards.set(address, (cards.get(address) ?? 0) + args.count);
  await deleteRows(transaction, {
    table: "Batch",
    key: ["collectionAddress", "firstSerial"],
    keys: undone.map(({ address, args }) => [address, args.firstSerial]),
  });
  for (const [address, count] of cards) {
    await transaction.collection.update({ where: { address }, data: { issuedCount: { decrement: count } } });
  }
}

async function refoldBenefits(transaction: DatabaseTransaction, undone: readonly ChainEvent[]): Promise<void> {
  for (const address of new Set(undone.filter(isNamed("BenefitChanged")).map((event) => event.address))) {
    await transaction.benefit.deleteMany({ where: { collectionAddress: address } });
    await writeBenefits(transaction, await loadOf(transaction, address, ["BenefitChanged"]));
  }
}

async function refoldCollections(transaction: DatabaseTransaction, undone: readonly ChainEvent[]): Promise<void> {
  const touched = new Set(undone.filter(isCollectionEvent).map(collectionOf));
  if (touched.size === 0) return;
  const created = await loadOf(transaction, await registryOf(transaction), ["CollectionCreated"]);
  for (const address of touched) {
    const changes = await loadOf(transaction, address, COLLECTION_CHANGES);
    const collection = [...created, ...changes]
      .filter(isCollectionEvent)
      .filter((event) => collectionOf(event) === address)
      .reduce<CollectionState | undefined>(foldCollection, undefined);
    if (collection === undefined) await transaction.collection.delete({ where: { address } });
    else await transaction.collection.update({ where: { address }, data: collection });
  }
}

async function refoldBrands(transaction: DatabaseTransaction, undone: readonly ChainEvent[]): Promise<void> {
  const touched = new Set(undone.filter(isBrandEvent).map(brandIdOf));
  if (touched.size === 0) return;
  const events = (await loadOf(transaction, await registryOf(transaction), BRAND_CHANGES)).filter(isBrandEvent);
  for (const id of touched) {
    const brand = events
      .filter((event) => brandIdOf(event) === id)
      .reduce<BrandState | undefined>(foldBrand, undefined);
    if (brand === undefined) await transaction.brand.delete({ where: { id } });
    else await transaction.brand.update({ where: { id }, data: brand });
  }
}

/** A contract's stored events of these names, which are about no single card. */
async function loadOf(
  transaction: DatabaseTransaction,
  address: string,
  names: readonly EventName[],
): Promise<ChainEvent[]> {
  const isOne = Prisma.sql`e."name" IN (${Prisma.join(names)})`;
  return await loadEvents(transaction, Prisma.sql`e."address" = ${address} AND e."serial" IS NULL AND ${isOne}`);
}

async function registryOf(transaction: DatabaseTransaction): Promise<string> {
  return (await transaction.checkpoint.findFirstOrThrow()).registry;
}
