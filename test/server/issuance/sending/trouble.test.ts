// What can come between an order and its card, and what becomes of the order then.

import { expect } from "chai";
import { encodeBytes32String, Wallet, ZeroHash } from "ethers";
import { FINAL_ACT } from "../../../../server/chain/abi.ts";
import { FINAL_ACT_NOTICE, randomAddress } from "../../../support/chain.ts";
import { type IdentifiedCall, startFaultyRpc } from "../../../support/faulty-rpc.ts";
import { until } from "../../../support/patience.ts";
import { randomNumbers, seedFrom } from "../../../support/random.ts";
import {
  createIssuingDatabase,
  faultOf,
  holderOnChain,
  type IssuingDatabase,
  type IssuingServer,
  type SendingWorld,
  startSendingWorld,
  type TestBrand,
} from "./support.ts";

const REASON = encodeBytes32String("test");
const TERMS = { tier: 1, expiresAt: 0 };

describe("sending in spite of", () => {
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
    collection = await brand.createCollection();
    office = await createIssuingDatabase(world);
  });
  afterEach(() => office.close());

  const order = (server: IssuingServer, quantity = 1, holder = randomAddress()) =>
    server.order({ brand, collection, quantity, holder });
  /** Waits until an order says why it waits; the clock runs ahead meanwhile and afterwards, so that it is tried again. */
  async function untilWaiting(id: string, failure: string): Promise<void> {
    await until(async () => {
      office.clock.ahead += 200;
      return (await orderRow(id)).failure === failure;
    });
    office.clock.ahead += 6_000;
  }
  const orderRow = (id: string) => office.database.order.findUniqueOrThrow({ where: { id } });
  const newKey = () => new Wallet(Wallet.createRandom().privateKey);

  describe("the brand", () => {
    it("that has given nobody the role yet: its orders wait, and say for what", async () => {
      const key = newKey();
      const server = await office.start({ keys: [key] });
      const id = await order(server, 2);
      await untilWaiting(id, "no-signer");
      expect((await orderRow(id)).failureDetail).to.contain(`Issuer role of brand ${brand.id}`);
      await brand.grant("Issuer", key.address);
      await office.untilOrder(id, "issued");
      expect(await orderRow(id)).to.include({ failure: null, failureDetail: null });
      await office.expectExact(collection, key);
    });

    it("that takes the role away: its orders wait until somebody has it", async () => {
      const [key, second] = [newKey(), newKey()];
      await brand.grant("Issuer", key.address);
      const server = await office.start({ keys: [key, second] });
      await office.untilOrder(await order(server), "issued");
      await brand.revoke("Issuer", key.address);
      const id = await order(server);
      await untilWaiting(id, "no-signer");
      await brand.grant("Issuer", second.address);
      await office.untilOrder(id, "issued");
      await office.expectExact(collection, key, second);
    });

    it("that is suspended: its orders wait, nothing is sent in vain, and other brands do not wait with it", async () => {
      const other = await world.createBrand();
      const others = await other.createCollection();
      const server = await office.start({ keys: [brand.key, other.key] });
      await world.asConsortium("suspendBrand", brand.id, REASON);
      const id = await order(server, 3);
      const id2 = await server.order({ brand: other, collection: others });
      await office.untilOrder(id2, "issued");
      await untilWaiting(id, "brand-not-active");
      expect(await office.cards(id)).to.deep.equal([1, 2, 3].map((serial) => `${serial} queued brand-not-active`));
      expect(await office.transactions(brand.key)).to.deep.equal([]);
      await world.reinstate(brand.id);
      await office.untilOrder(id, "issued");
      await office.expectExact(collection, brand.key);
    });

    it("that is suspended while its cards are on their way: what was in vain is sent again", async () => {
      const server = await office.start({ keys: [brand.key] });
      await office.untilOrder(await order(server), "issued");
      const resume = await world.stopSealing();
      const id = await order(server, 3);
      await office.untilOrder(id, "sent");
      await until(async () => (await world.rpc.call<{ pending: string }>("txpool_status")).pending === "0x1");
      // Before it in the block.
      await world.rpc.call("anvil_dropAllTransactions");
      await resume();
      await world.asConsortium("suspendBrand", brand.id, REASON);
      office.clock.ahead += 6_000;
      await untilWaiting(id, "brand-not-active");
      expect((await office.transactions(brand.key)).map((text) => text.split(" ")[1])).to.deep.equal([
        "mined",
        "failed",
      ]);
      await world.reinstate(brand.id);
      await office.untilOrder(id, "issued");
      await office.expectExact(collection, brand.key);
    });

    it("that ends the edition: its orders fail, and say so", async () => {
      const server = await office.start({ keys: [brand.key] });
      await brand.callAsAdmin(collection, "announce", FINAL_ACT.WindDown);
      await world.rpc.call("evm_increaseTime", [FINAL_ACT_NOTICE]);
      await brand.callAsAdmin(collection, "carryOut", FINAL_ACT.WindDown);
      const id = await order(server, 2);
      await office.untilOrder(id, "failed");
      expect(await office.cards(id)).to.deep.equal(["1 failed winding-down", "2 failed winding-down"]);
      expect((await orderRow(id)).failureDetail).to.contain("winding down");
      await office.expectExact(collection);
    });

    it("that caps its key: as many as the cap allows are issued, the others wait, and go on", async () => {
      await brand.asAdmin("setDailyCap", brand.id, brand.key.address, 4);
      const server = await office.start({ keys: [brand.key] });
      const ids: string[] = [];
      for (let count = 0; count < 3; count++) ids.push(await order(server, 2));
      await office.untilOrder(ids[0] ?? "", "issued");
      await office.untilOrder(ids[1] ?? "", "issued");
      await untilWaiting(ids[2] ?? "", "daily-cap-exceeded");
      await brand.asAdmin("liftDailyCap", brand.id, brand.key.address);
      await office.untilOrder(ids[2] ?? "", "issued");
      await office.expectExact(collection, brand.key);
    });

    it("that caps one of its keys: the other one goes on", async () => {
      const second = newKey();
      await brand.grant("Issuer", second.address);
      await brand.asAdmin("setDailyCap", brand.id, brand.key.address, 1);
      const server = await office.start({ keys: [brand.key, second] });
      const ids = [await order(server, 3), await order(server, 3)];
      for (const id of ids) await office.untilOrder(id, "issued");
      await office.expectExact(collection, second);
    });
  });

  describe("somebody else", () => {
    it("who has issued the serial: the order gets another one", async () => {
      const server = await office.start();
      const id = await order(server, 2);
      await server.stop();
      await brand.call(collection, brand.key, "issue", 1, [randomAddress()], TERMS, ZeroHash, ZeroHash);
      await office.start({ keys: [brand.key] });
      await office.untilOrder(id, "issued");
      expect((await office.cards(id)).sort()).to.deep.equal(["2 done", "3 done"]);
    });

    it("who has issued the last card: the order fails, and its other cards are issued", async () => {
      const small = await brand.createCollection({ maxSupply: 2 });
      const server = await office.start();
      const id = await server.order({ brand, collection: small, quantity: 2, maxSupply: 2 });
      await server.stop();
      await brand.call(small, brand.key, "issue", 2, [randomAddress()], TERMS, ZeroHash, ZeroHash);
      await office.start({ keys: [brand.key] });
      await office.untilOrder(id, "failed");
      expect(await office.cards(id)).to.deep.equal(["1 done", "2 failed sold-out"]);
      expect((await orderRow(id)).failureDetail).to.contain("Pay the customer back");
    });

    it("who has issued just this card: it is done", async () => {
      const holder = randomAddress();
      const server = await office.start();
      const id = await order(server, 1, holder);
      await server.stop();
      await brand.call(collection, brand.key, "issue", 1, [holder], TERMS, ZeroHash, ZeroHash);
      await office.start({ keys: [brand.key] });
      await office.untilOrder(id, "issued");
      expect(await office.cards(id)).to.deep.equal(["1 done"]);
      await office.expectExact(collection);
    });

    it("who sends with the same key: the nonce is theirs, and the cards are sent anew", async () => {
      const server = await office.start({ keys: [brand.key] });
      await office.untilOrder(await order(server), "issued");
      server.node.fault = faultOf("eth_sendRawTransaction", { kind: "drop" });
      const id = await order(server, 2);
      await office.untilOrder(id, "sent");
      await brand.call(collection, brand.key, "suspend", [1], REASON);
      server.node.fault = undefined;
      await office.untilOrder(id, "issued");
      const states = (await office.transactions(brand.key)).map((text) => text.split(" ")[1]);
      expect(states).to.deep.equal(["mined", "replaced", "mined"]);
      await office.expectExact(collection, brand.key);
      await until(() => server.log.some(({ msg }) => msg.includes("Is the key used elsewhere?")));
    });

    it("who has revoked the card that is refunded: it is refunded", async () => {
      const server = await office.start({ keys: [brand.key] });
      const id = await order(server, 2);
      await office.untilOrder(id, "issued");
      await server.stop();
      await office.refund(id);
      await brand.call(collection, brand.key, "revoke", [1], REASON);
      await office.start({ keys: [brand.key] });
      await office.untilOrder(id, "refunded");
    });

    it("who has surrendered the card that is refunded: it is refunded", async () => {
      const holder = newKey();
      const server = await office.start({ keys: [brand.key] });
      const id = await order(server, 2, holder.address.toLowerCase());
      const other = await order(server);
      for (const one of [id, other]) await office.untilOrder(one, "issued");
      await server.stop();
      await office.refund(id);
      await office.refund(other);
      await brand.call(collection, holder, "surrender", 1);
      await office.start({ keys: [brand.key] });
      await office.untilOrder(id, "refunded");
      await office.untilOrder(other, "refunded");
    });

    it("who has given the card to the one who is to get it: the gift is done", async () => {
      const friend = randomAddress();
      const server = await office.start({ keys: [brand.key] });
      const id = await order(server);
      await office.untilOrder(id, "issued");
      await server.stop();
      await office.give(id, collection, 1, friend);
      await brand.call(collection, brand.key, "requestReissue", 1, friend, REASON);
      await office.start({ keys: [brand.key] });
      await until(
        async () => (await office.database.command.count({ where: { kind: "request-reissue", state: "done" } })) === 1,
      );
      expect(await holderOnChain(world, collection, 1)).to.equal(friend);
      expect(await orderRow(id)).to.include({ state: "issued", failure: null });
    });
  });

  describe("the customer", () => {
    it("who cannot hold a card: the order fails with the reason, the others of its batch are issued", async () => {
      const server = await office.start();
      const ids = [
        await order(server, 2),
        await order(server, 1, "0x0000000000000000000000000000000000000000"),
        await order(server, 2),
      ];
      await server.stop();
      await office.start({ keys: [brand.key] });
      await office.untilOrder(ids[0] ?? "", "issued");
      await office.untilOrder(ids[2] ?? "", "issued");
      await office.untilOrder(ids[1] ?? "", "failed");
      expect(await office.cards(ids[1] ?? "")).to.deep.equal(["3 failed erc721-invalid-receiver"]);
      expect((await orderRow(ids[1] ?? "")).failureDetail).to.contain("Correct the holder address");
      await office.expectExact(collection, brand.key);
      // The serial is there for the next one.
      expect((await office.database.freedSerial.findMany()).map(({ serial }) => serial)).to.deep.equal([3]);
    });

    it("whose card cannot be revoked keeps nobody else's from being revoked", async () => {
      const server = await office.start({ keys: [brand.key] });
      const ids = [await order(server), await order(server)];
      for (const id of ids) await office.untilOrder(id, "issued");
      await server.stop();
      for (const id of ids) await office.refund(id);
      // A serial that does not exist: whatever the reason, the contract refuses it for good.
      await office.application.command.updateMany({ where: { kind: "revoke", serial: 1 }, data: { serial: 999 } });
      await office.start({ keys: [brand.key] });
      await office.untilOrder(ids[1] ?? "", "refunded");
      await office.untilOrder(ids[0] ?? "", "issued");
      expect((await orderRow(ids[0] ?? "")).failure).to.equal("card-status-mismatch");
    });
  });

  describe("the node", () => {
    it("that is away for a while", async () => {
      const server = await office.start({ keys: [brand.key] });
      server.node.fault = { kind: "drop" };
      const id = await order(server, 2);
      await until(() => server.log.some(({ msg }) => msg === "sending has to wait"));
      expect(await office.cards(id)).to.deep.equal(["1 queued", "2 queued"]);
      server.node.fault = undefined;
      await office.untilOrder(id, "issued");
      await office.expectExact(collection, brand.key);
    });

    it("that fails now and then, at any call", async () => {
      const server = await office.start({ keys: [brand.key] });
      const seed = seedFrom("SENDING_SEED");
      const random = randomNumbers(seed);
      const faults = ["drop", "break", "truncate"] as const;
      server.node.fault = () =>
        random() < 0.15 ? { kind: faults[Math.floor(random() * faults.length)] ?? "drop" } : undefined;
      const ids: string[] = [];
      for (let count = 0; count < 5; count++) {
        ids.push(await order(server, 2));
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      try {
        for (const id of ids) await office.untilOrder(id, "issued");
        server.node.fault = undefined;
        await office.expectExact(collection, brand.key);
      } catch (error) {
        throw new Error(`Repeat it with SENDING_SEED=${seed}`, { cause: error });
      }
    });

    it("that forgets what it was sent: it is sent again, the same", async () => {
      const server = await office.start({ keys: [brand.key] });
      const resume = await world.stopSealing();
      try {
        const id = await order(server, 2);
        await until(async () => (await world.rpc.call<{ pending: string }>("txpool_status")).pending === "0x1");
        await world.rpc.call("anvil_dropAllTransactions");
        await resume();
        office.clock.ahead += 6_000;
        await office.untilOrder(id, "issued");
        expect(await office.database.transactionAttempt.count()).to.equal(1);
        await office.expectExact(collection, brand.key);
      } finally {
        await resume();
      }
    });

    it("that takes a transaction never: another one fills its nonce, and its cards are sent anew", async () => {
      const server = await office.start({ keys: [brand.key] });
      await office.untilOrder(await order(server), "issued");
      const refused = new Set<string>();
      server.node.fault = faultOf("eth_sendRawTransaction", ([call]) => {
        // The first of these, for good.
        if (refused.size === 0) refused.add(call?.params[0]);
        if (!refused.has(call?.params[0])) return undefined;
        // In the node's place: it never gets it.
        const error = { code: -32_000, message: "blocked by policy" };
        const { id } = call as IdentifiedCall;
        return { kind: "answer", status: 200, body: JSON.stringify({ jsonrpc: "2.0", id, error }) };
      });
      const id = await order(server, 2);
      await until(() => refused.size === 1);
      const later = await order(server);
      await office.untilOrder(later, "sent");
      office.clock.ahead += 16_000;
      await office.untilOrder(id, "issued");
      await office.untilOrder(later, "issued");
      await office.expectExact(collection, brand.key);
      await until(() => server.log.some(({ msg }) => msg.startsWith("no node takes a transaction")));
    });

    it("that answers an estimate with an error for one brand only: the others go on", async () => {
      const other = await world.createBrand();
      const others = await other.createCollection();
      const server = await office.start({ keys: [brand.key, other.key] });
      server.node.fault = faultOf("eth_estimateGas", ([call]) =>
        call?.params[0]?.to?.toLowerCase() === collection
          ? {
              kind: "respond",
              answers: (calls) =>
                calls.map(({ id }) => ({ jsonrpc: "2.0", id, error: { code: -32_000, message: "out of patience" } })),
            }
          : undefined,
      );
      const stuck = await order(server);
      const id = await server.order({ brand: other, collection: others });
      await office.untilOrder(id, "issued");
      server.node.fault = undefined;
      await office.untilOrder(stuck, "issued");
    });
  });

  describe("a remote signer", () => {
    it("that is away: what other keys sign goes on, and nothing waits longer than it must", async () => {
      const remote = await startFaultyRpc(world.rpcUrl);
      try {
        const [account = ""] = (await world.rpc.call<string[]>("eth_accounts")).slice(7);
        const other = await world.createBrand();
        const others = await other.createCollection();
        await brand.grant("Issuer", account);
        await brand.revoke("Issuer", brand.key.address);
        const server = await office.start({ keys: [other.key], remoteSignerUrl: remote.rpcUrl });
        await office.untilOrder(await order(server), "issued");
        remote.fault = faultOf("eth_signTransaction", { kind: "hang" });
        const stuck = await order(server);
        await until(async () => (await office.database.chainTransaction.count({ where: { state: "planned" } })) === 1);
        const begun = Date.now();
        const id = await server.order({ brand: other, collection: others });
        await office.untilOrder(id, "issued");
        // Sooner than the remote signer is given up.
        expect(Date.now() - begun).to.be.lessThan(9_500);
        await remote.close();
        expect((await orderRow(stuck)).state).to.equal("sent");
      } finally {
        await remote.close().catch(() => {});
      }
    });

    it("that comes back: it signs what was planned", async () => {
      const remote = await startFaultyRpc(world.rpcUrl);
      try {
        const [account = ""] = (await world.rpc.call<string[]>("eth_accounts")).slice(8);
        await brand.grant("Issuer", account);
        await brand.revoke("Issuer", brand.key.address);
        const server = await office.start({ remoteSignerUrl: remote.rpcUrl });
        remote.fault = faultOf("eth_signTransaction", { kind: "drop" });
        const id = await order(server, 2);
        await until(() => server.log.some(({ msg }) => msg.includes("signs nothing")));
        remote.fault = undefined;
        await office.untilOrder(id, "issued");
        await office.expectExact(collection);
      } finally {
        await remote.close();
      }
    });
  });

  describe("a key that is gone", () => {
    it("what was planned for it and never signed goes to another key", async () => {
      const remote = await startFaultyRpc(world.rpcUrl);
      try {
        const [account = ""] = (await world.rpc.call<string[]>("eth_accounts")).slice(6);
        await brand.grant("Issuer", account);
        await brand.revoke("Issuer", brand.key.address);
        const server = await office.start({ remoteSignerUrl: remote.rpcUrl });
        remote.fault = faultOf("eth_signTransaction", { kind: "drop" });
        const id = await order(server, 2);
        await until(async () => (await office.database.chainTransaction.count({ where: { state: "planned" } })) === 1);
        await server.stop();
        await brand.grant("Issuer", brand.key.address);
        // Started without the remote signer.
        await office.start({ keys: [brand.key] });
        await office.untilOrder(id, "issued");
        await office.expectExact(collection, brand.key);
        const lost = await office.database.signer.findUniqueOrThrow({ where: { address: account.toLowerCase() } });
        expect(lost.nextNonce).to.equal(await world.provider.getTransactionCount(account));
      } finally {
        await remote.close();
      }
    });
  });
});
