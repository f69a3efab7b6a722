// How membership changes prices in Vendure: two conditions that ask Mintmark, and an action for each.
//
// The rule for several discounts on one line: of flash sale and member price the customer gets the lower one, never both; a coffee
// that is redeemed costs nothing; a coupon takes its part of what is left of the whole order. Vendure applies promotions by
// their priority, and order discounts after those of lines, which is why the rule holds without knowing the other promotions.

import { LanguageCode, type OrderLine, PromotionCondition, PromotionLineAction } from "@vendure/core";
import type { CheckLine } from "../mintmark/client.ts";
import type { Entitlements } from "./entitlements.ts";
import { type Claim, claimOf, covers } from "./fields.ts";

/** After the promotions that everybody gets. */
const MEMBER_PRIORITY = 10;
const CLAIM_PRIORITY = 20;

export function checkLine(line: OrderLine): CheckLine {
  const { sku, customFields } = line.productVariant;
  return {
    id: String(line.id),
    product: sku,
    categories: [customFields.category].filter((category) => category !== ""),
    quantity: line.quantity,
    unitPrice: line.listPrice,
  };
}

/** The line that a claimed benefit pays one piece of: the dearest that it covers. */
export function claimedLine(lines: readonly OrderLine[], claim: Claim | undefined): OrderLine | undefined {
  if (claim === undefined || claim.state === "undone") return undefined;
  return lines
    .filter(({ quantity, productVariant }) => {
      const { sku, customFields } = productVariant;
      return quantity > 0 && covers(claim.products, { sku, category: customFields.category });
    })
    .sort((a, b) => b.listPrice - a.listPrice)[0];
}

export function createMembershipPromotions({ entitlements }: { entitlements: Entitlements }) {
  const isMember = new PromotionCondition({
    code: "mintmark_member",
    description: [{ languageCode: LanguageCode.en, value: "Customer has a membership card with a discount" }],
    args: {},
    priorityValue: MEMBER_PRIORITY,
    async check(_ctx, order): Promise<false | { discounts: Record<string, number> }> {
      if (order.customer === undefined || order.customer === null) return false;
      const asked = order.lines.filter(({ quantity }) => quantity > 0).map(checkLine);
      const answer = await entitlements.check(String(order.customer.id), asked);
      if (answer === "away") return false;
      const discounts: Record<string, number> = {};
      for (const line of asked) {
        const found = answer.lines.find(({ id }) => id === line.id);
        // What must be redeemed is claimed, not given by the way.
        if (found?.discount && !found.discount.needsRedemption)
          discounts[line.id] = line.quantity * line.unitPrice - found.total;
      }
      return Object.keys(discounts).length > 0 && { discounts };
    },
  });

  const memberPrice = new PromotionLineAction({
    code: "mintmark_member_price",
    description: [{ languageCode: LanguageCode.en, value: "Member price, where it is lower than what everybody pays" }],
    args: {},
    conditions: [isMember],
    execute(_ctx, line, _args, state) {
      const discount = state.mintmark_member.discounts[String(line.id)] ?? 0;
      return -Math.max(0, discount - takenOff(line));
    },
  });

  const hasClaim = new PromotionCondition({
    code: "mintmark_claim",
    description: [{ languageCode: LanguageCode.en, value: "Customer redeems a benefit of their card" }],
    args: {},
    priorityValue: CLAIM_PRIORITY,
    check(_ctx, order): false | { line: string } {
      const line = claimedLine(order.lines, claimOf(order));
      return line !== undefined && { line: String(line.id) };
    },
  });

  const claimedPiece = new PromotionLineAction({
    code: "mintmark_claimed_piece",
    description: [{ languageCode: LanguageCode.en, value: "One piece for nothing" }],
    args: {},
    conditions: [hasClaim],
    execute(_ctx, line, _args, state) {
      if (state.mintmark_claim.line !== String(line.id)) return 0;
      return -Math.round((line.listPrice * line.quantity - takenOff(line)) / line.quantity);
    },
  });

  return { conditions: [isMember, hasClaim], actions: [memberPrice, claimedPiece] };
}

/** What earlier promotions have taken off a line. */
function takenOff(line: OrderLine): number {
  return -line.adjustments.reduce((sum, { amount }) => sum + amount, 0);
}
