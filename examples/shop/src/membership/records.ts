// The store's own tables: the cards that it knows of, as Mintmark last told, and which of Mintmark's messages it has read.

import { EntitySchema, type EntitySchemaOptions } from "typeorm";

/** A place on the chain. What is told as of an earlier one comes late and changes nothing. */
export interface Moment {
  block: number;
  logIndex: number;
}

export interface ShopCard extends Moment {
  /** Collection address and serial. */
  id: string;
  slug: string;
  collectionName: string;
  serial: number;
  /** The customer's id in this store, which is their reference at Mintmark. */
  customer: string | null;
  mintmarkOrder: string | null;
  /** `Ordered` until it is on the chain; then Mintmark's words, and `Expired`. */
  status: string;
  expiresAt: string | null;
  verifyUrl: string;
}

export const ShopCards = schema<ShopCard>({
  name: "ShopCard",
  columns: {
    id: { type: String, primary: true },
    slug: { type: String },
    collectionName: { type: String },
    serial: { type: Number },
    customer: { type: String, nullable: true },
    mintmarkOrder: { type: String, nullable: true },
    status: { type: String },
    expiresAt: { type: String, nullable: true },
    verifyUrl: { type: String },
    block: { type: Number },
    logIndex: { type: "bigint", transformer: { from: Number, to: (value: unknown) => value } },
  },
  indices: [{ columns: ["mintmarkOrder"] }, { columns: ["customer"] }],
});

export interface ReceivedMessage {
  /** The `webhook-id` that Mintmark gave it, the same for every attempt. */
  id: string;
  type: string;
  /** In milliseconds. */
  receivedAt: number;
}

export const ReceivedMessages = schema<ReceivedMessage>({
  name: "ReceivedMessage",
  columns: {
    id: { type: String, primary: true },
    type: { type: String },
    receivedAt: { type: "bigint" },
  },
});

export function cardId(collectionAddress: string, serial: number): string {
  return `${collectionAddress.toLowerCase()}/${serial}`;
}

/** Vendure tells entities apart by their name, which classes have and schemas have not. */
function schema<Row>(options: EntitySchemaOptions<Row> & { name: string }): EntitySchema<Row> {
  return Object.assign(new EntitySchema<Row>(options), { name: options.name });
}
