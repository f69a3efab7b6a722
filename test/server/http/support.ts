// The application on a free port over a mirror fixture.

import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createAuthenticator } from "../../../server/accounts/authenticator.ts";
import type { Config } from "../../../server/config.ts";
import type { Database } from "../../../server/database/client.ts";
import type { MirrorStatus } from "../../../server/database/mirror-status.ts";
import { createApp } from "../../../server/http/app.ts";
import { presentPlacedOrder } from "../../../server/http/present-order.ts";
import type { OrderServices } from "../../../server/http/services.ts";
import { createCatalogue } from "../../../server/issuance/orders/catalogue.ts";
import { createOrderDesk } from "../../../server/issuance/orders/desk.ts";
import type { PlacedOrder } from "../../../server/issuance/orders/order.ts";
import { freshStatus, NOW } from "../../support/mirror-fixture.ts";

export interface RunningApp {
  url: string;
  /** What the mirror says of itself; a test may change it. */
  status: MirrorStatus;
  /** Seconds; a test may change it. */
  clock: { now: number };
  /** The log so far, a line each. */
  log: Record<string, unknown>[];
  get(path: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

/** Serves `database`. The public URL is the server's own. */
export async function startApp(
  database: Database,
  options: Partial<Pick<Config, "rateLimitPerMinute" | "publicUrl">> = {},
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
  const clock = { now: NOW };
  const running: RunningApp = {
    url,
    status: freshStatus(),
    clock,
    log,
    get: (path, init) => fetch(`${url}${path}`, { redirect: "manual", ...init }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  app.handle = createApp({
    config: {
      publicUrl: options.publicUrl ?? url,
      maxLagSeconds: 30,
      rateLimitPerMinute: options.rateLimitPerMinute ?? 0,
      keyRateLimitPerMinute: 0,
      trustProxy: 0,
    },
    database,
    application: database,
    authenticator: createAuthenticator({ database, now: () => clock.now * 1000 }),
    orders: ordersWithoutChain(database, () => clock.now * 1000),
    mirror: { status: () => running.status },
    logger: pino({ level: "info" }, sink),
    metrics: new Registry(),
    now: () => clock.now * 1000,
  });
  return running;
}

/** Orders that can be placed and are never sent. Customers need addresses of their own: there is no keystore. */
function ordersWithoutChain(database: Database, now: () => number): OrderServices {
  const catalogue = createCatalogue({ database, now });
  const answerOf = (order: PlacedOrder) =>
    presentPlacedOrder(order, { publicUrl: "http://127.0.0.1", slugOf: catalogue.slugOf });
  return {
    catalogue,
    desk: createOrderDesk({ application: database, now, answerOf }),
    keysOf: async () => undefined,
    timeZone: "Asia/Shanghai",
    now,
    paymentProviders: [],
    wake() {},
  };
}
