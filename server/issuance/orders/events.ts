// What has become of orders, for those who are to be told. Must be called in each transaction that changes the state of an order or
// gives a card of it away: an event is there if and only if the change is.

import { insertRows } from "../../database/bulk.ts";
import type { DatabaseTransaction } from "../../database/client.ts";
import type { OrderState } from "./order.ts";

/** What can become of an order: it gets another state, or a card of it is given away. */
export type OrderHappening = OrderState | "gifted";

/** What is told besides the order itself, as it will be when it is told. */
export interface OrderEventDetails {
  /** The state before; null if it was placed. */
  before: OrderState | null;
  /** Why it waits or has failed. */
  failure?: string | null;
  failureDetail?: string | null;
  /** The card that was given away: lower-case addresses. */
  gift?: { collection: string; serial: number; holder: string; how: "issued-to-them" | "reissue-requested" };
}

export interface OrderEvent {
  orderId: string;
  brandId: number;
  what: OrderHappening;
  details: OrderEventDetails;
  /** In milliseconds. */
  at: number;
}

export async function recordOrderEvents(
  transaction: DatabaseTransaction,
  events: readonly OrderEvent[],
): Promise<void> {
  await insertRows(transaction, {
    table: "OrderEvent",
    columns: ["orderId", "brandId", "what", "details", "at"],
    rows: events.map(({ orderId, brandId, what, details, at }) => [
      orderId,
      brandId,
      what,
      JSON.stringify(details),
      at,
    ]),
  });
}
