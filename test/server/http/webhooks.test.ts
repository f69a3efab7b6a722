// Holds the operations of webhooks, with every status that the OpenAPI document gives them, against the document itself.

import { expect } from "chai";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { createMirrorFixture, type MirrorFixture } from "../../support/mirror-fixture.ts";
import { type Receiver, startReceiver } from "../webhooks/receiver.ts";
import { type CheckOptions, type Contract, readContract } from "./contract.ts";
import { brokenDatabase, type RunningApp, startApp } from "./support.ts";

const ENDPOINTS = "/v1/webhook-endpoints";
const ENDPOINT = `${ENDPOINTS}/{endpoint}`;
const DELIVERY = "/v1/webhook-deliveries/{delivery}";
const NOTHING = "00000000-0000-7000-8000-000000000000";

describeOnEachDatabase("API of webhooks", (kind) => {
  let mirror: MirrorFixture;
  let application: Database;
  let app: RunningApp;
  let limited: RunningApp;
  let broken: RunningApp;
  let contract: Contract;
  let receiver: Receiver;
  const keys: Record<string, string> = {};

  before(async () => {
    mirror = await createMirrorFixture(kind);
    application = await openDatabase(mirror.url, { application: true });
    app = await startApp(mirror.database, { application });
    app.clock.now = Date.now() / 1000;
    app.webhooks.start();
    limited = await startApp(mirror.database, { application, keyRateLimitPerMinute: 1 });
    broken = await startApp(mirror.database, { application: brokenDatabase(application) });
    contract = await readContract(app);
    receiver = await startReceiver();
    for (const role of ["owner", "staff"] as const) {
      const options = { brandId: 1, role, name: role, createdBy: "test", now: 0 };
      keys[role] = (await createApiKey(application, options)).key;
    }
  });
  after(async () => {
    for (const running of [app, limited, broken]) await running.close();
    await receiver.close();
    await application.$disconnect();
    await mirror.close();
  });

  const asOwner = () => ({ Authorization: `Bearer ${keys["owner"]}` });
  const check = (
    method: NonNullable<CheckOptions["method"]>,
    path: string,
    target: string,
    status: number,
    options: CheckOptions = {},
  ) => contract.check(path, target, status, { headers: asOwner(), ...options, method });
  const wish = () => ({ url: receiver.url, events: ["card.*", "order.issued"] });

  it("makes, shows, changes and deletes endpoints", async () => {
    const { body: made } = await check("post", ENDPOINTS, ENDPOINTS, 201, {
      body: { ...wish(), description: " till " },
    });
    const { id, secret, ...shown } = made.data;
    expect(secret).to.match(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(shown).to.include({ url: receiver.url, description: "till", state: "enabled", disabledReason: null });
    const target = `${ENDPOINTS}/${id}`;
    expect((await check("get", ENDPOINT, target, 200)).body.data).to.deep.equal({ id, ...shown });
    const { text, body: listed } = await check("get", ENDPOINTS, `${ENDPOINTS}?limit=1`, 200);
    expect(listed).to.deep.equal({ data: [{ id, ...shown }], nextCursor: null });
    expect(text).to.not.contain("whsec_");

    const { body: changed } = await check("patch", ENDPOINT, target, 200, {
      body: { state: "disabled", events: ["*"] },
    });
    expect(changed.data).to.include({ state: "disabled", disabledReason: "wanted", url: receiver.url });
    expect(changed.data.events).to.deep.equal(["*"]);
    const { body: refused } = await check("post", `${ENDPOINT}/test`, `${target}/test`, 409);
    expect(refused.detail).to.contain("disabled").and.to.contain("Enable it");
    const { body: rotated } = await check("post", `${ENDPOINT}/rotate-secret`, `${target}/rotate-secret`, 200, {
      body: {},
    });
    expect(rotated.data.secret)
      .to.match(/^whsec_/)
      .and.not.to.equal(secret);
    expect(rotated.data.formerSecretValidUntil).to.be.a("string");
    await check("delete", ENDPOINT, target, 204);
    await check("get", ENDPOINT, target, 404);
  });

  it("shows what was sent, and sends it again", async () => {
    const { body: made } = await check("post", ENDPOINTS, ENDPOINTS, 201, { body: wish() });
    const target = `${ENDPOINTS}/${made.data.id}`;
    receiver.secrets = [made.data.secret];
    const { body: tested } = await check("post", `${ENDPOINT}/test`, `${target}/test`, 202);
    const { id } = tested.data;
    await receiver.until(1);
    expect(receiver.received[0]).to.include({ id, type: "webhook.test" });
    const delivered = async () => {
      for (;;) {
        const { body } = await check("get", DELIVERY, `/v1/webhook-deliveries/${id}`, 200);
        if (body.data.state === "delivered") return body.data;
      }
    };
    const delivery = await delivered();
    expect(delivery).to.include({ id, endpoint: made.data.id, type: "webhook.test", nextAttemptAt: null });
    expect(delivery.attempts).to.have.length(1);
    expect(delivery.attempts[0]).to.include({ status: 204, answer: "", failure: null });

    const { body: replayed } = await check("post", `${DELIVERY}/replay`, `/v1/webhook-deliveries/${id}/replay`, 202);
    expect(replayed.data.state).to.equal("pending");
    await receiver.until(2);
    expect((await delivered()).attempts).to.have.length.of.at.least(1);
    const since = new Date(app.clock.now * 1000 - 60_000).toISOString();
    const replay = async (only: string) => {
      const { body } = await check("post", `${ENDPOINT}/replay`, `${target}/replay`, 202, { body: { since, only } });
      return body.data.deliveries;
    };
    expect(await replay("failed")).to.equal(0);
    expect(await replay("all")).to.equal(1);
    await receiver.until(3);
    expect(new Set(receiver.received.map((message) => message.id))).to.deep.equal(new Set([id]));

    await check("post", `${ENDPOINT}/test`, `${target}/test`, 202);
    await receiver.until(4);
    const list = (query: string) => check("get", `${ENDPOINT}/deliveries`, `${target}/deliveries?${query}`, 200);
    const { body: first } = await list("limit=1");
    expect(first.data[0].id).to.not.equal(id);
    const { body: second } = await list(`limit=1&cursor=${first.nextCursor}`);
    expect([second.data[0].id, second.nextCursor]).to.deep.equal([id, null]);
    expect((await list("state=failed")).body.data).to.deep.equal([]);
    expect((await list("type=card.issued")).body.data).to.deep.equal([]);
    expect((await list("type=webhook.test")).body.data).to.have.length(2);
  });

  it("says what is wrong, and what to do", async () => {
    const wrong: [object, string][] = [
      [{ ...wish(), url: "http://10.0.0.1/" }, "reachable from the internet"],
      [{ ...wish(), url: "http://user:secret@shop.example/" }, "no user and password"],
      [{ ...wish(), url: "ftp://shop.example/" }, "begins with https:// or http://"],
      [{ ...wish(), events: [] }, "at least one"],
      [{ ...wish(), events: ["card.lost"] }, "a type of event"],
      [{ ...wish(), events: ["card.iss*"] }, "a type of event"],
      [{ ...wish(), secret: "whsec_mine" }, "is not a parameter that this request knows"],
    ];
    for (const [body, detail] of wrong) {
      const { body: problem } = await check("post", ENDPOINTS, ENDPOINTS, 400, { body });
      expect(problem.detail, JSON.stringify(body)).to.contain(detail);
    }
    // Of no list, and nothing that a database would trip over.
    await check("get", ENDPOINTS, `${ENDPOINTS}?cursor=AA`, 400);
    const before = await application.webhookEndpoint.count({ where: { brandId: 1 } });
    for (let count = before; count < 20; count++) await check("post", ENDPOINTS, ENDPOINTS, 201, { body: wish() });
    const { body: full } = await check("post", ENDPOINTS, ENDPOINTS, 409, { body: wish() });
    expect(full.detail).to.contain("20 endpoints at most");
  });

  it("answers as documented to whoever may not, asks too often or for nothing that is there", async () => {
    const operations = contract.operations(["webhooks"]);
    await limited.get(ENDPOINTS, { headers: asOwner() });
    const since = new Date().toISOString();
    for (const [method, path] of operations) {
      const target = path.replace("{endpoint}", `whe_${NOTHING}`).replace("{delivery}", `msg_${"0".repeat(32)}`);
      const hasBody = contract.operation(method, path)?.responses["415"] !== undefined;
      const body = path.endsWith("/replay") && path.startsWith(ENDPOINTS) ? { since } : {};
      const right = hasBody ? { body: path === ENDPOINTS ? wish() : body } : {};
      await check(method, path, target, 401, { headers: {}, ...right });
      await check(method, path, target, 403, { headers: { Authorization: `Bearer ${keys["staff"]}` }, ...right });
      await check(method, path, target, 429, { on: limited, ...right });
      await check(method, path, target, 500, { on: broken, ...right });
      const bad = path.replace("{endpoint}", "1").replace("{delivery}", "1");
      if (path !== ENDPOINTS) {
        await check(method, path, target, 404, right);
        await check(method, path, bad, 400, right);
      } else if (method === "get") await check(method, path, `${bad}?limit=0`, 400);
      if (!hasBody) continue;
      await check(method, path, target, 413, { body: `{"a":"${"x".repeat(300_000)}"}` });
      const headers = { ...asOwner(), "Content-Type": "text/plain" };
      await check(method, path, target, 415, { body: "{}", headers });
    }
    expect(contract.unseen(["webhooks"])).to.deep.equal([]);
  });
});
