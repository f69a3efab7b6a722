// Who is no member cannot put a members-only product into the basket, by whatever way.

import type { Order, OrderInterceptor, ProductVariant } from "@vendure/core";
import type { Entitlements } from "./entitlements.ts";

/** Vendure hands these words on; the pages have their own for them. */
export const MEMBERS_ONLY = "MEMBERS_ONLY";
export const MEMBERSHIP_UNKNOWN = "MEMBERSHIP_UNKNOWN";

export function createMembersOnlyInterceptor({ entitlements }: { entitlements: Entitlements }): OrderInterceptor {
  async function refusal(order: Order, variant: ProductVariant, quantity: number): Promise<string | undefined> {
    if (quantity <= 0) return undefined;
    const { sku, customFields, priceWithTax } = variant;
    const line = { id: "1", product: sku, categories: [customFields.category], quantity, unitPrice: priceWithTax ?? 0 };
    const answer = await entitlements.check(order.customer && String(order.customer.id), [line]);
    if (answer === "away") return customFields.membersOnly ? MEMBERSHIP_UNKNOWN : undefined;
    return answer.lines[0]?.locked ? MEMBERS_ONLY : undefined;
  }
  return {
    willAddItemToOrder: async (_ctx, order, { productVariant, quantity }) =>
      await refusal(order, productVariant, quantity),
    willAdjustOrderLine: async (_ctx, order, { orderLine, quantity }) =>
      quantity > orderLine.quantity ? await refusal(order, orderLine.productVariant, quantity) : undefined,
  };
}
