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
import { createHistory, LONGEST_HISTORY } from "../history/history.ts";
import type { PastBlock } from "../history/past-block.ts";
import type { HolderPosition } from "./cursors.ts";
import { brandNameOf, collectionNameOf } from "./names.ts";
import type { CollectionName } from "./parameters.ts";
import type { OfferedCollection } from "./verify-form.ts";

/** How many collections a form offers; the others can be typed. */
const MOST_OFFERED = 200;

/** An event with the time of its block. */
export type TimedEvent = EventRow & { timestamp: number };

export interface Snapshot {
  checkpoint: CheckpointRow | null;
  /** The block that was asked for; nothing where it is the checkpoint's. */
  past?: PastBlock;
}

/** One page of a list. */
export interface Page<Key> extends Snapshot {
  /** Where the list goes on though there are fewer rows than were asked for; nothing where it then ends. */
  goesOnAfter?: Key;
}

/** What is read alike of the newest block and of any other. */
export interface MirrorReads {
  collections(page: {
    after: string | undefined;
    limit: number;
  }): Promise<Page<string> & { collections: CollectionWithBrand[] }>;
  collection(address: string): Promise<Snapshot & { collection: CollectionWithBrand | null }>;
  cards(
    address: string,
    page: { after: number | undefined; limit: number },
  ): Promise<Page<number> & { collection: CollectionWithBrand | null; cards: CardRow[] }>;
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
  holderCards(
    holder: string,
    page: { after: HolderPosition | undefined; limit: number },
  ): Promise<Page<HolderPosition> & { cards: (CardRow & { collection: CollectionRow })[] }>;
}

export interface Queries extends MirrorReads {
  /** Reads as of a block; as of the newest one if it is left out. */
  at(block: number | undefined): MirrorReads;
  /** The address of a collection; nothing if no collection has that slug. */
  resolveCollection(name: CollectionName): Promise<string | undefined>;
  checkpoint(): Promise<CheckpointRow | null>;
  /** The card without its history. */
  cardOnly(
    address: string,
    serial: number,
  ): Promise<Snapshot & { collection: CollectionWithBrand | null; card: CardRow | null }>;
  /** The first collections by name, for a form. */
  offeredCollections(): Promise<OfferedCollection[]>;
}

export function createQueries(database: Database): Queries {
  // A slug leads to one address for ever (the registry derives the one from the other), so it is looked up once.
  const addresses = new Map<string, string>();
  const withTime = {
    timestamp: value<number>(Prisma.sql`SELECT "timestamp" FROM "Block" WHERE "number" = "Event"."blockNumber"`),
  };

  const queries: Queries = {
    at(block) {
      return block === undefined ? queries : createHistory({ database, at: block });
    },
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
  return queries;
}
