// What is sent to endpoints, for the OpenAPI document and for receivers that want types. A test holds every message against it.

import { z } from "zod";
import type { ZodOpenApiPathItemObject } from "zod-openapi";
import { CARD_STATUS } from "../chain/abi.ts";
import { ORDER_STATES } from "../issuance/orders/order.ts";
import { TEST_TYPE, TYPE_OF_EVENT, WEBHOOK_TYPES } from "../webhooks/types.ts";
import { address, time } from "./schemas.ts";

const serial = z.int().positive();
const hash = z.string().regex(/^0x[0-9a-f]{64}$/);
const collection = z.strictObject({ address, slug: z.string().nullable(), name: z.string().nullable() }).meta({
  id: "WebhookCollection",
  description: "The collection; slug and name are null where the registry has not read it.",
});
const customer = z
  .strictObject({ id: z.string(), reference: z.string().nullable() })
  .nullable()
  .meta({ description: "Whom the brand knows there; null if nobody." });
const asOf = z
  .strictObject({ chainId: z.int(), blockNumber: z.int(), blockHash: hash, timestamp: time })
  .meta({ id: "WebhookAsOf", description: "The block that the message is as of." });
const transaction = z.strictObject({ hash, logIndex: z.int() }).meta({ id: "WebhookTransaction" });
const reverts = z.string().meta({ description: "The `webhook-id` of the message that has not happened after all." });

const card = z
  .strictObject({
    collection,
    serial,
    holder: address,
    tier: z.int(),
    status: z.enum(CARD_STATUS).exclude(["None"]),
    issuedAt: time,
    expiresAt: time.nullable(),
    generation: z.int(),
  })
  .meta({ id: "WebhookCard", description: "The card as it was after that block." });

const order = z
  .strictObject({
    id: z.string(),
    state: z.enum(ORDER_STATES),
    items: z.array(z.strictObject({ collection, tier: z.int(), term: z.string().nullable(), quantity: z.int() })),
    quantity: z.int(),
    paid: z.strictObject({ amount: z.int(), currency: z.string() }).nullable(),
    cards: z.array(
      z.strictObject({
        collection,
        serial,
        tier: z.int().nullable(),
        expiresAt: time.nullable(),
        blockNumber: z.int().nullable(),
      }),
    ),
    createdAt: time,
  })
  .meta({ id: "WebhookOrder", description: "The order as it was when the message was made ready." });

/** From one value to another. */
const changed = <Value extends z.ZodType>(value: Value) => z.strictObject({ before: value, after: value });
const reason = z.string().nullable();
const ofBenefit = { benefitId: z.int(), number: z.int(), usedInPeriod: z.int(), staff: address };
const expiry = z.strictObject({ expiresAt: time });

/** What each kind of message of a card says that has changed. */
const CARD_CHANGES: Record<string, z.ZodType> = {
  "card.issued": z.strictObject({ batch: z.strictObject({ firstSerial: serial, count: z.int() }) }),
  "card.renewed": z.strictObject({ expiresAt: changed(time.nullable()) }),
  "card.tier_changed": z.strictObject({ tier: changed(z.int().nullable()) }),
  "card.corrected": z.strictObject({ tier: changed(z.int().nullable()), expiresAt: changed(time.nullable()), reason }),
  "card.suspended": z.strictObject({ reason }),
  "card.reinstated": z.strictObject({}),
  "card.revoked": z.strictObject({ reason }),
  "card.surrendered": z.strictObject({}),
  "card.reissued": z.strictObject({ holder: changed(address), generation: z.int() }),
  "card.expiring": expiry,
  "card.expired": expiry,
  "benefit.redeemed": z.strictObject({ ...ofBenefit, periodStart: time }),
  "benefit.redemption_undone": z.strictObject({ ...ofBenefit, reason }),
};

const orderChange = z.strictObject({
  state: z.strictObject({ before: z.enum(ORDER_STATES).nullable(), after: z.enum(ORDER_STATES) }),
  failure: z.strictObject({ name: z.string(), detail: z.string() }).nullable(),
});
const gift = z.strictObject({
  gift: z.strictObject({
    collection,
    serial,
    holder: address,
    how: z.enum(["issued-to-them", "reissue-requested"]),
  }),
});

const REVERTED = ".reverted";

/** What a message of a type is. */
export function webhookMessageSchema(type: string): z.ZodType {
  const isReverted = type.endsWith(REVERTED);
  const data = dataOf(isReverted ? type.slice(0, -REVERTED.length) : type);
  return z.strictObject({
    type: z.literal(type),
    timestamp: time.meta({ description: "When it happened." }),
    data: isReverted ? data.extend({ reverts }) : data,
  });
}

function dataOf(type: string): z.ZodObject {
  if (type === TEST_TYPE) return z.strictObject({ endpoint: z.string(), message: z.string() });
  if (type === TYPE_OF_EVENT.WindDownStarted) return z.strictObject({ collection, asOf, transaction });
  if (type === "order.gifted") return z.strictObject({ order, change: gift, customer });
  if (type.startsWith("order.")) return z.strictObject({ order, change: orderChange, customer });
  const change = CARD_CHANGES[type];
  if (change === undefined) throw new Error(`It is not said what a message of the type ${type} is`);
  const isOfClock = type === "card.expiring" || type === "card.expired";
  const orderId = z.string().nullable().meta({ description: "The order that the card was issued for." });
  const ofCard = { card, orderId, change, asOf, customer };
  return z.strictObject(isOfClock ? ofCard : { ...ofCard, transaction });
}

/** Every message, for the document's `webhooks`. */
export function describeWebhooks(): Record<string, ZodOpenApiPathItemObject> {
  return Object.fromEntries(
    [...WEBHOOK_TYPES, TEST_TYPE].map((type) => [
      type,
      {
        post: {
          operationId: `receive-${type.replaceAll(/[._]/g, "-")}`,
          tags: ["webhooks"],
          summary: `Receive ${type}`,
          description:
            "Sent to the endpoints that ask for it, signed as Standard Webhooks says: verify the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` before you believe it.",
          security: [],
          requestBody: { required: true, content: { "application/json": { schema: webhookMessageSchema(type) } } },
          responses: {
            "204": { description: "You have it. Whatever is not 2xx counts as a failure, and it is sent again." },
            "410": { description: "You do not want any more: the endpoint is disabled." },
          },
        },
      },
    ]),
  );
}
