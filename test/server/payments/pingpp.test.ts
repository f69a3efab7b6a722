// What the adapter for Ping++ believes and what it does not, of an aggregator that answers as it should not, and of wrong settings.

import { generateKeyPairSync, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type Config, ConfigError } from "../../../server/config.ts";
import {
  BadEventError,
  BadSignatureError,
  type PaymentAdapter,
  PaymentProviderError,
} from "../../../server/payments/adapter.ts";
import { createAdapters } from "../../../server/payments/adapters.ts";

const API_KEY = "sk_test_s3cretOfTheShop";
const REQUEST = {
  ...{
    reference: "01HXN5Q4RM7Z8T2KWB3V",
    orderId: "ord_1",
    amount: 100,
    currency: "CNY" as const,
    subject: "卡".repeat(40),
  },
  ...{ payBefore: 1_800_000_000_000, clientIp: "203.0.113.7", notifyUrl: "http://shop.example/" },
};

describe("the adapter for Ping++", () => {
  let folder: string;
  let server: Server;
  let adapter: PaymentAdapter;
  let pingpp: NonNullable<Config["pingpp"]>;
  const merchant = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const aggregator = generateKeyPairSync("rsa", { modulusLength: 2048 });
  /** What the aggregator answers, given what it was asked. */
  let answer: (input: Record<string, unknown>) => { status: number; body: unknown };
  let asked: Record<string, unknown>[];

  const charge = (changes: object = {}) => ({
    ...{ id: "ch_1", object: "charge", livemode: false, paid: false, app: "app_shop", order_no: REQUEST.reference },
    ...{
      amount: 100,
      currency: "cny",
      time_expire: 1_800_000_000,
      credential: { alipay_qr: "https://qr.alipay.example/1" },
    },
    metadata: [],
    ...changes,
  });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-pingpp-"));
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += chunk;
      const input = text === "" ? {} : JSON.parse(text);
      asked.push(input);
      const { status, body } = answer(input);
      response
        .writeHead(status, { "content-type": "application/json" })
        .end(typeof body === "string" ? body : JSON.stringify(body));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    pingpp = {
      apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      appId: "app_shop",
      apiKey: API_KEY,
      privateKeyFile: file("merchant.pem", merchant.privateKey.export({ type: "pkcs1", format: "pem" }) as string),
      publicKeyFile: file("aggregator.pem", aggregator.publicKey.export({ type: "spki", format: "pem" }) as string),
      channel: "alipay_qr",
    };
    [adapter] = createAdapters({ pingpp }) as [PaymentAdapter];
  });
  after(() => {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    asked = [];
  });

  async function failure(promise: Promise<unknown>): Promise<PaymentProviderError> {
    try {
      await promise;
    } catch (error) {
      expect(error).to.be.instanceOf(PaymentProviderError);
      expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.to.contain("s3cret");
      return error as PaymentProviderError;
    }
    throw new Error("It was expected to fail");
  }

  it("asks for what Ping++ takes: letters and digits, short texts, fen", async () => {
    answer = () => ({ status: 201, body: charge({ app: { id: "app_shop", object: "app" } }) });
    const opened = await adapter.createPayment(REQUEST);
    expect(opened).to.deep.equal({
      paymentId: "ch_1",
      payUrl: "https://qr.alipay.example/1",
      expiresAt: 1_800_000_000_000,
    });
    expect(asked).to.deep.equal([
      {
        ...{ order_no: REQUEST.reference, app: { id: "app_shop" }, channel: "alipay_qr", amount: 100, currency: "cny" },
        ...{ client_ip: "203.0.113.7", subject: "卡".repeat(32), body: "卡".repeat(40), time_expire: 1_800_000_000 },
        ...{ metadata: { order: "ord_1" }, extra: {} },
      },
    ]);
  });

  it("shows nobody a charge that is not the one it asked for", async () => {
    for (const changes of [
      { amount: 99 },
      { currency: "usd" },
      { order_no: "another" },
      { app: "app_other" },
      { livemode: true },
    ]) {
      answer = () => ({ status: 201, body: charge(changes) });
      const error = await failure(adapter.createPayment(REQUEST));
      expect(error.message, JSON.stringify(changes)).to.contain("another charge");
      expect(error.retryable).to.equal(false);
    }
    for (const changes of [{ credential: {} }, { id: 7 }, { credential: { alipay_qr: "no link" } }]) {
      answer = () => ({ status: 201, body: charge(changes) });
      expect((await failure(adapter.createPayment(REQUEST))).message).to.contain("something else than it documents");
    }
  });

  it("knows which refusals are for good, and says what to check", async () => {
    const error = { type: "invalid_request_error", message: "No such thing" };
    for (const [status, retryable] of [
      [400, false],
      [401, false],
      [402, false],
      [403, true],
      [404, false],
      [429, true],
      [500, true],
      [503, true],
    ] as const) {
      answer = () => ({ status, body: { error } });
      const refused = await failure(adapter.findPaid("ch_1"));
      expect(refused.retryable, String(status)).to.equal(retryable);
      expect(refused.message).to.contain(`HTTP ${status}`).and.to.contain("No such thing");
      expect(refused.message.includes("PINGPP_API_KEY")).to.equal(status === 401);
    }
    answer = () => ({ status: 502, body: "<html>Bad gateway" });
    expect((await failure(adapter.findPaid("ch_1"))).retryable).to.equal(true);
    answer = () => ({ status: 200, body: "<html>Hello" });
    expect((await failure(adapter.findPaid("ch_1"))).retryable).to.equal(true);
  });

  describe("callbacks", () => {
    const told = (event: unknown, key = aggregator.privateKey) => {
      const body = Buffer.from(typeof event === "string" ? event : JSON.stringify(event));
      const signature = sign("RSA-SHA256", body, key).toString("base64");
      return () => adapter.verifyCallback({ "x-pingplusplus-signature": signature }, body);
    };
    const event = (type: string, object: unknown, changes: object = {}) => ({
      ...{ id: "evt_1", object: "event", livemode: false, type, data: { object } },
      ...changes,
    });

    it("are read with the aggregator's signature over the very bytes, and with no other", () => {
      const paid = event("charge.succeeded", charge({ paid: true }));
      expect(told(paid)()).to.deep.equal({
        ...{
          kind: "paid",
          eventId: "evt_1",
          paymentId: "ch_1",
          reference: REQUEST.reference,
          amount: 100,
          currency: "CNY",
        },
      });
      // White space and the order of members are part of what is signed.
      expect(told(JSON.stringify(paid, null, 3))()).to.include({ kind: "paid" });
      expect(told(paid, merchant.privateKey)).to.throw(BadSignatureError);
      const body = Buffer.from(JSON.stringify(paid));
      const signature = sign("RSA-SHA256", body, aggregator.privateKey).toString("base64");
      const cheaper = Buffer.from(body.toString().replace('"amount":100', '"amount":900'));
      expect(() => adapter.verifyCallback({ "x-pingplusplus-signature": signature }, cheaper)).to.throw(
        BadSignatureError,
      );
      expect(() => adapter.verifyCallback({}, body)).to.throw(BadSignatureError);
      expect(() => adapter.verifyCallback({ "x-pingplusplus-signature": "" }, body)).to.throw(BadSignatureError);
      const weak = sign("RSA-SHA1", body, aggregator.privateKey).toString("base64");
      expect(() => adapter.verifyCallback({ "x-pingplusplus-signature": weak }, body)).to.throw(BadSignatureError);
    });

    it("mean nothing for what is not ours, not paid, or of no interest", () => {
      for (const [type, changes] of [
        ["charge.succeeded", { paid: false }],
        ["charge.succeeded", { paid: true, app: "app_other" }],
        ["charge.succeeded", { paid: true, livemode: true }],
        ["summary.daily.available", {}],
      ] as const)
        expect(told(event(type, charge(changes)))()).to.include({ kind: "ignored", eventId: "evt_1" });
      expect(told(event("charge.succeeded", charge({ paid: true }), { livemode: true }))()).to.include({
        kind: "ignored",
      });
    });

    it("are refused where they are not what is documented", () => {
      for (const wrong of [
        "",
        "[]",
        "{",
        event("charge.succeeded", {}),
        event("charge.succeeded", charge({ paid: true, amount: 1.5 })),
        event("refund.succeeded", charge()),
        event("charge.succeeded", charge({ paid: true }), { id: "nothing" }),
      ])
        expect(told(wrong), JSON.stringify(wrong)).to.throw(BadEventError);
    });

    it("tell which refund it was, where it was we who asked for it", () => {
      const refund = {
        ...{ id: "re_1", object: "refund", amount: 100, status: "succeeded", failure_msg: null },
        ...{ charge: "ch_1", charge_order_no: REQUEST.reference },
      };
      const read = {
        kind: "refunded",
        eventId: "evt_1",
        paymentId: "ch_1",
        reference: REQUEST.reference,
        externalRefundId: "re_1",
        amount: 100,
      };
      expect(told(event("refund.succeeded", { ...refund, metadata: { refund: "rfd_1" } }))()).to.deep.equal({
        ...read,
        refundId: "rfd_1",
      });
      expect(told(event("refund.succeeded", { ...refund, metadata: [] }))()).to.deep.equal({
        ...read,
        refundId: undefined,
      });
    });
  });

  it("says which key file is not what it should be, and shows nothing of it", () => {
    const other = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const elliptic = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
      type: "pkcs8",
      format: "pem",
    }) as string;
    for (const [changes, says] of [
      [{ privateKeyFile: join(folder, "none.pem") }, /PINGPP_PRIVATE_KEY_FILE: the file .*none\.pem cannot be read/],
      [{ privateKeyFile: other("text.pem", "s3cret") }, /PINGPP_PRIVATE_KEY_FILE: .*not a private key in PEM/],
      [{ privateKeyFile: other("elliptic.pem", elliptic) }, /not an RSA key, but ec/],
      [
        { publicKeyFile: pingpp.privateKeyFile },
        /PINGPP_PUBLIC_KEY_FILE: .*It is a private key, and a public one is wanted/,
      ],
    ] as const) {
      expect(() => createAdapters({ pingpp: { ...pingpp, ...changes } }))
        .to.throw(ConfigError, says)
        .and.satisfies((error: Error) => !/s3cret|BEGIN/.test(`${error.message}${error.cause ?? ""}`));
    }
    expect(createAdapters({ pingpp: undefined })).to.deep.equal([]);
  });
});
