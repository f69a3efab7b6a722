import { expect } from "chai";
import { createMirrorFixture, type MirrorFixture } from "../../support/mirror-fixture.ts";
import { type RunningApp, setClock, startApp } from "./support.ts";

describe("rate limit", () => {
  let mirror: MirrorFixture;
  let app: RunningApp;

  before(async () => {
    mirror = await createMirrorFixture();
    app = await startApp(mirror.database, { rateLimitPerMinute: 3 });
  });
  after(async () => {
    await app.close();
    await mirror.close();
  });

  it("counts down, then refuses with a problem document, but never the probes", async () => {
    for (const left of [2, 1, 0]) {
      const response = await app.get("/v1/collections");
      expect(response.status).to.equal(200);
      expect(response.headers.get("ratelimit")).to.match(new RegExp(`^"requests"; r=${left}; t=\\d+$`));
      expect(response.headers.get("ratelimit-policy")).to.match(/^"requests"; q=3; w=60/);
    }
    // A made-up address of the client does not help.
    const refused = await app.get("/v1/collections", { headers: { "X-Forwarded-For": "203.0.113.9" } });
    expect(refused.status).to.equal(429);
    expect(refused.headers.get("content-type")).to.contain("application/problem+json");
    expect(Number(refused.headers.get("retry-after"))).to.be.within(1, 60);
    const page = await app.get("/", { headers: { Accept: "text/html" } });
    expect([page.status, page.headers.get("content-type")]).to.deep.equal([429, "text/html; charset=utf-8"]);
    for (const path of ["/health", "/ready", "/metrics"]) {
      for (let round = 0; round < 5; round++) expect((await app.get(path)).status).to.equal(200);
    }
  });

  it("is over after a minute, also where the clock is set back meanwhile", async () => {
    while ((await app.get("/v1/collections")).status !== 429);
    setClock(app.clock, -2 * 86_400);
    app.clock.now += 59;
    expect((await app.get("/v1/collections")).status).to.equal(429);
    app.clock.now += 1;
    expect((await app.get("/v1/collections")).status).to.equal(200);
  });
});
