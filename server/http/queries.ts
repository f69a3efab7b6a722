// Reads of the mirror. Must hold: what one answer is made of comes from one snapshot together with the checkpoint, so that
// its `asOf` is true; and every read follows an index from a known key, so that its cost does not grow with the tables.

import type { Database } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import {
  type BatchRow,
  batchAt,
  type CardRow,
  type CheckpointRow,
  type CollectionRow,
  type CollectionWithBrand,
  cardAt,
  checkpoint,
  collectionAt,
  type EventRow,
  issuedBatchOf,
  many,
  one,
  owner,
  readSnapshot,
  value,
  withBrand,
} from "../database/snapshot.ts";
import type { HolderPosition } from "./cursors.ts";
import { brandNameOf, collectionNameOf } from "./names.ts";
import type { CollectionName } from "./parameters.ts";
import type { OfferedCollection } from "./verify-form.ts";

/** How many collections a form offers; the others can be typed. */
const MOST_OFFERED = 200;
/** How many events of a card its history has at most. */
const LONGEST_HISTORY = 1_000;

/** An event with the time of its block. */
export type TimedEvent = EventRow & { timestamp: number };

export interface Snapshot {
  checkpoint: CheckpointRow | null;
}

export interface Queries {
  /** The address of a collection; nothing if no collection has that slug. */
  resolveCollection(name: CollectionName): Promise<string | undefined>;
  checkpoint(): Promise<CheckpointRow | null>;
  collections(page: {
    after: string | undefined;
    limit: number;
  }): Promise<Snapshot & { collections: CollectionWithBrand[] }>;
  collection(address: string): Promise<Snapshot & { collection: CollectionWithBrand | null }>;
  cards(
    address: string,
    page: { after: number | undefined; limit: number },
  ): Promise<Snapshot & { collection: CollectionWithBrand | null; cards: CardRow[] }>;
  card(
    address: string,
    serial: number,
  ): Promise<
    Snapshot & {
      collection: CollectionWithBrand | null;
      card: CardRow | null;
      batch: BatchRow | null;
      events: TimedEvent[];
    }
  >;
  /** The card without its history. */
  cardOnly(
    address: string,
    serial: number,
  ): Promise<Snapshot & { collection: CollectionWithBrand | null; card: CardRow | null }>;
  /** The first collections by name, for a form. */
  offeredCollections(): Promise<OfferedCollection[]>;
  holderCards(
    holder: string,
    page: { after: HolderPosition | undefined; limit: number },
  ): Promise<Snapshot & { cards: (CardRow & { collection: CollectionRow })[] }>;
}

export function createQueries(database: Database): Queries {
  // A slug leads to one address for ever (the registry derives the one from the other), so it is looked up once.
  const addresses = new Map<string, string>();
  const withTime = {
    timestamp: value<number>(Prisma.sql`SELECT "timestamp" FROM "Block" WHERE "number" = "Event"."blockNumber"`),
  };

  return {
    async resolveCollection(name) {
      if ("address" in name) return name.address;
      const known = addresses.get(name.slug);
      if (known !== undefined) return known;
      const bySlug = one("Collection", { where: Prisma.sql`"slug" = ${name.slug}` });
      const { collection } = await readSnapshot(database, { collection: bySlug });
      if (collection !== null) addresses.set(name.slug, collection.address);
      return collection?.address;
    },
    async checkpoint() {
      return (await readSnapshot(database, { checkpoint })).checkpoint;
    },
    async collections({ after = "", limit }) {
      const where = Prisma.sql`"address" > ${after}`;
      const orderBy = Prisma.sql`"address"`;
      return await readSnapshot(database, {
        checkpoint,
        collections: many("Collection", { where, orderBy, limit, include: withBrand }),
      });
    },
    async collection(address) {
      return await readSnapshot(database, { checkpoint, collection: collectionAt(address) });
    },
    async cards(address, { after = 0, limit }) {
      const where = Prisma.sql`"collectionAddress" = ${address} AND "serial" > ${after}`;
      const orderBy = Prisma.sql`"serial"`;
      return await readSnapshot(database, {
        checkpoint,
        collection: collectionAt(address),
        cards: many("Card", { where, orderBy, limit }),
      });
    },
    async card(address, serial) {
      const { cardEvents, batchEvent, ...found } = await readSnapshot(database, {
        checkpoint,
        collection: collectionAt(address),
        card: cardAt(address, serial),
        batch: batchAt(address, serial),
        cardEvents: many("Event", {
          where: Prisma.sql`"address" = ${address} AND "serial" = ${serial}`,
          orderBy: Prisma.sql`"blockNumber", "logIndex"`,
          limit: LONGEST_HISTORY,
          include: withTime,
        }),
        batchEvent: one("Event", {
          where: issuedBatchOf({ address: Prisma.sql`${address}`, serial: Prisma.sql`${serial}` }),
          include: withTime,
        }),
      });
      if (found.card === null) return { ...found, batch: null, events: [] };
      const events = (batchEvent === null ? cardEvents : [...cardEvents, batchEvent]).sort(
        (a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex,
      );
      return { ...found, events };
    },
    async cardOnly(address, serial) {
      return await readSnapshot(database, {
        checkpoint,
        collection: collectionAt(address),
        card: cardAt(address, serial),
      });
    },
    async offeredCollections() {
      const { collections } = await readSnapshot(database, {
        collections: many("Collection", {
          where: Prisma.sql`true`,
          orderBy: Prisma.sql`"slug"`,
          limit: MOST_OFFERED,
          include: withBrand,
        }),
      });
      return collections.map((collection) => ({
        slug: collection.slug,
        name: collectionNameOf(collection),
        brandName: brandNameOf(collection),
      }));
    },
    async holderCards(holder, { after, limit }) {
      const later =
        after === undefined
          ? Prisma.empty
          : Prisma.sql`AND ("collectionAddress", "serial") > (${after.collectionAddress}, ${after.serial})`;
      return await readSnapshot(database, {
        checkpoint,
        cards: many("Card", {
          where: Prisma.sql`"holder" = ${holder} ${later}`,
          orderBy: Prisma.sql`"collectionAddress", "serial"`,
          limit,
          include: { collection: owner("Collection", Prisma.sql`"address" = "Card"."collectionAddress"`) },
        }),
      });
    },
  };
}
