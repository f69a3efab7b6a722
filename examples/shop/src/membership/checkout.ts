// From the basket to a paid order and back: benefits are held before the customer pays, so that two tills cannot give away the
// same one, and what nobody pays for is released.

import { randomUUID } from "node:crypto";
import {
  isGraphQlErrorResult,
  Order,
  type OrderService,
  type RequestContext,
  type TransactionalConnection,
} from "@vendure/core";
import { type Mintmark, MintmarkAway, MintmarkRefusal } from "../mintmark/client.ts";
import type { Entitlements } from "./entitlements.ts";
import { type Claim, claimOf, wantedAgain } from "./fields.ts";
import { MEMBERS_ONLY, MEMBERSHIP_UNKNOWN } from "./interceptor.ts";
import { claimedLine } from "./promotions.ts";

/** For how long a benefit waits for the payment. */
const HOLD_SECONDS = 900;
/** What is left of it must do for the payment itself. */
const MARGIN_MS = 30_000;

/** Why a step was not taken; the basket is as it was unless it says otherwise. */
export type CheckoutProblem =
  | "empty"
  | "members-only"
  | "membership-unknown"
  /** The claim was taken out of the basket. */
  | "benefit-used-up"
  /** The claim was taken out of the basket. */
  | "benefit-unavailable"
  /** Back in the basket. */
  | "hold-ran-out"
  | "payment-refused";

export interface Checkout {
  /** What of the customer's cards they could redeem for what is in the basket. */
  claimable(order: Order): Promise<Claim[] | "away">;
  claim(ctx: RequestContext, order: Order, claim: Claim | undefined): Promise<void>;
  /** Prices as they are now, membership included. */
  reprice(ctx: RequestContext, order: Order): Promise<Order>;
  begin(ctx: RequestContext, order: Order): Promise<CheckoutProblem | undefined>;
  backToBasket(ctx: RequestContext, order: Order): Promise<void>;
  pay(ctx: RequestContext, order: Order, method: string): Promise<CheckoutProblem | undefined>;
}

export function createCheckout(dependencies: {
  mintmark: Mintmark;
  entitlements: Entitlements;
  connection: TransactionalConnection;
  orders: OrderService;
  now?: () => number;
}): Checkout {
  const { mintmark, entitlements, connection, orders, now = Date.now } = dependencies;

  async function keep(ctx: RequestContext, order: Order, claim: Claim | undefined): Promise<void> {
    order.customFields.claim = claim === undefined ? null : JSON.stringify(claim);
    await connection.getRepository(ctx, Order).update(order.id, { customFields: { claim: order.customFields.claim } });
  }

  const checkout: Checkout = {
    async claimable(order) {
      if (order.customer === undefined || order.customer === null) return [];
      const cards = await entitlements.cards(String(order.customer.id));
      if (cards === "away") return "away";
      return cards
        .filter(({ usable }) => usable)
        .flatMap(({ collection, serial, benefits }) =>
          benefits.flatMap(({ id, kind, usable, name, products }): Claim[] => {
            if (kind !== "use" || !usable || name === null || products === null) return [];
            return [{ state: "wanted", collection: collection.slug, serial, benefit: id, name, products }];
          }),
        )
        .filter((claim) => claimedLine(order.lines, claim) !== undefined);
    },

    async claim(ctx, order, claim) {
      await keep(ctx, order, claim);
      await checkout.reprice(ctx, order);
    },

    reprice: (ctx, order) => orders.applyPriceAdjustments(ctx, order, order.lines),

    async begin(ctx, order) {
      if (order.lines.length === 0) return "empty";
      const claim = claimOf(order);
      if (claim !== undefined) {
        const problem = await holdClaim(ctx, order, claim);
        if (problem !== undefined) return problem;
      }
      const repriced = await checkout.reprice(ctx, order);
      const begun = await orders.transitionToState(ctx, repriced.id, "ArrangingPayment");
      if (!isGraphQlErrorResult(begun)) return undefined;
      const held = claimOf(repriced);
      if (held?.redemption !== undefined) await letGo(ctx, repriced, held);
      if (begun.transitionError === MEMBERS_ONLY) return "members-only";
      if (begun.transitionError === MEMBERSHIP_UNKNOWN) return "membership-unknown";
      throw new Error(`The order ${order.code} cannot be paid: ${begun.transitionError}`);
    },

    async backToBasket(ctx, order) {
      // The hold is released by the order's process.
      mustBeOrder(await orders.transitionToState(ctx, order.id, "AddingItems"));
    },

    async pay(ctx, order, method) {
      const claim = claimOf(order);
      if (claim?.heldUntil !== undefined && claim.heldUntil < now() + MARGIN_MS) {
        await checkout.backToBasket(ctx, order);
        return "hold-ran-out";
      }
      // All of it or nothing: the payment, and what Mintmark has to do because of it.
      return await connection.withTransaction(ctx, async (transaction) => {
        const paid = await orders.addPaymentToOrder(transaction, order.id, { method, metadata: {} });
        return isGraphQlErrorResult(paid) || paid.state !== "PaymentSettled" ? "payment-refused" : undefined;
      });
    },
  };

  async function holdClaim(ctx: RequestContext, order: Order, claim: Claim): Promise<CheckoutProblem | undefined> {
    if (claimedLine(order.lines, claim) === undefined || order.customer === undefined) return await drop(ctx, order);
    const { collection, serial, benefit } = claim;
    const attempt = claim.attempt ?? randomUUID();
    await keep(ctx, order, { ...claim, attempt });
    const customer = String(order.customer.id);
    try {
      const hold = await mintmark.hold(
        { customer, collection, serial, benefit, holdSeconds: HOLD_SECONDS, note: order.code },
        attempt,
      );
      const heldUntil = Date.parse(hold.heldUntil);
      await keep(ctx, order, { ...claim, attempt, state: "held", redemption: hold.id, heldUntil });
      return undefined;
    } catch (error) {
      if (!(error instanceof MintmarkRefusal) && !(error instanceof MintmarkAway)) throw error;
      await checkout.claim(ctx, order, undefined);
      return error instanceof MintmarkRefusal ? "benefit-used-up" : "benefit-unavailable";
    }
  }

  /** Nothing that it covers is in the basket any more. */
  async function drop(ctx: RequestContext, order: Order): Promise<undefined> {
    await keep(ctx, order, undefined);
  }

  async function letGo(ctx: RequestContext, order: Order, claim: Claim): Promise<void> {
    const { redemption } = claim;
    await keep(ctx, order, wantedAgain(claim));
    // It runs out by itself where Mintmark does not hear of it.
    if (redemption !== undefined) await mintmark.release(redemption).catch(() => undefined);
  }

  return checkout;
}

function mustBeOrder<Result extends object>(result: Result): void {
  if (isGraphQlErrorResult(result as never)) throw new Error(JSON.stringify(result));
}
