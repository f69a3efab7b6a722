// What cards entitle to, and baskets, over HTTP: every status that the OpenAPI document gives these operations.

import { expect } from "chai";
import { id, Mnemonic } from "ethers";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { BRAND_ROLES, type BrandRole } from "../../../server/accounts/principal.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { createHolderDerivation } from "../../../server/issuance/holder-derivation.ts";
import { IssuanceError } from "../../../server/issuance/problems.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import {
  addressOf,
  COLLECTIONS,
  COLLECTOR,
  createEmptyMirror,
  createMirrorFixture,
  freshStatus,
  type MirrorFixture,
  NOW,
  SERIALS,
} from "../../support/mirror-fixture.ts";
import { type Contract, readContract } from "./contract.ts";
import { brokenDatabase, outage, type RunningApp, startApp } from "./support.ts";

const { slug, address } = COLLECTIONS.atelier;
const EDITION = COLLECTIONS.firstEdition;
const UNLIMITED = 2 ** 32 - 1;
const MONTH = 30 * 86_400;
const HEAD = 1_024;
const derivation = createHolderDerivation(Mnemonic.fromPhrase(`${"abandon ".repeat(11)}about`));

describeOnEachDatabase("API of entitlements", (kind) => {
  let mirror: MirrorFixture;
  let application: Database;
  let app: RunningApp;
  let contract: Contract;
  const keys: Record<BrandRole | "other", string> = { owner: "", manager: "", staff: "", auditor: "", other: "" };
  let chainIsAway = false;

  before(async () => {
    mirror = await createMirrorFixture(kind);
    application = await openDatabase(mirror.url, { application: true });
    app = await start();
    contract = await readContract(app);
    for (const role of BRAND_ROLES) keys[role] = await keyOf(role);
    keys.other = await keyOf("owner", 2);
    // The collector is a customer by their wallet, anna by the address that the brand keeps.
    const customers = [
      { id: "cus_collector", reference: "collector", wallet: COLLECTOR, holder: null },
      { id: "cus_anna", reference: "anna", wallet: null, holder: addressOf("holder 7") },
    ];
    for (const customer of customers) {
      await application.customer.create({ data: { brandId: 1, createdAt: NOW, ...customer } });
    }
    await mirror.issue({
      collection: address,
      firstSerial: 50,
      count: 1,
      tier: 1,
      holderOf: () => derivation.address("walk-in").toLowerCase(),
    });
  });
  after(async () => {
    await app.close();
    await application.$disconnect();
    await mirror.close();
  });
  beforeEach(async () => {
    for (const table of ["benefitRule", "benefitHold", "redemption", "benefit"] as const)
      await (application[table] as { deleteMany(): Promise<unknown> }).deleteMany();
    await application.brand.updateMany({ data: { status: "Active" } });
    await nextBlock();
    app.status = freshStatus();
    chainIsAway = false;
    app.clock.now = Math.max(app.clock.now, NOW) + 2;
  });

  function start(options: Parameters<typeof startApp>[1] = {}, database = mirror.database): Promise<RunningApp> {
    const keysOf = async (brandId: number) => {
      if (chainIsAway) throw new IssuanceError("away", { retryable: true });
      return brandId === 1 ? ({ holderAddress: derivation.address } as never) : undefined;
    };
    return startApp(database, { application, keysOf, ...options });
  }
  async function keyOf(role: BrandRole, brandId = 1, database = application): Promise<string> {
    const options = { brandId, role, name: "test", createdBy: "command-line", now: NOW * 1000 };
    return (await createApiKey(database, options)).key;
  }
  const as = (who: keyof typeof keys) => ({ Authorization: `Bearer ${keys[who]}` });

  async function grant(
    benefitId: number,
    terms: { tier?: number; quota?: number; period?: number; startsAt?: number; collection?: string },
  ) {
    const { tier = 3, quota = UNLIMITED, period = 0, startsAt = 0, collection = address } = terms;
    const place = { blockNumber: 20, logIndex: benefitId };
    await mirror.database.benefit.create({
      data: { collectionAddress: collection, tier, benefitId, quota, period, startsAt, ...place },
    });
    await nextBlock();
  }
  async function redeem(
    serial: number,
    benefitId: number,
    use: { number: number; periodStart?: number; used: number },
  ) {
    await mirror.database.redemption.create({
      data: {
        collectionAddress: address,
        serial,
        benefitId,
        staff: addressOf("staff"),
        periodStart: 0,
        ...use,
        blockNumber: 30,
        logIndex: use.number,
        transactionHash: "0x",
      },
    });
  }
  /** As each change of what collections promise, this comes with a block of its own. */
  let blocks = 0;
  async function nextBlock() {
    await mirror.database.checkpoint.updateMany({ data: { blockHash: id(`another block ${++blocks}`) } });
  }
  let holds = 0;
  async function hold(
    serial: number,
    benefitId: number,
    state: string,
    changes: { heldUntil?: number; number?: number } = {},
  ) {
    const { heldUntil = app.clock.now * 1000 + 60_000, number = null } = changes;
    holds++;
    await application.benefitHold.create({
      data: {
        ...{ id: `red_${holds}`, brandId: 1, collectionAddress: address, serial, benefitId, state, heldUntil, number },
        ...{
          holder: COLLECTOR,
          generation: 0,
          custodial: true,
          idempotencyKey: `key ${holds}`,
          requestHash: "",
          answer: "",
        },
        ...{ createdBy: "test", createdAt: 0, updatedAt: 0 },
      },
    });
  }
  async function say(benefit: number, rule: object, { collection = slug as string } = {}) {
    const path = "/v1/collections/{collection}/benefits/{benefit}";
    const body = { name: { en: "Benefit" }, products: ["*"], ...rule };
    const target = `/v1/collections/${collection}/benefits/${benefit}`;
    return (await contract.check(path, target, 200, { method: "put", headers: as("manager"), body })).body.data;
  }
  async function ofHolder(holder: string) {
    const target = `/v1/holders/${holder}/entitlements`;
    return (await contract.check("/v1/holders/{address}/entitlements", target, 200)).body.data;
  }
  async function ofCustomer(reference: string, { who = "staff" as keyof typeof keys, query = "", status = 200 } = {}) {
    const target = `/v1/customers/${encodeURIComponent(reference)}/entitlements${query}`;
    const path = "/v1/customers/{reference}/entitlements";
    return (await contract.check(path, target, status, { headers: as(who) })).body;
  }
  async function check(basket: object, { status = 200, on = app, who = "staff" as keyof typeof keys } = {}) {
    const options = { method: "post", headers: as(who), body: basket, on } as const;
    return (await contract.check("/v1/entitlements/check", "/v1/entitlements/check", status, options)).body;
  }
  const line = (changes: object = {}) => ({ id: "1", product: "SKU-1", unitPrice: 1000, ...changes });
  // biome-ignore lint/suspicious/noExplicitAny: an answer, which its schema describes
  const benefitOf = (data: any, serial: number, benefitId: number) =>
    data.cards
      .find(
        (card: { serial: number; collection: { slug: string } }) =>
          card.serial === serial && card.collection.slug === slug,
      )
      .benefits.find(({ id }: { id: number }) => id === benefitId);

  it("tell a customer's cards at the kept address and at their own wallet, of this brand alone", async () => {
    const { data, asOf } = await ofCustomer("collector");
    expect(asOf.blockNumber).to.equal(HEAD);
    expect(data.customer).to.deep.equal({ id: "cus_collector", reference: "collector" });
    expect(data.member).to.equal(true);
    expect(new Set(data.cards.map(({ brand }: { brand: { id: number } }) => brand.id))).to.deep.equal(new Set([1]));
    expect(data.cards).to.have.length(12 + 3);
    expect((await ofHolder(COLLECTOR)).cards).to.have.length(12 + 3 + 1);

    const anna = (await ofCustomer("anna")).data;
    expect(anna.cards).to.have.length(1);
    expect(anna.cards[0]).to.include({ serial: SERIALS.suspended, usable: false, reason: "card-suspended" });
    expect(anna.member).to.equal(false);
    // The other brand's customer is another one, though they are called the same.
    expect((await ofCustomer("anna", { who: "other" })).data).to.deep.include({
      customer: null,
      cards: [],
      member: false,
    });
  });

  it("tell the cards of somebody who was never entered, at the address that the brand keeps for them", async () => {
    const { data } = await ofCustomer("walk-in");
    expect(data.customer).to.equal(null);
    expect(data.cards.map(({ serial }: { serial: number }) => serial)).to.deep.equal([50]);
    // Cards at their own wallet and at the kept address are one list.
    const both = { id: "cus_both", reference: "both", wallet: addressOf("holder 5"), holder: null };
    await application.customer.create({ data: { brandId: 1, createdAt: NOW, ...both } });
    const kept = derivation.address("both").toLowerCase();
    await mirror.issue({ collection: EDITION.address, firstSerial: 900, count: 1, holderOf: () => kept });
    const found = (await ofCustomer("both")).data;
    expect(found.cards.map(({ serial }: { serial: number }) => serial)).to.deep.equal([5, 900]);
    expect(found.holders).to.have.length(2);
    expect((await ofCustomer("nobody")).data).to.deep.include({ member: false, cards: [] });
    chainIsAway = true;
    await ofCustomer("never-asked-before", { status: 503 });
    // Whom the tables know is not affected.
    expect((await ofCustomer("anna")).data.cards).to.have.length(1);
  });

  it("count what is left of a benefit in the period that is now", async () => {
    const startsAt = app.clock.now - 10 * MONTH - 100;
    const now = app.clock.now - 100;
    await grant(1, {});
    await grant(2, { quota: 2, period: MONTH, startsAt });
    await grant(3, { quota: 5 });
    await grant(4, { quota: 1, startsAt: app.clock.now + 1000 });
    await grant(5, { quota: 0 });
    await redeem(1, 2, { number: 7, periodStart: now, used: 1 });
    await redeem(2, 2, { number: 7, periodStart: now - MONTH, used: 2 });
    await redeem(3, 3, { number: 5, periodStart: 0, used: 5 });
    const data = await ofHolder(COLLECTOR);
    expect(benefitOf(data, 1, 1)).to.deep.include({ quota: null, left: null, usable: true, reason: null });
    expect(benefitOf(data, 1, 2)).to.deep.include({ quota: 2, used: 1, left: 1, usable: true });
    expect(benefitOf(data, 1, 2).period).to.deep.equal({
      startsAt: new Date(now * 1000).toISOString(),
      endsAt: new Date((now + MONTH) * 1000).toISOString(),
    });
    expect(benefitOf(data, 2, 2)).to.deep.include({ used: 0, left: 2 });
    expect(benefitOf(data, 3, 3)).to.deep.include({ used: 5, left: 0, usable: false, reason: "used-up" });
    expect(benefitOf(data, 1, 4)).to.deep.include({ period: null, usable: false, reason: "not-started" });
    expect(benefitOf(data, 1, 5)).to.equal(undefined);
  });

  it("count what is reserved, and what is confirmed and not on the chain yet, as used", async () => {
    await grant(3, { quota: 5 });
    await redeem(1, 3, { number: 2, used: 2 });
    await hold(1, 3, "held");
    await hold(1, 3, "held", { heldUntil: app.clock.now * 1000 - 1 });
    await hold(1, 3, "released");
    await hold(1, 3, "confirmed");
    // The mirror has this one already.
    await hold(1, 3, "confirmed", { number: 2 });
    await hold(2, 3, "confirmed", { number: 1 });
    // It is on its way to the chain, and will be taken back only there.
    await hold(3, 3, "undoing", { number: 1 });
    const data = await ofHolder(COLLECTOR);
    expect(benefitOf(data, 1, 3)).to.deep.include({ used: 2, held: 2, left: 1 });
    expect(benefitOf(data, 2, 3)).to.deep.include({ used: 0, held: 1, left: 4 });
    expect(benefitOf(data, 3, 3)).to.deep.include({ used: 0, held: 1, left: 4 });
  });

  it("grant nothing while the brand is suspended", async () => {
    await grant(1, {});
    await mirror.database.brand.update({ where: { id: 1 }, data: { status: "Suspended" } });
    await nextBlock();
    const data = await ofHolder(COLLECTOR);
    expect(benefitOf(data, 1, 1)).to.deep.include({ usable: false, reason: "brand-not-active" });
    expect((await check({ customer: "collector", lines: [line()] })).data.member).to.equal(false);
  });

  it("say what a benefit means as the brand has said, to everybody", async () => {
    await grant(1, { tier: 3 });
    await grant(1, { tier: 2, quota: 3, period: MONTH, startsAt: NOW });
    const said = await say(1, {
      name: { en: "Member price", "zh-CN": "会员价" },
      kind: "discount",
      discountPercent: 12.5,
    });
    expect(said).to.deep.include({ id: 1, discountPercent: 12.5, kind: "discount" });
    await say(9, { kind: "access", products: ["category:limited", "SKU-9"] });
    const path = "/v1/collections/{collection}/benefits";
    const { body } = await contract.check(path, `/v1/collections/${slug}/benefits`, 200);
    expect(body.data).to.deep.equal([
      {
        ...{
          id: 1,
          name: { en: "Member price", "zh-CN": "会员价" },
          kind: "discount",
          discountPercent: 12.5,
          products: ["*"],
        },
        tiers: [
          { tier: 2, quota: 3, periodSeconds: MONTH, startsAt: new Date(NOW * 1000).toISOString() },
          { tier: 3, quota: null, periodSeconds: null, startsAt: new Date(0).toISOString() },
        ],
      },
      {
        ...{ id: 9, name: { en: "Benefit", "zh-CN": null }, kind: "access", discountPercent: null },
        ...{ products: ["category:limited", "SKU-9"], tiers: [] },
      },
    ]);
    expect(benefitOf(await ofHolder(COLLECTOR), 1, 1).name).to.deep.equal({ en: "Member price", "zh-CN": "会员价" });
    const entry = await application.auditEntry.findFirstOrThrow({
      where: { action: "benefit.set" },
      orderBy: { id: "desc" },
    });
    expect(entry.subject).to.equal(`${address}/9`);
  });

  it("refuse what cannot be meant", async () => {
    const path = "/v1/collections/{collection}/benefits/{benefit}";
    const put = (
      body: object,
      status: number,
      { target = `${slug}/benefits/1`, who = "manager" as keyof typeof keys } = {},
    ) => contract.check(path, `/v1/collections/${target}`, status, { method: "put", headers: as(who), body });
    const rule = { name: { en: "A" }, kind: "discount", discountPercent: 10, products: ["*"] };
    for (const change of [
      { discountPercent: null },
      { kind: "access" },
      { discountPercent: 0 },
      { discountPercent: 100.5 },
      { discountPercent: 10.001 },
      { products: [] },
      { name: { en: " " } },
      { kind: "gift" },
    ])
      await put({ ...rule, ...change }, 400);
    await put(rule, 400, { target: `${slug}/benefits/65536` });
    await put(rule, 404, { target: "no-such-collection/benefits/1" });
    await put(rule, 404, { who: "other" });
    await put(rule, 403, { who: "staff" });
    expect(await application.benefitRule.count()).to.equal(0);
  });

  it("give each line its largest discount, rounded down, and unlock what members alone may buy", async () => {
    await grant(1, {});
    await grant(2, {});
    await grant(3, { tier: 2 });
    await say(1, { kind: "discount", discountPercent: 10 });
    await say(2, { kind: "discount", discountPercent: 33.33, products: ["category:tea"] });
    await say(3, { kind: "access", products: ["SKU-secret"] });
    const lines = [
      line({ id: "a", unitPrice: 1999, quantity: 3 }),
      line({ id: "b", categories: ["tea", "gifts"], unitPrice: 100 }),
      line({ id: "c", product: "SKU-secret" }),
    ];
    const { data } = await check({ customer: "collector", lines });
    expect(data).to.deep.include({ member: true, subtotal: 7097, discountTotal: 599 + 33 + 100, total: 7097 - 732 });
    expect(data.lines[0]).to.deep.include({ id: "a", locked: false, total: 5997 - 599 });
    expect(data.lines[0].discount).to.deep.include({
      collection: slug,
      serial: 1,
      benefit: 1,
      percent: 10,
      amount: 599,
      needsRedemption: false,
    });
    expect(data.lines[1].discount).to.deep.include({ benefit: 2, percent: 33.33, amount: 33 });
    // Tier 3 has no such benefit.
    expect(data.lines[2]).to.deep.include({ locked: true, reason: "members-only", unlockedBy: null });

    await grant(3, { tier: 3 });
    const unlocked = (await check({ holder: COLLECTOR, lines })).data.lines[2];
    expect(unlocked).to.deep.include({ locked: false, reason: null });
    expect(unlocked.unlockedBy).to.deep.include({ collection: slug, serial: 1, benefit: 3 });
    // To whom the shop does not know.
    const anonymous = (await check({ lines })).data;
    expect(anonymous).to.deep.include({ member: false, discountTotal: 0, total: 7097 });
    expect(anonymous.lines[2]).to.deep.include({ locked: true, reason: "members-only" });
  });

  it("take what has a quota once for each line, as long as there is some, and say what is used up", async () => {
    await grant(1, { quota: 2 });
    await grant(4, { quota: 1 });
    await say(1, { kind: "discount", discountPercent: 50, products: ["SKU-1"] });
    await say(4, { kind: "use", products: ["SKU-2"] });
    for (const serial of [2, 3]) await redeem(serial, 1, { number: 2, used: 2 });
    const lines = ["a", "b", "c", "d"].map((id) => line({ id }));
    const { data } = await check({ customer: "collector", lines: [...lines, line({ id: "e", product: "SKU-2" })] });
    const needs = data.lines.map(
      ({ discount }: { discount: { needsRedemption: boolean } | null }) => discount?.needsRedemption,
    );
    expect(needs).to.deep.equal([true, true, undefined, undefined, undefined]);
    expect(
      data.lines[2].missed.map(({ serial, reason }: { serial: number; reason: string }) => [serial, reason]),
    ).to.deep.equal([
      [1, "used-up"],
      [2, "used-up"],
      [3, "used-up"],
    ]);
    expect(data.usable.map(({ serial, left }: { serial: number; left: number }) => [serial, left])).to.deep.equal([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
  });

  it("say that a card which would unlock something is suspended", async () => {
    await grant(3, { tier: 1, collection: EDITION.address });
    await say(3, { kind: "access", products: ["SKU-1"] }, { collection: EDITION.slug });
    const { data } = await check({ customer: "anna", lines: [line()] });
    expect(data.lines[0]).to.deep.include({ locked: true, reason: "card-suspended" });
    expect(data.lines[0].missed[0]).to.deep.include({ collection: EDITION.slug, serial: SERIALS.suspended });
  });

  it("wait for a block that the mirror is about to read, and not for ever", async () => {
    expect((await ofCustomer("anna", { query: `?minBlock=${HEAD}` })).asOf.blockNumber).to.equal(HEAD);
    const reached = check({ customer: "anna", lines: [line()], minBlock: HEAD + 1 });
    setTimeout(async () => await mirror.database.checkpoint.updateMany({ data: { blockNumber: HEAD + 1 } }), 100);
    expect((await reached).asOf.blockNumber).to.equal(HEAD + 1);
    const path = "/v1/holders/{address}/entitlements";
    const [problem] = await Promise.all([
      ofCustomer("anna", { query: `?minBlock=${HEAD + 5}`, status: 409 }),
      contract.check(path, `/v1/holders/${COLLECTOR}/entitlements?minBlock=9999`, 409),
      check({ lines: [], minBlock: 9999 }, { status: 409 }),
    ]);
    expect(problem.type).to.equal("/problems/block-not-reached");
    await mirror.database.checkpoint.updateMany({ data: { blockNumber: HEAD } });
  });

  it("answer many who ask at once as they answer each alone", async () => {
    await grant(1, {});
    await say(1, { kind: "discount", discountPercent: 10 });
    const customers = ["collector", "anna", "walk-in", "nobody"];
    const alone = new Map<string, unknown>();
    for (const customer of customers) alone.set(customer, (await check({ customer, lines: [line()] })).data);
    const together = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const customer = customers[index % customers.length] ?? "";
        return [customer, (await check({ customer, lines: [line()] })).data] as const;
      }),
    );
    for (const [customer, data] of together) expect(data).to.deep.equal(alone.get(customer));
  });

  it("look at a hundred cards of one person", async () => {
    const holder = addressOf("a reseller");
    await mirror.issue({ collection: EDITION.address, firstSerial: 1_000, count: 101, holderOf: () => holder });
    const data = await ofHolder(holder);
    expect(data.cards).to.have.length(100);
    expect(data.more).to.equal(true);
  });

  it("refuse baskets that are none", async () => {
    for (const basket of [
      { customer: "anna", holder: COLLECTOR, lines: [] },
      { lines: [line(), line()] },
      { lines: [line({ unitPrice: 1.5 })] },
      { lines: [line({ unitPrice: -1 })] },
      { lines: [line({ quantity: 0 })] },
      { lines: [line({ product: "" })] },
      { lines: Array.from({ length: 101 }, (_, index) => line({ id: String(index) })) },
      { lines: [], minBlock: -1 },
      { customer: " ", lines: [] },
    ])
      await check(basket, { status: 400 });
    await check({ lines: [] }, { status: 403, who: "auditor" });
  });

  it("answer as documented where there is no mirror, and no database", async () => {
    const empty = await createEmptyMirror(kind);
    const without = await startApp(empty.database);
    const broken = await start({}, brokenDatabase(mirror.database, outage));
    const key = await keyOf("owner", 1, empty.database);
    try {
      for (const [on, headers] of [
        [without, { Authorization: `Bearer ${key}` }],
        [broken, as("owner")],
      ] as const) {
        on.status = { ...freshStatus(), state: "starting" };
        const holder = `/v1/holders/${COLLECTOR}/entitlements`;
        const body = { name: { en: "A" }, kind: "use", products: ["*"] };
        const benefits = "/v1/collections/{collection}/benefits";
        const requests: [string, string, object][] = [
          ["/v1/customers/{reference}/entitlements", "/v1/customers/anna/entitlements", {}],
          ["/v1/holders/{address}/entitlements", holder, {}],
          ["/v1/entitlements/check", "/v1/entitlements/check", { method: "post", body: { lines: [] } }],
          [benefits, `/v1/collections/${slug}/benefits`, {}],
          [`${benefits}/{benefit}`, `/v1/collections/${slug}/benefits/1`, { method: "put", body }],
        ];
        for (const [path, target, options] of requests)
          await contract.check(path, target, 503, { headers, on, ...options });
      }
    } finally {
      await Promise.all([without.close(), broken.close()]);
      await empty.close();
    }
  });
});
