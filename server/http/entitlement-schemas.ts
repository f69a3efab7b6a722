// What entitlements and baskets look like in requests and answers.

import { z } from "zod";
import { CARD_STATUS } from "../chain/abi.ts";
import { BENEFIT_KINDS } from "../membership/rules.ts";
import { referenceSchema } from "./order-schemas.ts";
import { addressParameter } from "./parameters.ts";
import { address, singleOf, time } from "./schemas.ts";

const OBSTACLES = [
  "brand-not-active",
  "card-suspended",
  "card-revoked",
  "card-surrendered",
  "card-expired",
  "not-granted",
  "not-started",
  "used-up",
] as const;

export const benefitIdSchema = z
  .int("must be a whole number")
  .min(0, "must be from 0 to 65535")
  .max(65_535, "must be from 0 to 65535")
  .meta({ description: "The benefit's number in its collection.", example: 1 });
export const benefitIdParameter = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,4})$/, "must be the number of a benefit: from 0 to 65535, without leading zeros")
  .transform(Number)
  .refine((value) => value <= 65_535, "must be the number of a benefit: from 0 to 65535, without leading zeros")
  .meta({ description: "The benefit's number in its collection.", example: "1" });
const obstacle = z.enum(OBSTACLES).nullable().meta({ description: "Why not; null where nothing is in the way." });
const serial = z.int().meta({ description: "The card's number in its edition.", example: 42 });
const productText = z.string("must be a text").min(1, "must not be empty").max(200, "must have 200 characters at most");

export const benefitNameSchema = z
  .strictObject({
    en: z.string().trim().min(1, "must not be empty").max(100, "must have 100 characters at most"),
    "zh-CN": z
      .string()
      .trim()
      .min(1, "must not be empty")
      .max(100, "must have 100 characters at most")
      .nullable()
      .default(null),
  })
  .meta({
    id: "BenefitName",
    description: "What people call a benefit.",
    example: { en: "Member price", "zh-CN": "会员价" },
  });

const percent = z
  .number()
  .gt(0, "must be more than 0")
  .max(100, "must be 100 at most")
  .multipleOf(0.01, "must have two decimal places at most")
  .meta({ description: "In percent of the price, with two decimal places at most.", example: 15 });

export const newBenefitRuleSchema = z
  .strictObject({
    name: benefitNameSchema,
    kind: z.enum(BENEFIT_KINDS, `must be one of ${BENEFIT_KINDS.join(", ")}`).meta({
      description:
        "`discount`: so much off the price. `access`: products that nobody else may buy. `use`: something that is used up.",
    }),
    discountPercent: percent
      .nullable()
      .default(null)
      .meta({ description: "Of a discount: how much. Left out otherwise." }),
    products: z
      .array(productText)
      .min(1, "must name at least one product, or * for all")
      .max(200, "may have 200 entries at most")
      .meta({
        description:
          "Which products it is about: as the shop calls them, `category:…` for a whole category, or `*` for all.",
        example: ["category:coffee"],
      }),
  })
  .superRefine(({ kind, discountPercent }, context) => {
    if ((kind === "discount") === (discountPercent !== null)) return;
    const message =
      kind === "discount" ? "is missing: say how much the discount is" : "is for a discount only: leave it out";
    context.addIssue({ code: "custom", path: ["discountPercent"], message });
  })
  .meta({ id: "NewBenefitRule", description: "What a benefit means at the till." });

const ruleFields = {
  name: benefitNameSchema.nullable().meta({ description: "Null where the brand has not said what the benefit means." }),
  kind: z.enum(BENEFIT_KINDS).nullable(),
  discountPercent: z.number().nullable(),
  products: z.array(z.string()).nullable(),
};

export const benefitSchema = z
  .strictObject({
    id: benefitIdSchema,
    ...ruleFields,
    tiers: z
      .array(
        z.strictObject({
          tier: z.int(),
          quota: z.int().nullable().meta({ description: "How often in one period; null for as often as one likes." }),
          periodSeconds: z.int().nullable().meta({ description: "Null where there is one period that never ends." }),
          startsAt: time,
        }),
      )
      .meta({ description: "What the chain grants each tier. Nothing of it can be changed here." }),
  })
  .meta({ id: "Benefit", description: "What a collection's cards entitle to." });

const benefitStandingSchema = z
  .strictObject({
    id: benefitIdSchema,
    ...ruleFields,
    quota: z.int().nullable().meta({ description: "How often in one period; null for as often as one likes." }),
    period: z
      .strictObject({ startsAt: time, endsAt: time.nullable() })
      .nullable()
      .meta({ description: "The period that counts now; null before the first one." }),
    used: z.int().meta({ description: "How often it was used in this period, as the chain has counted." }),
    held: z.int().meta({ description: "How many uses are reserved, or on their way to the chain, besides." }),
    left: z.int().nullable().meta({ description: "How many are left; null for as many as one likes." }),
    usable: z.boolean().meta({ description: "Whether it can be used now." }),
    reason: obstacle,
  })
  .meta({ id: "BenefitStanding", description: "How a card's benefit stands." });

const cardReference = {
  collection: z.strictObject({ address, slug: z.string(), name: z.string() }).meta({ id: "EntitledCollection" }),
  serial,
  tier: z.int(),
};

const entitledCardSchema = z
  .strictObject({
    ...cardReference,
    brand: z.strictObject({ id: z.int(), name: z.string(), status: z.string() }).meta({ id: "EntitledBrand" }),
    holder: address,
    status: z.enum(CARD_STATUS).exclude(["None"]),
    expiresAt: time.nullable(),
    usable: z.boolean().meta({ description: "Whether the card can be used now." }),
    reason: obstacle,
    benefits: z.array(benefitStandingSchema),
  })
  .meta({ id: "EntitledCard", description: "A card, and what it entitles to." });

const entitlementsSchema = z
  .strictObject({
    customer: z.strictObject({ id: z.string(), reference: z.string() }).nullable().meta({
      description:
        "The brand's customer; null where an address was asked for, or the brand knows nobody by that reference.",
    }),
    holders: z.array(address).meta({ description: "The addresses whose cards these are." }),
    member: z.boolean().meta({ description: "Whether at least one card can be used now." }),
    cards: z.array(entitledCardSchema),
    more: z.boolean().meta({
      description: "Whether there are more than these cards: those of one person are looked at up to a hundred.",
    }),
  })
  .meta({ id: "Entitlements", description: "What somebody's cards entitle them to." });

export const entitlementsAnswer = singleOf(entitlementsSchema);

const MOST_LINES = 100;
/** A hundred million yuan: sums of a basket stay whole numbers. */
const HIGHEST_PRICE = 10_000_000_000;

export const MIN_BLOCK_HELP =
  "Answer as of this block or a later one: the block of a transaction that you know of. Waits two seconds for the registry to read it at most.";
export const minBlockBody = z
  .int("must be a whole number")
  .min(0, "must not be negative")
  .max(2 ** 31 - 1, "must be the number of a block")
  .optional()
  .meta({
    description: MIN_BLOCK_HELP,
  });

export const basketSchema = z
  .strictObject({
    customer: referenceSchema
      .nullish()
      .meta({ description: "Who buys, by the brand's reference. Left out for somebody whom the shop does not know." }),
    holder: addressParameter
      .optional()
      .meta({ description: "Who buys, by the address of their wallet, instead of `customer`." }),
    lines: z
      .array(
        z.strictObject({
          id: z
            .string()
            .min(1, "must not be empty")
            .max(100, "must have 100 characters at most")
            .meta({ description: "The line, as the answer names it.", example: "1" }),
          product: productText.meta({ description: "The product, as the shop calls it.", example: "SKU-1" }),
          categories: z.array(productText).max(50, "may have 50 entries at most").optional(),
          quantity: z
            .int("must be a whole number")
            .min(1, "must be 1 or more")
            .max(1000, "must be 1000 at most")
            .default(1),
          unitPrice: z
            .int("must be a whole number of the currency's smallest unit")
            .min(0, "must not be negative")
            .max(HIGHEST_PRICE, "is more than can be reckoned with")
            .meta({ description: "In the currency's smallest unit.", example: 4800 }),
        }),
      )
      .max(MOST_LINES, `may have ${MOST_LINES} entries at most`)
      .refine((lines) => new Set(lines.map(({ id }) => id)).size === lines.length, {
        error: "have an id twice; give each its own",
      }),
    minBlock: minBlockBody,
  })
  .refine(({ customer, holder }) => customer == null || holder === undefined, {
    error: "says both `customer` and `holder`; say one of them",
  })
  .meta({ id: "Basket", description: "What somebody wants to buy." });

const appliedBenefit = {
  collection: z.string().meta({ description: "The slug of the card's collection." }),
  serial,
  benefit: benefitIdSchema,
  name: benefitNameSchema,
};
const checkedLineSchema = z.strictObject({
  id: z.string(),
  locked: z.boolean().meta({ description: "Whether this is for members only, and the customer may not buy it." }),
  reason: z
    .enum(["members-only", ...OBSTACLES])
    .nullable()
    .meta({ description: "Why it is locked: nothing that the customer has unlocks it, or what would cannot be used." }),
  unlockedBy: z
    .strictObject(appliedBenefit)
    .nullable()
    .meta({ description: "What lets the customer buy something that is for members only." }),
  discount: z
    .strictObject({
      ...appliedBenefit,
      percent: z.number(),
      amount: z.int().meta({ description: "What the line costs less, in the currency's smallest unit, rounded down." }),
      needsRedemption: z
        .boolean()
        .meta({ description: "Whether it has a quota: reserve it with POST /v1/redemptions before you grant it." }),
    })
    .nullable(),
  missed: z.array(z.strictObject({ ...appliedBenefit, reason: z.enum(OBSTACLES) })).meta({
    description: "Benefits of the customer's cards that would be about this product, and why they do not count.",
  }),
  total: z.int().meta({ description: "What the line costs, after the discount." }),
});

const checkedBasketSchema = z
  .strictObject({
    member: z.boolean().meta({ description: "Whether the customer has at least one card that can be used now." }),
    lines: z.array(checkedLineSchema),
    usable: z.array(z.strictObject({ ...appliedBenefit, left: z.int().nullable() })).meta({
      description:
        "Benefits to be used up that are about something in the basket: reserve one with POST /v1/redemptions.",
    }),
    subtotal: z.int(),
    discountTotal: z.int(),
    total: z.int(),
  })
  .meta({ id: "CheckedBasket", description: "What the customer's cards do for the basket." });

export const checkedBasketAnswer = singleOf(checkedBasketSchema);
export type EntitlementsAnswer = z.input<typeof entitlementsSchema>;
export type CheckedBasketAnswer = z.input<typeof checkedBasketSchema>;
export type BenefitAnswer = z.input<typeof benefitSchema>;
