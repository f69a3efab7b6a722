// Which redemptions can be sent now, and with which number and whose word. Must hold: a card's benefit has one redemption under way at
// a time, numbered as the mirror says that the next one is, so that none is refused because another one was faster; and what was
// sent once with a number keeps it as long as the chain may still take it.

import { selectRows, selectRowsAtOrBefore, updateRows } from "../../database/bulk.ts";
import type { Database } from "../../database/client.ts";
import { inTransaction } from "../../database/transactions.ts";
import { ANY_STAFF, authorisationToSign } from "../redemptions/typed-data.ts";
import type { Book } from "./book.ts";
import { type BrandSecrets, noKeystore } from "./brand-signers.ts";
import type { SendableCommand } from "./calls.ts";

export interface ReadinessOptions {
  book: Book;
  application: Database;
  /** The brand's keys, or why there are none. */
  secrets: BrandSecrets;
  chainId: number;
  /** Who will redeem, lower-case; nothing where any of several may. */
  staff: string | undefined;
  /** In seconds: the later of our clock and that of the chain's last block. Deadlines are reckoned from it. */
  time: number;
  /** When to look again at what has to wait, in milliseconds. */
  later: number;
}

interface RedemptionRow {
  collectionAddress: string;
  serial: number | bigint;
  benefitId: number | bigint;
  number: number | bigint;
}
interface HoldRow {
  id: string;
  holder: string;
  customerId: string | null;
  custodial: boolean | number;
}

/** For so long the brand's word for its customer counts, in seconds; and with less than this left it is given anew. */
const WORD_SECONDS = 3_600;
const LEAST_SECONDS = 300;
/** What takes milliseconds each must not hold up what is ready. */
const SIGNED_IN_A_STEP = 200;
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
  // A use in a later period would keep an earlier one from being undone.
  return [...(await readyToUndo(undo, options)), ...(await readyToRedeem(redeem, options))];
}

/** What is sent of the benefits of these cards, or waits in the order in which it was confirmed. */
interface UnderWay extends SendableCommand {
  state: "queued" | "sent" | "done";
}

/** Done, and not in the mirror: the chain has taken it back, and it is about to be sent again. */
const TAKEN_BACK = `t."state" = 'done' AND t."redemptionNumber" > (SELECT COALESCE(MAX(r."number"), 0) FROM "Redemption" AS r
  WHERE r."collectionAddress" = t."collectionAddress" AND r."serial" = t."serial" AND r."benefitId" = t."benefitId")`;
/** What can be undone now: before it is, nothing else of the benefit is redeemed. */
const UNDOABLE = `t."state" IN ('queued', 'sent') AND EXISTS (
  SELECT 1 FROM "Command" AS d WHERE d."holdId" = t."holdId" AND d."kind" = 'redeem' AND d."state" = 'done')`;

/** Of each benefit the first that was confirmed, of those that wait, unless one of its redemptions or undoings is under way. */
async function firstsOf(application: Database, commands: readonly SendableCommand[]): Promise<SendableCommand[]> {
  const cards = new Map(
    commands.map(({ collectionAddress, serial }) => [`${collectionAddress} ${serial}`, [collectionAddress, serial]]),
  );
  const all = await selectRows<UnderWay>(application, {
    table: "Command",
    key: ["collectionAddress", "serial"],
    keys: [...cards.values()],
    where: `((t."kind" = 'redeem' AND (t."state" IN ('queued', 'sent') OR ${TAKEN_BACK})) OR (t."kind" = 'undo-redemption' AND ${UNDOABLE}))`,
  });
  const firsts = new Set<number>();
  for (const own of Map.groupBy(all, benefitOf).values()) {
    if (own.every(({ kind, state }) => kind === "redeem" && state === "queued"))
      firsts.add(Math.min(...own.map(({ id }) => id)));
  }
  return commands.filter(({ id }) => firsts.has(id));
}

async function readyToRedeem(
  commands: readonly SendableCommand[],
  options: ReadinessOptions,
): Promise<SendableCommand[]> {
  if (commands.length === 0) return [];
  const { book, application, staff, time } = options;
  const firsts = await firstsOf(application, commands);
  const last = await lastRedemptions(application, firsts);
  const unclaimed = await withoutCommand(application, [...last.values()]);
  for (const benefit of await withAdopted(application, firsts)) unclaimed.add(benefit);
  const holds = await holdsOf(application, firsts);

  const ready: SendableCommand[] = [];
  const toSign: ToSign[] = [];
  for (const command of firsts) {
    const before = Number(last.get(benefitOf(command))?.number ?? 0);
    const { redemptionNumber: number, signature, deadline } = command;
    const wasRedeemed = unclaimed.has(benefitOf(command)) || (number !== null && number <= before);
    if (wasRedeemed && (await book.foundRedeemed(command))) continue;
    const hold = holds.get(command.holdId ?? "");
    const secondsLeft = Number(deadline ?? 0) - time;
    const isSigned = signature !== null && number === before + 1;
    if (hold?.custodial !== true) {
      if (isSigned && secondsLeft > 0) ready.push(command);
      else await book.fail(command, outdated(isSigned), { serialIsFree: false });
    } else if (isSigned && secondsLeft > LEAST_SECONDS && command.staff === (staff ?? null)) {
      ready.push(command);
    } else {
      toSign.push({ command, number: before + 1, reference: hold.reference, holder: hold.holder });
    }
  }
  return [...ready, ...(await signFor(toSign.slice(0, SIGNED_IN_A_STEP), options))].toSorted(
    (left, right) => left.id - right.id,
  );
}

interface ToSign {
  command: SendableCommand;
  number: number;
  reference: string;
  /** Whose word it is to be. */
  holder: string;
}

/** Gives the brand's word for its customers, and writes it down. */
async function signFor(
  wanted: readonly ToSign[],
  { book, application, secrets, chainId, staff = ANY_STAFF, time, later }: ReadinessOptions,
): Promise<SendableCommand[]> {
  if (wanted.length === 0) return [];
  if (secrets.keys === undefined) {
    await book.putOff(
      wanted.map(({ command }) => command),
      secrets.reason,
      later,
    );
    return [];
  }
  const deadline = Math.floor(time) + WORD_SECONDS;
  const signed: SendableCommand[] = [];
  for (const { command, number, reference, holder } of wanted) {
    const { collectionAddress, serial, benefitId, generation } = command;
    const message = { serial, benefitId: benefitId ?? 0, number, generation: generation ?? 0, staff, deadline };
    const { domain, types } = authorisationToSign(collectionAddress, chainId, message);
    // Two milliseconds of computing: requests get their turn in between.
    await new Promise((resolve) => setImmediate(resolve));
    const wallet = secrets.keys.holderWallet(reference);
    // The chain would refuse another keystore's word for good.
    if (wallet.address.toLowerCase() !== holder) {
      await book.putOff([command], noKeystore(command.brandId), later);
      continue;
    }
    const signature = await wallet.signTypedData(domain, types, message);
    signed.push({
      ...command,
      redemptionNumber: number,
      staff: staff === ANY_STAFF ? null : staff,
      deadline,
      signature,
    });
  }
  await inTransaction(application, async (transaction) => {
    await updateRows(transaction, {
      table: "Command",
      columns: ["id", "redemptionNumber", "staff", "deadline", "signature"],
      key: ["id"],
      rows: signed.map(({ id, redemptionNumber, staff, signature }) => [
        id,
        redemptionNumber,
        staff,
        deadline,
        signature,
      ]),
      where: `t."state" = 'queued'`,
    });
    await updateRows(transaction, {
      table: "BenefitHold",
      columns: ["id", "number"],
      key: ["id"],
      rows: signed.map(({ holdId, redemptionNumber }) => [holdId, redemptionNumber]),
      where: `t."state" IN ('confirmed', 'undoing')`,
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

/** The last redemption of each benefit of a card, as the mirror has it. */
async function lastRedemptions(
  application: Database,
  commands: readonly SendableCommand[],
): Promise<Map<string, RedemptionRow>> {
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
  return new Map(rows.map((row) => [benefitOf(row), row]));
}

/** The benefits of those redemptions that none of our commands stands for. */
async function withoutCommand(application: Database, redemptions: readonly RedemptionRow[]): Promise<Set<string>> {
  const claims = await selectRows<SendableCommand>(application, {
    table: "Command",
    key: ["collectionAddress", "serial", "benefitId", "redemptionNumber"],
    keys: redemptions.map(({ collectionAddress, serial, benefitId, number }) => [
      collectionAddress,
      Number(serial),
      Number(benefitId),
      Number(number),
    ]),
    where: `t."kind" = 'redeem' AND t."state" IN ('sent', 'done')`,
  });
  const claimed = new Set(claims.map(benefitOf));
  return new Set(redemptions.map(benefitOf).filter((benefit) => !claimed.has(benefit)));
}

/** The benefits of which there are adopted redemptions that nobody has claimed. */
async function withAdopted(application: Database, commands: readonly SendableCommand[]): Promise<string[]> {
  const rows = await selectRows<RedemptionRow>(application, {
    table: "AdoptedRedemption",
    key: ["collectionAddress", "serial", "benefitId"],
    keys: commands.map(({ collectionAddress, serial, benefitId }) => [collectionAddress, serial, benefitId]),
    where: `t."state" = 'unclaimed'`,
  });
  return rows.map(benefitOf);
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
    holds.map(({ id, holder, customerId, custodial }) => [
      id,
      { holder, custodial: Boolean(custodial), reference: references.get(customerId ?? "") ?? "" },
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

function benefitOf(of: {
  collectionAddress: string;
  serial: number | bigint;
  benefitId: number | bigint | null;
}): string {
  return `${of.collectionAddress} ${of.serial} ${of.benefitId}`;
}
