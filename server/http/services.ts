// What the routes need from the rest of the server.

import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Accounts } from "../accounts/accounts.ts";
import type { Config } from "../config.ts";
import type { Database } from "../database/client.ts";
import type { MirrorStatus } from "../database/mirror-status.ts";
import type { StorageWatch } from "../database/storage-watch.ts";
import type { OrderDesk } from "../issuance/orders/desk.ts";
import type { PreparingOptions } from "../issuance/orders/preparing.ts";
import type { SigningProblem } from "../issuance/signing-state.ts";
import type { Payments } from "../payments/payments.ts";
import type { Webhooks } from "../webhooks/webhooks.ts";

/** What orders are taken with. */
export interface OrderServices extends PreparingOptions {
  desk: OrderDesk;
  /** The names of the payment providers that an order can wait for. */
  paymentProviders: readonly string[];
  /** Something new is to be sent. */
  wake(): void;
  /** What this server should sign with and cannot. */
  signing(): SigningProblem[];
}

export interface Services {
  config: Pick<
    Config,
    | "publicUrl"
    | "maxLagSeconds"
    | "rateLimitPerMinute"
    | "keyRateLimitPerMinute"
    | "trustProxy"
    | "dataFolder"
    | "maxImportMegabytes"
    | "redemptionUndoHours"
  >;
  /** Should not be the indexer's own connection: what runs on one connection waits for, and sees, what is not committed. */
  database: Database;
  /** The connection for application tables: see `openDatabase`. */
  application: Database;
  /** What the database has lost or damaged, in a sentence; nothing while all is well. */
  databaseProblem?(): string | undefined;
  orders: OrderServices;
  accounts: Accounts;
  /** Nothing where none are taken: then their routes are not there. */
  payments?: Payments;
  webhooks: Pick<Webhooks, "endpoints" | "deliveries">;
  mirror: { status(): MirrorStatus };
  /** Whether the database takes what is written. */
  storage: Pick<StorageWatch, "note" | "problem">;
  /** What the connections of clients are short of, in a sentence; nothing if of nothing. */
  shortage(): string | undefined;
  logger: Logger;
  metrics: Registry;
  /** The wall clock, in milliseconds since the Unix epoch. */
  now(): number;
  /** The steady clock. */
  steady(): number;
}
