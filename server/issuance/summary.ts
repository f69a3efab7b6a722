// What is going to happen, in words, for somebody who decides whether it should.

import type { CollectionOnChain } from "./chain.ts";
import { startOfDay } from "./expiry.ts";
import type { CardToIssue, PlannedTransaction } from "./plan.ts";
import type { Spreadsheet } from "./spreadsheet.ts";

export interface SummaryFacts {
  file: string;
  spreadsheet: Spreadsheet;
  collection: CollectionOnChain;
  chainId: number;
  issuer: string;
  timeZone: string;
  /** All cards of the file. */
  cards: readonly CardToIssue[];
  /** Those of them that are not on chain. */
  outstanding: readonly CardToIssue[];
  custodial: number;
  transactions: readonly PlannedTransaction[];
}

const DELIMITER_NAMES: Record<Spreadsheet["delimiter"], string> = { ",": "commas", ";": "semicolons", "\t": "tabs" };

/** The summary, one line each. */
export function summaryLines(facts: SummaryFacts): string[] {
  const { cards, collection, spreadsheet, timeZone, transactions } = facts;
  const batches = transactions.reduce((sum, { batches }) => sum + batches.length, 0);
  const bound = cards.filter(({ physicalNumber }) => physicalNumber !== undefined).length;
  const toIssue = facts.outstanding.length;
  const guessed = spreadsheet.encoding === "GB18030" ? " (assumed, because it is not UTF-8)" : "";
  const entries: [string, string][] = [
    ["File", `${facts.file}: ${spreadsheet.encoding}${guessed}, ${DELIMITER_NAMES[spreadsheet.delimiter]}`],
    ["Collection", `${collection.name}, ${collection.address}`],
    ["Brand", `${collection.brandName} (${collection.brandId}), issuer key ${facts.issuer}`],
    ["Chain", `id ${facts.chainId}`],
    ["Cards in the file", `${count(cards.length)} of an edition of ${count(collection.maxSupply)}`],
    ["Already issued", count(cards.length - toIssue)],
    [
      "To issue",
      `${count(toIssue)} in ${plural(batches, "batch", "batches")}, ${plural(transactions.length, "transaction", "transactions")}`,
    ],
    ...tally(
      cards,
      ({ tier }) => tier,
      (tier) => `Tier ${tier}`,
    ),
    ...tally(
      cards,
      ({ expiresAt }) => expiresAt,
      (expiresAt) => validity(expiresAt, timeZone),
    ),
    [
      "Holders",
      `${count(facts.custodial)} from customer references, ${count(cards.length - facts.custodial)} with their own address`,
    ],
    ["Physical cards", bound === 0 ? "none bound" : `${count(bound)} bound by salted commitments`],
  ];
  const width = Math.max(...entries.map(([title]) => title.length));
  return entries.map(([title, value]) => `  ${title.padEnd(width)}  ${value}`);
}

/** Until when a card is valid, in the brand's time zone. */
export function validity(expiresAt: number, timeZone: string): string {
  if (expiresAt === 0) return "Never expires";
  const last = new Date((expiresAt - 1) * 1000);
  // Swedish dates are ISO dates.
  const day = new Intl.DateTimeFormat("sv-SE", { timeZone }).format(last);
  const [year, month, date] = day.split("-").map(Number);
  const wholeDay = startOfDay(year ?? 0, month ?? 0, (date ?? 0) + 1, timeZone) === expiresAt;
  return wholeDay
    ? `Valid through ${day}`
    : `Valid until ${new Date(expiresAt * 1000).toISOString().replace(".000", "")}`;
}

function tally(
  cards: readonly CardToIssue[],
  fieldOf: (card: CardToIssue) => number,
  title: (value: number) => string,
): [string, string][] {
  const counts = new Map<number, number>();
  for (const card of cards) counts.set(fieldOf(card), (counts.get(fieldOf(card)) ?? 0) + 1);
  return [...counts]
    .toSorted(([left], [right]) => left - right)
    .map(([value, number]) => [title(value), plural(number, "card", "cards")]);
}

/** A number as people read it. */
export function count(number: number): string {
  return number.toLocaleString("en");
}

/** A number with its noun. */
export function plural(number: number, one: string, many: string): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}
