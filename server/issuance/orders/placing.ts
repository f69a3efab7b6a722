// Places orders in the database: many in one transaction, in the order in which they came. Must hold: an order, its serials, its
// commands and its Idempotency-Key are written together or not at all; each order gets all of its cards or none.

import { v7 as uuidv7 } from "uuid";
import { insertRows, selectRows, updateRows } from "../../database/bulk.ts";
import type { DatabaseTransaction } from "../../database/client.ts";
import { cardOfOrder } from "../batch-reference.ts";
import { type AdoptedCard, EMPTY_POOL, openPool, type Pool, writeClaims } from "../reconciliation/claiming.ts";
import { recordOrderEvents } from "./events.ts";
import type { CommandState, OrderToPlace, PlacedOrder, Placement, ReservedCard } from "./order.ts";
import { freeSerials, reserveSerials } from "./serials.ts";

export interface PlacingOptions {
  /** In milliseconds since the Unix epoch. */
  now: number;
  /** What the request is answered with, and is answered with again when it is repeated. */
  answerOf(order: PlacedOrder): string;
  /** How orders find cards that the chain has already; without it, none is looked for. */
  matching?: Matching | undefined;
}

export interface Matching {
  /** Where a card's last day ends. */
  timeZone: string;
  /** The address that would be kept for a customer who has none yet, lower-case; nothing where it is not known. */
  keptAddressOf(brandId: number, reference: string): string | undefined;
  /** The tag of what a card stands for; nothing where the brand's keystore is not here. */
  tagOf(brandId: number, collection: string, standsFor: string): string | undefined;
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
  { now, answerOf, matching }: PlacingOptions,
): Promise<Placement[]> {
  const placements: (Placement | undefined)[] = await repeatedPlacements(transaction, orders);
  const fresh = orders.filter((_, index) => placements[index] === undefined);
  const customers = await customersFor(transaction, fresh, matching);
  const takers = await freeCardTakers(transaction, fresh, customers.idOf);
  const serials = await reserveFor(transaction, fresh);
  // The editions are locked from here on.
  const pool = await poolFor(transaction, fresh, customers.expectedHolderOf, { now, matching });

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
    const adopted = adoptedFor(order, customers.expectedHolderOf(order), pool, matching);
    const short = shortage(order, serials, adopted);
    if (short !== undefined) {
      placements[index] = { kind: "sold-out", ...short };
      for (const { card } of [...adopted.values()].flat()) pool.giveBack(card);
      return;
    }
    const placed = place(order, customer, { serials, adopted }, now);
    const answer = answerOf(placed);
    for (const { collection, free } of order.items) {
      if (free) takers.set(wishOf(collection, customer), placed.id);
    }
    known.set(wish, { requestHash: order.requestHash, orderId: placed.id, answer });
    const isThere = placed.cards.some(({ issued }) => issued !== undefined);
    const holder = isThere ? customers.expectedHolderOf(order) : customers.holderOf(order);
    written.push({ order, placed, answer, holder });
    placements[index] = { kind: "placed", orderId: placed.id, answer };
  });

  await recogniseRepeated(transaction, orders, placements);

  await customers.write(new Set(written.map(({ placed }) => placed.customer.id)), now);
  await customers.keep(written.filter(({ holder, order }) => holder !== null && order.customer.holder === undefined));
  await writeOrders(transaction, written);
  await writeClaims(
    transaction,
    written.flatMap(({ placed }) =>
      placed.cards.flatMap((card) => (card.issued === undefined ? [] : [{ card, orderId: placed.id }])),
    ),
    now,
  );
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

type Item = OrderToPlace["items"][number];

/** What orders may be given instead of new cards. */
async function poolFor(
  transaction: DatabaseTransaction,
  orders: readonly OrderToPlace[],
  holderOf: (order: OrderToPlace) => string | null,
  { now, matching }: Pick<PlacingOptions, "now" | "matching">,
): Promise<Pool> {
  if (matching === undefined) return EMPTY_POOL;
  const wishes = orders.flatMap((order) => {
    const holder = holderOf(order);
    if (holder === null) return [];
    return [...cardsOf(order)].flatMap(([{ collection }, cards]) =>
      cards.map((card) => ({ collection, holder, tag: matching.tagOf(order.brandId, collection, card) })),
    );
  });
  return await openPool(transaction, wishes, { now, timeZone: matching.timeZone });
}

/** What each card of an item stands for, as the order has them. */
function cardsOf(order: OrderToPlace): Map<Item, string[]> {
  let index = 0;
  return new Map(
    order.items.map((item) => [item, Array.from({ length: item.quantity }, () => cardOfOrder(order, index++))]),
  );
}

/** A card that the chain has already, and which one of the order's it is. */
interface Adopted {
  card: AdoptedCard;
  standsFor: string;
}

/** The cards of an order that the chain has already, by its items: see reconciliation/. */
function adoptedFor(
  order: OrderToPlace,
  holder: string | null,
  pool: Pool,
  matching: Matching | undefined,
): Map<Item, Adopted[]> {
  if (holder === null || matching === undefined) return new Map();
  return new Map(
    [...cardsOf(order)].map(([item, cards]) => [
      item,
      cards.flatMap((standsFor) => {
        const tag = matching.tagOf(order.brandId, item.collection, standsFor);
        const card = pool.take({ ...item, holder, tag });
        return card === undefined ? [] : [{ card, standsFor }];
      }),
    ]),
  );
}

/** The first collection of an order that has not enough serials left. */
function shortage(
  { items }: OrderToPlace,
  serials: ReadonlyMap<string, readonly number[]>,
  adopted: ReadonlyMap<Item, readonly Adopted[]>,
): { collection: string; left: number } | undefined {
  for (const [collection, here] of Map.groupBy(items, (item) => item.collection)) {
    const left = serials.get(collection)?.length ?? 0;
    const wanted = here.reduce((sum, item) => sum + item.quantity - (adopted.get(item)?.length ?? 0), 0);
    if (wanted > left) return { collection, left };
  }
  return undefined;
}

function place(
  order: OrderToPlace,
  customerId: string,
  { serials, adopted }: { serials: Map<string, number[]>; adopted: ReadonlyMap<Item, readonly Adopted[]> },
  now: number,
): PlacedOrder {
  const { brandId, customer, items, paid, payment } = order;
  const cards = [...cardsOf(order)].flatMap(([item, all]): ReservedCard[] => {
    const { collection, tier, expiresAt, quantity } = item;
    const there = adopted.get(item) ?? [];
    const missing = all.filter((standsFor) => !there.some((found) => found.standsFor === standsFor));
    return [
      ...there.map(({ card: { serial, holder, expiresAt, blockNumber, transactionHash }, standsFor }) => {
        return { collection, serial, tier, expiresAt, standsFor, issued: { holder, blockNumber, transactionHash } };
      }),
      ...(serials.get(collection)?.splice(0, quantity - there.length) ?? []).map((serial, index) => {
        return { collection, serial, tier, expiresAt, standsFor: missing[index] ?? "" };
      }),
    ];
  });
  const open = payment === undefined ? "queued" : "accepted";
  return {
    id: `ord_${uuidv7()}`,
    brandId,
    customer: { id: customerId, reference: customer.reference },
    state: cards.every(({ issued }) => issued !== undefined) ? "issued" : open,
    items: items.map(({ collection, tier, term, quantity }) => ({ collection, tier, term, quantity })),
    cards,
    paid,
    payment,
    createdAt: now,
  };
}

/** Customers of orders: those that are known, and those that are to be. */
async function customersFor(
  transaction: DatabaseTransaction,
  orders: readonly OrderToPlace[],
  matching: Matching | undefined,
) {
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
  const holderOf = (order: OrderToPlace): string | null => order.customer.holder ?? holders.get(idOf(order)) ?? null;
  return {
    idOf,
    /** Who gets the order's cards; nothing if that address is still to be derived. */
    holderOf,
    /** The same, also where the address is not written down yet; nothing if it is not known here. */
    expectedHolderOf: (order: OrderToPlace): string | null =>
      holderOf(order) ?? matching?.keptAddressOf(order.brandId, order.customer.reference) ?? null,
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
    /** Writes down the addresses that the cards of these orders are at. */
    async keep(orders: readonly Pick<WrittenOrder, "placed" | "holder">[]): Promise<void> {
      await updateRows(transaction, {
        table: "Customer",
        columns: ["id", "holder"],
        key: ["id"],
        rows: orders
          .filter(({ placed }) => (holders.get(placed.customer.id) ?? null) === null)
          .map(({ placed, holder }) => [placed.customer.id, holder]),
        where: `t."holder" IS NULL`,
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
      "standsFor",
      "suspect",
      "notBefore",
      "createdAt",
      "blockNumber",
      "transactionHash",
    ],
    rows: written.flatMap(({ holder, placed }) => {
      const open: CommandState = placed.state === "accepted" ? "held" : "queued";
      return placed.cards.map(({ collection, serial, tier, expiresAt, standsFor, issued }) => [
        placed.brandId,
        collection,
        "issue",
        serial,
        issued === undefined ? open : "done",
        serial,
        issued?.holder ?? holder,
        tier,
        expiresAt,
        placed.id,
        standsFor,
        false,
        placed.createdAt,
        placed.createdAt,
        issued?.blockNumber ?? null,
        issued?.transactionHash ?? null,
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
