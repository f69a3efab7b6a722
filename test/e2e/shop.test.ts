// The example store in a real browser, beside the real Mintmark, each on ports of its own, without JavaScript: from a visitor
// who may see nothing special to a member, and back.
//
// The tests follow one customer and depend on each other; with SHOP_SCREENSHOTS set to a folder, pages are drawn there.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "chai";
import type { Browser, BrowserContext, Locator, Page } from "playwright-core";
import { Webhook } from "standardwebhooks";
import { isShopInstalled, SHOP_MISSING } from "../../scripts/lifecycle/example-shop.ts";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { launchBrowserOrSkip } from "../support/browser.ts";
import { type RunningCommand, startCommand } from "../support/commands.ts";
import { PATIENCE_MS, until } from "../support/patience.ts";

const WIDTHS = [320, 1280] as const;
const LANGUAGES = ["en", "zh-CN"] as const;

describe("the example store", () => {
  // Each test goes on where the one before it has stopped. Not mocha's bail: that ends the other files of a parallel run, too.
  let hasFailed = false;

  let folder: string;
  let settings: Record<string, string>;
  let store: string;
  let mintmarkUrl: string;
  let mintmark: RunningCommand;
  let shop: RunningCommand;
  let browser: Browser | undefined;
  let customer: BrowserContext;
  let staff: BrowserContext;
  let page: Page;
  /** The form field that stands for the members-only product, as a member has seen it. */
  let reserveVariant = "";
  let cardOrder = "";
  let coffeeOrder = "";

  before(async function () {
    browser = await launchBrowserOrSkip(this);
    if (!isShopInstalled()) {
      console.warn(`      ${SHOP_MISSING}`);
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), "mintmark-shop-"));
    const [port, rpcPort, shopPort] = [await freePort(), await freePort(), await freePort()];
    settings = {
      ...{ DATABASE_URL: "", PUBLIC_URL: "", REGISTRY_ADDRESS: "", KEYSTORE_FILE: "", HOST: "" },
      ...{ SHOP_HOST: "", SHOP_COLLECTION: "" },
      ...{ DATA_DIR: folder, PORT: String(port), RPC_URL: `http://127.0.0.1:${rpcPort}`, SHOP_PORT: String(shopPort) },
    };
    mintmarkUrl = `http://127.0.0.1:${port}`;
    store = `http://127.0.0.1:${shopPort}`;
    mintmark = await startMintmark();
    shop = await startShop();
    customer = await newContext();
    page = await customer.newPage();
    staff = await newContext();
  });

  beforeEach(function () {
    if (hasFailed) this.skip();
  });

  afterEach(function () {
    if (this.currentTest?.state !== "failed") return;
    hasFailed = true;
    console.error(`The store's last words:\n${shop?.output().slice(-4_000)}`);
  });

  after(async () => {
    await browser?.close();
    for (const command of [shop, mintmark]) if (command !== undefined) await stop(command);
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  async function startMintmark(): Promise<RunningCommand> {
    const command = startCommand("npm start", settings);
    await command.prints(/Mintmark is ready/);
    return command;
  }

  async function startShop(): Promise<RunningCommand> {
    const command = startCommand("npm run shop", settings);
    await command.prints(/The store is open\.[\s\S]*Ctrl-C/);
    return command;
  }

  /** Ctrl-C. */
  async function stop({ child, ended }: RunningCommand): Promise<void> {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, "SIGINT");
    await ended;
  }

  async function newContext(
    options: { language?: string; width?: number; scripts?: boolean } = {},
  ): Promise<BrowserContext> {
    if (browser === undefined) throw new Error("no browser");
    const context = await browser.newContext({
      baseURL: store,
      javaScriptEnabled: options.scripts ?? false,
      locale: options.language ?? "en",
      viewport: { width: options.width ?? 1280, height: 800 },
    });
    context.setDefaultTimeout(PATIENCE_MS);
    return context;
  }

  // ---- What a person does ----

  const product = (sku: string) => page.locator(`li[data-sku="${sku}"]`);

  async function register(at: Page, name: string): Promise<void> {
    await at.goto("/sign-in");
    const form = at.locator('form[action="/register"]');
    await form.getByLabel("Your name").fill(name);
    await form.getByLabel("Email address").fill(`${name.toLowerCase()}@customers.example`);
    await form.getByLabel("Password (8").fill("a long password");
    await form.getByRole("button").click();
    await at.waitForURL(`${store}/`);
  }

  async function addToBasket(sku: string): Promise<void> {
    await page.goto("/");
    await product(sku).getByRole("button").click();
    await page.waitForURL(/\/basket/);
  }

  async function total(): Promise<string> {
    return await textOf(page.locator(".totals .total dd"));
  }

  async function lineAmount(sku: string): Promise<string> {
    return await textOf(page.locator(`.lines li[data-sku="${sku}"] .amount strong`));
  }

  /** From the basket to the order's page. Returns the order's code. */
  async function pay(): Promise<string> {
    await page.getByRole("button", { name: "Go to payment" }).click();
    await page.waitForURL(/\/checkout$/);
    await page.getByRole("button", { name: /^Pay / }).click();
    await page.waitForURL(/\/orders\/\w+\?wait$/);
    return new URL(page.url()).pathname.split("/").at(-1) ?? "";
  }

  async function emptyBasket(): Promise<void> {
    await page.goto("/basket");
    const remove = page.getByRole("button", { name: /^Remove: / });
    while ((await remove.count()) > 0) await remove.first().click();
  }

  /** Reads a page again until it says something: what Mintmark is asked and tells takes a moment. */
  async function untilPageSays(path: string, pattern: RegExp): Promise<string> {
    let text = "";
    await until(
      async () => {
        await page.goto(path);
        text = await textOf(page.locator("main"));
        return pattern.test(text);
      },
      () => `${path} did not say ${pattern}, but:\n${text}`,
    );
    return text;
  }

  async function refund(code: string): Promise<void> {
    const counter = await staff.newPage();
    await counter.goto("/staff");
    if (/sign-in/.test(counter.url())) {
      const password = /password (\S+)\)/.exec(shop.output())?.[1] ?? "";
      await counter.getByLabel("Name").fill("staff");
      await counter.getByLabel("Password").fill(password);
      await counter.getByRole("button", { name: "Sign in" }).click();
    }
    await counter.getByRole("button", { name: `Refund: ${code}` }).click();
    await counter.getByText("The order is refunded").waitFor();
    await counter.close();
  }

  /** Whether a page fits and everybody can use it: in Chinese on a phone, in English on a desk; where it is drawn, both on both. */
  async function look(name: string, path: string, from: BrowserContext = customer): Promise<void> {
    const { cookies } = await from.storageState();
    const drawings = process.env["SHOP_SCREENSHOTS"];
    for (const language of LANGUAGES) {
      for (const width of WIDTHS) {
        if (drawings === undefined && (language === "en") !== (width === 1280)) continue;
        // The scripts are those of the check; the pages have none.
        const context = await newContext({ language, width, scripts: true });
        try {
          await context.addCookies(cookies);
          const view = await context.newPage();
          await view.goto(`${path}?lang=${language}`);
          const overflow = await view.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
          expect(overflow, `${name} is wider than ${width} px`).to.be.at.most(0);
          const { violations } = await new AxeBuilder({ page: view }).analyze();
          expect(
            violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
            `${name} ${language} ${width}`,
          ).to.deep.equal([]);
          if (drawings === undefined) continue;
          mkdirSync(drawings, { recursive: true });
          await view.screenshot({ path: join(drawings, `${name}-${language}-${width}.png`), fullPage: true });
        } finally {
          await context.close();
        }
      }
    }
  }

  // ---- The story ----

  it("shows a visitor usual prices and a flash sale, and nothing that is for members", async () => {
    await page.goto("/");
    expect(await page.locator("li[data-sku]").count()).to.equal(5);
    expect(await product("RESERVE-ABS-30").count()).to.equal(0);
    expect(await textOf(product("EDP-NOIR-50").locator(".price strong"))).to.equal("¥480.00");
    expect(await textOf(product("CANDLE-OSM").locator(".price"))).to.match(/¥134\.40[\s\S]*Flash sale until/);
    expect((await page.goto("/products/reserve-absolute"))?.status()).to.equal(404);
    expect(
      (await customer.request.post("/shop-api", { data: { query: "{ products { totalItems } }" } })).status(),
    ).to.equal(404);
    const led = await fetch(`${store}//elsewhere.example/?lang=en`, { redirect: "manual" });
    expect(led.headers.get("Location")).to.equal("/elsewhere.example/");
    await look("home-visitor", "/");
    await look("sign-in", "/sign-in");
    await look("product", "/products/noir-eau-de-parfum");
  });

  it("sells a card and shows it issued when Mintmark says so", async () => {
    await addToBasket("CARD-1Y");
    expect(await total()).to.equal("¥199.00");
    await page.getByRole("link", { name: "Sign in to pay" }).click();
    await register(page, "Lin");
    await page.goto("/basket");
    await look("basket-card", "/basket");
    cardOrder = await pay();
    const text = await untilPageSays(`/orders/${cardOrder}`, /number \d+\s+issued/);
    const serial = /number (\d+)/.exec(text)?.[1];
    const link = await page.getByRole("link", { name: "See the card's page" }).getAttribute("href");
    expect(link).to.match(new RegExp(`/v/noirance-preview/${serial}$`));
    expect(await (await fetch(link ?? "")).text()).to.match(/genuine/i);
    await look("order-issued", `/orders/${cardOrder}`);
  });

  it("believes what Mintmark has signed, once, and not what comes late", async () => {
    const { secret } = JSON.parse(readFileSync(join(folder, "shop", "secrets.json"), "utf8")).webhook;
    const key = readFileSync(join(folder, "shop", "mintmark-key"), "utf8").trim();
    const ask = async (path: string) =>
      (await (await fetch(`${mintmarkUrl}${path}`, { headers: { Authorization: `Bearer ${key}` } })).json()).data;
    const [{ id }] = await ask("/v1/orders");
    const { collection, serial, blockNumber } = (await ask(`/v1/orders/${id}`)).cards[0];

    /** What Mintmark would tell if the card was given this status in the same block as it was issued, or another. */
    async function tell(status: string, wish: { id: string; secret?: string; block?: number }): Promise<number> {
      const { id: messageId, secret: signedWith = secret, block = blockNumber } = wish;
      const card = { collection: { ...collection, name: "Noirance Preview Card" }, serial, status, expiresAt: null };
      const moment = { asOf: { blockNumber: block }, transaction: { logIndex: 1_000 } };
      const type = status === "Suspended" ? "card.suspended" : "card.reinstated";
      const body = JSON.stringify({ type, data: { card, customer: null, orderId: null, ...moment } });
      const now = new Date();
      const headers = {
        "webhook-id": messageId,
        "webhook-timestamp": String(Math.floor(now.getTime() / 1_000)),
        "webhook-signature": new Webhook(signedWith).sign(messageId, now, body),
      };
      return (await fetch(`${store}/webhooks/mintmark`, { method: "POST", headers, body })).status;
    }
    const says = async () => {
      await page.goto(`/orders/${cardOrder}`);
      return await textOf(page.locator(".card-status"));
    };

    expect(
      await tell("Suspended", { id: "forged", secret: `whsec_${Buffer.alloc(24, 7).toString("base64")}` }),
    ).to.equal(401);
    expect(await tell("Suspended", { id: "late", block: blockNumber - 1 })).to.equal(200);
    expect(await says()).to.equal("issued");
    expect(await tell("Suspended", { id: "news" })).to.equal(200);
    expect(await says()).to.equal("suspended");
    expect(await tell("Active", { id: "news" })).to.equal(200);
    expect(await says()).to.equal("suspended");
    expect(await tell("Active", { id: "more news" })).to.equal(200);
    expect(await says()).to.equal("issued");
  });

  it("gives the member their price and shows what is for members", async () => {
    await page.goto("/");
    expect(await textOf(product("EDP-NOIR-50").locator(".price"))).to.match(/¥432\.00[\s\S]*Your member price/);
    expect(await product("RESERVE-ABS-30").count()).to.equal(1);
    reserveVariant = (await product("RESERVE-ABS-30").locator('input[name="variant"]').getAttribute("value")) ?? "";
    expect((await page.goto("/products/reserve-absolute"))?.status()).to.equal(200);
    await untilPageSays("/card", /2 of 2 left/);
    await look("home-member", "/");
    await look("card", "/card");
  });

  it("refuses a members-only product to others, however they ask for it", async () => {
    const stranger = await newContext();
    const view = await stranger.newPage();
    await register(view, "Stranger");
    const added = await stranger.request.post("/basket/lines", { form: { variant: reserveVariant } });
    expect(added.url()).to.contain("notice=members-only");
    await view.goto("/basket");
    expect(await view.locator("li[data-sku]").count()).to.equal(0);
    await stranger.close();
  });

  it("reckons flash sale, member price and coupon together by its rule", async () => {
    await addToBasket("CANDLE-OSM");
    await addToBasket("EDP-NOIR-50");
    // 20 % off everybody's price is less than 10 % off for members: not both.
    expect(await lineAmount("CANDLE-OSM")).to.equal("¥134.40");
    expect(await lineAmount("EDP-NOIR-50")).to.equal("¥432.00");
    expect(await total()).to.equal("¥566.40");
    await page.getByLabel("Coupon").fill("NO-SUCH");
    await page.getByRole("button", { name: "Use coupon" }).click();
    await page.getByText("There is no such coupon").waitFor();
    await page.getByLabel("Coupon").fill("welcome10");
    await page.getByRole("button", { name: "Use coupon" }).click();
    await page.getByRole("button", { name: "Remove WELCOME10" }).waitFor();
    expect(await total()).to.equal("¥509.76");
    await look("basket-discounts", "/basket");
    await page.getByRole("button", { name: "Remove WELCOME10" }).click();
    expect(await total()).to.equal("¥566.40");
    await emptyBasket();
  });

  it("redeems two coffees, and not a third", async () => {
    for (const left of ["1 of 2 left", "0 of 2 left"]) {
      await addToBasket("COFFEE-FLAT");
      expect(await total()).to.equal("¥32.00");
      await page.getByRole("button", { name: "Redeem “A coffee on the house”" }).click();
      expect(await total()).to.equal("¥0.00");
      await page.getByRole("button", { name: "Go to payment" }).click();
      await page.waitForURL(/\/checkout$/);
      // Reserved, so that no other till has it; and free again when the customer thinks better of it.
      await untilPageSays("/card", new RegExp(left));
      await page.goto("/checkout");
      if (left.startsWith("0")) await look("checkout", "/checkout");
      await page.getByRole("button", { name: "Back to the basket" }).click();
      await untilPageSays("/card", left.startsWith("1") ? /2 of 2 left/ : /1 of 2 left/);
      await page.goto("/basket");
      const code = await pay();
      await untilPageSays(`/orders/${code}`, /Redeemed: A coffee on the house/);
      await untilPageSays("/card", new RegExp(left));
      if (left.startsWith("0")) await look("order-coffee", `/orders/${code}`);
      coffeeOrder = code;
    }
    await addToBasket("COFFEE-FLAT");
    expect(await page.getByRole("button", { name: /^Redeem/ }).count()).to.equal(0);
    const forged = await customer.request.post("/basket/claim", { form: { claim: "noirance-preview/13/3" } });
    expect(forged.url()).to.contain("notice=benefit-used-up");
    await page.goto("/basket");
    expect(await total()).to.equal("¥32.00");
    await emptyBasket();
  });

  it("gives a redeemed benefit back with the refund", async () => {
    await refund(coffeeOrder);
    await untilPageSays("/card", /1 of 2 left/);
    await untilPageSays(`/orders/${coffeeOrder}`, /Given back to your card/);
  });

  it("takes membership away with the refund of the card", async () => {
    await addToBasket("RESERVE-ABS-30");
    await addToBasket("EDP-NOIR-50");
    expect(await lineAmount("EDP-NOIR-50")).to.equal("¥432.00");
    await refund(cardOrder);
    await untilPageSays(`/orders/${cardOrder}`, /revoked/);
    await look("order-refunded", `/orders/${cardOrder}`);
    await look("staff", "/staff", staff);
    // What stands in the basket already is at usual prices, and what is for members cannot be paid.
    await untilPageSays("/basket", /¥1,760\.00/);
    expect(await lineAmount("EDP-NOIR-50")).to.equal("¥480.00");
    await page.getByRole("button", { name: "Go to payment" }).click();
    await page.getByText("This product is for members only").waitFor();
    await page.goto("/");
    expect(await product("RESERVE-ABS-30").count()).to.equal(0);
    await emptyBasket();
  });

  it("goes on selling while Mintmark is away, and loses nothing", async () => {
    await stop(mintmark);
    await page.goto("/");
    await page.getByText("We cannot see memberships at the moment").waitFor();
    expect(await product("RESERVE-ABS-30").count()).to.equal(0);
    await look("home-away", "/");
    await addToBasket("EDP-NOIR-50");
    await addToBasket("CARD-1Y");
    expect(await total()).to.equal("¥679.00");
    const code = await pay();
    await page.getByText("Your card is paid and about to be ordered").waitFor();
    await look("order-waiting", `/orders/${code}`);
    // The store is stopped, too, and starts again with what it still has to do.
    await stop(shop);
    mintmark = await startMintmark();
    shop = await startShop();
    await untilPageSays(`/orders/${code}`, /number \d+\s+issued/);
    expect(await page.locator(".card").count(), "cards for one that was paid").to.equal(1);
    await page.goto("/");
    expect(await product("RESERVE-ABS-30").count()).to.equal(1);
  });
});

async function textOf(locator: Locator): Promise<string> {
  return ((await locator.textContent()) ?? "").replace(/\s+/g, " ").trim();
}
