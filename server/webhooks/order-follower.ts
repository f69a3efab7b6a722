// From what has become of orders to what is told to brands. Must hold: an event leaves its table in the transaction that writes what
// follows from it, so it is told once, and lost never.

import { getAddress } from "ethers";
import { selectRows } from "../database/bulk.ts";
import type { Database } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { inTransaction } from "../database/transactions.ts";
import type { OrderEventDetails } from "../issuance/orders/events.ts";
import type { CommandState, OrderItem } from "../issuance/orders/order.ts";
import { isoTimeOrNull } from "./card-facts.ts";
import { eventId } from "./signing.ts";
import {
  type Listener,
  listenersFor,
  moveCursor,
  readCursor,
  readListeners,
  StalePreparationError,
  type Telling,
  tell,
} from "./telling.ts";

const AT_ONCE = 200;

interface OrderRow {
  id: string;
  brandId: number;
  customerId: string;
  items: string;
  quantity: number;
  paidAmount: bigint | number | null;
  paidCurrency: string | null;
  createdAt: bigint | number;
}

interface CardCommand {
  id: number;
  orderId: string;
  kind: string;
  state: CommandState;
  collectionAddress: string;
  serial: number;
  tier: number | null;
  expiresAt: bigint | number | null;
  blockNumber: number | null;
}

export interface OrderFollower {
  /** Follows some events. Returns whether there were any. */
  step(): Promise<boolean>;
}

/** @param options.now In milliseconds. */
export function createOrderFollower(options: { application: Database; now(): number }): OrderFollower {
  const { application, now } = options;

  async function prepare(rows: readonly Row[], listeners: readonly Listener[]): Promise<Telling[]> {
    const wanted = rows.flatMap(({ id, orderId, brandId, what, details, at }) => {
      const type = `order.${what}`;
      const isFor = (listener: Listener) => listener.createdAt <= Number(at);
      if (listenersFor(listeners, { brandId, type, isFor }).length === 0) return [];
      const parsed = JSON.parse(details) as OrderEventDetails;
      return [{ id, orderId, brandId, what, type, isFor, details: parsed, at: Number(at) }];
    });
    const ids = [...new Set(wanted.map(({ orderId }) => orderId))].map((id) => [id]);
    const orders = await selectRows<OrderRow>(application, { table: "Order", key: ["id"], keys: ids });
    const commands = await selectRows<CardCommand>(application, { table: "Command", key: ["orderId"], keys: ids });
    const addresses = [...new Set(commands.map(({ collectionAddress }) => collectionAddress))];
    const collections = await application.collection.findMany({
      where: { address: { in: addresses } },
      select: { address: true, slug: true, name: true },
    });
    const named = new Map(collections.map((collection) => [collection.address, collection]));
    const name = (address: string) => {
      const { slug = null, name = null } = named.get(address) ?? {};
      return { address: getAddress(address), slug, name };
    };
    const byId = new Map(orders.map((order) => [order.id, order]));
    const cards = Map.groupBy(
      commands.filter(({ kind }) => kind === "issue").toSorted((left, right) => left.id - right.id),
      ({ orderId }) => orderId,
    );
    return wanted.flatMap(({ id, orderId, brandId, what, type, isFor, details, at }): Telling[] => {
      const order = byId.get(orderId);
      if (order === undefined) return [];
      const { before, failure, failureDetail, gift } = details;
      const data = {
        order: {
          id: orderId,
          state: what === "gifted" ? before : what,
          items: (JSON.parse(order.items) as OrderItem[]).map(({ collection, tier, term, quantity }) => ({
            ...{ collection: name(collection), tier, term, quantity },
          })),
          quantity: order.quantity,
          paid:
            order.paidAmount === null ? null : { amount: Number(order.paidAmount), currency: order.paidCurrency ?? "" },
          cards: (cards.get(orderId) ?? []).map(({ collectionAddress, serial, tier, expiresAt, blockNumber }) => ({
            ...{ collection: name(collectionAddress), serial, tier },
            ...{ expiresAt: isoTimeOrNull(Number(expiresAt ?? 0)), blockNumber },
          })),
          createdAt: new Date(Number(order.createdAt)).toISOString(),
        },
        change:
          gift === undefined
            ? {
                state: { before, after: what },
                failure: failure ? { name: failure, detail: failureDetail ?? "" } : null,
              }
            : { gift: { ...gift, collection: name(gift.collection), holder: getAddress(gift.holder) } },
      };
      return [
        {
          ...{ id: eventId("order", id), brandId, type, happenedAt: at, data, customerId: order.customerId },
          ...{ entry: null, reverts: null, isFor },
        },
      ];
    });
  }

  return {
    async step() {
      const rows = await application.orderEvent.findMany({ orderBy: { id: "asc" }, take: AT_ONCE });
      if (rows.length === 0) return false;
      const cursor = await readCursor(application);
      const listeners = await readListeners(application, now());
      const tellings = await prepare(rows, listeners);
      await inTransaction(application, async (transaction) => {
        // Not for its place, but so that nobody makes an endpoint meanwhile.
        if (tellings.length > 0) await moveCursor(transaction, cursor, cursor);
        const ids = rows.map(({ id }) => id);
        const taken = await transaction.$executeRaw(
          Prisma.sql`DELETE FROM "OrderEvent" WHERE "id" IN (${Prisma.join(ids)})`,
        );
        // Another server was faster.
        if (taken !== ids.length) throw new StalePreparationError();
        await tell(transaction, tellings, listeners, now());
      });
      return true;
    },
  };
}

interface Row {
  id: number;
  orderId: string;
  brandId: number;
  what: string;
  details: string;
  at: bigint;
}
