// Places orders in the database: many in one transaction, in the order in which they came. Must hold: an order, its serials, its
// commands and its Idempotency-Key are written together or not at all; each order gets all of its cards or none.

import { v7 as uuidv7 } from "uuid";
import { insertRows, selectRows } from "../../database/bulk.ts";
import type { DatabaseTransaction } from "../../database/client.ts";
import { recordOrderEvents } from "./events.ts";
import type { CommandState, OrderToPlace, PlacedOrder, Placement } from "./order.ts";
import { freeSerials, reserveSerials } from "./serials.ts";

export interface PlacingOptions {
  /** In milliseconds since the Unix epoch. */
  now: number;
  /** What the request is answered with, and is answered with again when it is repeated. */
  answerOf(order: PlacedOrder): string;
}

/** What makes a wish the same as another one. */
export type Wish = Pick<OrderToPlace, "scope" | "idempotencyKey" | "requestHash">;
type RepeatedPlacement = Extract<Placement, { kind: "repeated" | "key-reused" }>;

/** A wish that was carried out before. */
interface KnownRequest {
  requestHash: string;
  orderId: string;
  answer: string;
}

/** What became of those wishes that were carried out before, or whose key was used for another one; nothing for the others. */
export async function repeatedPlacements(
  transaction: DatabaseTransaction,
  orders: readonly Wish[],
): Promise<(RepeatedPlacement | undefined)[]> {
  const known = await selectRows<KnownRequest & { scope: string; key: string }>(transaction, {
    table: "IdempotentRequest",
    key: ["scope", "key"],
    keys: orders.map(({ scope, idempotencyKey }) => [scope, idempotencyKey]),
  });
  const byKey = new Map(known.map((request) => [wishOf(request.scope, request.key), request]));
  return orders.map((order) => {
    const request = byKey.get(wishOf(order.scope, order.idempotencyKey));
    return request && repetition(order, request);
  });
}

/** Places orders, and says for each what became of it. */
export async function placeOrders(
  transaction: DatabaseTransaction,
  orders: readonly OrderToPlace[],
  { now, answerOf }: PlacingOptions,
): Promise<Placement[]> {
  const placements: (Placement | undefined)[] = await repeatedPlacements(transaction, orders);
  const fresh = orders.filter((_, index) => placements[index] === undefined);
  const customers = await customersFor(transaction, fresh);
  const takers = await freeCardTakers(transaction, fresh, customers.idOf);
  const serials = await reserveFor(transaction, fresh);

  const written: WrittenOrder[] = [];
  const known = new Map<string, KnownRequest>();
  orders.forEach((order, index) => {
    if (placements[index] !== undefined) return;
    const wish = wishOf(order.scope, order.idempotencyKey);
    const before = known.get(wish);
    if (before !== undefined) {
      placements[index] = repetition(order, before);
      return;
    }
    const customer = customers.idOf(order);
    const taken = order.items.find(({ collection, free }) => free && takers.has(wishOf(collection, customer)));
    if (taken !== undefined) {
      const orderId = takers.get(wishOf(taken.collection, customer)) ?? "";
      placements[index] = { kind: "already-taken", collection: taken.collection, orderId };
      return;
    }
    const short = shortage(order, serials);
    if (short !== undefined) {
      placements[index] = { kind: "sold-out", ...short };
      return;
    }
    const placed = place(order, customer, serials, now);
    const answer = answerOf(placed);
    for (const { collection, free } of order.items) {
      if (free) takers.set(wishOf(collection, customer), placed.id);
    }
    known.set(wish, { requestHash: order.requestHash, orderId: placed.id, answer });
    written.push({ order, placed, answer, holder: customers.holderOf(order) });
    placements[index] = { kind: "placed", orderId: placed.id, answer };
  });

  await recogniseRepeated(transaction, orders, placements);

  await customers.write(new Set(written.map(({ placed }) => placed.customer.id)), now);
  await writeOrders(transaction, written);
  await freeSerials(
    transaction,
    [...serials].flatMap(([collection, left]) => left.map((serial) => ({ collection, serial }))),
  );
  return placements as Placement[];
}

/**
 * Another server may have placed a wish between the look for its key and the look at what is left: then it was not refused, it is
 * the one that took the card. What that server has committed is seen by now, its key included.
 */
async function recogniseRepeated(
  transaction: DatabaseTransaction,
  orders: readonly OrderToPlace[],
  placements: (Placement | undefined)[],
): Promise<void> {
  const refused = orders.flatMap((order, index) => {
    const kind = placements[index]?.kind;
    return kind === "already-taken" || kind === "sold-out" ? [{ order, index }] : [];
  });
  const repeated = await repeatedPlacements(
    transaction,
    refused.map(({ order }) => order),
  );
  refused.forEach(({ index }, at) => {
    placements[index] = repeated[at] ?? placements[index];
  });
}

interface WrittenOrder {
  order: OrderToPlace;
  placed: PlacedOrder;
  answer: string;
  holder: string | null;
}

function wishOf(scope: string, key: string): string {
  return `${scope} ${key}`;
}

function repetition(order: Wish, known: KnownRequest): RepeatedPlacement {
  return known.requestHash === order.requestHash
    ? { kind: "repeated", orderId: known.orderId, answer: known.answer }
    : { kind: "key-reused" };
}

/** Which order has given which customer a card of a free edition. */
async function freeCardTakers(
  transaction: DatabaseTransaction,
  orders: readonly OrderToPlace[],
  idOf: (order: OrderToPlace) => string,
): Promise<Map<string, string>> {
  const keys = orders.flatMap((order) =>
    order.items.filter(({ free }) => free).map(({ collection }) => [collection, idOf(order)]),
  );
  const rows = await selectRows<{ collectionAddress: string; customerId: string; orderId: string }>(transaction, {
    table: "FreeCard",
    key: ["collectionAddress", "customerId"],
    keys,
  });
  return new Map(rows.map((row) => [wishOf(row.collectionAddress, row.customerId), row.orderId]));
}

/** As many serials of each collection as all orders want together, as far as there are so many. */
async function reserveFor(
  transaction: DatabaseTransaction,
  orders: readonly OrderToPlace[],
): Promise<Map<string, number[]>> {
  const wanted = new Map<string, { count: number; maxSupply: number }>();
  for (const { collection, quantity, maxSupply } of orders.flatMap(({ items }) => items)) {
    const count = (wanted.get(collection)?.count ?? 0) + quantity;
    wanted.set(collection, { count, maxSupply });
  }
  const serials = new Map<string, number[]>();
  // Always in the same order, so that two transactions cannot wait for each other.
  for (const [collection, { count, maxSupply }] of [...wanted].sort(([left], [right]) => (left < right ? -1 : 1)))
    serials.set(collection, await reserveSerials(transaction, { collection, count, maxSupply }));
  return serials;
}

/** The first collection of an order that has not enough serials left. */
function shortage(
  { items }: OrderToPlace,
  serials: ReadonlyMap<string, readonly number[]>,
): { collection: string; left: number } | undefined {
  for (const [collection, here] of Map.groupBy(items, (item) => item.collection)) {
    const left = serials.get(collection)?.length ?? 0;
    if (here.reduce((sum, { quantity }) => sum + quantity, 0) > left) return { collection, left };
  }
  return undefined;
}

function place(order: OrderToPlace, customerId: string, serials: Map<string, number[]>, now: number): PlacedOrder {
  const { brandId, customer, items, paid, payment } = order;
  return {
    id: `ord_${uuidv7()}`,
    brandId,
    customer: { id: customerId, reference: customer.reference },
    state: payment === undefined ? "queued" : "accepted",
    items: items.map(({ collection, tier, term, quantity }) => ({ collection, tier, term, quantity })),
    cards: items.flatMap(({ collection, tier, expiresAt, quantity }) =>
      (serials.get(collection)?.splice(0, quantity) ?? []).map((serial) => ({ collection, serial, tier, expiresAt })),
    ),
    paid,
    payment,
    createdAt: now,
  };
}

/** Customers of orders: those that are known, and those that are to be. */
async function customersFor(transaction: DatabaseTransaction, orders: readonly OrderToPlace[]) {
  const byReference = orders.filter(({ customer }) => customer.id === undefined);
  const rows = [
    ...(await selectRows<KnownCustomer>(transaction, {
      table: "Customer",
      key: ["brandId", "reference"],
      keys: byReference.map(({ brandId, customer }) => [brandId, customer.reference]),
    })),
    ...(await selectRows<KnownCustomer>(transaction, {
      table: "Customer",
      key: ["id"],
      keys: orders.flatMap(({ customer }) => (customer.id === undefined ? [] : [[customer.id]])),
    })),
  ];
  const ids = new Map(rows.map(({ id, brandId, reference }) => [wishOf(String(brandId), reference), id]));
  const holders = new Map(rows.map(({ id, holder }) => [id, holder]));
  const unknown = new Map<string, { brandId: number; reference: string }>();
  for (const { brandId, customer } of byReference) {
    const name = wishOf(String(brandId), customer.reference);
    if (ids.has(name)) continue;
    const id = `cus_${uuidv7()}`;
    ids.set(name, id);
    unknown.set(id, { brandId, reference: customer.reference });
  }
  const idOf = ({ brandId, customer }: OrderToPlace) =>
    customer.id ?? (ids.get(wishOf(String(brandId), customer.reference)) as string);
  return {
    idOf,
    /** Who gets the order's cards; nothing if that address is still to be derived. */
    holderOf: (order: OrderToPlace): string | null => order.customer.holder ?? holders.get(idOf(order)) ?? null,
    /** Writes those new ones that have got an order. */
    async write(served: ReadonlySet<string>, now: number): Promise<void> {
      await insertRows(transaction, {
        table: "Customer",
        columns: ["id", "brandId", "reference", "createdAt"],
        rows: [...unknown]
          .filter(([id]) => served.has(id))
          .map(([id, { brandId, reference }]) => [id, brandId, reference, now]),
      });
    },
  };
}

interface KnownCustomer {
  id: string;
  brandId: number;
  reference: string;
  holder: string | null;
}

async function writeOrders(transaction: DatabaseTransaction, written: readonly WrittenOrder[]): Promise<void> {
  await insertRows(transaction, {
    table: "Order",
    columns: [
      "id",
      "brandId",
      "customerId",
      "state",
      "items",
      "quantity",
      "paidAmount",
      "paidCurrency",
      "paymentName",
      "payBefore",
      "createdBy",
      "createdAt",
      "updatedAt",
    ],
    rows: written.map(({ order, placed }) => [
      placed.id,
      placed.brandId,
      placed.customer.id,
      placed.state,
      JSON.stringify(placed.items),
      placed.cards.length,
      placed.paid?.amount ?? null,
      placed.paid?.currency ?? null,
      placed.payment?.name ?? null,
      placed.payment?.before ?? null,
      order.createdBy,
      placed.createdAt,
      placed.createdAt,
    ]),
  });
  await insertRows(transaction, {
    table: "Command",
    columns: [
      "brandId",
      "collectionAddress",
      "kind",
      "serial",
      "state",
      "claimedSerial",
      "holder",
      "tier",
      "expiresAt",
      "orderId",
      "suspect",
      "notBefore",
      "createdAt",
    ],
    rows: written.flatMap(({ holder, placed }) => {
      const state: CommandState = placed.state === "accepted" ? "held" : "queued";
      return placed.cards.map(({ collection, serial, tier, expiresAt }) => [
        placed.brandId,
        collection,
        "issue",
        serial,
        state,
        serial,
        holder,
        tier,
        expiresAt,
        placed.id,
        false,
        placed.createdAt,
        placed.createdAt,
      ]);
    }),
  });
  await recordOrderEvents(
    transaction,
    written.map(({ placed: { id: orderId, brandId, state, createdAt } }) => ({
      ...{ orderId, brandId, what: state, at: createdAt },
      details: { before: null, failure: null, failureDetail: null },
    })),
  );
  await insertRows(transaction, {
    table: "IdempotentRequest",
    columns: ["scope", "key", "requestHash", "orderId", "answer", "createdAt"],
    rows: written.map(({ order, placed, answer }) => [
      order.scope,
      order.idempotencyKey,
      order.requestHash,
      placed.id,
      answer,
      placed.createdAt,
    ]),
  });
  await insertRows(transaction, {
    table: "FreeCard",
    columns: ["collectionAddress", "customerId", "orderId"],
    rows: written.flatMap(({ order, placed }) =>
      order.items.filter(({ free }) => free).map(({ collection }) => [collection, placed.customer.id, placed.id]),
    ),
  });
}
