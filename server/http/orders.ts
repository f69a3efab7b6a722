// Orders: POST /v1/orders and what can be done with one.

import { hash } from "node:crypto";
import { z } from "zod";
import { recordAct } from "../accounts/audit.ts";
import { actorOf, type Principal } from "../accounts/principal.ts";
import type { MirrorStatus } from "../database/mirror-status.ts";
import { inTransaction } from "../database/transactions.ts";
import { cancelOrder, giveCard, OrderConflictError, refundOrder } from "../issuance/orders/changes.ts";
import { DeskFullError } from "../issuance/orders/desk.ts";
import { ORDER_STATES, type Placement } from "../issuance/orders/order.ts";
import { repeatedPlacements } from "../issuance/orders/placing.ts";
import { OrderRefusedError, type OrderRequest, prepareOrder } from "../issuance/orders/preparing.ts";
import { listOrders, readOrder } from "../issuance/orders/reading.ts";
import { IssuanceError } from "../issuance/problems.ts";
import { keysOfBrand, keysUnavailable } from "./brand-lookups.ts";
import { defineOperation, invalidRequest, type Operation, type Reply } from "./operations.ts";
import {
  newGiftSchema,
  newOrderSchema,
  newRefundSchema,
  orderSchema,
  orderSummarySchema,
  referenceSchema,
} from "./order-schemas.ts";
import { limit } from "./parameters.ts";
import { presentOrder, presentOrderSummary } from "./present-order.ts";
import { mirrorNotReady, Problem } from "./problems.ts";
import type { Services } from "./services.ts";

const ORDER_ROUTE = { tag: "orders", tagged: false, limited: true, open: false } as const;
const orderIdSchema = z
  .string()
  .regex(/^ord_[0-9a-f-]{36}$/, "must be the id of an order: ord_ and a UUID")
  .meta({ description: "The order's id.", example: "ord_019a9a4e-5b1c-7d30-9f64-5d2f2b8f6c11" });
const params = z.object({ order: orderIdSchema });

/** What the payer of a cancelled order reads beside the money that comes back. */
const CANCELLED = "The order was cancelled. 订单已取消。";

/** For how long an order waits for its payment, in milliseconds. */
const PAYMENT_PATIENCE_MS = 15 * 60_000;

export function orderOperations(services: Services): Operation[] {
  const { application, database, orders, config, now } = services;
  const { catalogue } = orders;
  const presentation = { publicUrl: config.publicUrl, slugOf: catalogue.slugOf };

  async function requireOrder(id: string, principal: Principal) {
    const customerId = principal.kind === "customer" ? principal.id : undefined;
    const order = await readOrder(application, id, { brandId: principal.brandId, customerId });
    if (order === undefined)
      throw new Problem("not-found", "The brand has no such order. Check the id; GET /v1/orders lists all.");
    // For their slugs: an order may be older than this process.
    for (const { collection } of order.items) await catalogue.find({ address: collection });
    return order;
  }

  async function answerWith(id: string, principal: Principal): Promise<Reply> {
    return { body: { data: presentOrder(await requireOrder(id, principal), presentation) } };
  }

  return [
    defineOperation({
      id: "createOrder",
      method: "post",
      path: "/v1/orders",
      summary: "Order cards",
      description:
        "Reserves the serials at once and issues the cards within seconds. Sent again with the same `Idempotency-Key` and body, it " +
        "answers the same and orders nothing twice. What was refused was not ordered: the same key may be used again.",
      access: ["owner", "manager", "staff", "customer"],
      body: newOrderSchema,
      idempotent: true,
      answers: {
        201: { description: "The order, with the serials of its cards.", schema: z.object({ data: orderSchema }) },
      },
      problems: [409, 503],
      ...ORDER_ROUTE,
      async handle({ body, principal, idempotencyKey }) {
        const placement = await place(services, { body, principal, idempotencyKey });
        return {
          status: 201,
          body: placement.answer,
          headers: {
            "Content-Type": "application/json",
            Location: `/v1/orders/${placement.orderId}`,
            ...(placement.kind === "repeated" ? { "Idempotent-Replayed": "true" } : {}),
          },
        };
      },
    }),
    defineOperation({
      id: "listOrders",
      path: "/v1/orders",
      summary: "List orders",
      description: "The brand's orders, the newest first; a customer sees their own.",
      access: ["owner", "manager", "staff", "auditor", "customer"],
      query: z.strictObject({
        limit,
        cursor: orderIdSchema
          .optional()
          .meta({ description: "Where to go on: the `nextCursor` of the answer before." }),
        state: z.enum(ORDER_STATES, "must be a state of orders").optional().meta({ description: "Only those." }),
        customer: referenceSchema.optional().meta({ description: "Only those of the customer with this reference." }),
      }),
      answers: {
        200: {
          description: "A page of orders.",
          schema: z.object({ data: z.array(orderSummarySchema), nextCursor: z.string().nullable() }),
        },
      },
      problems: [503],
      ...ORDER_ROUTE,
      async handle({ query, principal }) {
        const { brandId } = principal;
        let customerId = principal.kind === "customer" ? principal.id : undefined;
        if (query.customer !== undefined) {
          const named = await application.customer.findUnique({
            where: { brandId_reference: { brandId, reference: query.customer } },
            select: { id: true },
          });
          // Nobody is called so, or it is somebody else's.
          if (named === null || (customerId !== undefined && named.id !== customerId))
            return { body: { data: [], nextCursor: null } };
          customerId = named.id;
        }
        const { state, cursor: after } = query;
        const rows = await listOrders(database, { brandId, customerId, state, after, limit: query.limit + 1 });
        const page = rows.slice(0, query.limit);
        for (const { collection } of page.flatMap(({ items }) => items)) await catalogue.find({ address: collection });
        return {
          body: {
            data: page.map((order) => presentOrderSummary(order, presentation)),
            nextCursor: rows.length > query.limit ? (page.at(-1)?.id ?? null) : null,
          },
        };
      },
    }),
    defineOperation({
      id: "getOrder",
      path: "/v1/orders/{order}",
      summary: "Get an order",
      description: "An order, and how far each of its cards has come.",
      access: ["owner", "manager", "staff", "auditor", "customer"],
      params,
      answers: { 200: { description: "The order.", schema: z.object({ data: orderSchema }) } },
      problems: [404, 503],
      ...ORDER_ROUTE,
      tagged: true,
      handle: async ({ params, principal }) => await answerWith(params.order, principal),
    }),
    defineOperation({
      id: "cancelOrder",
      method: "post",
      path: "/v1/orders/{order}/cancel",
      summary: "Cancel an order",
      description:
        "Takes an order back before any of its cards is sent; its serials are free again, and what was paid through a payment provider goes back. Done twice, it is done once. What was sent already is a 409: refund it.",
      access: ["owner", "manager", "staff"],
      params,
      answers: { 200: { description: "The order.", schema: z.object({ data: orderSchema }) } },
      problems: [404, 409, 503],
      ...ORDER_ROUTE,
      async handle({ params, principal }) {
        await requireOrder(params.order, principal);
        await change(services, principal, "order.cancelled", params.order, async (transaction) => {
          await cancelOrder(transaction, params.order, now());
          await services.payments?.refund(transaction, params.order, { reason: CANCELLED, now: now() });
        });
        return await answerWith(params.order, principal);
      },
    }),
    defineOperation({
      id: "refundOrder",
      method: "post",
      path: "/v1/orders/{order}/refund",
      summary: "Refund an order",
      description:
        "Has the order's cards revoked on the chain, with a reason. What was paid through a payment provider goes back through it; what the shop took itself, the shop pays back. Done twice, it is done once.",
      access: ["owner", "manager"],
      params,
      body: newRefundSchema,
      answers: {
        202: {
          description: "The cards are being revoked: see the order's `state`.",
          schema: z.object({ data: orderSchema }),
        },
      },
      problems: [404, 409, 503],
      ...ORDER_ROUTE,
      async handle({ params, body, principal }) {
        await requireOrder(params.order, principal);
        await change(services, principal, "order.refunded", params.order, async (transaction) => {
          await refundOrder(transaction, params.order, { reason: body.reason, now: now() });
          await services.payments?.refund(transaction, params.order, { reason: body.reason, now: now() });
        });
        orders.wake();
        return { ...(await answerWith(params.order, principal)), status: 202 };
      },
    }),
    defineOperation({
      id: "giveCard",
      method: "post",
      path: "/v1/orders/{order}/gift",
      summary: "Give a card of an order away",
      description:
        "Gives one card to another customer of the brand, where the collection's offer allows it and before the card was first used. A card " +
        "that was sent already is reissued: its serial stays, and it changes hands when the collection's delay is over.",
      access: ["owner", "manager", "staff", "customer"],
      params,
      body: newGiftSchema,
      answers: { 202: { description: "The card changes hands.", schema: z.object({ data: orderSchema }) } },
      problems: [404, 409, 503],
      ...ORDER_ROUTE,
      async handle({ params, body, principal }) {
        await requireOrder(params.order, principal);
        const collection = await catalogue.find(body.collection);
        if (collection?.offer?.giftable !== true)
          throw new Problem("conflict", "Cards of this collection cannot be given away: its offer does not allow it.");
        const holder =
          body.customer.holder ?? (await keptAddress(services, principal.brandId, body.customer.reference));
        const gift = { collection: collection.address, serial: body.serial, holder, now: now() };
        await change(services, principal, "order.card-given", params.order, (transaction) =>
          giveCard(transaction, params.order, gift),
        );
        orders.wake();
        return { ...(await answerWith(params.order, principal)), status: 202 };
      },
    }),
  ];
}

/** The address that the brand keeps for a customer. Throws {@link Problem} where there is none and none can be made. */
async function keptAddress(services: Services, brandId: number, reference: string): Promise<string> {
  const known = await services.application.customer.findUnique({
    where: { brandId_reference: { brandId, reference } },
  });
  if (known !== null && known.holder !== null) return known.holder;
  const keys = await keysOfBrand(services, brandId);
  if (keys !== undefined) return keys.holderAddress(reference).toLowerCase();
  throw new Problem(
    "conflict",
    "This server has no keystore of the brand from which the customer's address could be made. Give it as `customer.holder`.",
  );
}

/** An act on an order and its entry in the audit log, together. */
async function change(
  { application, now }: Services,
  principal: Principal,
  action: string,
  subject: string,
  act: (transaction: Parameters<Parameters<typeof inTransaction>[1]>[0]) => Promise<void>,
): Promise<void> {
  try {
    await inTransaction(application, async (transaction) => {
      await act(transaction);
      await recordAct(transaction, {
        at: now(),
        brandId: principal.brandId,
        actor: actorOf(principal),
        action,
        subject,
      });
    });
  } catch (error) {
    if (error instanceof OrderConflictError) throw new Problem("conflict", error.message);
    throw error;
  }
}

/** Places an order for whoever asks. Throws {@link Problem}. */
async function place(
  { application, orders, mirror, now }: Services,
  input: { body: z.output<typeof newOrderSchema>; principal: Principal; idempotencyKey: string },
): Promise<Extract<Placement, { kind: "placed" | "repeated" }>> {
  const { body, principal, idempotencyKey } = input;
  const isCustomer = principal.kind === "customer";
  if (body.payment !== undefined && !orders.paymentProviders.includes(body.payment)) {
    throw invalidRequest([{ parameter: "payment", detail: "is not a payment provider that this server knows" }]);
  }
  const customer: OrderRequest["customer"] = isCustomer
    ? await customerThemselves(application, principal.id)
    : named(body.customer);
  if (isCustomer && body.customer !== undefined)
    throw invalidRequest([{ parameter: "customer", detail: "is you: leave it out" }]);
  const request: OrderRequest = {
    customer,
    items: body.items,
    paid: isCustomer ? undefined : body.paid,
    payment: body.payment === undefined ? undefined : { name: body.payment, before: now() + PAYMENT_PATIENCE_MS },
  };
  const idempotency = {
    // A customer's keys are their own, and so are a brand's.
    scope: isCustomer ? principal.id : `brand ${principal.brandId}`,
    idempotencyKey,
    requestHash: hash("sha256", JSON.stringify(body)),
  };
  const asker = { brandId: principal.brandId, isCustomer, actor: actorOf(principal) };
  // As it is before anything is looked up: what is not found may come a moment later.
  const status = mirror.status();
  try {
    const order = await prepareOrder(request, asker, idempotency, orders);
    return settled(await orders.desk.place(order), orders.catalogue.slugOf);
  } catch (error) {
    const problem = asProblem(error, status);
    if (error === problem) throw error;
    // What cannot be ordered now may have been ordered before: the same wish gets the same answer, whatever has changed since.
    const [repeated] = await repeatedPlacements(application, [idempotency]);
    if (repeated === undefined) throw problem;
    return settled(repeated, orders.catalogue.slugOf);
  }
}

function named(customer: z.output<typeof newOrderSchema>["customer"]): OrderRequest["customer"] {
  if (customer === undefined)
    throw invalidRequest([{ parameter: "customer", detail: "is missing: say who gets the cards" }]);
  const { reference, holder } = customer;
  return { reference, ...(holder === undefined ? {} : { holder }) };
}

async function customerThemselves(application: Services["application"], id: string): Promise<OrderRequest["customer"]> {
  const row = await application.customer.findUnique({ where: { id } });
  if (row === null || row.erasedAt !== null) throw new Problem("unauthenticated", "Sign in again.");
  const holder = row.wallet ?? row.holder;
  return { id, reference: row.reference, ...(holder === null ? {} : { holder }) };
}

function settled(
  placement: Placement,
  slugOf: (address: string) => string | undefined,
): Extract<Placement, { kind: "placed" | "repeated" }> {
  switch (placement.kind) {
    case "placed":
    case "repeated":
      return placement;
    case "key-reused":
      throw new Problem(
        "idempotency-key-reused",
        "This Idempotency-Key was used for an order with another content. Send what was sent then, or use a new key.",
      );
    case "sold-out":
      throw new Problem(
        "sold-out",
        placement.left === 0
          ? `${slugOf(placement.collection) ?? placement.collection} is sold out.`
          : `Of ${slugOf(placement.collection) ?? placement.collection} only ${placement.left} cards are left. Order fewer.`,
      );
    case "already-taken":
      throw new Problem(
        "already-taken",
        `The customer has a card of ${slugOf(placement.collection) ?? placement.collection} by the order ${placement.orderId}. Each customer gets one.`,
      );
  }
}

function asProblem(error: unknown, { state }: Pick<MirrorStatus, "state">): unknown {
  if (error instanceof DeskFullError)
    return new Problem("too-busy", error.message, { headers: { "Retry-After": "2" }, cause: error });
  if (error instanceof IssuanceError && error.retryable) return keysUnavailable(error);
  if (!(error instanceof OrderRefusedError)) return error;
  // It may be one that the mirror has not read yet.
  if (error.kind === "unknown-collection" && state !== "following") return mirrorNotReady();
  switch (error.kind) {
    case "unknown-collection":
    case "invalid-item":
      return invalidRequest([{ parameter: error.parameter, detail: error.message }]);
    case "not-open":
      return new Problem("not-open", error.message);
    case "conflict":
      return new Problem("conflict", error.message);
  }
}
