import { expect } from "chai";
import { pino } from "pino";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { createKeyMemory } from "../../../server/accounts/key-memory.ts";
import { openDatabase } from "../../../server/database/client.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { createMirrorFixture } from "../../support/mirror-fixture.ts";
import { type AccountsWorld, createAccountsWorld, type Visitor } from "./support.ts";

interface ShownKey {
  id: string;
  key: string;
  prefix: string;
  [name: string]: unknown;
}

describeOnEachDatabase("API keys", (kind) => {
  let world: AccountsWorld;
  let owner: Visitor;
  before(async () => {
    world = await createAccountsWorld(kind);
    owner = (await world.member(1, "owner")).visitor;
  });
  after(() => world.close());

  const make = async (body: Record<string, unknown>, by = owner) => {
    const response = await by.send("POST", "/v1/api-keys", { name: "till", ...body });
    expect(response.status, await response.clone().text()).to.equal(201);
    return ((await response.json()) as { data: ShownKey }).data;
  };
  const ask = async (key: string, path = "/v1/me") =>
    (await world.app.get(path, { headers: { Authorization: `Bearer ${key}` } })).status;

  it("are shown once, and kept as a hash", async () => {
    const made = await make({ role: "staff" });
    expect(made.key).to.match(/^mm_[\w-]{43}$/);
    expect(await ask(made.key)).to.equal(200);
    const listed = await (await owner.send("GET", "/v1/api-keys")).text();
    expect(listed).to.contain(made.prefix).and.not.contain(made.key);
    const rows = await world.application.apiKey.findMany();
    expect(JSON.stringify(rows, (_key, value) => (typeof value === "bigint" ? String(value) : value))).to.not.contain(
      made.key,
    );
  });

  it("have no higher role than who makes them, and none of them makes owners", async () => {
    const manager = (await world.member(1, "manager")).visitor;
    for (const role of ["manager", "staff", "auditor"]) await make({ role }, manager);
    const higher = await manager.send("POST", "/v1/api-keys", { name: "x", role: "owner" });
    expect(higher.status).to.equal(403);
    const ownerKey = await make({ role: "owner" });
    const byKey = (method: string, path: string, body: unknown) =>
      world.visitor().send(method, path, body, { Authorization: `Bearer ${ownerKey.key}` });
    expect((await byKey("POST", "/v1/api-keys", { name: "x", role: "owner" })).status).to.equal(403);
    expect((await byKey("POST", "/v1/invitations", { email: "a@example.com", role: "owner" })).status).to.equal(403);
    expect((await byKey("POST", "/v1/invitations", { email: "a@example.com", role: "manager" })).status).to.equal(201);
    expect((await byKey("POST", "/v1/api-keys", { name: "x", role: "manager" })).status).to.equal(201);
    const revoking = await manager.send("DELETE", `/v1/api-keys/${ownerKey.id}`);
    expect(revoking.status, "a manager revokes an owner's key").to.equal(403);
  });

  it("are rotated: the former text counts for as long as was said, and the one before that no longer", async () => {
    const first = await make({ role: "staff" });
    const rotate = async (graceSeconds: number) => {
      const response = await owner.send("POST", `/v1/api-keys/${first.id}/rotate`, { graceSeconds });
      expect(response.status).to.equal(200);
      return ((await response.json()) as { data: ShownKey }).data;
    };
    const second = await rotate(60);
    expect(second.id).to.equal(first.id);
    expect([await ask(first.key), await ask(second.key)]).to.deep.equal([200, 200]);
    world.app.clock.now += 61;
    expect([await ask(first.key), await ask(second.key)]).to.deep.equal([401, 200]);
    const third = await rotate(60);
    const fourth = await rotate(0);
    expect(await Promise.all([second, third, fourth].map(({ key }) => ask(key)))).to.deep.equal([401, 401, 200]);

    const rush = await Promise.all(
      [1, 2, 3].map(() => owner.send("POST", `/v1/api-keys/${first.id}/rotate`, { graceSeconds: 60 })),
    );
    const keys = await Promise.all(
      rush
        .filter(({ status }) => status === 200)
        .map(async (response) => ((await response.json()) as { data: ShownKey }).data.key),
    );
    const counting = await Promise.all(keys.map((key) => ask(key)));
    expect(counting.filter((status) => status === 200)).to.not.have.length(0);
    expect(await ask(fourth.key)).to.be.oneOf([200, 401]);
  });

  it("end when they are revoked, and when their time has come", async () => {
    const revoked = await make({ role: "staff" });
    const ending = await make({ role: "staff", expiresAt: new Date((world.app.clock.now + 100) * 1000).toISOString() });
    expect([await ask(revoked.key), await ask(ending.key)]).to.deep.equal([200, 200]);
    expect((await owner.send("DELETE", `/v1/api-keys/${revoked.id}`)).status).to.equal(204);
    world.app.clock.now += 101;
    expect([await ask(revoked.key), await ask(ending.key)]).to.deep.equal([401, 401]);
    const again = await owner.send("POST", `/v1/api-keys/${revoked.id}/rotate`, {});
    expect(again.status).to.equal(409);
    const past = await owner.send("POST", "/v1/api-keys", {
      name: "x",
      role: "staff",
      expiresAt: "2020-01-01T00:00:00Z",
    });
    expect(past.status).to.equal(400);
  });

  it("of another brand are not there", async () => {
    const other = (await world.member(2, "owner")).visitor;
    const { id } = await make({ role: "staff" });
    expect((await other.send("DELETE", `/v1/api-keys/${id}`)).status).to.equal(404);
    expect((await other.send("POST", `/v1/api-keys/${id}/rotate`, {})).status).to.equal(404);
    expect(await (await other.send("GET", "/v1/api-keys")).json()).to.deep.equal({ data: [], nextCursor: null });
  });

  it("are listed page by page", async () => {
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await owner.send("GET", `/v1/api-keys?limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`);
      const { data: items, nextCursor } = (await page.json()) as { data: { id: string }[]; nextCursor: string | null };
      expect(items.length).to.be.at.most(3);
      seen.push(...items.map(({ id }) => id));
      cursor = nextCursor;
    }
    const all = await world.application.apiKey.findMany({ where: { brandId: 1 }, orderBy: { id: "asc" } });
    expect(seen).to.deep.equal(all.map(({ id }) => id));
  });

  it("say when they were used last, written down by the minute and not with every request", async () => {
    const { id, key } = await make({ role: "staff" });
    const lastUsed = async () => (await world.application.apiKey.findUniqueOrThrow({ where: { id } })).lastUsedAt;
    await ask(key);
    expect(await lastUsed()).to.equal(null);
    await world.app.accounts.keys.flush();
    expect(Number(await lastUsed())).to.equal(Math.trunc(world.app.clock.now * 1000));
  });
});

describeOnEachDatabase("what is remembered of API keys", (kind) => {
  it("costs the database one question for many requests, and is forgotten in seconds", async () => {
    const mirror = await createMirrorFixture(kind);
    const application = await openDatabase(mirror.url, { application: true });
    let asked = 0;
    const counting = mirror.database.$extends({
      query: {
        apiKey: {
          findUnique({ args, query }) {
            asked++;
            return query(args);
          },
        },
      },
    }) as unknown as typeof mirror.database;
    const clock = { now: 1_000_000, passed: 0 };
    const memory = createKeyMemory({
      database: counting,
      application,
      logger: pino({ level: "silent" }),
      now: () => clock.now,
      steady: () => clock.passed,
    });
    try {
      const options = { brandId: 1, role: "staff", name: "till", createdBy: "test", now: clock.now } as const;
      const { id, key } = await createApiKey(application, options);
      const answers = await Promise.all(Array.from({ length: 1000 }, () => memory.principalOf(key)));
      expect(answers.every((principal) => principal?.id === id)).to.equal(true);
      expect(asked).to.equal(1);
      // By another process, which cannot tell this one.
      await application.apiKey.update({ where: { id }, data: { revokedAt: clock.now } });
      expect((await memory.principalOf(key))?.id).to.equal(id);
      // For seconds, also where the clock is set back meanwhile.
      clock.now -= 2 * 86_400_000;
      clock.passed += 4_999;
      expect((await memory.principalOf(key))?.id).to.equal(id);
      clock.passed += 1;
      expect(await memory.principalOf(key)).to.equal(undefined);
    } finally {
      await memory.close();
      await application.$disconnect();
      await mirror.close();
    }
  });
});
