// A Ping++ on this machine: takes signed requests for charges and refunds, shows a page to pay on, and calls back. Written against
// Ping++'s documentation and on its own: it shares no code with the server's adapter, so that a mistake there does not meet the same
// mistake here.
//
// Must hold: a request counts only with the merchant's signature; what can be refunded is never more than what was paid.

import { createPublicKey, timingSafeEqual, verify } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from "express";
import { type Charge, type ChargeBook, createChargeBook, type Refund, Refusal } from "./charges.ts";
import { createDeliveries, type Deliveries, RETRY_DELAYS_MS } from "./deliveries.ts";
import type { SimulatorKeys } from "./keys.ts";
import { PAY_CSS, type PageLanguage, type PageState, renderPayPage } from "./page.ts";

export interface PaymentSimulator {
  url: string;
  charges: Pick<ChargeBook, "find" | "list" | "refundsOf">;
  /** What it tells, and how. */
  deliveries: Deliveries;
  /** Pays a charge as its page does, also where the page would not let one any more. */
  pay(chargeId: string, options?: { afterExpiry?: boolean }): void;
  /** Refunds as the merchant does in the dashboard. */
  refund(chargeId: string, amount?: number): Refund;
  /** How the next requests of the API are answered, one each, where not as they should be. */
  failNext(failure: ApiFailure): void;
  /** How many requests for a refund have come in. */
  refundRequests(): number;
  close(): Promise<void>;
}

export type ApiFailure =
  /** None: for those that are to be answered before one that is not. */
  | "answer"
  /** Does what was asked, and breaks the connection off before it answers. */
  | "break-after"
  /** Breaks the connection off at once. */
  | "break-before"
  | { status: number };

export interface SimulatorOptions {
  keys: SimulatorKeys;
  /** A free one if 0. */
  port: number;
  host?: string;
  /** Where events are told. */
  webhookUrl: string | (() => string);
  retryDelaysMs?: readonly number[];
  /** How long a refund takes; in Ping++'s world, up to days. */
  refundDelayMs?: number;
  /** What becomes of refunds. */
  refunds?: "succeed" | "fail" | "stay-pending";
  /** In milliseconds since the Unix epoch. */
  now?(): number;
}

export async function startPaymentSimulator(options: SimulatorOptions): Promise<PaymentSimulator> {
  const {
    keys,
    port,
    host = "127.0.0.1",
    webhookUrl,
    retryDelaysMs = RETRY_DELAYS_MS,
    refundDelayMs = 0,
    refunds = "succeed",
    now = Date.now,
  } = options;
  const server: Server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const url = `http://${host}:${(server.address() as AddressInfo).port}`;
  const charges = createChargeBook({ appId: keys.appId, payUrl: (id) => `${url}/pay/${id}`, now });
  const deliveries = createDeliveries({
    webhookUrl: typeof webhookUrl === "string" ? () => webhookUrl : webhookUrl,
    privateKey: keys.aggregatorPrivateKey,
    otherPrivateKey: keys.merchantPrivateKey,
    retryDelaysMs,
    now,
  });
  const merchantKey = createPublicKey(keys.merchantPublicKey);
  const failures: ApiFailure[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let refundRequests = 0;

  function pay(id: string, how?: { afterExpiry?: boolean }): void {
    deliveries.tell("charge.succeeded", charges.pay(id, how));
  }

  function refund(id: string, input: Record<string, unknown>): Refund {
    const begun = charges.refund(id, input);
    if (refunds === "stay-pending") return begun;
    const timer = setTimeout(() => {
      timers.delete(timer);
      charges.complete(begun, refunds === "succeed" ? "succeeded" : "failed");
      if (refunds === "succeed") deliveries.tell("refund.succeeded", begun);
    }, refundDelayMs);
    timers.add(timer);
    return begun;
  }

  const app = createSimulatorApp();
  server.on("request", app);

  function createSimulatorApp(): Express {
    const app = express();
    app.disable("x-powered-by");
    app.use("/v1", express.text({ type: () => true, limit: "1mb" }), (request, _response, next) => {
      requireMerchant(request);
      next();
    });
    const api = (status: number, act: (request: Request) => unknown) => (request: Request, response: Response) => {
      const failure = failures.shift();
      if (failure === "break-before") {
        request.socket.destroy();
        return;
      }
      if (typeof failure === "object") {
        const error = { type: "api_error", message: "The simulator was told to fail.", code: null };
        response.status(failure.status).json({ error });
        return;
      }
      const answer = act(request);
      if (failure === "break-after") request.socket.destroy();
      else response.status(status).json(answer);
    };
    app.post(
      "/v1/charges",
      api(201, (request) => charges.create(inputOf(request))),
    );
    app.get(
      "/v1/charges/:id",
      api(200, (request) => charges.find(idOf(request))),
    );
    app.post(
      "/v1/charges/:id/refunds",
      api(201, (request) => {
        refundRequests++;
        return { ...refund(idOf(request), inputOf(request)) };
      }),
    );
    app.get(
      "/v1/charges/:id/refunds",
      api(200, (request) => ({
        object: "list",
        url: `/v1/charges/${idOf(request)}/refunds`,
        has_more: false,
        data: charges.refundsOf(idOf(request)).toReversed(),
      })),
    );

    app.use((_request, response, next) => {
      response.set({
        "Content-Security-Policy":
          "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
      });
      next();
    });
    app.get("/pay.css", (_request, response) => {
      response.type("css").send(PAY_CSS);
    });
    app.get("/pay/:id", (request, response) => showPage(request, response, stateOf(request)));
    app.post("/pay/:id", (request, response) => {
      if (stateOf(request).state === "open") pay(idOf(request));
      // So that reloading the page does not send the form again.
      response.redirect(303, `/pay/${encodeURIComponent(idOf(request))}?lang=${languageOf(request)}`);
    });
    app.use((request, response) => showPage(request, response, { charge: undefined, state: "missing" }));
    app.use(answerRefusal);
    return app;
  }

  /** Throws unless the request is the merchant's: by its key, and by its signature over body, URI and time. */
  function requireMerchant(request: Request): void {
    const [, scheme = "", value = ""] = /^(\w+) +(\S+)$/.exec(request.get("Authorization") ?? "") ?? [];
    const apiKey =
      scheme.toLowerCase() === "basic" ? Buffer.from(value, "base64").toString("utf8").replace(/:$/, "") : value;
    if (!sameText(apiKey, keys.apiKey)) throw new Refusal(401, "Invalid API Key provided.");
    const timestamp = request.get("Pingplusplus-Request-Timestamp") ?? "";
    const body = typeof request.body === "string" ? request.body : "";
    const signature = Buffer.from(request.get("Pingplusplus-Signature") ?? "", "base64");
    const signed = Buffer.from(`${body}${request.originalUrl}${timestamp}`);
    if (!/^\d{10}$/.test(timestamp) || !verify("sha256", signed, merchantKey, signature))
      throw new Refusal(401, "The signature of the request is wrong.");
  }

  function stateOf(request: Request): { charge: Charge | undefined; state: PageState } {
    const charge = charges.list().find(({ id }) => id === idOf(request));
    if (charge === undefined) return { charge, state: "missing" };
    if (charge.amount_refunded === charge.amount) return { charge, state: "refunded" };
    if (charge.paid) return { charge, state: "paid" };
    return { charge, state: charge.time_expire * 1_000 <= now() ? "expired" : "open" };
  }

  function showPage(
    request: Request,
    response: Response,
    { charge, state }: { charge: Charge | undefined; state: PageState },
  ): void {
    const language = languageOf(request);
    response
      .status(state === "missing" ? 404 : 200)
      .set({ "Content-Language": language, Vary: "Accept-Language" })
      .type("html")
      .send(renderPayPage({ charge, state, language }));
  }

  return {
    url,
    charges,
    deliveries,
    pay,
    refund: (id, amount) =>
      refund(id, { description: "In the dashboard", ...(amount === undefined ? {} : { amount }) }),
    failNext: (failure) => failures.push(failure),
    refundRequests: () => refundRequests,
    async close() {
      for (const timer of timers) clearTimeout(timer);
      await deliveries.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

const answerRefusal: ErrorRequestHandler = (error, _request, response, next) => {
  if (!(error instanceof Refusal)) {
    next(error);
    return;
  }
  const { type, message, status, parameter } = error;
  response.status(status).json({ error: { type, message, ...(parameter === undefined ? {} : { param: parameter }) } });
};

function inputOf(request: Request): Record<string, unknown> {
  try {
    const input: unknown = JSON.parse(String(request.body));
    if (typeof input === "object" && input !== null) return input as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new Refusal(400, "The body is not a JSON object.");
}

function idOf(request: Request): string {
  const { id } = request.params;
  return typeof id === "string" ? id : "";
}

function languageOf(request: Request): PageLanguage {
  const { lang } = request.query;
  if (lang === "en" || lang === "zh-CN") return lang;
  return request.acceptsLanguages(["zh-CN", "zh", "en"]) === "en" ? "en" : "zh-CN";
}

function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
