// The payments in their tables, and what may become of each when something is told of it. Each function is part of a transaction
// of the caller's, or one statement. docs/payments.md draws the states.
//
// Must hold: an event counts once; an order is released for one payment only, and only for exactly what was asked; whatever else
// was paid is on its way back as soon as it is known, or is there for a person to look at.

import { v7 as uuidv7 } from "uuid";
import type { DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import type { PaymentEvent, RefundResult } from "./adapter.ts";
import type { PaidOrders } from "./paid-orders.ts";

export type PaymentState = "creating" | "open" | "paid" | "refused" | "refunding" | "refunded" | "closed";

/** What came of an event. */
export type Outcome =
  /** The order's cards are being issued. */
  | "released"
  /** The order was cancelled before: the money goes back. */
  | "too-late"
  /** The order was paid before, by another payment: the money of this one goes back. */
  | "paid-twice"
  /** The money has gone back. */
  | "refunded"
  /** Something else was paid than was asked for. A person must look at it. */
  | "other-amount"
  | "other-currency"
  | "other-payment"
  /** It changes nothing any more. */
  | "known"
  /** We have no such payment: another system of the same merchant may have. */
  | "unknown-payment";

export interface Settlement {
  outcome: Outcome;
  /** Nothing where it is not ours. */
  orderId: string | undefined;
}

/** A row of the table, as far as it is needed here; numbers of PostgreSQL's and SQLite's own kinds. */
interface LockedPayment {
  id: string;
  orderId: string;
  state: PaymentState;
  amount: bigint | number;
  currency: string;
  externalId: string | null;
}

/** States from which money that comes in decides what happens next. */
const UNDECIDED: readonly PaymentState[] = ["creating", "open", "closed"];

/** Writes down what an aggregator has told, and does what follows. */
export async function settle(
  transaction: DatabaseTransaction,
  options: { adapter: string; event: Exclude<PaymentEvent, { kind: "ignored" }>; orders: PaidOrders; now: number },
): Promise<Settlement> {
  const { adapter, event, orders, now } = options;
  const payment = await lockPayment(transaction, adapter, event.reference);
  // What the payment is locked for; a second one with the same event waits, and finds it.
  if (!(await isNew(transaction, adapter, event, now))) return { outcome: "known", orderId: payment?.orderId };
  const outcome =
    payment === undefined
      ? "unknown-payment"
      : event.kind === "paid"
        ? await settlePaid(transaction, payment, event, orders, now)
        : await settleRefunded(transaction, payment, event, now);
  await transaction.paymentEvent.update({
    where: { adapter_eventId: { adapter, eventId: event.eventId } },
    data: { outcome },
  });
  return { outcome, orderId: payment?.orderId };
}

async function settlePaid(
  transaction: DatabaseTransaction,
  payment: LockedPayment,
  event: Extract<PaymentEvent, { kind: "paid" }>,
  orders: PaidOrders,
  now: number,
): Promise<Outcome> {
  const difference = differenceOf(payment, event);
  if (difference !== undefined) {
    if (UNDECIDED.includes(payment.state)) {
      await update(transaction, payment.id, now, {
        state: "refused",
        openFor: null,
        failure: difference,
        failureDetail: `${event.amount} ${event.currency} came in as ${event.paymentId}, and ${payment.amount} ${payment.currency} was asked for as ${payment.externalId ?? "a payment whose number was not known yet"}. The order was not released. Look at it in the aggregator's dashboard, and refund it there.`,
      });
    }
    return difference;
  }
  if (!UNDECIDED.includes(payment.state)) return "known";
  const release = await orders.release(transaction, payment.orderId, now);
  // Others that pay the same order wait in `release`, and see this payment here when it is their turn.
  const wasReleased = await wasReleasedBefore(transaction, payment.orderId);
  const known = { externalId: event.paymentId, openFor: null };
  if (release === "released" && !wasReleased) {
    await update(transaction, payment.id, now, { ...known, state: "paid" });
    return "released";
  }
  const outcome = release === "released" ? "paid-twice" : "too-late";
  await update(transaction, payment.id, now, { ...known, state: "paid" });
  await wantRefund(transaction, { ...payment, state: "paid" }, { reason: REFUND_REASONS[outcome], now });
  return outcome;
}

/** Whether a payment has released the order. */
async function wasReleasedBefore(transaction: DatabaseTransaction, orderId: string): Promise<boolean> {
  const payments = await transaction.payment.findMany({ where: { orderId }, select: { id: true } });
  const event = await transaction.paymentEvent.findFirst({
    where: { paymentId: { in: payments.map(({ id }) => id) }, outcome: "released" },
    select: { eventId: true },
  });
  return event !== null;
}

/** What the payer may read. */
const REFUND_REASONS = {
  "too-late": "The order was cancelled before the payment came in. 付款到账前订单已取消。",
  "paid-twice": "The order was paid already. 该订单已支付。",
} as const;

function differenceOf(
  payment: LockedPayment,
  event: Extract<PaymentEvent, { kind: "paid" }>,
): "other-amount" | "other-currency" | "other-payment" | undefined {
  if (payment.externalId !== null && payment.externalId !== event.paymentId) return "other-payment";
  if (payment.currency !== event.currency) return "other-currency";
  return Number(payment.amount) === event.amount ? undefined : "other-amount";
}

async function settleRefunded(
  transaction: DatabaseTransaction,
  payment: LockedPayment,
  event: Extract<PaymentEvent, { kind: "refunded" }>,
  now: number,
): Promise<Outcome> {
  if (payment.externalId !== null && payment.externalId !== event.paymentId) return "other-payment";
  const refunds = await transaction.paymentRefund.findMany({ where: { paymentId: payment.id } });
  const known = refunds.find(({ id, externalId }) => id === event.refundId || externalId === event.externalRefundId);
  if (known === undefined) {
    // By a person in the aggregator's dashboard.
    await transaction.paymentRefund.create({
      data: {
        id: event.externalRefundId,
        paymentId: payment.id,
        amount: event.amount,
        reason: "Refunded at the aggregator.",
        state: "done",
        externalId: event.externalRefundId,
        attempts: 0,
        notBefore: 0,
        createdAt: now,
        updatedAt: now,
      },
    });
  } else {
    await transaction.paymentRefund.update({
      where: { id: known.id },
      data: { state: "done", externalId: event.externalRefundId, failureDetail: null, updatedAt: now },
    });
  }
  if (payment.externalId === null) await update(transaction, payment.id, now, { externalId: event.paymentId });
  await settleRefunds(transaction, payment, now);
  return "refunded";
}

/**
 * Has what was paid for an order go back, as far as it has not. Done by whoever carries refunds out, soon after the transaction.
 * `nothing`: no payment of the order has money that is not on its way back.
 */
export async function refundPaymentOf(
  transaction: DatabaseTransaction,
  orderId: string,
  options: { reason: string; now: number },
): Promise<"wanted" | "nothing"> {
  const row = await transaction.payment.findFirst({
    where: { orderId, state: "paid" },
    select: { id: true, adapter: true },
  });
  const payment = row === null ? undefined : await lockPayment(transaction, row.adapter, row.id);
  if (payment?.state !== "paid") return "nothing";
  await wantRefund(transaction, payment, options);
  return "wanted";
}

async function wantRefund(
  transaction: DatabaseTransaction,
  payment: LockedPayment,
  { reason, now }: { reason: string; now: number },
): Promise<void> {
  const refunds = await transaction.paymentRefund.findMany({ where: { paymentId: payment.id } });
  const left = refunds
    .filter(({ state }) => state !== "failed")
    .reduce((rest, { amount }) => rest - Number(amount), Number(payment.amount));
  if (left > 0) {
    await transaction.paymentRefund.create({
      data: {
        id: `rfd_${uuidv7()}`,
        paymentId: payment.id,
        amount: left,
        reason,
        state: "wanted",
        attempts: 0,
        notBefore: now,
        createdAt: now,
        updatedAt: now,
      },
    });
  }
  await settleRefunds(transaction, payment, now);
}

/** Writes down what the aggregator has answered to a refund. */
export async function settleRefundResult(
  transaction: DatabaseTransaction,
  refund: { id: string; paymentId: string; adapter: string },
  { result, lookAgainAt, now }: { result: RefundResult; lookAgainAt: number; now: number },
): Promise<void> {
  const payment = await lockPayment(transaction, refund.adapter, refund.paymentId);
  if (payment === undefined) return;
  await transaction.paymentRefund.updateMany({
    // Its event may have been faster.
    where: { id: refund.id, state: { in: ["wanted", "pending"] } },
    data: {
      state: result.state,
      externalId: result.externalRefundId,
      failureDetail: result.detail ?? null,
      notBefore: lookAgainAt,
      updatedAt: now,
    },
  });
  await settleRefunds(transaction, payment, now);
}

/** Brings a payment's state up to date with its refunds. */
async function settleRefunds(transaction: DatabaseTransaction, payment: LockedPayment, now: number): Promise<void> {
  const refunds = await transaction.paymentRefund.findMany({ where: { paymentId: payment.id } });
  const done = refunds.filter(({ state }) => state === "done").reduce((sum, { amount }) => sum + Number(amount), 0);
  const isUnderWay = refunds.some(({ state }) => state !== "done");
  if (done >= Number(payment.amount)) await update(transaction, payment.id, now, { state: "refunded", openFor: null });
  else if (isUnderWay) await update(transaction, payment.id, now, { state: "refunding" });
}

/** Whether an event is told for the first time; it is written down if so. */
async function isNew(
  transaction: DatabaseTransaction,
  adapter: string,
  event: Exclude<PaymentEvent, { kind: "ignored" }>,
  now: number,
): Promise<boolean> {
  const currency = event.kind === "paid" ? event.currency : null;
  const inserted = await transaction.$executeRaw(
    Prisma.sql`INSERT INTO "PaymentEvent" ("adapter", "eventId", "kind", "paymentId", "externalId", "amount", "currency", "outcome", "at")
      VALUES (${adapter}, ${event.eventId}, ${event.kind}, ${event.reference}, ${event.paymentId}, ${event.amount}, ${currency}, 'known', ${now})
      ON CONFLICT DO NOTHING`,
  );
  return inserted === 1;
}

/** A payment, which nobody else changes until the transaction ends. */
async function lockPayment(
  transaction: DatabaseTransaction,
  adapter: string,
  id: string,
): Promise<LockedPayment | undefined> {
  const [payment] = await transaction.$queryRaw<LockedPayment[]>(
    Prisma.sql`UPDATE "Payment" SET "state" = "state" WHERE "id" = ${id} AND "adapter" = ${adapter}
      RETURNING "id", "orderId", "state", "amount", "currency", "externalId"`,
  );
  return payment;
}

async function update(
  transaction: DatabaseTransaction,
  id: string,
  now: number,
  data: { state?: PaymentState; openFor?: null; externalId?: string; failure?: string; failureDetail?: string },
): Promise<void> {
  await transaction.payment.update({ where: { id }, data: { ...data, updatedAt: now } });
}
