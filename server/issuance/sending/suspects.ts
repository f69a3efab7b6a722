// A closer look at one command that was in a transaction which failed: has somebody else done it, does the contract refuse it for
// good, or was it only in bad company?

import { getAddress } from "ethers";
import type { CardOnChain, IssuanceChain } from "../chain.ts";
import { ContractRefusal } from "../contract-errors.ts";
import type { BrandKeys } from "../keystore.ts";
import type { CardSigner } from "../signers.ts";
import { conflict } from "../validation.ts";
import { type Book, DEAD } from "./book.ts";
import { cardOf, groupCommands, type SendableCommand } from "./calls.ts";
import { failureName, meaningOf } from "./refusals.ts";

export interface SuspectOptions {
  book: Book;
  chain: IssuanceChain;
  command: SendableCommand;
  signer: CardSigner;
  keys: BrandKeys | undefined;
  /** When to look again at what must wait, in milliseconds. */
  notBefore: number;
}

/** Gets a suspect that is no redemption out of suspicion, puts it off, or ends it. */
export async function examineSuspect(options: SuspectOptions): Promise<void> {
  const { book, chain, command, signer, keys, notBefore } = options;
  const collection = getAddress(command.collectionAddress);
  const card = (await chain.cards(collection, [command.serial])).get(command.serial);
  if (card !== undefined && isDone(command, card)) {
    await book.foundDone(command);
    return;
  }
  if (command.kind === "issue" && card !== undefined) {
    await serialIsTaken(options, card);
    return;
  }
  const [alone] = groupCommands([command], { maxCards: 1, gasBudget: Number.MAX_SAFE_INTEGER, gasFactor: 1 }, keys);
  if (alone === undefined) return;
  try {
    await chain.simulate({ from: signer.address, to: collection, data: alone.data });
  } catch (error) {
    if (!(error instanceof ContractRefusal)) throw error;
    const failure = { failure: failureName(error), failureDetail: error.message };
    if (meaningOf(error) === "wait") await book.putOff([command], failure, notBefore);
    else await book.fail(command, failure, { serialIsFree: error.error !== "SerialOutOfRange" });
    return;
  }
  await book.suspect([command], false);
}

/** Whether the chain has what the command wants. */
function isDone(command: SendableCommand, card: CardOnChain): boolean {
  switch (command.kind) {
    case "issue":
      return conflict(cardOf(command), card) === undefined;
    case "revoke":
      // What its holder has surrendered needs no revoking any more.
      return DEAD.has(card.status);
    case "request-reissue":
      return card.holder.toLowerCase() === command.holder;
    case "execute-reissue":
    // Of these the mirror tells: see suspect-redemptions.ts.
    case "redeem":
    case "undo-redemption":
      return false;
  }
}

/** Somebody else has issued the serial, to somebody else. */
async function serialIsTaken({ book, chain, command }: SuspectOptions, card: CardOnChain): Promise<void> {
  const { maxSupply } = await chain.collection(command.collectionAddress);
  // Imports say themselves which card is whose.
  if (command.orderId !== null) {
    if ((await book.anotherSerial(command, maxSupply)) !== undefined) return;
    const failureDetail =
      "The last cards of the edition were issued otherwise while the order waited. Pay the customer back.";
    await book.fail(command, { failure: "sold-out", failureDetail }, { serialIsFree: false });
    return;
  }
  const failureDetail = `${conflict(cardOf(command), card) ?? "The card was issued otherwise"}.`;
  await book.fail(command, { failure: "serial-taken", failureDetail }, { serialIsFree: false });
}
