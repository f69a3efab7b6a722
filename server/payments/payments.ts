// Payments of orders through aggregators: makes them, takes what is told of them, and has money go back. What it does in the
// database it does in transactions; the aggregator is asked outside of them, before or after, and again after a crash.

import { randomInt } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Logger } from "pino";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import { hasMetAnother, inTransaction } from "../database/transactions.ts";
import { type OpenPayment, type PaymentAdapter, type PaymentEvent, PaymentProviderError } from "./adapter.ts";
import { type Outcome, type PaymentState, refundPaymentOf, type Settlement, settle } from "./book.ts";
import type { OrderToPay, PaidOrders } from "./paid-orders.ts";

/** A payment as its payer sees it. */
export interface PaymentOffer {
  id: string;
  orderId: string;
  adapter: string;
  amount: number;
  currency: string;
  payUrl: string;
  /** In milliseconds since the Unix epoch. */
  expiresAt: number;
}

export interface Payments {
  /** The adapters' names. */
  readonly names: readonly string[];
  orders: Pick<PaidOrders, "find">;
  /**
   * The payment of an order that waits for one: the open one if there is any, or a new one. Throws
   * {@link PaymentNotPossibleError} and {@link PaymentProviderError}.
   */
  offer(order: OrderToPay, options: { clientIp: string }): Promise<PaymentOffer>;
  /**
   * Takes what was sent to an adapter's callback. Returning, it was written down, and is not needed again. Throws
   * `BadSignatureError` and `BadEventError`.
   */
  takeCallback(adapter: string, headers: IncomingHttpHeaders, rawBody: Buffer): Promise<void>;
  /** See {@link refundPaymentOf}. */
  refund: typeof refundPaymentOf;
  /** Writes down an event and does what follows. */
  take(adapter: PaymentAdapter, event: Exclude<PaymentEvent, { kind: "ignored" }>): Promise<Settlement>;
}

/** The order cannot be paid, or not now. The message says why. */
export class PaymentNotPossibleError extends Error {
  override name = "PaymentNotPossibleError";
  /** Whether it may be possible in a moment. */
  readonly soon: boolean;

  constructor(message: string, { soon = false }: { soon?: boolean } = {}) {
    super(message);
    this.soon = soon;
  }
}

export interface PaymentsOptions {
  /** The connection for application tables. */
  application: Database;
  adapters: readonly PaymentAdapter[];
  orders: PaidOrders;
  /** Where callbacks reach us. */
  publicUrl: string;
  logger: Pick<Logger, "info" | "warn" | "error">;
  /** In milliseconds since the Unix epoch. */
  now(): number;
  /** Is told when an order's cards can be sent. */
  onReleased?(): void;
}

const REFERENCE_LENGTH = 20;
const REFERENCE_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** So long before the order's end a payment ends, so that there is time to ask about one of which nothing was heard. */
const LONGEST_MARGIN_MS = 120_000;
/** Aggregators take nothing shorter. */
const SHORTEST_MS = 61_000;
/** Something that was paid in the last moment is told a little later. */
export const LOOK_AFTER_MS = 5_000;
/** After so long nobody is still asking the aggregator for a payment: who did has died. */
const CREATING_MS = 60_000;

/** Outcomes that somebody must look at. */
const WORRYING: ReadonlySet<Outcome> = new Set(["other-amount", "other-currency", "other-payment"]);

export function createPayments(options: PaymentsOptions): Payments {
  const { application, adapters, orders, publicUrl, logger, now, onReleased } = options;
  const byName = new Map(adapters.map((adapter) => [adapter.name, adapter]));

  async function take(
    { name }: PaymentAdapter,
    event: Exclude<PaymentEvent, { kind: "ignored" }>,
  ): Promise<Settlement> {
    const settlement = await inTransaction(application, (transaction) =>
      settle(transaction, { adapter: name, event, orders, now: now() }),
    );
    const { outcome, orderId } = settlement;
    const facts = { adapter: name, event: event.eventId, payment: event.reference, orderId, outcome };
    if (WORRYING.has(outcome)) logger.error(facts, "a payment is not what was asked for: look at it");
    else logger.info(facts, `payment event: ${event.kind}`);
    if (outcome === "released") onReleased?.();
    return settlement;
  }

  /** The payment that is being made or open for the order; one that is past or was given up is closed. */
  async function standing(order: OrderToPay): Promise<PaymentOffer | "being-made" | undefined> {
    const row = await application.payment.findUnique({ where: { openFor: order.id } });
    if (row === null) return undefined;
    // One from the future was begun while the clock was ahead: nobody knows how long ago.
    const isGivenUp = row.createdAt <= now() - CREATING_MS || row.createdAt > now() + CREATING_MS;
    const isOver = row.state === "open" ? row.expiresAt <= now() : isGivenUp;
    if (isOver) {
      // Should it be paid all the same, what is told of it finds it here.
      await application.payment.updateMany({
        where: { id: row.id, state: { in: ["creating", "open"] } },
        data: { openFor: null, ...(row.state === "creating" ? { state: "closed" } : {}), updatedAt: now() },
      });
      return undefined;
    }
    if (row.state !== "open" || row.payUrl === null) return "being-made";
    return {
      id: row.id,
      orderId: row.orderId,
      adapter: row.adapter,
      amount: Number(row.amount),
      currency: row.currency,
      payUrl: row.payUrl,
      expiresAt: Number(row.expiresAt),
    };
  }

  /** Reserves the order's one open payment. Nothing if somebody else was faster. */
  async function reserve(order: OrderToPay, adapter: string, expiresAt: number): Promise<string | undefined> {
    const id = Array.from(
      { length: REFERENCE_LENGTH },
      () => REFERENCE_LETTERS[randomInt(REFERENCE_LETTERS.length)],
    ).join("");
    const state: PaymentState = "creating";
    try {
      await application.payment.create({
        data: {
          ...{ id, adapter, orderId: order.id, brandId: order.brandId, state, openFor: order.id },
          ...{ amount: order.amount, currency: order.currency, expiresAt, lookAt: expiresAt + LOOK_AFTER_MS },
          ...{ createdAt: now(), updatedAt: now() },
        },
      });
    } catch (error) {
      if (hasMetAnother(error)) return undefined;
      throw error;
    }
    return id;
  }

  async function make(
    adapter: PaymentAdapter,
    order: OrderToPay,
    { id, payBefore, clientIp }: { id: string; payBefore: number; clientIp: string },
  ): Promise<OpenPayment> {
    try {
      return await adapter.createPayment({
        reference: id,
        orderId: order.id,
        amount: order.amount,
        currency: "CNY",
        subject: order.subject,
        payBefore,
        clientIp,
        notifyUrl: `${publicUrl}/v1/payments/${adapter.name}/callback`,
      });
    } catch (error) {
      const failureDetail =
        error instanceof PaymentProviderError ? error.message : "The aggregator could not be asked.";
      await application.payment.updateMany({
        where: { id, state: "creating" },
        data: { state: "closed", openFor: null, failure: "not-created", failureDetail, updatedAt: now() },
      });
      throw error;
    }
  }

  return {
    names: [...byName.keys()],
    orders,
    take,
    refund: refundPaymentOf,
    async offer(order, { clientIp }) {
      const adapter = adapterOf(byName, order);
      const waiting = await standing(order);
      if (waiting === "being-made") throw beingMade();
      if (waiting !== undefined) return waiting;
      await refuseUndecided(application, order);
      const left = order.payBefore - now();
      const payBefore = order.payBefore - Math.min(LONGEST_MARGIN_MS, Math.floor(left / 4));
      if (payBefore - now() < SHORTEST_MS) {
        throw new PaymentNotPossibleError("The order's time to be paid is as good as over. Place a new order.");
      }
      const id = await reserve(order, adapter.name, payBefore);
      if (id === undefined) throw beingMade();
      const { paymentId, payUrl, expiresAt } = await make(adapter, order, { id, payBefore, clientIp });
      const opened = await application.payment.updateMany({
        where: { id, state: "creating" },
        data: {
          ...{ state: "open", externalId: paymentId, payUrl, expiresAt, lookAt: expiresAt + LOOK_AFTER_MS },
          updatedAt: now(),
        },
      });
      // It took so long that somebody gave it up, or it was even paid.
      if (opened.count === 0) throw beingMade();
      logger.info({ adapter: adapter.name, payment: id, orderId: order.id }, "payment opened");
      return {
        ...{ id, orderId: order.id, adapter: adapter.name, amount: order.amount, currency: order.currency },
        ...{ payUrl, expiresAt },
      };
    },
    async takeCallback(name, headers, rawBody) {
      const adapter = byName.get(name);
      if (adapter === undefined) throw new RangeError(`There is no adapter ${name}`);
      const event = adapter.verifyCallback(headers, rawBody);
      if (event.kind === "ignored") {
        logger.info({ adapter: name, event: event.eventId, why: event.why }, "payment event ignored");
        return;
      }
      await take(adapter, event);
    },
  };
}

function adapterOf(byName: ReadonlyMap<string, PaymentAdapter>, order: OrderToPay): PaymentAdapter {
  if (order.state !== "waiting" || order.adapter === undefined)
    throw new PaymentNotPossibleError(
      "The order does not wait for a payment: it was paid or cancelled, or needs none.",
    );
  const adapter = byName.get(order.adapter);
  if (adapter === undefined) {
    throw new PaymentNotPossibleError(
      `This server takes no payments through ${order.adapter}. Whoever runs it must set it up (docs/payments.md).`,
    );
  }
  if (order.currency !== "CNY")
    throw new PaymentNotPossibleError(`Payments are in CNY, and the order's amount is in ${order.currency}.`);
  if (!Number.isSafeInteger(order.amount) || order.amount <= 0)
    throw new PaymentNotPossibleError("The order's amount is nothing to pay. Place it without a payment.");
  return adapter;
}

/** Where money has come in that nobody has decided about, nobody should pay once more. Throws. */
async function refuseUndecided(database: Database | DatabaseTransaction, { id }: OrderToPay): Promise<void> {
  const refused = await database.payment.findFirst({ where: { orderId: id, state: "refused" }, select: { id: true } });
  if (refused === null) return;
  throw new PaymentNotPossibleError(
    `Something was paid for this order already, but not what was asked for (payment ${refused.id}). The brand has to look at it first.`,
  );
}

function beingMade(): PaymentNotPossibleError {
  return new PaymentNotPossibleError("The payment is being made at this moment. Ask again in a second.", {
    soon: true,
  });
}
