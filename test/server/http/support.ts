// The application on a free port over a mirror fixture.

import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { type Logger, pino } from "pino";
import { Registry } from "prom-client";
import { type Accounts, createAccounts } from "../../../server/accounts/accounts.ts";
import { loadSecrets } from "../../../server/accounts/secrets.ts";
import type { SmsAdapter } from "../../../server/accounts/sms.ts";
import { createRpc, type Rpc } from "../../../server/chain/rpc.ts";
import type { Config, WebhookSettings } from "../../../server/config.ts";
import type { Database } from "../../../server/database/client.ts";
import type { MirrorStatus } from "../../../server/database/mirror-status.ts";
import { createApp } from "../../../server/http/app.ts";
import { presentPlacedOrder } from "../../../server/http/present-order.ts";
import type { OrderServices } from "../../../server/http/services.ts";
import { createCatalogue } from "../../../server/issuance/orders/catalogue.ts";
import { createOrderDesk } from "../../../server/issuance/orders/desk.ts";
import type { PlacedOrder } from "../../../server/issuance/orders/order.ts";
import type { Payments } from "../../../server/payments/payments.ts";
import type { Resolve } from "../../../server/webhooks/addresses.ts";
import { createWebhooks, type Webhooks } from "../../../server/webhooks/webhooks.ts";
import { freshStatus, NOW } from "../../support/mirror-fixture.ts";

export interface RunningApp {
  url: string;
  publicUrl: string;
  /** What the mirror says of itself; a test may change it. */
  status: MirrorStatus;
  clock: TestClock;
  /** The steady clock of all this, in milliseconds. */
  steady(): number;
  /** The log so far, a line each. */
  log: Record<string, unknown>[];
  accounts: Accounts;
  /** Not started. */
  webhooks: Webhooks;
  get(path: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** In seconds. A test lets time pass by counting `now` up. */
export interface TestClock {
  now: number;
  /** By how much `now` was set while no time passed: see {@link setClock}. */
  set: number;
}

/** Sets the wall clock by some seconds, which may be negative. No time passes. */
export function setClock(clock: TestClock, seconds: number): void {
  clock.now += seconds;
  clock.set += seconds;
}

export interface AppParts {
  /** The connection for application tables; `database` if left out. */
  application?: Database;
  /** The chain; out of reach if left out. */
  rpc?: Pick<Rpc, "call">;
  sms?: SmsAdapter;
  /** The keys of brands that this server has; none if left out. */
  keysOf?: OrderServices["keysOf"];
  /** Makes the payments that the app takes; none if left out. */
  payments?(app: { url: string; orders: OrderServices; logger: Logger; now(): number; steady(): number }): Payments;
  /** How webhooks are sent, where it is not as usual. */
  webhooks?: Partial<WebhookSettings>;
  /** How the names of their receivers become addresses. */
  resolve?: Resolve;
  /** Whether it is reached by a name instead of an address of numbers. */
  onLocalhost?: boolean;
}

/** Serves `database`. The public URL is the server's own. */
export async function startApp(
  database: Database,
  options: Partial<
    Pick<
      Config,
      | "rateLimitPerMinute"
      | "keyRateLimitPerMinute"
      | "publicUrl"
      | "trustProxy"
      | "dataFolder"
      | "maxImportMegabytes"
      | "redemptionUndoHours"
    >
  > &
    AppParts = {},
): Promise<RunningApp> {
  const log: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      log.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const app: { handle?: ReturnType<typeof createApp> } = {};
  const { createServer } = await import("node:http");
  const server: Server = createServer((request, response) => app.handle?.(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock = { now: NOW, set: 0 };
  const config = {
    publicUrl: options.publicUrl ?? (options.onLocalhost === true ? url.replace("127.0.0.1", "localhost") : url),
    maxLagSeconds: 30,
    rateLimitPerMinute: options.rateLimitPerMinute ?? 0,
    keyRateLimitPerMinute: options.keyRateLimitPerMinute ?? 0,
    trustProxy: options.trustProxy ?? 0,
    authSecret: "a secret that only tests know, and everybody else",
    dataKey: undefined,
    dataFolder: options.dataFolder ?? "",
    maxImportMegabytes: options.maxImportMegabytes ?? 64,
    redemptionUndoHours: options.redemptionUndoHours ?? 24,
    webhooks: {
      ...{ allowLoopback: undefined, timeoutMs: 2_000, retryDelaysMs: undefined, expiringDays: 30, keptDays: 30 },
      ...options.webhooks,
    },
  };
  const logger = pino({ level: "debug" }, sink);
  const now = () => Math.round(clock.now * 1000);
  const steady = () => Math.round((clock.now - clock.set) * 1000);
  const application = options.application ?? database;
  const accounts = createAccounts({
    config,
    database,
    application,
    chainId: () => running.status.chainId,
    rpc: options.rpc ?? createRpc({ url: "http://127.0.0.1:1" }),
    sms: options.sms ?? { send: async () => {} },
    logger,
    now,
    steady,
  });
  const metrics = new Registry();
  const webhooks = createWebhooks({
    ...{ config, database, application, logger, metrics, now, steady },
    secrets: loadSecrets(config),
    mirror: { status: () => running.status },
    ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
  });
  const running: RunningApp = {
    url,
    publicUrl: config.publicUrl,
    status: freshStatus(),
    clock,
    steady,
    log,
    accounts,
    webhooks,
    get: (path, init) => fetch(`${url}${path}`, { redirect: "manual", ...init }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await webhooks.stop();
      await accounts.close();
    },
  };
  const orders = ordersWithoutChain({
    database: application,
    publicUrl: config.publicUrl,
    now,
    steady,
    keysOf: options.keysOf,
  });
  const payments = options.payments?.({ url, orders, logger, now, steady });
  app.handle = createApp({
    config,
    database,
    application,
    accounts,
    orders: { ...orders, paymentProviders: payments?.names ?? [] },
    ...(payments === undefined ? {} : { payments }),
    webhooks,
    mirror: { status: () => running.status },
    storage: { note: () => undefined, problem: () => undefined },
    shortage: () => undefined,
    logger,
    metrics,
    now,
    steady,
  });
  return running;
}

/** Orders that can be placed and are never sent. Customers need addresses of their own: there is no keystore. */
function ordersWithoutChain(options: {
  database: Database;
  publicUrl: string;
  now: () => number;
  steady: () => number;
  keysOf: OrderServices["keysOf"] | undefined;
}): OrderServices {
  const { database, publicUrl, now, steady, keysOf = async () => undefined } = options;
  const catalogue = createCatalogue({ database, steady });
  const answerOf = (order: PlacedOrder) => presentPlacedOrder(order, { publicUrl, slugOf: catalogue.slugOf });
  return {
    catalogue,
    desk: createOrderDesk({ application: database, now, steady, answerOf }),
    keysOf,
    timeZone: "Asia/Shanghai",
    now,
    paymentProviders: [],
    wake() {},
    signing: () => [],
  };
}

const PUBLIC_TAGS = new Set(["collections", "holders", "verification", "metadata", "operations"]);

/** Of the paths of the OpenAPI document those that only tell what is on the chain, or of the server. */
export function publicPaths<Item extends object>(paths: Record<string, Item>): Record<string, Item> {
  return Object.fromEntries(
    Object.entries(paths).filter(([, item]) => {
      const operations = Object.values(item) as { tags?: string[] }[];
      return operations.every(({ tags }) => tags?.every((tag) => PUBLIC_TAGS.has(tag)));
    }),
  );
}

/** An outage as the client reports it: what the driver has said is hidden within. */
export const outage = Object.assign(new Error("Can't reach database server at 10.0.0.1:5432"), {
  code: "P2010",
  meta: { driverAdapterError: { cause: { kind: "DatabaseNotReachable", host: "10.0.0.1", port: 5432 } } },
});

/** Through which the client is asked for something other than who sends a request. */
const BROKEN = new Set<string | symbol>(["$transaction", "$queryRaw", "$queryRawUnsafe", "$executeRaw"]);
const BROKEN_TABLES = new Set<string | symbol>([
  ...["collection", "offer", "order", "customer", "benefitHold", "webhookEndpoint", "webhookDelivery"],
]);

/** A database whose every query fails, but those for API keys. */
export function brokenDatabase(database: Database, error = new Error("disk I/O error")): Database {
  const fail = async () => {
    throw error;
  };
  return new Proxy(database, {
    get(target, name) {
      if (BROKEN_TABLES.has(name)) return new Proxy({}, { get: () => fail });
      return BROKEN.has(name) ? fail : Reflect.get(target, name);
    },
  });
}
