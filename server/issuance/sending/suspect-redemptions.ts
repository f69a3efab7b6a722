// A closer look at one redemption, or at what undoes one, that the chain has refused or that was in bad company. Must hold: what was
// granted ends for good only where the chain's refusal cannot pass: neither because chain, mirror and clock are at different moments,
// nor because something of ours that comes before it is still on its way.

import { getAddress } from "ethers";
import type { Database } from "../../database/client.ts";
import type { IssuanceChain } from "../chain.ts";
import { ContractRefusal } from "../contract-errors.ts";
import { readBenefitState } from "../redemptions/benefit-state.ts";
import type { CardSigner } from "../signers.ts";
import { type Book, DEAD } from "./book.ts";
import { groupCommands, type SendableCommand } from "./calls.ts";
import { failureName, meaningOf } from "./refusals.ts";

export interface SuspectRedemptionOptions {
  book: Book;
  application: Database;
  chain: IssuanceChain;
  command: SendableCommand;
  signer: CardSigner;
  /** In milliseconds. */
  now: number;
  /** When to look again at what must wait, in milliseconds. */
  notBefore: number;
}

/** What another number, or another signature, would mend: the brand signs anew, and a wallet's word ends, when it is looked at again. */
const MENDED_BY_SIGNING = new Set(["RedemptionNumberMismatch", "DeadlinePassed", "StaffMismatch"]);
/** What depends on the chain's clock and on what else is on its way. */
const ABOUT_THE_PERIOD = new Set(["QuotaExceeded", "BenefitNotStarted"]);

/** Gets it out of suspicion, puts it off, or ends it. */
export async function examineRedemption(options: SuspectRedemptionOptions): Promise<void> {
  const { book, chain, command, signer, notBefore } = options;
  const unlimited = { maxCards: 1, gasBudget: Number.MAX_SAFE_INTEGER, gasFactor: 1 };
  // It is numbered, and signed, when it can be sent.
  const [alone] = command.redemptionNumber === null ? [] : groupCommands([command], unlimited, undefined);
  if (alone !== undefined) {
    try {
      // As it is rehearsed, at this moment: what a call of the last block's state tells is as old as that block.
      await chain.estimateGas({ from: signer.address, to: getAddress(command.collectionAddress), data: alone.data });
    } catch (error) {
      if (!(error instanceof ContractRefusal)) throw error;
      const failure = { failure: failureName(error), failureDetail: error.message };
      if (!(await mayPass(error, options))) {
        await book.fail(command, failure, { serialIsFree: false });
        return;
      }
      await book.putOff([command], failure, notBefore);
    }
  }
  await book.suspect([command], false);
}

async function mayPass(refusal: ContractRefusal, options: SuspectRedemptionOptions): Promise<boolean> {
  const { command } = options;
  const { error = "" } = refusal;
  if (meaningOf(refusal) === "wait") return true;
  if (command.kind === "undo-redemption") return error === "RedemptionNotUndoable" && (await isUndoable(options));
  if (MENDED_BY_SIGNING.has(error)) return true;
  return ABOUT_THE_PERIOD.has(error) && ((await isLeft(options)) || (await isBeingUndone(options)));
}

/** Whether a use is left by the mirror and our clock: then the chain's clock is behind, or the mirror is. */
async function isLeft({ application, command, now }: SuspectRedemptionOptions): Promise<boolean> {
  const { collectionAddress, serial, benefitId } = command;
  const state = await readBenefitState(application, { collectionAddress, serial, benefitId: benefitId ?? 0 }, now);
  if (state === undefined) return false;
  const { period, quota, used } = state.standing;
  return period !== null && (quota === null || used < quota);
}

/** Whether another use of the benefit is on its way back, and does not wait for this one. */
async function isBeingUndone({ application, command }: SuspectRedemptionOptions): Promise<boolean> {
  const { collectionAddress, serial, benefitId, holdId } = command;
  const of = { collectionAddress, serial, benefitId, holdId: { not: holdId } };
  const undoings = await application.command.findMany({
    where: { ...of, kind: "undo-redemption", state: { in: ["queued", "sent"] } },
    select: { holdId: true },
  });
  const holds = undoings.flatMap((undoing) => undoing.holdId ?? []);
  const redeemed = { holdId: { in: holds }, kind: "redeem", state: { in: ["sent", "done"] } };
  return (await application.command.count({ where: redeemed })) > 0;
}

/**
 * Whether a redemption can be undone by the mirror; also while it is on its way itself. If so, the mirror is about to learn otherwise, from
 * whoever has undone it before, for example.
 */
async function isUndoable({ application, command }: SuspectRedemptionOptions): Promise<boolean> {
  const { collectionAddress, serial, holdId, redemptionNumber: number } = command;
  const benefitId = command.benefitId ?? 0;
  const redeem = { holdId, kind: "redeem", state: { in: ["queued", "sent"] } };
  if ((await application.command.count({ where: redeem })) > 0) return true;
  const card = await application.card.findUnique({
    where: { collectionAddress_serial: { collectionAddress, serial } },
    select: { status: true },
  });
  if (card === null || DEAD.has(card.status)) return false;
  const of = { collectionAddress, serial, benefitId };
  const last = await application.redemption.findFirst({ where: of, orderBy: { number: "desc" } });
  const own = await application.redemption.findFirst({ where: { ...of, number: number ?? 0 } });
  return own !== null && own.periodStart === last?.periodStart;
}
