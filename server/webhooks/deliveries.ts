// The book of deliveries: what is due, who is at it, and what came of it. Must hold: nobody else tries what somebody has claimed
// until the claim has run out; what comes of a claim that has run out changes nothing but the log.

import { randomUUID } from "node:crypto";
import { recordAct } from "../accounts/audit.ts";
import { Refusal } from "../accounts/errors.ts";
import { actorOf, type BrandPrincipal } from "../accounts/principal.ts";
import { insertRows, selectRows, updateRows } from "../database/bulk.ts";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { inTransaction } from "../database/transactions.ts";
import { shortenWaits } from "../database/waits.ts";
import { type EndpointRow, noSuchEndpoint } from "./endpoints.ts";
import { LONGEST_RETRY_AFTER_MS } from "./schedule.ts";

export const DELIVERY_STATES = ["pending", "delivered", "failed"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** A delivery that somebody has claimed. */
export interface Claimed {
  number: number;
  id: string;
  endpointId: string;
  eventId: string;
  claim: string;
  attempts: number;
  tries: number;
}

/** What came of an attempt. */
export interface Attempt {
  at: number;
  durationMs: number;
  status?: number | undefined;
  answer?: string | undefined;
  /** Why there was no answer. */
  failure?: string | undefined;
}

/** How it goes on with a delivery. */
export type Outcome =
  | { kind: "delivered" }
  | { kind: "retry"; dueAt: number }
  | { kind: "failed" }
  /** It was not tried after all. */
  | { kind: "given-back" };

export interface Result {
  delivery: Claimed;
  outcome: Outcome;
  /** Nothing where it was given back. */
  attempt: Attempt | undefined;
  /** For how long the endpoint wants nothing, until a time. */
  pausedUntil?: number | undefined;
  /** The endpoint says at this URL that it is gone. */
  goneAt?: string | undefined;
}

/** A delivery as the brand sees it; times in milliseconds. */
export interface Delivery {
  number: number;
  id: string;
  endpointId: string;
  type: string;
  state: DeliveryState;
  createdAt: number;
  /** Nothing unless it is pending. */
  nextAttemptAt: number | undefined;
  deliveredAt: number | undefined;
  /** The first ones are left out where there are very many. */
  attempts: Attempt[];
}

export interface DeliveryFilter {
  endpointId: string;
  state: DeliveryState | undefined;
  type: string | undefined;
  /** The number of the last one seen. */
  after: number | undefined;
  limit: number;
}

export interface Deliveries {
  /** The enabled endpoints that something is due for. */
  dueEndpoints(): Promise<EndpointRow[]>;
  /** Claims what is due for an endpoint, the oldest first. */
  claim(endpointId: string, limit: number): Promise<Claimed[]>;
  /** Writes down what came of claims. Returns the endpoints that were disabled for it. */
  settle(results: readonly Result[]): Promise<string[]>;
  /** The newest first. */
  list(brandId: number, filter: DeliveryFilter): Promise<Delivery[]>;
  find(brandId: number, id: string): Promise<Delivery>;
  /** Has a message sent again, with the same id. */
  replay(principal: BrandPrincipal, id: string): Promise<Delivery>;
  /** The same for all messages of an endpoint since a time. Returns how many. */
  replaySince(
    principal: BrandPrincipal,
    endpointId: string,
    wish: { since: number; onlyFailed: boolean },
  ): Promise<number>;
  /** Shortens the waits of deliveries and endpoints that were written while the clock was ahead. Returns how many there were. */
  shortenWaits(): Promise<number>;
  /** Takes out what is older. Returns how many deliveries. */
  prune(before: number): Promise<number>;
  figures(): Promise<DeliveryFigures>;
}

export interface DeliveryFigures {
  /** Deliveries to endpoints that take some, and since when the oldest of those that are due has been due. */
  pending: number;
  oldestDue: number | undefined;
  /** How far the outbox was followed; another one whenever that goes on. */
  place: string;
  /** How many of its entries are not followed yet. */
  behind: number;
}

export interface DeliveriesOptions {
  database: Database;
  /** For how long a claim counts, in milliseconds; longer than any attempt. */
  claimMs: number;
  /** How long a delivery waits at most, by the number of its attempts that have failed, in milliseconds. */
  longestWaitsMs: readonly number[];
  /** After how long of nothing but failures an endpoint is disabled, in milliseconds. */
  patienceMs: number;
  /** In milliseconds. */
  now(): number;
  /** Is told when something can be sent. */
  wake(): void;
}

const SHOWN_ATTEMPTS = 50;
/** How far the clocks of servers on one database may be apart. */
const CLOCKS_APART_MS = 1_000;
const PRUNED_AT_ONCE = 1_000;
const COLUMNS = Prisma.sql`"number", "id", "endpointId", "eventId", "claim", "attempts", "tries"`;

export function createDeliveries(options: DeliveriesOptions): Deliveries {
  const { database, claimMs, longestWaitsMs, patienceMs, now, wake } = options;
  async function withAttempts(rows: readonly DeliveryRow[]): Promise<Delivery[]> {
    const attempts = await selectRows<AttemptRow>(database, {
      table: "WebhookAttempt",
      key: ["deliveryNumber"],
      keys: rows.map(({ number }) => [number]),
    });
    const byDelivery = Map.groupBy(attempts, ({ deliveryNumber }) => deliveryNumber);
    return rows.map((row) => ({
      ...{ number: row.number, id: row.id, endpointId: row.endpointId, type: row.type },
      state: row.state as DeliveryState,
      createdAt: Number(row.createdAt),
      nextAttemptAt: row.state === "pending" ? Number(row.dueAt) : undefined,
      deliveredAt: row.deliveredAt === null ? undefined : Number(row.deliveredAt),
      attempts: (byDelivery.get(row.number) ?? [])
        .toSorted((left, right) => left.id - right.id)
        .slice(-SHOWN_ATTEMPTS)
        .map(({ at, durationMs, status, answer, failure }) => ({
          ...{ at: Number(at), durationMs },
          ...{ status: status ?? undefined, answer: answer ?? undefined, failure: failure ?? undefined },
        })),
    }));
  }

  async function findRow(client: Database | DatabaseTransaction, brandId: number, id: string): Promise<DeliveryRow> {
    const row = await client.webhookDelivery.findUnique({ where: { id } });
    if (row === null || row.brandId !== brandId) {
      throw new Refusal(
        "not-found",
        "The brand has no such delivery, or it is too old. GET /v1/webhook-endpoints/{endpoint}/deliveries lists them.",
      );
    }
    return row;
  }

  const AGAIN = () => Prisma.sql`"state" = 'pending', "tries" = 0, "dueAt" = ${now()}, "deliveredAt" = NULL`;

  return {
    async dueEndpoints() {
      return await database.$queryRaw<EndpointRow[]>(Prisma.sql`
        SELECT e.* FROM "WebhookEndpoint" AS e
        WHERE e."state" = 'enabled' AND e."pausedUntil" <= ${now()} AND EXISTS (
          SELECT 1 FROM "WebhookDelivery" AS d
          WHERE d."endpointId" = e."id" AND d."state" = 'pending' AND d."dueAt" <= ${now()} AND d."claimedTo" <= ${now()})
        ORDER BY e."id"`);
    },

    async claim(endpointId, limit) {
      const at = now();
      const rows = await database.$queryRaw<Claimed[]>(Prisma.sql`
        UPDATE "WebhookDelivery" SET "claim" = ${randomUUID()}, "claimedTo" = ${at + claimMs}
        WHERE "number" IN (
          SELECT "number" FROM "WebhookDelivery"
          WHERE "endpointId" = ${endpointId} AND "state" = 'pending' AND "dueAt" <= ${at} AND "claimedTo" <= ${at}
          ORDER BY "dueAt", "number" LIMIT ${limit})
        AND "state" = 'pending' AND "claimedTo" <= ${at} RETURNING ${COLUMNS}`);
      return rows.toSorted((left, right) => left.number - right.number);
    },

    async settle(results) {
      return await inTransaction(database, async (transaction) => {
        await updateRows(transaction, {
          table: "WebhookDelivery",
          columns: ["number", "claim", "state", "attempts", "tries", "dueAt", "claimedTo", "deliveredAt"],
          key: ["number", "claim"],
          rows: results.map(({ delivery, outcome, attempt }) => {
            const { number, claim, attempts, tries } = delivery;
            const tried = attempt === undefined ? 0 : 1;
            const state = outcome.kind === "delivered" || outcome.kind === "failed" ? outcome.kind : "pending";
            return [
              ...[number, claim, state, attempts + tried, tries + tried],
              ...[outcome.kind === "retry" ? outcome.dueAt : now(), 0],
              outcome.kind === "delivered" ? now() : null,
            ];
          }),
          where: `t."state" = 'pending'`,
        });
        await insertRows(transaction, {
          table: "WebhookAttempt",
          columns: ["deliveryNumber", "at", "durationMs", "status", "answer", "failure"],
          rows: results.flatMap(({ delivery: { number }, attempt }) => {
            if (attempt === undefined) return [];
            const { at, durationMs, status = null, answer = null, failure = null } = attempt;
            return [[number, at, durationMs, status, answer, failure]];
          }),
        });
        const disabled: string[] = [];
        // Always in the same order, so that two transactions rarely wait for each other.
        const byEndpoint = [...Map.groupBy(results, ({ delivery }) => delivery.endpointId)];
        for (const [endpointId, ofEndpoint] of byEndpoint.toSorted(([left], [right]) => (left < right ? -1 : 1)))
          if (await settleEndpoint(transaction, endpointId, ofEndpoint)) disabled.push(endpointId);
        return disabled;
      });
    },

    async list(brandId, { endpointId, state, type, after, limit }) {
      const endpoint = await database.webhookEndpoint.findUnique({ where: { id: endpointId } });
      if (endpoint === null || endpoint.brandId !== brandId) throw noSuchEndpoint();
      const rows = await database.webhookDelivery.findMany({
        where: {
          endpointId,
          ...(state === undefined ? {} : { state }),
          ...(type === undefined ? {} : { type }),
          ...(after === undefined ? {} : { number: { lt: after } }),
        },
        orderBy: { number: "desc" },
        take: limit,
      });
      return await withAttempts(rows);
    },

    async find(brandId, id) {
      return (await withAttempts([await findRow(database, brandId, id)]))[0] as Delivery;
    },

    async replay(principal, id) {
      const { brandId } = principal;
      const row = await inTransaction(database, async (transaction) => {
        await findRow(transaction, brandId, id);
        // What is being tried at this moment is tried again only if that fails.
        await transaction.$executeRaw(Prisma.sql`UPDATE "WebhookDelivery" SET ${AGAIN()} WHERE "id" = ${id}`);
        const actor = actorOf(principal);
        await recordAct(transaction, { at: now(), brandId, actor, action: "webhook-delivery.replayed", subject: id });
        return await findRow(transaction, brandId, id);
      });
      wake();
      return (await withAttempts([row]))[0] as Delivery;
    },

    async replaySince(principal, endpointId, { since, onlyFailed }) {
      const { brandId } = principal;
      const count = await inTransaction(database, async (transaction) => {
        const endpoint = await transaction.webhookEndpoint.findUnique({ where: { id: endpointId } });
        if (endpoint === null || endpoint.brandId !== brandId) throw noSuchEndpoint();
        const states = onlyFailed ? Prisma.sql`"state" = 'failed'` : Prisma.sql`"state" <> 'pending'`;
        const changed = await transaction.$executeRaw(Prisma.sql`
          UPDATE "WebhookDelivery" SET ${AGAIN()}
          WHERE "endpointId" = ${endpointId} AND "createdAt" >= ${since} AND ${states}`);
        await recordAct(transaction, {
          ...{
            at: now(),
            brandId,
            actor: actorOf(principal),
            action: "webhook-endpoint.replayed",
            subject: endpointId,
          },
          details: { since: new Date(since).toISOString(), deliveries: changed, onlyFailed },
        });
        return changed;
      });
      wake();
      return count;
    },

    async shortenWaits() {
      const at = now();
      const soon = at + CLOCKS_APART_MS;
      const longest = longestWaitsMs.map((wait, tries) => `WHEN ${tries} THEN ${Math.ceil(wait)}`).join(" ");
      const longestWait = Prisma.raw(`CASE "tries" ${longest} ELSE ${Math.ceil(Math.max(...longestWaitsMs))} END`);
      // By endpoint, as the index has them.
      const pending = Prisma.sql`"endpointId" IN (SELECT "id" FROM "WebhookEndpoint") AND "state" = 'pending'`;
      const waits = [
        {
          ...{ table: "WebhookDelivery", set: Prisma.sql`"dueAt" = ${at}` },
          where: Prisma.sql`${pending} AND "dueAt" > ${soon} AND "dueAt" - ${longestWait} > ${soon}`,
        },
        {
          // Somebody may be at it: not at once.
          ...{ table: "WebhookDelivery", set: Prisma.sql`"claimedTo" = ${at + claimMs}` },
          where: Prisma.sql`${pending} AND "claimedTo" > ${soon + claimMs}`,
        },
        {
          ...{ table: "WebhookEndpoint", set: Prisma.sql`"pausedUntil" = 0` },
          where: Prisma.sql`"pausedUntil" > ${soon + LONGEST_RETRY_AFTER_MS}`,
        },
      ];
      let count = 0;
      for (const wait of waits) count += await shortenWaits(database, wait);
      return count;
    },

    async prune(before) {
      let pruned = 0;
      for (;;) {
        const rows = await database.webhookDelivery.findMany({
          where: { createdAt: { lt: before } },
          select: { number: true },
          orderBy: { createdAt: "asc" },
          take: PRUNED_AT_ONCE,
        });
        if (rows.length === 0) break;
        const numbers = rows.map(({ number }) => number);
        await inTransaction(database, async (transaction) => {
          await transaction.webhookAttempt.deleteMany({ where: { deliveryNumber: { in: numbers } } });
          await transaction.webhookDelivery.deleteMany({ where: { number: { in: numbers } } });
        });
        pruned += rows.length;
      }
      // Whatever has lost its delivery otherwise: that of an endpoint that was deleted.
      await database.webhookAttempt.deleteMany({ where: { at: { lt: before } } });
      await database.webhookEvent.deleteMany({ where: { createdAt: { lt: before } } });
      return pruned;
    },

    async figures() {
      const [row] = await database.$queryRaw<
        {
          pending: bigint;
          oldest: bigint | null;
          followed: number | null;
          cards: number | null;
          last: number | null;
          endpoints: bigint;
        }[]
      >(Prisma.sql`
        SELECT COUNT(*) AS "pending", MIN(d."dueAt") AS "oldest",
          (SELECT "entry" FROM "WebhookCursor") AS "followed", (SELECT "cards" FROM "WebhookCursor") AS "cards",
          (SELECT MAX("id") FROM "OutboxEntry") AS "last", (SELECT COUNT(*) FROM "WebhookEndpoint") AS "endpoints"
        FROM "WebhookDelivery" AS d JOIN "WebhookEndpoint" AS e ON e."id" = d."endpointId"
        WHERE d."state" = 'pending' AND e."state" = 'enabled' AND e."pausedUntil" <= ${now()}`);
      return {
        pending: Number(row?.pending ?? 0),
        oldestDue: row?.oldest == null ? undefined : Number(row.oldest),
        place: `${row?.followed} ${row?.cards}`,
        // Nobody follows them while there is no endpoint.
        behind:
          Number(row?.endpoints ?? 0) === 0 ? 0 : Math.max(0, Number(row?.last ?? 0) - Number(row?.followed ?? 0)),
      };
    },
  };

  /** What attempts say of the endpoint itself. Whether it was disabled for it. */
  async function settleEndpoint(
    transaction: DatabaseTransaction,
    id: string,
    results: readonly Result[],
  ): Promise<boolean> {
    const tried = results.filter(({ attempt }) => attempt !== undefined);
    if (tried.length === 0) return false;
    if (tried.some(({ outcome }) => outcome.kind === "delivered")) {
      await transaction.$executeRaw(
        Prisma.sql`UPDATE "WebhookEndpoint" SET "failingSince" = NULL WHERE "id" = ${id} AND "failingSince" IS NOT NULL`,
      );
    } else {
      await transaction.$executeRaw(
        // Not from the future, which a clock that was ahead has written.
        Prisma.sql`UPDATE "WebhookEndpoint" SET "failingSince" = ${now()} WHERE "id" = ${id} AND ("failingSince" IS NULL OR "failingSince" > ${now()})`,
      );
    }
    const pausedUntil = Math.max(0, ...tried.map((result) => result.pausedUntil ?? 0));
    if (pausedUntil > 0) {
      await transaction.$executeRaw(Prisma.sql`
        UPDATE "WebhookEndpoint" SET "pausedUntil" = ${pausedUntil} WHERE "id" = ${id} AND "pausedUntil" < ${pausedUntil}`);
    }
    const gone = tried.find(({ goneAt }) => goneAt !== undefined)?.goneAt;
    if (gone !== undefined && (await disable(transaction, id, "gone", Prisma.sql`"url" = ${gone}`))) return true;
    return await disable(transaction, id, "failing", Prisma.sql`"failingSince" < ${now() - patienceMs}`);
  }

  async function disable(
    transaction: DatabaseTransaction,
    id: string,
    reason: "gone" | "failing",
    condition: Prisma.Sql,
  ): Promise<boolean> {
    const [row] = await transaction.$queryRaw<{ brandId: number }[]>(Prisma.sql`
      UPDATE "WebhookEndpoint" SET "state" = 'disabled', "disabledReason" = ${reason}, "updatedAt" = ${now()}
      WHERE "id" = ${id} AND "state" = 'enabled' AND ${condition} RETURNING "brandId"`);
    if (row === undefined) return false;
    await recordAct(transaction, {
      ...{ at: now(), brandId: row.brandId, actor: "system", action: "webhook-endpoint.disabled", subject: id },
      details: { reason },
    });
    return true;
  }
}

type DeliveryRow = NonNullable<Awaited<ReturnType<Database["webhookDelivery"]["findUnique"]>>>;
type AttemptRow = NonNullable<Awaited<ReturnType<Database["webhookAttempt"]["findFirst"]>>>;
