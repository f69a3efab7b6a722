// Where the life of an order in Vendure meets Mintmark. What Mintmark has to do is only written down here, in the transaction of
// the transition; nothing waits for it.

import { configureDefaultOrderProcess, type Order, type OrderProcess } from "@vendure/core";
import type { NewOrder } from "../mintmark/client.ts";
import type { Entitlements } from "./entitlements.ts";
import { claimOf, wantedAgain } from "./fields.ts";
import { MEMBERS_ONLY, MEMBERSHIP_UNKNOWN } from "./interceptor.ts";
import { checkLine } from "./promotions.ts";
import type { Tasks } from "./tasks.ts";

/** Orders are collected at the counter, so nothing is shipped. */
export const COLLECTED_ORDERS = configureDefaultOrderProcess({ arrangingPaymentRequiresShipping: false });

export function createMembershipProcess({
  entitlements,
  tasks,
}: {
  entitlements: Entitlements;
  tasks: () => Tasks;
}): OrderProcess<string> {
  return {
    async onTransitionStart(_from, to, { order }) {
      if (to !== "ArrangingPayment") return;
      if (claimOf(order)?.state === "wanted") return "A benefit must be held before it is paid with.";
      const lines = order.lines.filter(({ quantity }) => quantity > 0);
      const answer = await entitlements.check(order.customer && String(order.customer.id), lines.map(checkLine));
      if (answer === "away")
        return lines.some(({ productVariant }) => productVariant.customFields.membersOnly)
          ? MEMBERSHIP_UNKNOWN
          : undefined;
      return answer.lines.some(({ locked }) => locked) ? MEMBERS_ONLY : undefined;
    },

    async onTransitionEnd(from, to, { ctx, order }) {
      const id = String(order.id);
      const claim = claimOf(order);
      if (to === "PaymentSettled") {
        const wish = wishOf(order);
        if (wish !== undefined) {
          // Saved with the order when the transition ends.
          order.customFields.mintmarkWish = JSON.stringify(wish);
          await tasks().add(ctx, { kind: "place", order: id });
        }
        if (claim?.state === "held") await tasks().add(ctx, { kind: "confirm", order: id });
      } else if (to === "Cancelled" && from !== "AddingItems" && from !== "ArrangingPayment") {
        await tasks().add(ctx, { kind: "refund", order: id });
      } else if (from === "ArrangingPayment" && claim?.state === "held" && claim.redemption !== undefined) {
        await tasks().add(ctx, { kind: "release", redemption: claim.redemption });
        order.customFields.claim = JSON.stringify(wantedAgain(claim));
      }
    },
  };
}

/** What Mintmark is to issue for an order that was paid; nothing if no card is among its lines. */
function wishOf(order: Order): NewOrder | undefined {
  const lines = order.lines.filter(
    ({ quantity, productVariant }) => quantity > 0 && productVariant.customFields.cardCollection !== null,
  );
  if (lines.length === 0 || order.customer === undefined) return undefined;
  return {
    customer: { reference: String(order.customer.id) },
    items: lines.map(({ productVariant, quantity }) => {
      const { cardCollection, cardTier, cardTerm } = productVariant.customFields;
      return {
        collection: cardCollection ?? "",
        ...(cardTier === null ? {} : { tier: cardTier }),
        term: cardTerm,
        quantity,
      };
    }),
    paid: {
      amount: lines.reduce((sum, line) => sum + line.proratedLinePriceWithTax, 0),
      currency: order.currencyCode,
    },
  };
}
