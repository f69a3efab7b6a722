// Reads of the mirror. Must hold: what one answer is made of comes from one snapshot together with the checkpoint, so that
// its `asOf` is true; and every read follows an index from a known key, so that its cost does not grow with the tables.

import type { Database } from "../database/client.ts";
import {
  type Batch,
  type Brand,
  type Card,
  type Checkpoint,
  type Collection,
  Prisma,
} from "../database/generated/client.ts";
import type { HolderPosition } from "./cursors.ts";
import type { CollectionName } from "./parameters.ts";
import type { OfferedCollection } from "./verify-form.ts";

/** How many collections a form offers; the others can be typed. */
const MOST_OFFERED = 200;

export type CollectionRow = Collection & { brand: Brand };
export type CardRow = Card & { collection: Collection };

/** An event with the time of its block. */
export interface EventRow {
  blockNumber: number;
  logIndex: number;
  transactionHash: string;
  name: string;
  arguments: string;
  timestamp: bigint | number;
}

export interface Snapshot {
  checkpoint: Checkpoint | null;
}

export interface Queries {
  /** The address of a collection; nothing if no collection has that slug. */
  resolveCollection(name: CollectionName): Promise<string | undefined>;
  checkpoint(): Promise<Checkpoint | null>;
  collections(page: { after: string | undefined; limit: number }): Promise<Snapshot & { collections: CollectionRow[] }>;
  collection(address: string): Promise<Snapshot & { collection: CollectionRow | null }>;
  cards(
    address: string,
    page: { after: number | undefined; limit: number },
  ): Promise<Snapshot & { collection: CollectionRow | null; cards: Card[] }>;
  card(
    address: string,
    serial: number,
  ): Promise<
    Snapshot & { collection: CollectionRow | null; card: Card | null; batch: Batch | null; events: EventRow[] }
  >;
  /** The card without its history. */
  cardOnly(
    address: string,
    serial: number,
  ): Promise<Snapshot & { collection: CollectionRow | null; card: Card | null }>;
  /** The first collections by name, for a form. */
  offeredCollections(): Promise<OfferedCollection[]>;
  holderCards(
    holder: string,
    page: { after: HolderPosition | undefined; limit: number },
  ): Promise<Snapshot & { cards: CardRow[] }>;
}

export function createQueries(database: Database): Queries {
  const readCheckpoint = () => database.checkpoint.findUnique({ where: { id: 1 } });
  const readCollection = (address: string) =>
    database.collection.findUnique({ where: { address }, include: { brand: true } });
  // A slug leads to one address for ever (the registry derives the one from the other), so it is looked up once.
  const addresses = new Map<string, string>();

  return {
    async resolveCollection(name) {
      if ("address" in name) return name.address;
      const known = addresses.get(name.slug);
      if (known !== undefined) return known;
      // As a transaction, so that it never sees what a writer on the same connection has not committed.
      const [found] = await database.$transaction([
        database.collection.findUnique({ where: { slug: name.slug }, select: { address: true } }),
      ]);
      if (found !== null) addresses.set(name.slug, found.address);
      return found?.address;
    },
    async checkpoint() {
      const [checkpoint] = await database.$transaction([readCheckpoint()]);
      return checkpoint;
    },
    async collections({ after, limit }) {
      const [checkpoint, collections] = await database.$transaction([
        readCheckpoint(),
        database.collection.findMany({
          where: after === undefined ? {} : { address: { gt: after } },
          orderBy: { address: "asc" },
          take: limit,
          include: { brand: true },
        }),
      ]);
      return { checkpoint, collections };
    },
    async collection(address) {
      const [checkpoint, collection] = await database.$transaction([readCheckpoint(), readCollection(address)]);
      return { checkpoint, collection };
    },
    async cards(address, { after, limit }) {
      const [checkpoint, collection, cards] = await database.$transaction([
        readCheckpoint(),
        readCollection(address),
        database.card.findMany({
          where: { collectionAddress: address, serial: { gt: after ?? 0 } },
          orderBy: { serial: "asc" },
          take: limit,
        }),
      ]);
      return { checkpoint, collection, cards };
    },
    async card(collectionAddress, serial) {
      const [checkpoint, collection, card, batch, cardEvents, batchEvents] = await database.$transaction([
        readCheckpoint(),
        readCollection(collectionAddress),
        database.card.findUnique({ where: { collectionAddress_serial: { collectionAddress, serial } } }),
        database.batch.findFirst({
          where: { collectionAddress, firstSerial: { lte: serial } },
          orderBy: { firstSerial: "desc" },
        }),
        database.$queryRaw<EventRow[]>(eventsOfCard(collectionAddress, serial)),
        database.$queryRaw<EventRow[]>(eventOfBatch(collectionAddress, serial)),
      ]);
      const events = [...cardEvents, ...batchEvents].sort(
        (a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex,
      );
      return { checkpoint, collection, card, batch: card === null ? null : batch, events: card === null ? [] : events };
    },
    async cardOnly(collectionAddress, serial) {
      const [checkpoint, collection, card] = await database.$transaction([
        readCheckpoint(),
        readCollection(collectionAddress),
        database.card.findUnique({ where: { collectionAddress_serial: { collectionAddress, serial } } }),
      ]);
      return { checkpoint, collection, card };
    },
    async offeredCollections() {
      const [rows] = await database.$transaction([
        database.collection.findMany({
          orderBy: { slug: "asc" },
          take: MOST_OFFERED,
          select: { slug: true, name: true, brand: { select: { name: true } } },
        }),
      ]);
      return rows.map(({ slug, name, brand }) => ({ slug, name, brandName: brand.name }));
    },
    async holderCards(holder, { after, limit }) {
      const [checkpoint, cards] = await database.$transaction([
        readCheckpoint(),
        database.card.findMany({
          where: {
            holder,
            ...(after === undefined
              ? {}
              : {
                  collectionAddress: { gte: after.collectionAddress },
                  OR: [
                    { collectionAddress: { gt: after.collectionAddress } },
                    { collectionAddress: after.collectionAddress, serial: { gt: after.serial } },
                  ],
                }),
          },
          orderBy: [{ collectionAddress: "asc" }, { serial: "asc" }],
          take: limit,
          include: { collection: true },
        }),
      ]);
      return { checkpoint, cards };
    },
  };
}

const EVENT_COLUMNS = Prisma.sql`e."blockNumber", e."logIndex", e."transactionHash", e."name", e."arguments", b."timestamp"`;

function eventsOfCard(address: string, serial: number): Prisma.Sql {
  return Prisma.sql`
    SELECT ${EVENT_COLUMNS}
    FROM "Event" e JOIN "Block" b ON b."number" = e."blockNumber"
    WHERE e."address" = ${address} AND e."serial" = ${serial}`;
}

/** The event that closed the card's batch: the first `BatchIssued` of the collection after the card's own `Issued`. */
function eventOfBatch(address: string, serial: number): Prisma.Sql {
  return Prisma.sql`
    SELECT ${EVENT_COLUMNS}
    FROM "Event" i
    JOIN "Event" e ON e."blockNumber" = i."blockNumber" AND e."logIndex" > i."logIndex"
      AND e."address" = i."address" AND e."name" = 'BatchIssued' AND e."transactionHash" = i."transactionHash"
    JOIN "Block" b ON b."number" = e."blockNumber"
    WHERE i."address" = ${address} AND i."serial" = ${serial} AND i."name" = 'Issued'
    ORDER BY i."blockNumber", i."logIndex", e."blockNumber", e."logIndex"
    LIMIT 1`;
}
