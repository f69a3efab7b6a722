// The store: wiring, and the order in which it opens.

import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  bootstrap,
  JobQueueService,
  Logger,
  OrderService,
  RequestContextService,
  TransactionalConnection,
} from "@vendure/core";
import type { Express } from "express";
import { seed } from "./catalogue/seed.ts";
import { createKeeper } from "./kept.ts";
import { createCheckout } from "./membership/checkout.ts";
import { createEntitlements } from "./membership/entitlements.ts";
import { createMembersOnlyInterceptor } from "./membership/interceptor.ts";
import { createMembershipProcess } from "./membership/order-process.ts";
import { membershipPlugin } from "./membership/plugin.ts";
import { createMembershipPromotions } from "./membership/promotions.ts";
import { createTasks, type Tasks } from "./membership/tasks.ts";
import { createWebhookReceiver } from "./membership/webhooks.ts";
import { createMintmark, MintmarkAway } from "./mintmark/client.ts";
import { connect } from "./mintmark/connect.ts";
import { readSettings, SettingsError } from "./settings.ts";
import { createStorefront } from "./storefront/app.ts";
import { databaseFile, STAFF_NAME, vendureConfig } from "./vendure-config.ts";

/** How long the store waits before it asks again for what it arranges with Mintmark. */
const CONNECT_AGAIN_MS = 5_000;

async function open(): Promise<void> {
  const settings = readSettings(process.env);
  // Vendure would tell its makers who runs it.
  process.env["VENDURE_DISABLE_TELEMETRY"] = "true";
  const keeper = createKeeper(settings.folder);
  const { staffPassword, seeded } = keeper.read();
  // Filling it was broken off: it is done again from the beginning.
  if (seeded !== true)
    for (const end of ["", "-wal", "-shm"]) rmSync(`${databaseFile(settings)}${end}`, { force: true });
  const mintmark = createMintmark(settings.mintmark);
  const entitlements = createEntitlements({ mintmark });

  let tasks: Tasks | undefined;
  const laterTasks = () => {
    if (tasks === undefined) throw new Error("The store has not opened yet");
    return tasks;
  };
  let front: Express | undefined;
  const membership = membershipPlugin({
    promotions: createMembershipPromotions({ entitlements }),
    interceptor: createMembersOnlyInterceptor({ entitlements }),
    process: createMembershipProcess({ entitlements, tasks: laterTasks }),
  });
  const vendure = await bootstrap(
    vendureConfig({
      settings,
      staffPassword,
      membership,
      front: (request, response, next) => {
        if (front !== undefined) front(request, response, next);
        else response.status(503).set("Retry-After", "1").type("text").send("The store is about to open.");
      },
    }),
  );
  const connection = vendure.get(TransactionalConnection);
  const orders = vendure.get(OrderService);
  tasks = createTasks({
    mintmark,
    connection,
    orders,
    contexts: vendure.get(RequestContextService),
    jobs: vendure.get(JobQueueService),
  });
  if (seeded !== true) {
    await seed(vendure, { collection: settings.collection });
    keeper.write({ ...keeper.read(), seeded: true });
  }
  await tasks.start();
  const webhooks = createWebhookReceiver({
    connection,
    tasks: laterTasks,
    secret: () => keeper.read().webhook?.secret,
    verifyUrl: (slug, serial) => `${mintmark.url}/v/${slug}/${serial}`,
  });
  const checkout = createCheckout({ mintmark, entitlements, connection, orders });
  front = createStorefront(vendure, { entitlements, checkout, webhooks, url: settings.url });
  console.log(`The store is open at ${settings.url} (staff: ${STAFF_NAME}, password ${staffPassword})`);

  for (;;) {
    try {
      await connect(mintmark, { keeper, shopUrl: settings.url, collection: settings.collection });
      console.log(`Connected with Mintmark at ${mintmark.url}`);
      return;
    } catch (error) {
      if (!(error instanceof MintmarkAway)) throw error;
      Logger.warn(`${error.message} The store sells at usual prices until it does.`, "Mintmark");
      await sleep(CONNECT_AGAIN_MS);
    }
  }
}

try {
  await open();
} catch (error) {
  console.error(error instanceof SettingsError ? error.message : error);
  process.exit(1);
}
