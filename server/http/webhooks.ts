// A brand's webhooks: its endpoints, and what was sent to them.

import { z } from "zod";
import { asBrandPrincipal } from "../accounts/roles.ts";
import { DELIVERY_STATES, type Delivery } from "../webhooks/deliveries.ts";
import type { Endpoint } from "../webhooks/endpoints.ts";
import { PATTERNS, TEST_TYPE, WEBHOOK_TYPES } from "../webhooks/types.ts";
import { idParameter, one, pageOf, pageQuery, readPage, time, timeOf, timeOrNull } from "./account-schemas.ts";
import { defineOperation, type Operation } from "./operations.ts";
import { cursorOf, limit } from "./parameters.ts";
import type { Services } from "./services.ts";

const DEFAULT_GRACE_SECONDS = 86_400;
const LONGEST_GRACE_SECONDS = 30 * 86_400;
const LARGEST_NUMBER = 2 ** 31 - 1;

const url = z.string("must be a URL").meta({ example: "https://shop.example/webhooks/mintmark" });
const events = z
  .array(z.enum(PATTERNS as [string, ...string[]], "must be `*`, a group such as `card.*`, or a type of event"))
  .min(1, "must name at least one")
  .max(PATTERNS.length, "names some of them twice")
  .meta({
    description:
      "What it is told of: types, groups (`card.*`) or everything (`*`). Who is told of something is told of its taking back, too.",
    example: ["card.*", "order.issued"],
  });
const description = z
  .string("must be a text")
  .trim()
  .max(200, "must be 200 characters at most")
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that are refused
  .regex(/^[^\0-\x1f\x7f]*$/, "must have no control characters");
const endpointState = z.enum(["enabled", "disabled"], "must be enabled or disabled").meta({
  description: "Nothing is sent to a disabled one; what happens meanwhile waits, and is sent when it is enabled again.",
});

const endpointSchema = z
  .strictObject({
    id: z.string(),
    url,
    events,
    description,
    state: endpointState,
    disabledReason: z.enum(["wanted", "gone", "failing"]).nullable().meta({
      description:
        "`wanted`: the brand has disabled it. `gone`: it has answered 410. `failing`: nothing but failures came of it for five days. Null while it is enabled.",
    }),
    failingSince: time
      .nullable()
      .meta({ description: "Since when every attempt has failed; null if the last has not." }),
    formerSecretValidUntil: time
      .nullable()
      .meta({ description: "Until when messages are signed with the secret from before its rotation as well." }),
    createdAt: time,
    createdBy: z.string().meta({ description: "Who has made it: `user:…` or `api-key:…`." }),
    updatedAt: time,
  })
  .meta({ id: "WebhookEndpoint", description: "Where a brand is told of what happens." });
const newEndpointSchema = endpointSchema
  .extend({
    secret: z.string().meta({
      description: "What messages are signed with. Keep it: it is shown this once.",
      example: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    }),
  })
  .meta({ id: "NewWebhookEndpoint", description: "An endpoint with its secret." });

const deliverySchema = z
  .strictObject({
    id: z.string().meta({ description: "What the receiver gets as `webhook-id`." }),
    endpoint: z.string(),
    type: z.string(),
    state: z.enum(DELIVERY_STATES).meta({
      description:
        "`pending`: it will be tried, or tried again. `delivered`: it was answered with 2xx. `failed`: all attempts have failed; it can be sent again.",
    }),
    createdAt: time,
    nextAttemptAt: time.nullable().meta({ description: "Not before then; null unless it is pending." }),
    deliveredAt: time.nullable(),
    attempts: z
      .array(
        z.strictObject({
          at: time,
          durationMs: z.number().int().nonnegative(),
          status: z.number().int().nullable().meta({ description: "What was answered; null if nothing was." }),
          answer: z.string().nullable().meta({ description: "How the answer begins." }),
          failure: z.string().nullable().meta({ description: "Why there was no answer." }),
        }),
      )
      .meta({ description: "Oldest first; the last 50." }),
  })
  .meta({ id: "WebhookDelivery", description: "A message to an endpoint, and what came of it." });

const endpointParams = z.object({ endpoint: idParameter("whe", "an endpoint") });
const deliveryParams = z.object({
  delivery: z
    .string()
    .regex(/^msg_[A-Za-z0-9_-]{32}$/, "must be a delivery's id: the `webhook-id` that the receiver got")
    .meta({ description: "The id of a delivery, which is its `webhook-id`.", example: `msg_${"1Ab_".repeat(8)}` }),
});
const deliveriesQuery = z.strictObject({
  limit,
  cursor: cursorOf(/^[0-9]{1,10}$/, (text) => Math.min(Number(text), LARGEST_NUMBER)),
  state: z.enum(DELIVERY_STATES, `must be ${DELIVERY_STATES.join(", ")}`).optional(),
  type: z.enum([TEST_TYPE, ...WEBHOOK_TYPES], "must be a type of event").optional(),
});

const common = { tag: "webhooks", tagged: false, limited: true, open: false } as const;
const WRITERS = ["owner", "manager"] as const;
const READERS = ["owner", "manager", "auditor"] as const;

export function webhookOperations({ webhooks: { endpoints, deliveries } }: Services): Operation[] {
  return [
    defineOperation({
      ...common,
      id: "listWebhookEndpoints",
      path: "/v1/webhook-endpoints",
      access: READERS,
      summary: "List the brand's endpoints",
      description: "Oldest first, without their secrets.",
      query: pageQuery,
      answers: { 200: { description: "A page of endpoints.", schema: pageOf(endpointSchema) } },
      problems: [],
      async handle({ principal: { brandId }, query }) {
        const read = (page: Parameters<typeof endpoints.list>[1]) => endpoints.list(brandId, page);
        return { body: await readPage(query, read, ({ id }) => id, presentEndpoint) };
      },
    }),
    defineOperation({
      ...common,
      id: "createWebhookEndpoint",
      method: "post",
      path: "/v1/webhook-endpoints",
      access: WRITERS,
      summary: "Make an endpoint",
      description:
        "It is told of what happens from now on. Messages are signed as Standard Webhooks says, with the secret that is shown this once; docs/webhooks.md says what they hold. A brand has 20 endpoints at most.",
      body: z.strictObject({ url, events, description: description.default("") }),
      answers: { 201: { description: "The endpoint with its secret.", schema: one(newEndpointSchema) } },
      problems: [409],
      async handle({ principal, body }) {
        const made = await endpoints.create(asBrandPrincipal(principal), body);
        return { status: 201, body: { data: { ...presentEndpoint(made), secret: made.secret } } };
      },
    }),
    defineOperation({
      ...common,
      id: "getWebhookEndpoint",
      path: "/v1/webhook-endpoints/{endpoint}",
      access: READERS,
      summary: "Get an endpoint",
      description: "How it is set up, and whether it works.",
      params: endpointParams,
      answers: { 200: { description: "The endpoint.", schema: one(endpointSchema) } },
      problems: [404],
      async handle({ principal: { brandId }, params: { endpoint } }) {
        return { body: { data: presentEndpoint(await endpoints.find(brandId, endpoint)) } };
      },
    }),
    defineOperation({
      ...common,
      id: "changeWebhookEndpoint",
      method: "patch",
      path: "/v1/webhook-endpoints/{endpoint}",
      access: WRITERS,
      summary: "Change an endpoint",
      description: "What is left out stays. When it is enabled again, what has waited is sent at once.",
      params: endpointParams,
      body: z.strictObject({
        url: url.optional(),
        events: events.optional(),
        description: description.optional(),
        state: endpointState.optional(),
      }),
      answers: { 200: { description: "The endpoint as it is now.", schema: one(endpointSchema) } },
      problems: [404],
      async handle({ principal, params: { endpoint }, body }) {
        return {
          body: { data: presentEndpoint(await endpoints.change(asBrandPrincipal(principal), endpoint, body)) },
        };
      },
    }),
    defineOperation({
      ...common,
      id: "deleteWebhookEndpoint",
      method: "delete",
      path: "/v1/webhook-endpoints/{endpoint}",
      access: WRITERS,
      summary: "Delete an endpoint",
      description: "Its deliveries go with it, those that are still to be sent too.",
      params: endpointParams,
      answers: { 204: { description: "It is gone." } },
      problems: [404],
      async handle({ principal, params: { endpoint } }) {
        await endpoints.remove(asBrandPrincipal(principal), endpoint);
        return { status: 204 };
      },
    }),
    defineOperation({
      ...common,
      id: "rotateWebhookSecret",
      method: "post",
      path: "/v1/webhook-endpoints/{endpoint}/rotate-secret",
      access: WRITERS,
      summary: "Give an endpoint a new secret",
      description: `For \`graceSeconds\` more (${DEFAULT_GRACE_SECONDS} if left out) each message carries a signature of both secrets, so that the receiver can change over; the secret before the former one ends now.`,
      params: endpointParams,
      body: z.strictObject({
        graceSeconds: z
          .int("must be a whole number of seconds")
          .min(0, "must not be negative")
          .max(LONGEST_GRACE_SECONDS, `must be ${LONGEST_GRACE_SECONDS} (30 days) at most`)
          .default(DEFAULT_GRACE_SECONDS),
      }),
      answers: { 200: { description: "The endpoint with its new secret.", schema: one(newEndpointSchema) } },
      problems: [404],
      async handle({ principal, params: { endpoint }, body: { graceSeconds } }) {
        const rotated = await endpoints.rotate(asBrandPrincipal(principal), endpoint, graceSeconds * 1000);
        return { body: { data: { ...presentEndpoint(rotated), secret: rotated.secret } } };
      },
    }),
    defineOperation({
      ...common,
      id: "testWebhookEndpoint",
      method: "post",
      path: "/v1/webhook-endpoints/{endpoint}/test",
      access: WRITERS,
      summary: "Send a test",
      description: `Sends a message of the type \`${TEST_TYPE}\` now, whatever the endpoint has asked for. Look at the delivery to see what came of it.`,
      params: endpointParams,
      answers: { 202: { description: "The delivery.", schema: one(deliverySchema) } },
      problems: [404, 409],
      async handle({ principal, params: { endpoint } }) {
        const id = await endpoints.test(asBrandPrincipal(principal), endpoint);
        return { status: 202, body: { data: presentDelivery(await deliveries.find(principal.brandId, id)) } };
      },
    }),
    defineOperation({
      ...common,
      id: "listWebhookDeliveries",
      path: "/v1/webhook-endpoints/{endpoint}/deliveries",
      access: READERS,
      summary: "List what was sent to an endpoint",
      description:
        "Newest first, with each attempt. Deliveries are kept for 30 days, unless the operator has set it otherwise.",
      params: endpointParams,
      query: deliveriesQuery,
      answers: { 200: { description: "A page of deliveries.", schema: pageOf(deliverySchema) } },
      problems: [404],
      async handle({ principal: { brandId }, params, query: { limit, cursor: after, state, type } }) {
        const filter = { endpointId: params.endpoint, state, type, after };
        const rows = await deliveries.list(brandId, { ...filter, limit: limit + 1 });
        const shown = rows.slice(0, limit);
        const last = rows.length > limit ? shown.at(-1) : undefined;
        return {
          body: { data: shown.map(presentDelivery), nextCursor: last === undefined ? null : String(last.number) },
        };
      },
    }),
    defineOperation({
      ...common,
      id: "replayWebhooks",
      method: "post",
      path: "/v1/webhook-endpoints/{endpoint}/replay",
      access: WRITERS,
      summary: "Send everything since a time again",
      description:
        "Every message keeps its `webhook-id`, so a receiver that knows it leaves it out. With `only: failed`, what was delivered is not sent again.",
      params: endpointParams,
      body: z.strictObject({
        since: z.iso
          .datetime("must be a time in UTC, for example 2027-01-31T00:00:00Z")
          .transform((text) => Date.parse(text)),
        only: z.enum(["failed", "all"], "must be failed or all").default("failed"),
      }),
      answers: {
        202: {
          description: "How many messages will be sent again.",
          schema: one(z.strictObject({ deliveries: z.number().int().nonnegative() })),
        },
      },
      problems: [404],
      async handle({ principal, params: { endpoint }, body: { since, only } }) {
        const wish = { since, onlyFailed: only === "failed" };
        const count = await deliveries.replaySince(asBrandPrincipal(principal), endpoint, wish);
        return { status: 202, body: { data: { deliveries: count } } };
      },
    }),
    defineOperation({
      ...common,
      id: "getWebhookDelivery",
      path: "/v1/webhook-deliveries/{delivery}",
      access: READERS,
      summary: "Get a delivery",
      description: "What came of a message, by its `webhook-id`.",
      params: deliveryParams,
      answers: { 200: { description: "The delivery.", schema: one(deliverySchema) } },
      problems: [404],
      async handle({ principal: { brandId }, params: { delivery } }) {
        return { body: { data: presentDelivery(await deliveries.find(brandId, delivery)) } };
      },
    }),
    defineOperation({
      ...common,
      id: "replayWebhookDelivery",
      method: "post",
      path: "/v1/webhook-deliveries/{delivery}/replay",
      access: WRITERS,
      summary: "Send a message again",
      description:
        "Now, with the same `webhook-id`, whatever came of it before; if it fails, it is tried again as a new one is.",
      params: deliveryParams,
      answers: { 202: { description: "The delivery.", schema: one(deliverySchema) } },
      problems: [404],
      async handle({ principal, params: { delivery } }) {
        return {
          status: 202,
          body: { data: presentDelivery(await deliveries.replay(asBrandPrincipal(principal), delivery)) },
        };
      },
    }),
  ];
}

function presentEndpoint(endpoint: Endpoint) {
  const { id, url, events, description, state, createdBy } = endpoint;
  return {
    ...{ id, url, events, description, state, createdBy },
    disabledReason: endpoint.disabledReason ?? null,
    failingSince: timeOrNull(endpoint.failingSince),
    formerSecretValidUntil: timeOrNull(endpoint.formerSecretUntil),
    createdAt: timeOf(endpoint.createdAt),
    updatedAt: timeOf(endpoint.updatedAt),
  };
}

function presentDelivery({ id, endpointId, type, state, attempts, ...times }: Delivery) {
  return {
    ...{ id, endpoint: endpointId, type, state },
    createdAt: timeOf(times.createdAt),
    nextAttemptAt: timeOrNull(times.nextAttemptAt),
    deliveredAt: timeOrNull(times.deliveredAt),
    attempts: attempts.map(({ at, durationMs, status, answer, failure }) => ({
      ...{ at: timeOf(at), durationMs },
      ...{ status: status ?? null, answer: answer ?? null, failure: failure ?? null },
    })),
  };
}
