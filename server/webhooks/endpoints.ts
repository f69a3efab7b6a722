// A brand's endpoints: where it wants to be told, of what, and with which secret. Must hold: a secret is shown once and kept
// encrypted; an endpoint begins with what happens after it was made.

import { v7 as uuidv7 } from "uuid";
import { recordAct } from "../accounts/audit.ts";
import { Refusal } from "../accounts/errors.ts";
import { actorOf, type BrandPrincipal } from "../accounts/principal.ts";
import type { Sealing } from "../accounts/sealing.ts";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { inTransaction } from "../database/transactions.ts";
import { type AddressPolicy, problemOfUrl } from "./addresses.ts";
import { eventId, makeSecret, messageId } from "./signing.ts";
import { announceChange, insertDeliveries, newDelivery } from "./telling.ts";
import { TEST_TYPE } from "./types.ts";

/** Why an endpoint is disabled: its brand wanted so, it answered that it is gone, or nothing but failures came of it for days. */
export type DisabledReason = "wanted" | "gone" | "failing";

/** An endpoint as its brand sees it; times in milliseconds. */
export interface Endpoint {
  id: string;
  url: string;
  events: string[];
  description: string;
  state: "enabled" | "disabled";
  /** Nothing while it is enabled. */
  disabledReason: DisabledReason | undefined;
  /** Since when every attempt has failed. */
  failingSince: number | undefined;
  /** Until when is signed with the former secret as well. */
  formerSecretUntil: number | undefined;
  createdBy: string;
  createdAt: number;
  updatedAt: number;
}

export interface EndpointChanges {
  url?: string | undefined;
  events?: string[] | undefined;
  description?: string | undefined;
  state?: "enabled" | "disabled" | undefined;
}

export interface Endpoints {
  create(
    principal: BrandPrincipal,
    wish: { url: string; events: string[]; description: string },
  ): Promise<Endpoint & { secret: string }>;
  /** In the order of their making, from behind `after` on. */
  list(brandId: number, page: { after: string | undefined; limit: number }): Promise<Endpoint[]>;
  find(brandId: number, id: string): Promise<Endpoint>;
  change(principal: BrandPrincipal, id: string, changes: EndpointChanges): Promise<Endpoint>;
  remove(principal: BrandPrincipal, id: string): Promise<void>;
  /** Gives an endpoint a new secret; for `graceMs` more is signed with the former one as well. */
  rotate(principal: BrandPrincipal, id: string, graceMs: number): Promise<Endpoint & { secret: string }>;
  /** Has a test sent. Returns the delivery's id. */
  test(principal: BrandPrincipal, id: string): Promise<string>;
}

export interface EndpointsOptions {
  database: Database;
  sealing: Sealing;
  policy: AddressPolicy;
  /** In milliseconds. */
  now(): number;
  /** Is told when something can be sent. */
  wake(): void;
}

export type EndpointRow = NonNullable<Awaited<ReturnType<Database["webhookEndpoint"]["findUnique"]>>>;

export const MOST_ENDPOINTS = 20;

/** The secrets to sign with, the newest first. */
export function secretsOf(sealing: Sealing, row: EndpointRow, now: number): string[] {
  const { id, secret, formerSecret, formerUntil } = row;
  const former = formerSecret !== null && formerUntil !== null && Number(formerUntil) > now ? [formerSecret] : [];
  return [secret, ...former].map((sealed) => sealing.open(sealed, id));
}

export function createEndpoints({ database, sealing, policy, now, wake }: EndpointsOptions): Endpoints {
  async function findRow(client: Database | DatabaseTransaction, brandId: number, id: string): Promise<EndpointRow> {
    const row = await client.webhookEndpoint.findUnique({ where: { id } });
    if (row === null || row.brandId !== brandId) throw noSuchEndpoint();
    return row;
  }

  function checkUrl(url: string | undefined): void {
    const problem = url === undefined ? undefined : problemOfUrl(url, policy);
    if (problem !== undefined) throw new Refusal("invalid", `\`url\` ${problem}.`);
  }

  /** Changes who is told, and writes down who did. */
  async function act<Result>(
    { principal, action }: { principal: BrandPrincipal; action: string },
    work: (transaction: DatabaseTransaction) => Promise<{ subject: string; details?: Details; result: Result }>,
  ): Promise<Result> {
    return await inTransaction(database, async (transaction) => {
      await announceChange(transaction);
      const { subject, details = {}, result } = await work(transaction);
      const { brandId } = principal;
      await recordAct(transaction, { at: now(), brandId, actor: actorOf(principal), action, subject, details });
      return result;
    });
  }

  return {
    async create(principal, { url, events, description }) {
      checkUrl(url);
      const { brandId } = principal;
      const id = `whe_${uuidv7()}`;
      const secret = makeSecret();
      const row = await act({ principal, action: "webhook-endpoint.created" }, async (transaction) => {
        if ((await transaction.webhookEndpoint.count({ where: { brandId } })) >= MOST_ENDPOINTS) {
          throw new Refusal(
            "conflict",
            `A brand has ${MOST_ENDPOINTS} endpoints at most. Delete one that is not needed any more.`,
          );
        }
        const [last] = await transaction.$queryRaw<{ id: number | bigint | null }[]>(
          Prisma.sql`SELECT MAX("id") AS "id" FROM "OutboxEntry"`,
        );
        const made = await transaction.webhookEndpoint.create({
          data: {
            ...{ id, brandId, url, events: JSON.stringify(events), description, state: "enabled" },
            ...{ secret: sealing.seal(secret, id), afterEntry: Number(last?.id ?? 0) },
            ...{ createdBy: actorOf(principal), createdAt: now(), updatedAt: now() },
          },
        });
        return { subject: id, details: { host: new URL(url).host, events: events.join(" ") }, result: made };
      });
      return { ...present(row, now()), secret };
    },
    async list(brandId, { after, limit }) {
      const rows = await database.webhookEndpoint.findMany({
        where: { brandId, ...(after === undefined ? {} : { id: { gt: after } }) },
        orderBy: { id: "asc" },
        take: limit,
      });
      return rows.map((row) => present(row, now()));
    },
    async find(brandId, id) {
      return present(await findRow(database, brandId, id), now());
    },
    async change(principal, id, changes) {
      checkUrl(changes.url);
      const row = await act({ principal, action: "webhook-endpoint.changed" }, async (transaction) => {
        const before = await findRow(transaction, principal.brandId, id);
        const { url, events, description, state } = changes;
        const enabled = { state: "enabled", disabledReason: null, failingSince: null, pausedUntil: 0 };
        const stateChange =
          state === undefined || state === before.state
            ? {}
            : state === "enabled"
              ? enabled
              : { state, disabledReason: "wanted" };
        const result = await transaction.webhookEndpoint.update({
          where: { id },
          data: {
            ...(url === undefined ? {} : { url }),
            ...(events === undefined ? {} : { events: JSON.stringify(events) }),
            ...(description === undefined ? {} : { description }),
            ...stateChange,
            updatedAt: now(),
          },
        });
        // What has waited meanwhile is not made to wait for its next turn as well.
        if (state === "enabled" && before.state !== "enabled") {
          await transaction.$executeRaw(Prisma.sql`
            UPDATE "WebhookDelivery" SET "dueAt" = ${now()} WHERE "endpointId" = ${id} AND "state" = 'pending'`);
        }
        const details: Details = {
          ...(url === undefined ? {} : { host: new URL(url).host }),
          ...(events === undefined ? {} : { events: events.join(" ") }),
          ...(state === undefined ? {} : { state }),
        };
        return { subject: id, details, result };
      });
      wake();
      return present(row, now());
    },
    async remove(principal, id) {
      await act({ principal, action: "webhook-endpoint.deleted" }, async (transaction) => {
        const { url } = await findRow(transaction, principal.brandId, id);
        await transaction.$executeRaw(Prisma.sql`
          DELETE FROM "WebhookAttempt" WHERE "deliveryNumber" IN (
            SELECT "number" FROM "WebhookDelivery" WHERE "endpointId" = ${id})`);
        await transaction.webhookDelivery.deleteMany({ where: { endpointId: id } });
        await transaction.webhookEndpoint.delete({ where: { id } });
        return { subject: id, details: { host: new URL(url).host }, result: undefined };
      });
    },
    async rotate(principal, id, graceMs) {
      const secret = makeSecret();
      const details = { graceSeconds: graceMs / 1000 };
      const row = await act({ principal, action: "webhook-endpoint.rotated" }, async (transaction) => {
        // The announcement before has locked out whoever else is changing it.
        const before = await findRow(transaction, principal.brandId, id);
        const result = await transaction.webhookEndpoint.update({
          where: { id },
          data: {
            ...{ secret: sealing.seal(secret, id), updatedAt: now() },
            ...(graceMs === 0
              ? { formerSecret: null, formerUntil: null }
              : { formerSecret: before.secret, formerUntil: now() + graceMs }),
          },
        });
        return { subject: id, details, result };
      });
      return { ...present(row, now()), secret };
    },
    async test(principal, id) {
      const { brandId } = principal;
      const event = { id: eventId("test", uuidv7()), brandId, type: TEST_TYPE };
      await inTransaction(database, async (transaction) => {
        const { state } = await findRow(transaction, brandId, id);
        if (state !== "enabled") {
          throw new Refusal(
            "conflict",
            'The endpoint is disabled: nothing is sent to it. Enable it first, with PATCH and `{"state": "enabled"}`.',
          );
        }
        const data = JSON.stringify({
          endpoint: id,
          message: "This is a test. It tells of nothing that has happened.",
        });
        await transaction.webhookEvent.create({ data: { ...event, data, happenedAt: now(), createdAt: now() } });
        await insertDeliveries(transaction, [newDelivery(event, id, now())]);
      });
      wake();
      return messageId(id, event.id);
    },
  };
}

type Details = Record<string, string | number | boolean | null>;

export function noSuchEndpoint(): Refusal {
  return new Refusal("not-found", "The brand has no such endpoint. GET /v1/webhook-endpoints lists them.");
}

function present(row: EndpointRow, now: number): Endpoint {
  const { id, url, description, state, disabledReason, failingSince, formerUntil, createdBy } = row;
  return {
    ...{ id, url, events: JSON.parse(row.events) as string[], description, createdBy },
    state: state as Endpoint["state"],
    disabledReason: (disabledReason ?? undefined) as DisabledReason | undefined,
    failingSince: failingSince === null ? undefined : Number(failingSince),
    formerSecretUntil: formerUntil === null || Number(formerUntil) <= now ? undefined : Number(formerUntil),
    createdAt: Number(row.createdAt),
    updatedAt: Number(row.updatedAt),
  };
}
