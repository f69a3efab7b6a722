// What orders look like in requests and answers.

import { z } from "zod";
import { InvalidReference, normalizeReference } from "../issuance/holder-derivation.ts";
import { REASON_PATTERN } from "../issuance/orders/changes.ts";
import { COMMAND_STATES, ORDER_STATES } from "../issuance/orders/order.ts";
import { TERM_PATTERN } from "../issuance/orders/term.ts";
import { addressParameter, collectionParameter } from "./parameters.ts";

/** More cards than this are a spreadsheet. */
export const MOST_CARDS = 100;
const MOST_ITEMS = 20;

export const referenceSchema = z
  .string("must be a text")
  .max(400, "is longer than 200 characters")
  .transform((value, context) => {
    try {
      return normalizeReference(value);
    } catch (error) {
      if (!(error instanceof InvalidReference)) throw error;
      context.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  })
  .meta({
    description:
      "What the brand calls the customer, a number of its customer system for example; never a name or phone number. Compared in Unicode NFKC, upper and lower case differ.",
    example: "CRM-004711",
    override: ({ jsonSchema }) => {
      Object.assign(jsonSchema, { type: "string", minLength: 1, maxLength: 400 });
    },
  });

export const tierSchema = z
  .int("must be a whole number")
  .min(0, "must be from 0 to 255")
  .max(255, "must be from 0 to 255")
  .meta({ description: "The level of the card.", example: 1 });

export const termSchema = z
  .string()
  .regex(TERM_PATTERN, "must be a duration of one unit, as P1Y, P6M, P4W or P30D, or null for ever")
  .nullable()
  .meta({
    description:
      "For how long the card is valid: an ISO 8601 duration of years, months, weeks or days; null for ever. It ends with the last day.",
    example: "P1Y",
  });

export const moneySchema = z
  .strictObject({
    amount: z
      .int("must be a whole number of the currency's smallest unit")
      .min(0, "must not be negative")
      .max(Number.MAX_SAFE_INTEGER)
      .meta({ description: "In the currency's smallest unit: fen for CNY.", example: 12800 }),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, "must be three capital letters (ISO 4217)")
      .meta({ description: "ISO 4217.", example: "CNY" }),
  })
  .meta({ id: "Money", description: "An amount of money." });

export const newOrderSchema = z
  .strictObject({
    customer: z
      .strictObject({
        reference: referenceSchema,
        holder: addressParameter.optional().meta({
          description:
            "The customer's own address, where the card is to be there. Left out, the brand keeps one for the customer.",
        }),
      })
      .optional()
      .meta({ description: "Who gets the cards. Customers who have signed in leave it out: it is them." }),
    items: z
      .array(
        z.strictObject({
          collection: collectionParameter,
          tier: tierSchema.optional().meta({ description: "Left out, what the collection's offer says." }),
          term: termSchema.optional().meta({ description: "Left out, what the collection's offer says." }),
          quantity: z
            .int("must be a whole number")
            .min(1, "must be 1 or more")
            .max(MOST_CARDS, `must be ${MOST_CARDS} at most`)
            .default(1)
            .meta({ description: "How many cards.", example: 1 }),
        }),
      )
      .min(1, "must name at least one collection")
      .max(MOST_ITEMS, `may have ${MOST_ITEMS} entries at most`)
      .refine((items) => items.reduce((sum, { quantity }) => sum + quantity, 0) <= MOST_CARDS, {
        error: `are more than ${MOST_CARDS} cards; use a spreadsheet (POST /v1/imports) for so many`,
      })
      .meta({ description: `What is bought: ${MOST_CARDS} cards at most.` }),
    paid: moneySchema.optional().meta({ description: "What the customer has paid, as the shop states it." }),
    payment: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,31}$/, "must be the name of a payment provider")
      .optional()
      .meta({
        description:
          "A payment provider that the order waits for. The cards are sent when it is paid; unpaid, the order is cancelled.",
        example: "pingpp",
      }),
  })
  .meta({ id: "NewOrder", description: "What a customer is to get." });

const id = z.string().meta({ description: "The order's id.", example: "ord_019a9a4e-5b1c-7d30-9f64-5d2f2b8f6c11" });
const time = z.iso.datetime().meta({ description: "A time in UTC (ISO 8601).", example: "2026-11-20T08:30:00.000Z" });
const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .meta({ description: "An address with its EIP-55 checksum." });

export const failureSchema = z
  .object({
    name: z.string().meta({ description: "For programs.", example: "brand-not-active" }),
    detail: z.string().meta({ description: "What happened and what to do." }),
  })
  .meta({ id: "OrderFailure", description: "Why a card waits or cannot be issued." });

const orderedCollection = z
  .object({ address, slug: z.string().meta({ example: "noirance-black" }) })
  .meta({ id: "OrderedCollection", description: "The collection that was ordered from." });

const orderFields = {
  id,
  state: z.enum(ORDER_STATES).meta({
    description:
      "`accepted` waits for its payment, `queued` to be sent, `sent` for the chain; `issued`: all cards are there; `failed`: at least one cannot be issued.",
  }),
  customer: z.object({
    id: z.string().meta({ example: "cus_019a9a4e-5b1c-7d30-9f64-5d2f2b8f6c11" }),
    reference: z.string().meta({ example: "CRM-004711" }),
  }),
  items: z.array(
    z.object({
      collection: orderedCollection,
      tier: z.int().min(0).max(255),
      term: z.string().nullable(),
      quantity: z.int().min(1),
    }),
  ),
  paid: z.object({ amount: z.int(), currency: z.string() }).nullable().meta({ description: "As the shop stated it." }),
  payment: z
    .object({
      provider: z.string(),
      payBefore: time.meta({ description: "Until when the order waits for it." }),
    })
    .nullable()
    .meta({ description: "The payment that it waits or waited for." }),
  failure: failureSchema.nullable(),
  createdAt: time,
  updatedAt: time,
};

export const orderSummarySchema = z
  .object({ ...orderFields, quantity: z.int().min(1).meta({ description: "How many cards." }) })
  .meta({ id: "OrderSummary", description: "An order without its cards." });

export const orderSchema = z
  .object({
    ...orderFields,
    cards: z.array(
      z
        .object({
          collection: orderedCollection,
          serial: z.int().positive().meta({ description: "Reserved from the beginning." }),
          tier: z.int().min(0).max(255),
          expiresAt: time.nullable().meta({ description: "Null if never." }),
          state: z.enum(COMMAND_STATES).meta({
            description:
              "`held` waits for the payment, `queued` to be sent, `sent` for the chain; `done`: it is issued.",
          }),
          failure: failureSchema.nullable(),
          transactionHash: z.string().nullable().meta({ description: "The transaction that issued it." }),
          blockNumber: z.int().nullable().meta({ description: "The block that it is in." }),
          matched: z.boolean().meta({
            description:
              "Whether the card was found on the chain after the server's database had been restored from an older copy, and is taken for this order's. It was not issued anew.",
          }),
          verifyUrl: z.url().meta({ description: "The page that a customer sees." }),
        })
        .meta({ id: "OrderedCard", description: "A card of an order." }),
    ),
  })
  .meta({ id: "Order", description: "An order with its cards." });

/** A reason that goes to the chain. */
export const reasonSchema = z.string().regex(REASON_PATTERN, "must be 1 to 31 of a-z, 0-9, space and hyphen").meta({
  description: "Stands on the chain for ever: never anything about a person.",
  example: "refund",
});

export const newRefundSchema = z
  .strictObject({
    reason: reasonSchema,
  })
  .meta({ id: "NewRefund", description: "Why the cards are revoked." });

export const newGiftSchema = z
  .strictObject({
    collection: collectionParameter,
    serial: z.int().positive().meta({ description: "Which card of the order.", example: 42 }),
    customer: z.strictObject({ reference: referenceSchema, holder: addressParameter.optional() }),
  })
  .meta({ id: "NewGift", description: "Who gets a card." });

const moment = z.iso
  .datetime({ offset: true, error: "must be a time, as 2026-11-20T20:00:00+08:00" })
  .transform((text) => Date.parse(text));

export const newOfferSchema = z
  .strictObject({
    free: z.boolean().default(false).meta({ description: "Whether customers may take one card each by themselves." }),
    tier: tierSchema,
    term: termSchema,
    opensAt: moment.nullable().default(null).meta({ description: "From when on; null for always.", override: asTime }),
    closesAt: moment.nullable().default(null).meta({ description: "Until when; null for ever.", override: asTime }),
    giftable: z.boolean().default(false).meta({ description: "Whether a card may be given away before it was used." }),
  })
  .refine(({ opensAt, closesAt }) => opensAt === null || closesAt === null || opensAt < closesAt, {
    path: ["closesAt"],
    error: "must be after opensAt",
  })
  .meta({ id: "NewOffer", description: "What a collection is offered as." });

function asTime({ jsonSchema }: { jsonSchema: Record<string, unknown> }): void {
  for (const key of Object.keys(jsonSchema)) if (key !== "description") delete jsonSchema[key];
  Object.assign(jsonSchema, { type: ["string", "null"], format: "date-time", default: null });
}

export const offerSchema = z
  .object({
    free: z.boolean(),
    tier: z.int().min(0).max(255),
    term: z.string().nullable(),
    opensAt: time.nullable(),
    closesAt: time.nullable(),
    giftable: z.boolean(),
  })
  .meta({ id: "Offer", description: "What a collection is offered as." });
