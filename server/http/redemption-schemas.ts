// What redemptions look like in requests and answers.

import { z } from "zod";
import { REDEMPTION_STATES } from "../issuance/redemptions/redemption.ts";
import { benefitIdSchema } from "./entitlement-schemas.ts";
import { reasonSchema, referenceSchema } from "./order-schemas.ts";
import { addressParameter, collectionParameter } from "./parameters.ts";
import { address, time } from "./schemas.ts";

/** For so long a benefit is reserved if nothing else is said, and at the most, in seconds. */
const HOLD_SECONDS = 600;
const LONGEST_HOLD_SECONDS = 86_400;
/** A signature of a contract wallet may hold several. */
const LONGEST_SIGNATURE = 8_194;

export const newRedemptionSchema = z
  .strictObject({
    customer: referenceSchema.optional().meta({ description: "Whose card it is, by the brand's reference." }),
    holder: addressParameter
      .optional()
      .meta({ description: "Whose card it is, by the address of their wallet, instead of `customer`." }),
    collection: collectionParameter,
    serial: z
      .int("must be a whole number")
      .min(1, "must be from 1 on")
      .max(1_000_000_000, "must be a serial")
      .meta({ description: "The card.", example: 42 }),
    benefit: benefitIdSchema,
    holdSeconds: z
      .int("must be a whole number")
      .min(1, "must be 1 or more")
      .max(LONGEST_HOLD_SECONDS, `must be ${LONGEST_HOLD_SECONDS} at most`)
      .default(HOLD_SECONDS)
      .meta({ description: "For how long it is reserved. Unless it is confirmed by then, others may have it again." }),
    note: z
      .string()
      .max(200, "must have 200 characters at most")
      .optional()
      .meta({ description: "What the shop wants to find again, an order's number for example. No personal data." }),
  })
  .refine(({ customer, holder }) => (customer === undefined) !== (holder === undefined), {
    error: "must say either `customer` or `holder`",
  })
  .meta({ id: "NewRedemption", description: "One use of a benefit, to be reserved." });

export const confirmationSchema = z
  .strictObject({
    authorization: z
      .strictObject({
        number: z
          .int()
          .min(1)
          .max(2 ** 32 - 1),
        deadline: z
          .int()
          .min(0)
          .max(2 ** 47),
        signature: z
          .string()
          .regex(/^0x([0-9a-fA-F]{2})+$/, "must be 0x and hexadecimal digits")
          .max(LONGEST_SIGNATURE, "is longer than any signature that is taken"),
      })
      .optional()
      .meta({
        description: "What the customer's own wallet has signed. Left out where the brand keeps the customer's card.",
      }),
  })
  .meta({ id: "Confirmation", description: "That a benefit is granted." });

export const undoingSchema = z
  .strictObject({ reason: reasonSchema })
  .meta({ id: "Undoing", description: "Why a redemption is undone. The reason is written to the chain." });

const typedField = z.strictObject({ name: z.string(), type: z.string() });
const typedDataSchema = z
  .strictObject({
    domain: z.strictObject({ name: z.string(), version: z.string(), chainId: z.int(), verifyingContract: address }),
    types: z.strictObject({ Redemption: z.array(typedField) }),
    primaryType: z.literal("Redemption"),
    message: z.strictObject({
      serial: z.int(),
      benefitId: z.int(),
      number: z.int(),
      generation: z.int(),
      staff: address,
      deadline: z.int(),
    }),
  })
  .meta({ id: "RedemptionTypedData", description: "What the wallet signs (EIP-712, `eth_signTypedData_v4`)." });

export const redemptionSchema = z
  .strictObject({
    id: z.string().meta({ example: "red_019a9a4e-5b1c-7d30-9f64-5d2f2b8f6c11" }),
    state: z.enum(REDEMPTION_STATES).meta({
      description:
        "`held`: reserved until `heldUntil`. `confirmed`: granted, and on its way to the chain. `redeemed`: the registry has it from the chain. `failed`: the chain has refused it. `undoing` and `undone`: taken back.",
    }),
    collection: z.strictObject({ address, slug: z.string() }).meta({ id: "RedemptionCollection" }),
    serial: z.int(),
    benefit: benefitIdSchema,
    holder: address,
    heldUntil: time,
    authorization: z
      .strictObject({
        kind: z.enum(["custodial", "wallet"]).meta({
          description:
            "`custodial`: the brand keeps the card and signs for the customer. `wallet`: the customer's own wallet signs.",
        }),
        typedData: typedDataSchema
          .nullable()
          .meta({ description: "For a wallet, while the redemption is held: what is to be signed." }),
      })
      .meta({ id: "RedemptionAuthorization" }),
    number: z
      .int()
      .nullable()
      .meta({ description: "Which redemption of the card's benefit it is, once that is known." }),
    note: z.string().nullable(),
    reason: z.string().nullable().meta({ description: "Why it was undone." }),
    failure: z.string().nullable().meta({ description: "A name for why it waits or has failed." }),
    failureDetail: z.string().nullable().meta({ description: "The same as a sentence that says what to do." }),
    createdAt: time,
    confirmedAt: time.nullable(),
    updatedAt: time,
  })
  .meta({ id: "Redemption", description: "One use of a benefit, from its reservation to the chain." });
export type RedemptionAnswer = z.input<typeof redemptionSchema>;
