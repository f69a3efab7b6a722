// Holds every operation, with every status that the OpenAPI document gives it, against the document itself.

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect } from "chai";
import type { Database } from "../../../server/database/client.ts";
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
import { publicPaths, type RunningApp, startApp } from "./support.ts";

interface DocumentedResponse {
  $ref?: string;
  content?: Record<string, { schema: object }>;
  headers?: Record<string, { required?: boolean; $ref?: string }>;
}
interface OpenApiDocument {
  openapi: string;
  info: { license: object; contact: object };
  servers: { url: string }[];
  tags: { name: string; description: string }[];
  paths: Record<
    string,
    {
      get: {
        operationId: string;
        summary: string;
        description: string;
        tags: string[];
        responses: Record<string, DocumentedResponse>;
      };
    }
  >;
}

const { slug, address } = COLLECTIONS.firstEdition;

describeOnEachDatabase("API contract", (kind) => {
  let mirror: MirrorFixture;
  let empty: Awaited<ReturnType<typeof createEmptyMirror>>;
  let app: RunningApp;
  let emptyApp: RunningApp;
  let limitedApp: RunningApp;
  let brokenApp: RunningApp;
  let awayApp: RunningApp;
  let document: OpenApiDocument;
  let ajv: Ajv2020;
  const validators = new Map<string, ValidateFunction>();
  const seen = new Set<string>();

  before(async () => {
    mirror = await createMirrorFixture(kind);
    empty = await createEmptyMirror(kind);
    app = await startApp(mirror.database);
    emptyApp = await startApp(empty.database);
    limitedApp = await startApp(mirror.database, { rateLimitPerMinute: 1 });
    brokenApp = await startApp(brokenDatabase(mirror.database));
    awayApp = await startApp(brokenDatabase(mirror.database, outage));
    document = (await (await app.get("/openapi.json")).json()) as OpenApiDocument;
    // What belongs to a brand is held against the document in test/server/accounts/disclosure.test.ts.
    document.paths = publicPaths(document.paths);
    ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema(document, "document");
  });
  after(async () => {
    for (const running of [app, emptyApp, limitedApp, brokenApp, awayApp]) await running.close();
    await mirror.close();
    await empty.close();
  });

  /** Sends a request and holds the answer against what the document says of `path`. */
  async function check(
    path: string,
    target: string,
    status: number,
    options: { on?: RunningApp; headers?: Record<string, string> } = {},
  ) {
    const response = await (options.on ?? app).get(target, { headers: options.headers ?? {} });
    const text = await response.text();
    expect(response.status, `${target}: ${text}`).to.equal(status);
    const documented = document.paths[path]?.get.responses[String(status)];
    expect(documented, `${path} ${status} is not in the document`).to.not.equal(undefined);
    seen.add(`${path} ${status}`);
    for (const [name, header] of Object.entries(documented?.headers ?? {})) {
      if (header.required) expect(response.headers.get(name), `${name} of ${target}`).to.be.a("string");
    }
    const contentType = response.headers.get("content-type")?.split(";")[0];
    if (documented?.content === undefined) {
      expect(text).to.equal("");
      return { response, body: undefined };
    }
    expect(Object.keys(documented.content)).to.deep.equal([contentType]);
    if (contentType === "text/plain") return { response, body: text };
    const pointer = ["paths", path, "get", "responses", String(status), "content", contentType ?? "", "schema"]
      .map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1")))
      .join("/");
    const reference = `document#/${pointer}`;
    const validate = validators.get(reference) ?? ajv.compile({ $ref: reference });
    validators.set(reference, validate);
    const body = JSON.parse(text);
    expect(validate(body), `${target}: ${ajv.errorsText(validate.errors)} in ${text}`).to.equal(true);
    return { response, body };
  }

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
    expect(document.openapi).to.equal("3.1.0");
    expect(document.info.license).to.be.an("object");
    expect(document.info.contact).to.be.an("object");
    expect(document.servers.map(({ url }) => url)).to.deep.equal([app.url]);
    expect(Object.keys(document.paths).sort()).to.deep.equal(Object.keys(TARGETS).sort());
    const ids = new Set<string>();
    for (const { get } of Object.values(document.paths)) {
      ids.add(get.operationId);
      expect(get.summary).to.not.equal("");
      expect(get.description).to.not.equal("");
      expect(document.tags.map(({ name }) => name)).to.include.members(get.tags);
    }
    expect(ids.size).to.equal(Object.keys(TARGETS).length);
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
      if (document.paths[path]?.get.responses["400"] === undefined) continue;
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
      if (document.paths[path]?.get.responses["409"] === undefined) continue;
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
      if (document.paths[path]?.get.responses["409"] !== undefined) {
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
      if (document.paths[path]?.get.responses["429"] === undefined) {
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
    const documented = Object.entries(document.paths).flatMap(([path, { get }]) =>
      Object.keys(get.responses).map((status) => `${path} ${status}`),
    );
    // What these answer with then is not a problem but says so itself.
    const unreachable = ["/ready 500", "/metrics 500", "/health 500"];
    expect(documented.filter((key) => !seen.has(key)).sort()).to.deep.equal(unreachable.sort());
  });
});

/** As the client reports it: what the driver has said is hidden within. */
const outage = Object.assign(new Error("Can't reach database server at 10.0.0.1:5432"), {
  code: "P2010",
  meta: { driverAdapterError: { cause: { kind: "DatabaseNotReachable", host: "10.0.0.1", port: 5432 } } },
});

/** A database whose every query fails. */
function brokenDatabase(database: Database, error = new Error("disk I/O error")): Database {
  const fail = async () => {
    throw error;
  };
  return new Proxy(database, {
    get: (target, name) => (name === "$transaction" || name === "$queryRaw" ? fail : Reflect.get(target, name)),
  });
}
