// From orders to cards, when nothing is in the way.

import { expect } from "chai";
import { Wallet } from "ethers";
import { membershipCollectionInterface } from "../../../../server/chain/abi.ts";
import { randomAddress } from "../../../support/chain.ts";
import { describeOnEachDatabase } from "../../../support/databases.ts";
import { until } from "../../../support/patience.ts";
import { range } from "../orders/support.ts";
import {
  createIssuingDatabase,
  holderOnChain,
  type IssuingDatabase,
  type SendingWorld,
  startSendingWorld,
  statusOnChain,
  type TestBrand,
} from "./support.ts";

describeOnEachDatabase("sending", (kind) => {
  let world: SendingWorld;
  let brand: TestBrand;
  let office: IssuingDatabase;
  before(async () => {
    world = await startSendingWorld();
  });
  after(() => world.close());
  beforeEach(async () => {
    brand = await world.createBrand();
    office = await createIssuingDatabase(world, kind);
  });
  afterEach(() => office.close());

  it("makes few transactions of many orders, and each order a card", async () => {
    const collection = await brand.createCollection();
    const server = await office.start({ keys: [brand.key] });
    const orders = await Promise.all(range(1, 300).map(() => server.order({ brand, collection })));
    for (const id of orders) await office.untilOrder(id, "issued");
    await office.expectExact(collection, brand.key);
    expect((await office.transactions(brand.key)).length).to.be.within(2, 6);
    const command = await office.database.command.findFirstOrThrow({ where: { orderId: orders[0] ?? "" } });
    const receipt = await world.provider.getTransactionReceipt(command.transactionHash ?? "");
    expect(receipt?.blockNumber).to.equal(command.blockNumber);
  });

  it("sends no transaction that takes more than a quarter of a block", async () => {
    const collection = await brand.createCollection();
    const before = (await world.provider.getBlock("latest"))?.gasLimit ?? 0n;
    await world.rpc.call("evm_setBlockGasLimit", ["0x1e8480"]);
    try {
      await world.seal();
      const server = await office.start({ keys: [brand.key] });
      const id = await server.order({ brand, collection, quantity: 30 });
      await office.untilOrder(id, "issued");
      const gas = (await office.database.chainTransaction.findMany()).map((transaction) => transaction.gas);
      expect(gas.length).to.be.at.least(5);
      expect(Math.max(...gas)).to.be.at.most(500_000);
      await office.expectExact(collection, brand.key);
    } finally {
      await world.rpc.call("evm_setBlockGasLimit", [`0x${before.toString(16)}`]);
      await world.seal();
    }
  });

  it("uses all keys that the brand has here, and none that it has not", async () => {
    const [second, stranger] = [Wallet.createRandom(), Wallet.createRandom()].map(
      (key) => new Wallet(key.privateKey),
    ) as [Wallet, Wallet];
    await brand.grant("Issuer", second.address);
    const collection = await brand.createCollection();
    const other = await world.createBrand();
    const server = await office.start({ keys: [brand.key, second, stranger, other.key] });
    const resume = await world.stopSealing();
    const orders: string[] = [];
    try {
      for (const _ of range(1, 4)) {
        orders.push(await server.order({ brand, collection, quantity: 2 }));
        await until(async () => (await office.database.command.count({ where: { state: "queued" } })) === 0);
      }
    } finally {
      await resume();
    }
    for (const id of orders) await office.untilOrder(id, "issued");
    expect((await office.transactions(brand.key)).length).to.equal(2);
    expect((await office.transactions(second)).length).to.equal(2);
    expect(await office.transactions(stranger)).to.deep.equal([]);
    expect(await office.transactions(other.key)).to.deep.equal([]);
    await office.expectExact(collection, brand.key, second);
  });

  it("serves brands side by side", async () => {
    const other = await world.createBrand();
    const [one, two] = [await brand.createCollection(), await other.createCollection()];
    const server = await office.start({ keys: [brand.key, other.key] });
    const ids = [
      await server.order({ brand, collection: one, quantity: 3 }),
      await server.order({ brand: other, collection: two, quantity: 2 }),
    ];
    for (const id of ids) await office.untilOrder(id, "issued");
    await office.expectExact(one, brand.key);
    await office.expectExact(two, other.key);
  });

  it("revokes the cards of what is refunded", async () => {
    const collection = await brand.createCollection();
    const server = await office.start({ keys: [brand.key] });
    const id = await server.order({ brand, collection, quantity: 2 });
    await office.untilOrder(id, "issued");
    await office.refund(id);
    await office.untilOrder(id, "refunded");
    expect(await statusOnChain(world, collection, 1)).to.equal("Revoked");
    expect(await statusOnChain(world, collection, 2)).to.equal("Revoked");
    expect((await office.transactions(brand.key)).length).to.equal(2);
  });

  it("has a card change hands that is given away, at once where there is no delay", async () => {
    const collection = await brand.createCollection();
    const server = await office.start({ keys: [brand.key] });
    const id = await server.order({ brand, collection, quantity: 2 });
    await office.untilOrder(id, "issued");
    const friend = randomAddress();
    await office.give(id, collection, 1, friend);
    await until(
      async () => (await office.database.command.count({ where: { kind: "request-reissue", state: "done" } })) === 1,
    );
    expect(await holderOnChain(world, collection, 1)).to.equal(friend);
    expect(await office.database.command.count({ where: { kind: "execute-reissue" } })).to.equal(0);
    await office.untilOrder(id, "issued");
  });

  it("has it change hands once the collection's delay is over", async () => {
    const collection = await brand.createCollection({ reissueDelay: 3_600 });
    const holder = randomAddress();
    const server = await office.start({ keys: [brand.key] });
    const id = await server.order({ brand, collection, holder });
    await office.untilOrder(id, "issued");
    const friend = randomAddress();
    await office.give(id, collection, 1, friend);
    await until(
      async () => (await office.database.command.count({ where: { kind: "execute-reissue", state: "queued" } })) === 1,
    );
    expect(await holderOnChain(world, collection, 1)).to.equal(holder);
    // Not counted as something that waits too long.
    expect(await metric(server.metrics, "mintmark_sender_oldest_queued_seconds")).to.equal(0);
    await world.rpc.call("evm_increaseTime", [3_600]);
    await world.seal();
    office.clock.ahead += 3_601_000;
    await until(
      async () => (await office.database.command.count({ where: { kind: "execute-reissue", state: "done" } })) === 1,
    );
    expect(await holderOnChain(world, collection, 1)).to.equal(friend);
  });

  it("gives up a gift that the holder has vetoed, and says so", async () => {
    const collection = await brand.createCollection({ reissueDelay: 3_600 });
    const holder = new Wallet(Wallet.createRandom().privateKey);
    const server = await office.start({ keys: [brand.key] });
    const id = await server.order({ brand, collection, holder: holder.address.toLowerCase() });
    await office.untilOrder(id, "issued");
    await office.give(id, collection, 1, randomAddress());
    const execute = { kind: "execute-reissue" };
    await until(async () => (await office.database.command.count({ where: { ...execute, state: "queued" } })) === 1);
    await brand.call(collection, holder, "vetoReissue", 1);
    office.clock.ahead += 7_300_000;
    await until(async () => (await office.database.command.count({ where: { ...execute, state: "failed" } })) === 1);
    const order = await office.database.order.findUniqueOrThrow({ where: { id } });
    expect(order).to.include({ state: "issued", failure: "reissue-not-pending" });
    expect(await holderOnChain(world, collection, 1)).to.equal(holder.address.toLowerCase());
  });

  it("says how much waits and for how long", async () => {
    const collection = await brand.createCollection();
    const server = await office.start({ keys: [] });
    await server.order({ brand, collection, quantity: 3 });
    await until(async () => (await metric(server.metrics, "mintmark_sender_oldest_queued_seconds")) > 0.5);
    expect(await metric(server.metrics, "mintmark_sender_queued_commands")).to.equal(3);
    expect(await metric(server.metrics, "mintmark_sender_open_transactions")).to.equal(0);
  });

  it("encodes each card of a batch with its own holder", async () => {
    const collection = await brand.createCollection();
    const server = await office.start({ keys: [brand.key] });
    const holders = range(1, 5).map(() => randomAddress());
    const orders = await Promise.all(holders.map((holder) => server.order({ brand, collection, holder })));
    for (const id of orders) await office.untilOrder(id, "issued");
    const [transaction] = await office.database.chainTransaction.findMany();
    const call = membershipCollectionInterface.parseTransaction({ data: transaction?.data ?? "" });
    expect(call?.name).to.equal("issue");
    for (const [index, holder] of holders.entries())
      expect(await holderOnChain(world, collection, index + 1)).to.equal(holder);
  });
});

async function metric(registry: { metrics(): Promise<string> }, name: string): Promise<number> {
  const line = (await registry.metrics()).split("\n").find((line) => line.startsWith(`${name} `));
  return Number(line?.split(" ")[1]);
}
