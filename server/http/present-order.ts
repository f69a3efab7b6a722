// Orders as the API shows them.

import type { OrderItem, PlacedOrder } from "../issuance/orders/order.ts";
import type { OrderedCard, OrderRecord } from "../issuance/orders/reading.ts";
import { checksummed } from "./checksum.ts";
import { isoTime } from "./present.ts";

export interface OrderPresentation {
  publicUrl: string;
  /** The name in links of a collection that was looked up before. */
  slugOf(address: string): string | undefined;
}

/** What a request for a new order is answered with, and is answered with again when it is repeated. */
export function presentPlacedOrder(order: PlacedOrder, presentation: OrderPresentation): string {
  const { payment, createdAt } = order;
  const record: OrderRecord & { cards: OrderedCard[] } = {
    ...order,
    quantity: order.cards.length,
    payment: payment && { ...payment, id: undefined },
    failure: undefined,
    updatedAt: createdAt,
    cards: order.cards.map((card) => ({
      ...card,
      holder: "",
      state: card.issued !== undefined ? "done" : order.payment === undefined ? "queued" : "held",
      failure: undefined,
      transactionHash: card.issued?.transactionHash,
      blockNumber: card.issued?.blockNumber,
      matched: card.issued !== undefined,
    })),
  };
  return JSON.stringify({ data: presentOrder(record, presentation) });
}

export function presentOrder(order: OrderRecord & { cards: OrderedCard[] }, presentation: OrderPresentation) {
  return {
    ...fieldsOf(order, presentation),
    cards: order.cards.map((card) => {
      const collection = presentCollectionName(card.collection, presentation);
      return {
        collection,
        serial: card.serial,
        tier: card.tier,
        expiresAt: card.expiresAt === 0 ? null : isoTime(card.expiresAt),
        state: card.state,
        failure: card.failure ?? null,
        transactionHash: card.transactionHash ?? null,
        blockNumber: card.blockNumber ?? null,
        matched: card.matched,
        verifyUrl: `${presentation.publicUrl}/v/${collection.slug}/${card.serial}`,
      };
    }),
  };
}

export function presentOrderSummary(order: OrderRecord, presentation: OrderPresentation) {
  return { ...fieldsOf(order, presentation), quantity: order.quantity };
}

function fieldsOf(order: OrderRecord, presentation: OrderPresentation) {
  const { id, state, customer, items, paid, payment, failure, createdAt, updatedAt } = order;
  return {
    id,
    state,
    customer,
    items: items.map(({ collection, tier, term, quantity }: OrderItem) => ({
      collection: presentCollectionName(collection, presentation),
      tier,
      term,
      quantity,
    })),
    paid: paid ?? null,
    payment:
      payment === undefined ? null : { provider: payment.name, payBefore: new Date(payment.before).toISOString() },
    failure: failure ?? null,
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
  };
}

function presentCollectionName(address: string, { slugOf }: OrderPresentation) {
  const shown = checksummed(address);
  return { address: shown, slug: slugOf(address) ?? shown };
}
