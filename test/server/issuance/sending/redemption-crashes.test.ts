// A server ends at each point between a granted benefit and its redemption, or the chain takes the redemption back: it is on the chain once.

import { expect } from "chai";
import { describeOnEachDatabase } from "../../../support/databases.ts";
import { until } from "../../../support/patience.ts";
import {
  createIssuingDatabase,
  faultOf,
  type IssuingDatabase,
  type IssuingServer,
  type SendingWorld,
  startSendingWorld,
} from "./support.ts";
import { createRedeemingBrand, createTills, type RedeemingBrand, type Terms, type Tills } from "./tills.ts";

describeOnEachDatabase("redeeming where servers end and the chain takes blocks back", (kind) => {
  let world: SendingWorld;
  let brand: RedeemingBrand;
  let office: IssuingDatabase;
  let tills: Tills;
  before(async () => {
    world = await startSendingWorld();
    brand = await createRedeemingBrand(world);
  });
  after(async () => {
    brand.forget();
    await world.close();
  });
  beforeEach(async () => {
    office = await createIssuingDatabase(world, kind, { keystore: brand.keystore });
  });
  afterEach(() => office.close());

  const start = () => office.start({ keys: [brand.key] });
  async function open(terms: Terms = {}): Promise<IssuingServer> {
    const server = await start();
    tills = await createTills(world, brand, office, terms);
    await tills.issue(["anna", "ben"]);
    // No more is taken back than what a test does.
    for (let count = 0; count < 3; count++) await world.seal();
    return server;
  }
  const untilSigned = () =>
    until(async () => (await office.database.chainTransaction.count({ where: { state: "signed" } })) > 0);
  const untilPending = () =>
    until(async () => (await world.rpc.call<{ pending: string }>("txpool_status")).pending !== "0x0");
  /** Replaces the newest blocks by others that are empty. */
  const takeBack = (depth: number) => world.rpc.call("anvil_reorg", [depth, []]);

  /** Starts another server, and waits until it has done what was left. */
  async function goOn(id: string, state: "redeemed" | "undone" = "redeemed"): Promise<void> {
    await start();
    await tills.untilState(id, state);
    await tills.expectExact();
  }

  it("redeems once after it has signed, before the node has it", async () => {
    const server = await open();
    server.node.fault = faultOf("eth_sendRawTransaction", { kind: "drop" });
    const id = await tills.redeem(1, "anna");
    await untilSigned();
    const before = await office.database.transactionAttempt.findMany();
    await server.stop();
    expect(await tills.redeemed()).to.deep.equal([]);
    await goOn(id);
    // What was signed was sent, and nothing else.
    expect(await office.database.transactionAttempt.findMany()).to.deep.equal(before);
  });

  it("redeems once after the brand has signed for the customer, before anything was planned", async () => {
    const server = await open();
    server.node.fault = faultOf("eth_estimateGas", { kind: "drop" });
    const id = await tills.redeem(1, "anna");
    const where = { holdId: id, signature: { not: null } };
    await until(async () => (await office.database.command.count({ where })) === 1);
    await server.stop();
    await goOn(id);
  });

  it("redeems once after the node has it, before it has heard so", async () => {
    const server = await open();
    const resume = await world.stopSealing();
    try {
      server.node.fault = faultOf("eth_sendRawTransaction", { kind: "break" });
      const id = await tills.redeem(1, "anna");
      await untilPending();
      await server.stop();
      await resume();
      await goOn(id);
    } finally {
      await resume();
    }
  });

  it("redeems once after it is in a block, before the mirror has seen it", async () => {
    const server = await open();
    server.node.fault = faultOf("eth_getTransactionReceipt", { kind: "drop" });
    const id = await tills.redeem(1, "anna");
    await until(async () => (await tills.redeemed()).length === 1);
    await server.stop();
    await goOn(id);
    expect(await office.database.transactionAttempt.count()).to.equal(1);
  });

  it("undoes once after it has signed that, before the node has it", async () => {
    const server = await open();
    const id = await tills.redeem(1, "anna");
    await tills.untilState(id, "redeemed");
    server.node.fault = faultOf("eth_sendRawTransaction", { kind: "drop" });
    await tills.undo(id);
    await untilSigned();
    await server.stop();
    await goOn(id, "undone");
    expect(await tills.undone()).to.deep.equal(["1 1 wrong till"]);
  });

  it("redeems once in the middle of many, again and again", async () => {
    const server = await open({ quota: 1_000 });
    await server.stop();
    const ids: string[] = [];
    for (let life = 0; life < 5; life++) {
      const running = await start();
      for (let count = 0; count < 6; count++) {
        const id = count % 2 === 0 ? await tills.redeem(1, "anna") : await tills.redeem(2, "ben");
        ids.push(id);
        if (count === 3) await tills.undo(id);
      }
      await new Promise((resolve) => setTimeout(resolve, 20 + 40 * life));
      await running.stop();
    }
    await start();
    for (const id of ids) await tills.untilState(id, "redeemed", "undone");
    await tills.expectExact();
  });

  it("comes back as an older copy of its database, and redeems nothing twice", async () => {
    const server = await open({ quota: 5 });
    const ids = [await tills.hold(1, "anna"), await tills.hold(1, "anna")];
    for (const id of ids) await tills.confirm(id);
    for (const id of ids) await tills.untilState(id, "redeemed");
    await server.stop();
    // As if both had been granted and nothing been sent when the copy was made.
    await office.application.transactionAttempt.deleteMany();
    await office.application.chainTransaction.deleteMany();
    await office.application.signer.deleteMany();
    await office.application.command.updateMany({
      data: {
        ...{ state: "queued", signer: null, nonce: null, blockNumber: null, transactionHash: null },
        ...{ redemptionNumber: null, signature: null, deadline: null },
      },
    });
    await office.application.benefitHold.updateMany({ data: { state: "confirmed", number: null } });
    await start();
    for (const id of ids) await tills.untilState(id, "redeemed");
    expect(await tills.redeemed()).to.deep.equal(["1 1", "1 2"]);
    const next = await tills.redeem(1, "anna");
    await tills.untilState(next, "redeemed");
    expect(await tills.redeemed()).to.deep.equal(["1 1", "1 2", "1 3"]);
    await tills.expectExact();
  });

  it("sends again what the chain has taken back, and says so meanwhile", async () => {
    const server = await open({ quota: 2 });
    const [first, second] = [await tills.redeem(1, "anna"), await tills.hold(1, "anna")];
    await tills.untilState(first, "redeemed");
    const resume = await world.stopSealing();
    try {
      await takeBack(1);
      await tills.untilState(first, "confirmed");
      await until(() => server.log.some(({ msg }) => msg.startsWith("the chain has taken blocks back")));
      // A use that is granted meanwhile comes after it.
      await tills.confirm(second);
    } finally {
      await resume();
    }
    await tills.untilState(first, "redeemed");
    await tills.untilState(second, "redeemed");
    expect(await Promise.all([first, second].map(tills.stateOf))).to.deep.equal([
      ["redeemed", 1, null],
      ["redeemed", 2, null],
    ]);
    await tills.expectExact();
  });

  it("undoes again what the chain has taken back together with its undoing", async () => {
    await open();
    const id = await tills.redeem(1, "anna");
    await tills.untilState(id, "redeemed");
    await tills.undo(id);
    await tills.untilState(id, "undone");
    const resume = await world.stopSealing();
    try {
      await takeBack(2);
      await tills.untilState(id, "undoing");
    } finally {
      await resume();
    }
    await tills.untilState(id, "undone");
    expect(await tills.redeemed()).to.deep.equal(["1 1"]);
    expect(await tills.undone()).to.deep.equal(["1 1 wrong till"]);
  });
});
