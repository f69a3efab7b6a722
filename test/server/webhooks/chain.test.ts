// From a chain to a shop, through the real parts: what happens to cards is told, as of its block, and to its brand alone.

import { expect } from "chai";
import { Contract, encodeBytes32String, getAddress, type JsonRpcSigner } from "ethers";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { BRAND_ROLE, membershipCollectionInterface } from "../../../server/chain/abi.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import type { Indexer } from "../../../server/indexer/indexer.ts";
import { ANY_STAFF, authorisationToSign } from "../../../server/issuance/redemptions/typed-data.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { createTestMirror, startAndCatchUp, type TestMirror } from "../../support/mirror.ts";
import { type RunningApp, startApp } from "../http/support.ts";
import { type Received, type Receiver, startReceiver } from "./receiver.ts";

const DAY = 86_400;
const REASON = encodeBytes32String("lost");
const ADMIN = 1;
const ISSUER = 2;
const HOLDER = 3;

describeOnEachDatabase("webhooks of a chain", (kind) => {
  let chain: TestChain;
  let mirror: TestMirror;
  let application: Database;
  let app: RunningApp;
  let indexer: Indexer;
  let shop: Receiver;
  let stranger: Receiver;
  let address: string;
  let black: Contract;
  let holder: JsonRpcSigner;
  let other: string;
  let expiresAt: number;

  beforeEach(async () => {
    chain = await startTestChain();
    mirror = await createTestMirror(kind);
    application = await openDatabase(mirror.url, { application: true });
    app = await startApp(mirror.database, { application });
    shop = await startReceiver();
    stranger = await startReceiver();
    const brandId = await chain.admitBrand();
    const issuer = await (await chain.signer(ISSUER)).getAddress();
    for (const role of [BRAND_ROLE.Steward, BRAND_ROLE.Staff]) {
      const roleId = await chain.registry.getFunction("roleId")(brandId, role);
      await chain.call(chain.registry, ADMIN, "grantRole", roleId, issuer);
    }
    address = await chain.createCollection({ brandId, slug: "noirance-black", maxSupply: 2_000, reissueDelay: DAY });
    black = new Contract(address, membershipCollectionInterface, chain.provider);
    holder = await chain.signer(HOLDER);
    other = await (await chain.signer(4)).getAddress();
    const now = (await chain.provider.getBlock("latest"))?.timestamp ?? 0;
    expiresAt = now + 100 * DAY;
    app.clock.now = Date.now() / 1000;
    indexer = mirror.indexer(chain, { behindGraceMs: 100 });
    await startAndCatchUp(indexer);
    shop.secrets.push(await endpoint(1, shop.url, ["*"]));
    stranger.secrets.push(await endpoint(2, stranger.url, ["*"]));
    app.webhooks.start();
  });
  afterEach(async () => {
    await indexer.stop();
    await app.close();
    await shop.close();
    await stranger.close();
    await application.$disconnect();
    await mirror.close();
    await chain.close();
  });

  /** Makes an endpoint through the API. Returns its secret. */
  async function endpoint(brandId: number, url: string, events: string[]): Promise<string> {
    const { key } = await createApiKey(application, { brandId, role: "owner", name: "o", createdBy: "test", now: 0 });
    const response = await app.get("/v1/webhook-endpoints", {
      method: "POST",
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
      body: JSON.stringify({ url, events }),
    });
    expect(response.status).to.equal(201);
    return ((await response.json()) as { data: { secret: string } }).data.secret;
  }

  const act = (method: string, ...args: unknown[]) => chain.call(black, ISSUER, method, ...args);
  const byType = (messages: readonly Received[], type: string) => messages.filter((message) => message.type === type);

  async function redeem(serial: number): Promise<void> {
    const redemption = { serial, benefitId: 9, number: 1, generation: 0, staff: ANY_STAFF, deadline: expiresAt };
    const { domain, types } = authorisationToSign(address, chain.deployment.chainId, redemption);
    const signature = await holder.signTypedData(domain, types, redemption);
    await act("redeem", redemption, signature);
  }

  it("tell of a life, as of each block, and of who the customer is", async () => {
    await application.customer.create({
      data: { id: "cus_1", brandId: 1, reference: "CRM-1", holder: holder.address.toLowerCase(), createdAt: 0 },
    });
    // Another brand knows the same wallet by another name.
    await application.customer.create({
      data: { id: "cus_2", brandId: 2, reference: "other", wallet: holder.address.toLowerCase(), createdAt: 0 },
    });
    await chain.issue({ collection: address, firstSerial: 1, holders: Array(3).fill(holder.address), expiresAt });
    const issuedIn = await chain.provider.getBlock("latest");
    await act("renew", [1], expiresAt, DAY);
    await act("setTier", [1], 4);
    await act("setTier", [1], 5);
    await act("correct", [1, 2, expiresAt, 0, 0], REASON, "0x");
    await act("suspend", [1], REASON);
    await act("reinstate", [1]);
    await act("requestReissue", 3, other, REASON);
    await chain.call(black, ADMIN, "setBenefit", 1, 9, { quota: 2, period: DAY, startsAt: 1_700_000_000 });
    await redeem(2);
    await act("undoRedemption", 2, 9, 1, REASON);
    await chain.call(black, HOLDER, "surrender", 2);
    await act("revoke", [1], REASON);
    await chain.doFinally(address, "WindDown");
    await act("executeReissue", 3);

    const messages = await shop.until(15);
    expect(messages.map(({ type }) => type).sort()).to.deep.equal(
      [
        ...["card.issued", "card.issued", "card.issued", "card.renewed", "card.tier_changed", "card.tier_changed"],
        ...["card.suspended", "card.reinstated", "card.reissued", "benefit.redeemed", "card.surrendered"],
        ...["benefit.redemption_undone", "card.revoked", "collection.winding_down", "card.corrected"],
      ].sort(),
    );
    const collection = { address: getAddress(address), slug: "noirance-black", name: "noirance-black" };
    const [first] = byType(messages, "card.issued").toSorted((a, b) => a.data.card.serial - b.data.card.serial);
    const issuedAt = new Date((issuedIn?.timestamp ?? 0) * 1000).toISOString();
    expect(first?.timestamp).to.equal(issuedAt);
    // Not as it became later.
    expect({ ...first?.data, transaction: undefined }).to.deep.equal({
      card: {
        ...{ collection, serial: 1, holder: holder.address, tier: 1, status: "Active", issuedAt, generation: 0 },
        expiresAt: new Date(expiresAt * 1000).toISOString(),
      },
      orderId: null,
      change: { batch: { firstSerial: 1, count: 3 } },
      asOf: {
        ...{ chainId: chain.deployment.chainId, blockNumber: issuedIn?.number, blockHash: issuedIn?.hash },
        timestamp: issuedAt,
      },
      transaction: undefined,
      customer: { id: "cus_1", reference: "CRM-1" },
    });
    const changes = Object.fromEntries(messages.map(({ type, data }) => [type, data.change]));
    const iso = (seconds: number) => new Date(seconds * 1000).toISOString();
    expect(changes["card.renewed"]).to.deep.equal({
      expiresAt: { before: iso(expiresAt), after: iso(expiresAt + DAY) },
    });
    const tiers = byType(messages, "card.tier_changed").toSorted((a, b) => a.data.card.tier - b.data.card.tier);
    expect(tiers.map(({ data }) => [data.change.tier, data.card.tier, data.card.status])).to.deep.equal([
      [{ before: 1, after: 4 }, 4, "Active"],
      [{ before: 4, after: 5 }, 5, "Active"],
    ]);
    expect(changes["card.corrected"]).to.deep.equal({
      tier: { before: 5, after: 2 },
      expiresAt: { before: iso(expiresAt + DAY), after: iso(expiresAt) },
      reason: "lost",
    });
    expect(changes["card.suspended"]).to.deep.equal({ reason: "lost" });
    expect(changes["card.reinstated"]).to.deep.equal({});
    expect(changes["card.revoked"]).to.deep.equal({ reason: "lost" });
    expect(changes["card.reissued"]).to.deep.equal({
      ...{ holder: { before: holder.address, after: other }, generation: 1 },
    });
    expect(changes["benefit.redeemed"]).to.include({ benefitId: 9, number: 1, usedInPeriod: 1 });
    const undone = { benefitId: 9, number: 1, usedInPeriod: 0, reason: "lost" };
    expect(changes["benefit.redemption_undone"]).to.include(undone);
    const [reissued] = byType(messages, "card.reissued");
    expect(reissued?.data).to.include({ customer: null });
    expect(reissued?.data.card).to.include({ holder: other, generation: 1, serial: 3 });
    expect(byType(messages, "card.suspended")[0]?.data.card.status).to.equal("Suspended");
    expect(byType(messages, "collection.winding_down")[0]?.data.collection).to.deep.equal(collection);
    expect(new Set(messages.map(({ id }) => id)).size).to.equal(messages.length);
    expect(shop.wrong).to.deep.equal([]);
    expect(stranger.received).to.deep.equal([]);
  });

  it("tell of what the chain takes back, and of which message that is", async () => {
    await chain.issue({ collection: address, firstSerial: 1, holders: 2 });
    await shop.until(2);
    const snapshot = await chain.provider.send("evm_snapshot", []);
    await act("setTier", [1], 3);
    await chain.issue({ collection: address, firstSerial: 10, holders: 1_200 });
    const before = (await shop.until(2 + 1 + 1_200)).slice(2);
    await chain.provider.send("evm_revert", [snapshot]);
    await act("suspend", [2], REASON);

    const messages = (await shop.until(2 + 2 * 1_201 + 1)).slice(2);
    const reverted = messages.filter(({ type }) => type.endsWith(".reverted"));
    expect(reverted.map(({ data }) => data.reverts).sort()).to.deep.equal(before.map(({ id }) => id).sort());
    const originals = new Map(before.map((message) => [message.id, message]));
    for (const { type, data } of reverted) {
      const original = originals.get(data.reverts);
      expect(type).to.equal(`${original?.type}.reverted`);
      expect({ ...data, reverts: undefined }).to.deep.equal({ ...original?.data, reverts: undefined });
    }
    expect(byType(messages, "card.suspended")).to.have.length(1);
    expect(new Set(messages.map(({ id }) => id)).size).to.equal(messages.length);
  });

  it("begin with what happens after the endpoint was made", async () => {
    await chain.issue({ collection: address, firstSerial: 1, holders: 2 });
    await shop.until(2);
    const late = await startReceiver();
    try {
      late.secrets.push(await endpoint(1, late.url, ["card.suspended"]));
      await act("setTier", [1], 3);
      await act("suspend", [1], REASON);
      const [only] = await late.until(1);
      await shop.until(4);
      expect(late.received.map(({ type }) => type)).to.deep.equal(["card.suspended"]);
      // The same event has another id there.
      expect(only?.id).to.not.equal(byType(shop.received, "card.suspended")[0]?.id);
    } finally {
      await late.close();
    }
  });
});
