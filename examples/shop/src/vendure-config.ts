// Vendure, as this store runs it: one process, one SQLite file, and no way in but the store's own pages.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  DefaultJobQueuePlugin,
  DefaultLogger,
  DefaultSchedulerPlugin,
  LanguageCode,
  LogLevel,
  type Type,
  UuidIdStrategy,
  type VendureConfig,
} from "@vendure/core";
import type { RequestHandler } from "express";
import { COLLECTED_ORDERS } from "./membership/order-process.ts";
import { retryDelay } from "./membership/tasks.ts";
import { testPaymentHandler } from "./payment.ts";
import type { Settings } from "./settings.ts";

export const STAFF_NAME = "staff";

export function databaseFile({ folder }: Settings): string {
  return join(folder, "shop.sqlite");
}

export function vendureConfig(options: {
  settings: Settings;
  staffPassword: string;
  membership: Type<unknown>;
  /** Answers every request that reaches the port. */
  front: RequestHandler;
}): VendureConfig {
  const { settings, staffPassword, membership, front } = options;
  mkdirSync(settings.folder, { recursive: true });
  return {
    logger: new DefaultLogger({ level: LogLevel.Warn }),
    defaultLanguageCode: LanguageCode.en,
    apiOptions: {
      hostname: settings.host,
      port: settings.port,
      adminApiPath: "admin-api",
      shopApiPath: "shop-api",
      cors: false,
      introspection: false,
      // Before Vendure's own body parser, for a webhook's signature is over the bytes as they came.
      middleware: [{ route: "/", handler: front, beforeListen: true }],
    },
    authOptions: {
      tokenMethod: "bearer",
      requireVerification: false,
      superadminCredentials: { identifier: STAFF_NAME, password: staffPassword },
    },
    dbConnectionOptions: {
      type: "better-sqlite3",
      database: databaseFile(settings),
      // The tables of an example follow its sources; a store that has customers writes migrations.
      synchronize: true,
    },
    // A customer's id is their reference at Mintmark, and a store that begins anew must not call another person the same.
    entityOptions: { entityIdStrategy: new UuidIdStrategy() },
    orderOptions: { process: [COLLECTED_ORDERS] },
    paymentOptions: { paymentMethodHandlers: [testPaymentHandler] },
    schedulerOptions: { runTasksInWorkerOnly: false },
    plugins: [
      DefaultSchedulerPlugin.init({}),
      DefaultJobQueuePlugin.init({ backoffStrategy: (_queue, attempts) => retryDelay(attempts), pollInterval: 200 }),
      membership,
    ],
  };
}
