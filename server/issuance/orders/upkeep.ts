// What has to be done to orders and redemptions from time to time, by one server of those that share a database.

import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { createSetBackWatch } from "../../clocks.ts";
import type { Database } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";
import { inTransaction } from "../../database/transactions.ts";
import { expireHolds, shortenHolds } from "../redemptions/holding.ts";
import { cancelUnpaid } from "./changes.ts";

export interface UpkeepOptions {
  application: Database;
  leads(): boolean;
  /** Whether it is known what the chain has: an unpaid order of an older copy may have been paid and issued since. */
  mayCancel(): boolean;
  logger: Logger;
  /** The wall clock, in milliseconds. */
  now(): number;
  /** The steady clock. */
  steady(): number;
}

const EVERY_MS = 2_000;
const AT_ONCE = 100;
/** For how long an Idempotency-Key is remembered. */
const KEYS_KEPT_MS = 7 * 24 * 3_600_000;

/** Cancels what was not paid in time, ends what was held too long, and forgets old Idempotency-Keys. Ends when `signal` is aborted. */
export async function keepUpOrders(
  { application, leads, mayCancel, logger, now, steady }: UpkeepOptions,
  signal: AbortSignal,
): Promise<void> {
  const shortenWaits = createSetBackWatch({ now, steady }, async () => {
    const holds = await shortenHolds(application, now());
    if (holds > 0) logger.warn({ holds }, "the clock was ahead when benefits were held: they are held for less");
  });
  while (!signal.aborted) {
    try {
      if (leads()) {
        await shortenWaits();
        const cancelled = mayCancel()
          ? await inTransaction(application, (transaction) => cancelUnpaid(transaction, now(), AT_ONCE))
          : 0;
        await inTransaction(application, (transaction) => expireHolds(transaction, now()));
        if (cancelled > 0) logger.info({ orders: cancelled }, "unpaid orders were cancelled");
        await application.$executeRaw(
          Prisma.sql`DELETE FROM "IdempotentRequest" WHERE "createdAt" < ${now() - KEYS_KEPT_MS}`,
        );
      }
    } catch (error) {
      logger.warn({ err: error }, "the upkeep of orders failed; trying again");
    }
    await sleep(EVERY_MS, undefined, { signal }).catch(() => {});
  }
}
