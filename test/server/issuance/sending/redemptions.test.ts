// What was granted at a till is on the chain once, or says why not; and so is what was undone.

import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { ContractFactory, encodeBytes32String, Wallet } from "ethers";
import hre from "hardhat";
import { ANY_STAFF } from "../../../../server/issuance/redemptions/typed-data.ts";
import { ROOT } from "../../../support/commands.ts";
import { describeOnEachDatabase } from "../../../support/databases.ts";
import { until } from "../../../support/patience.ts";
import {
  createIssuingDatabase,
  faultOf,
  type IssuingDatabase,
  type SendingWorld,
  startSendingWorld,
  statusOnChain,
} from "./support.ts";
import { BENEFIT, createRedeemingBrand, createTills, type RedeemingBrand, type Terms, type Tills } from "./tills.ts";

const REASON = encodeBytes32String("lost");
const PERIOD = 3_600;
/** After it, what was put off is looked at again. */
const PUT_OFF_MS = 6_000;

describeOnEachDatabase("redeeming", (kind) => {
  let world: SendingWorld;
  let brand: RedeemingBrand;
  let office: IssuingDatabase;
  let tills: Tills;
  /** How far the chain's clock was put forward, in milliseconds. */
  let ahead = 0;
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
    office.clock.ahead = ahead;
  });
  afterEach(() => office.close());

  /** Starts a server, and has cards issued to customers. */
  async function open(terms: Terms, holders: readonly string[]) {
    const server = await office.start({ keys: [brand.key] });
    tills = await createTills(world, brand, office, terms);
    await tills.issue(holders);
    return server;
  }
  /** Puts the clocks of chain and servers forward. */
  async function wait(seconds: number): Promise<void> {
    ahead += seconds * 1000;
    office.clock.ahead += seconds * 1000;
    await world.rpc.call("evm_increaseTime", [seconds]);
  }
  const lookAgain = () => {
    office.clock.ahead += PUT_OFF_MS;
  };

  it("writes a granted benefit to the chain, and says so once the mirror has it", async () => {
    await open({ quota: 1 }, ["anna"]);
    const id = await tills.redeem(1, "anna");
    await tills.untilState(id, "redeemed");
    expect(await tills.stateOf(id)).to.deep.equal(["redeemed", 1, null]);
    const row = await office.database.redemption.findFirstOrThrow({
      where: { collectionAddress: tills.collection },
    });
    expect(row).to.include({
      serial: 1,
      benefitId: BENEFIT,
      number: 1,
      staff: brand.key.address.toLowerCase(),
      used: 1,
    });
    const command = await office.database.command.findFirstOrThrow({ where: { holdId: id } });
    expect([command.blockNumber, command.transactionHash]).to.deep.equal([row.blockNumber, row.transactionHash]);
    // The only key that can redeem is the only one that may use the signature.
    expect(command.staff).to.equal(brand.key.address.toLowerCase());
    await tills.expectExact();
  });

  it("names no key where several may redeem, and signs anew for the one that is left", async () => {
    const server = await open({ quota: 2 }, ["anna", "ben"]);
    await server.stop();
    const second = new Wallet(Wallet.createRandom().privateKey);
    await brand.grant("Staff", second.address);
    const both = await office.start({ keys: [brand.key, second] });
    await tills.untilState(await tills.redeem(1, "anna"), "redeemed");
    const staff = async () =>
      (
        await office.database.command.findMany({
          where: { collectionAddress: tills.collection, kind: "redeem" },
          orderBy: { id: "asc" },
        })
      ).map((command) => command.staff);
    expect(await staff()).to.deep.equal([null]);
    // Signed while both may, and sent when only one may.
    both.node.fault = faultOf("eth_estimateGas", { kind: "drop" });
    const id = await tills.redeem(2, "ben");
    await until(
      async () => (await office.database.command.count({ where: { holdId: id, signature: { not: null } } })) === 1,
    );
    await both.stop();
    await brand.revoke("Staff", second.address);
    await office.start({ keys: [brand.key, second] });
    await tills.untilState(id, "redeemed");
    expect(await staff()).to.deep.equal([null, brand.key.address.toLowerCase()]);
    await tills.expectExact();
  });

  it("redeems uses of one benefit one after another, in the order in which they were granted", async () => {
    await open({ quota: 4 }, ["anna"]);
    const ids: string[] = [];
    for (let use = 0; use < 4; use++) ids.push(await tills.hold(1, "anna"));
    for (const id of ids) await tills.confirm(id);
    for (const id of ids) await tills.untilState(id, "redeemed");
    expect(await Promise.all(ids.map(tills.stateOf))).to.deep.equal([1, 2, 3, 4].map((n) => ["redeemed", n, null]));
    await tills.expectExact();
  });

  it("redeems those of many cards together", async () => {
    const customers = Array.from({ length: 120 }, (_, index) => `customer ${index}`);
    const server = await open({}, customers);
    await server.stop();
    const ids: string[] = [];
    for (const [index, reference] of customers.entries()) ids.push(await tills.redeem(index + 1, reference));
    await office.start({ keys: [brand.key] });
    for (const id of ids) await tills.untilState(id, "redeemed");
    await tills.expectExact();
    expect((await office.transactions(brand.key)).length).to.be.at.most(4);
  });

  it("numbers anew where another program was faster", async () => {
    const server = await open({ quota: 2 }, ["anna"]);
    server.node.fault = faultOf("eth_sendRawTransaction", { kind: "drop" });
    const id = await tills.redeem(1, "anna");
    await until(async () => (await office.database.chainTransaction.count({ where: { state: "signed" } })) === 1);
    await tills.redeemByHand(1, "anna", 1);
    server.node.fault = undefined;
    await until(async () => (await office.transactions(brand.key)).some((one) => one.endsWith("failed")));
    lookAgain();
    await tills.untilState(id, "redeemed");
    expect(await tills.stateOf(id)).to.deep.equal(["redeemed", 2, null]);
    await tills.expectExact({ byHand: ["1 1"] });
  });

  it("says why where the chain refuses it for good, and redeems what was refused together with it", async () => {
    const server = await open({ period: PERIOD }, ["anna", "ben", "carl", "dora"]);
    // What the last block's clock would still refuse: everybody has used this period.
    for (const [index, reference] of ["anna", "ben", "carl", "dora"].entries())
      await tills.untilState(await tills.redeem(index + 1, reference), "redeemed");
    await server.stop();
    await wait(PERIOD);
    const [anna, ben, carl, dora] = [
      await tills.redeem(1, "anna"),
      await tills.redeem(2, "ben"),
      await tills.redeem(3, "carl"),
      await tills.redeem(4, "dora"),
    ];
    await brand.call(tills.collection, brand.hand, "suspend", [1], REASON);
    await tills.redeemByHand(2, "ben", 2);
    await wait(1);
    await office.start({ keys: [brand.key] });
    await tills.untilState(anna, "failed");
    await tills.untilState(ben, "failed");
    await tills.untilState(carl, "redeemed");
    await tills.untilState(dora, "redeemed");
    expect(await tills.stateOf(anna)).to.deep.equal(["failed", 2, "card-status-mismatch"]);
    expect((await tills.stateOf(ben))[2]).to.equal("quota-exceeded");
    await tills.expectExact({ byHand: ["2 2"] });
  });

  it("redeems in a new period, although the chain's last block is of the one before", async () => {
    const server = await open({ period: PERIOD }, ["anna", "ben"]);
    for (const [index, reference] of ["anna", "ben"].entries())
      await tills.untilState(await tills.redeem(index + 1, reference), "redeemed");
    await server.stop();
    // Suspected together with one that fails, each is looked at alone; and no block is made meanwhile.
    await brand.call(tills.collection, brand.hand, "suspend", [1], REASON);
    await wait(PERIOD);
    // Granted while no server reads of the suspension.
    const [anna, ben] = [await tills.redeem(1, "anna"), await tills.redeem(2, "ben")];
    await office.start({ keys: [brand.key] });
    await tills.untilState(anna, "failed");
    await tills.untilState(ben, "redeemed");
    expect(await tills.stateOf(ben)).to.deep.equal(["redeemed", 2, null]);
  });

  it("waits while the brand is suspended, and while nobody may redeem", async () => {
    const server = await open({ quota: 2 }, ["anna"]);
    await server.stop();
    const id = await tills.redeem(1, "anna");
    await world.asConsortium("suspendBrand", brand.id, REASON);
    try {
      await brand.revoke("Staff", brand.key.address).catch(() => {});
      await office.start({ keys: [brand.key] });
      await until(async () => (await tills.stateOf(id))[2] !== null);
      expect((await tills.stateOf(id))[0]).to.equal("confirmed");
    } finally {
      await world.reinstate(brand.id);
      await brand.grant("Staff", brand.key.address);
    }
    lookAgain();
    await tills.untilState(id, "redeemed");
    await tills.expectExact();
  });

  it("waits for the brand's keystore", async () => {
    const server = await open({}, ["anna"]);
    await server.stop();
    const id = await tills.redeem(1, "anna");
    const [file, away] = [join(office.dataFolder, "keys", "brand.json"), join(office.dataFolder, "away")];
    mkdirSync(away);
    renameSync(file, join(away, "brand.json"));
    const without = await office.start({ keys: [brand.key] });
    await until(async () => (await tills.stateOf(id))[2] === "no-keystore");
    expect((await tills.stateOf(id))[0]).to.equal("confirmed");
    await without.stop();
    renameSync(join(away, "brand.json"), file);
    lookAgain();
    await office.start({ keys: [brand.key] });
    await tills.untilState(id, "redeemed");
  });

  it("takes a holder's own word, and ends what it does not count for any more", async () => {
    const wallet = new Wallet(Wallet.createRandom().privateKey);
    const server = await open({ quota: 3 }, [wallet.address]);
    const [first, second] = [await tills.hold(1, wallet.address), await tills.hold(1, wallet.address)];
    await tills.confirm(first, await tills.sign(wallet, 1, 1));
    await tills.confirm(second, await tills.sign(wallet, 1, 2));
    await tills.untilState(second, "redeemed");
    expect(await tills.stateOf(first)).to.deep.equal(["redeemed", 1, null]);
    await server.stop();
    const late = await tills.hold(1, wallet.address);
    const deadline = Math.floor((Date.now() + office.clock.ahead) / 1000) + 60;
    await tills.confirm(late, await tills.sign(wallet, 1, 3, { deadline }));
    await wait(61);
    await office.start({ keys: [brand.key] });
    await tills.untilState(late, "failed");
    expect(await tills.stateOf(late)).to.deep.equal(["failed", 3, "authorisation-expired"]);
    // Nothing is used by what has failed.
    const again = await tills.hold(1, wallet.address);
    await tills.confirm(again, await tills.sign(wallet, 1, 3));
    await tills.untilState(again, "redeemed");
    await tills.expectExact();
  });

  it("takes the word of a holder that is a contract", async () => {
    const owner = new Wallet(Wallet.createRandom().privateKey);
    const file = join(ROOT, "test", "contracts", "support", "TestWallet.sol");
    await hre.solidity.build([file], { scope: "tests", quiet: true });
    const { abi, bytecode } = await hre.artifacts.readArtifact("TestWallet");
    const factory = new ContractFactory(abi, bytecode, await world.provider.getSigner(0));
    const deployed = await factory.deploy(owner.address, { maxFeePerGas: 0, maxPriorityFeePerGas: 0 });
    await deployed.waitForDeployment();
    const holder = await deployed.getAddress();
    await open({ quota: 2 }, [holder]);
    const id = await tills.hold(1, holder);
    await tills.confirm(id, await tills.sign(owner, 1, 1));
    await tills.untilState(id, "redeemed");
    // Somebody else's word, which nobody has looked at: the chain does.
    const other = await tills.hold(1, holder);
    await tills.confirm(other, await tills.sign(new Wallet(Wallet.createRandom().privateKey), 1, 2));
    await tills.untilState(other, "failed");
    expect((await tills.stateOf(other))[2]).to.equal("invalid-signature");
    await tills.expectExact();
  });

  it("ends a holder's word for a number that another program has used", async () => {
    const wallet = new Wallet(Wallet.createRandom().privateKey);
    const server = await open({ quota: 3 }, [wallet.address]);
    await server.stop();
    const id = await tills.hold(1, wallet.address);
    await tills.confirm(id, await tills.sign(wallet, 1, 1));
    const { deadline, signature } = await tills.sign(wallet, 1, 1);
    await brand.call(tills.collection, brand.hand, "redeem", [1, BENEFIT, 1, 0, ANY_STAFF, deadline], signature);
    await office.start({ keys: [brand.key] });
    await tills.untilState(id, "failed");
    expect((await tills.stateOf(id))[2]).to.equal("authorisation-outdated");
    await tills.expectExact({ byHand: ["1 1"] });
  });

  it("undoes on the chain what is there, and the card has the use again", async () => {
    await open({ quota: 1 }, ["anna"]);
    const id = await tills.redeem(1, "anna");
    await tills.untilState(id, "redeemed");
    await tills.undo(id);
    await tills.untilState(id, "undone");
    expect(await tills.undone()).to.deep.equal(["1 1 wrong till"]);
    const again = await tills.redeem(1, "anna");
    await tills.untilState(again, "redeemed");
    expect(await tills.stateOf(again)).to.deep.equal(["redeemed", 2, null]);
    await tills.expectExact();
  });

  it("undoes what is on its way once it is there", async () => {
    await open({ quota: 1 }, ["anna"]);
    const resume = await world.stopSealing();
    const id = await tills.redeem(1, "anna");
    try {
      await until(async () => (await office.transactions(brand.key)).some((one) => one.endsWith("signed")));
      await tills.undo(id);
      await tills.untilState(id, "undoing");
      expect(await tills.undone()).to.deep.equal([]);
    } finally {
      await resume();
    }
    await tills.untilState(id, "undone");
    expect(await tills.redeemed()).to.deep.equal(["1 1"]);
    expect(await tills.undone()).to.deep.equal(["1 1 wrong till"]);
  });

  it("redeems nothing more of a benefit before an earlier use is undone", async () => {
    const server = await open({ quota: 2, period: PERIOD }, ["anna"]);
    const first = await tills.redeem(1, "anna");
    await tills.untilState(first, "redeemed");
    await server.stop();
    await wait(PERIOD);
    // A use in the new period would keep the old one from being undone.
    await tills.undo(first);
    const second = await tills.redeem(1, "anna");
    await office.start({ keys: [brand.key] });
    await tills.untilState(second, "redeemed");
    await tills.untilState(first, "undone");
    expect(await tills.undone()).to.deep.equal(["1 1 wrong till"]);
  });

  it("says that a use cannot be undone any more once a later period has one", async () => {
    const server = await open({ period: PERIOD }, ["anna"]);
    const first = await tills.redeem(1, "anna");
    await tills.untilState(first, "redeemed");
    await wait(PERIOD);
    await tills.untilState(await tills.redeem(1, "anna"), "redeemed");
    await tills.undo(first);
    await until(async () => (await tills.stateOf(first))[2] !== null);
    expect(await tills.stateOf(first)).to.deep.equal(["redeemed", 1, "redemption-not-undoable"]);
    await server.stop();
    await tills.expectExact();
  });

  it("finds undone what another program has undone", async () => {
    const server = await open({}, ["anna"]);
    const id = await tills.redeem(1, "anna");
    await tills.untilState(id, "redeemed");
    await server.stop();
    await tills.undo(id);
    await tills.undoByHand(1, 1);
    await office.start({ keys: [brand.key] });
    await tills.untilState(id, "undone");
    expect(await tills.undone()).to.deep.equal(["1 1 by hand"]);
  });

  it("leaves a card as it is that was revoked before its use was undone", async () => {
    const server = await open({}, ["anna"]);
    const id = await tills.redeem(1, "anna");
    await tills.untilState(id, "redeemed");
    await server.stop();
    await tills.undo(id);
    await brand.call(tills.collection, brand.hand, "revoke", [1], REASON);
    expect(await statusOnChain(world, tills.collection, 1)).to.equal("Revoked");
    await office.start({ keys: [brand.key] });
    await until(async () => (await tills.stateOf(id))[2] !== null);
    expect(await tills.stateOf(id)).to.deep.equal(["redeemed", 1, "card-status-mismatch"]);
  });
});
