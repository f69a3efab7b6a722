// Which redemptions can be sent now, and with which number and whose word. Must hold: a card's benefit has one redemption under way at
// a time, numbered as the mirror says that the next one is, so that none is refused because another one was faster; and what was
// sent once with a number keeps it as long as the chain may still take it.

import { selectRows, selectRowsAtOrBefore, updateRows } from "../../database/bulk.ts";
import type { Database } from "../../database/client.ts";
import { inTransaction } from "../../database/transactions.ts";
import type { BrandKeys } from "../keystore.ts";
import { authorisationToSign } from "../redemptions/typed-data.ts";
import type { Book } from "./book.ts";
import type { SendableCommand } from "./calls.ts";

export interface ReadinessOptions {
  book: Book;
  application: Database;
  keys: Pick<BrandKeys, "holderWallet"> | undefined;
  chainId: number;
  /** In milliseconds. */
  now: number;
  /** When to look again at what has to wait, in milliseconds. */
  later: number;
}

interface RedemptionRow {
  collectionAddress: string;
  serial: number | bigint;
  benefitId: number | bigint;
  number: number | bigint;
  transactionHash: string;
  blockNumber: number | bigint;
}
interface HoldRow {
  id: string;
  customerId: string | null;
  custodial: boolean | number;
}

/** For so long the brand's word for its customer counts, in seconds; and with less than this left it is given anew. */
const WORD_SECONDS = 3_600;
const LEAST_SECONDS = 300;
const HIGHEST_NUMBER = 2 ** 31 - 1;

export function isRedemption({ kind }: Pick<SendableCommand, "kind">): boolean {
  return kind === "redeem" || kind === "undo-redemption";
}

/** Those of the waiting redemptions, and of what undoes them, that can be sent now. The others are ended, put off, or wait. */
export async function readyRedemptions(
  commands: readonly SendableCommand[],
  options: ReadinessOptions,
): Promise<SendableCommand[]> {
  const redeem = commands.filter(({ kind }) => kind === "redeem");
  const undo = commands.filter(({ kind }) => kind === "undo-redemption");
  return [...(await readyToRedeem(redeem, options)), ...(await readyToUndo(undo, options))];
}

async function readyToRedeem(
  commands: readonly SendableCommand[],
  options: ReadinessOptions,
): Promise<SendableCommand[]> {
  if (commands.length === 0) return [];
  const { book, application, now } = options;
  const underWay = await selectRows<SendableCommand>(application, {
    table: "Command",
    key: ["collectionAddress", "serial"],
    keys: cardsOf(commands),
    where: `t."kind" = 'redeem' AND t."state" = 'sent'`,
  });
  const busy = new Set(underWay.map(benefitOf));
  const firsts = [...Map.groupBy(commands, benefitOf)].flatMap(([benefit, own]) =>
    busy.has(benefit) ? [] : own.slice(0, 1),
  );
  const last = await lastRedemptions(application, firsts);
  const holds = await holdsOf(application, firsts);

  const ready: SendableCommand[] = [];
  const toSign: { command: SendableCommand; number: number; reference: string }[] = [];
  for (const command of firsts) {
    const before = last.get(benefitOf(command)) ?? 0;
    const { redemptionNumber: number, signature, deadline } = command;
    if (number !== null && number <= before && (await book.foundRedeemed(command))) continue;
    const hold = holds.get(command.holdId ?? "");
    const secondsLeft = Number(deadline ?? 0) - now / 1000;
    const isSigned = signature !== null && number === before + 1;
    if (hold?.custodial !== true) {
      if (isSigned && secondsLeft > 0) ready.push(command);
      else await book.fail(command, outdated(isSigned), { serialIsFree: false });
    } else if (isSigned && secondsLeft > LEAST_SECONDS) {
      ready.push(command);
    } else {
      toSign.push({ command, number: before + 1, reference: hold.reference });
    }
  }
  return [...ready, ...(await signFor(toSign, options))].toSorted((left, right) => left.id - right.id);
}

/** Gives the brand's word for its customers, and writes it down. */
async function signFor(
  wanted: readonly { command: SendableCommand; number: number; reference: string }[],
  { book, application, keys, chainId, now, later }: ReadinessOptions,
): Promise<SendableCommand[]> {
  if (wanted.length === 0) return [];
  if (keys === undefined) {
    const failureDetail =
      "This server has no keystore of the brand any more, with which it could sign for the customer. Bring it back.";
    await book.putOff(
      wanted.map(({ command }) => command),
      { failure: "no-keystore", failureDetail },
      later,
    );
    return [];
  }
  const deadline = Math.floor(now / 1000) + WORD_SECONDS;
  const signed: SendableCommand[] = [];
  for (const { command, number, reference } of wanted) {
    const { collectionAddress, serial, benefitId, generation } = command;
    const message = { serial, benefitId: benefitId ?? 0, number, generation: generation ?? 0, deadline };
    const { domain, types } = authorisationToSign(collectionAddress, chainId, message);
    // Two milliseconds of computing: requests get their turn in between.
    await new Promise((resolve) => setImmediate(resolve));
    const signature = await keys.holderWallet(reference).signTypedData(domain, types, message);
    signed.push({ ...command, redemptionNumber: number, deadline, signature });
  }
  await inTransaction(application, async (transaction) => {
    await updateRows(transaction, {
      table: "Command",
      columns: ["id", "redemptionNumber", "deadline", "signature"],
      key: ["id"],
      rows: signed.map(({ id, redemptionNumber, signature }) => [id, redemptionNumber, deadline, signature]),
      where: `t."state" = 'queued'`,
    });
    await updateRows(transaction, {
      table: "BenefitHold",
      columns: ["id", "number"],
      key: ["id"],
      rows: signed.map(({ holdId, redemptionNumber }) => [holdId, redemptionNumber]),
    });
  });
  return signed;
}

/** What undoes a redemption waits until the mirror has it. */
async function readyToUndo(
  commands: readonly SendableCommand[],
  { book, application }: ReadinessOptions,
): Promise<SendableCommand[]> {
  if (commands.length === 0) return [];
  const all = await selectRows<SendableCommand & { state: string }>(application, {
    table: "Command",
    key: ["holdId"],
    keys: commands.map(({ holdId }) => [holdId]),
    where: `t."kind" = 'redeem'`,
  });
  const redeemed = new Map(all.map((command) => [command.holdId, command]));
  const ready: SendableCommand[] = [];
  for (const command of commands) {
    const redeem = redeemed.get(command.holdId);
    if (redeem?.state === "failed") {
      const failureDetail = "The redemption was refused by the chain: there is nothing to undo.";
      await book.fail(command, { failure: "not-redeemed", failureDetail }, { serialIsFree: false });
    } else if (redeem?.state === "done") {
      const numbered = { ...command, redemptionNumber: redeem.redemptionNumber };
      if (!(await book.foundUndone(numbered))) ready.push(numbered);
    }
  }
  await updateRows(application, {
    table: "Command",
    columns: ["id", "redemptionNumber"],
    key: ["id"],
    rows: ready.map(({ id, redemptionNumber }) => [id, redemptionNumber]),
  });
  return ready;
}

/** The number of the last redemption of each benefit of a card, as the mirror has it. */
async function lastRedemptions(
  application: Database,
  commands: readonly SendableCommand[],
): Promise<Map<string, number>> {
  const rows = await selectRowsAtOrBefore<RedemptionRow>(application, {
    table: "Redemption",
    key: ["collectionAddress", "serial", "benefitId", "number"],
    keys: commands.map(({ collectionAddress, serial, benefitId }) => [
      collectionAddress,
      serial,
      benefitId,
      HIGHEST_NUMBER,
    ]),
  });
  return new Map(rows.map((row) => [benefitOf(row), Number(row.number)]));
}

async function holdsOf(application: Database, commands: readonly SendableCommand[]) {
  const holds = await selectRows<HoldRow>(application, {
    table: "BenefitHold",
    key: ["id"],
    keys: commands.map(({ holdId }) => [holdId]),
  });
  const customers = await selectRows<{ id: string; reference: string }>(application, {
    table: "Customer",
    key: ["id"],
    keys: holds.flatMap(({ customerId }) => (customerId === null ? [] : [[customerId]])),
  });
  const references = new Map(customers.map(({ id, reference }) => [id, reference]));
  return new Map(
    holds.map(({ id, customerId, custodial }) => [
      id,
      { custodial: Boolean(custodial), reference: references.get(customerId ?? "") ?? "" },
    ]),
  );
}

function outdated(isDeadline: boolean) {
  return isDeadline
    ? {
        failure: "authorisation-expired",
        failureDetail: "The customer's signature could not be used before its deadline. Reserve the benefit anew.",
      }
    : {
        failure: "authorisation-outdated",
        failureDetail:
          "The card was used otherwise after its holder had signed, and the signature is for another use. Reserve the benefit anew.",
      };
}

function cardsOf(commands: readonly SendableCommand[]): [string, number][] {
  return commands.map(({ collectionAddress, serial }) => [collectionAddress, serial]);
}

function benefitOf(of: {
  collectionAddress: string;
  serial: number | bigint;
  benefitId: number | bigint | null;
}): string {
  return `${of.collectionAddress} ${of.serial} ${of.benefitId}`;
}
