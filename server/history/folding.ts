// Rows as they were at a block: parts of a snapshot that bring the stored events up to it, and what the fold makes of them.
// Must hold: what an event means is said by fold.ts alone. A card's row that has not changed since the block is itself what
// the fold made of the events up to it, and is taken as it is; of any other row nothing is taken but its key.

import { type CardEvent, isCardEvent } from "../chain/events.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import {
  type BatchRow,
  type BlockRow,
  type CardKey,
  type CardRow,
  type CollectionRow,
  type CollectionWithBrand,
  type EventRow,
  issuedBatchOf,
  many,
  one,
  owner,
} from "../database/snapshot.ts";
import {
  type BrandState,
  type CardState,
  type CollectionState,
  fold,
  foldBrand,
  foldCollection,
  isBrandEvent,
  isCollectionEvent,
} from "../indexer/fold.ts";
import { fromStored } from "../indexer/stored-events.ts";

/** As many as there are. */
export const ALL = 2 ** 31 - 1;

/** An event with the block that it is in. */
export type EventInBlock = EventRow & { block: BlockRow };
/** The events of a brand or a collection, each with its block, oldest first. */
type SubjectEvents = { event: EventRow; block: BlockRow }[];

export const inBlock = { block: owner("Block", Prisma.sql`"Block"."number" = "Event"."blockNumber"`) };

/** What a collection's row needs with it to be folded up to a block, its brand included. */
export const collectionFolding = (at: number) => ({
  events: subjectEvents(Prisma.sql`'collection/' || "Collection"."address"`, at),
  brandEvents: subjectEvents(Prisma.sql`'brand/' || "Collection"."brandId"`, at),
  lastBatch: one("Batch", {
    where: Prisma.sql`"Batch"."collectionAddress" = "Collection"."address" AND "Batch"."blockNumber" <= ${at}`,
    orderBy: Prisma.sql`"Batch"."blockNumber" DESC, "Batch"."logIndex" DESC`,
  }),
});

function subjectEvents(subject: Prisma.Sql, at: number) {
  return many("EventSubject", {
    where: Prisma.sql`"EventSubject"."subject" = ${subject} AND "EventSubject"."blockNumber" <= ${at}`,
    orderBy: Prisma.sql`"EventSubject"."blockNumber", "EventSubject"."logIndex"`,
    limit: ALL,
    include: {
      event: owner(
        "Event",
        Prisma.sql`"Event"."blockNumber" = "EventSubject"."blockNumber" AND "Event"."logIndex" = "EventSubject"."logIndex"`,
      ),
      block: owner("Block", Prisma.sql`"Block"."number" = "EventSubject"."blockNumber"`),
    },
  });
}

/** A collection's row with what {@link collectionFolding} has read for it. */
export type CollectionToFold = CollectionRow & {
  events: SubjectEvents;
  brandEvents: SubjectEvents;
  lastBatch: BatchRow | null;
};

/** A collection and its brand as they were. The collection must have been created by then. */
export function foldedCollection({
  address,
  brandId,
  events,
  brandEvents,
  lastBatch,
}: CollectionToFold): CollectionWithBrand {
  const collection = chainEvents(events)
    .filter(isCollectionEvent)
    .reduce<CollectionState | undefined>(foldCollection, undefined);
  const brand = chainEvents(brandEvents).filter(isBrandEvent).reduce<BrandState | undefined>(foldBrand, undefined);
  if (collection === undefined) throw eventsMissing(`the collection ${address}`);
  if (brand === undefined) throw eventsMissing(`brand ${brandId}`);
  return { address, ...collection, issuedCount: lastBatch?.issuedCount ?? 0, brand: { id: brandId, ...brand } };
}

/** The tables name something that their events do not tell of: somebody else has written there. */
function eventsMissing(what: string): Error {
  return new Error(`The mirror has ${what}, but not the events that it is made of: run npm run rebuild`);
}

function chainEvents(events: SubjectEvents) {
  return events.map(({ event, block }) => fromStored({ ...event, ...block }));
}

/**
 * What a card's row needs with it to be folded up to a block; nothing is read for a row that has not changed since.
 * @param limit How many of the card's own events to read.
 */
export const cardFolding = (at: number, limit: number) => ({
  events: many("Event", {
    where: Prisma.sql`
      "Card"."blockNumber" > ${at} AND "Event"."address" = "Card"."collectionAddress"
      AND "Event"."serial" = "Card"."serial" AND "Event"."blockNumber" <= ${at}`,
    orderBy: Prisma.sql`"Event"."blockNumber", "Event"."logIndex"`,
    limit,
    include: inBlock,
  }),
  batchEvent: one("Event", {
    where: Prisma.sql`"Card"."blockNumber" > ${at} AND "Event"."blockNumber" <= ${at} AND ${issuedBatchOf(CARD)}`,
    include: inBlock,
  }),
});

const CARD: CardKey = { address: Prisma.sql`"Card"."collectionAddress"`, serial: Prisma.sql`"Card"."serial"` };

/** A card with what {@link cardFolding} has read for it. */
export type CardToFold = CardRow & { events: EventInBlock[]; batchEvent: EventInBlock | null };

/** A card as it was. It must have been issued by then. */
export function foldedCard(found: CardToFold, at: number): CardRow {
  const { events, batchEvent, ...row } = found;
  if (row.blockNumber <= at) return row;
  const card = inOrder(batchEvent === null ? events : [...events, batchEvent])
    .map(({ block, ...event }) => fromStored({ ...event, ...block }))
    .filter((event): event is CardEvent => isCardEvent(event))
    .reduce<CardState | undefined>(fold, undefined);
  if (card === undefined) throw eventsMissing(`the card ${row.serial} of ${row.collectionAddress}`);
  return { collectionAddress: row.collectionAddress, serial: row.serial, ...card };
}

/** Events in the order of the chain. */
export function inOrder<Row extends EventRow>(events: Row[]): Row[] {
  return [...events].sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex);
}
