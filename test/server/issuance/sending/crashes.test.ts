// A server ends at each point between an order and its card, and another one goes on: nothing is issued twice, and no nonce is left.

import { expect } from "chai";
import { Wallet } from "ethers";
import { describeOnEachDatabase } from "../../../support/databases.ts";
import { type FaultyRpc, startFaultyRpc } from "../../../support/faulty-rpc.ts";
import { until } from "../../../support/patience.ts";
import {
  createIssuingDatabase,
  faultOf,
  type IssuingDatabase,
  type SendingWorld,
  startSendingWorld,
  type TestBrand,
} from "./support.ts";

describeOnEachDatabase("a server that ends", (kind) => {
  let world: SendingWorld;
  let brand: TestBrand;
  let collection: string;
  let office: IssuingDatabase;
  before(async () => {
    world = await startSendingWorld();
    brand = await world.createBrand();
  });
  after(() => world.close());
  beforeEach(async () => {
    collection = await brand.createCollection();
    office = await createIssuingDatabase(world, kind);
  });
  afterEach(() => office.close());

  const open = () => office.database.chainTransaction.findFirst({ where: { state: { in: ["planned", "signed"] } } });
  const untilOpen = (state: string) => until(async () => (await open())?.state === state);

  /** Starts another server and waits until it has done what was left. */
  async function goOn(order: string, keys = [brand.key]): Promise<void> {
    await office.start({ keys });
    await office.untilOrder(order, "issued");
    await office.expectExact(collection, ...keys);
    expect(await office.cards(order)).to.deep.equal(["1 done", "2 done", "3 done"]);
  }
  const wish = () => ({ brand, collection, quantity: 3 });

  it("before anything was planned", async () => {
    const server = await office.start();
    const order = await server.order(wish());
    await server.stop();
    // It may have found already that it has no key.
    for (const card of await office.cards(order)) expect(card).to.match(/^\d queued( no-signer)?$/);
    office.clock.ahead += 6_000;
    await goOn(order);
  });

  it("after it has given a nonce, before anything was signed", async () => {
    const signer: FaultyRpc = await startFaultyRpc(world.rpcUrl);
    try {
      // The node's unlocked accounts sign as a remote signer does.
      const [account = ""] = (await world.rpc.call<string[]>("eth_accounts")).slice(7);
      await brand.grant("Issuer", account);
      signer.fault = faultOf("eth_signTransaction", { kind: "drop" });
      const server = await office.start({ remoteSignerUrl: signer.rpcUrl });
      const order = await server.order(wish());
      await untilOpen("planned");
      await server.stop();
      expect(await office.cards(order)).to.deep.equal(["1 sent", "2 sent", "3 sent"]);
      signer.fault = undefined;
      await office.start({ remoteSignerUrl: signer.rpcUrl });
      await office.untilOrder(order, "issued");
      await office.expectExact(collection);
      expect(await world.provider.getTransactionCount(account)).to.equal(1);
      await brand.revoke("Issuer", account);
    } finally {
      await signer.close();
    }
  });

  it("after it has signed, before the node has it", async () => {
    const server = await office.start({ keys: [brand.key] });
    server.node.fault = faultOf("eth_sendRawTransaction", { kind: "drop" });
    const order = await server.order(wish());
    await untilOpen("signed");
    const before = await office.database.transactionAttempt.findMany();
    await server.stop();
    await goOn(order);
    // What was signed was sent, and nothing else.
    expect(await office.database.transactionAttempt.findMany()).to.deep.equal(before);
  });

  it("after the node has it, before it has heard so", async () => {
    const server = await office.start({ keys: [brand.key] });
    const resume = await world.stopSealing();
    try {
      server.node.fault = faultOf("eth_sendRawTransaction", { kind: "break" });
      const order = await server.order(wish());
      await until(async () => (await world.rpc.call<{ pending: string }>("txpool_status")).pending === "0x1");
      await server.stop();
      await resume();
      await goOn(order);
      expect(await office.database.transactionAttempt.count()).to.equal(1);
    } finally {
      await resume();
    }
  });

  it("after it was sent, before it is in a block", async () => {
    const server = await office.start({ keys: [brand.key] });
    const resume = await world.stopSealing();
    try {
      const order = await server.order(wish());
      await until(async () => (await world.rpc.call<{ pending: string }>("txpool_status")).pending === "0x1");
      await server.stop();
      const going = goOn(order);
      await new Promise((resolve) => setTimeout(resolve, 300));
      await resume();
      await going;
      expect(await office.database.transactionAttempt.count()).to.equal(1);
    } finally {
      await resume();
    }
  });

  it("after it is in a block, before the mirror has seen it", async () => {
    const nonce = await world.provider.getTransactionCount(brand.key.address);
    const server = await office.start({ keys: [brand.key] });
    server.node.fault = faultOf("eth_getTransactionReceipt", { kind: "drop" });
    const order = await server.order(wish());
    await until(async () => (await world.provider.getTransactionCount(brand.key.address)) > nonce);
    await server.stop();
    expect((await open())?.state).to.equal("signed");
    await goOn(order);
    expect(await office.database.transactionAttempt.count()).to.equal(1);
  });

  it("in the middle of many orders, again and again", async () => {
    const orders: string[] = [];
    const second = new Wallet(Wallet.createRandom().privateKey);
    await brand.grant("Issuer", second.address);
    const keys = [brand.key, second];
    for (let life = 0; life < 6; life++) {
      const server = await office.start({ keys });
      for (let count = 0; count < 10; count++) orders.push(await server.order({ brand, collection, quantity: 2 }));
      await new Promise((resolve) => setTimeout(resolve, 20 + 35 * life));
      await server.stop();
    }
    await office.start({ keys });
    for (const id of orders) await office.untilOrder(id, "issued");
    await office.expectExact(collection, ...keys);
  });

  it("and comes back as an older copy of its database: the chain is further, and nothing is issued twice", async () => {
    const server = await office.start({ keys: [brand.key] });
    const first = await server.order(wish());
    await office.untilOrder(first, "issued");
    await server.stop();
    // As if the order had been placed and nothing been sent when the copy was made.
    await office.application.transactionAttempt.deleteMany();
    await office.application.chainTransaction.deleteMany();
    await office.application.signer.deleteMany();
    await office.application.command.updateMany({
      data: { state: "queued", signer: null, nonce: null, blockNumber: null, transactionHash: null },
    });
    await office.application.order.updateMany({ data: { state: "queued" } });
    const again = await office.start({ keys: [brand.key] });
    await office.untilOrder(first, "issued");
    const next = await again.order(wish());
    await office.untilOrder(next, "issued");
    expect(await office.cards(next)).to.deep.equal(["4 done", "5 done", "6 done"]);
    await office.expectExact(collection, brand.key);
  });
});
