// A server goes on with an older copy of its database: what was issued since is found on the chain, and an order that is sent again gets its card.

import { expect } from "chai";
import { Wallet } from "ethers";
import { listReconciliation, releaseCards } from "../../../../server/issuance/reconciliation/listing.ts";
import { describeOnEachDatabase, type TestDatabase } from "../../../support/databases.ts";
import { until } from "../../../support/patience.ts";
import {
  createIssuingDatabase,
  faultOf,
  type IssuingDatabase,
  type IssuingServer,
  type SendingWorld,
  startSendingWorld,
} from "../sending/support.ts";
import { createRedeemingBrand, createTills, type RedeemingBrand } from "../sending/tills.ts";
import { idOf, issuedOnChain, send, type Wish, wishOf } from "./support.ts";

describeOnEachDatabase("a server whose database is an older copy", (kind) => {
  let world: SendingWorld;
  let brand: RedeemingBrand;
  let office: IssuingDatabase;
  let restored: IssuingDatabase | undefined;
  let collection: string;
  let server: IssuingServer;
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
    collection = await brand.createCollection();
    server = await office.start({ keys: [brand.key] });
  });
  afterEach(async () => {
    await restored?.close();
    restored = undefined;
    await office.close();
  });

  /** The state of now, to come back to. */
  const copy = () => kind.copy(office.url);
  /** The server ends, and another one goes on with the copy. */
  async function restore(copied: TestDatabase): Promise<IssuingServer> {
    await server.stop();
    restored = await createIssuingDatabase(world, kind, { keystore: brand.keystore, from: copied });
    restored.clock.ahead = office.clock.ahead;
    return await restored.start({ keys: [brand.key] });
  }
  async function issue(wish: Wish): Promise<string> {
    const id = idOf(await send(office, server, brand, wish));
    await office.untilOrder(id, "issued");
    return id;
  }
  const after_ = () => restored as IssuingDatabase;
  const adopted = async () =>
    (
      await after_().database.adoptedCard.findMany({
        where: { collectionAddress: collection },
        orderBy: { serial: "asc" },
      })
    ).map(({ serial, state, source }) => `${serial} ${state} ${source}`);
  const untilAdopted = (count: number) =>
    until(
      async () => (await after_().database.adoptedCard.count({ where: { collectionAddress: collection } })) === count,
    );

  it("answers orders that are sent again with the cards that the chain has, and issues the others", async () => {
    await issue(wishOf({ collection, reference: "known" }));
    const copied = await copy();
    const lost = [
      wishOf({ collection, reference: "known" }),
      wishOf({ collection, reference: "new", quantity: 3, term: "P1Y", tier: 2 }),
      wishOf({ collection, reference: "wallet", holder: Wallet.createRandom().address.toLowerCase() }),
      wishOf({ collection, reference: "payer", paid: true, term: "P1M" }),
    ];
    const before: string[] = [];
    for (const wish of lost) before.push(idOf(await send(office, server, brand, wish)));
    for (const id of before) await office.untilOrder(id, "issued");
    const onChain = await issuedOnChain(world, collection);
    const again = await restore(copied);
    await untilAdopted(6);
    expect(await adopted()).to.deep.equal([2, 3, 4, 5, 6, 7].map((serial) => `${serial} unclaimed order`));

    // Tomorrow, with another day as the end of each term.
    after_().clock.ahead = 24 * 3_600_000;
    const placements = [];
    for (const wish of lost) placements.push(await send(after_(), again, brand, wish));
    for (const placement of placements) expect(placement.kind).to.equal("placed");
    for (const [index, placement] of placements.entries()) {
      const id = idOf(placement);
      expect((await after_().database.order.findUniqueOrThrow({ where: { id } })).state).to.equal("issued");
      expect(await after_().cards(id)).to.deep.equal(await office.cards(before[index] ?? ""));
    }
    expect(await issuedOnChain(world, collection)).to.deep.equal(onChain);
    // Repeated, they are answered the same; and the next order of the same thing is a new one.
    for (const wish of lost) expect((await send(after_(), again, brand, wish)).kind).to.equal("repeated");
    const next = idOf(await send(after_(), again, brand, wishOf({ ...lost[0], key: "another", collection })));
    await after_().untilOrder(next, "issued");
    expect(await after_().cards(next)).to.deep.equal(["8 done"]);
    expect((await adopted()).every((card) => card.includes(" claimed "))).to.equal(true);
    await after_().expectExact(collection, brand.key);
  });

  it("knows whose a card is by what its batch says on the chain: a new order gets none, and one that was given away is found", async () => {
    const copied = await copy();
    const [kept, given] = [wishOf({ collection, reference: "regular" }), wishOf({ collection, reference: "giver" })];
    await issue(kept);
    await server.stop();
    const idle = await office.start({ keys: [] });
    const gift = idOf(await send(office, idle, brand, given));
    const taker = brand.keys.holderAddress("taker").toLowerCase();
    await office.application.command.updateMany({ where: { orderId: gift }, data: { holder: taker } });
    await idle.stop();
    server = await office.start({ keys: [brand.key] });
    await office.untilOrder(gift, "issued");

    const again = await restore(copied);
    await untilAdopted(2);
    // Of the same customer, for the same thing, and yet another order.
    const fresh = idOf(await send(after_(), again, brand, wishOf({ collection, reference: "regular" })));
    await after_().untilOrder(fresh, "issued");
    expect(await after_().cards(fresh)).to.deep.equal(["3 done"]);
    for (const [index, wish] of [kept, given].entries()) {
      const id = idOf(await send(after_(), again, brand, wish));
      expect(await after_().cards(id)).to.deep.equal([`${index + 1} done`]);
    }
    const [, second] = await after_().database.command.findMany({
      where: { collectionAddress: collection, serial: { in: [1, 2] } },
      orderBy: { serial: "asc" },
    });
    expect(second?.holder).to.equal(taker);
    expect(await adopted()).to.deep.equal(["1 claimed order", "2 claimed order"]);
  });

  it("gives equal cards to one order each, at two servers at once", async () => {
    const copied = await copy();
    const wishes = Array.from({ length: 12 }, () => wishOf({ collection, reference: "regular" }));
    for (const id of await Promise.all(wishes.map(async (wish) => idOf(await send(office, server, brand, wish)))))
      await office.untilOrder(id, "issued");
    const onChain = await issuedOnChain(world, collection);
    const first = await restore(copied);
    await untilAdopted(12);
    const second = await after_().start({ keys: [brand.key] });
    const more = [...wishes, ...wishes.slice(0, 6)].map((wish, index) => ({
      wish,
      at: index % 2 === 0 ? first : second,
    }));
    const ids = await Promise.all(more.map(async ({ wish, at }) => idOf(await send(after_(), at, brand, wish))));
    expect(new Set(ids).size).to.equal(12);
    const cards = await Promise.all([...new Set(ids)].map((id) => after_().cards(id)));
    expect(cards.flat().toSorted()).to.deep.equal(onChain.map((card) => `${card.split(" ")[0]} done`).toSorted());
    expect(await issuedOnChain(world, collection)).to.deep.equal(onChain);
  });

  it("sends nothing before it is level with the chain, and orders that came before find their cards", async () => {
    const copied = await copy();
    const lost = [wishOf({ collection, term: "P1Y" }), wishOf({ collection }), wishOf({ collection, quantity: 2 })];
    for (const wish of lost) await issue(wish);
    const onChain = await issuedOnChain(world, collection);
    await server.stop();
    restored = await createIssuingDatabase(world, kind, { keystore: brand.keystore, from: copied });
    const idle = await after_().start({ keys: [] });
    await idle.stop();
    // As if the orders had come while the mirror was behind: they get serials that the chain has given to others.
    const ids: string[] = [];
    for (const wish of lost.toReversed()) ids.push(idOf(await send(after_(), idle, brand, wish)));
    const again = await after_().start({ keys: [brand.key] });
    for (const id of ids) await after_().untilOrder(id, "issued");
    expect(again.log.some(({ msg }) => msg.startsWith("the chain has cards"))).to.equal(true);
    expect(await issuedOnChain(world, collection)).to.deep.equal(onChain);
    await after_().expectExact(collection, brand.key);
  });

  it("finds what was waiting in the copy and is on the chain: queued, or for a payment", async () => {
    server.node.fault = faultOf("eth_sendRawTransaction", { kind: "drop" });
    const stop = server.stop;
    const queued = idOf(await send(office, server, brand, wishOf({ collection })));
    const unpaid = idOf(await send(office, server, brand, wishOf({ collection, paid: false })));
    const copied = await copy();
    server.node.fault = undefined;
    await office.application.order.updateMany({ where: { id: unpaid }, data: { payBefore: Date.now() + 600_000 } });
    await office.application.command.updateMany({ where: { orderId: unpaid }, data: { state: "queued" } });
    for (const id of [queued, unpaid]) await office.untilOrder(id, "issued");
    const onChain = await issuedOnChain(world, collection);
    await stop();
    // Its time is over meanwhile, and it must not be cancelled all the same.
    office.clock.ahead = 120_000;
    await restore(copied);
    for (const id of [queued, unpaid]) await after_().untilOrder(id, "issued");
    expect(await issuedOnChain(world, collection)).to.deep.equal(onChain);
    await after_().expectExact(collection, brand.key);
  });

  it("does not take what was issued from a file for an order's", async () => {
    const { issueCards } = await import("../../../../server/issuance/sender.ts");
    const { openIssuanceChain } = await import("../../../../server/issuance/chain.ts");
    const holder = brand.keys.holderAddress("filed");
    const chain = await openIssuanceChain({ rpcUrl: world.rpcUrl, registry: () => world.deployment.registry });
    const copied = await copy();
    try {
      const card = { line: 1, serial: 1, holder, tier: 1, expiresAt: 0 };
      const dependencies = { chain, collection: await chain.collection(collection), keys: brand.keys, maxCards: 10 };
      await issueCards(dependencies, [card]);
    } finally {
      chain.close();
    }
    const again = await restore(copied);
    const id = idOf(await send(after_(), again, brand, wishOf({ collection, reference: "filed" })));
    await after_().untilOrder(id, "issued");
    expect(await after_().cards(id)).to.deep.equal(["2 done"]);
    expect(await adopted()).to.deep.equal([]);
  });

  it("lists what nobody sends again, until an operator has settled it otherwise", async () => {
    const copied = await copy();
    await issue(wishOf({ collection, reference: "regular", term: "P1Y" }));
    const again = await restore(copied);
    await untilAdopted(1);
    const { slug } = await after_().database.collection.findUniqueOrThrow({ where: { address: collection } });
    const listed = async () =>
      (await listReconciliation(after_().database)).cards
        .filter((card) => card.collection === slug)
        .map(({ serial, state }) => `${serial} ${state}`);
    expect(await listed()).to.deep.equal(["1 unclaimed"]);
    expect(await again.metrics.getSingleMetricAsString("mintmark_reconciliation_unclaimed_cards")).to.match(
      /cards [1-9]/,
    );
    // Another tier, another term, another customer: none of these is what was lost.
    for (const other of [{ tier: 2 }, { term: "P6M" }, { term: null }, { reference: "other" }]) {
      const id = idOf(
        await send(after_(), again, brand, wishOf({ collection, reference: "regular", term: "P1Y", ...other })),
      );
      await after_().untilOrder(id, "issued");
    }
    expect(await listed()).to.deep.equal(["1 unclaimed"]);
    expect(await releaseCards(after_().application, { collection: slug, serial: 1 }, Date.now())).to.equal(1);
    expect(await listed()).to.deep.equal(["1 released"]);
    const id = idOf(await send(after_(), again, brand, wishOf({ collection, reference: "regular", term: "P1Y" })));
    await after_().untilOrder(id, "issued");
    expect(await after_().cards(id)).to.deep.equal(["6 done"]);
  });

  it("does not match what is ordered when nobody sends lost orders again any more", async () => {
    const copied = await copy();
    await issue(wishOf({ collection, reference: "regular" }));
    const again = await restore(copied);
    await untilAdopted(1);
    after_().clock.ahead = 8 * 24 * 3_600_000;
    const id = idOf(await send(after_(), again, brand, wishOf({ collection, reference: "regular" })));
    await after_().untilOrder(id, "issued");
    expect(await after_().cards(id)).to.deep.equal(["2 done"]);
  });

  it("redeems nothing twice that is granted again", async () => {
    const tills = await createTills(world, brand, office, { quota: 5 });
    await tills.issue(["anna", "ben"]);
    const copied = await copy();
    const lost = [await tills.redeem(1, "anna"), await tills.redeem(2, "ben")];
    for (const id of lost) await tills.untilState(id, "redeemed");
    await restore(copied);
    const again = await createTills(world, brand, after_(), { quota: 5 }, tills.collection);
    await until(async () => (await after_().database.adoptedRedemption.count()) === 2);
    const repeated = await again.redeem(1, "anna");
    await again.untilState(repeated, "redeemed");
    expect((await again.stateOf(repeated)).slice(0, 2)).to.deep.equal(["redeemed", 1]);
    expect(await again.redeemed()).to.deep.equal(["1 1", "2 1"]);
    const next = await again.redeem(1, "anna");
    await again.untilState(next, "redeemed");
    expect(await again.redeemed()).to.deep.equal(["1 1", "2 1", "1 2"]);
  });
});
