// Reads of the mirror as it was at a block. Must hold: the answers are those that the mirror gave when it stood at that block;
// what one answer is made of comes from one statement; and no answer costs more than a page of events and WINDOW keys,
// however large the tables are.
//
// Nothing here knows whether the mirror has read up to that block: whoever asks compares it with the answer's checkpoint.
// After a reorg the answers are those of the chain that the mirror follows then.

import type { Database } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import {
  type BatchRow,
  batchAt,
  type CardRow,
  type CollectionRow,
  type CollectionWithBrand,
  type EventRow,
  issuedBatchOf,
  many,
  ofBatch,
  one,
  owner,
  readSnapshot,
} from "../database/snapshot.ts";
import {
  ALL,
  type CardToFold,
  type CollectionToFold,
  cardFolding,
  collectionFolding,
  foldedCard,
  foldedCollection,
  inBlock,
  inOrder,
} from "./folding.ts";
import { type PastSnapshot, pastParts, pastSnapshot } from "./past-block.ts";

/** How many events of a card its history has at most. */
export const LONGEST_HISTORY = 1_000;

/** A card's place among all cards. */
export interface CardPlace {
  collectionAddress: string;
  serial: number;
}

/** One page of a list. */
export interface PastPage<Key> extends PastSnapshot {
  /** Where the list goes on after the rows, though there may be fewer than were asked for. */
  goesOnAfter?: Key;
}

/** What the mirror held about one card. */
export interface PastCard extends PastSnapshot {
  /** Null if it was not created yet. */
  collection: CollectionWithBrand | null;
  /** Null if it was not issued yet. */
  card: CardRow | null;
  /** The batch that the card was issued in. */
  batch: BatchRow | null;
}

export interface History {
  collections(page: {
    after: string | undefined;
    limit: number;
  }): Promise<PastPage<string> & { collections: CollectionWithBrand[] }>;
  collection(address: string): Promise<PastSnapshot & { collection: CollectionWithBrand | null }>;
  cards(
    address: string,
    page: { after: number | undefined; limit: number },
  ): Promise<PastPage<number> & { collection: CollectionWithBrand | null; cards: CardRow[] }>;
  card(address: string, serial: number): Promise<PastCard & { events: (EventRow & { timestamp: number })[] }>;
  /** The card without its history. */
  cardOnly(address: string, serial: number): Promise<PastCard>;
  holderCards(
    holder: string,
    page: { after: CardPlace | undefined; limit: number },
  ): Promise<PastPage<CardPlace> & { cards: (CardRow & { collection: CollectionRow })[] }>;
}

export interface HistoryOptions {
  database: Database;
  /** The block. */
  at: number;
  /**
   * How many keys one page looks through. What came into being after the block is skipped key by key; a page that finds
   * too little among so many is cut short.
   */
  window?: number;
  /** How many events a page reads for a card. It is cut short before a card that has more, which gets a page of its own. */
  eventsPerCard?: number;
}

const BY_SERIAL = Prisma.sql`"serial"`;
const BY_PLACE = Prisma.sql`"collectionAddress", "serial"`;

/** The mirror as it was at a block. */
export function createHistory({ database, at, window = 2_000, eventsPerCard = 100 }: HistoryOptions): History {
  const collectionAt = (address: string) =>
    one("Collection", {
      where: Prisma.sql`"address" = ${address} AND "blockNumber" <= ${at}`,
      include: collectionFolding(at),
    });
  const cardParts = (address: string, serial: number) => ({
    ...pastParts(at),
    collection: collectionAt(address),
    card: one("Card", {
      where: Prisma.sql`"collectionAddress" = ${address} AND "serial" = ${serial}`,
      include: cardFolding(at, ALL),
    }),
    batch: batchAt(address, serial),
  });

  return {
    async collections({ after = "", limit }) {
      const later = Prisma.sql`"address" > ${after}`;
      const orderBy = Prisma.sql`"address"`;
      const found = await readSnapshot(database, {
        ...pastParts(at),
        collections: many("Collection", {
          where: Prisma.sql`"address" IN (
            SELECT w."address" FROM (
              SELECT "address", "blockNumber" FROM "Collection" WHERE ${later} ORDER BY ${orderBy} LIMIT ${window}
            ) AS w WHERE w."blockNumber" <= ${at} ORDER BY w."address" LIMIT ${limit})`,
          orderBy,
          limit,
          include: collectionFolding(at),
        }),
        windowEnd: one("Collection", { where: later, orderBy, skip: window - 1 }),
      });
      const end = found.collections.length < limit ? found.windowEnd : null;
      return {
        ...pastSnapshot(at, found),
        collections: found.collections.map(foldedCollection),
        ...(end === null ? {} : { goesOnAfter: end.address }),
      };
    },

    async collection(address) {
      const found = await readSnapshot(database, { ...pastParts(at), collection: collectionAt(address) });
      return { ...pastSnapshot(at, found), collection: foldedOrNull(found.collection) };
    },

    async cards(address, { after = 0, limit }) {
      // Serials are mostly issued in their order, so that most of what came later lies beyond this one.
      const highest = Prisma.sql`(
        SELECT "highestSerial" FROM "Batch" WHERE "collectionAddress" = ${address} AND "blockNumber" <= ${at}
        ORDER BY "blockNumber" DESC, "logIndex" DESC LIMIT 1)`;
      const later = Prisma.sql`"collectionAddress" = ${address} AND "serial" > ${after} AND "serial" <= ${highest}`;
      const issuedIn = ofBatch("blockNumber", { address: Prisma.sql`${address}`, serial: Prisma.sql`w."serial"` });
      const read = async (size: PageSize) =>
        await readSnapshot(database, {
          ...pastParts(at),
          collection: collectionAt(address),
          cards: many("Card", {
            where: Prisma.sql`"collectionAddress" = ${address} AND "serial" IN (
              SELECT w."serial" FROM (
                SELECT "serial" FROM "Card" WHERE ${later} ORDER BY "serial" LIMIT ${window}
              ) AS w WHERE ${issuedIn} <= ${at} ORDER BY w."serial" LIMIT ${size.limit})`,
            orderBy: BY_SERIAL,
            limit: size.limit,
            include: cardFolding(at, size.events),
          }),
          windowEnd: one("Card", {
            where: Prisma.sql`"collectionAddress" = ${address} AND "serial" = (
              SELECT "serial" FROM "Card" WHERE ${later} ORDER BY "serial" LIMIT 1 OFFSET ${window - 1})`,
          }),
        });
      const { found, rows, cutAfter } = await readPage(read, limit);
      const end = cutAfter ?? (rows.length < limit ? found.windowEnd : null);
      return {
        ...pastSnapshot(at, found),
        collection: foldedOrNull(found.collection),
        cards: rows.map((row) => foldedCard(row, at)),
        ...(end === null ? {} : { goesOnAfter: end.serial }),
      };
    },

    async card(address, serial) {
      const { cardEvents, batchEvent, ...found } = await readSnapshot(database, {
        ...cardParts(address, serial),
        cardEvents: many("Event", {
          where: Prisma.sql`"address" = ${address} AND "serial" = ${serial} AND "blockNumber" <= ${at}`,
          orderBy: Prisma.sql`"blockNumber", "logIndex"`,
          limit: LONGEST_HISTORY,
          include: inBlock,
        }),
        batchEvent: one("Event", {
          where: issuedBatchOf({ address: Prisma.sql`${address}`, serial: Prisma.sql`${serial}` }),
          include: inBlock,
        }),
      });
      const past = pastCard(found, at);
      if (past.card === null) return { ...past, events: [] };
      const events = inOrder(batchEvent === null ? cardEvents : [...cardEvents, batchEvent]);
      return { ...past, events: events.map(({ block, ...event }) => ({ ...event, timestamp: block.timestamp })) };
    },

    async cardOnly(address, serial) {
      return pastCard(await readSnapshot(database, cardParts(address, serial)), at);
    },

    async holderCards(holder, { after, limit }) {
      const later =
        after === undefined
          ? Prisma.empty
          : Prisma.sql`AND ("collectionAddress", "serial") > (${after.collectionAddress}, ${after.serial})`;
      const currently = Prisma.sql`
        SELECT ${BY_PLACE} FROM "Card" WHERE "holder" = ${holder} ${later} ORDER BY ${BY_PLACE}`;
      const formerly = Prisma.sql`
        SELECT DISTINCT ${BY_PLACE} FROM "Reissue" WHERE "fromHolder" = ${holder} ${later} ORDER BY ${BY_PLACE}`;
      const key = { address: Prisma.sql`w."collectionAddress"`, serial: Prisma.sql`w."serial"` };
      // Whose the card was is told by the first reissue since; without one it is still with whom it was.
      const takenSinceFrom = Prisma.sql`(
        SELECT r."fromHolder" FROM "Reissue" AS r
        WHERE r."collectionAddress" = w."collectionAddress" AND r."serial" = w."serial" AND r."blockNumber" > ${at}
        ORDER BY r."generation" LIMIT 1)`;
      const issued = Prisma.sql`${ofBatch("blockNumber", key)} <= ${at}`;
      const someInOrder = ({ limit }: PageSize) =>
        Prisma.sql`ORDER BY w."collectionAddress", w."serial" LIMIT ${limit}`;
      const endOf = (keys: Prisma.Sql) => Prisma.sql`(${BY_PLACE}) IN (${keys} LIMIT 1 OFFSET ${window - 1})`;
      const read = async (size: PageSize) =>
        await readSnapshot(database, {
          ...pastParts(at),
          cards: many("Card", {
            where: Prisma.sql`(${BY_PLACE}) IN (
              SELECT h."collectionAddress", h."serial" FROM (
                SELECT * FROM (
                  SELECT w."collectionAddress", w."serial" FROM (${currently} LIMIT ${window}) AS w
                  WHERE ${issued} AND ${takenSinceFrom} IS NULL ${someInOrder(size)}
                ) AS "current"
                UNION ALL
                SELECT * FROM (
                  SELECT w."collectionAddress", w."serial" FROM (${formerly} LIMIT ${window}) AS w
                  WHERE ${issued} AND ${takenSinceFrom} = ${holder} ${someInOrder(size)}
                ) AS "former"
              ) AS h ORDER BY h."collectionAddress", h."serial" LIMIT ${size.limit})`,
            orderBy: BY_PLACE,
            limit: size.limit,
            include: {
              ...cardFolding(at, size.events),
              // What is told of it here never changes.
              collection: owner("Collection", Prisma.sql`"Collection"."address" = "Card"."collectionAddress"`),
            },
          }),
          currentEnd: one("Card", { where: endOf(currently) }),
          formerEnd: one("Reissue", { where: endOf(formerly) }),
        });
      const { found, rows, cutAfter } = await readPage(read, limit);
      // Beyond the end of one of the two windows the other one's cards are not all there are.
      const windowEnd = first(found.currentEnd, found.formerEnd);
      const whole = windowEnd === null ? rows : rows.filter((row) => !isAfter(row, windowEnd));
      const end =
        cutAfter !== null && (windowEnd === null || !isAfter(cutAfter, windowEnd))
          ? cutAfter
          : whole.length < limit
            ? windowEnd
            : null;
      return {
        ...pastSnapshot(at, found),
        cards: whole.map(({ collection, ...row }) => ({ ...foldedCard(row, at), collection })),
        ...(end === null ? {} : { goesOnAfter: { collectionAddress: end.collectionAddress, serial: end.serial } }),
      };
    },
  };

  /**
   * Reads a page of cards whose events are all there. A card with very many events ends the page before it, or is read alone.
   */
  async function readPage<Found extends { cards: CardToFold[] }>(
    read: (size: PageSize) => Promise<Found>,
    limit: number,
  ): Promise<{ found: Found; rows: Found["cards"]; cutAfter: CardPlace | null }> {
    const found = await read({ limit, events: eventsPerCard + 1 });
    const heavy = found.cards.findIndex((row) => row.events.length > eventsPerCard);
    if (heavy < 0) return { found, rows: found.cards, cutAfter: null };
    if (heavy > 0) {
      return { found, rows: found.cards.slice(0, heavy), cutAfter: found.cards[heavy - 1] ?? null };
    }
    const alone = await read({ limit: 1, events: ALL });
    return { found: alone, rows: alone.cards, cutAfter: alone.cards[0] ?? null };
  }
}

/** How much to read for a page of cards. */
interface PageSize {
  limit: number;
  /** At most, for each card. */
  events: number;
}

function pastCard(
  found: Parameters<typeof pastSnapshot>[1] & {
    collection: CollectionToFold | null;
    card: CardToFold | null;
    batch: BatchRow | null;
  },
  at: number,
): PastCard {
  // The batches of a collection lie side by side, so that the batch at a serial is the one of the card if there is a card.
  const issued = found.card !== null && found.batch !== null && found.batch.blockNumber <= at;
  return {
    ...pastSnapshot(at, found),
    collection: foldedOrNull(found.collection),
    card: issued && found.card !== null ? foldedCard(found.card, at) : null,
    batch: issued ? found.batch : null,
  };
}

function foldedOrNull(found: CollectionToFold | null): CollectionWithBrand | null {
  return found === null ? null : foldedCollection(found);
}

/** Whether a card comes after another one in a holder's list. */
function isAfter(one: CardPlace, other: CardPlace): boolean {
  if (one.collectionAddress !== other.collectionAddress) return one.collectionAddress > other.collectionAddress;
  return one.serial > other.serial;
}

function first(one: CardPlace | null, other: CardPlace | null): CardPlace | null {
  if (one === null || other === null) return one ?? other;
  return isAfter(one, other) ? other : one;
}
