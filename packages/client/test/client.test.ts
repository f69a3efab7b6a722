// The client against the running server: what it asks is answered, what breaks off is asked again, and what goes wrong is an error that
// says why.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { type RunningApp, startApp } from "../../../test/server/http/support.ts";
import { sqlite } from "../../../test/support/databases.ts";
import {
  addressOf,
  COLLECTIONS,
  COLLECTOR,
  createMirrorFixture,
  type MirrorFixture,
  NOW,
} from "../../../test/support/mirror-fixture.ts";
import {
  createMintmarkClient,
  type MintmarkClientOptions,
  MintmarkError,
  MintmarkTimeoutError,
  unwrap,
  Webhook,
  WebhookVerificationError,
} from "../src/index.ts";

const { slug, address } = COLLECTIONS.atelier;
const COFFEE = 3;
const HOLDS_QUOTA = 2;

describe("typed client", () => {
  let mirror: MirrorFixture;
  let application: Database;
  let app: RunningApp;
  let apiKey: string;

  before(async () => {
    mirror = await createMirrorFixture(sqlite);
    application = await openDatabase(mirror.url, { application: true });
    app = await startApp(mirror.database, { application });
    const options = { brandId: 1, role: "staff", name: "shop", createdBy: "command-line", now: NOW * 1000 } as const;
    ({ key: apiKey } = await createApiKey(application, options));
    await mirror.database.benefit.create({
      data: {
        ...{ collectionAddress: address, tier: 3, benefitId: COFFEE, quota: HOLDS_QUOTA, period: 0, startsAt: 0 },
        ...{ blockNumber: 20, logIndex: 0 },
      },
    });
  });
  after(async () => {
    await app.close();
    await application.$disconnect();
    await mirror.close();
  });
  beforeEach(async () => {
    for (const table of ["benefitHold", "command", "idempotentRequest", "order"] as const)
      await (application[table] as { deleteMany(): Promise<unknown> }).deleteMany();
  });

  const connect = (options: Partial<MintmarkClientOptions> = {}) =>
    createMintmarkClient({ baseUrl: app.url, apiKey, ...options });
  /** A customer with an address of their own: this server keeps none for anybody. */
  const wish = {
    customer: { reference: "CRM-1", holder: addressOf("buyer") },
    items: [{ collection: slug, tier: 1, term: "P1Y" }],
  };

  /** What is sent through it is told; some attempts end as `faults` say, before the server has seen them or after. */
  function faultyFetch(faults: ((send: () => Promise<Response>) => Promise<Response>)[]) {
    const sent: Request[] = [];
    const fetch = async (request: Request) => {
      sent.push(request.clone());
      const send = () => globalThis.fetch(request);
      const fault = faults[sent.length - 1];
      return fault === undefined ? await send() : await fault(send);
    };
    const keys = () => sent.map(({ headers }) => headers.get("Idempotency-Key"));
    return { fetch, sent, keys };
  }
  const breaksOffBefore = async () => {
    throw new TypeError("fetch failed");
  };
  const breaksOffAfter = async (send: () => Promise<Response>) => {
    await send();
    throw new TypeError("terminated");
  };
  const says =
    (status: number, headers: Record<string, string> = {}) =>
    async () =>
      new Response(null, { status, headers });

  async function refusal(call: Promise<unknown>): Promise<MintmarkError> {
    try {
      await call;
    } catch (error) {
      if (error instanceof MintmarkError) return error;
      throw error;
    }
    throw new Error("It was not refused.");
  }

  it("asks what everybody may ask without a key, and follows a list to its end", async () => {
    const client = createMintmarkClient({ baseUrl: `${app.url}/` });
    const serials: number[] = [];
    let cursor: string | undefined;
    do {
      const { data, nextCursor, asOf } = await unwrap(
        client.GET("/v1/collections/{collection}/cards", {
          params: {
            path: { collection: COLLECTIONS.firstEdition.slug },
            query: { limit: 50, ...(cursor === undefined ? {} : { cursor }) },
          },
        }),
      );
      expect(asOf.blockNumber).to.be.above(0);
      serials.push(...data.map(({ serial }) => serial));
      cursor = nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(serials).to.deep.equal(Array.from({ length: 130 }, (_, index) => index + 1));
  });

  it("gives every order an Idempotency-Key, and keeps the caller's own", async () => {
    const { fetch, keys } = faultyFetch([]);
    const client = connect({ fetch });
    const first = await unwrap(client.POST("/v1/orders", { body: wish }));
    const second = await unwrap(client.POST("/v1/orders", { body: wish }));
    expect(first.data.id).to.not.equal(second.data.id);
    expect(first.data.cards[0]?.collection.slug).to.equal(slug);
    const own = { params: { header: { "Idempotency-Key": "web-1001" } }, body: wish };
    const third = await unwrap(client.POST("/v1/orders", own));
    const repeated = await unwrap(client.POST("/v1/orders", own));
    expect(repeated).to.deep.equal(third);
    const [one, two, ...owned] = keys();
    expect(one).to.match(/^[0-9a-f-]{36}$/);
    expect(two).to.match(/^[0-9a-f-]{36}$/);
    expect(one).to.not.equal(two);
    expect(owned).to.deep.equal(["web-1001", "web-1001"]);
    expect(await application.order.count()).to.equal(3);
  });

  it("sends an order again that broke off, and it is one order", async () => {
    const { fetch, sent, keys } = faultyFetch([breaksOffBefore, breaksOffAfter, says(503), says(429)]);
    const { data } = await unwrap(connect({ fetch }).POST("/v1/orders", { body: wish }));
    expect(data.state).to.equal("queued");
    expect(sent).to.have.length(5);
    expect(new Set(keys()).size).to.equal(1);
    expect(new Set(await Promise.all(sent.map((request) => request.text()))).size).to.equal(1);
    expect(await application.order.count()).to.equal(1);
  });

  it("waits as long as the server asks for, and gives up where that is too long", async () => {
    const { fetch } = faultyFetch([says(503, { "Retry-After": "1" })]);
    const started = performance.now();
    await unwrap(connect({ fetch }).GET("/v1/collections"));
    expect(performance.now() - started).to.be.above(1_000);

    const impatient = faultyFetch([says(503, { "Retry-After": "3600" })]);
    const error = await refusal(unwrap(connect({ fetch: impatient.fetch }).GET("/v1/collections")));
    expect(error).to.include({ status: 503, type: "about:blank", retryAfterSeconds: 3600 });
    expect(impatient.sent).to.have.length(1);
  });

  it("gives up after as many attempts as it was told", async () => {
    const { fetch, sent } = faultyFetch(Array.from({ length: 9 }, () => says(503)));
    expect((await refusal(unwrap(connect({ fetch, retries: 2 }).GET("/v1/collections")))).status).to.equal(503);
    expect(sent).to.have.length(3);
    const broken = faultyFetch(Array.from({ length: 9 }, () => breaksOffBefore));
    const call = connect({ fetch: broken.fetch, retries: 1 }).GET("/v1/collections");
    expect(await call.catch((error: Error) => error.message)).to.equal("fetch failed");
    expect(broken.sent).to.have.length(2);
  });

  it("never sends twice what would be done twice", async () => {
    const { fetch, sent, keys } = faultyFetch([]);
    const { data: order } = await unwrap(connect({ fetch }).POST("/v1/orders", { body: wish }));
    const cancelling = faultyFetch([breaksOffAfter]);
    const call = connect({ fetch: cancelling.fetch }).POST("/v1/orders/{order}/cancel", {
      params: { path: { order: order.id } },
      // Whoever sends one along here does not get it repeated either.
      headers: { "Idempotency-Key": "a promise that this operation does not give" },
    });
    expect(await call.catch((error: Error) => error.message)).to.equal("terminated");
    expect([sent.length, cancelling.sent.length]).to.deep.equal([1, 1]);
    expect([keys()[0] === null, cancelling.keys()[0]]).to.deep.equal([false, null]);
    const busy = faultyFetch([says(503)]);
    const basket = { lines: [{ id: "1", product: "SKU-1", unitPrice: 100 }] };
    expect(
      (await refusal(unwrap(connect({ fetch: busy.fetch }).POST("/v1/entitlements/check", { body: basket })))).status,
    ).to.equal(503);
    expect(busy.sent).to.have.length(1);
  });

  it("tells what a customer is entitled to, and checks a basket", async () => {
    const client = connect();
    const path = { address: COLLECTOR };
    const { data } = await unwrap(client.GET("/v1/holders/{address}/entitlements", { params: { path } }));
    const card = data.cards.find(({ collection }) => collection.slug === slug);
    expect(card?.benefits).to.have.length(1);
    expect(card?.benefits[0]).to.include({ id: COFFEE, left: HOLDS_QUOTA, usable: true });
    const basket = { holder: COLLECTOR, lines: [{ id: "1", product: "SKU-1", unitPrice: 1999, quantity: 2 }] };
    const checked = await unwrap(client.POST("/v1/entitlements/check", { body: basket }));
    expect(checked.data).to.include({ member: true, subtotal: 3998, total: 3998 });
  });

  it("reserves a benefit once, though the answer was lost, and says what is wrong when it is used up", async () => {
    const body = { holder: COLLECTOR, collection: slug, serial: 1, benefit: COFFEE };
    const { fetch } = faultyFetch([breaksOffAfter]);
    const { data: held } = await unwrap(connect({ fetch }).POST("/v1/redemptions", { body }));
    expect(held.state).to.equal("held");
    expect(await application.benefitHold.count()).to.equal(1);
    const client = connect();
    await unwrap(client.POST("/v1/redemptions", { body }));
    const error = await refusal(unwrap(client.POST("/v1/redemptions", { body })));
    expect(error).to.include({ type: "/problems/benefit-refused", status: 409, reason: "used-up" });
    expect(error.message).to.equal(error.detail);
    expect(app.log.some(({ requestId }) => requestId === error.requestId)).to.equal(true);
    const path = { redemption: held.id };
    const { data: released } = await unwrap(client.POST("/v1/redemptions/{redemption}/release", { params: { path } }));
    expect(released.state).to.equal("released");
  });

  it("makes an error of each kind of problem", async () => {
    const body = { ...wish, items: [] };
    const invalid = await refusal(unwrap(connect().POST("/v1/orders", { body })));
    expect(invalid).to.include({ name: "MintmarkError", type: "/problems/invalid-request", status: 400 });
    expect(invalid.errors.map(({ parameter }) => parameter)).to.deep.equal(["items"]);
    const stranger = createMintmarkClient({ baseUrl: app.url });
    expect(await refusal(unwrap(stranger.GET("/v1/orders")))).to.include({
      type: "/problems/unauthenticated",
      status: 401,
    });
    const missing = { params: { path: { collection: "no-such-collection" } } };
    expect(await refusal(unwrap(connect().GET("/v1/collections/{collection}", missing)))).to.include({
      type: "/problems/not-found",
      status: 404,
    });
    expect((await connect().GET("/v1/collections/{collection}", missing)).error?.type).to.equal("/problems/not-found");
  });

  describe("of a server that misbehaves", () => {
    let server: Server;
    let answer: (request: IncomingMessage, response: ServerResponse) => void;
    let asked: number;
    const baseUrl = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

    beforeEach(async () => {
      asked = 0;
      server = createServer((request, response) => {
        asked++;
        answer(request, response);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    });
    afterEach(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    it("asks again when an answer breaks off in the middle", async () => {
      answer = (_request, response) => {
        response.writeHead(200, { "Content-Type": "application/json", "Content-Length": "26" });
        response.write('{"data": [], ');
        if (asked === 1) setTimeout(() => response.destroy(), 20);
        else response.end('"asOf": null}');
      };
      expect((await unwrap(createMintmarkClient({ baseUrl: baseUrl() }).GET("/v1/collections"))).data).to.deep.equal(
        [],
      );
      expect(asked).to.equal(2);
    });

    it("stops waiting for each attempt, and altogether when the caller does", async () => {
      answer = () => {};
      const client = createMintmarkClient({ baseUrl: baseUrl(), timeoutMs: 500, retries: 1 });
      const late = await client.GET("/v1/collections").catch((error: unknown) => error);
      expect(late).to.be.instanceOf(MintmarkTimeoutError);
      expect(asked).to.equal(2);
      const patient = createMintmarkClient({ baseUrl: baseUrl() });
      const started = performance.now();
      const stopped = await patient
        .GET("/v1/collections", { signal: AbortSignal.timeout(500) })
        .catch((error: Error) => error.name);
      expect(stopped).to.equal("TimeoutError");
      expect(performance.now() - started).to.be.below(9_000);
      expect(asked).to.equal(3);
    });

    it("does not wait out a pause that the caller has no time for", async () => {
      answer = (_request, response) => void response.writeHead(503, { "Retry-After": "10" }).end();
      const started = performance.now();
      const stopped = await createMintmarkClient({ baseUrl: baseUrl() })
        .GET("/v1/collections", { signal: AbortSignal.timeout(100) })
        .catch((error: Error) => error.name);
      expect(stopped).to.equal("TimeoutError");
      expect(performance.now() - started).to.be.below(9_000);
    });

    it("makes an error of an answer that is none of Mintmark's", async () => {
      answer = (_request, response) =>
        void response.writeHead(502, { "Content-Type": "text/html" }).end("<h1>Bad</h1>");
      const error = await refusal(unwrap(createMintmarkClient({ baseUrl: baseUrl() }).GET("/v1/collections")));
      expect(error).to.include({ type: "about:blank", status: 502, requestId: undefined });
      expect(error.message).to.contain("502");
    });
  });

  it("verifies webhooks as Standard Webhooks says", () => {
    const webhook = new Webhook(`whsec_${Buffer.from("a secret of twenty-four b").toString("base64")}`);
    const body = JSON.stringify({ type: "card.issued", data: {} });
    const at = new Date();
    const headers = {
      "webhook-id": "msg_1",
      "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
      "webhook-signature": webhook.sign("msg_1", at, body),
    };
    expect(webhook.verify(body, headers)).to.deep.equal({ type: "card.issued", data: {} });
    expect(() => webhook.verify(body.replace("issued", "revoked"), headers)).to.throw(WebhookVerificationError);
  });
});
