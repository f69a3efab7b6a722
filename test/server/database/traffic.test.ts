// What ordinary traffic writes, all at once: orders, their cards into the mirror, webhooks, the heartbeat. No writer may fail for
// another one's sake, in one server or in two on one database.

import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { openDatabase } from "../../../server/database/client.ts";
import type { TestServer } from "../../support/server.ts";
import { startTestShop, type TestShop } from "../../support/shop.ts";
import { type Receiver, startReceiver } from "../webhooks/receiver.ts";

const ORDERS = 120;
const SHOPPERS = 16;

describe("ordinary traffic on SQLite", () => {
  let shop: TestShop;
  let receiver: Receiver;
  before(async () => {
    shop = await startTestShop();
    receiver = await startReceiver();
  });
  after(async () => {
    await receiver?.close();
    await shop?.close();
  });

  async function sell(servers: readonly TestServer[], first: number): Promise<void> {
    let next = first;
    await Promise.all(
      Array.from({ length: SHOPPERS }, async () => {
        while (next < first + ORDERS) {
          const number = next++;
          const server = servers[number % servers.length] as TestServer;
          const { status, body } = await shop.order(server, number);
          expect(status, JSON.stringify(body)).to.equal(201);
        }
      }),
    );
  }

  async function untilIssued(server: TestServer, count: number): Promise<void> {
    for (;;) {
      const { body } = await shop.ask(server, "/v1/collections/noirance-black");
      if (body.data.issuedCount >= count) return;
      await sleep(50);
    }
  }

  it("meets no lock, in one server", async () => {
    const server = await shop.start();
    await server.untilReady();
    const made = await shop.ask(server, "/v1/webhook-endpoints", { url: receiver.url, events: ["*"] });
    expect(made.status, JSON.stringify(made.body)).to.equal(201);
    receiver.secrets.push(made.body.data.secret);
    await sell([server], 1);
    await untilIssued(server, ORDERS);
    await receiver.until(ORDERS);
    expect(await server.metric('mintmark_indexer_failures_total{kind="database"}')).to.equal(0);
    expect(receiver.wrong).to.deep.equal([]);
    expect(await server.stop()).to.equal(0);
  });

  it("waits for another program's lock for some seconds, and answers 503 after that", async () => {
    const server = await shop.start();
    await server.untilReady();
    const other = await openDatabase(`file:${shop.databaseFile}`);
    const held = Promise.withResolvers<void>();
    const freed = Promise.withResolvers<void>();
    const lockUntil = (end: Promise<void>, begun?: () => void) =>
      other.$transaction(async (transaction) => {
        await transaction.writerLease.updateMany({ data: { beat: { increment: 0 } } });
        begun?.();
        await end;
      });
    const holding = lockUntil(freed.promise, held.resolve);
    await held.promise;
    const ordering = shop.order(server, 2_001);
    await sleep(2_000);
    expect((await server.get("/v1/collections/noirance-black")).status, "what reads").to.equal(200);
    freed.resolve();
    await holding;
    expect((await ordering).status).to.equal(201);
    expect(await server.metric('mintmark_indexer_failures_total{kind="database"}')).to.equal(0);

    const forLong = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const again = lockUntil(forLong.promise, locked.resolve);
    await locked.promise;
    const refused = await shop.order(server, 2_002);
    expect(refused.status, JSON.stringify(refused.body)).to.equal(503);
    expect(refused.body.detail).to.match(/another program has locked it\. .* with the same Idempotency-Key/);
    forLong.resolve();
    await again;
    expect((await shop.order(server, 2_002)).status).to.equal(201);
    await other.$disconnect();
    expect(await server.stop()).to.equal(0);
  });

  it("is waited for with patience, in two servers on one file", async () => {
    const servers = [await shop.start(), await shop.start()];
    for (const server of servers) await server.untilReady();
    await sell(servers, 1_001);
    await untilIssued(servers[0] as TestServer, 2 * ORDERS + 2);
    for (const server of servers)
      expect(await server.metric('mintmark_indexer_failures_total{kind="database"}')).to.equal(0);
  });
});
