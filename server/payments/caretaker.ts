// Looks after payments: sends money back that is to go back, and asks the aggregator about payments of which nothing was heard.
// Several servers may do so at once. Must hold: what one of them has begun when it dies, another one finishes, and a refund is asked
// for under the same number each time.

import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { createSetBackWatch, steadyClock } from "../clocks.ts";
import type { Database } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { inTransaction } from "../database/transactions.ts";
import { shortenWaits, type WrongWait } from "../database/waits.ts";
import { type PaymentAdapter, PaymentProviderError } from "./adapter.ts";
import { settleRefundResult } from "./book.ts";
import { LOOK_AFTER_MS, type Payments } from "./payments.ts";

export interface Caretaker {
  /** Does what is due. Returns how much of it there was. */
  step(): Promise<number>;
  start(): void;
  /** Resolves once what is under way is done. */
  stop(): Promise<void>;
}

export interface CaretakerOptions {
  /** The connection for application tables. */
  application: Database;
  adapters: readonly PaymentAdapter[];
  payments: Pick<Payments, "take">;
  logger: Pick<Logger, "info" | "warn" | "error">;
  /** The wall clock, in milliseconds since the Unix epoch. */
  now(): number;
  /** The steady clock. */
  steady?(): number;
}

const AT_ONCE = 20;
const IDLE_MS = 1_000;
/** For so long nobody else takes what one has begun. Longer than any request to an aggregator. */
const CLAIM_MS = 60_000;
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 600_000;
/** The aggregator tells when a refund has come through; in case that gets lost. */
const PENDING_PAUSE_MS = 3_600_000;

export function createCaretaker(options: CaretakerOptions): Caretaker {
  const { application, adapters, payments, logger, now, steady = steadyClock } = options;
  const byName = new Map(adapters.map((adapter) => [adapter.name, adapter]));
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function refundDue(): Promise<number> {
    const due = await application.paymentRefund.findMany({
      where: { state: { in: ["wanted", "pending"] }, notBefore: { lte: now() } },
      orderBy: { notBefore: "asc" },
      take: AT_ONCE,
    });
    let count = 0;
    for (const { id, paymentId, amount, reason, attempts, notBefore } of due) {
      const claimed = await application.paymentRefund.updateMany({
        where: { id, notBefore, state: { in: ["wanted", "pending"] } },
        data: { notBefore: now() + CLAIM_MS, attempts: attempts + 1, updatedAt: now() },
      });
      if (claimed.count === 0) continue;
      count++;
      const payment = await application.payment.findUniqueOrThrow({ where: { id: paymentId } });
      const adapter = byName.get(payment.adapter);
      if (adapter === undefined || payment.externalId === null) {
        logger.error(
          { refund: id, payment: paymentId, adapter: payment.adapter },
          "a refund cannot be sent: is the adapter set up?",
        );
        continue;
      }
      await sendRefund(adapter, {
        id,
        paymentId,
        externalId: payment.externalId,
        amount: Number(amount),
        reason,
        attempts,
      });
    }
    return count;
  }

  async function sendRefund(
    adapter: PaymentAdapter,
    refund: { id: string; paymentId: string; externalId: string; amount: number; reason: string; attempts: number },
  ): Promise<void> {
    const { id, paymentId, externalId, amount, reason, attempts } = refund;
    const facts = { refund: id, payment: paymentId, adapter: adapter.name, amount };
    try {
      const result = await adapter.refund({ paymentId: externalId, amount, reason, refundId: id });
      await inTransaction(application, (transaction) =>
        settleRefundResult(
          transaction,
          { id, paymentId, adapter: adapter.name },
          { result, lookAgainAt: now() + PENDING_PAUSE_MS, now: now() },
        ),
      );
      if (result.state === "failed")
        logger.error({ ...facts, detail: result.detail }, "a refund has failed: see to it");
      else logger.info({ ...facts, state: result.state }, "money goes back");
    } catch (error) {
      if (!(error instanceof PaymentProviderError)) throw error;
      const { message, retryable } = error;
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** attempts, LONGEST_PAUSE_MS);
      await application.paymentRefund.updateMany({
        where: { id, state: { in: ["wanted", "pending"] } },
        data: {
          ...(retryable ? { notBefore: now() + pause } : { state: "failed" }),
          ...{ failureDetail: message, updatedAt: now() },
        },
      });
      if (retryable) logger.warn({ ...facts, reason: message, againInMs: pause }, "a refund could not be sent yet");
      else logger.error({ ...facts, reason: message }, "a refund was refused: see to it");
    }
  }

  async function lookUpDue(): Promise<number> {
    const due = await application.payment.findMany({
      where: { state: { in: ["creating", "open"] }, lookAt: { lte: now() } },
      orderBy: { lookAt: "asc" },
      take: AT_ONCE,
    });
    let count = 0;
    for (const { id, adapter: name, externalId, lookAt } of due) {
      const claimed = await application.payment.updateMany({
        where: { id, lookAt, state: { in: ["creating", "open"] } },
        data: { lookAt: now() + CLAIM_MS },
      });
      if (claimed.count === 0) continue;
      count++;
      const adapter = byName.get(name);
      if (adapter === undefined) continue;
      try {
        const event = externalId === null ? undefined : await adapter.findPaid(externalId);
        if (event !== undefined) {
          logger.warn(
            { payment: id, adapter: name },
            "a payment was made that nobody told us of: do callbacks arrive?",
          );
          await payments.take(adapter, event);
        } else {
          await application.payment.updateMany({
            where: { id, state: { in: ["creating", "open"] } },
            data: { state: "closed", openFor: null, updatedAt: now() },
          });
        }
      } catch (error) {
        if (!(error instanceof PaymentProviderError)) throw error;
        if (!error.retryable) {
          await application.payment.updateMany({
            where: { id, state: { in: ["creating", "open"] } },
            data: {
              state: "closed",
              openFor: null,
              failure: "not-found",
              failureDetail: error.message,
              updatedAt: now(),
            },
          });
        }
        logger.warn({ payment: id, adapter: name, reason: error.message }, "nobody can say whether a payment was made");
      }
    }
    return count;
  }

  /** Waits that were written while the clock was ahead. A payment's own time, which its payer was told, is not one. */
  function wrongWaits(at: number): WrongWait[] {
    const refunds = { table: "PaymentRefund", set: Prisma.sql`"notBefore" = ${at}` };
    return [
      // What was never tried does not wait.
      { ...refunds, where: Prisma.sql`"state" = 'wanted' AND "notBefore" > ${at + CLAIM_MS} AND "attempts" = 0` },
      { ...refunds, where: Prisma.sql`"state" = 'wanted' AND "notBefore" > ${at + LONGEST_PAUSE_MS}` },
      { ...refunds, where: Prisma.sql`"state" = 'pending' AND "notBefore" > ${at + PENDING_PAUSE_MS}` },
      {
        ...{ table: "Payment", set: Prisma.sql`"lookAt" = ${at}` },
        where: Prisma.sql`"state" IN ('creating', 'open') AND "lookAt" > ${at + CLAIM_MS} AND "lookAt" > "expiresAt" + ${LOOK_AFTER_MS}`,
      },
    ];
  }

  const lookAfterClock = createSetBackWatch({ now, steady }, async () => {
    for (const wait of wrongWaits(now())) {
      const count = await shortenWaits(application, wait);
      if (count > 0)
        logger.warn({ table: wait.table, count }, "the clock was ahead when these were put off: they are due now");
    }
  });

  async function step(): Promise<number> {
    await lookAfterClock();
    return (await refundDue()) + (await lookUpDue());
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let done = 0;
      try {
        done = await step();
      } catch (error) {
        logger.warn({ err: error }, "payments could not be looked after");
      }
      if (done === 0) await sleep(IDLE_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  return {
    step,
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
