// The payment simulator by itself: what it takes, what it tells, and the page that a payer sees.

import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { expect } from "chai";
import type { Browser } from "playwright-core";
import { RETRY_DELAYS_MS } from "../../scripts/payment-simulator/deliveries.ts";
import { type SimulatorKeys, simulatorKeys } from "../../scripts/payment-simulator/keys.ts";
import { type PaymentSimulator, startPaymentSimulator } from "../../scripts/payment-simulator/simulator.ts";
import type { OpenPayment, PaymentAdapter } from "../../server/payments/adapter.ts";
import { createPingppAdapter } from "../../server/payments/pingpp.ts";
import { readPrivateKey, readPublicKey } from "../../server/payments/pingpp-signature.ts";
import { launchBrowserOrSkip } from "../support/browser.ts";
import { startCommand } from "../support/commands.ts";
import { until } from "../support/patience.ts";

interface Received {
  at: number;
  body: string;
  signature: string | undefined;
}

describe("the payment simulator", () => {
  let folder: string;
  let keys: SimulatorKeys;
  let simulator: PaymentSimulator;
  let adapter: PaymentAdapter;
  let shop: Server;
  let received: Received[];
  /** What the shop answers to the next events, then 200. */
  let answers: (number | "break")[];
  let opened = 0;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-simulator-"));
    keys = simulatorKeys(folder);
  });
  after(() => rmSync(folder, { recursive: true }));
  beforeEach(async () => {
    received = [];
    answers = [];
    shop = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      received.push({ at: performance.now(), body, signature: request.headers["x-pingplusplus-signature"] as string });
      const answer = answers.shift() ?? 200;
      if (answer === "break") response.destroy();
      else response.writeHead(answer).end("success");
    });
    shop.listen(0, "127.0.0.1");
    await once(shop, "listening");
    simulator = await startPaymentSimulator({
      keys,
      port: 0,
      webhookUrl: `http://127.0.0.1:${(shop.address() as AddressInfo).port}/`,
      retryDelaysMs: [30, 60],
    });
    adapter = createPingppAdapter({
      ...{ apiUrl: simulator.url, appId: keys.appId, apiKey: keys.apiKey, channel: "wx_pub_qr" },
      merchantKey: readPrivateKey(keys.merchantPrivateKey),
      aggregatorKey: readPublicKey(keys.aggregatorPublicKey),
    });
  });
  afterEach(async () => {
    await simulator.close();
    shop.close();
  });

  const open = async (options: { subject?: string; amount?: number; seconds?: number } = {}): Promise<OpenPayment> => {
    const { subject = "Noirance Black Card 诺兰黑卡 ×2", amount = 12_800, seconds = 600 } = options;
    return await adapter.createPayment({
      ...{
        reference: `NUMBER${String(++opened).padStart(14, "0")}`,
        orderId: "ord_1",
        amount,
        currency: "CNY",
        subject,
      },
      ...{ payBefore: Date.now() + seconds * 1000, clientIp: "203.0.113.7", notifyUrl: "" },
    });
  };
  const tellings = (count: number) => until(() => received.length >= count);

  it("makes its keys once, for its owner's eyes only", () => {
    const made = join(folder, "payment-simulator");
    expect(statSync(made).mode & 0o777).to.equal(0o700);
    const files = readdirSync(made);
    expect(files).to.have.length(5);
    for (const file of files) expect(statSync(join(made, file)).mode & 0o777, file).to.equal(0o600);
    expect(simulatorKeys(folder)).to.deep.equal(keys);
    expect(readdirSync(folder)).to.deep.equal(["payment-simulator"]);
    expect(keys.apiKey).to.match(/^sk_test_/);
  });

  it("takes requests of the merchant only: with its key, and signed over body, path and time", async () => {
    const { paymentId } = await open();
    const [url, headers] = await capture(async () => await adapter.findPaid(paymentId));
    const statusWith = async (changes: Record<string, string>, path = url) =>
      (await fetch(path, { headers: { ...headers, ...changes } })).status;
    expect(await statusWith({})).to.equal(200);
    expect(await statusWith({ Authorization: "Bearer sk_test_other" })).to.equal(401);
    expect(await statusWith({ Authorization: `Basic ${Buffer.from(`${keys.apiKey}:`).toString("base64")}` })).to.equal(
      200,
    );
    const later = String(Number(headers["Pingplusplus-Request-Timestamp"]) + 1);
    expect(await statusWith({ "Pingplusplus-Request-Timestamp": later })).to.equal(401);
    expect(await statusWith({}, `${url}?a=b`)).to.equal(401);
    expect(await statusWith({ "Pingplusplus-Signature": "" })).to.equal(401);
  });

  it("tells again until it reads 2xx, as often as the original and no more, the same each time", async () => {
    answers = [500, "break"];
    const { paymentId } = await open();
    simulator.pay(paymentId);
    await tellings(3);
    await new Promise((done) => setTimeout(done, 150));
    expect(received).to.have.length(3);
    expect(new Set(received.map(({ body }) => body)).size).to.equal(1);
    const [first, second, third] = received.map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).to.be.at.least(25);
    expect((third ?? 0) - (second ?? 0)).to.be.at.least(55);
    expect(
      adapter.verifyCallback(
        { "x-pingplusplus-signature": received[0]?.signature },
        Buffer.from(received[0]?.body ?? ""),
      ),
    ).to.include({ kind: "paid", paymentId, amount: 12_800, currency: "CNY" });

    answers = [404, 404, 404];
    simulator.pay((await open()).paymentId);
    await tellings(6);
    await new Promise((done) => setTimeout(done, 150));
    expect(received, "it gives up").to.have.length(6);
    expect(RETRY_DELAYS_MS).to.have.length(10);
  });

  it("never refunds more than was paid", async () => {
    const { paymentId } = await open({ amount: 100 });
    const refund = (refundId: string, amount: number) =>
      adapter.refund({ paymentId, refundId, amount, reason: "returned" });
    const failure = async (promise: Promise<unknown>) =>
      await promise.then(
        () => "it was done",
        (error: Error) => error.message,
      );
    expect(await failure(refund("a", 60))).to.contain("It was not paid");
    simulator.pay(paymentId);
    const first = await refund("a", 60);
    expect(first.state).to.equal("pending");
    const again = await refund("a", 60);
    expect(again.externalRefundId).to.equal(first.externalRefundId);
    expect(await failure(refund("b", 41))).to.contain("Only 40 can be refunded");
    await refund("c", 40);
    expect(await failure(refund("d", 1))).to.contain("Only 0 can be refunded");
    expect(simulator.charges.refundsOf(paymentId).map(({ amount }) => amount)).to.deep.equal([60, 40]);
  });

  it("says what is wrong with a page or a charge that is not there", async () => {
    const page = await fetch(`${simulator.url}/pay/ch_none?lang=en`);
    expect(page.status).to.equal(404);
    expect(await page.text()).to.contain("There is no such payment");
    const error = await adapter.findPaid("ch_none").then(
      () => undefined,
      (reason: Error) => reason.message,
    );
    expect(error).to.contain("HTTP 404").and.to.contain("No such charge");
  });

  it("writes nothing into its page that a subject could run", async () => {
    const { payUrl } = await open({ subject: `<script>alert("1")</script>&'x` });
    const page = await fetch(payUrl);
    expect(await page.text()).not.to.contain("<script");
    expect(page.headers.get("content-security-policy")).to.contain("default-src 'none'");
  });

  describe("in a browser without JavaScript", () => {
    let browser: Browser | undefined;
    before(async function () {
      browser = await launchBrowserOrSkip(this);
    });
    after(async () => {
      await browser?.close();
    });

    for (const [locale, width, pay, paid] of [
      ["zh-CN", 320, "确认支付", "支付成功"],
      ["en", 320, "Pay now", "Paid"],
      ["zh-CN", 1280, "确认支付", "支付成功"],
      ["en", 1280, "Pay now", "Paid"],
    ] as const) {
      it(`is paid at ${width} px in ${locale}`, async () => {
        const { payUrl, paymentId } = await open({ subject: "AnEditionWithOneVeryVeryLongWord" });
        const context = await browser?.newContext({
          locale,
          viewport: { width, height: 700 },
          javaScriptEnabled: false,
        });
        const page = (await context?.newPage()) ?? expect.fail("no browser");
        await page.goto(payUrl);
        const check = async () => {
          const { width: needed = 0 } = (await page.locator("main").boundingBox()) ?? {};
          expect(needed).to.be.at.most(width);
          const overflow = await page.locator("html").evaluate((element) => element.scrollWidth - element.clientWidth);
          expect(overflow).to.equal(0);
          expect(await page.locator("html").getAttribute("lang")).to.equal(locale);
        };
        await check();
        expect(await page.locator("main").textContent()).to.contain("128.00");
        const { height = 0 } = (await page.getByRole("button", { name: pay }).boundingBox()) ?? {};
        expect(height).to.be.at.least(44);
        await page.getByRole("button", { name: pay }).click();
        await check();
        expect(await page.getByRole("status").textContent()).to.contain(paid);
        expect(simulator.charges.find(paymentId).paid).to.equal(true);
        await tellings(1);
        await page.reload();
        expect(await page.getByRole("button").count()).to.equal(0);
        await page.getByRole("link").click();
        expect(await page.locator("html").getAttribute("lang")).to.equal(locale === "en" ? "zh-CN" : "en");
        expect(received).to.have.length(1);
        await context?.close();
      });
    }

    it("has nothing that keeps somebody from paying who cannot see or point", async () => {
      const { payUrl } = await open();
      const context = await browser?.newContext({ locale: "en", viewport: { width: 320, height: 700 } });
      const page = (await context?.newPage()) ?? expect.fail("no browser");
      await page.goto(payUrl);
      // The page's own policy would keep the examiner's code out.
      await page.route(payUrl, async (route) => {
        const response = await route.fetch();
        const { "content-security-policy": _, ...headers } = response.headers();
        await route.fulfill({ response, headers });
      });
      await page.reload();
      const { violations } = await new AxeBuilder({ page }).analyze();
      expect(violations.map(({ id, help }) => `${id}: ${help}`)).to.deep.equal([]);
      await context?.close();
    });
  });

  it("is started by a command that says what a server needs", async () => {
    const environment = { DATA_DIR: folder, PAYMENT_SIMULATOR_PORT: "0", PUBLIC_URL: "http://127.0.0.1:3999" };
    const command = startCommand("npm run payment-simulator", environment);
    await command.prints(/It forgets all payments/);
    const settings = Object.fromEntries(
      [...command.output().matchAll(/^(PINGPP_\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
    );
    expect(settings).to.include({ PINGPP_APP_ID: keys.appId, PINGPP_API_KEY: keys.apiKey });
    expect(command.output()).to.contain("calls back to http://127.0.0.1:3999/v1/payments/pingpp/callback");
    expect(readFileSync(settings["PINGPP_PRIVATE_KEY_FILE"] ?? "", "utf8")).to.equal(keys.merchantPrivateKey);
    expect(readFileSync(settings["PINGPP_PUBLIC_KEY_FILE"] ?? "", "utf8")).to.equal(keys.aggregatorPublicKey);
    expect((await fetch(`${settings["PINGPP_API_URL"]}/pay/none`)).status).to.equal(404);
    process.kill(-(command.child.pid ?? 0), "SIGTERM");
    await command.ended;
  });
});

/** The address and the headers of the request that `act` sends. */
async function capture(act: () => Promise<unknown>): Promise<[url: string, headers: Record<string, string>]> {
  const original = globalThis.fetch;
  let sent: [string, Record<string, string>] | undefined;
  globalThis.fetch = (input, init) => {
    sent = [String(input), init?.headers as Record<string, string>];
    return original(input, init);
  };
  try {
    await act();
  } finally {
    globalThis.fetch = original;
  }
  return sent ?? expect.fail("nothing was sent");
}
