// What becomes of messages: whatever receivers do, none is lost and none keeps another one waiting.

import { createServer as createTcpServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { Webhook } from "standardwebhooks";
import { loadSecrets } from "../../../server/accounts/secrets.ts";
import { openDatabase } from "../../../server/database/client.ts";
import { createWebhooks } from "../../../server/webhooks/webhooks.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { silent } from "../../support/mirror.ts";
import { freshStatus } from "../../support/mirror-fixture.ts";
import { until } from "../../support/patience.ts";
import { startReceiver } from "./receiver.ts";
import { createWebhookWorld, OWNER, type WebhookWorld } from "./world.ts";

const MINUTE = 60;
const HOUR = 3_600;
const DAY = 86_400;

/** How long an answer is waited for: long enough for one that is made at once by a busy machine. */
const TIMEOUT_MS = 1_500;
/** For so long nobody else tries what a server has claimed. */
const CLAIM_MS = 2 * TIMEOUT_MS + 1_000;

describeOnEachDatabase("deliveries of webhooks", (kind) => {
  let world: WebhookWorld;

  beforeEach(async () => {
    world = await createWebhookWorld(kind, { webhooks: { timeoutMs: TIMEOUT_MS } });
  });
  afterEach(() => world.close());

  const statusOf = ({ status }: { status?: number | undefined }) => status;

  it("are tried again after the waits of the table, with the same id and body, and given up after the tenth", async () => {
    const { receiver, app } = world;
    receiver.answer = (_message, response) => response.writeHead(500).end("out of order");
    const id = await world.send(await world.endpoint());
    const waits = [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 18 * HOUR, 24 * HOUR];
    for (const [index, wait] of waits.entries()) {
      const { state, nextAttemptAt = 0, attempts } = await world.attempted(id, index + 1);
      expect(state).to.equal("pending");
      expect(attempts.at(-1)).to.include({ status: 500, answer: "out of order", failure: undefined });
      expect(nextAttemptAt / 1000 - app.clock.now).to.be.within(0.79 * wait, 1.21 * wait);
      // Not before its time.
      world.pass(nextAttemptAt / 1000 - app.clock.now - 1);
      await sleep(index === 0 ? 600 : 0);
      expect(receiver.received).to.have.length(index + 1);
      world.pass(1.01);
    }
    const { state, nextAttemptAt, attempts } = await world.attempted(id, 10);
    expect({ state, nextAttemptAt }).to.deep.equal({ state: "failed", nextAttemptAt: undefined });
    expect(attempts).to.have.length(10);
    expect(new Set(receiver.received.map((message) => message.id))).to.deep.equal(new Set([id]));
    expect(new Set(receiver.received.map((message) => message.body)).size).to.equal(1);

    // Somebody asks for it: it goes on from the beginning.
    receiver.answer = undefined;
    await app.webhooks.deliveries.replay(OWNER, id);
    const again = await world.attempted(id, 11);
    expect(again).to.include({ id, state: "delivered" });
    expect(again.attempts.map(statusOf)).to.deep.equal([...Array(10).fill(500), 204]);
    expect(receiver.wrong).to.deep.equal([]);
  });

  it("follow nothing, read little, and wait for nobody for long", async () => {
    const { receiver } = world;
    const trap = await startReceiver();
    try {
      const answers: Record<string, Parameters<typeof startAnswer>[0]> = {
        redirect: (response) => response.writeHead(307, { Location: trap.url }).end(),
        "no content of the right kind": (response) => response.writeHead(404).end("\0\u0007<b>nothing</b>\u001b[31m"),
        endless: (response) => {
          response.writeHead(200);
          const timer = setInterval(() => response.write("x".repeat(100_000)), 1);
          response.once("close", () => clearInterval(timer));
        },
        stalls: (response) => void response,
        "stalls in the middle": (response) => void response.writeHead(200).write("{"),
        "is cut off": (response) => response.destroy(),
      };
      const endpoint = await world.endpoint();
      const results: Record<string, unknown> = {};
      for (const [name, answer] of Object.entries(answers)) {
        receiver.answer = startAnswer(answer);
        const { state, attempts } = await world.attempted(await world.send(endpoint), 1);
        const { status, answer: text, failure } = attempts[0] ?? {};
        results[name] = [state, status, text?.length ?? failure];
        receiver.answer = undefined;
      }
      expect(results).to.deep.equal({
        redirect: ["pending", 307, 0],
        "no content of the right kind": ["pending", 404, "<b>nothing</b>[31m".length],
        endless: ["delivered", 200, 500],
        stalls: ["pending", undefined, `No answer came within ${TIMEOUT_MS / 1000} seconds.`],
        "stalls in the middle": ["pending", undefined, `No answer came within ${TIMEOUT_MS / 1000} seconds.`],
        "is cut off": ["pending", undefined, "The connection was closed before an answer came."],
      });
      expect(trap.received).to.deep.equal([]);
    } finally {
      await trap.close();
    }

    function startAnswer(answer: (response: import("node:http").ServerResponse) => void) {
      return (_message: unknown, response: import("node:http").ServerResponse) => answer(response);
    }
  });

  it("wait as long as Retry-After says, and all others of the endpoint with them", async () => {
    const { receiver } = world;
    receiver.answer = (_message, response) => response.writeHead(429, { "Retry-After": "120" }).end();
    const endpoint = await world.endpoint();
    const first = await world.send(endpoint);
    const { nextAttemptAt = 0, attempts } = await world.attempted(first, 1);
    expect(nextAttemptAt - (attempts[0]?.at ?? 0)).to.be.within(120_000, 120_000 + TIMEOUT_MS);
    receiver.answer = undefined;
    const second = await world.send(endpoint);
    world.pass(110);
    await sleep(600);
    expect(receiver.received).to.have.length(1);
    world.pass(11);
    expect((await world.attempted(first, 2)).state).to.equal("delivered");
    expect((await world.attempted(second, 1)).state).to.equal("delivered");

    // A date is understood as well, and nobody is waited for longer than an hour.
    const asked = new Date((world.app.clock.now + 10 * DAY) * 1000).toUTCString();
    receiver.answer = (_message, response) => response.writeHead(503, { "Retry-After": asked }).end();
    const third = await world.attempted(await world.send(endpoint), 1);
    expect((third.nextAttemptAt ?? 0) / 1000 - world.app.clock.now).to.be.within(HOUR - 1, HOUR + 1);
  });

  it("end with 410, and go on when the endpoint is enabled again", async () => {
    const { receiver, app, application } = world;
    const { endpoints } = app.webhooks;
    receiver.answer = (_message, response) => response.writeHead(410).end();
    const endpoint = await world.endpoint();
    const id = await world.send(endpoint);
    await world.attempted(id, 1);
    expect(await endpoints.find(1, endpoint)).to.include({ state: "disabled", disabledReason: "gone" });
    const refusal = await world.send(endpoint).catch((error: Error) => error.message);
    expect(refusal).to.contain("disabled").and.to.contain("PATCH");
    world.pass(DAY);
    await sleep(600);
    expect(receiver.received).to.have.length(1);
    receiver.answer = undefined;
    await endpoints.change(OWNER, endpoint, { state: "enabled" });
    expect((await world.attempted(id, 2)).state).to.equal("delivered");
    expect(await endpoints.find(1, endpoint)).to.include({ state: "enabled", disabledReason: undefined });
    const acts = await application.auditEntry.findMany({ where: { subject: endpoint }, orderBy: { id: "asc" } });
    expect(acts.map(({ actor, action }) => [actor, action])).to.deep.equal([
      ["user:usr_owner", "webhook-endpoint.created"],
      ["system", "webhook-endpoint.disabled"],
      ["user:usr_owner", "webhook-endpoint.changed"],
    ]);
    expect(acts.map(({ details }) => details).join()).to.not.contain("whsec_");
  });

  it("end after five days of nothing but failures, and one success begins them anew", async () => {
    const { receiver, app } = world;
    const { endpoints } = app.webhooks;
    const endpoint = await world.endpoint();
    const fail = async () => {
      receiver.answer = (_message, response) => response.writeHead(500).end();
      await world.attempted(await world.send(endpoint), 1);
      return await endpoints.find(1, endpoint);
    };
    const since = (await fail()).failingSince;
    expect(since).to.be.within(app.clock.now * 1000 - 2_000, app.clock.now * 1000);
    world.pass(4 * DAY);
    expect(await fail()).to.include({ state: "enabled", failingSince: since });
    receiver.answer = undefined;
    await world.attempted(await world.send(endpoint), 1);
    world.pass(2 * DAY);
    await sleep(600);
    expect((await endpoints.find(1, endpoint)).failingSince).to.equal(undefined);
    expect(await fail()).to.include({ state: "enabled" });
    world.pass(5 * DAY + 1);
    expect(await fail()).to.include({ state: "disabled", disabledReason: "failing" });
  });

  it("carry signatures of both secrets while the secret changes over", async () => {
    const { receiver, app } = world;
    const { endpoints } = app.webhooks;
    const endpoint = await world.endpoint();
    const { secret, formerSecretUntil } = await endpoints.rotate(OWNER, endpoint, HOUR * 1000);
    expect(formerSecretUntil).to.be.closeTo((app.clock.now + HOUR) * 1000, 1);
    const [former = ""] = receiver.secrets;
    // Must verify with each of them.
    receiver.secrets = [former, secret];
    await world.attempted(await world.send(endpoint), 1);
    world.pass(HOUR + 1);
    receiver.secrets = [];
    await world.attempted(await world.send(endpoint), 1);
    expect(receiver.wrong).to.deep.equal([]);
    const [both, last] = receiver.received.map(({ headers }) => headers["webhook-signature"]?.split(" ").length);
    expect([both, last]).to.deep.equal([2, 1]);
    const { id = "", body = "", headers = {} } = receiver.received[1] ?? {};
    const at = new Date(Number(headers["webhook-timestamp"]) * 1000);
    expect(new Webhook(secret).sign(id, at, body)).to.equal(headers["webhook-signature"]);
    expect(new Webhook(former).sign(id, at, body)).to.not.equal(headers["webhook-signature"]);
    // Kept encrypted, and bound to the endpoint.
    const row = await world.application.webhookEndpoint.findUniqueOrThrow({ where: { id: endpoint } });
    expect(JSON.stringify(Object.values(row).map(String)))
      .to.not.contain(secret.slice(6))
      .and.not.to.contain("whsec_");
  });

  it("that cannot be signed, because the server has another key, wait for a new secret", async () => {
    const { application, receiver, app } = world;
    const endpoint = await world.endpoint();
    const { secret } = await application.webhookEndpoint.findUniqueOrThrow({ where: { id: endpoint } });
    const broken = `${secret.slice(0, -1)}${secret.endsWith("A") ? "B" : "A"}`;
    await application.webhookEndpoint.update({ where: { id: endpoint }, data: { secret: broken } });
    const id = await world.send(endpoint);
    const { state, attempts } = await world.attempted(id, 1);
    expect([state, attempts[0]?.failure]).to.deep.equal([
      "pending",
      "The endpoint's secret cannot be read here any more. Give it a new one with rotate-secret.",
    ]);
    expect(receiver.received).to.deep.equal([]);
    receiver.secrets = [(await app.webhooks.endpoints.rotate(OWNER, endpoint, 0)).secret];
    world.pass(10);
    expect((await world.attempted(id, 2)).state).to.equal("delivered");
  });

  it("to slow and dead endpoints keep no others waiting", async () => {
    const silentServer = createTcpServer(() => {});
    await new Promise<void>((resolve) => silentServer.listen(0, "127.0.0.1", resolve));
    const { port } = silentServer.address() as import("node:net").AddressInfo;
    const { application, receiver } = world;
    const stalling = await Promise.all(
      Array.from({ length: 15 }, () =>
        world.endpoint({ url: `http://127.0.0.1:${port}/`, receiver: { ...receiver, secrets: [] } }),
      ),
    );
    const good = await world.endpoint();
    // Ten for each that never answers, all of them due before the good one's.
    for (const endpoint of stalling) for (let count = 0; count < 10; count++) await world.send(endpoint);
    const times: number[] = [];
    for (let count = 0; count < 20; count++) {
      const started = performance.now();
      await world.attempted(await world.send(good), 1);
      times.push(performance.now() - started);
    }
    expect(receiver.received).to.have.length(20);
    expect(times.toSorted((a, b) => a - b)[10]).to.be.lessThan(TIMEOUT_MS);
    expect(await application.webhookDelivery.count({ where: { state: "pending" } })).to.equal(150);
    silentServer.close();
  });

  it("are tried at once although the clock was two days ahead when they were put off, and set right", async () => {
    const { application, receiver, app } = world;
    world.setClock(2 * DAY);
    const endpoint = await world.endpoint();
    // One that has failed, one that was never tried, and one that somebody was at.
    receiver.answer = (_message, response) => response.writeHead(500).end();
    const failed = await world.send(endpoint);
    await world.attempted(failed, 1);
    receiver.answer = undefined;
    const [untried, claimed] = [await world.send(endpoint), await world.send(endpoint)];
    for (const id of [untried, claimed]) await world.attempted(id, 1);
    await application.webhookEndpoint.updateMany({ data: { state: "disabled" } });
    const queued = { state: "pending", tries: 0, dueAt: Math.round(app.clock.now * 1000) };
    await application.webhookDelivery.update({ where: { id: untried }, data: queued });
    const claim = { claim: "dead", claimedTo: queued.dueAt + CLAIM_MS };
    await application.webhookDelivery.update({ where: { id: claimed }, data: { ...queued, ...claim } });
    world.setClock(-2 * DAY);
    await application.webhookEndpoint.updateMany({ data: { state: "enabled" } });
    expect((await world.attempted(failed, 2)).state).to.equal("delivered");
    expect((await world.attempted(untried, 2)).state).to.equal("delivered");
    // Whoever has claimed it may be at it still, for as long as a claim counts.
    await until(async () => {
      const { claimedTo } = await application.webhookDelivery.findUniqueOrThrow({ where: { id: claimed } });
      return claimedTo <= Math.round(app.clock.now * 1000) + CLAIM_MS;
    });
    expect((await world.attempted(claimed, 1)).state).to.equal("pending");
    world.pass(CLAIM_MS / 1000);
    expect((await world.attempted(claimed, 2)).state).to.equal("delivered");
  });

  it("are not kept waiting for days by an endpoint that has asked for an hour while the clock was ahead", async () => {
    const { receiver } = world;
    world.setClock(2 * DAY);
    receiver.answer = (_message, response) => response.writeHead(503, { "Retry-After": "3600" }).end();
    const endpoint = await world.endpoint();
    const id = await world.send(endpoint);
    await world.attempted(id, 1);
    receiver.answer = undefined;
    world.setClock(-2 * DAY);
    world.pass(HOUR + 1);
    expect((await world.attempted(id, 2)).state).to.equal("delivered");
  });

  it("are shared by servers, and what one of them leaves behind when it dies another one sends", async () => {
    const { application, receiver, app, mirror } = world;
    const connection = await openDatabase(mirror.url, { application: true });
    const webhooks = {
      ...{ allowLoopback: undefined, timeoutMs: TIMEOUT_MS, retryDelaysMs: undefined, expiringDays: 30, keptDays: 30 },
    };
    const config = { publicUrl: app.publicUrl, maxLagSeconds: 30, webhooks };
    const authSecret = "a secret that only tests know, and everybody else";
    const other = createWebhooks({
      ...{ config, database: mirror.database, application: connection, logger: silent },
      ...{ mirror: { status: freshStatus }, now: () => app.clock.now * 1000 },
      secrets: loadSecrets({ authSecret, dataKey: undefined, dataFolder: "" }),
    });
    other.start();
    try {
      const endpoint = await world.endpoint();
      const ids = [];
      for (let count = 0; count < 100; count++) ids.push(await world.send(endpoint));
      await receiver.until(100);
      await sleep(300);
      expect(receiver.received.map(({ id }) => id).sort()).to.deep.equal(ids.sort());

      // Claimed by somebody of whom nothing is heard any more.
      await application.webhookEndpoint.updateMany({ data: { state: "disabled" } });
      await application.webhookDelivery.updateMany({
        data: { state: "pending", claim: "dead", claimedTo: Math.round(app.clock.now * 1000) + 30_000 },
      });
      await application.webhookEndpoint.updateMany({ data: { state: "enabled" } });
      await sleep(600);
      expect(receiver.received).to.have.length(100);
      world.pass(31);
      await receiver.until(200);
      expect(new Set(receiver.received.map(({ id }) => id)).size).to.equal(100);
    } finally {
      await other.stop();
      await connection.$disconnect();
    }
  });

  it("of a time are sent again on request, those that failed or all of them, and forgotten after thirty days", async () => {
    const { receiver, app, application } = world;
    const { deliveries } = app.webhooks;
    const endpoint = await world.endpoint();
    await world.attempted(await world.send(endpoint), 1);
    world.pass(HOUR);
    const since = app.clock.now * 1000;
    const kept = [await world.send(endpoint), await world.send(endpoint)];
    for (const id of kept) await world.attempted(id, 1);
    await application.webhookDelivery.update({ where: { id: kept[0] ?? "" }, data: { state: "failed" } });
    const again = (onlyFailed: boolean) => deliveries.replaySince(OWNER, endpoint, { since, onlyFailed });
    expect(await again(true)).to.equal(1);
    await world.attempted(kept[0] ?? "", 2);
    expect(await again(false)).to.equal(2);
    await receiver.until(6);
    expect(
      receiver.received
        .slice(3)
        .map(({ id }) => id)
        .sort(),
    ).to.deep.equal([kept[0], ...kept].sort());

    await application.webhookDelivery.findMany();
    expect(await deliveries.prune(since)).to.equal(1);
    expect(await application.webhookEvent.count()).to.equal(2);
    world.pass(31 * DAY);
    // Events go last.
    await until(async () => (await application.webhookEvent.count()) === 0);
    expect(await application.webhookDelivery.count()).to.equal(0);
    expect(await application.webhookAttempt.count()).to.equal(0);
  });
});
