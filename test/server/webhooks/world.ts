// A server with endpoints, and what they receive. Time passes when a test says so.

import type { BrandPrincipal } from "../../../server/accounts/principal.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import type { Delivery } from "../../../server/webhooks/deliveries.ts";
import type { DatabaseKind } from "../../support/databases.ts";
import { createMirrorFixture, type MirrorFixture } from "../../support/mirror-fixture.ts";
import { type AppParts, type RunningApp, setClock, startApp } from "../http/support.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

export const OWNER: BrandPrincipal = { kind: "user", id: "usr_owner", brandId: 1, role: "owner" };

export interface WebhookWorld {
  mirror: MirrorFixture;
  application: Database;
  app: RunningApp;
  receiver: Receiver;
  /** Makes an endpoint for the receiver, or for another URL. Returns its id. */
  endpoint(options?: {
    receiver?: Receiver;
    url?: string;
    events?: string[];
    principal?: BrandPrincipal;
  }): Promise<string>;
  /** Has a message sent. Returns the delivery's id. */
  send(endpoint: string): Promise<string>;
  /** The delivery once it has so many attempts. */
  attempted(delivery: string, attempts: number): Promise<Delivery>;
  /** Moves the server's clock on. */
  pass(seconds: number): void;
  /** Sets the server's clock by some seconds, which may be negative. No time passes. */
  setClock(seconds: number): void;
  close(): Promise<void>;
}

export async function createWebhookWorld(
  kind: DatabaseKind,
  options: Pick<AppParts, "webhooks" | "resolve"> & { publicUrl?: string } = {},
): Promise<WebhookWorld> {
  const mirror = await createMirrorFixture(kind);
  const application = await openDatabase(mirror.url, { application: true });
  const app = await startApp(mirror.database, { application, ...options });
  app.clock.now = Date.now() / 1000;
  const receiver = await startReceiver();
  // What time it is for the server, it is for who receives.
  const began = app.clock.now;
  receiver.clock = () => app.clock.now - began;
  app.webhooks.start();
  const { endpoints, deliveries } = app.webhooks;
  return {
    mirror,
    application,
    app,
    receiver,
    async endpoint({ receiver: of = receiver, url = of.url, events = ["*"], principal = OWNER } = {}) {
      const { id, secret } = await endpoints.create(principal, { url, events, description: "" });
      of.secrets.push(secret);
      return id;
    },
    send: (endpoint) => endpoints.test(OWNER, endpoint),
    async attempted(delivery, attempts) {
      for (;;) {
        const found = await deliveries.find(1, delivery);
        // Looked at again: what was read first may be from before the last attempt.
        if (found.attempts.length >= attempts) return await deliveries.find(1, delivery);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    pass(seconds) {
      app.clock.now += seconds;
    },
    setClock: (seconds) => setClock(app.clock, seconds),
    async close() {
      await app.close();
      await receiver.close();
      await application.$disconnect();
      await mirror.close();
    },
  };
}
