// Redemptions over HTTP: every status that the OpenAPI document gives these operations, held against the document itself.

import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { id as hashOf, Mnemonic, Signature, Wallet, ZeroAddress } from "ethers";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { BRAND_ROLES, type BrandRole } from "../../../server/accounts/principal.ts";
import { RpcError } from "../../../server/chain/rpc.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { createHolderDerivation } from "../../../server/issuance/holder-derivation.ts";
import { IssuanceError } from "../../../server/issuance/problems.ts";
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
import { createAccountsWorld } from "../accounts/support.ts";
import { type CheckOptions, type Contract, readContract } from "./contract.ts";
import { brokenDatabase, outage, type RunningApp, startApp } from "./support.ts";

const { slug, address } = COLLECTIONS.atelier;
const BENEFIT = 7;
const NO_REDEMPTION = `red_${"0".repeat(8)}-0000-7000-8000-${"0".repeat(12)}`;
const derivation = createHolderDerivation(Mnemonic.fromPhrase(`${"abandon ".repeat(11)}about`));
const OWN_WALLET = new Wallet(hashOf("a customer's own wallet"));

type Who = BrandRole | "other";
// biome-ignore lint/suspicious/noExplicitAny: what an answer holds, its schema says
type Answer = any;

describeOnEachDatabase("API of redemptions", (kind) => {
  let mirror: MirrorFixture;
  let application: Database;
  let app: RunningApp;
  let contract: Contract;
  const keys: Record<Who, string> = { owner: "", manager: "", staff: "", auditor: "", other: "" };
  let chainIsAway = false;
  let serial = 100;

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
    for (const table of ["command", "benefitHold", "benefit"] as const)
      await (application[table] as { deleteMany(): Promise<unknown> }).deleteMany();
    app.status = freshStatus();
    chainIsAway = false;
    app.clock.now += 2;
    serial++;
    await mirror.issue({ collection: address, firstSerial: serial, count: 1, holderOf: () => kept("anna") });
    await grant({ quota: 1 });
  });

  const kept = (reference: string) => derivation.address(reference).toLowerCase();
  /** Brand 1 has a keystore here, brand 2 has none. */
  function start(options: Parameters<typeof startApp>[1] = {}, database = mirror.database): Promise<RunningApp> {
    const keysOf = async (brandId: number) => {
      if (chainIsAway) throw new IssuanceError("away", { retryable: true });
      return brandId === 1 ? ({ holderAddress: derivation.address } as never) : undefined;
    };
    return startApp(database, { application, keysOf, ...options });
  }
  async function keyOf(database: Database, role: BrandRole, brandId = 1): Promise<string> {
    const options = { brandId, role, name: "test", createdBy: "command-line", now: NOW * 1000 };
    return (await createApiKey(database, options)).key;
  }
  async function grant(terms: { quota: number; tier?: number; startsAt?: number }) {
    const place = { blockNumber: 20, logIndex: 1 };
    await mirror.database.benefit.create({
      data: { collectionAddress: address, tier: 1, benefitId: BENEFIT, period: 0, startsAt: 0, ...terms, ...place },
    });
  }
  const as = (who: Who, headers: Record<string, string> = {}) => ({ Authorization: `Bearer ${keys[who]}`, ...headers });
  const aHold = (changes: object = {}) => ({
    customer: "anna",
    collection: slug,
    serial,
    benefit: BENEFIT,
    ...changes,
  });
  interface Options {
    status?: number;
    who?: Who;
    key?: string;
    on?: RunningApp;
  }
  async function hold(
    changes: object = {},
    { status = 201, who = "staff", key = randomUUID(), on = app }: Options = {},
  ) {
    const headers = as(who, { "Idempotency-Key": key });
    const options: CheckOptions = { method: "post", headers, body: aHold(changes), on };
    return await contract.check("/v1/redemptions", "/v1/redemptions", status, options);
  }
  async function held(changes: object = {}): Promise<Answer> {
    return (await hold(changes)).body.data;
  }
  async function act(
    name: "confirm" | "release" | "undo",
    id: string,
    { status, body, who = "staff", on = app }: Options & { body?: object } = {},
  ): Promise<Answer> {
    const path = `/v1/redemptions/{redemption}/${name}`;
    const options: CheckOptions = { method: "post", headers: as(who), body, on };
    const usual = name === "undo" ? 202 : 200;
    return (await contract.check(path, `/v1/redemptions/${id}/${name}`, status ?? usual, options)).body;
  }
  async function get(id: string, { status = 200, who = "auditor" as Who } = {}): Promise<Answer> {
    const options = { headers: as(who) };
    return (await contract.check("/v1/redemptions/{redemption}", `/v1/redemptions/${id}`, status, options)).body;
  }
  async function list(query = "", { status = 200, who = "auditor" as Who } = {}): Promise<Answer> {
    return (await contract.check("/v1/redemptions", `/v1/redemptions${query}`, status, { headers: as(who) })).body;
  }
  const idsOf = ({ data }: { data: { id: string }[] }) => data.map(({ id }) => id);

  it("reserves a use, and says where it is found", async () => {
    const { response, body } = await hold({ holdSeconds: 60, note: "order 12" });
    const { id } = body.data;
    expect(response.headers.get("location")).to.equal(`/v1/redemptions/${id}`);
    const at = new Date(app.clock.now * 1000).toISOString();
    expect({ ...body.data, collection: undefined, holder: body.data.holder.toLowerCase() }).to.deep.equal({
      ...{ id, state: "held", collection: undefined, serial, benefit: BENEFIT, holder: kept("anna") },
      heldUntil: new Date((app.clock.now + 60) * 1000).toISOString(),
      authorization: { kind: "custodial", typedData: null },
      ...{ number: null, note: "order 12", reason: null, failure: null, failureDetail: null },
      ...{ createdAt: at, confirmedAt: null, updatedAt: at },
    });
    expect(await get(id)).to.deep.equal(body);
    expect(body.data.collection.slug).to.equal(slug);
    const byAddress = { customer: undefined, holder: derivation.address("anna"), collection: address };
    expect((await hold(byAddress, { status: 409 })).body.reason).to.equal("used-up");
  });

  it("answers the same bytes to the same request, and refuses the key to another", async () => {
    const key = randomUUID();
    const first = await hold({}, { key });
    expect(first.response.headers.get("idempotent-replayed")).to.equal(null);
    await act("release", first.body.data.id);
    const again = await hold({}, { key });
    expect(again.text).to.equal(first.text);
    expect(again.response.headers.get("idempotent-replayed")).to.equal("true");
    expect((await hold({ note: "another" }, { key, status: 422 })).body.type).to.equal(
      "/problems/idempotency-key-reused",
    );
    for (const bad of ["", "a b", "x".repeat(256)]) await hold({}, { key: bad, status: 400 });
  });

  it("says with a name why a benefit cannot be used", async () => {
    expect((await hold({ benefit: 8 }, { status: 409 })).body).to.include({
      type: "/problems/benefit-refused",
      reason: "not-granted",
    });
    await held();
    const { body } = await hold({}, { status: 409 });
    expect(body).to.include({ type: "/problems/benefit-refused", reason: "used-up" });
    expect(body.detail).to.contain("Try again");
  });

  it("knows no card but the customer's, of the brand", async () => {
    const details = new Set<string>();
    for (const changes of [
      { customer: "ben" },
      { serial: 99 },
      { collection: "no-such-collection" },
      { collection: COLLECTIONS.tea.slug, serial: 88_001 },
      { customer: undefined, holder: addressOf("somebody else") },
    ])
      details.add((await hold(changes, { status: 404 })).body.detail);
    // Nobody learns from it whose card it is.
    expect(details.size).to.equal(1);
    await hold({}, { status: 404, who: "other" });
    expect(await application.benefitLock.count({ where: { serial: { in: [serial, 99, 88_001] } } })).to.equal(0);
  });

  it("is granted once, or given back, and says in which state it is", async () => {
    const { id } = await held();
    expect((await act("undo", id, { body: { reason: "wrong till" }, status: 409 })).type).to.equal(
      "/problems/conflict",
    );
    const confirmed = await act("confirm", id);
    expect(confirmed.data).to.include({
      state: "confirmed",
      confirmedAt: new Date(app.clock.now * 1000).toISOString(),
    });
    expect(await act("confirm", id, { body: {} })).to.deep.equal(confirmed);
    expect((await act("release", id, { status: 409 })).detail).to.contain("Undo it");
    expect(await application.command.count({ where: { holdId: id } })).to.equal(1);
    const undone = await act("undo", id, { body: { reason: "wrong till" } });
    expect(undone.data).to.include({ state: "undone", reason: "wrong till" });
    expect(await act("undo", id, { body: { reason: "wrong till" } })).to.deep.equal(undone);
    expect((await act("confirm", id, { status: 409 })).detail).to.contain("anew");
    const entries = await application.auditEntry.findMany({ where: { subject: id } });
    expect(entries.map(({ action }) => action)).to.deep.equal(["redemption.undone"]);

    const other = await held();
    const released = await act("release", other.id);
    expect(released.data.state).to.equal("released");
    expect(await act("release", other.id)).to.deep.equal(released);
    await held();
  });

  it("is over when nobody has granted it, and can be granted late while a use is left", async () => {
    const { id } = await held({ holdSeconds: 1 });
    app.clock.now += 1;
    expect((await get(id)).data.state).to.equal("expired");
    expect(idsOf(await list("?state=expired"))).to.deep.equal([id]);
    expect(idsOf(await list("?state=held"))).to.deep.equal([]);
    const other = await held();
    expect((await act("confirm", id, { status: 409 })).reason).to.equal("used-up");
    await act("release", other.id);
    expect((await act("confirm", id)).data.state).to.equal("confirmed");
  });

  it("can be undone for as long as the server is told", async () => {
    const { id } = await held();
    await act("confirm", id);
    const hasty = await start({ redemptionUndoHours: 1 });
    try {
      hasty.clock.now = app.clock.now + 3_601;
      const { detail } = await act("undo", id, { body: { reason: "late" }, status: 409, on: hasty });
      expect(detail).to.contain("in the first 1 h.");
    } finally {
      await hasty.close();
    }
  });

  describe("of a customer with a wallet", () => {
    let id: string;
    let toSign: Answer;
    beforeEach(async () => {
      const holder = OWN_WALLET.address.toLowerCase();
      await mirror.database.card.updateMany({ where: { collectionAddress: address, serial }, data: { holder } });
      const { data } = (await hold({ customer: undefined, holder: OWN_WALLET.address })).body;
      id = data.id;
      toSign = data.authorization.typedData;
    });
    const signed = async (message = toSign.message, by = OWN_WALLET) => ({
      number: message.number,
      deadline: message.deadline,
      signature: await by.signTypedData(toSign.domain, toSign.types, message),
    });
    const confirm = (authorization: object | undefined, status: number) =>
      act("confirm", id, { status, ...(authorization === undefined ? {} : { body: { authorization } }) });

    it("is granted with what the wallet has signed", async () => {
      expect(toSign.message).to.deep.equal({
        ...{ serial, benefitId: BENEFIT, number: 1, generation: 0, staff: ZeroAddress },
        deadline: Math.floor(app.clock.now) + 900,
      });
      expect((await confirm(undefined, 409)).detail).to.contain("`authorization.typedData`");
      const authorization = await signed();
      const { data } = await confirm(authorization, 200);
      expect(data).to.deep.include({
        state: "confirmed",
        number: 1,
        authorization: { kind: "wallet", typedData: null },
      });
      const command = await application.command.findFirstOrThrow({ where: { holdId: id } });
      expect(command).to.include({ redemptionNumber: 1, signature: authorization.signature });
    });

    it("is passed to the chain as the contract takes it, however the wallet writes it", async () => {
      const { signature, ...rest } = await signed();
      const { r, s, yParity } = Signature.from(signature);
      await confirm({ ...rest, signature: `${r}${s.slice(2)}0${yParity}` }, 200);
      const command = await application.command.findFirstOrThrow({ where: { holdId: id } });
      expect(command.signature).to.equal(signature);
    });

    it("is refused where it is not the holder's word, or not for this use", async () => {
      const errors = async (authorization: object) =>
        (await confirm(authorization, 400)).errors.map(({ parameter }: { parameter: string }) => parameter);
      // What is no key's signature could be a contract's, which only the chain could say.
      const asked = await start({ rpc: { call: async () => "0x" as never } });
      try {
        const other = await signed(toSign.message, new Wallet(hashOf("another")));
        const wrong: object[] = [
          other,
          { ...(await signed()), number: 2 },
          { ...(await signed()), deadline: toSign.message.deadline + 1 },
          { ...(await signed()), signature: "0x1234" },
        ];
        for (const authorization of wrong) {
          const options = { status: 400, body: { authorization }, on: asked };
          const problem = await act("confirm", id, options);
          expect(problem.errors[0].parameter).to.equal("authorization.signature");
        }
      } finally {
        await asked.close();
      }
      expect(await errors(await signed({ ...toSign.message, deadline: Math.floor(app.clock.now) }))).to.deep.equal([
        "authorization.deadline",
      ]);
      for (const authorization of [
        {},
        { ...(await signed()), signature: "nonsense" },
        { ...(await signed()), number: 0 },
      ])
        await confirm(authorization, 400);
      // The right word, for a number that is not the next one.
      expect((await confirm(await signed({ ...toSign.message, number: 2 }), 409)).detail).to.contain("number 1 now");
      expect(await application.command.count()).to.equal(0);
    });

    it("waits for the chain where only that could say whether it is a contract's", async () => {
      const away = await start({
        rpc: {
          call: async () => {
            throw new RpcError("away", { kind: "unreachable", retryable: true });
          },
        },
      });
      try {
        const authorization = { ...(await signed()), signature: "0x1234" };
        const problem = await act("confirm", id, { status: 503, body: { authorization }, on: away });
        expect(problem.type).to.equal("/problems/chain-unavailable");
      } finally {
        await away.close();
      }
    });

    it("has to be signed anew where another use comes before", async () => {
      await mirror.database.benefit.updateMany({ data: { quota: 3 } });
      const early = await signed();
      const other = (await hold({ customer: undefined, holder: OWN_WALLET.address })).body.data;
      await act("confirm", other.id, { body: { authorization: await signed() } });
      expect((await confirm(early, 409)).detail).to.contain("number 2 now");
      toSign = (await get(id)).data.authorization.typedData;
      expect(toSign.message.number).to.equal(2);
      await confirm(await signed(), 200);
    });
  });

  it("lists the brand's redemptions, the newest first, by state and customer", async () => {
    await mirror.database.benefit.updateMany({ data: { quota: 100 } });
    const [one, two, three] = [await held(), await held(), await held()];
    await act("confirm", two.id);
    expect(idsOf(await list())).to.deep.equal([three.id, two.id, one.id]);
    const page = await list("?limit=2");
    expect(idsOf(page)).to.deep.equal([three.id, two.id]);
    const rest = await list(`?limit=2&cursor=${page.nextCursor}`);
    expect([idsOf(rest), rest.nextCursor]).to.deep.equal([[one.id], null]);
    expect(idsOf(await list("?state=confirmed"))).to.deep.equal([two.id]);
    expect(idsOf(await list("?customer=anna"))).to.have.length(3);
    expect(idsOf(await list("?customer=nobody"))).to.deep.equal([]);
    expect(idsOf(await list("", { who: "other" }))).to.deep.equal([]);
    for (const bad of ["?state=lost", "?limit=0", "?cursor=!", "?customer=", "?colour=red"])
      await list(bad, { status: 400 });
  });

  it("is the brand's own business", async () => {
    const { id } = await held();
    await get(id, { status: 404, who: "other" });
    for (const name of ["confirm", "release", "undo"] as const)
      await act(name, id, { status: 404, who: "other", ...(name === "undo" ? { body: { reason: "a" } } : {}) });
    await get(NO_REDEMPTION, { status: 404 });
    expect((await get(id)).data.state).to.equal("held");
  });

  it("takes nothing that it does not know", async () => {
    for (const changes of [
      { customer: undefined },
      { holder: addressOf("both") },
      { customer: " " },
      { customer: undefined, holder: "0x12" },
      { serial: 0 },
      { serial: 1.5 },
      { serial: 1_000_000_001 },
      { benefit: 65_536 },
      { benefit: -1 },
      { holdSeconds: 0 },
      { holdSeconds: 86_401 },
      { note: "x".repeat(201) },
      { collection: "" },
      { colour: "red" },
    ])
      await hold(changes, { status: 400 });
    const { id } = await held();
    for (const body of [{}, { reason: "" }, { reason: "Ünicode" }, { reason: "x".repeat(32) }, { reason: 7 }])
      await act("undo", id, { status: 400, body });
    await act("confirm", id, { status: 400, body: { authorisation: {} } });
    for (const bad of ["red_1", "ord_00000000-0000-7000-8000-000000000000"]) {
      await get(bad, { status: 400 });
      for (const name of ["confirm", "release"] as const) await act(name, bad, { status: 400 });
    }
  });

  it("takes JSON of a moderate size, or nothing", async () => {
    const { id } = await held();
    for (const [path, target] of [
      ["/v1/redemptions", "/v1/redemptions"],
      ["/v1/redemptions/{redemption}/confirm", `/v1/redemptions/${id}/confirm`],
      ["/v1/redemptions/{redemption}/undo", `/v1/redemptions/${id}/undo`],
    ] as const) {
      const send = (status: number, body: string, headers: Record<string, string> = {}) => {
        const all = as("owner", { "Idempotency-Key": randomUUID(), ...headers });
        return contract.check(path, target, status, { method: "post", headers: all, body });
      };
      for (const body of ["{", "null", "[]", '"text"']) await send(400, body);
      await send(413, JSON.stringify({ a: "x".repeat(300_000) }));
      await send(415, "a=1", { "Content-Type": "text/plain" });
    }
    expect((await get(id)).data.state).to.equal("held");
  });

  /** A request of each operation that is in order. */
  const requests: [method: "get" | "post", path: string, body?: () => object][] = [
    ["get", "/v1/redemptions"],
    ["post", "/v1/redemptions", aHold],
    ["get", "/v1/redemptions/{redemption}"],
    ["post", "/v1/redemptions/{redemption}/confirm"],
    ["post", "/v1/redemptions/{redemption}/release"],
    ["post", "/v1/redemptions/{redemption}/undo", () => ({ reason: "wrong till" })],
  ];
  async function each(
    on: RunningApp,
    status: number,
    { id = NO_REDEMPTION, headers = as("owner") as Record<string, string>, of = requests } = {},
  ): Promise<Answer[]> {
    const bodies: Answer[] = [];
    for (const [method, path, body] of of) {
      const options = { method, on, headers: { "Idempotency-Key": randomUUID(), ...headers }, body: body?.() };
      bodies.push((await contract.check(path, path.replace("{redemption}", id), status, options)).body);
    }
    return bodies;
  }

  it("lets in who has a key of the brand, for what their role may do", async () => {
    await each(app, 401, { headers: {} });
    await each(app, 401, { headers: { Authorization: "Bearer mm_nonsense" } });
    await each(app, 403, { headers: as("auditor"), of: requests.filter(([method]) => method === "post") });
    // Who belongs to another brand.
    const world = await createAccountsWorld(kind);
    try {
      const { visitor } = await world.member(1, "owner");
      const cookies = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = { Cookie: cookies, Origin: world.app.url, "Mintmark-Brand": "2" };
      await each(world.app, 403, { headers });
    } finally {
      await world.close();
    }
  });

  it("answers 429 beyond the limit of a key", async () => {
    const limited = await start({ keyRateLimitPerMinute: 1 });
    try {
      await limited.get("/v1/redemptions", { headers: as("owner") });
      await each(limited, 429);
    } finally {
      await limited.close();
    }
  });

  it("answers 500 without internals, and 503 while the database is out of reach", async () => {
    const { id } = await held();
    for (const [status, error] of [
      [500, undefined],
      [503, outage],
    ] as const) {
      const broken = brokenDatabase(mirror.database, error);
      const running = await start({ application: broken }, broken);
      try {
        for (const body of await each(running, status, { id })) expect(JSON.stringify(body)).to.not.match(/disk|10\.0/);
      } finally {
        await running.close();
      }
    }
  });

  it("answers 503 while neither mirror nor chain can say whose card it is", async () => {
    chainIsAway = true;
    expect((await hold({}, { status: 503 })).body.type).to.equal("/problems/chain-unavailable");
    chainIsAway = false;
    const empty = await createEmptyMirror(kind);
    const running = await startApp(empty.database);
    try {
      running.status = { ...freshStatus(), state: "starting", chainId: undefined };
      const headers = { Authorization: `Bearer ${await keyOf(empty.database, "owner")}` };
      const [, holding] = requests;
      if (holding === undefined) throw new Error("There is no such request");
      const [problem] = await each(running, 503, { headers, of: [holding] });
      expect(problem.type).to.equal("/problems/mirror-not-ready");
    } finally {
      await running.close();
      await empty.close();
    }
  });

  it("was seen with every status that is documented", () => {
    const unseen = contract.unseen(["membership"]).filter((operation) => operation.includes("/v1/redemptions"));
    expect(unseen).to.deep.equal([]);
  });
});
