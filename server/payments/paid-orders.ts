// What payments need to know of orders, and the one thing that they do to them.

import type { Database, DatabaseTransaction } from "../database/client.ts";
import type { OrderItem } from "../issuance/orders/order.ts";

/** An order as far as its payment is concerned. */
export interface OrderToPay {
  id: string;
  brandId: number;
  customerId: string;
  /** `waiting` for its payment, or not: it was paid or cancelled, or never waited for one. */
  state: "waiting" | "not-waiting";
  /** Which adapter it is paid through; nothing where the shop takes the money itself. */
  adapter: string | undefined;
  /** In the currency's smallest unit. */
  amount: number;
  currency: string;
  /** What the payer reads. */
  subject: string;
  /** In milliseconds since the Unix epoch. */
  payBefore: number;
}

export interface PaidOrders {
  /** Nothing if there is no such order. */
  find(orderId: string): Promise<OrderToPay | undefined>;
  /**
   * Lets an order's cards be issued, since it was paid. `too-late`: it was cancelled before. Keeps others from doing so with the
   * same order until the transaction ends.
   */
  release(transaction: DatabaseTransaction, orderId: string, now: number): Promise<"released" | "too-late" | "unknown">;
}

/** Finds orders in their table. */
export function createPaidOrders(options: { database: Database; release: PaidOrders["release"] }): PaidOrders {
  const { database, release } = options;
  return {
    async find(orderId) {
      const order = await database.order.findUnique({ where: { id: orderId } });
      if (order === null) return undefined;
      const { id, brandId, customerId, state, items, paymentName, paidAmount, paidCurrency, payBefore } = order;
      const waits = state === "accepted" && paymentName !== null && paidAmount !== null && payBefore !== null;
      return {
        id,
        brandId,
        customerId,
        state: waits ? "waiting" : "not-waiting",
        adapter: paymentName ?? undefined,
        amount: Number(paidAmount ?? 0),
        currency: paidCurrency ?? "",
        subject: await subjectOf(database, JSON.parse(items) as OrderItem[]),
        payBefore: Number(payBefore ?? 0),
      };
    },
    release,
  };
}

/** The collections' names, with how many cards of each. */
async function subjectOf(database: Database, items: readonly OrderItem[]): Promise<string> {
  const counts = new Map<string, number>();
  for (const { collection, quantity } of items) counts.set(collection, (counts.get(collection) ?? 0) + quantity);
  const rows = await database.collection.findMany({
    where: { address: { in: [...counts.keys()] } },
    select: { address: true, name: true },
  });
  const names = new Map(rows.map(({ address, name }) => [address, name]));
  return [...counts]
    .map(([address, count]) => `${names.get(address) ?? address}${count === 1 ? "" : ` ×${count}`}`)
    .join(", ");
}
