// Orders as they stand.

import type { Database } from "../../database/client.ts";
import type { CommandState, Money, OrderItem, OrderState } from "./order.ts";

export interface OrderRecord {
  id: string;
  brandId: number;
  customer: { id: string; reference: string };
  state: OrderState;
  items: OrderItem[];
  quantity: number;
  paid: Money | undefined;
  payment: { name: string; id: string | undefined; before: number } | undefined;
  failure: { name: string; detail: string } | undefined;
  createdAt: number;
  updatedAt: number;
}

/** A card of an order, and how far it has come. */
export interface OrderedCard {
  /** Lower-case. */
  collection: string;
  serial: number;
  tier: number;
  /** In seconds; 0 for never. */
  expiresAt: number;
  holder: string;
  state: CommandState;
  failure: { name: string; detail: string } | undefined;
  transactionHash: string | undefined;
  blockNumber: number | undefined;
  /** Whether the chain had it before the order came, as this database knows it: see reconciliation/. */
  matched: boolean;
}

export interface OrderFilter {
  brandId: number;
  customerId?: string | undefined;
  state?: OrderState | undefined;
  /** The order after which the list goes on. */
  after?: string | undefined;
  limit: number;
}

/** An order of a brand, or of a customer of it; nothing if there is none. */
export async function readOrder(
  database: Database,
  id: string,
  owner: { brandId: number; customerId?: string | undefined },
): Promise<(OrderRecord & { cards: OrderedCard[] }) | undefined> {
  const row = await database.order.findUnique({ where: { id } });
  if (row === null || row.brandId !== owner.brandId) return undefined;
  if (owner.customerId !== undefined && row.customerId !== owner.customerId) return undefined;
  const commands = await database.command.findMany({ where: { orderId: id, kind: "issue" }, orderBy: { id: "asc" } });
  const adopted = await database.adoptedCard.findMany({ where: { orderId: id } });
  const matched = new Set(adopted.map(({ collectionAddress, serial }) => `${collectionAddress} ${serial}`));
  const [record] = await recordsOf(database, [row]);
  if (record === undefined) return undefined;
  return {
    ...record,
    cards: commands.map((command) => ({
      collection: command.collectionAddress,
      serial: command.serial,
      tier: command.tier ?? 0,
      expiresAt: Number(command.expiresAt ?? 0),
      holder: command.holder ?? "",
      state: command.state as CommandState,
      failure: failureOf(command),
      transactionHash: command.transactionHash ?? undefined,
      blockNumber: command.blockNumber ?? undefined,
      matched: matched.has(`${command.collectionAddress} ${command.serial}`),
    })),
  };
}

/** Orders, the newest first. */
export async function listOrders(database: Database, filter: OrderFilter): Promise<OrderRecord[]> {
  const { brandId, customerId, state, after, limit } = filter;
  const rows = await database.order.findMany({
    where: {
      brandId,
      ...(customerId === undefined ? {} : { customerId }),
      ...(state === undefined ? {} : { state }),
      ...(after === undefined ? {} : { id: { lt: after } }),
    },
    orderBy: { id: "desc" },
    take: limit,
  });
  return await recordsOf(database, rows);
}

type Row = NonNullable<Awaited<ReturnType<Database["order"]["findUnique"]>>>;

async function recordsOf(database: Database, rows: readonly Row[]): Promise<OrderRecord[]> {
  const customers = await database.customer.findMany({
    where: { id: { in: [...new Set(rows.map(({ customerId }) => customerId))] } },
    select: { id: true, reference: true },
  });
  const references = new Map(customers.map(({ id, reference }) => [id, reference]));
  return rows.map((row) => ({
    id: row.id,
    brandId: row.brandId,
    customer: { id: row.customerId, reference: references.get(row.customerId) ?? row.customerId },
    state: row.state as OrderState,
    items: JSON.parse(row.items) as OrderItem[],
    quantity: row.quantity,
    paid:
      row.paidAmount === null || row.paidCurrency === null
        ? undefined
        : { amount: Number(row.paidAmount), currency: row.paidCurrency },
    payment:
      row.paymentName === null
        ? undefined
        : { name: row.paymentName, id: row.paymentId ?? undefined, before: Number(row.payBefore ?? 0) },
    failure: failureOf(row),
    createdAt: Number(row.createdAt),
    updatedAt: Number(row.updatedAt),
  }));
}

function failureOf({ failure, failureDetail }: { failure: string | null; failureDetail: string | null }) {
  return failure === null ? undefined : { name: failure, detail: failureDetail ?? "" };
}
