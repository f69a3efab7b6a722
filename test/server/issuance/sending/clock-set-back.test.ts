// A server whose clock was ahead by days and is set right: nothing waits for those days.

import { expect } from "chai";
import { encodeBytes32String } from "ethers";
import { steadyClock } from "../../../../server/clocks.ts";
import { createOrderDesk } from "../../../../server/issuance/orders/desk.ts";
import { randomAddress } from "../../../support/chain.ts";
import { describeOnEachDatabase } from "../../../support/databases.ts";
import { until } from "../../../support/patience.ts";
import { answerOf, orderOf } from "../orders/support.ts";
import {
  createIssuingDatabase,
  holderOnChain,
  type IssuingDatabase,
  type SendingWorld,
  startSendingWorld,
  type TestBrand,
} from "./support.ts";

const TWO_DAYS_MS = 2 * 86_400_000;
const OLDEST = "mintmark_sender_oldest_queued_seconds";

describeOnEachDatabase("sending after the clock was set back by two days", (kind) => {
  let world: SendingWorld;
  let brand: TestBrand;
  let collection: string;
  let office: IssuingDatabase;
  before(async () => {
    world = await startSendingWorld();
  });
  after(() => world.close());
  beforeEach(async () => {
    brand = await world.createBrand();
    collection = await brand.createCollection({ reissueDelay: 3_600 });
    office = await createIssuingDatabase(world, kind);
  });
  afterEach(() => office.close());

  /** As a server does it whose clock is ahead and which ends at once. */
  async function orderFromTheFuture(): Promise<string> {
    const now = () => Date.now() + TWO_DAYS_MS;
    const desk = createOrderDesk({ application: office.application, now, steady: steadyClock, answerOf });
    const placement = await desk.place(orderOf({ brandId: brand.id, collection, quantity: 2, maxSupply: 1_000 }));
    if (placement.kind !== "placed") throw new Error(`It was not placed: ${placement.kind}`);
    return placement.orderId;
  }

  it("issues at once what was ordered before", async () => {
    const first = await office.start({ keys: [brand.key] });
    await first.stop();
    const id = await orderFromTheFuture();
    const server = await office.start({ keys: [brand.key] });
    await office.untilOrder(id, "issued");
    await office.expectExact(collection, brand.key);
    expect(server.log.filter(({ msg }) => msg.startsWith("the clock was ahead"))).to.have.length(1);
  });

  it("goes on within the same process with what it has put off", async () => {
    office.clock.set = TWO_DAYS_MS;
    const server = await office.start({ keys: [brand.key] });
    await office.untilOrder(await server.order({ brand, collection }), "issued");
    await world.asConsortium("suspendBrand", brand.id, encodeBytes32String("test"));
    const id = await server.order({ brand, collection });
    await until(
      async () => (await office.database.order.findUniqueOrThrow({ where: { id } })).failure === "brand-not-active",
    );
    await world.reinstate(brand.id);
    office.clock.set = 0;
    await office.untilOrder(id, "issued");
    await office.expectExact(collection, brand.key);
  });

  it("sends again what a node has forgotten", async () => {
    office.clock.set = TWO_DAYS_MS;
    const server = await office.start({ keys: [brand.key] });
    const resume = await world.stopSealing();
    const id = await server.order({ brand, collection });
    await until(async () => (await world.rpc.call<{ pending: string }>("txpool_status")).pending === "0x1");
    office.clock.set = 0;
    await world.rpc.call("anvil_dropAllTransactions");
    await resume();
    office.clock.ahead += 5_001;
    await office.untilOrder(id, "issued");
    await office.expectExact(collection, brand.key);
  });

  it("says for how long it has seen orders wait, and not that none does", async () => {
    const server = await office.start({ keys: [] });
    const oldest = async () => {
      const line = (await server.metrics.metrics()).split("\n").find((line) => line.startsWith(`${OLDEST} `));
      return Number(line?.split(" ")[1]);
    };
    expect(await oldest()).to.equal(0);
    const id = await orderFromTheFuture();
    expect(await oldest()).to.be.within(0, 60);
    office.clock.ahead += 90_000;
    await until(async () => (await office.database.order.findUniqueOrThrow({ where: { id } })).failure === "no-signer");
    expect(await oldest()).to.be.within(90, 3_600);
  });

  it("has a card change hands when the chain's time has come, which is ahead", async () => {
    const server = await office.start({ keys: [brand.key] });
    const id = await server.order({ brand, collection });
    await office.untilOrder(id, "issued");
    await world.rpc.call("evm_increaseTime", [TWO_DAYS_MS / 1_000]);
    await world.seal();
    const friend = randomAddress();
    await office.give(id, collection, 1, friend);
    const executions = (state: string) => office.database.command.count({ where: { kind: "execute-reissue", state } });
    await until(async () => (await executions("queued")) === 1);
    office.clock.ahead += 60_000;
    // Its delay is not over by any clock.
    await office.untilOrder(await server.order({ brand, collection }), "issued");
    expect(await executions("queued")).to.equal(1);
    await world.rpc.call("evm_increaseTime", [3_600]);
    await office.untilOrder(await server.order({ brand, collection }), "issued");
    office.clock.ahead += 60_000;
    await until(async () => (await executions("done")) === 1);
    expect(await holderOnChain(world, collection, 1)).to.equal(friend);
  });
});
