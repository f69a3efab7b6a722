// Holds the operations of orders and offers, with every status that the OpenAPI document gives them, against the document itself.

import { expect } from "chai";
import { Mnemonic } from "ethers";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { BRAND_ROLES, type BrandRole } from "../../../server/accounts/principal.ts";
import { UNLIMITED_TERM } from "../../../server/chain/abi.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { createHolderDerivation } from "../../../server/issuance/holder-derivation.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import {
  addressOf,
  COLLECTIONS,
  createEmptyMirror,
  createMirrorFixture,
  freshStatus,
  type MirrorFixture,
  NOW,
} from "../../support/mirror-fixture.ts";
import { type AccountsWorld, createAccountsWorld, type Visitor } from "../accounts/support.ts";
import { type Contract, readContract } from "./contract.ts";
import { brokenDatabase, outage, type RunningApp, startApp } from "./support.ts";

const { slug, address } = COLLECTIONS.atelier;
const NO_ORDER = "ord_00000000-0000-7000-8000-000000000000";
const derivation = createHolderDerivation(Mnemonic.fromPhrase(`${"abandon ".repeat(11)}about`));

describeOnEachDatabase("API of orders", (kind) => {
  let mirror: MirrorFixture;
  let application: Database;
  let app: RunningApp;
  let contract: Contract;
  /** Of brand 1, by role; and of brand 2. */
  const keys: Record<BrandRole | "other", string> = { owner: "", manager: "", staff: "", auditor: "", other: "" };

  before(async () => {
    mirror = await createMirrorFixture(kind);
    application = await openDatabase(mirror.url, { application: true });
    app = await start();
    contract = await readContract(app);
    for (const role of BRAND_ROLES) keys[role] = await keyOf(application, role);
    keys.other = await keyOf(application, "owner", 2);
  });
  after(async () => {
    await app.close();
    await application.$disconnect();
    await mirror.close();
  });
  beforeEach(async () => {
    for (const table of [
      "command",
      "idempotentRequest",
      "freeCard",
      "freedSerial",
      "edition",
      "order",
      "offer",
    ] as const)
      await (application[table] as { deleteMany(): Promise<unknown> }).deleteMany();
    await mirror.database.collection.updateMany({ data: { windingDown: false } });
    await mirror.database.brand.updateMany({ data: { status: "Active" } });
    await mirror.database.card.deleteMany({ where: { collectionAddress: address, serial: { gt: 3 } } });
    await mirror.database.batch.deleteMany({ where: { collectionAddress: address, firstSerial: { gt: 3 } } });
    app.status = freshStatus();
    // What was remembered of collections for a second is forgotten, and what of sold-out editions for less.
    app.clock.now += 2;
  });

  /** Brand 1 has a keystore here, brand 2 has none. */
  function start(options: Parameters<typeof startApp>[1] = {}, database = mirror.database): Promise<RunningApp> {
    const keysOf = async (brandId: number) => (brandId === 1 ? { holderAddress: derivation.address } : undefined);
    return startApp(database, { application, keysOf, ...options });
  }
  async function keyOf(database: Database, role: BrandRole, brandId = 1): Promise<string> {
    const options = { brandId, role, name: "test", createdBy: "command-line", now: NOW * 1000 };
    return (await createApiKey(database, options)).key;
  }
  function as(who: keyof typeof keys, headers: Record<string, string> = {}): Record<string, string> {
    return { Authorization: `Bearer ${keys[who]}`, ...headers };
  }
  let wishes = 0;
  const newKey = () => `wish-${++wishes}`;
  const anOrder = (changes: object = {}) => ({
    customer: { reference: "CRM-1" },
    items: [{ collection: slug, tier: 1, term: "P1Y" }],
    ...changes,
  });
  async function order(
    changes: object = {},
    options: { key?: string; status?: number; who?: keyof typeof keys; on?: RunningApp } = {},
  ) {
    const { key = newKey(), status = 201, who = "staff", on = app } = options;
    const headers = as(who, { "Idempotency-Key": key });
    return await contract.check("/v1/orders", "/v1/orders", status, {
      method: "post",
      on,
      headers,
      body: anOrder(changes),
    });
  }
  function act(
    name: "cancel" | "refund" | "gift",
    id: string,
    status: number,
    body?: object,
    who: keyof typeof keys = "owner",
  ) {
    const options = { method: "post", headers: as(who), body } as const;
    return contract.check(`/v1/orders/{order}/${name}`, `/v1/orders/${id}/${name}`, status, options);
  }
  const get = (id: string, status = 200, who: keyof typeof keys = "auditor", headers = {}) =>
    contract.check("/v1/orders/{order}", `/v1/orders/${id}`, status, { headers: as(who, headers) });
  async function offer(body: object, status = 200, who: keyof typeof keys = "manager", of: string = slug) {
    const path = "/v1/collections/{collection}/offer";
    const answer = await contract.check(path, `/v1/collections/${of}/offer`, status, {
      method: "put",
      headers: as(who),
      body,
    });
    app.clock.now += 2;
    return answer;
  }
  /** As the sender and the mirror do it. */
  async function issue(id: string) {
    const commands = await application.command.findMany({ where: { orderId: id }, orderBy: { serial: "asc" } });
    const holders = new Map(commands.map(({ serial, holder }) => [serial, holder ?? ""]));
    const [first = { serial: 0 }] = commands;
    const holderOf = (serial: number) => holders.get(serial) ?? "";
    await mirror.issue({ collection: address, firstSerial: first.serial, count: commands.length, holderOf });
    await application.command.updateMany({ where: { orderId: id }, data: { state: "done" } });
    await application.order.update({ where: { id }, data: { state: "issued" } });
  }

  describe("POST /v1/orders", () => {
    it("answers with the order and where it is", async () => {
      const paid = { amount: 12_800, currency: "CNY" };
      const { body, response } = await order({
        paid,
        items: [{ collection: slug, tier: 1, term: "P1Y", quantity: 2 }],
      });
      const { id, cards, ...rest } = body.data;
      expect(response.headers.get("location")).to.equal(`/v1/orders/${id}`);
      expect(response.headers.get("idempotent-replayed")).to.equal(null);
      expect(rest).to.deep.include({ state: "queued", paid, payment: null, failure: null });
      expect(
        cards.map(({ serial, state, expiresAt }: Record<string, unknown>) => ({ serial, state, expiresAt })),
      ).to.deep.equal([4, 5].map((serial) => ({ serial, state: "queued", expiresAt: "2027-11-20T16:00:00.000Z" })));
      expect(cards[0].verifyUrl).to.match(new RegExp(`/v/${slug}/4$`));
      expect((await get(id)).body.data).to.deep.equal(body.data);
      const command = await application.command.findFirstOrThrow({ where: { orderId: id } });
      // The address that the brand keeps for the customer is derived when the card is sent.
      expect(command.holder).to.equal(null);
    });

    it("answers the same bytes to the same wish", async () => {
      const first = await order({}, { key: "same" });
      const second = await order({}, { key: "same" });
      expect(second.text).to.equal(first.text);
      expect(second.response.headers.get("idempotent-replayed")).to.equal("true");
      // What is left out counts as what it stands for; another order of the members is the same.
      const written = await order(
        { items: [{ term: "P1Y", quantity: 1, tier: 1, collection: slug }] },
        { key: "same" },
      );
      expect(written.text).to.equal(first.text);
      expect(await application.order.count()).to.equal(1);
    });

    it("answers 422 to another wish with the same key, and keeps the keys of brands apart", async () => {
      await order({}, { key: "same" });
      const { body } = await order({ paid: { amount: 1, currency: "CNY" } }, { key: "same", status: 422 });
      expect(body.type).to.equal("/problems/idempotency-key-reused");
      const items = [{ collection: COLLECTIONS.tea.slug, tier: 1, term: null }];
      await order({ items, customer: { reference: "CRM-1", holder: addressOf("own") } }, { key: "same", who: "other" });
    });

    const changesOfMind: [string, () => Promise<unknown>][] = [
      [
        "the offer has closed",
        () => offer({ tier: 1, term: null, closesAt: new Date(app.clock.now * 1000).toISOString() }),
      ],
      ["the edition winds down", () => mirror.database.collection.updateMany({ data: { windingDown: true } })],
      ["the brand is suspended", () => mirror.database.brand.updateMany({ data: { status: "Suspended" } })],
      ["the edition is sold out", () => order({ items: [{ collection: slug, tier: 1, term: null, quantity: 96 }] })],
      ["the edition is given away now", () => offer({ free: true, tier: 2, term: null })],
    ];
    for (const [title, happens] of changesOfMind) {
      it(`answers the same to a wish that was granted before ${title}`, async () => {
        const first = await order({}, { key: "before" });
        await happens();
        app.clock.now += 2;
        await order({}, { status: title.includes("given away") ? 400 : 409 });
        expect((await order({}, { key: "before" })).text).to.equal(first.text);
        await order({ paid: { amount: 1, currency: "CNY" } }, { key: "before", status: 422 });
      });
    }

    it("answers the same to a wish that comes many times at once", async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => order({}, { key: "many" })));
      expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
      expect(await application.order.count()).to.equal(1);
    });

    it("answers 409 with how many are left, and orders nothing", async () => {
      await order({ items: [{ collection: slug, tier: 1, term: null, quantity: 95 }] });
      const items = [{ collection: slug, tier: 1, term: null, quantity: 3 }];
      const { body } = await order({ items }, { status: 409 });
      expect(body).to.include({ type: "/problems/sold-out" });
      expect(body.detail).to.contain("only 2 cards are left");
      await order({ items: [{ collection: slug, tier: 1, term: null, quantity: 2 }] });
      const { body: none } = await order({}, { status: 409 });
      expect(none.detail).to.equal(`${slug} is sold out.`);
    });

    it("fills in what the offer says", async () => {
      await order({ items: [{ collection: slug }] }, { status: 400 });
      await offer({ tier: 3, term: "P1M" });
      const { body } = await order({ items: [{ collection: slug }, { collection: address, tier: 5, term: null }] });
      expect(body.data.items).to.deep.include.members([
        { ...body.data.items[0], tier: 3, term: "P1M" },
        { ...body.data.items[0], tier: 5, term: null },
      ]);
    });

    it("sells and offers nothing that the collection has not declared", async () => {
      const refused = async (answer: ReturnType<typeof offer>) => {
        const [error] = (await answer).body.errors;
        return `${error.parameter}: ${error.detail}`;
      };
      const item = { collection: slug, tier: 1, term: "P1Y" };
      const ordered = (change: object) => refused(order({ items: [{ ...item, ...change }] }, { status: 400 }));
      const before = await application.order.count();
      const terms = (highestTier: number, longestTerm: number) =>
        mirror.database.collection.updateMany({ where: { address }, data: { highestTier, longestTerm } });
      await terms(3, 367 * 86_400);
      app.clock.now += 2;
      try {
        expect(await ordered({ tier: 4 })).to.match(/^items\.0\.tier: is not a tier .* the tiers 0 to 3$/);
        expect(await ordered({ term: "P2Y" })).to.match(
          /^items\.0\.term: is too late: .* at most 367 days, now until 20/,
        );
        expect(await ordered({ term: null })).to.match(/^items\.0\.term: has no end/);
        expect(await refused(offer({ tier: 4, term: null }, 400))).to.match(/^tier: is not a tier/);
        expect(await refused(offer({ tier: 3, term: "P13M" }, 400))).to.match(/^term: is too late/);
        expect(await application.order.count()).to.equal(before);
        await offer({ tier: 3, term: "P1Y" });
        await order();
      } finally {
        await terms(9, UNLIMITED_TERM);
      }
    });

    it("gives each customer one card of a free edition", async () => {
      await offer({ free: true, tier: 1, term: null });
      const items = [{ collection: slug }];
      const { body: first } = await order({ items });
      const { body } = await order({ items }, { status: 409 });
      expect(body.type).to.equal("/problems/already-taken");
      expect(body.detail).to.contain(first.data.id);
      await order({ items, customer: { reference: "CRM-2" } });
      await order({ items: [{ collection: slug, quantity: 2 }] }, { status: 400 });
      await order(
        { items: [{ collection: slug }, { collection: address }], customer: { reference: "CRM-3" } },
        { status: 400 },
      );
    });

    it("answers 409 before the edition opens and after it has closed", async () => {
      const at = (seconds: number) => new Date((app.clock.now + seconds) * 1000).toISOString();
      await offer({ tier: 1, term: null, opensAt: at(10), closesAt: at(20) });
      expect((await order({}, { status: 409 })).body).to.include({ type: "/problems/not-open" });
      app.clock.now += 10;
      await order();
      app.clock.now += 10;
      expect((await order({}, { status: 409 })).body).to.include({ type: "/problems/not-open" });
    });

    it("answers 409 while the brand is suspended, and once the edition winds down", async () => {
      await mirror.database.brand.updateMany({ data: { status: "Suspended" } });
      expect((await order({}, { status: 409 })).body.detail).to.contain("suspended");
      await mirror.database.brand.updateMany({ data: { status: "Active" } });
      await mirror.database.collection.updateMany({ data: { windingDown: true } });
      app.clock.now += 2;
      expect((await order({}, { status: 409 })).body.detail).to.contain("winding down");
    });

    it("sells no collection of another brand", async () => {
      const items = [{ collection: COLLECTIONS.tea.slug, tier: 1, term: null }];
      const { body } = await order({ items }, { status: 400 });
      expect(body.errors[0].parameter).to.equal("items.0.collection");
    });

    it("asks for the customer's address where the brand has no keystore here", async () => {
      const items = [{ collection: COLLECTIONS.tea.slug, tier: 1, term: null }];
      expect((await order({ items }, { who: "other", status: 409 })).body.detail).to.contain("no keystore");
      const holder = addressOf("own wallet");
      const { body } = await order({ items, customer: { reference: "A-1", holder } }, { who: "other" });
      const command = await application.command.findFirstOrThrow({ where: { orderId: body.data.id } });
      expect(command.holder).to.equal(holder);
    });

    it("answers 503, and not that there is no such collection, while the mirror is not there", async () => {
      app.status = { ...freshStatus(), state: "catching-up" };
      const items = [{ collection: "not-read-yet", tier: 1, term: null }];
      const { body, response } = await order({ items }, { status: 503 });
      expect(body.type).to.equal("/problems/mirror-not-ready");
      expect(Number(response.headers.get("retry-after"))).to.be.greaterThan(0);
      // What is known can be ordered: it is sent when the mirror is level with the chain.
      await order();
    });

    it("answers 503 while the chain that knows the brand's keystore is away", async () => {
      const { IssuanceError } = await import("../../../server/issuance/problems.ts");
      const away = await start({
        async keysOf() {
          throw new IssuanceError("The chain's node at http://10.0.0.1 cannot be reached.", { retryable: true });
        },
      });
      try {
        const { body, response } = await order({}, { on: away, status: 503 });
        expect(body.type).to.equal("/problems/chain-unavailable");
        expect(JSON.stringify(body)).to.not.contain("10.0.0.1");
        expect(Number(response.headers.get("retry-after"))).to.be.greaterThan(0);
        await order({ customer: { reference: "CRM-9", holder: addressOf("own") } }, { on: away });
      } finally {
        await away.close();
      }
    });
  });

  describe("GET /v1/orders", () => {
    const list = (query = "", status = 200, who: keyof typeof keys = "auditor") =>
      contract.check("/v1/orders", `/v1/orders${query}`, status, { headers: as(who) });
    const ids = (body: { data: { id: string }[] }) => body.data.map(({ id }) => id);

    it("lists the brand's orders, the newest first, page by page", async () => {
      const all: string[] = [];
      for (const reference of ["a", "b", "a"]) all.unshift((await order({ customer: { reference } })).body.data.id);
      expect(ids((await list()).body)).to.deep.equal(all);
      const { body: first } = await list("?limit=2");
      expect(ids(first)).to.deep.equal(all.slice(0, 2));
      const { body: second } = await list(`?limit=2&cursor=${first.nextCursor}`);
      expect(ids(second)).to.deep.equal(all.slice(2));
      expect(second.nextCursor).to.equal(null);
      expect(ids((await list("?customer=a")).body)).to.deep.equal([all[0], all[2]]);
      expect(ids((await list(`?customer=${encodeURIComponent("ａ")}`)).body)).to.deep.equal([all[0], all[2]]);
      expect(ids((await list("?customer=nobody")).body)).to.deep.equal([]);
      await act("cancel", all[1] ?? "", 200);
      expect(ids((await list("?state=cancelled")).body)).to.deep.equal([all[1]]);
      expect(ids((await list("", 200, "other")).body)).to.deep.equal([]);
    });

    it("refuses what it does not know", async () => {
      for (const query of [
        "?state=lost",
        "?cursor=1",
        "?limit=0",
        "?colour=red",
        "?customer=",
        "?customer=%00",
        "?customer=a&customer=b",
      ])
        await list(query, 400);
    });
  });

  describe("GET /v1/orders/{order}", () => {
    it("has a tag that changes with the order only", async () => {
      const { id } = (await order()).body.data;
      const tag = (await get(id)).response.headers.get("etag") ?? "";
      await get(id, 304, "auditor", { "If-None-Match": tag });
      await act("cancel", id, 200);
      await get(id, 200, "auditor", { "If-None-Match": tag });
    });

    it("answers 404 to another brand's order, as to one that is not there", async () => {
      const { id } = (await order()).body.data;
      const answers = [await get(id, 404, "other"), await get(NO_ORDER, 404)];
      for (const { body } of answers) delete body.requestId;
      expect(answers[0]?.body).to.deep.equal(answers[1]?.body);
      const wishes = {
        cancel: undefined,
        refund: { reason: "refund" },
        gift: { collection: slug, serial: 4, customer: { reference: "b" } },
      };
      for (const [name, body] of Object.entries(wishes)) {
        await act(name as keyof typeof wishes, id, 404, body, "other");
        await act(name as keyof typeof wishes, NO_ORDER, 404, body);
      }
      expect((await get(id)).body.data.state).to.equal("queued");
    });

    it("refuses what is no id", async () => {
      await get("ord_1", 400);
      await get("4711", 400);
      await act("cancel", "4711", 400);
    });
  });

  describe("what is done with an order", () => {
    it("is to cancel it, and that is written down", async () => {
      const { id } = (await order()).body.data;
      const { body } = await act("cancel", id, 200);
      expect(body.data).to.include({ state: "cancelled" });
      expect(body.data.cards[0].state).to.equal("cancelled");
      const entry = await application.auditEntry.findFirstOrThrow({ where: { subject: id } });
      expect(entry).to.include({ action: "order.cancelled", brandId: 1 });
      await act("refund", id, 409, { reason: "refund" });
    });

    it("is to refund it", async () => {
      const { id } = (await order()).body.data;
      await act("refund", id, 409, { reason: "refund" });
      await issue(id);
      expect((await act("refund", id, 202, { reason: "returned" })).body.data.state).to.equal("refunding");
      expect((await act("refund", id, 202, { reason: "returned" })).body.data.state).to.equal("refunding");
      await act("cancel", id, 409);
      for (const reason of ["", "Refund", "x".repeat(32), "名字", "a\n", 7]) await act("refund", id, 400, { reason });
    });

    it("is to give a card away", async () => {
      const gift = { collection: slug, serial: 4, customer: { reference: "friend" } };
      const { id } = (await order()).body.data;
      expect((await act("gift", id, 409, gift)).body.detail).to.contain("its offer does not allow it");
      await offer({ tier: 1, term: null, giftable: true });
      await act("gift", id, 202, gift);
      const { holder } = await application.command.findFirstOrThrow({ where: { orderId: id } });
      expect(holder).to.equal(derivation.address("friend").toLowerCase());
      await act("gift", id, 409, { ...gift, serial: 5 });
      await issue(id);
      await act("gift", id, 409, gift);
      await act("gift", id, 202, { ...gift, customer: { reference: "other", holder: addressOf("other") } });
      await act("gift", id, 400, { ...gift, serial: "4" });
    });

    it("gives to the address that the brand keeps for a customer it knows", async () => {
      await offer({ tier: 1, term: null, giftable: true });
      await application.customer.deleteMany({ where: { reference: "known" } });
      await application.customer.create({
        data: { id: "cus_known", brandId: 1, reference: "known", holder: addressOf("kept"), createdAt: 0 },
      });
      const { id, cards } = (await order()).body.data;
      await act("gift", id, 202, { collection: slug, serial: cards[0].serial, customer: { reference: "known" } });
      expect((await application.command.findFirstOrThrow({ where: { orderId: id } })).holder).to.equal(
        addressOf("kept"),
      );
    });
  });

  describe("offers", () => {
    const path = "/v1/collections/{collection}/offer";
    const read = (of: string, status: number, headers = {}) =>
      contract.check(path, `/v1/collections/${of}/offer`, status, { headers });

    it("are for everyone to read", async () => {
      await read(slug, 404);
      await read("none-such", 404);
      await read("No_Such", 400);
      const times = { opensAt: "2026-11-20T20:00:00+08:00", closesAt: "2026-12-01T00:00:00Z" };
      const { body } = await offer({ free: true, tier: 1, term: "P1Y", ...times });
      const wanted = {
        free: true,
        tier: 1,
        term: "P1Y",
        giftable: false,
        opensAt: "2026-11-20T12:00:00.000Z",
        closesAt: "2026-12-01T00:00:00.000Z",
      };
      expect(body.data).to.deep.equal(wanted);
      const { body: shown, response } = await read(slug, 200);
      expect(shown.data).to.deep.equal(wanted);
      await read(slug, 304, { "If-None-Match": response.headers.get("etag") ?? "" });
      expect((await application.auditEntry.findFirstOrThrow({ where: { action: "offer.set" } })).subject).to.equal(
        address,
      );
    });

    it("are replaced as a whole", async () => {
      await offer({ free: true, tier: 1, term: null, opensAt: "2026-11-20T12:00:00Z" });
      const { body } = await offer({ tier: 2, term: "P1Y" });
      expect(body.data).to.deep.equal({
        free: false,
        tier: 2,
        term: "P1Y",
        opensAt: null,
        closesAt: null,
        giftable: false,
      });
    });

    it("are the brand's own to set", async () => {
      await offer({ tier: 1, term: null }, 404, "other");
      await offer({ tier: 1, term: null }, 404, "owner", COLLECTIONS.tea.slug);
      await offer({ tier: 1, term: null }, 404, "owner", "none-such");
    });

    it("are refused where they make no sense", async () => {
      const times = ["2026-13-01T00:00:00Z", "2026-11-20T12:00:00", "tomorrow", 1, {}];
      for (const opensAt of times) await offer({ tier: 1, term: null, opensAt }, 400);
      for (const tier of [-1, 256, 1.5, "1", null]) await offer({ tier, term: null }, 400);
      for (const term of ["P0Y", "P1Y2M", "1", 1, undefined]) await offer({ tier: 1, term }, 400);
      const opensAt = "2026-11-20T12:00:00Z";
      await offer({ tier: 1, term: null, opensAt, closesAt: opensAt }, 400);
    });
  });

  describe("for whom", () => {
    /** Who may; everybody else may not. */
    const MAY: Record<string, BrandRole[]> = {
      "post /v1/orders": ["owner", "manager", "staff"],
      "get /v1/orders": ["owner", "manager", "staff", "auditor"],
      "get /v1/orders/{order}": ["owner", "manager", "staff", "auditor"],
      "post /v1/orders/{order}/cancel": ["owner", "manager", "staff"],
      "post /v1/orders/{order}/refund": ["owner", "manager"],
      "post /v1/orders/{order}/gift": ["owner", "manager", "staff"],
      "put /v1/collections/{collection}/offer": ["owner", "manager"],
    };
    const target = (path: string) => path.replace("{order}", NO_ORDER).replace("{collection}", slug);

    it("is said of every operation", () => {
      const operations = contract.operations(["orders"]).map(([method, path]) => `${method} ${path}`);
      expect(operations.filter((name) => name !== "get /v1/collections/{collection}/offer").sort()).to.deep.equal(
        Object.keys(MAY).sort(),
      );
    });

    for (const [name, may] of Object.entries(MAY)) {
      const [method, path] = name.split(" ") as ["get" | "post" | "put", string];
      for (const role of BRAND_ROLES) {
        it(`${name}: ${role} ${may.includes(role) ? "may" : "may not"}`, async () => {
          // Without a body: who is let in is told that it is missing, or what else is wrong.
          const response = await app.get(target(path), { method: method.toUpperCase(), headers: as(role) });
          if (may.includes(role)) expect(response.status).to.be.oneOf([200, 400, 404]);
          else {
            const { body } = await contract.check(path, target(path), 403, { method, headers: as(role) });
            expect(body.type).to.equal("/problems/forbidden");
          }
        });
      }
      it(`${name}: nobody may without a key that counts`, async () => {
        const expired = await createApiKey(application, {
          ...{ brandId: 1, role: "owner", name: "old", createdBy: "test", now: 0, expiresAt: 1 },
        });
        const { id, key: revoked } = await createApiKey(application, {
          ...{ brandId: 1, role: "owner", name: "lost", createdBy: "test", now: 0 },
        });
        await application.apiKey.update({ where: { id }, data: { revokedAt: 1 } });
        const made = `mm_${"A".repeat(43)}`;
        const headers: Record<string, string>[] = [
          {},
          ...[expired.key, revoked, made, "mm_", "' OR 1=1"].map((key) => ({ Authorization: `Bearer ${key}` })),
          { Authorization: `Basic ${keys.owner}` },
        ];
        for (const sent of headers) {
          const { response } = await contract.check(path, target(path), 401, { method, headers: sent });
          expect(response.headers.get("www-authenticate")).to.contain("Bearer");
        }
      });
    }
  });

  describe("for those who have signed in", () => {
    let world: AccountsWorld;
    before(async () => {
      world = await createAccountsWorld(kind, {
        keysOf: async (brandId) => (brandId === 1 ? { holderAddress: derivation.address } : undefined),
      });
    });
    after(() => world.close());

    async function customer(phone: string): Promise<Visitor> {
      const visitor = world.visitor();
      await visitor.send("POST", "/v1/auth/customers/phone/send-code", { brandId: 1, phone });
      const code = /\d{6}/.exec(world.messages.at(-1)?.text ?? "")?.[0];
      const signedIn = await visitor.send("POST", "/v1/auth/customers/phone/sign-in", { brandId: 1, phone, code });
      expect(signedIn.status).to.equal(200);
      return visitor;
    }
    /** Sends a request of a page of ours, and holds the answer against the document. */
    function send(
      visitor: Visitor,
      method: "get" | "post",
      path: string,
      target: string,
      status: number,
      body?: object,
    ) {
      const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = { Cookie: cookie, Origin: world.app.url, "Idempotency-Key": newKey() };
      return contract.check(path, target, status, { method, on: world.app, headers, body });
    }
    const take = (visitor: Visitor, status: number, body: object = { items: [{ collection: slug }] }) =>
      send(visitor, "post", "/v1/orders", "/v1/orders", status, body);
    async function offerFree(changes: object = {}) {
      const values = { brandId: 1, free: true, tier: 1, term: null, giftable: true, updatedAt: 0, ...changes };
      await world.application.offer.upsert({
        where: { collectionAddress: address },
        create: { collectionAddress: address, ...values },
        update: values,
      });
      world.app.clock.now += 2;
    }

    it("customers take a card of a free edition for themselves, and see no orders but their own", async () => {
      const [first, second] = [await customer("+8613800138001"), await customer("+8613800138002")];
      expect((await take(first, 409)).body.detail).to.contain("not free");
      await offerFree();
      const { id, cards } = (await take(first, 201)).body.data;
      expect((await take(first, 409)).body.type).to.equal("/problems/already-taken");
      const other = (await take(second, 201)).body.data;
      expect(other.cards[0].serial).to.equal(cards[0].serial + 1);

      const own = await send(first, "get", "/v1/orders", "/v1/orders", 200);
      expect(own.body.data.map((order: { id: string }) => order.id)).to.deep.equal([id]);
      await send(first, "get", "/v1/orders/{order}", `/v1/orders/${id}`, 200);
      await send(first, "get", "/v1/orders/{order}", `/v1/orders/${other.id}`, 404);
      const gift = { collection: slug, serial: other.cards[0].serial, customer: { reference: "friend" } };
      await send(first, "post", "/v1/orders/{order}/gift", `/v1/orders/${other.id}/gift`, 404, gift);
      await send(second, "post", "/v1/orders/{order}/gift", `/v1/orders/${other.id}/gift`, 202, gift);
      for (const name of ["cancel", "refund"])
        await send(first, "post", `/v1/orders/{order}/${name}`, `/v1/orders/${id}/${name}`, 403);
    });

    it("customers cannot order for others, or what they want", async () => {
      const visitor = await customer("+8613800138003");
      await offerFree();
      for (const changes of [
        { customer: { reference: "CRM-1" } },
        { items: [{ collection: slug, quantity: 2 }] },
        { items: [{ collection: slug, tier: 9 }] },
        { items: [{ collection: slug }, { collection: address }] },
      ])
        await take(visitor, 400, { items: [{ collection: slug }], ...changes });
    });

    it("users order for the brand that they belong to, and for no other", async () => {
      const { visitor } = await world.member(1, "staff");
      await offerFree();
      await take(visitor, 201, { items: [{ collection: slug }], customer: { reference: "of-a-user" } });
      const headers = {
        Cookie: [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        "Mintmark-Brand": "2",
      };
      for (const [path, target] of [
        ["/v1/orders", "/v1/orders"],
        ["/v1/orders/{order}", `/v1/orders/${NO_ORDER}`],
      ] as const)
        await contract.check(path, target, 403, { on: world.app, headers });
    });
  });

  describe("when something is wrong", () => {
    /** A request of each operation that is in order. */
    const requests: [method: "get" | "post" | "put", path: string, body?: object][] = [
      ["post", "/v1/orders", anOrder()],
      ["get", "/v1/orders"],
      ["get", "/v1/orders/{order}"],
      ["post", "/v1/orders/{order}/cancel"],
      ["post", "/v1/orders/{order}/refund", { reason: "refund" }],
      ["post", "/v1/orders/{order}/gift", { collection: slug, serial: 4, customer: { reference: "b" } }],
      ["get", "/v1/collections/{collection}/offer"],
      ["put", "/v1/collections/{collection}/offer", { tier: 1, term: null }],
    ];
    async function each(
      on: RunningApp,
      status: number,
      more: (answer: { response: Response; body: { type: string; requestId: string } }) => void = () => {},
    ) {
      for (const [method, path, body] of requests) {
        const target = path.replace("{order}", NO_ORDER).replace("{collection}", slug);
        const headers = as("owner", { "Idempotency-Key": newKey() });
        more(await contract.check(path, target, status, { method, on, headers, body }));
      }
    }

    it("answers 500 without internals, and logs the cause with the request's id", async () => {
      const broken = brokenDatabase(mirror.database);
      const running = await start({ application: broken }, broken);
      try {
        await each(running, 500, ({ body }) => {
          expect(JSON.stringify(body)).to.not.contain("disk I/O");
          const logged = running.log.find((line) => line["requestId"] === body.requestId && "err" in line);
          expect(JSON.stringify(logged)).to.contain("disk I/O");
        });
      } finally {
        await running.close();
      }
    });

    it("answers 503 while the database is out of reach", async () => {
      const away = brokenDatabase(mirror.database, outage);
      const running = await start({ application: away }, away);
      try {
        await each(running, 503, ({ response, body }) => {
          expect(body.type).to.equal("/problems/database-unavailable");
          expect(Number(response.headers.get("retry-after"))).to.be.greaterThan(0);
        });
      } finally {
        await running.close();
      }
    });

    it("answers 429 beyond the limit of a key, and of who has none", async () => {
      const running = await start({ keyRateLimitPerMinute: 1, rateLimitPerMinute: 1 });
      try {
        await running.get("/v1/orders", { headers: as("owner") });
        await each(running, 429, ({ response }) => {
          expect(Number(response.headers.get("retry-after"))).to.be.within(1, 60);
        });
        expect((await running.get("/v1/orders", { headers: as("staff") })).status).to.equal(200);
        await running.get("/v1/orders");
        expect((await running.get("/v1/orders")).status).to.equal(429);
      } finally {
        await running.close();
      }
    });

    it("answers 503 while the mirror is empty", async () => {
      const empty = await createEmptyMirror(kind);
      const running = await startApp(empty.database);
      try {
        running.status = {
          ...freshStatus(),
          state: "starting",
          chainId: undefined,
          registry: undefined,
          indexed: undefined,
        };
        const headers = { Authorization: `Bearer ${await keyOf(empty.database, "owner")}`, "Idempotency-Key": "one" };
        for (const [method, path, body] of requests.filter(([, path]) => !path.includes("{order}"))) {
          if (method === "get" && path === "/v1/orders") continue;
          const target = path.replace("{collection}", slug);
          const answer = await contract.check(path, target, 503, { method, on: running, headers, body });
          expect(answer.body.type).to.equal("/problems/mirror-not-ready");
        }
      } finally {
        await running.close();
        await empty.close();
      }
    });
  });

  describe("whatever is sent", () => {
    const post = (body: string | object, status: number, headers: Record<string, string> = {}) =>
      contract.check("/v1/orders", "/v1/orders", status, {
        method: "post",
        headers: as("owner", { "Idempotency-Key": newKey(), ...headers }),
        body,
      });
    const posting: ["post" | "put", string, string][] = [
      ["post", "/v1/orders", "/v1/orders"],
      ["post", "/v1/orders/{order}/refund", `/v1/orders/${NO_ORDER}/refund`],
      ["post", "/v1/orders/{order}/gift", `/v1/orders/${NO_ORDER}/gift`],
      ["put", "/v1/collections/{collection}/offer", `/v1/collections/${slug}/offer`],
    ];

    for (const [method, path, target] of posting) {
      const send = (status: number, body: string | undefined, headers: Record<string, string> = {}) =>
        contract.check(path, target, status, {
          method,
          headers: as("owner", { "Idempotency-Key": newKey(), ...headers }),
          body,
        });

      it(`${method} ${path}: what is no JSON is a 400`, async () => {
        for (const body of [
          "{",
          "}",
          "null",
          '"text"',
          "7",
          "[]",
          "{}",
          "undefined",
          "{'a':1}",
          '{"a":1,}',
          "\u0000",
          "[".repeat(100_000),
          `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
          `${'{"a":'.repeat(40_000)}1${"}".repeat(40_000)}`,
        ])
          await send(400, body);
        await send(400, undefined, { "Content-Type": "application/json" });
        await send(400, undefined);
      });

      it(`${method} ${path}: what is too large is a 413`, async () => {
        await send(413, JSON.stringify({ a: "x".repeat(300_000) }));
      });

      it(`${method} ${path}: what is of another kind is a 415`, async () => {
        for (const type of [
          "text/plain",
          "application/x-www-form-urlencoded",
          "multipart/form-data; boundary=x",
          "application/xml",
          "nonsense",
        ])
          await send(415, "a=1", { "Content-Type": type });
        await send(415, "{}", { "Content-Type": "application/json; charset=latin-9" });
        await send(415, "{}", { "Content-Encoding": "zstd-dictionary" });
      });
    }

    it("members that nobody knows are refused, wherever they stand", async () => {
      const item = { collection: slug, tier: 1, term: null };
      for (const body of [
        { ...anOrder(), discount: 1 },
        anOrder({ customer: { reference: "a", name: "Li" } }),
        anOrder({ items: [{ ...item, price: 1 }] }),
        anOrder({ paid: { amount: 1, currency: "CNY", method: "cash" } }),
        { ...anOrder(), constructor: { prototype: {} } },
      ])
        await post(body, 400);
      // JSON.parse makes these members of their own; they must change no prototype.
      await post(`{"__proto__":{"polluted":true},${JSON.stringify(anOrder()).slice(1)}`, 400);
      await post(`{"customer":{"reference":"a","__proto__":{"holder":"0x00"}},"items":[]}`, 400);
      expect(({} as { polluted?: boolean }).polluted).to.equal(undefined);
    });

    it("numbers are of a size that makes sense", async () => {
      const item = { collection: slug, tier: 1, term: null };
      for (const quantity of [0, -1, 1.5, 101, 1e308, "1", null, true])
        await post(anOrder({ items: [{ ...item, quantity }] }), 400);
      for (const amount of [-1, 0.5, 2 ** 53, 1e308, "12800"])
        await post(anOrder({ paid: { amount, currency: "CNY" } }), 400);
      await post(
        JSON.stringify(anOrder({ paid: { amount: 1, currency: "CNY" } })).replace('"amount":1', '"amount":1e999'),
        400,
      );
      await post(anOrder({ paid: { amount: Number.MAX_SAFE_INTEGER, currency: "CNY" } }), 201);
      await post(anOrder({ items: [] }), 400);
      await post(anOrder({ items: Array.from({ length: 21 }, () => item) }), 400);
      await post(
        anOrder({
          items: [
            { ...item, quantity: 60 },
            { ...item, quantity: 41 },
          ],
        }),
        400,
      );
      for (const term of ["P9999Y", "P80Y", "P0D"]) await post(anOrder({ items: [{ ...item, term }] }), 400);
    });

    it("references may be in any language, and hold nothing that cannot be seen", async () => {
      for (const reference of [
        "客户-4711",
        "Ünïcödé",
        "👩‍👩‍👧".replaceAll("\u200d", ""),
        "ﾃｽﾄ",
        "x".repeat(200),
        " padded ",
      ])
        await post(anOrder({ customer: { reference } }), 201);
      for (const reference of [
        "",
        " ",
        "a\u0000b",
        "a\nb",
        "a\u200db",
        "\ud800",
        "\ufeff\u202e",
        "x".repeat(201),
        "x".repeat(100_000),
        7,
        null,
      ])
        await post(anOrder({ customer: { reference } }), 400);
      await post('{"customer":{"reference":"\\ud83d"},"items":[{"collection":"x"}]}', 400);
    });

    it("addresses are addresses", async () => {
      for (const holder of ["", "0x", `0x${"0".repeat(39)}`, `0x${"g".repeat(40)}`, "li.eth", 7])
        await post(anOrder({ customer: { reference: "a", holder } }), 400);
    });

    it("an Idempotency-Key is there and visible", async () => {
      for (const key of ["", " ", "a b", "x".repeat(256), "schlüssel"]) {
        const headers = as("owner", key === "" ? {} : { "Idempotency-Key": key });
        const { body } = await contract.check("/v1/orders", "/v1/orders", 400, {
          method: "post",
          headers,
          body: anOrder(),
        });
        expect(body.errors[0].parameter).to.equal("Idempotency-Key");
      }
      await order({}, { key: "x".repeat(255) });
      await order({}, { key: "!~" });
    });

    it("a payment provider is one that the server knows", async () => {
      for (const payment of ["none-such", "", "A", "x".repeat(40), 7]) await post(anOrder({ payment }), 400);
    });
  });

  describe("in the end", () => {
    it("was seen with every status that is documented", () => {
      expect(contract.unseen(["orders"])).to.deep.equal([]);
    });
  });
});
