// What becomes of an order after it was placed, by somebody's wish: released when it was paid, cancelled, refunded, given away.
// Each is one transaction, and done twice it is done once.

import { encodeBytes32String } from "ethers";
import { insertRows } from "../../database/bulk.ts";
import type { DatabaseTransaction } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";
import { recordOrderEvents } from "./events.ts";
import type { CommandKind, CommandState, OrderState } from "./order.ts";
import { freeSerials } from "./serials.ts";
import { settleOrders } from "./standing.ts";

/** The order's state, or that of its cards, does not allow it. The message says what to do, and nothing was changed. */
export class OrderConflictError extends Error {
  override name = "OrderConflictError";
}

/** A command as these changes see it. */
interface OrderCommand {
  id: number;
  kind: CommandKind;
  state: CommandState;
  collectionAddress: string;
  serial: number;
  holder: string | null;
  brandId: number;
}

/** What can be written as the reason of a revocation: it stands on the chain for ever, so never anything about a person. */
export const REASON_PATTERN = /^[a-z0-9][a-z0-9 -]{0,30}$/;

/**
 * Releases the cards of an order that was paid to the sender. `too-late`: it was cancelled before. Not needed twice: `released`
 * is also said of an order that was released before.
 */
export async function releaseOrder(
  transaction: DatabaseTransaction,
  orderId: string,
  now: number,
): Promise<"released" | "too-late" | "unknown"> {
  const order = await lockOrder(transaction, orderId);
  if (order === undefined) return "unknown";
  if (order.state === "cancelled") return "too-late";
  if (order.state !== "accepted") return "released";
  await transaction.$executeRaw(
    Prisma.sql`UPDATE "Command" SET "state" = 'queued', "notBefore" = ${now} WHERE "orderId" = ${orderId} AND "state" = 'held'`,
  );
  await settleOrders(transaction, [orderId], now);
  return "released";
}

/** Cancels an order none of whose cards has been sent. Its serials are free again. Throws {@link OrderConflictError}. */
export async function cancelOrder(transaction: DatabaseTransaction, orderId: string, now: number): Promise<void> {
  const order = await lockOrder(transaction, orderId);
  if (order === undefined || order.state === "cancelled") return;
  const commands = await commandsOf(transaction, orderId);
  const open = commands.filter(({ state }) => state === "held" || state === "queued");
  const changed = await transaction.$executeRaw(
    Prisma.sql`UPDATE "Command" SET "state" = 'cancelled', "claimedSerial" = NULL WHERE "orderId" = ${orderId} AND "kind" = 'issue' AND "state" IN ('held', 'queued')`,
  );
  if (changed !== commands.length || open.length !== commands.length) {
    throw new OrderConflictError(
      `The order is ${order.state}: its cards are on their way to the chain or there already, and cannot be called back. Refund it once it is issued.`,
    );
  }
  await freeSerials(
    transaction,
    open.map(({ collectionAddress, serial }) => ({ collection: collectionAddress, serial })),
  );
  await transaction.$executeRaw(Prisma.sql`DELETE FROM "FreeCard" WHERE "orderId" = ${orderId}`);
  await settleOrders(transaction, [orderId], now);
}

/**
 * Has the cards of an issued order revoked. A card that its holder has surrendered, or that was revoked already, is left as it is.
 * `reason` matches {@link REASON_PATTERN}. Throws {@link OrderConflictError}.
 */
export async function refundOrder(
  transaction: DatabaseTransaction,
  orderId: string,
  { reason, now }: { reason: string; now: number },
): Promise<void> {
  const order = await lockOrder(transaction, orderId);
  if (order === undefined || order.state === "refunding" || order.state === "refunded") return;
  if (order.state !== "issued" && order.state !== "failed") {
    throw new OrderConflictError(
      order.state === "cancelled"
        ? "The order was cancelled: there is nothing to revoke."
        : `The order is ${order.state}. Cancel it instead if it is accepted or queued; once it is issued it can be refunded.`,
    );
  }
  const commands = await commandsOf(transaction, orderId);
  const cards = commands.filter(({ kind, state }) => kind === "issue" && state === "done");
  const revocable: OrderCommand[] = [];
  for (const command of cards) {
    const card = await cardOf(transaction, command);
    if (card === undefined || card.status === "Revoked" || card.status === "Surrendered") continue;
    if (card.burnAuth !== "IssuerOnly" && card.burnAuth !== "Both") {
      throw new OrderConflictError(
        "The collection does not let its issuer burn cards (ERC-5484), which was fixed when it was created. Ask the holder to surrender the card.",
      );
    }
    revocable.push(command);
  }
  if (revocable.length === 0) {
    throw new OrderConflictError(
      "None of the order's cards is alive any more: they were revoked or surrendered before, or never issued.",
    );
  }
  // A card that is about to be revoked is not given away any more.
  await transaction.$executeRaw(
    Prisma.sql`UPDATE "Command" SET "state" = 'cancelled' WHERE "orderId" = ${orderId} AND "kind" IN ('request-reissue', 'execute-reissue') AND "state" = 'queued'`,
  );
  await addCommands(
    transaction,
    revocable.map((command) => ({ ...command, kind: "revoke", orderId, holder: null, reason, notBefore: 0, now })),
  );
  await settleOrders(transaction, [orderId], now);
}

/**
 * Gives a card of an order to somebody else, who must not hold it already. Before it was sent it is simply issued to them; afterwards it is
 * reissued, once the collection's delay is over. Never after it was used. Throws {@link OrderConflictError}.
 */
export async function giveCard(
  transaction: DatabaseTransaction,
  orderId: string,
  gift: { collection: string; serial: number; holder: string; now: number },
): Promise<void> {
  const { collection, serial, holder, now } = gift;
  const order = await lockOrder(transaction, orderId);
  if (order === undefined) return;
  const commands = await commandsOf(transaction, orderId);
  const ofCard = commands.filter((command) => command.collectionAddress === collection && command.serial === serial);
  const issues = ofCard.filter(({ kind }) => kind === "issue");
  // One whose card could not be issued may have left its serial to another one.
  const issue = issues.find(({ state }) => state !== "failed") ?? issues[0];
  if (issue === undefined) throw new OrderConflictError(`The order has no card ${serial} of this collection.`);
  if (ofCard.some(({ kind, state }) => kind !== "issue" && (state === "queued" || state === "sent")))
    throw new OrderConflictError("Something else is under way with this card. Wait until it is done.");
  if (issue.state === "held" || issue.state === "queued") {
    const changed = await transaction.$executeRaw(
      Prisma.sql`UPDATE "Command" SET "holder" = ${holder} WHERE "id" = ${issue.id} AND "state" IN ('held', 'queued')`,
    );
    if (changed === 1) return await tell("issued-to-them");
    throw new OrderConflictError("The card was sent at this moment. It can be given away once it is issued.");
  }
  if (issue.state !== "done")
    throw new OrderConflictError(`The card is ${issue.state}. It can be given away once it is issued.`);
  const card = await cardOf(transaction, issue);
  if (card === undefined || card.status !== "Active")
    throw new OrderConflictError(`Only an active card can be given away; this one is ${card?.status ?? "not issued"}.`);
  if (card.holder === holder) throw new OrderConflictError("The customer holds this card already.");
  if (await wasUsed(transaction, collection, serial))
    throw new OrderConflictError("The card was used already. It can be given away before its first use only.");
  await addCommands(transaction, [
    { ...issue, kind: "request-reissue", orderId, holder, reason: "gift", notBefore: 0, now },
  ]);
  await tell("reissue-requested");

  async function tell(how: "issued-to-them" | "reissue-requested"): Promise<void> {
    const brandId = issue?.brandId ?? 0;
    const details = { before: order?.state ?? null, gift: { collection, serial, holder, how } };
    await recordOrderEvents(transaction, [{ orderId, brandId, what: "gifted", details, at: now }]);
  }
}

/** Whether a benefit of the card was redeemed. */
export async function wasUsed(transaction: DatabaseTransaction, collection: string, serial: number): Promise<boolean> {
  const used = await transaction.redemption.findFirst({
    where: { collectionAddress: collection, serial },
    select: { number: true },
  });
  return used !== null;
}

/** Cancels orders that were not paid in time. Returns how many. */
export async function cancelUnpaid(transaction: DatabaseTransaction, now: number, limit: number): Promise<number> {
  const late = await transaction.order.findMany({
    where: { state: "accepted", payBefore: { lt: now } },
    select: { id: true },
    orderBy: { payBefore: "asc" },
    take: limit,
  });
  let cancelled = 0;
  for (const { id } of late) {
    // It may have been paid since it was found.
    if ((await lockOrder(transaction, id))?.state !== "accepted") continue;
    await cancelOrder(transaction, id, now);
    cancelled++;
  }
  return cancelled;
}

export interface NewCommand {
  brandId: number;
  collectionAddress: string;
  kind: "revoke" | "request-reissue" | "execute-reissue";
  serial: number;
  orderId: string;
  holder: string | null;
  /** Matches {@link REASON_PATTERN}. */
  reason: string;
  notBefore: number;
  now: number;
}

/** Queues what is wanted of cards that are there. */
export async function addCommands(transaction: DatabaseTransaction, commands: readonly NewCommand[]): Promise<void> {
  await insertRows(transaction, {
    table: "Command",
    columns: [
      "brandId",
      "collectionAddress",
      "kind",
      "serial",
      "state",
      "orderId",
      "holder",
      "reason",
      "suspect",
      "notBefore",
      "createdAt",
    ],
    rows: commands.map((command) => [
      command.brandId,
      command.collectionAddress,
      command.kind,
      command.serial,
      "queued",
      command.orderId,
      command.holder,
      encodeBytes32String(command.reason),
      false,
      command.notBefore,
      command.now,
    ]),
  });
}

/** The order, which nobody else changes until the transaction ends. */
async function lockOrder(
  transaction: DatabaseTransaction,
  orderId: string,
): Promise<{ state: OrderState } | undefined> {
  const [order] = await transaction.$queryRaw<{ state: OrderState }[]>(
    Prisma.sql`UPDATE "Order" SET "state" = "state" WHERE "id" = ${orderId} RETURNING "state"`,
  );
  return order;
}

async function commandsOf(transaction: DatabaseTransaction, orderId: string): Promise<OrderCommand[]> {
  return (await transaction.command.findMany({ where: { orderId }, orderBy: { id: "asc" } })) as OrderCommand[];
}

async function cardOf(transaction: DatabaseTransaction, { collectionAddress, serial }: OrderCommand) {
  const card = await transaction.card.findUnique({
    where: { collectionAddress_serial: { collectionAddress, serial } },
    select: { holder: true, status: true, collection: { select: { burnAuth: true } } },
  });
  return card === null ? undefined : { holder: card.holder, status: card.status, burnAuth: card.collection.burnAuth };
}
