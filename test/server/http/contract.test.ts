// Holds every operation that reads the mirror, with every status that the OpenAPI document gives it, against the document itself.
// orders.test.ts does the same for those of orders.

import { expect } from "chai";
import { describeOnEachDatabase } from "../../support/databases.ts";
import {
  COLLECTIONS,
  COLLECTOR,
  createEmptyMirror,
  createMirrorFixture,
  freshStatus,
  type MirrorFixture,
  SERIALS,
} from "../../support/mirror-fixture.ts";
import { type Contract, readContract } from "./contract.ts";
import { brokenDatabase, outage, type RunningApp, startApp } from "./support.ts";

const { slug, address } = COLLECTIONS.firstEdition;
const TAGS = ["collections", "holders", "verification", "metadata", "operations"];

describeOnEachDatabase("API contract", (kind) => {
  let mirror: MirrorFixture;
  let empty: Awaited<ReturnType<typeof createEmptyMirror>>;
  let app: RunningApp;
  let emptyApp: RunningApp;
  let limitedApp: RunningApp;
  let brokenApp: RunningApp;
  let awayApp: RunningApp;
  let contract: Contract;

  before(async () => {
    mirror = await createMirrorFixture(kind);
    empty = await createEmptyMirror(kind);
    app = await startApp(mirror.database);
    emptyApp = await startApp(empty.database);
    limitedApp = await startApp(mirror.database, { rateLimitPerMinute: 1 });
    brokenApp = await startApp(brokenDatabase(mirror.database));
    awayApp = await startApp(brokenDatabase(mirror.database, outage));
    contract = await readContract(app);
  });
  after(async () => {
    for (const running of [app, emptyApp, limitedApp, brokenApp, awayApp]) await running.close();
    await mirror.close();
    await empty.close();
  });

  const check: Contract["check"] = (...request) => contract.check(...request);
  const knows = (path: string, status: number) => contract.operation("get", path)?.responses[status] !== undefined;

  const TARGETS: Record<string, string> = {
    "/v1/collections": "/v1/collections",
    "/v1/collections/{collection}": `/v1/collections/${slug}`,
    "/v1/collections/{collection}/cards": `/v1/collections/${slug}/cards`,
    "/v1/collections/{collection}/cards/{serial}": `/v1/collections/${slug}/cards/42`,
    "/v1/holders/{address}/cards": `/v1/holders/${COLLECTOR}/cards`,
    "/v1/verify/{collection}/{serial}": `/v1/verify/${slug}/42`,
    "/metadata/{address}": `/metadata/${address}`,
    "/metadata/{address}/{serial}": `/metadata/${address}/42`,
    "/health": "/health",
    "/ready": "/ready",
    "/metrics": "/metrics",
  };

  it("is a complete document", () => {
    const { document } = contract;
    expect(document.openapi).to.equal("3.1.0");
    expect(document.info.license).to.be.an("object");
    expect(document.info.contact).to.be.an("object");
    expect(document.servers.map(({ url }) => url)).to.deep.equal([app.url]);
    const known = document.tags.map(({ name }) => name);
    const all = contract.operations(known);
    expect(all.length).to.equal(Object.values(document.paths).flatMap((methods) => Object.keys(methods)).length);
    for (const [, , operation] of all) {
      expect(operation.summary).to.not.equal("");
      expect(operation.description).to.not.equal("");
    }
    expect(new Set(all.map(([, , { operationId }]) => operationId)).size).to.equal(all.length);
    const reading = contract.operations(TAGS).map(([method, path]) => `${method} ${path}`);
    expect(reading.sort()).to.deep.equal(
      Object.keys(TARGETS)
        .map((path) => `get ${path}`)
        .sort(),
    );
  });

  it("answers 200 and, for the same tag, 304", async () => {
    for (const [path, target] of Object.entries(TARGETS)) {
      const { response } = await check(path, target, 200);
      const tag = response.headers.get("etag");
      if (tag === null) continue;
      expect(tag).to.match(/^W\/"[\w-]+"$/);
      await check(path, target, 304, { headers: { "If-None-Match": tag } });
    }
  });

  it("answers 400 to what is not valid", async () => {
    for (const [path, target] of Object.entries(TARGETS)) {
      if (!knows(path, 400)) continue;
      const { body } = await check(path, `${target}?colour=red`, 400);
      expect(body.errors).to.deep.equal([
        { parameter: "colour", detail: "is not a parameter that this request knows" },
      ]);
    }
  });

  it("answers 404 to what does not exist", async () => {
    await check("/v1/collections/{collection}", "/v1/collections/none-such", 404);
    await check("/v1/collections/{collection}/cards", "/v1/collections/none-such/cards", 404);
    await check(
      "/v1/collections/{collection}/cards/{serial}",
      `/v1/collections/${slug}/cards/${SERIALS.notIssued}`,
      404,
    );
    await check("/v1/verify/{collection}/{serial}", "/v1/verify/none-such/1", 404);
    await check("/metadata/{address}", `/metadata/0x${"00".repeat(20)}`, 404);
    await check("/metadata/{address}/{serial}", `/metadata/${address}/${SERIALS.notIssued}`, 404);
  });

  it("answers of the past, and 409 of a block that is not read yet", async () => {
    for (const [path, target] of Object.entries(TARGETS)) {
      if (!knows(path, 409)) continue;
      const { body } = await check(path, `${target}?atBlock=1023`, 200);
      expect(body.asOf).to.include({ blockNumber: 1023, blockHash: null, historical: true });
      const now = await check(path, target, 200);
      const newest = await check(path, `${target}?atBlock=1024`, 200);
      expect(newest.body.asOf).to.deep.include({ ...now.body.asOf, lagSeconds: null, historical: true });
      const refused = await check(path, `${target}?atBlock=1025`, 409);
      expect(refused.body.type).to.equal("/problems/block-not-reached");
      expect(refused.body.detail).to.contain("up to block 1024.");
    }
    await check("/v1/collections/{collection}", "/v1/collections/none-such?atBlock=1025", 409);
    await check("/v1/collections/{collection}", "/v1/collections/none-such?atBlock=1024", 404);
    await check("/v1/verify/{collection}/{serial}", "/v1/verify/none-such/1?atBlock=1025", 409);
    await check("/v1/verify/{collection}/{serial}", "/v1/verify/none-such/1?atBlock=1024", 404);
  });

  it("answers 503 while the mirror is empty", async () => {
    emptyApp.status = {
      ...freshStatus(),
      state: "starting",
      chainId: undefined,
      registry: undefined,
      indexed: undefined,
      headNumber: undefined,
      lagSeconds: undefined,
      problem: "No chain.",
    };
    for (const [path, target] of Object.entries(TARGETS)) {
      if (path === "/health" || path === "/metrics") continue;
      const { body } = await check(path, target, 503, { on: emptyApp });
      if (path !== "/ready") expect(body.type).to.equal("/problems/mirror-not-ready");
      if (knows(path, 409)) {
        await check(path, `${target}?atBlock=1`, 503, { on: emptyApp });
      }
    }
  });

  it("says how far the reading of history is", async () => {
    const progress = { from: 0, target: 2_000, block: 0, events: 0, eventsPerSecond: 0, secondsLeft: undefined };
    emptyApp.status = { ...freshStatus(), state: "catching-up", progress };
    const begun = await check("/ready", "/ready", 503, { on: emptyApp });
    expect(begun.body.mirror.progress).to.deep.equal({ ...progress, secondsLeft: null });
    emptyApp.status.progress = { ...progress, block: 1_000, events: 50_000, eventsPerSecond: 25_000, secondsLeft: 2 };
    const half = await check("/ready", "/ready", 503, { on: emptyApp });
    expect(half.body.mirror.progress).to.deep.equal(emptyApp.status.progress);
    expect((await check("/ready", "/ready", 200)).body.mirror.progress).to.equal(null);
  });

  it("answers 429 beyond the rate limit", async () => {
    await limitedApp.get("/v1/collections");
    for (const [path, target] of Object.entries(TARGETS)) {
      if (!knows(path, 429)) {
        await check(path, target, 200, { on: limitedApp });
        continue;
      }
      const { response, body } = await check(path, target, 429, { on: limitedApp });
      expect(body.type).to.equal("/problems/too-many-requests");
      expect(Number(response.headers.get("retry-after"))).to.be.within(1, 60);
    }
  });

  it("answers 500 without internals, and logs the cause with the request's id", async () => {
    for (const [path, target] of Object.entries(TARGETS)) {
      if (path === "/metrics") continue;
      if (path === "/health" || path === "/ready") {
        await check(path, target, 503, { on: brokenApp });
        continue;
      }
      const { response, body } = await check(path, target, 500, { on: brokenApp });
      expect(JSON.stringify(body)).to.not.contain("disk I/O");
      expect(body.requestId).to.equal(response.headers.get("x-request-id"));
      const logged = brokenApp.log.find((line) => line["requestId"] === body.requestId && "err" in line);
      expect(JSON.stringify(logged)).to.contain("disk I/O");
    }
  });

  it("answers 503 while the database is out of reach, and says for how long to wait", async () => {
    for (const [path, target] of Object.entries(TARGETS)) {
      if (path === "/metrics") continue;
      const { response, body } = await check(path, target, 503, { on: awayApp });
      if (path === "/health" || path === "/ready") continue;
      expect(body.type).to.equal("/problems/database-unavailable");
      expect(Number(response.headers.get("retry-after"))).to.be.greaterThan(0);
      expect(JSON.stringify(body)).to.not.contain("10.0.0.1");
    }
  });

  it("was seen with every status that is documented", () => {
    // What these answer with then is not a problem but says so itself.
    const unreachable = ["/ready", "/metrics", "/health"].map((path) => `get ${path} 500`);
    expect(contract.unseen(TAGS).sort()).to.deep.equal(unreachable.sort());
  });
});
