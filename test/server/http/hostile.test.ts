// What strangers send: every answer is clean, and none is a 500.

import { request as httpRequest } from "node:http";
import { expect } from "chai";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { COLLECTIONS, createMirrorFixture, type MirrorFixture, NOW } from "../../support/mirror-fixture.ts";
import { until } from "../../support/patience.ts";
import { type RunningApp, startApp } from "./support.ts";

const { slug, address } = COLLECTIONS.firstEdition;
const LONG = "9".repeat(5_000);

describeOnEachDatabase("hostile requests", (kind) => {
  let mirror: MirrorFixture;
  let app: RunningApp;

  before(async () => {
    mirror = await createMirrorFixture(kind);
    app = await startApp(mirror.database);
  });
  after(async () => {
    await app.close();
    await mirror.close();
  });

  /** Sends a path as it is, without the mending that `fetch` does. */
  async function raw(
    path: string,
    method = "GET",
    headers: Record<string, string> = {},
  ): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }> {
    return await new Promise((resolve, reject) => {
      const { hostname, port } = new URL(app.url);
      const sent = httpRequest({ hostname, port, path, method, headers }, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      });
      sent.on("error", reject);
      sent.end();
    });
  }

  const mixedCase = `0x${address.slice(2, 21).toUpperCase()}${address.slice(21)}`;
  const refused: [string, number][] = [
    ["/v1/collections/%ZZ", 400],
    ["/v1/collections/%00", 400],
    [`/v1/collections/${slug}%00`, 400],
    ["/v1/collections/%F0%28%8C%28", 400],
    [`/v1/collections/${LONG}`, 400],
    [`/v1/collections/${slug}/cards/${LONG}`, 400],
    [`/v1/collections/${slug}/cards/0042`, 400],
    [`/v1/collections/${slug}/cards/0`, 400],
    [`/v1/collections/${slug}/cards/-1`, 400],
    [`/v1/collections/${slug}/cards/1e3`, 400],
    [`/v1/collections/${slug}/cards/4%00`, 400],
    [`/v1/collections/${slug}/cards/${encodeURIComponent("４２")}`, 400],
    [`/v1/collections/${slug}/cards/9999999999999999999999`, 404],
    [`/v1/collections/${slug}/cards/2147483648`, 404],
    [`/v1/verify/${slug}/abc`, 400],
    [`/v1/collections/${mixedCase}`, 400],
    [`/v1/holders/${mixedCase}/cards`, 400],
    ["/v1/holders/0x00/cards", 400],
    ["/v1/collections/UPPER-CASE", 400],
    ["/v1/collections?atBlock=", 400],
    ["/v1/collections?atBlock=-1", 400],
    ["/v1/collections?atBlock=1.5", 400],
    ["/v1/collections?atBlock=1e3", 400],
    ["/v1/collections?atBlock=0x10", 400],
    ["/v1/collections?atBlock=007", 400],
    ["/v1/collections?atBlock=latest", 400],
    ["/v1/collections?atBlock=1&atBlock=2", 400],
    ["/v1/collections?atBlock[]=1", 400],
    ["/v1/collections?atblock=1", 400],
    ["/v1/collections?atBlock=%31%00", 400],
    [`/v1/collections?atBlock=${encodeURIComponent("１")}`, 400],
    [`/v1/collections?atBlock=${encodeURIComponent("1 OR 1=1")}`, 400],
    [`/v1/collections?atBlock=${LONG}`, 400],
    [`/v1/collections?atBlock=${"9".repeat(78)}`, 409],
    ["/v1/collections?atBlock=2147483647", 409],
    ["/v1/collections?atBlock=2147483648", 409],
    [`/v1/verify/${slug}/42?atBlock=9007199254740993`, 409],
    [`/v1/holders/${address}/cards?atBlock=1025&cursor=${"_".repeat(32)}`, 409],
    [`/metadata/${address}?atBlock=1`, 400],
    ["/v1/collections?limit=0", 400],
    ["/v1/collections?limit=201", 400],
    ["/v1/collections?limit=", 400],
    ["/v1/collections?limit=%31%00", 400],
    ["/v1/collections?limit=1&limit=2", 400],
    ["/v1/collections?limit[]=1", 400],
    ["/v1/collections?limit=%ZZ", 400],
    ["/v1/collections?__proto__=1", 400],
    ["/v1/collections?constructor=1&toString=2", 400],
    ["/v1/collections?cursor=AAAAKg", 400],
    ["/v1/collections?cursor=", 400],
    [`/v1/collections/${slug}/cards?cursor=AAAAK_`, 400],
    [`/v1/collections/${slug}/cards?cursor=${LONG}`, 400],
    [`/v1/collections?${LONG}=1`, 400],
    ["/v1/nope", 404],
    ["/v1/collections/", 404],
    ["/V1/collections", 404],
  ];
  for (const [path, status] of refused) {
    it(`get ${status} for ${path.length > 70 ? `${path.slice(0, 70)}…` : path}`, async () => {
      const answer = await raw(path);
      expect(answer.status, answer.text).to.equal(status);
      if (!path.startsWith("/V1")) expect(answer.headers["content-type"]).to.contain("application/problem+json");
      expect(answer.text.length).to.be.below(2_500);
    });
  }

  describe("with a key", () => {
    let application: Database;
    let key: string;
    before(async () => {
      application = await openDatabase(mirror.url, { application: true });
      const options = { brandId: 1, role: "owner", name: "test", createdBy: "command-line", now: NOW * 1000 } as const;
      ({ key } = await createApiKey(application, options));
    });
    after(() => application.$disconnect());
    const ask = (path: string, init: RequestInit = {}) =>
      app.get(path, { ...init, headers: { Authorization: `Bearer ${key}`, ...init.headers } });

    for (const list of ["members", "invitations", "api-keys", "customers", "redemptions", "audit-log", "imports"]) {
      it(`get 400 for a cursor of /v1/${list} that is no text`, async () => {
        const response = await ask(`/v1/${list}?cursor=${Buffer.from("a\0b").toString("base64url")}`);
        expect(response.status).to.equal(400);
        const { errors } = (await response.json()) as { errors: { parameter: string }[] };
        expect(errors.map(({ parameter }) => parameter)).to.deep.equal(["cursor"]);
      });
    }

    it("get 400 for texts with a NUL character, wherever they are", async () => {
      const send = (method: string, path: string, body: unknown) =>
        ask(path, {
          method,
          headers: { "Content-Type": "application/json", "Idempotency-Key": path },
          body: JSON.stringify(body),
        });
      const rule = { name: { en: "A" }, kind: "access", products: ["*"] };
      const benefit = `/v1/collections/${slug}/benefits/1`;
      const redemption = { customer: "CRM-1", collection: slug, serial: 1, benefit: 1 };
      const wrong: [string, Promise<Response>][] = [
        ["note", send("POST", "/v1/redemptions", { ...redemption, note: "a\0" })],
        ["name.en", send("PUT", benefit, { ...rule, name: { en: "A\0" } })],
        ["products.1", send("PUT", benefit, { ...rule, products: ["SKU-1", "\0"] })],
        ["name", send("POST", "/v1/api-keys", { name: "a\0b", role: "staff" })],
      ];
      for (const [parameter, answer] of wrong) {
        const response = await answer;
        expect(response.status, parameter).to.equal(400);
        const { errors } = (await response.json()) as { errors: object[] };
        expect(errors).to.deep.equal([{ parameter, detail: "holds a NUL character" }]);
      }
    });

    it("get what has no tag, whatever tags they name", async () => {
      for (const path of ["/ready", "/health", "/metrics", "/v1/me", "/v1/orders", "/v1/audit-log"])
        expect((await ask(path, { headers: { "If-None-Match": "*" } })).status, path).to.equal(200);
    });
  });

  it("get answers that caches keep apart by what was accepted", async () => {
    for (const accept of ["text/html", "application/json"]) {
      expect((await raw("/nope", "GET", { Accept: accept })).headers["vary"], accept).to.contain("Accept");
    }
  });

  it("get a verdict for any serial that is a number", async () => {
    const answer = await raw(`/v1/verify/${slug}/${"9".repeat(78)}`);
    expect(JSON.parse(answer.text).data.verdict).to.equal("not-found");
  });

  it("get 404 in HTML or as a problem, as they accept", async () => {
    expect((await raw("/nope", "GET", { Accept: "text/html" })).headers["content-type"]).to.contain("text/html");
    expect((await raw("/nope", "GET", { Accept: "application/json" })).headers["content-type"]).to.contain(
      "application/problem+json",
    );
  });

  it("get clean pages for bad addresses", async () => {
    for (const path of [
      "/%ZZ",
      "/v/%ZZ/1",
      `/v/${slug}/%ZZ`,
      `/v/${slug}/%00`,
      `/v/${slug}/${LONG}`,
      `/v/${LONG}/1`,
      `/v/${slug}/0`,
      `/v/${slug}/abc`,
      `/v/${mixedCase}/1`,
      "/v/%3Cscript%3Ealert(1)%3C%2Fscript%3E/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
      "/verify?collection=%00&serial=%00",
      `/verify?collection=${LONG}&serial=${LONG}`,
      "/verify?collection=a&collection=b&serial=1",
      "/verify?serial=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
      "/assets/../../package.json",
      "/assets/%2e%2e/%2e%2e/package.json",
      "/docs/package.json",
      `/v/${slug}/131/qr.svg`,
      `/v/${slug}/9999999999999/qr.png`,
    ]) {
      const answer = await raw(path, "GET", { Accept: "text/html" });
      expect(answer.status, path).to.be.within(400, 404);
      expect(answer.headers["content-type"], path).to.contain("text/html");
      expect(answer.text, path).to.not.match(/<script>|<img src=x|"name": "mintmark"/);
    }
  });

  it("get 405 with what is allowed, for every method that is not", async () => {
    for (const path of [
      "/v1/collections",
      "/health",
      "/openapi.json",
      "/",
      "/verify",
      `/v/${slug}/42`,
      "/docs",
      "/problems/not-found",
    ]) {
      for (const method of ["POST", "PUT", "PATCH", "DELETE", "TRACE"]) {
        const answer = await raw(path, method, { Accept: "application/json" });
        expect(answer.status, `${method} ${path}`).to.equal(405);
        expect(answer.headers["allow"]).to.equal("GET, HEAD, OPTIONS");
        expect(JSON.parse(answer.text).type).to.equal("/problems/method-not-allowed");
      }
    }
  });

  it("get the headers of GET for HEAD", async () => {
    const head = await raw("/v1/collections", "HEAD");
    const get = await raw("/v1/collections");
    expect(head.status).to.equal(200);
    expect(head.text).to.equal("");
    expect(head.headers["etag"]).to.equal(get.headers["etag"]);
    expect(head.headers["content-length"]).to.equal(get.headers["content-length"]);
  });

  it("may be sent by pages of other origins, to the API only", async () => {
    const preflight = await raw("/v1/collections", "OPTIONS", {
      Origin: "https://shop.example",
      "Access-Control-Request-Method": "GET",
    });
    expect(preflight.status).to.equal(204);
    expect(preflight.headers["access-control-allow-origin"]).to.equal("*");
    for (const path of ["/v1/nope", "/v1/collections/%ZZ", "/openapi.json", `/metadata/${address}/42`]) {
      expect((await raw(path)).headers["access-control-allow-origin"], path).to.equal("*");
    }
    expect((await raw("/ready")).headers["access-control-allow-origin"]).to.equal(undefined);
  });

  it("are answered with headers that forbid inline code", async () => {
    for (const path of ["/", `/v/${slug}/42`, "/docs", "/v1/collections", "/nope"]) {
      const { headers } = await raw(path);
      expect(headers["content-security-policy"], path).to.contain("default-src 'none'");
      expect(headers["content-security-policy"], path).to.not.contain("unsafe");
      expect(headers["x-frame-options"], path).to.equal("DENY");
      expect(headers["x-content-type-options"]).to.equal("nosniff");
      expect(headers["x-powered-by"]).to.equal(undefined);
    }
  });

  it("leave one line in the log, without their query", async () => {
    app.log.length = 0;
    await raw("/v1/collections?limit=3&token=secret-token", "GET", { "X-Request-Id": "from-the-client-1" });
    await raw("/v1/collections", "GET", { "X-Request-Id": "<bad>" });
    await until(() => app.log.length >= 2);
    expect(app.log).to.have.length(2);
    expect(app.log[0]).to.include({
      requestId: "from-the-client-1",
      method: "GET",
      route: "/v1/collections",
      status: 400,
      msg: "request",
    });
    expect(app.log[0]?.["durationMs"]).to.be.a("number");
    expect(JSON.stringify(app.log)).to.not.contain("secret-token");
    expect(app.log[1]?.["requestId"]).to.match(/^[0-9a-f-]{36}$/);
  });

  it("are measured by route, never by what they asked for", async () => {
    await raw("/made-up-path-1");
    await raw(`/v1/collections/${slug}`);
    const { text } = await raw("/metrics");
    expect(text).to.contain('route="/v1/collections/{collection}"');
    expect(text).to.contain('route="unmatched"');
    expect(text).to.not.contain("made-up-path-1");
    expect(text).to.contain("mintmark_process_cpu_user_seconds_total");
  });
});
