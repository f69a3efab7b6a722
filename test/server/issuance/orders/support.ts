// Orders to place and a database to place them in, for tests of what stands behind the API.

import { randomUUID } from "node:crypto";
import { type Database, openDatabase } from "../../../../server/database/client.ts";
import type { OrderToPlace, PlacedOrder } from "../../../../server/issuance/orders/order.ts";
import type { DatabaseKind } from "../../../support/databases.ts";
import {
  addressOf,
  COLLECTIONS,
  createMirrorFixture,
  type MirrorFixture,
  NOW,
} from "../../../support/mirror-fixture.ts";

/** When the tests take place, in milliseconds. */
export const NOW_MS = NOW * 1000;
/** Of brand 1, and with 3 of 100 cards issued. */
export const ATELIER = COLLECTIONS.atelier.address;
/** Of brand 1 too, and with none of 5,000 cards issued. */
export const FIRST_EDITION = COLLECTIONS.firstEdition.address;

export interface OrderBook extends MirrorFixture {
  /** A connection for application tables. */
  application: Database;
  /** A further one, as another server process has it. */
  connect(): Promise<Database>;
}

export async function createOrderBook(kind: DatabaseKind): Promise<OrderBook> {
  const mirror = await createMirrorFixture(kind, { issued: false });
  await mirror.issue({ collection: ATELIER, firstSerial: 1, count: 3 });
  const connections: Database[] = [];
  async function connect(): Promise<Database> {
    const connection = await openDatabase(mirror.url, { application: true });
    connections.push(connection);
    return connection;
  }
  return {
    ...mirror,
    application: await connect(),
    connect,
    async close() {
      for (const connection of connections) await connection.$disconnect();
      await mirror.close();
    },
  };
}

/** What a shop would be answered, short. */
export function answerOf({ id, cards }: PlacedOrder): string {
  return JSON.stringify({ id, serials: cards.map(({ serial }) => serial) });
}

/** An order of cards of the atelier by a customer of their own, unless something else is said. */
export function orderOf(
  options: Partial<Pick<OrderToPlace, "idempotencyKey" | "requestHash" | "payment" | "paid" | "brandId">> & {
    collection?: string;
    quantity?: number;
    maxSupply?: number;
    free?: boolean;
    reference?: string;
    customerId?: string;
    /** Nothing for the address that the brand keeps. */
    holder?(): string | undefined;
    items?: { collection: string; quantity: number; maxSupply: number }[];
  } = {},
): OrderToPlace {
  const { collection = ATELIER, quantity = 1, maxSupply = 100, free = false, brandId = 1 } = options;
  const reference = options.reference ?? randomUUID();
  const items = options.items ?? [{ collection, quantity, maxSupply }];
  return {
    scope: `brand ${brandId}`,
    idempotencyKey: options.idempotencyKey ?? randomUUID(),
    requestHash: options.requestHash ?? "hash",
    brandId,
    createdBy: "api-key:key_test",
    customer: {
      id: options.customerId,
      reference,
      get holder() {
        return options.holder === undefined ? addressOf(`customer ${reference}`) : options.holder();
      },
    },
    items: items.map((item) => ({ ...item, tier: 1, term: null, expiresAt: 0, free })),
    paid: options.paid,
    payment: options.payment,
  };
}

/** Every serial that a command claims, of one collection, in order. */
export async function claimedSerials(database: Database, collection = ATELIER): Promise<number[]> {
  const commands = await database.command.findMany({
    where: { collectionAddress: collection, claimedSerial: { not: null } },
    orderBy: { claimedSerial: "asc" },
  });
  return commands.map(({ claimedSerial }) => claimedSerial ?? 0);
}

/** Numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
