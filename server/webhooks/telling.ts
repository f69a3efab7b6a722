// Writes down what is told, and to whom. Must hold: the same thing is told to an endpoint once, however often it is come upon, so
// ids follow from what happened; and nothing here says who a customer is, so that who is forgotten is forgotten here as well.

import { insertRows, selectRows } from "../database/bulk.ts";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { messageId } from "./signing.ts";
import { asksFor } from "./types.ts";

/** Something that is to be told to a brand. */
export interface Telling {
  /** Follows from what happened. */
  id: string;
  brandId: number;
  type: string;
  /** In milliseconds. */
  happenedAt: number;
  data: object;
  customerId: string | null;
  /** The outbox's entry that it follows from. */
  entry: number | null;
  /** The id of what it takes back. */
  reverts: string | null;
  /** Whether an endpoint was there already when it happened. */
  isFor(endpoint: Listener): boolean;
}

/** An endpoint as far as it matters who is told. */
export interface Listener {
  id: string;
  brandId: number;
  patterns: readonly string[];
  /** It is told of later entries of the outbox. */
  afterEntry: number;
  /** In milliseconds. */
  createdAt: number;
}

/** Endpoints were changed, or another server was faster: what was prepared is not right any more. Nothing was written. */
export class StalePreparationError extends Error {
  override name = "StalePreparationError";
}

export interface CursorRow {
  entry: number;
  cards: number;
  revision: number;
}

const CURSOR_ID = 1;

export async function readCursor(database: Database | DatabaseTransaction): Promise<CursorRow> {
  for (;;) {
    const found = await database.webhookCursor.findUnique({ where: { id: CURSOR_ID } });
    if (found !== null) return found;
    await database.$executeRaw(
      Prisma.sql`INSERT INTO "WebhookCursor" ("id", "entry", "cards", "revision") VALUES (${CURSOR_ID}, 0, 0, 0) ON CONFLICT DO NOTHING`,
    );
  }
}

/** Must be called first in each transaction that changes who is told: what others have prepared is void then. */
export async function announceChange(transaction: DatabaseTransaction): Promise<void> {
  await readCursor(transaction);
  await transaction.$executeRaw(
    Prisma.sql`UPDATE "WebhookCursor" SET "revision" = "revision" + 1 WHERE "id" = ${CURSOR_ID}`,
  );
}

/** Moves the cursor; throws {@link StalePreparationError} if it is not where it was. Others wait until the transaction ends. */
export async function moveCursor(
  transaction: DatabaseTransaction,
  from: CursorRow,
  to: Pick<CursorRow, "entry" | "cards">,
): Promise<void> {
  const moved = await transaction.$executeRaw(Prisma.sql`
    UPDATE "WebhookCursor" SET "entry" = ${to.entry}, "cards" = ${to.cards}
    WHERE "id" = ${CURSOR_ID} AND "entry" = ${from.entry} AND "cards" = ${from.cards} AND "revision" = ${from.revision}`);
  if (moved !== 1) throw new StalePreparationError();
}

/**
 * All endpoints. Those that are disabled, too: what happens meanwhile waits for them. One from the future was made while the clock was
 * ahead, and is told of everything.
 */
export async function readListeners(database: Database, now: number): Promise<Listener[]> {
  const rows = await database.webhookEndpoint.findMany({
    select: { id: true, brandId: true, events: true, afterEntry: true, createdAt: true },
    orderBy: { id: "asc" },
  });
  return rows.map(({ events, createdAt, ...row }) => ({
    ...row,
    patterns: JSON.parse(events) as string[],
    createdAt: createdAt > now ? 0 : Number(createdAt),
  }));
}

/** Who is told of something of a type. */
export function listenersFor(
  listeners: readonly Listener[],
  { brandId, type, isFor }: Pick<Telling, "brandId" | "type" | "isFor">,
): Listener[] {
  return listeners.filter(
    (listener) => listener.brandId === brandId && asksFor(listener.patterns, type) && isFor(listener),
  );
}

/** Writes down what is told, and a delivery for each endpoint that has asked for it. Returns how many deliveries are new. */
export async function tell(
  transaction: DatabaseTransaction,
  tellings: readonly Telling[],
  listeners: readonly Listener[],
  now: number,
): Promise<number> {
  const wanted = tellings
    .map((telling) => ({ telling, to: listenersFor(listeners, telling) }))
    .filter(({ to }) => to.length > 0);
  const known = new Set(
    (
      await selectRows<{ id: string }>(transaction, {
        table: "WebhookEvent",
        key: ["id"],
        keys: wanted.map(({ telling }) => [telling.id]),
      })
    ).map(({ id }) => id),
  );
  // One may come twice in a portion: a card that was given the same date twice.
  const fresh = [...new Map(wanted.map((one) => [one.telling.id, one])).values()].filter(
    ({ telling }) => !known.has(telling.id),
  );
  await insertRows(transaction, {
    table: "WebhookEvent",
    columns: ["id", "brandId", "type", "happenedAt", "data", "customerId", "entry", "reverts", "createdAt"],
    rows: fresh.map(({ telling: { id, brandId, type, happenedAt, data, customerId, entry, reverts } }) => [
      ...[id, brandId, type, happenedAt, JSON.stringify(data), customerId, entry, reverts, now],
    ]),
  });
  const deliveries = fresh.flatMap(({ telling, to }) => to.map(({ id }) => newDelivery(telling, id, now)));
  await insertDeliveries(transaction, deliveries);
  return deliveries.length;
}

export interface NewDelivery {
  id: string;
  brandId: number;
  endpointId: string;
  eventId: string;
  type: string;
  dueAt: number;
}

export function newDelivery(
  { id: eventId, brandId, type }: Pick<Telling, "id" | "brandId" | "type">,
  endpointId: string,
  dueAt: number,
): NewDelivery {
  return { id: messageId(endpointId, eventId), brandId, endpointId, eventId, type, dueAt };
}

export async function insertDeliveries(transaction: DatabaseTransaction, deliveries: readonly NewDelivery[]) {
  await insertRows(transaction, {
    table: "WebhookDelivery",
    columns: [
      ...["id", "brandId", "endpointId", "eventId", "type", "state", "attempts", "tries", "dueAt"],
      ...["claim", "claimedTo", "createdAt"],
    ],
    rows: deliveries.map(({ id, brandId, endpointId, eventId, type, dueAt }) => [
      ...[id, brandId, endpointId, eventId, type, "pending", 0, 0, dueAt],
      ...["", 0, dueAt],
    ]),
  });
}
