// The pages as HTTP answers: statuses, languages, caching, codes.

import { expect } from "chai";
import { PNG } from "pngjs";
import QRCode from "qrcode";
import { type RunningApp, startApp } from "../server/http/support.ts";
import {
  COLLECTIONS,
  createMirrorFixture,
  freshStatus,
  type MirrorFixture,
  SERIALS,
} from "../support/mirror-fixture.ts";

const { slug, address } = COLLECTIONS.firstEdition;

/** A picture's pixels, however it was packed. */
function pixelsOf(png: Buffer): Buffer {
  return PNG.sync.read(png).data;
}

describe("pages over HTTP", () => {
  let mirror: MirrorFixture;
  let app: RunningApp;

  before(async () => {
    mirror = await createMirrorFixture();
    app = await startApp(mirror.database, { publicUrl: "https://cards.example" });
  });
  beforeEach(() => {
    app.status = freshStatus();
  });
  after(async () => {
    await app.close();
    await mirror.close();
  });

  it("have the status of their verdict", async () => {
    for (const serial of [42, "0042", SERIALS.expired, SERIALS.suspended, SERIALS.revoked, SERIALS.surrendered]) {
      expect((await app.get(`/v/${slug}/${serial}`)).status, String(serial)).to.equal(200);
    }
    for (const path of [
      `/v/${slug}/${SERIALS.notIssued}`,
      `/v/${slug}/x`,
      "/v/none-such/1",
      `/v/${slug}/${"9".repeat(99)}`,
    ]) {
      expect((await app.get(path)).status, path).to.equal(404);
    }
    app.status = { ...freshStatus(), state: "catching-up" };
    for (const path of [`/v/${slug}/42`, `/v/${slug}/${SERIALS.notIssued}`, "/v/none-such/1"]) {
      const response = await app.get(path);
      expect(response.status, path).to.equal(503);
      expect(response.headers.get("retry-after")).to.match(/^\d+$/);
      const html = await response.text();
      if (path.endsWith("/42")) expect(html).to.contain("Last known: Genuine");
      else expect(html).to.not.contain("Last known");
    }
  });

  it("are the same by slug, in capital letters, and by address", async () => {
    for (const collection of [slug.toUpperCase(), address]) {
      const response = await app.get(`/v/${collection}/42`);
      expect(response.status).to.equal(200);
      expect(await response.text()).to.contain("First Edition");
    }
  });

  it("speak the reader's language", async () => {
    const cases: [string, string | undefined, string][] = [
      ["", undefined, "en"],
      ["", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"],
      ["", "zh-TW", "zh-CN"],
      ["", "de,en;q=0.5,zh;q=0.7", "zh-CN"],
      ["", "zh;q=0, en;q=0.1", "en"],
      ["", "fr", "en"],
      ["?lang=en", "zh-CN", "en"],
      ["?lang=zh-CN", "en", "zh-CN"],
      ["?lang=xx&lang=en", "zh-CN", "zh-CN"],
    ];
    for (const [query, accept, language] of cases) {
      const response = await app.get(`/${query}`, { headers: { "Accept-Language": accept ?? "*" } });
      expect(response.headers.get("content-language"), `${query} ${accept}`).to.equal(language);
      expect(response.headers.get("vary")).to.contain("Accept-Language");
      expect(await response.text()).to.contain(`<html lang="${language}">`);
    }
  });

  it("escape what a brand has written", async () => {
    const html = await (await app.get(`/v/${COLLECTIONS.atelier.slug}/3`)).text();
    expect(html).to.contain("Atelier &amp; Friends &lt;Private&gt;");
    expect(html).to.not.contain("<Private>");
    const svg = await (await app.get(`/v/${COLLECTIONS.atelier.slug}/3/card.svg`)).text();
    expect(svg).to.not.contain("<Private>");
  });

  it("show nothing of a name that nobody can see, and the slug where nothing is left", async () => {
    const { address: atelier, slug: atelierSlug } = COLLECTIONS.atelier;
    const rename = async (name: string) => {
      await mirror.database.collection.update({ where: { address: atelier }, data: { name } });
    };
    try {
      await rename("Ate\u202Elier\r\nSet-Cookie: a=b \u2066\u200B<%= 1 %>");
      for (const path of ["/", `/v/${atelierSlug}/3`, `/v/${atelierSlug}/3/card.svg`]) {
        const body = await (await app.get(path)).text();
        expect(body, path).to.match(/Atelier {1,2}Set-Cookie: a=b &(lt|#60);%= 1 %&(gt|#62);/);
        expect(body, path).to.not.match(/[\u202A-\u202E\u2066-\u2069\u200B\r]/);
      }
      await rename(" \u200B\u0000 ");
      expect(await (await app.get("/")).text()).to.contain(`Noirance · ${atelierSlug}</option>`);
      expect(await (await app.get(`/v/${atelierSlug}/3`)).text()).to.contain(`<h2>${atelierSlug}</h2>`);
      await rename("长".repeat(20_000));
      expect((await (await app.get("/")).text()).length).to.be.below(5_000);
    } finally {
      await rename("Atelier & Friends <Private>");
    }
  });

  it("keep search engines from the cards", async () => {
    expect(await (await app.get(`/v/${slug}/42`)).text()).to.contain('<meta name="robots" content="noindex">');
    expect(await (await app.get("/")).text()).to.not.contain("noindex");
  });

  it("offer the code of the page as SVG and PNG, for cards that exist", async () => {
    const svg = await app.get(`/v/${slug}/0042/qr.svg`);
    expect(svg.headers.get("content-type")).to.contain("image/svg+xml");
    expect(svg.headers.get("cache-control")).to.contain("max-age=86400");
    const png = await app.get(`/v/${slug}/42/qr.png`);
    expect(png.headers.get("content-type")).to.equal("image/png");
    const bytes = Buffer.from(await png.arrayBuffer());
    expect(bytes.subarray(1, 4).toString()).to.equal("PNG");
    expect(bytes.readUInt32BE(16)).to.be.at.least(512);
    const again = await app.get(`/v/${slug}/42/qr.png`, {
      headers: { "If-None-Match": png.headers.get("etag") ?? "" },
    });
    expect(again.status).to.equal(304);
    for (const file of ["qr.svg", "qr.png", "card.svg"]) {
      expect((await app.get(`/v/${slug}/${SERIALS.notIssued}/${file}`)).status).to.equal(404);
    }
  });

  it("lead from the code to the public address of the page", async () => {
    const page = `https://cards.example/v/${slug}/42`;
    const options = { errorCorrectionLevel: "M", margin: 4 } as const;
    const { size } = QRCode.create(page, options).modules;
    for (const serial of ["42", "0042"]) {
      const svg = await (await app.get(`/v/${slug.toUpperCase()}/${serial}/qr.svg`)).text();
      expect(svg).to.equal(await QRCode.toString(page, { ...options, type: "svg" }));
      const png = Buffer.from(await (await app.get(`/v/${slug}/${serial}/qr.png`)).arrayBuffer());
      const scale = png.readUInt32BE(16) / (size + 8);
      expect(Number.isInteger(scale), "whole pixels for each module").to.equal(true);
      const library = await QRCode.toBuffer(page, { ...options, type: "png", scale });
      expect(pixelsOf(png).equals(pixelsOf(library)), "the same picture").to.equal(true);
    }
  });

  it("describe a card for wallets without its holder", async () => {
    const metadata = (await (await app.get(`/metadata/${address}/42`)).json()) as Record<string, unknown>;
    expect(metadata["external_url"]).to.equal(`https://cards.example/v/${slug}/42`);
    expect(metadata["image"]).to.equal(`https://cards.example/v/${slug}/42/card.svg`);
    expect(JSON.stringify(metadata)).to.not.match(/0x/);
  });

  it("let browsers keep a style sheet for ever, by its version", async () => {
    const html = await (await app.get("/")).text();
    const href = /href="(\/assets\/mintmark\.css\?v=\w+)"/.exec(html)?.[1] ?? "";
    expect((await app.get(href)).headers.get("cache-control")).to.contain("immutable");
    expect((await app.get("/assets/mintmark.css")).headers.get("cache-control")).to.equal("public, max-age=300");
  });

  it("send on from the form, or say kindly what is wrong", async () => {
    const good = await app.get(
      `/verify?collection=First%20Edition&serial=${encodeURIComponent("№ ００42/5000")}&lang=zh-CN`,
    );
    expect([good.status, good.headers.get("location")]).to.deep.equal([303, `/v/${slug}/42?lang=zh-CN`]);
    const empty = await app.get("/verify");
    expect([empty.status, empty.headers.get("location")]).to.deep.equal([303, "/"]);
    const bad = await app.get("/verify?collection=none-such&serial=0");
    expect(bad.status).to.equal(400);
    const html = await bad.text();
    expect(html).to.contain("Serials begin at 1.").and.to.contain('value="none-such"').and.to.contain('value="0"');
  });
});
