// From the outbox to what is told to brands. Must hold: each entry is followed once, in their order, and the cursor moves in the
// transaction that writes what follows from it; a batch becomes a telling for each of its cards, portion by portion; what an
// entry tells of is read of the mirror while it stands there.
//
// An entry that was taken back before it was followed is passed over, and so is its taking back: nobody has heard of it.

import type { ChainEvent, EventOf } from "../chain/events.ts";
import type { Database } from "../database/client.ts";
import { inTransaction } from "../database/transactions.ts";
import { createHistory } from "../history/history.ts";
import { entriesAfter, type OutboxEntry } from "../indexer/outbox.ts";
import { type CardToldEvent, changeOf, presentAsOf, presentCollectionName, presentTold, tiesOf } from "./card-facts.ts";
import { type ExpiryDate, expiryDatesOf, insertExpiryDates } from "./expiries.ts";
import { eventId } from "./signing.ts";
import { type Listener, listenersFor, moveCursor, readCursor, readListeners, type Telling, tell } from "./telling.ts";
import { isToldEvent, revertedType, type ToldEventName, TYPE_OF_EVENT } from "./types.ts";

export interface OutboxFollowerOptions {
  /** For reading the mirror. */
  database: Database;
  application: Database;
  /** In milliseconds. */
  now(): number;
  /** How many tellings one transaction writes at most, about. */
  portion?: number;
}

export interface OutboxFollower {
  /** Follows a portion of the outbox. Returns whether there was anything to follow. */
  step(): Promise<boolean>;
}

/** How many entries are looked at at once. Most of them concern no endpoint. */
const ENTRIES_AT_ONCE = 500;
const PORTION = 500;
/** How many reads of the mirror are under way at once. */
const READS_AT_ONCE = 8;
/** What says what was before. */
const NEEDS_PAST: ReadonlySet<string> = new Set(["CardRenewed", "CardTierChanged", "CardCorrected"]);

/** What was made of a part of the outbox. */
interface Prepared {
  tellings: Telling[];
  dates: ExpiryDate[];
  to: { entry: number; cards: number };
}

export function createOutboxFollower(options: OutboxFollowerOptions): OutboxFollower {
  const { database, application, now, portion = PORTION } = options;
  const collections = new Map<string, { brandId: number; address: string; slug: string; name: string }>();

  /** What never changes of a collection; nothing if the chain has taken it back. */
  async function collectionOf(address: string) {
    const known = collections.get(address);
    if (known !== undefined) return known;
    const found = await database.collection.findUnique({
      where: { address },
      select: { brandId: true, address: true, slug: true, name: true },
    });
    if (found !== null) collections.set(address, found);
    return found ?? undefined;
  }

  async function prepare(from: { entry: number; cards: number }, listeners: readonly Listener[]): Promise<Prepared> {
    const prepared: Prepared = { tellings: [], dates: [], to: { ...from } };
    const entries = await entriesAfter(database, from.entry, ENTRIES_AT_ONCE);
    // After the entries: the mirror's transactions write both, so that it has read their blocks, unless it was emptied since.
    const checkpoint = await database.checkpoint.findUnique({ where: { id: 1 } });
    if (checkpoint === null) return prepared;
    const chainId = Number(checkpoint.chainId);
    const passedOver = await retractedOf(entries.map(({ id }) => id));
    const reading: (() => Promise<Telling[]>)[] = [];
    for (const entry of entries) {
      const { event, retracts } = entry;
      if (passedOver.has(entry.id)) {
        prepared.to = { entry: entry.id, cards: 0 };
        continue;
      }
      // Until the mirror has read that block again it says nothing of it.
      if (retracts === null && event.blockNumber > checkpoint.blockNumber) break;
      const room = portion - prepared.tellings.length - reading.length;
      if (room <= 0) break;
      const begun = prepared.to.cards;
      const made = retracts === null ? await follow(entry, begun, room) : await takeBack(entry, retracts, begun, room);
      prepared.tellings.push(...made.tellings);
      if (made.read !== undefined) reading.push(made.read);
      if (begun === 0) prepared.dates.push(...made.dates);
      if (made.goesOnAt !== undefined) {
        prepared.to.cards = made.goesOnAt;
        break;
      }
      prepared.to = { entry: entry.id, cards: 0 };
    }
    for (let start = 0; start < reading.length; start += READS_AT_ONCE) {
      const some = await Promise.all(reading.slice(start, start + READS_AT_ONCE).map((read) => read()));
      prepared.tellings.push(...some.flat());
    }
    prepared.tellings = await withoutRetracted(prepared.tellings);
    return prepared;

    interface Followed {
      tellings: Telling[];
      /** Makes the rest. */
      read?: () => Promise<Telling[]>;
      dates: ExpiryDate[];
      /** How many cards of the entry were followed, if there are more. */
      goesOnAt?: number;
    }

    async function follow({ id, event }: OutboxEntry, begun: number, room: number): Promise<Followed> {
      if (!isToldEvent(event.name)) return { tellings: [], dates: [] };
      const collection = await collectionOf(event.address);
      if (collection === undefined) return { tellings: [], dates: [] };
      const { brandId } = collection;
      const dates = expiryDatesOf(event, brandId);
      const type = TYPE_OF_EVENT[event.name];
      const isFor = (listener: Listener) => listener.afterEntry < id;
      if (listenersFor(listeners, { brandId, type, isFor }).length === 0) return { tellings: [], dates };
      const base = { brandId, type, entry: id, reverts: null, isFor, happenedAt: event.blockTimestamp * 1000 };
      if (event.name === "BatchIssued") {
        const { count } = event.args;
        const some = Math.min(room, count - begun);
        const { tellings, followed } = await issuedCards(event, collection, { base, begun, some });
        return { tellings, dates, ...(begun + followed < count ? { goesOnAt: begun + followed } : {}) };
      }
      const told = event as Exclude<ToldEvent, EventOf<"BatchIssued">>;
      return { tellings: [], dates, read: () => singleTelling(told, collection, base) };
    }

    type Base = Omit<Telling, "id" | "data" | "customerId"> & { entry: number };

    function place(event: ChainEvent) {
      const { blockNumber: number, blockHash: hash, blockTimestamp: timestamp, transactionHash, logIndex } = event;
      return {
        asOf: presentAsOf(chainId, { number, hash, timestamp }),
        transaction: { hash: transactionHash, logIndex },
      };
    }

    async function issuedCards(
      event: EventOf<"BatchIssued">,
      collection: { brandId: number; address: string; slug: string; name: string },
      { base, begun, some }: { base: Base; begun: number; some: number },
    ): Promise<{ tellings: Telling[]; followed: number }> {
      const { firstSerial, count } = event.args;
      const history = createHistory({ database, at: event.blockNumber });
      const cards = [];
      const end = firstSerial + begun + some;
      let after = firstSerial + begun - 1;
      while (after < end - 1) {
        const page = await history.cards(event.address, { after, limit: end - 1 - after });
        cards.push(...page.cards.filter(({ serial }) => serial < end));
        const last = page.goesOnAfter ?? page.cards.at(-1)?.serial;
        // Without a card the chain has taken the batch back meanwhile.
        if (last === undefined || last <= after) break;
        after = last;
      }
      const ties = await tiesOf(application, collection.brandId, cards);
      const tellings = cards.map((card, index): Telling => {
        const { customerId = null, orderId = null } = ties[index] ?? {};
        const data = {
          card: presentTold(card, collection),
          orderId,
          change: { batch: { firstSerial, count } },
          ...place(event),
        };
        return { ...base, id: eventId("outbox", base.entry, card.serial), data, customerId };
      });
      return { tellings, followed: some };
    }

    async function singleTelling(
      event: Exclude<ToldEvent, EventOf<"BatchIssued">>,
      collection: { brandId: number; address: string; slug: string; name: string },
      base: Base,
    ): Promise<Telling[]> {
      const id = eventId("outbox", base.entry);
      if (event.name === "WindDownStarted") {
        return [
          { ...base, id, customerId: null, data: { collection: presentCollectionName(collection), ...place(event) } },
        ];
      }
      const history = createHistory({ database, at: event.blockNumber });
      const needsPast = NEEDS_PAST.has(event.name);
      const { card, events } = needsPast
        ? await history.card(event.address, event.args.serial)
        : { ...(await history.cardOnly(event.address, event.args.serial)), events: [] };
      // Taken back meanwhile.
      if (card === null) return [];
      const [{ customerId, orderId } = { customerId: null, orderId: null }] = await tiesOf(
        application,
        collection.brandId,
        [card],
      );
      const change = changeOf(event as CardToldEvent, events);
      const data = { card: presentTold(card, collection), orderId, change, ...place(event) };
      return [{ ...base, id, customerId, data }];
    }

    async function takeBack(
      { id, event }: OutboxEntry,
      retracts: number,
      begun: number,
      room: number,
    ): Promise<Followed> {
      const told = await application.webhookEvent.findMany({
        where: { entry: retracts },
        orderBy: { id: "asc" },
        skip: begun,
        take: room,
      });
      const tellings = told.map(
        ({ id: reverts, brandId, type, data, customerId }): Telling => ({
          ...{ id: eventId("outbox", id, reverts), brandId, type: revertedType(type), happenedAt: now() },
          ...{ data: JSON.parse(data) as object, customerId, entry: id, reverts },
          isFor: (listener) => listener.afterEntry < retracts,
        }),
      );
      const dates = event.name === "CardRenewed" || event.name === "CardCorrected" ? await datesBefore(event) : [];
      return { tellings, dates, ...(told.length === room ? { goesOnAt: begun + room } : {}) };
    }

    /** A renewal or a correction that was taken back makes the card expire when it did before. */
    async function datesBefore(event: EventOf<"CardRenewed" | "CardCorrected">): Promise<ExpiryDate[]> {
      const { address: collectionAddress, args } = event;
      const [card, collection] = await Promise.all([
        database.card.findUnique({
          where: { collectionAddress_serial: { collectionAddress, serial: args.serial } },
          select: { expiresAt: true },
        }),
        collectionOf(collectionAddress),
      ]);
      if (card === null || collection === undefined) return [];
      const before = { ...event, args: { ...args, expiresAt: Number(card.expiresAt) } } as ChainEvent;
      return expiryDatesOf(before, collection.brandId);
    }
  }

  /** Leaves out what the chain has taken back while it was read: it may have been read of blocks that followed others. */
  async function withoutRetracted(tellings: readonly Telling[]): Promise<Telling[]> {
    const entries = tellings.flatMap(({ entry, reverts }) => (entry === null || reverts !== null ? [] : [entry]));
    const retracted = await retractedOf([...new Set(entries)]);
    return tellings.filter(({ entry, reverts }) => reverts !== null || entry === null || !retracted.has(entry));
  }

  /** Those of some entries that were taken back. */
  async function retractedOf(entries: number[]): Promise<Set<number>> {
    if (entries.length === 0) return new Set();
    const found = await database.outboxEntry.findMany({
      where: { retracts: { in: entries } },
      select: { retracts: true },
    });
    return new Set(found.flatMap(({ retracts }) => retracts ?? []));
  }

  return {
    async step() {
      const cursor = await readCursor(application);
      const listeners = await readListeners(application, now());
      // Who comes later begins with what happens then, and its dates are found when it is there.
      if (listeners.length === 0) return false;
      const { tellings, dates, to } = await prepare(cursor, listeners);
      if (to.entry === cursor.entry && to.cards === cursor.cards) return false;
      await inTransaction(application, async (transaction) => {
        await moveCursor(transaction, cursor, to);
        await insertExpiryDates(transaction, dates);
        await tell(transaction, tellings, listeners, now());
      });
      return true;
    },
  };
}

type ToldEvent = EventOf<ToldEventName>;
