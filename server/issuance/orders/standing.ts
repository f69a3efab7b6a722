// How far orders have come follows from their commands. Must be called in each transaction that changes commands of orders.

import { selectRows, updateRows } from "../../database/bulk.ts";
import type { DatabaseTransaction } from "../../database/client.ts";
import { recordOrderEvents } from "./events.ts";
import type { CommandKind, CommandState, OrderState } from "./order.ts";

interface CommandStanding {
  id: number;
  orderId: string;
  kind: CommandKind;
  state: CommandState;
  collectionAddress: string;
  serial: number;
  failure: string | null;
  failureDetail: string | null;
}

export interface Standing {
  state: OrderState;
  /** Why cards of it cannot be issued or revoked, or wait; the first reason if there are several. */
  failure: string | null;
  failureDetail: string | null;
}

/**
 * Brings the states of orders up to date with their commands. Locks the orders before it reads the commands: of two transactions that
 * have changed different commands of one order, the later one must see what the earlier one has done.
 */
export async function settleOrders(
  transaction: DatabaseTransaction,
  orderIds: Iterable<string>,
  now: number,
): Promise<void> {
  // Always in the same order, so that two transactions rarely wait for each other.
  const keys = [...new Set(orderIds)].toSorted().map((id) => [id]);
  await updateRows(transaction, {
    table: "Order",
    columns: ["id", "updatedAt"],
    key: ["id"],
    rows: keys.map(([id = ""]) => [id, now]),
  });
  const orders = await selectRows<{ id: string; brandId: number; state: OrderState }>(transaction, {
    table: "Order",
    key: ["id"],
    keys,
  });
  const commands = await selectRows<CommandStanding>(transaction, { table: "Command", key: ["orderId"], keys });
  const standings = new Map(
    [...Map.groupBy(commands, ({ orderId }) => orderId)].map(([id, ofOrder]) => [id, standingOf(ofOrder)]),
  );
  const rows = [...standings].map(([id, { state, failure, failureDetail }]) => [id, state, failure, failureDetail]);
  await updateRows(transaction, {
    table: "Order",
    columns: ["id", "state", "failure", "failureDetail"],
    key: ["id"],
    rows,
  });
  await recordOrderEvents(
    transaction,
    orders.flatMap(({ id: orderId, brandId, state: before }) => {
      const standing = standings.get(orderId);
      if (standing === undefined || standing.state === before) return [];
      const { state, failure, failureDetail } = standing;
      return [{ orderId, brandId, what: state, details: { before, failure, failureDetail }, at: now }];
    }),
  );
}

/** The standing of an order with these commands; at least one. */
export function standingOf(commands: readonly Omit<CommandStanding, "orderId">[]): Standing {
  const issue = commands.filter(({ kind }) => kind === "issue");
  // What failed may be wanted again; of what was wanted of a card, the last counts.
  const revoke = lastOfCards(commands.filter(({ kind, state }) => kind === "revoke" && state !== "cancelled"));
  const revoked = new Set(revoke.filter(({ state }) => state !== "failed").map(cardOf));
  const reissue = lastOfCards(commands.filter(({ kind }) => kind !== "issue" && kind !== "revoke"));
  const told = [...issue, ...revoke, ...reissue.filter((command) => !revoked.has(cardOf(command)))]
    .filter(({ failure, state }) => failure !== null && state !== "done" && state !== "cancelled")
    .toSorted((left, right) => left.id - right.id)[0];
  const reason = { failure: told?.failure ?? null, failureDetail: told?.failureDetail ?? null };
  const are = (commands: readonly { state: CommandState }[], state: CommandState) =>
    commands.some((command) => command.state === state);

  if (are(revoke, "queued") || are(revoke, "sent")) return { state: "refunding", ...reason };
  if (revoke.length > 0 && !are(revoke, "failed")) return { state: "refunded", ...reason };
  if (are(issue, "held")) return { state: "accepted", ...reason };
  if (are(issue, "queued")) return { state: "queued", ...reason };
  if (are(issue, "sent")) return { state: "sent", ...reason };
  if (are(issue, "failed")) return { state: "failed", ...reason };
  if (are(issue, "done")) return { state: "issued", ...reason };
  return { state: "cancelled", ...reason };
}

function lastOfCards<Command extends Parameters<typeof cardOf>[0] & { id: number }>(
  commands: readonly Command[],
): Command[] {
  const inOrder = commands.toSorted((left, right) => left.id - right.id);
  return [...new Map(inOrder.map((command) => [cardOf(command), command])).values()];
}

function cardOf({ collectionAddress, serial }: Pick<CommandStanding, "collectionAddress" | "serial">): string {
  return `${collectionAddress} ${serial}`;
}
