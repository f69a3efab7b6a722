// Payments: where a payer gets the link to pay at, and where aggregators tell what was paid.

import type { Request } from "express";
import { z } from "zod";
import { BadEventError, BadSignatureError, PaymentProviderError } from "../payments/adapter.ts";
import type { OrderToPay } from "../payments/paid-orders.ts";
import { PaymentNotPossibleError, type PaymentOffer, type Payments } from "../payments/payments.ts";
import { defineOperation, invalidRequest, type Operation } from "./operations.ts";
import { Problem } from "./problems.ts";
import type { Services } from "./services.ts";

/** More than any aggregator sends. */
const LARGEST_CALLBACK_BYTES = 256 * 1024;

const paymentSchema = z
  .object({
    id: z.string().meta({ description: "Our number of the payment, which the aggregator and the payer see too." }),
    orderId: z.string(),
    provider: z.string().meta({ description: "Through whom it is paid.", example: "pingpp" }),
    amount: z.int().positive().meta({ description: "In the currency's smallest unit, fen for CNY." }),
    currency: z.string().meta({ description: "ISO 4217.", example: "CNY" }),
    payUrl: z.string().meta({
      description: "Where to pay: a link to open on a phone, or to show as a QR code. Made for one payer.",
    }),
    expiresAt: z.iso.datetime().meta({ description: "Until when it can be paid." }),
  })
  .meta({ id: "Payment", description: "An open payment." });

export function paymentOperations({
  payments,
  logger,
}: { payments: Payments } & Pick<Services, "logger">): Operation[] {
  return [
    defineOperation({
      id: "payOrder",
      method: "post",
      path: "/v1/orders/{order}/payment",
      tag: "orders",
      summary: "Pay an order",
      description:
        "Opens the payment that an order waits for (its `payment`), or repeats the open one: an order never has two. Once it is paid, the " +
        "cards are issued by themselves; see the order's `state`.",
      access: ["owner", "manager", "staff", "customer"],
      params: z.object({
        order: z
          .string()
          .regex(/^ord_[0-9a-f-]{36}$/, "must be the id of an order: ord_ and a UUID")
          .meta({ description: "The order's id.", example: "ord_019a9a4e-5b1c-7d30-9f64-5d2f2b8f6c11" }),
      }),
      answers: { 200: { description: "The payment.", schema: z.object({ data: paymentSchema }) } },
      problems: [404, 409, 503],
      tagged: false,
      limited: true,
      open: false,
      async handle({ params, principal, request }) {
        const order = await payments.orders.find(params.order);
        const isTheirs =
          order !== undefined &&
          order.brandId === principal.brandId &&
          (principal.kind !== "customer" || order.customerId === principal.id);
        if (!isTheirs)
          throw new Problem("not-found", "The brand has no such order. Check the id; GET /v1/orders lists all.");
        return { body: { data: present(await offer(payments, order, request, logger)) } };
      },
    }),
    defineOperation({
      id: "takePaymentCallback",
      method: "post",
      path: "/v1/payments/{provider}/callback",
      tag: "orders",
      summary: "Tell of a payment",
      description:
        "For aggregators, which sign what they send. Answers `success` once it is written down; told again, it changes nothing. Anything " +
        "else than 2xx asks to be told again.",
      access: "everyone",
      params: z.object({
        provider: z
          .string()
          .regex(/^[a-z0-9-]{1,32}$/, "must be the name of a payment provider")
          .meta({ description: "The aggregator.", example: "pingpp" }),
      }),
      upload: { contentTypes: ["application/json"], description: "As the aggregator documents it." },
      answers: { 200: { description: "It is written down.", contentType: "text/plain" } },
      problems: [404, 503],
      tagged: false,
      // A sale's payments come in by the hundred, from one address.
      limited: false,
      open: false,
      async handle({ params, request }) {
        if (!payments.names.includes(params.provider)) {
          throw new Problem("not-found", "This server takes no payments through this provider. See docs/payments.md.");
        }
        const rawBody = await readBody(request);
        try {
          await payments.takeCallback(params.provider, request.headers, rawBody);
        } catch (error) {
          if (!(error instanceof BadSignatureError || error instanceof BadEventError)) throw error;
          logger.warn({ provider: params.provider, reason: error.message }, "a payment callback was refused");
          throw invalidRequest([
            { parameter: "body", detail: "is not what this provider has signed, or not what it documents" },
          ]);
        }
        return { body: "success", headers: { "Content-Type": "text/plain; charset=utf-8" } };
      },
    }),
  ];
}

async function offer(
  payments: Payments,
  order: OrderToPay,
  request: Request,
  logger: Services["logger"],
): Promise<PaymentOffer> {
  try {
    return await payments.offer(order, { clientIp: plainAddress(request.ip) });
  } catch (error) {
    if (error instanceof PaymentNotPossibleError)
      throw new Problem("conflict", error.message, error.soon ? { headers: { "Retry-After": "1" } } : {});
    if (!(error instanceof PaymentProviderError)) throw error;
    logger.error({ order: order.id, reason: error.message }, "a payment could not be opened");
    throw new Problem(
      "payment-provider-unavailable",
      "The payment provider did not open a payment. Try again in a few seconds; if it stays, tell whoever runs this server.",
      { headers: { "Retry-After": "5" }, cause: error },
    );
  }
}

function present({ adapter, expiresAt, ...payment }: PaymentOffer) {
  return { ...payment, provider: adapter, expiresAt: new Date(expiresAt).toISOString() };
}

/** An IPv4 address as such, where the socket is one of both kinds. */
function plainAddress(ip = "127.0.0.1"): string {
  return ip.replace(/^::ffff:(?=\d+\.)/, "");
}

async function readBody(request: Request): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > LARGEST_CALLBACK_BYTES)
      throw new Problem("request-too-large", "The body is larger than any payment provider's. Send less.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
