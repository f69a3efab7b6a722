// A whole spreadsheet against itself and against the chain: every problem of every line, before anything is issued.

import { setImmediate } from "node:timers/promises";
import type { CardOnChain, CollectionOnChain, IssuanceChain } from "./chain.ts";
import { findColumns } from "./columns.ts";
import { LATEST_EXPIRY } from "./expiry.ts";
import { InvalidReference } from "./holder-derivation.ts";
import type { BrandKeys } from "./keystore.ts";
import type { CardToIssue } from "./plan.ts";
import { IssuanceError, type Problem, quoted } from "./problems.ts";
import { type ParsedRow, parseRow } from "./rows.ts";
import type { Spreadsheet } from "./spreadsheet.ts";

export interface Validation {
  /** What is wrong, in the order of the lines. Unless it is empty, nothing may be issued. */
  problems: Problem[];
  /** What is odd, but keeps nothing from being issued. */
  warnings: string[];
  /** The cards of all lines without a problem, also those that are on chain already. */
  cards: CardToIssue[];
  /** Those of them that are not on chain. */
  outstanding: CardToIssue[];
  /** How many of them have a holder address made from a customer reference. */
  custodial: number;
}

/** How many unknown columns are named. */
const SHOWN_UNKNOWN = 20;
/** After so many addresses, signals get their turn. */
const ADDRESSES_AT_ONCE = 200;

/** Validates all lines. Throws `IssuanceError` if the header row is wrong or the chain does not answer. */
export async function validateSpreadsheet(options: {
  spreadsheet: Spreadsheet;
  collection: CollectionOnChain;
  chain: Pick<IssuanceChain, "cards" | "head" | "registry">;
  keys: Pick<BrandKeys, "holderAddress">;
  timeZone: string;
  /** The wall clock, in seconds. */
  now: number;
}): Promise<Validation> {
  const { spreadsheet, collection, chain, keys, timeZone } = options;
  const { columns, unknown } = findColumns(spreadsheet.header.cells);
  const problems = [...spreadsheet.problems];
  if (spreadsheet.rows.length === 0 && problems.length === 0)
    throw new IssuanceError("The file has a header row and no cards below it. Add a row for each card.");
  const warnings = unknown
    .slice(0, SHOWN_UNKNOWN)
    .map((header) => `The column ${quoted(header)} is not known and is not used.`);
  if (unknown.length > SHOWN_UNKNOWN)
    warnings.push(`${unknown.length - SHOWN_UNKNOWN} more columns are not known and are not used.`);
  const [above] = spreadsheet.above;
  if (above !== undefined) {
    const text = quoted(above.cells.filter((cell) => cell.trim() !== "").join(" "));
    warnings.push(
      `The header row is taken to be line ${spreadsheet.header.line}; what stands above it is not used (${text}).`,
    );
  }

  const settings = { columns, width: spreadsheet.header.cells.length, maxSupply: collection.maxSupply, timeZone };
  const rows = spreadsheet.rows.map((row) => parseRow(row, settings, problems));
  // One by one: as arguments of a single call, the problems of a large file are more than a call may have.
  for (const found of [
    repeated(rows),
    roundedNumbers(rows),
    holdersThatAreContracts(rows, collection, chain.registry),
  ]) {
    for (const problem of found) problems.push(problem);
  }
  warnings.push(...oddities(rows));
  if (spreadsheet.encoding === "GB18030") {
    const sample = rows.find(({ customer }) => /[^ -~]/.test(customer ?? ""));
    if (sample?.customer !== undefined) {
      warnings.push(
        `The file is not UTF-8 and was read as GB18030. Check that the customer reference on line ${sample.line} is ${quoted(sample.customer)}; otherwise export the file again as "CSV UTF-8".`,
      );
    }
  }

  const { cards, problems: unusable } = await resolveHolders(rows, keys);
  for (const problem of unusable) problems.push(problem);

  const head = await chain.head();
  // A chain without traffic makes no blocks, so the clock of its newest one may be old.
  const clock = Math.max(head.timestamp, options.now);
  const issued = await chain.cards(
    collection.address,
    cards.map(({ serial }) => serial),
  );
  const texts = new Map(rows.map(({ line, expiryText }) => [line, expiryText]));
  for (const card of cards) {
    const onChain = issued.get(card.serial);
    if (onChain !== undefined) {
      const reason = conflict(card, onChain);
      if (reason !== undefined) problems.push({ line: card.line, reason });
    } else if (card.expiresAt !== 0 && card.expiresAt <= clock) {
      const text = texts.get(card.line) ?? "";
      problems.push({
        line: card.line,
        reason: `the expiry ${quoted(text)} has passed; a card cannot be issued expired`,
      });
    }
  }

  const bad = new Set(problems.map(({ line }) => line));
  const good = cards.filter(({ line }) => !bad.has(line));
  return {
    problems: problems.toSorted((left, right) => left.line - right.line),
    warnings,
    cards: good,
    outstanding: good.filter(({ serial }) => !issued.has(serial)),
    custodial: rows.filter(({ line, customer }) => customer !== undefined && !bad.has(line)).length,
  };
}

/**
 * Why a card cannot be issued as wanted, given that its serial was issued already; nothing if it was issued just so.
 * A reissued card has passed to another holder since it was issued, which the file cannot know.
 */
export function conflict(card: CardToIssue, onChain: CardOnChain): string | undefined {
  if (onChain.generation > 0) return undefined;
  const differences: string[] = [];
  if (onChain.holder !== card.holder) differences.push(`to another holder (${onChain.holder})`);
  if (onChain.tier !== card.tier) differences.push(`with tier ${onChain.tier} instead of ${card.tier}`);
  if (onChain.expiresAt !== card.expiresAt)
    differences.push(`with the expiry ${moment(onChain.expiresAt)} instead of ${moment(card.expiresAt)}`);
  return differences.length === 0
    ? undefined
    : `card ${card.serial} was already issued ${differences.join(" and ")}; a serial is issued only once, so correct or remove the line`;
}

function moment(seconds: number): string {
  return seconds === 0 ? "never" : new Date(seconds * 1000).toISOString().replace(".000", "");
}

/** Serials and physical numbers that stand on more than one line. */
function repeated(rows: readonly ParsedRow[]): Problem[] {
  const problems: Problem[] = [];
  const serials = new Map<number, number>();
  const physicalNumbers = new Map<string, number>();
  for (const { line, serial, physicalNumber } of rows) {
    if (serial !== undefined) {
      const first = serials.get(serial);
      if (first === undefined) serials.set(serial, line);
      else problems.push({ line, reason: `card ${serial} is on line ${first} already; each card has one line` });
    }
    if (physicalNumber !== undefined) {
      const first = physicalNumbers.get(physicalNumber);
      if (first === undefined) physicalNumbers.set(physicalNumber, line);
      else {
        const shown = quoted(physicalNumber);
        problems.push({ line, reason: `the physical card number ${shown} is on line ${first} already` });
      }
    }
  }
  return problems;
}

/**
 * Spreadsheet programs keep 15 digits of a number and make the others zeros. One long number may end so by itself; where all
 * long numbers of a column do, by a chance of less than one in a million, they were damaged.
 */
function roundedNumbers(rows: readonly ParsedRow[]): Problem[] {
  const problems: Problem[] = [];
  for (const [name, title] of [
    ["customer", "customer reference"],
    ["physicalNumber", "physical card number"],
  ] as const) {
    const long = rows.flatMap(({ line, [name]: value }) =>
      value !== undefined && /^\d{16,}$/.test(value) ? [{ line, value }] : [],
    );
    const zeros = long.reduce((sum, { value }) => sum + value.length - 15, 0);
    if (zeros < 6 || !long.every(({ value }) => /^0+$/.test(value.slice(15)))) continue;
    for (const { line, value } of long) {
      problems.push({
        line,
        reason: `the ${title} ${quoted(value)} was rounded by the spreadsheet program, which keeps 15 digits; format the column as text and enter the values again`,
      });
    }
  }
  return problems;
}

function holdersThatAreContracts(
  rows: readonly ParsedRow[],
  collection: CollectionOnChain,
  registry: string,
): Problem[] {
  return rows.flatMap(({ line, holder }) =>
    holder === collection.address || holder === registry
      ? [{ line, reason: `the holder address ${holder} is the collection's or the registry's own` }]
      : [],
  );
}

function oddities(rows: readonly ParsedRow[]): string[] {
  const warnings: string[] = [];
  const dayNumbers = rows.filter(({ dayNumber }) => dayNumber === true);
  const [first] = dayNumbers;
  if (first !== undefined) {
    warnings.push(
      `On ${dayNumbers.length} lines, the first of them line ${first.line}, the expiry is a spreadsheet program's number of a day (${first.expiryText}). Check in the summary that the dates are right; files that count from 1904 come out four years early.`,
    );
  }
  const fractions = rows.filter(({ customer, physicalNumber }) =>
    [customer, physicalNumber].some((value) => /^\d+[.,]0+$/.test(value ?? "")),
  );
  if (fractions[0] !== undefined) {
    warnings.push(
      `On ${fractions.length} lines, the first of them line ${fractions[0].line}, a reference or number ends with ".0", which programs append to numbers. It counts as part of it: 100 and 100.0 are two customers.`,
    );
  }
  const spellings = new Map<string, { line: number; customer: string }>();
  for (const { line, customer } of rows) {
    if (customer === undefined) continue;
    const before = spellings.get(customer.toLowerCase());
    if (before === undefined) spellings.set(customer.toLowerCase(), { line, customer });
    else if (before.customer !== customer) {
      warnings.push(
        `The customer references ${quoted(before.customer)} (line ${before.line}) and ${quoted(customer)} (line ${line}) differ in upper and lower case only. They count as two customers.`,
      );
      if (warnings.length > 20) break;
    }
  }
  return warnings;
}

/** The cards of all sound lines. Deriving an address takes a fraction of a millisecond, so each reference's is kept. */
async function resolveHolders(
  rows: readonly ParsedRow[],
  keys: Pick<BrandKeys, "holderAddress">,
): Promise<{ cards: CardToIssue[]; problems: Problem[] }> {
  const addresses = new Map<string, string>();
  const cards: CardToIssue[] = [];
  const problems: Problem[] = [];
  for (const { line, sound, serial, tier, expiresAt, customer, physicalNumber, ...row } of rows) {
    if (!sound || serial === undefined || tier === undefined || expiresAt === undefined) continue;
    if (expiresAt > LATEST_EXPIRY) throw new RangeError("The expiry was not checked");
    let holder = row.holder ?? addresses.get(customer ?? "");
    if (holder === undefined && customer !== undefined) {
      try {
        if (addresses.size % ADDRESSES_AT_ONCE === 0) await setImmediate();
        holder = keys.holderAddress(customer);
        addresses.set(customer, holder);
      } catch (error) {
        if (!(error instanceof InvalidReference)) throw error;
        problems.push({ line, reason: `the customer reference ${quoted(customer)} ${error.message}` });
      }
    }
    if (holder !== undefined) {
      cards.push({
        line,
        serial,
        holder,
        tier,
        expiresAt,
        ...(physicalNumber === undefined ? {} : { physicalNumber }),
      });
    }
  }
  return { cards, problems };
}
