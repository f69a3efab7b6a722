// Dates at which cards expire, and what is told when they come. The dates are taken from the outbox, which has told of every one
// since the beginning; whether a date still counts is asked of the mirror when it has come. Must hold: of a card that was renewed
// meanwhile nothing is told of the old date, so nothing is told while the mirror lags behind the chain; of each card and date it
// is told once, also if no server was there when it came.

import type { ChainEvent } from "../chain/events.ts";
import { insertRows } from "../database/bulk.ts";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { checkpoint, many, one, readSnapshot } from "../database/snapshot.ts";
import { inTransaction } from "../database/transactions.ts";
import { isoTime, presentAsOf, presentTold, tiesOf } from "./card-facts.ts";
import { eventId } from "./signing.ts";
import { readListeners, StalePreparationError, type Telling, tell } from "./telling.ts";

/** That cards beside each other expire at a time. */
export interface ExpiryDate {
  collectionAddress: string;
  brandId: number;
  firstSerial: number;
  count: number;
  /** In seconds, as the chain's times are. */
  expiresAt: number;
  since: number;
}

const WHAT = ["expiring", "expired"] as const;
const DAY_S = 86_400;
/** How many cards are looked at in one transaction. */
const PORTION = 500;

/** The dates that an event sets. */
export function expiryDatesOf(event: ChainEvent, brandId: number): ExpiryDate[] {
  const { address: collectionAddress, blockTimestamp: since } = event;
  if (event.name === "BatchIssued") {
    const { firstSerial, count, expiresAt } = event.args;
    return expiresAt === 0 ? [] : [{ collectionAddress, brandId, firstSerial, count, expiresAt, since }];
  }
  if ((event.name !== "CardRenewed" && event.name !== "CardCorrected") || event.args.expiresAt === 0) return [];
  const { serial: firstSerial, expiresAt } = event.args;
  return [{ collectionAddress, brandId, firstSerial, count: 1, expiresAt, since }];
}

export async function insertExpiryDates(transaction: DatabaseTransaction, dates: readonly ExpiryDate[]): Promise<void> {
  await insertRows(transaction, {
    table: "ExpiryDate",
    columns: ["collectionAddress", "brandId", "firstSerial", "count", "expiresAt", "since", "what", "told"],
    rows: WHAT.flatMap((what) =>
      dates.map(({ collectionAddress, brandId, firstSerial, count, expiresAt, since }) => [
        ...[collectionAddress, brandId, firstSerial, count, expiresAt, since, what, 0],
      ]),
    ),
  });
}

export interface ExpiryTellerOptions {
  /** For reading the mirror. */
  database: Database;
  application: Database;
  /** How many days before a card expires it is told that it will. */
  expiringDays: number;
  /** Whether the mirror is as new as the chain. */
  isCurrent(): boolean;
  /** In milliseconds. */
  now(): number;
}

export interface ExpiryTeller {
  /** Tells a portion of what has come. Returns whether there was any. */
  step(): Promise<boolean>;
}

export function createExpiryTeller(options: ExpiryTellerOptions): ExpiryTeller {
  const { database, application, expiringDays, isCurrent, now } = options;

  async function stepOf(what: (typeof WHAT)[number]): Promise<boolean> {
    const nowS = Math.floor(now() / 1000);
    const ahead = what === "expiring" ? expiringDays * DAY_S : 0;
    const row = await application.expiryDate.findFirst({
      where: { what, expiresAt: { lte: nowS + ahead } },
      orderBy: [{ expiresAt: "asc" }, { id: "asc" }],
    });
    // Looked at again: the mirror may have fallen behind meanwhile.
    if (row === null || !isCurrent()) return false;
    const expiresAt = Number(row.expiresAt);
    const some = Math.min(PORTION, row.count - row.told);
    const first = row.firstSerial + row.told;
    const listeners = await readListeners(application, now());
    const cards = await cardsAt(row.collectionAddress, { first, some, expiresAt });
    const type = `card.${what}`;
    // Nobody is told of a date that had come before they asked to be told.
    const at = Math.max(expiresAt - ahead, Number(row.since)) * 1000;
    const tellings =
      // Who was away for long is not told that something will happen which has.
      what === "expiring" && expiresAt <= nowS ? [] : await tellingsOf(cards, { type, at, brandId: row.brandId });
    await inTransaction(application, async (transaction) => {
      const done = row.told + some;
      const changed =
        done < row.count
          ? await transaction.$executeRaw(
              Prisma.sql`UPDATE "ExpiryDate" SET "told" = ${done} WHERE "id" = ${row.id} AND "told" = ${row.told}`,
            )
          : await transaction.$executeRaw(
              Prisma.sql`DELETE FROM "ExpiryDate" WHERE "id" = ${row.id} AND "told" = ${row.told}`,
            );
      // Another server was faster.
      if (changed !== 1) throw new StalePreparationError();
      await tell(transaction, tellings, listeners, now());
    });
    return true;
  }

  /** Those of some cards that still expire then, with the block as of which they do. */
  async function cardsAt(
    collectionAddress: string,
    { first, some, expiresAt }: { first: number; some: number; expiresAt: number },
  ) {
    return await readSnapshot(database, {
      checkpoint,
      collection: one("Collection", { where: Prisma.sql`"address" = ${collectionAddress}` }),
      cards: many("Card", {
        where: Prisma.sql`
          "collectionAddress" = ${collectionAddress} AND "serial" >= ${first} AND "serial" < ${first + some}
          AND "expiresAt" = ${expiresAt} AND "status" IN ('Active', 'Suspended')`,
        orderBy: Prisma.sql`"serial"`,
        limit: some,
      }),
    });
  }

  async function tellingsOf(
    found: Awaited<ReturnType<typeof cardsAt>>,
    { type, at, brandId }: { type: string; at: number; brandId: number },
  ): Promise<Telling[]> {
    const { checkpoint, collection, cards } = found;
    if (checkpoint === null || collection === null) return [];
    const ties = await tiesOf(database, brandId, cards);
    const asOf = presentAsOf(checkpoint.chainId, {
      number: checkpoint.blockNumber,
      hash: checkpoint.blockHash,
      timestamp: checkpoint.blockTimestamp,
    });
    return cards.map((card, index) => {
      const { customerId = null, orderId = null } = ties[index] ?? {};
      const change = { expiresAt: isoTime(card.expiresAt) };
      return {
        id: eventId(type, card.collectionAddress, card.serial, card.expiresAt),
        ...{ brandId, type, happenedAt: at, customerId, entry: null, reverts: null },
        data: { card: presentTold(card, collection), orderId, change, asOf },
        isFor: (listener) => listener.createdAt <= at,
      };
    });
  }

  return {
    async step() {
      if (!isCurrent()) return false;
      const [expiring, expired] = [await stepOf("expiring"), await stepOf("expired")];
      return expiring || expired;
    },
  };
}
