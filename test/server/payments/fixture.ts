// Servers on one database that take payments, and the simulator that they take them through.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SimulatorKeys, simulatorKeys } from "../../../scripts/payment-simulator/keys.ts";
import {
  type PaymentSimulator,
  type SimulatorOptions,
  startPaymentSimulator,
} from "../../../scripts/payment-simulator/simulator.ts";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import type { BrandRole } from "../../../server/accounts/principal.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { inTransaction } from "../../../server/database/transactions.ts";
import { cancelUnpaid, releaseOrder } from "../../../server/issuance/orders/changes.ts";
import type { PaymentAdapter } from "../../../server/payments/adapter.ts";
import { type Caretaker, createCaretaker } from "../../../server/payments/caretaker.ts";
import { createPaidOrders } from "../../../server/payments/paid-orders.ts";
import { createPayments, type Payments } from "../../../server/payments/payments.ts";
import { createPingppAdapter } from "../../../server/payments/pingpp.ts";
import { readPrivateKey, readPublicKey } from "../../../server/payments/pingpp-signature.ts";
import type { DatabaseKind } from "../../support/databases.ts";
import { addressOf, COLLECTIONS, createMirrorFixture } from "../../support/mirror-fixture.ts";
import { type RunningApp, setClock, startApp } from "../http/support.ts";

/** What an order costs in these tests, in fen. */
export const PRICE = 12_800;
const PAYMENT_TIMEOUT_MS = 2_000;

export interface PaymentServer {
  app: RunningApp;
  application: Database;
  payments: Payments;
  adapter: PaymentAdapter;
  caretaker: Caretaker;
}

export interface PaymentFixture {
  /** Two of them; what is not said otherwise goes to the first, and callbacks do. */
  servers: [PaymentServer, PaymentServer];
  simulator: PaymentSimulator;
  keys: SimulatorKeys;
  database: Database;
  /** Moves the clock of everybody on. */
  pass(seconds: number): void;
  /** Sets the servers' clocks by some seconds, which may be negative. No time passes. */
  setClock(seconds: number): void;
  /** Places an order that waits for its payment. Returns its id. */
  order(options?: { quantity?: number; amount?: number; currency?: string }): Promise<string>;
  /** Sends a request with a key of this role. */
  send(
    path: string,
    options?: { role?: BrandRole; brandId?: number; method?: string; server?: PaymentServer },
  ): Promise<Response>;
  /** Asks to pay, which must succeed. */
  pay(orderId: string): Promise<{ id: string; payUrl: string; chargeId: string }>;
  /** An order's state, its payments' states in the order of their making, and its commands' states. */
  standing(orderId: string): Promise<{ order: string; payments: string[]; cards: string[] }>;
  /** Cancels what was not paid in time. */
  cancelUnpaid(): Promise<number>;
  /** The outcomes of all events so far that are about an order, in the order in which they were told. */
  outcomes(orderId: string): Promise<string[]>;
  close(): Promise<void>;
}

let madeKeys: SimulatorKeys | undefined;

/** Made once: that takes longer than most tests. */
function sharedKeys(): SimulatorKeys {
  if (madeKeys !== undefined) return madeKeys;
  const folder = mkdtempSync(join(tmpdir(), "mintmark-payments-"));
  try {
    madeKeys = simulatorKeys(folder);
    return madeKeys;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function createPaymentFixture(
  kind: DatabaseKind,
  options: Partial<SimulatorOptions> & { rateLimitPerMinute?: number } = {},
): Promise<PaymentFixture> {
  const mirror = await createMirrorFixture(kind);
  const { database } = mirror;
  const keys = sharedKeys();
  const servers: PaymentServer[] = [];
  const simulator = await startPaymentSimulator({
    keys,
    port: 0,
    webhookUrl: () => `${servers[0]?.app.url}/v1/payments/pingpp/callback`,
    retryDelaysMs: [50, 50, 50],
    now: () => now(),
    ...options,
  });
  const now = () => (servers[0]?.app.clock.now ?? 0) * 1000;

  async function startServer(): Promise<PaymentServer> {
    const application = await openDatabase(mirror.url, { application: true });
    let server: Omit<PaymentServer, "app"> | undefined;
    const app = await startApp(database, {
      application,
      ...(options.rateLimitPerMinute === undefined ? {} : { rateLimitPerMinute: options.rateLimitPerMinute }),
      payments({ url, logger, now, steady }) {
        const adapter = createPingppAdapter({
          apiUrl: simulator.url,
          appId: keys.appId,
          apiKey: keys.apiKey,
          merchantKey: readPrivateKey(keys.merchantPrivateKey),
          aggregatorKey: readPublicKey(keys.aggregatorPublicKey),
          channel: "alipay_qr",
          timeoutMs: PAYMENT_TIMEOUT_MS,
          now,
        });
        const orders = createPaidOrders({ database: application, release: releaseOrder });
        const payments = createPayments({ application, adapters: [adapter], orders, publicUrl: url, logger, now });
        const caretaker = createCaretaker({ application, adapters: [adapter], payments, logger, now, steady });
        server = { application, payments, adapter, caretaker };
        return payments;
      },
    });
    if (server === undefined) throw new Error("The app has asked for no payments");
    return { app, ...server };
  }
  const first = await startServer();
  servers.push(first);
  const second = await startServer();
  servers.push(second);

  const apiKeys = new Map<string, Promise<string>>();
  function apiKey(role: BrandRole, brandId: number): Promise<string> {
    const name = `${role} ${brandId}`;
    const known = apiKeys.get(name);
    if (known !== undefined) return known;
    const made = createApiKey(database, { brandId, role, name, createdBy: "test", now: now() }).then(({ key }) => key);
    apiKeys.set(name, made);
    return made;
  }

  let ordered = 0;
  const fixture: PaymentFixture = {
    servers: [first, second],
    simulator,
    keys,
    database,
    pass(seconds) {
      for (const { app } of servers) app.clock.now += seconds;
    },
    setClock(seconds) {
      for (const { app } of servers) setClock(app.clock, seconds);
    },
    async order({ quantity = 1, amount = PRICE, currency = "CNY" } = {}) {
      const number = ++ordered;
      const response = await fetch(`${first.app.url}/v1/orders`, {
        method: "POST",
        headers: {
          Authorization: `Bearer ${await apiKey("staff", 1)}`,
          "Content-Type": "application/json",
          "Idempotency-Key": `order-${number}`,
        },
        body: JSON.stringify({
          customer: { reference: `C-${number}`, holder: addressOf(`customer ${number}`) },
          items: [{ collection: COLLECTIONS.firstEdition.slug, tier: 1, term: "P1Y", quantity }],
          paid: { amount, currency },
          payment: "pingpp",
        }),
      });
      const body = (await response.json()) as { data: { id: string } };
      if (response.status !== 201) throw new Error(JSON.stringify(body));
      return body.data.id;
    },
    async send(path, { role = "staff", brandId = 1, method = "POST", server = first } = {}) {
      const headers = { Authorization: `Bearer ${await apiKey(role, brandId)}` };
      return await fetch(`${server.app.url}${path}`, { method, headers });
    },
    async pay(orderId) {
      const response = await fixture.send(`/v1/orders/${orderId}/payment`);
      const body = (await response.json()) as { data: { id: string; payUrl: string } };
      if (response.status !== 200) throw new Error(JSON.stringify(body));
      const chargeId = body.data.payUrl.split("/").at(-1) ?? "";
      return { ...body.data, chargeId };
    },
    async standing(orderId) {
      const [order, payments, commands] = await Promise.all([
        database.order.findUniqueOrThrow({ where: { id: orderId } }),
        database.payment.findMany({ where: { orderId }, orderBy: [{ createdAt: "asc" }, { expiresAt: "asc" }] }),
        database.command.findMany({ where: { orderId }, orderBy: { id: "asc" } }),
      ]);
      return {
        order: order.state,
        payments: payments.map(({ state }) => state),
        cards: commands.map(({ state }) => state),
      };
    },
    cancelUnpaid: () => inTransaction(first.application, (transaction) => cancelUnpaid(transaction, now(), 100)),
    async outcomes(orderId) {
      const payments = await database.payment.findMany({ where: { orderId } });
      const events = await database.paymentEvent.findMany({
        where: { paymentId: { in: payments.map(({ id }) => id) } },
        orderBy: [{ at: "asc" }],
      });
      return events.map(({ outcome }) => outcome);
    },
    async close() {
      await simulator.close();
      for (const { app, application } of servers) {
        await app.close();
        await application.$disconnect();
      }
      await mirror.close();
    },
  };
  return fixture;
}
