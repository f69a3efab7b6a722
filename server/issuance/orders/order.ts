// What an order is: what a customer is to get, and how far it has come. docs/issuance.md draws the states.

/**
 * `accepted`: its serials are reserved, and it waits for its payment. `queued`: its cards are to be sent. `sent`: all of them are
 * in transactions. `issued`: the mirror has all of them. `failed`: at least one card cannot be issued; none is under way.
 * `cancelled`: taken back before it was sent. `refunding` and `refunded`: its cards are being, or were, revoked.
 */
export const ORDER_STATES = [
  "accepted",
  "queued",
  "sent",
  "issued",
  "failed",
  "cancelled",
  "refunding",
  "refunded",
] as const;
export type OrderState = (typeof ORDER_STATES)[number];

/** See `Command` in the database's schema. */
export const COMMAND_STATES = ["held", "queued", "sent", "done", "failed", "cancelled"] as const;
export type CommandState = (typeof COMMAND_STATES)[number];
export const COMMAND_KINDS = [
  "issue",
  "revoke",
  "request-reissue",
  "execute-reissue",
  "redeem",
  "undo-redemption",
] as const;
export type CommandKind = (typeof COMMAND_KINDS)[number];

/** Cards of one kind, as they are ordered. Everything is known: the offer has filled in what was left out. */
export interface OrderItem {
  /** Lower-case. */
  collection: string;
  tier: number;
  /** For how long the cards are valid, as an ISO 8601 duration; null for ever. */
  term: string | null;
  quantity: number;
}

/** An amount in the currency's smallest unit, fen for CNY. */
export interface Money {
  amount: number;
  /** ISO 4217. */
  currency: string;
}

/** An order that may be placed: what it names is there. */
export interface OrderToPlace {
  /** Whose the Idempotency-Key is. */
  scope: string;
  idempotencyKey: string;
  requestHash: string;
  brandId: number;
  /** See `actorOf`. */
  createdBy: string;
  customer: CustomerToServe;
  items: (OrderItem & { expiresAt: number; maxSupply: number; free: boolean })[];
  paid: Money | undefined;
  /** The payment that the order waits for, and until when, in milliseconds; nothing if it waits for none. */
  payment: { name: string; before: number } | undefined;
}

export interface CustomerToServe {
  /** Nothing where the customer may not be known yet; found by the reference then. */
  id: string | undefined;
  reference: string;
  /**
   * Who gets the cards, lower-case; nothing where that is the address that the brand keeps for the customer. Deriving that one takes
   * a while, and is left to the sender.
   */
  holder: string | undefined;
}

/** A card as an order's answer has it from the beginning. */
export interface ReservedCard {
  collection: string;
  serial: number;
  tier: number;
  expiresAt: number;
  /** Which card of the order it is: see batch-reference.ts. */
  standsFor: string;
  /** Where the chain has it already: it was issued before this database became an older copy of itself, and to whom. */
  issued?: { holder: string; blockNumber: number; transactionHash: string };
}

export interface PlacedOrder {
  id: string;
  brandId: number;
  customer: { id: string; reference: string };
  state: "accepted" | "queued" | "issued";
  items: OrderItem[];
  cards: ReservedCard[];
  paid: Money | undefined;
  payment: { name: string; before: number } | undefined;
  createdAt: number;
}

/** What became of an order that was to be placed. */
export type Placement =
  | { kind: "placed"; orderId: string; answer: string }
  /** The same wish has been placed before. */
  | { kind: "repeated"; orderId: string; answer: string }
  /** The key stands for another wish. */
  | { kind: "key-reused" }
  /** Of this collection are not so many cards left; nothing was reserved. */
  | { kind: "sold-out"; collection: string; left: number }
  /** The customer has a card of this free edition already. */
  | { kind: "already-taken"; collection: string; orderId: string };
