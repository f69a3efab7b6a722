// What the store adds to Vendure's own records.

import { type CustomFields, LanguageCode } from "@vendure/core";
import type { LocalText } from "../mintmark/client.ts";

declare module "@vendure/core/dist/entity/custom-entity-fields.js" {
  interface CustomProductVariantFields {
    /** What Mintmark's benefits name as `category:…`. */
    category: string;
    /** Whether it is hidden while Mintmark cannot say who is a member. */
    membersOnly: boolean;
    /** The collection of the card that is sold; null for everything else. */
    cardCollection: string | null;
    cardTier: number | null;
    cardTerm: string | null;
    /** Where it stands on the shelf. */
    position: number;
  }
  interface CustomOrderFields {
    /** What Mintmark is asked for the cards that were paid, as JSON; the same however often it is asked. */
    mintmarkWish: string | null;
    /** Mintmark's order for the cards of this one. */
    mintmarkOrder: string | null;
    /** Why something could not be done that was paid for. */
    mintmarkProblem: string | null;
    /** A {@link Claim}, as JSON. */
    claim: string | null;
  }
}

/** A benefit that the customer wants to use up with an order. */
export interface Claim {
  /**
   * `wanted` in the basket, `held` while it is being paid, `confirmed` once it is redeemed, `undone` when the order was
   * refunded, `lost` where Mintmark refused to redeem it after it was given.
   */
  state: "wanted" | "held" | "confirmed" | "undone" | "lost";
  collection: string;
  serial: number;
  benefit: number;
  name: LocalText;
  products: string[];
  /** Names the wish to reserve it, so that asking again after an answer was lost reserves it once; a new wish has a new one. */
  attempt?: string;
  /** The redemption at Mintmark, from `held` on. */
  redemption?: string;
  /** Until when it is held, in milliseconds. */
  heldUntil?: number;
}

/** The same claim as it was before it was held. */
export function wantedAgain({ attempt: _, redemption: __, heldUntil: ___, ...claim }: Claim): Claim {
  return { ...claim, state: "wanted" };
}

export function claimOf(order: { customFields: { claim: string | null } }): Claim | undefined {
  const { claim } = order.customFields;
  return claim === null || claim === "" ? undefined : (JSON.parse(claim) as Claim);
}

/** What a benefit's list of products names: a SKU, `category:…`, or everything. */
export function covers(products: readonly string[], { sku, category }: { sku: string; category: string }): boolean {
  return products.some((product) => product === "*" || product === sku || product === `category:${category}`);
}

const label = (value: string) => [{ languageCode: LanguageCode.en, value }];
/** Not for Vendure's APIs: only the store itself writes it. */
const internal = { internal: true, nullable: true } as const;

export const CUSTOM_FIELDS: CustomFields = {
  ProductVariant: [
    { name: "category", type: "string", defaultValue: "", label: label("Category of benefits") },
    { name: "membersOnly", type: "boolean", defaultValue: false, label: label("For members only") },
    { name: "cardCollection", type: "string", nullable: true, label: label("Collection of the membership card") },
    { name: "cardTier", type: "int", nullable: true, label: label("Tier of the membership card") },
    { name: "cardTerm", type: "string", nullable: true, label: label("For how long the card is valid (P1Y)") },
    { name: "position", type: "int", defaultValue: 0, label: label("Place on the shelf") },
  ],
  Order: [
    { name: "mintmarkWish", type: "text", ...internal },
    { name: "mintmarkOrder", type: "string", ...internal },
    { name: "mintmarkProblem", type: "text", ...internal },
    { name: "claim", type: "text", ...internal },
  ],
};
