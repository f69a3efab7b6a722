// How far redemptions have come follows from their commands. Must be called in each transaction that changes commands of redemptions.

import { selectRows, updateRows } from "../../database/bulk.ts";
import type { DatabaseTransaction } from "../../database/client.ts";
import type { CommandKind, CommandState } from "../orders/order.ts";
import type { RedemptionState } from "./redemption.ts";

interface CommandStanding {
  id: number;
  holdId: string;
  kind: CommandKind;
  state: CommandState;
  redemptionNumber: number | null;
  failure: string | null;
  failureDetail: string | null;
}

/** Brings the states of redemptions that were confirmed up to date with their commands. */
export async function settleRedemptions(
  transaction: DatabaseTransaction,
  ids: Iterable<string>,
  now: number,
): Promise<void> {
  // Always in the same order, so that two transactions rarely wait for each other; and locked before the commands are read.
  const keys = [...new Set(ids)].toSorted().map((id) => [id]);
  await updateRows(transaction, {
    table: "BenefitHold",
    columns: ["id", "updatedAt"],
    key: ["id"],
    rows: keys.map(([id = ""]) => [id, now]),
  });
  const commands = await selectRows<CommandStanding>(transaction, { table: "Command", key: ["holdId"], keys });
  await updateRows(transaction, {
    table: "BenefitHold",
    columns: ["id", "state", "number", "failure", "failureDetail"],
    key: ["id"],
    rows: [...Map.groupBy(commands, ({ holdId }) => holdId)].map(([id, own]) => {
      const inOrder = own.toSorted((left, right) => left.id - right.id);
      const { state, number, failure, failureDetail } = standingOf(inOrder);
      return [id, state, number, failure, failureDetail];
    }),
  });
}

/** The standing of a redemption with these commands, in the order in which they were wanted: the one that redeems, and perhaps one that undoes. */
function standingOf(commands: readonly CommandStanding[]): {
  state: RedemptionState;
  number: number | null;
  failure: string | null;
  failureDetail: string | null;
} {
  const redeem = commands.find(({ kind }) => kind === "redeem");
  // What failed may be wanted again: the last counts.
  const undo = commands.findLast(({ kind }) => kind === "undo-redemption");
  const number = redeem?.redemptionNumber ?? null;
  const { failure = null, failureDetail = null } = undo ?? redeem ?? {};
  const reason = { failure, failureDetail };
  const settled = { failure: null, failureDetail: null };
  // Its number, if it had one already, is another one's now.
  if (redeem === undefined || redeem.state === "cancelled") return { state: "undone", number: null, ...settled };
  if (redeem.state === "failed")
    return { state: "failed", number, failure: redeem.failure, failureDetail: redeem.failureDetail };
  if (undo?.state === "done") return { state: "undone", number, ...settled };
  if (undo?.state === "queued" || undo?.state === "sent") return { state: "undoing", number, ...reason };
  if (undo?.state === "failed") return { state: "redeemed", number, ...reason };
  if (redeem.state === "done") return { state: "redeemed", number, ...settled };
  return { state: "confirmed", number, ...reason };
}
