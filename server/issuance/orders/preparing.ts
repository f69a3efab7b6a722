// From what a client asks for to an order that may be placed: collections found, gaps filled in from the offer, everything refused
// that can be refused without reserving anything.

import type { BrandKeys } from "../keystore.ts";
import { type DeclaredTerms, termTooLong, undeclaredTier } from "../terms.ts";
import type { Catalogue, OrderableCollection } from "./catalogue.ts";
import type { CustomerToServe, OrderItem, OrderToPlace } from "./order.ts";
import type { Wish } from "./placing.ts";
import { expiryOfTerm } from "./term.ts";

/** An order as it is asked for. */
export interface OrderRequest {
  customer: { id?: string; reference: string; holder?: string };
  items: {
    collection: { slug: string } | { address: string };
    tier?: number | undefined;
    term?: string | null | undefined;
    quantity: number;
  }[];
  paid?: { amount: number; currency: string } | undefined;
  payment?: { name: string; before: number } | undefined;
}

/** Why an order cannot be placed; the message says what to do. */
export class OrderRefusedError extends Error {
  override name = "OrderRefusedError";
  readonly kind: "unknown-collection" | "invalid-item" | "not-open" | "conflict";
  /** Where in the request, as `items.0.tier`. */
  readonly parameter: string;

  constructor(kind: OrderRefusedError["kind"], parameter: string, message: string) {
    super(message);
    this.kind = kind;
    this.parameter = parameter;
  }
}

export interface PreparingOptions {
  catalogue: Catalogue;
  /** The keys from which the brand's custodial addresses follow; nothing if there are none here. */
  keysOf(brandId: number): Promise<Pick<BrandKeys, "holderAddress"> | undefined>;
  /** In milliseconds. */
  now(): number;
  /** Where a card's last day ends. */
  timeZone: string;
}

/** Who asks. A brand may sell what it likes; a customer may take what is free for themselves. */
export interface Asker {
  brandId: number;
  isCustomer: boolean;
  actor: string;
}

/** Throws {@link OrderRefusedError}. */
export async function prepareOrder(
  request: OrderRequest,
  asker: Asker,
  idempotency: Wish,
  { catalogue, keysOf, now, timeZone }: PreparingOptions,
): Promise<OrderToPlace> {
  const items = await Promise.all(
    request.items.map(async (item, index) => {
      const collection = await catalogue.find(item.collection);
      return preparedItem(item, `items.${index}`, collection, asker, now(), timeZone);
    }),
  );
  const free = items.filter((item) => item.free);
  const twice = free.find(
    (item, index) => free.findIndex(({ collection }) => collection === item.collection) !== index,
  );
  if (twice !== undefined) {
    throw new OrderRefusedError(
      "invalid-item",
      "items",
      "names a free edition twice; each customer gets one card of it",
    );
  }
  return {
    ...idempotency,
    brandId: asker.brandId,
    createdBy: asker.actor,
    customer: await customerOf(request.customer, asker.brandId, async (id) => (await keysOf(id)) !== undefined),
    items,
    paid: request.paid,
    payment: request.payment,
  };
}

function preparedItem(
  item: OrderRequest["items"][number],
  at: string,
  collection: OrderableCollection | undefined,
  asker: Asker,
  now: number,
  timeZone: string,
): OrderToPlace["items"][number] {
  // Another brand's collection is none that this one could sell.
  if (collection === undefined || collection.brandId !== asker.brandId) {
    throw new OrderRefusedError(
      "unknown-collection",
      `${at}.collection`,
      "is not a collection of this brand; GET /v1/collections lists all",
    );
  }
  const { offer, address, maxSupply } = collection;
  if (collection.brandStatus !== "Active") {
    throw new OrderRefusedError(
      "conflict",
      at,
      `The brand is ${collection.brandStatus.toLowerCase()} and issues no cards. Ask the consortium.`,
    );
  }
  if (collection.windingDown) {
    throw new OrderRefusedError("conflict", at, "The edition is winding down: no more cards are issued.");
  }
  if (asker.isCustomer && offer?.free !== true)
    throw new OrderRefusedError("conflict", at, "This edition is not free. Buy it from the brand.");
  refuseOutsideHours(offer, at, now);
  const { tier, term } = { tier: item.tier ?? offer?.tier, term: item.term === undefined ? offer?.term : item.term };
  if (tier === undefined || term === undefined) {
    throw new OrderRefusedError(
      "invalid-item",
      tier === undefined ? `${at}.tier` : `${at}.term`,
      "is missing, and the collection has no offer that says it",
    );
  }
  const free = offer?.free === true;
  if (free && (tier !== offer.tier || term !== offer.term || item.quantity !== 1)) {
    throw new OrderRefusedError(
      "invalid-item",
      at,
      "is of a free edition, of which each customer gets one card as it is offered: leave tier, term and quantity out",
    );
  }
  const wrongTier = undeclaredTier(tier, collection);
  if (wrongTier !== undefined) throw new OrderRefusedError("invalid-item", `${at}.tier`, wrongTier);
  const expiresAt = expiryOfDeclaredTerm(term, collection, now, timeZone);
  if (typeof expiresAt === "string") throw new OrderRefusedError("invalid-item", `${at}.term`, expiresAt);
  const placed: OrderItem = { collection: address, tier, term, quantity: item.quantity };
  return { ...placed, expiresAt, maxSupply, free };
}

/** When a card expires that is sold now, in seconds; or why it cannot, as a predicate. */
export function expiryOfDeclaredTerm(
  term: string | null,
  collection: DeclaredTerms,
  now: number,
  timeZone: string,
): number | string {
  const expiresAt = expiryOfTerm(term, now, timeZone);
  if (expiresAt === undefined) return "ends after February 2106, which is later than a card can say";
  return termTooLong(expiresAt, collection, now / 1000) ?? expiresAt;
}

function refuseOutsideHours(offer: OrderableCollection["offer"], at: string, now: number): void {
  if (offer?.opensAt !== undefined && now < offer.opensAt) {
    const opens = new Date(offer.opensAt).toISOString();
    throw new OrderRefusedError("not-open", at, `The edition opens at ${opens}. Come back then.`);
  }
  if (offer?.closesAt !== undefined && now >= offer.closesAt) {
    const closed = new Date(offer.closesAt).toISOString();
    throw new OrderRefusedError("not-open", at, `The edition was on offer until ${closed}.`);
  }
}

async function customerOf(
  { id, reference, holder }: OrderRequest["customer"],
  brandId: number,
  keepsCustody: (brandId: number) => Promise<boolean>,
): Promise<CustomerToServe> {
  if (holder !== undefined) return { id, reference, holder };
  if (!(await keepsCustody(brandId))) {
    throw new OrderRefusedError(
      "conflict",
      "customer.holder",
      "This server has no keystore of the brand from which the customer's address could be made. Give the customer's own address as `holder`, or bring the keystore.",
    );
  }
  return { id, reference, holder: undefined };
}
