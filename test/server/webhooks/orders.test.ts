// What is told of orders: every state that an order comes to, in the transaction that brings it there.

import { expect } from "chai";
import { createCustomers } from "../../../server/accounts/customers.ts";
import { createPhones } from "../../../server/accounts/phones.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { inTransaction } from "../../../server/database/transactions.ts";
import { cancelOrder, giveCard, refundOrder, releaseOrder } from "../../../server/issuance/orders/changes.ts";
import type { OrderToPlace, PlacedOrder } from "../../../server/issuance/orders/order.ts";
import { placeOrders } from "../../../server/issuance/orders/placing.ts";
import { settleOrders } from "../../../server/issuance/orders/standing.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { addressOf, COLLECTIONS, createMirrorFixture, type MirrorFixture } from "../../support/mirror-fixture.ts";
import { type RunningApp, startApp } from "../http/support.ts";
import { orderOf } from "../issuance/orders/support.ts";
import { type Receiver, startReceiver } from "./receiver.ts";
import { OWNER } from "./world.ts";

const { address, slug } = COLLECTIONS.firstEdition;
const FREE_SERIALS_FROM = 131;

describeOnEachDatabase("webhooks of orders", (kind) => {
  let mirror: MirrorFixture;
  let application: Database;
  let app: RunningApp;
  let shop: Receiver;

  beforeEach(async () => {
    mirror = await createMirrorFixture(kind);
    application = await openDatabase(mirror.url, { application: true });
    app = await startApp(mirror.database, { application });
    app.clock.now = Date.now() / 1000;
    shop = await startReceiver();
  });
  afterEach(async () => {
    await app.close();
    await shop.close();
    await application.$disconnect();
    await mirror.close();
  });

  const now = () => Math.round(app.clock.now * 1000);

  const answerOf = ({ id, customer }: PlacedOrder) => JSON.stringify({ data: { id, customer } });

  async function listen(brandId = 1, receiver = shop): Promise<void> {
    const wish = { url: receiver.url, events: ["order.*"], description: "" };
    receiver.secrets.push((await app.webhooks.endpoints.create({ ...OWNER, brandId }, wish)).secret);
  }

  async function place(order: OrderToPlace): Promise<string> {
    const [placement] = await inTransaction(application, (transaction) =>
      placeOrders(transaction, [order], { now: now(), answerOf }),
    );
    if (placement?.kind !== "placed") throw new Error(JSON.stringify(placement));
    return placement.orderId;
  }
  /** What the sender does to the commands of an order. */
  async function bring(orderId: string, kind: string, state: string, failure?: string): Promise<void> {
    await inTransaction(application, async (transaction) => {
      const data = { state, ...(failure === undefined ? {} : { failure, failureDetail: "Grant the role." }) };
      await transaction.command.updateMany({ where: { orderId, kind }, data });
      await settleOrders(transaction, [orderId], now());
    });
  }
  const edition = { collection: address, maxSupply: 5_000 };

  it("tell of each state once, with the order and its cards", async () => {
    await listen();
    const stranger = await startReceiver();
    try {
      await listen(2, stranger);
      app.webhooks.start();
      const payment = { name: "shop", before: now() + 60_000 };
      const paid = { amount: 12_800, currency: "CNY" };
      const id = await place(orderOf({ ...edition, quantity: 2, reference: "CRM-1", payment, paid }));
      for (let twice = 0; twice < 2; twice++)
        await inTransaction(application, (transaction) => releaseOrder(transaction, id, now()));
      await bring(id, "issue", "queued", "brand-role-missing");
      await bring(id, "issue", "sent");
      await mirror.issue({ collection: address, firstSerial: FREE_SERIALS_FROM, count: 2 });
      await bring(id, "issue", "done");
      await inTransaction(application, (transaction) =>
        refundOrder(transaction, id, { reason: "returned", now: now() }),
      );
      await bring(id, "revoke", "done");

      const states = ["accepted", "queued", "sent", "issued", "refunding", "refunded"];
      const messages = (await shop.until(states.length)).toSorted(
        (a, b) => states.indexOf(a.type.slice(6)) - states.indexOf(b.type.slice(6)),
      );
      expect(messages.map(({ type }) => type)).to.deep.equal(states.map((state) => `order.${state}`));
      expect(messages.map(({ data }) => data.change.state)).to.deep.equal(
        states.map((after, index) => ({ before: states[index - 1] ?? null, after })),
      );
      const [accepted] = messages;
      const collection = { address: accepted?.data.order.items[0].collection.address, slug, name: "First Edition" };
      expect(collection.address.toLowerCase()).to.equal(address);
      const card = (serial: number) => ({ collection, serial, tier: 1, expiresAt: null, blockNumber: null });
      const { createdAt, ...order } = accepted?.data.order ?? {};
      expect(order).to.deep.equal({
        ...{ id, state: "accepted", quantity: 2, paid },
        items: [{ collection, tier: 1, term: null, quantity: 2 }],
        cards: [card(FREE_SERIALS_FROM), card(FREE_SERIALS_FROM + 1)],
      });
      expect(Date.parse(createdAt)).to.be.closeTo(now(), 10_000);
      expect(accepted?.data.customer).to.include({ reference: "CRM-1" });
      expect(stranger.received).to.deep.equal([]);
      expect(await application.orderEvent.count()).to.equal(0);
    } finally {
      await stranger.close();
    }
  });

  it("tell why an order has failed, that it was cancelled, and to whom a card was given", async () => {
    await listen();
    app.webhooks.start();
    const failing = await place(orderOf({ ...edition }));
    await bring(failing, "issue", "failed", "brand-role-missing");
    const given = await place(orderOf({ ...edition }));
    const gift = { collection: address, serial: FREE_SERIALS_FROM + 1, holder: addressOf("friend"), now: now() };
    await inTransaction(application, (transaction) => giveCard(transaction, given, gift));
    await inTransaction(application, (transaction) => cancelOrder(transaction, given, now()));
    const messages = await shop.until(5);
    const told = (type: string) => messages.find((message) => message.type === type)?.data.change;
    expect(told("order.failed")).to.deep.equal({
      ...{ state: { before: "queued", after: "failed" } },
      failure: { name: "brand-role-missing", detail: "Grant the role." },
    });
    expect(told("order.gifted").gift).to.include({ serial: FREE_SERIALS_FROM + 1, how: "issued-to-them" });
    expect(told("order.gifted").gift.holder.toLowerCase()).to.equal(addressOf("friend"));
    expect(told("order.cancelled").state).to.deep.equal({ before: "queued", after: "cancelled" });
  });

  it("say nothing of what did not come about, and keep nothing where nobody listens", async () => {
    const id = await place(orderOf({ ...edition }));
    const failure = await inTransaction(application, async (transaction) => {
      await cancelOrder(transaction, id, now());
      throw new Error("taken back");
    }).catch((error: Error) => error.message);
    expect(failure).to.equal("taken back");
    const events = await application.orderEvent.findMany();
    expect(events.map(({ what }) => what)).to.deep.equal(["queued"]);
    await app.webhooks.follow();
    expect(await application.orderEvent.count()).to.equal(0);
    expect(await application.webhookEvent.count()).to.equal(0);
  });

  it("do not name a customer who was forgotten, and keep no name anywhere", async () => {
    await listen();
    const id = await place(orderOf({ ...edition, reference: "Wang Xiaoming" }));
    await app.webhooks.follow();
    for (const rows of [await application.webhookEvent.findMany(), await application.webhookDelivery.findMany()]) {
      expect(rows).to.have.length(1);
      expect(
        JSON.stringify(rows, (_name, value) => (typeof value === "bigint" ? Number(value) : value)),
      ).to.not.contain("Wang");
    }
    await bring(id, "issue", "sent");
    const { customerId } = await application.order.findUniqueOrThrow({ where: { id } });
    const phones = createPhones({ dataKey: () => Buffer.alloc(32) });
    await createCustomers({ database: application, phones, now }).erase(OWNER, customerId);
    app.webhooks.start();
    for (const { data, body } of await shop.until(2)) {
      expect(data.customer).to.deep.equal({ id: customerId, reference: customerId });
      expect(body).to.not.contain("Wang");
    }
  });
});
