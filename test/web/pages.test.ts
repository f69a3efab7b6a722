// The pages as a customer's browser shows them: in both languages, bright and dark, on a narrow phone, without scripts.

import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "chai";
import type { Browser, Page } from "playwright-core";
import { TEXTS } from "../../web/text/languages.ts";
import { LANGUAGES, type Language } from "../../web/text/text.ts";
import { type RunningApp, startApp } from "../server/http/support.ts";
import { launchBrowserOrSkip } from "../support/browser.ts";
import {
  COLLECTIONS,
  createMirrorFixture,
  freshStatus,
  type MirrorFixture,
  SERIALS,
} from "../support/mirror-fixture.ts";

const { slug } = COLLECTIONS.firstEdition;
const SCHEMES = ["light", "dark"] as const;

describe("pages in a browser", () => {
  let mirror: MirrorFixture;
  let app: RunningApp;
  let browser: Browser | undefined;

  before(async function () {
    browser = await launchBrowserOrSkip(this);
    mirror = await createMirrorFixture();
    app = await startApp(mirror.database);
  });
  beforeEach(() => {
    app.status = freshStatus();
  });
  after(async () => {
    await browser?.close();
    await app?.close();
    await mirror?.close();
  });

  async function withPage<Result>(
    options: { language?: Language; scheme?: "light" | "dark"; width?: number; scripts?: boolean },
    use: (page: Page) => Promise<Result>,
  ): Promise<Result> {
    if (browser === undefined) throw new Error("no browser");
    const context = await browser.newContext({
      baseURL: app.url,
      viewport: { width: options.width ?? 320, height: 640 },
      colorScheme: options.scheme ?? "light",
      locale: options.language ?? "en",
      javaScriptEnabled: options.scripts ?? false,
    });
    try {
      const page = await context.newPage();
      const refused: string[] = [];
      page.on("console", (message) => {
        if (/Content.Security.Policy/i.test(message.text())) refused.push(message.text());
      });
      const result = await use(page);
      expect(refused).to.deep.equal([]);
      return result;
    } finally {
      await context.close();
    }
  }

  async function expectFits(page: Page, width: number): Promise<void> {
    const body = await page.locator("html").boundingBox();
    expect(body?.width).to.equal(width);
    // Scripts of the page are off; this one is the test's.
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).to.be.at.most(width);
  }

  const pages: [string, string][] = [
    ["home", "/"],
    ["genuine", `/v/${slug}/42`],
    ["expired", `/v/${slug}/${SERIALS.expired}`],
    ["suspended", `/v/${slug}/${SERIALS.suspended}`],
    ["revoked", `/v/${slug}/${SERIALS.revoked}`],
    ["surrendered", `/v/${slug}/${SERIALS.surrendered}`],
    ["not-found", `/v/${slug}/4000`],
    ["unknown collection", "/v/none-such/4000"],
    ["cannot-confirm", `/v/${slug}/42`],
    ["form with errors", "/verify?collection=none-such&serial=4x2"],
    ["page not found", "/nope"],
    ["longest names", `/v/${COLLECTIONS.tea.slug}/88003`],
  ];

  for (const language of LANGUAGES) {
    for (const scheme of SCHEMES) {
      it(`are accessible in ${language}, ${scheme}`, async () => {
        await withPage({ language, scheme, scripts: true }, async (page) => {
          for (const [name, path] of pages) {
            app.status = name === "cannot-confirm" ? { ...freshStatus(), lagSeconds: 95 } : freshStatus();
            await page.goto(path);
            for (const summary of await page.locator("summary").all()) await summary.click();
            const { violations } = await new AxeBuilder({ page }).analyze();
            expect(
              violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`),
              name,
            ).to.deep.equal([]);
            expect(await page.evaluate(() => document.documentElement.scrollWidth), name).to.be.at.most(320);
          }
        });
      });
    }

    it(`put the verdict first and fit 320 px in ${language}, without scripts`, async () => {
      const { verdicts } = TEXTS[language];
      await withPage({ language }, async (page) => {
        for (const [name, path] of pages) {
          if (!(name in verdicts)) continue;
          app.status = name === "cannot-confirm" ? { ...freshStatus(), state: "degraded" } : freshStatus();
          await page.goto(path);
          const heading = page.locator("h1, h2, h3").first();
          expect(await heading.textContent()).to.equal(verdicts[name as keyof typeof verdicts].title);
          const box = await heading.boundingBox();
          expect(box?.y, "the verdict is on the first screen").to.be.below(300);
          expect(await page.locator("html").getAttribute("lang")).to.equal(language);
          expect(await page.locator("svg.seal").count()).to.equal(1);
          await expectFits(page, 320);
        }
      });
    });
  }

  it("lead from the form to the verdict without scripts", async () => {
    await withPage({}, async (page) => {
      await page.goto("/");
      await page.getByLabel("Collection").selectOption(slug);
      await page.getByLabel("Serial").fill("no. 0042");
      await page.getByRole("button", { name: "Verify" }).click();
      expect(new URL(page.url()).pathname).to.equal(`/v/${slug}/42`);
      expect(await page.locator("h1").textContent()).to.equal("Genuine");
    });
  });

  it("keep what was typed beside a friendly error, and the language that was chosen", async () => {
    await withPage({}, async (page) => {
      await page.goto("/?lang=zh-CN");
      await page.getByLabel("系列").selectOption(slug);
      await page.getByLabel("编号").fill("四十二");
      await page.getByRole("button", { name: "验真" }).click();
      expect(await page.getByLabel("编号").inputValue()).to.equal("四十二");
      expect(await page.getByLabel("系列").inputValue()).to.equal(slug);
      expect(await page.getByRole("alert").textContent()).to.contain(TEXTS["zh-CN"].form.serialInvalid);
      await page.getByLabel("编号").fill("42");
      await page.getByRole("button", { name: "验真" }).click();
      expect(await page.locator("h1").textContent()).to.equal("验真通过");
      await page.getByRole("link", { name: "English" }).click();
      expect(await page.locator("h1").textContent()).to.equal("Genuine");
    });
  });

  it("let every operation be tried at whatever address the documentation was opened", async () => {
    await withPage({ width: 1280, scripts: true }, async (page) => {
      await page.goto(`${app.url.replace("127.0.0.1", "localhost")}/docs`);
      await page.locator("#operations-collections-listCollections button.opblock-summary-control").click();
      await page.getByText("Try it out").click();
      await page.getByRole("button", { name: "Execute" }).click();
      const answer = page.locator(".live-responses-table .response-col_description").last();
      await answer.waitFor();
      expect(await answer.textContent()).to.contain(slug);
    });
  });

  it("show the documentation accessibly, as far as it is ours", async () => {
    await withPage({ scripts: true }, async (page) => {
      await page.goto("/docs");
      await page.locator("#operations-verification-verifyCard button.opblock-summary-control").click();
      await page.getByText("Try it out").waitFor();
      const { violations } = await new AxeBuilder({ page })
        // How Swagger UI nests its own elements.
        .disableRules([
          "nested-interactive",
          "scrollable-region-focusable",
          "heading-order",
          "landmark-main-is-top-level",
          "landmark-no-duplicate-main",
          "landmark-unique",
        ])
        .analyze();
      expect(
        violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join("\n")}`),
      ).to.deep.equal([]);
    });
  });

  it("show the documentation without breaking the policy, on a phone too", async () => {
    for (const width of [320, 1280]) {
      await withPage({ width, scripts: true }, async (page) => {
        await page.goto("/docs");
        await page.locator("#operations-verification-verifyCard").click();
        await page.getByText("Try it out").waitFor();
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).to.be.at.most(width);
      });
    }
  });
});
