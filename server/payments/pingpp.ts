// Ping++ (https://www.pingxx.com), which passes payments on to Alipay, WeChat Pay and others. A payment is its charge object:
// https://www.pingxx.com/api (Charges 支付, 创建 Charge 对象, 创建 Refund 对象), webhooks: https://www.pingxx.com/docs/webhooks/webhooks.
//
// Must hold: what comes in counts only with Ping++'s signature, for our app, and in the mode of our key. Ping++ signs for all its
// merchants, and what is paid in test mode is no money.

import type { KeyObject } from "node:crypto";
import { z } from "zod";
import {
  BadEventError,
  BadSignatureError,
  type OpenPayment,
  type PaymentAdapter,
  type PaymentEvent,
  PaymentProviderError,
  type RefundResult,
} from "./adapter.ts";
import { isSignedBy, signRequest } from "./pingpp-signature.ts";

/** The channels whose credential is a link, which is all that a payer needs. */
export const PINGPP_CHANNELS = ["alipay_qr", "wx_pub_qr", "wx_wap"] as const;
export type PingppChannel = (typeof PINGPP_CHANNELS)[number];

export interface PingppOptions {
  /** Without a slash at the end. */
  apiUrl: string;
  appId: string;
  /** `sk_live_…`, or `sk_test_…` where no money moves. */
  apiKey: string;
  /** Signs our requests. */
  merchantKey: KeyObject;
  /** Ping++'s, for its webhooks. */
  aggregatorKey: KeyObject;
  channel: PingppChannel;
  timeoutMs?: number;
  /** In milliseconds since the Unix epoch. */
  now?(): number;
}

const TIMEOUT_MS = 20_000;
/** In Unicode characters (创建 Charge 对象). */
const SUBJECT_LENGTH = 32;
const BODY_LENGTH = 128;
const DESCRIPTION_LENGTH = 255;
const REFUNDS_PER_PAGE = 100;

// Empty objects come as empty lists at times.
const metadata = z.union([z.record(z.string(), z.unknown()), z.array(z.never()).transform(() => ({}))]).catch({});
/** An app is its id, or itself where it was asked for with all of its members. */
const app = z.union([z.string(), z.looseObject({ id: z.string() }).transform(({ id }) => id)]);
const chargeSchema = z.looseObject({
  id: z.string().regex(/^ch_\w+$/),
  object: z.literal("charge"),
  livemode: z.boolean(),
  paid: z.boolean(),
  app,
  order_no: z.string(),
  amount: z.int(),
  currency: z.string().transform((code) => code.toUpperCase()),
});
const refundSchema = z.looseObject({
  id: z.string().regex(/^re_\w+$/),
  object: z.literal("refund"),
  amount: z.int().positive(),
  status: z.enum(["pending", "succeeded", "failed"]),
  failure_msg: z.string().nullish(),
  charge: z.string(),
  charge_order_no: z.string(),
  metadata,
});
const refundListSchema = z.looseObject({ data: z.array(refundSchema) });
const eventSchema = z.looseObject({
  id: z.string().regex(/^evt_\w+$/),
  object: z.literal("event"),
  type: z.string(),
  livemode: z.boolean(),
  data: z.looseObject({ object: z.unknown() }),
});
const errorSchema = z.looseObject({
  error: z.looseObject({ type: z.string().catch(""), message: z.string().catch("") }),
});

export function createPingppAdapter(options: PingppOptions): PaymentAdapter {
  const {
    apiUrl,
    appId,
    apiKey,
    merchantKey,
    aggregatorKey,
    channel,
    timeoutMs = TIMEOUT_MS,
    now = Date.now,
  } = options;
  const live = apiKey.startsWith("sk_live_");
  const basePath = new URL(apiUrl).pathname.replace(/\/$/, "");
  const { origin } = new URL(apiUrl);

  async function request<Answer>(
    method: "GET" | "POST",
    path: string,
    schema: z.ZodType<Answer>,
    content?: object,
  ): Promise<Answer> {
    const uri = `${basePath}${path}`;
    const body = content === undefined ? "" : JSON.stringify(content);
    const timestamp = Math.floor(now() / 1_000);
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${origin}${uri}`, {
        method,
        headers: {
          Authorization: `Bearer ${apiKey}`,
          "Content-Type": "application/json; charset=UTF-8",
          "Pingplusplus-Request-Timestamp": String(timestamp),
          "Pingplusplus-Signature": signRequest({ body, uri, timestamp }, merchantKey),
        },
        ...(content === undefined ? {} : { body }),
        redirect: "error",
        signal: AbortSignal.timeout(timeoutMs),
      });
      text = await response.text();
    } catch (cause) {
      throw new PaymentProviderError(`Ping++ at ${origin} cannot be reached. Try again later.`, {
        retryable: true,
        cause,
      });
    }
    const answer = parseJson(text);
    if (!response.ok) throw refusal(response.status, answer);
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new PaymentProviderError(
      `Ping++ at ${origin} answered ${method} ${path} with something else than it documents: ${z.prettifyError(parsed.error).slice(0, 300)}`,
      { retryable: true },
    );
  }

  function refusal(status: number, answer: unknown): PaymentProviderError {
    const { type, message } = errorSchema.safeParse(answer).data?.error ?? { type: "", message: "" };
    // Its libraries take 403 for asked too often.
    const retryable = status >= 500 || status === 403 || status === 408 || status === 429;
    const advice = status === 401 ? " Check PINGPP_API_KEY and the key pair that its dashboard knows." : "";
    return new PaymentProviderError(
      `Ping++ refused (HTTP ${status}${type === "" ? "" : `, ${type}`}): ${message.slice(0, 200) || "without a reason"}.${advice}`,
      { retryable },
    );
  }

  /** Throws unless the charge is the one that was asked for. */
  function requireSame(is: z.output<typeof chargeSchema>, wanted: { reference: string; amount: number }): void {
    const isSame =
      is.order_no === wanted.reference &&
      is.amount === wanted.amount &&
      is.currency === "CNY" &&
      is.app === appId &&
      is.livemode === live;
    if (!isSame) {
      throw new PaymentProviderError(
        `Ping++ made another charge (${is.id}) than it was asked for. It is not shown to anybody. Ask Ping++.`,
        { retryable: false },
      );
    }
  }

  function eventOf(eventId: string, type: string, object: unknown): PaymentEvent {
    switch (type) {
      case "charge.succeeded": {
        const charge = chargeSchema.safeParse(object);
        if (!charge.success) throw new BadEventError(`The charge of ${eventId} is not what Ping++ documents.`);
        const { id, paid, app, livemode, order_no, amount, currency } = charge.data;
        if (app !== appId) return { kind: "ignored", eventId, why: "it is about another app" };
        if (livemode !== live) return { kind: "ignored", eventId, why: "it is of the other mode, live or test" };
        if (!paid) return { kind: "ignored", eventId, why: "the charge is not paid" };
        return { kind: "paid", eventId, paymentId: id, reference: order_no, amount, currency };
      }
      case "refund.succeeded": {
        const refund = refundSchema.safeParse(object);
        if (!refund.success) throw new BadEventError(`The refund of ${eventId} is not what Ping++ documents.`);
        const { id, status, charge, charge_order_no, amount, metadata } = refund.data;
        if (status !== "succeeded") return { kind: "ignored", eventId, why: "the refund has not succeeded" };
        return {
          kind: "refunded",
          eventId,
          // Which of our charges it is for stands in our own book: a refund names no app.
          paymentId: charge,
          reference: charge_order_no,
          refundId: refundIdOf(metadata),
          externalRefundId: id,
          amount,
        };
      }
      default:
        return { kind: "ignored", eventId, why: `nothing follows from ${type} here` };
    }
  }

  return {
    name: "pingpp",
    async createPayment({ reference, orderId, amount, subject, payBefore, clientIp }): Promise<OpenPayment> {
      const charge = await request(
        "POST",
        "/v1/charges",
        chargeSchema.extend({ credential: z.looseObject({ [channel]: z.url() }), time_expire: z.int().positive() }),
        {
          order_no: reference,
          app: { id: appId },
          channel,
          amount,
          currency: "cny",
          client_ip: clientIp,
          subject: cut(subject, SUBJECT_LENGTH),
          body: cut(subject, BODY_LENGTH),
          time_expire: Math.floor(payBefore / 1_000),
          metadata: { order: orderId },
          // WeChat wants to know what its QR code is for.
          extra: channel === "wx_pub_qr" ? { product_id: reference } : {},
        },
      );
      requireSame(charge, { reference, amount });
      return {
        paymentId: charge.id,
        payUrl: String(charge.credential[channel]),
        expiresAt: charge.time_expire * 1_000,
      };
    },
    verifyCallback(headers, rawBody) {
      const signature = headers["x-pingplusplus-signature"];
      if (typeof signature !== "string") throw new BadSignatureError("There is no X-Pingplusplus-Signature.");
      if (!isSignedBy(rawBody, signature, aggregatorKey)) {
        throw new BadSignatureError("The X-Pingplusplus-Signature was not made with Ping++'s key over this body.");
      }
      const event = eventSchema.safeParse(parseJson(rawBody.toString("utf8")));
      if (!event.success) throw new BadEventError("This is no event as Ping++ documents it.");
      const { id, type, livemode, data } = event.data;
      if (livemode !== live) return { kind: "ignored", eventId: id, why: "it is of the other mode, live or test" };
      return eventOf(id, type, data.object);
    },
    async findPaid(paymentId) {
      const charge = await request("GET", `/v1/charges/${encodeURIComponent(paymentId)}`, chargeSchema);
      const event = eventOf(`lookup_${charge.id}`, "charge.succeeded", charge);
      return event.kind === "paid" ? event : undefined;
    },
    async refund({ paymentId, amount, reason, refundId }) {
      // Ping++ knows no idempotency key. What was asked for before, by whoever has died over it, is in its list.
      const path = `/v1/charges/${encodeURIComponent(paymentId)}/refunds`;
      const { data } = await request("GET", `${path}?limit=${REFUNDS_PER_PAGE}`, refundListSchema);
      const known = data.find(({ metadata }) => refundIdOf(metadata) === refundId);
      const refund =
        known ??
        (await request("POST", path, refundSchema, {
          amount,
          description: cut(reason, DESCRIPTION_LENGTH),
          metadata: { refund: refundId },
        }));
      return resultOf(refund);
    },
  };
}

function resultOf({ id, status, failure_msg }: z.output<typeof refundSchema>): RefundResult {
  return {
    externalRefundId: id,
    state: status === "succeeded" ? "done" : status,
    detail: failure_msg ?? undefined,
  };
}

function refundIdOf(metadata: Record<string, unknown>): string | undefined {
  const id = metadata["refund"];
  return typeof id === "string" ? id : undefined;
}

function cut(text: string, characters: number): string {
  return [...text].slice(0, characters).join("");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
