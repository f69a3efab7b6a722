// A whole spreadsheet against itself and against the chain: every problem of every line, before anything is issued.

import { setImmediate } from "node:timers/promises";
import type { CardOnChain, CollectionOnChain, IssuanceChain } from "./chain.ts";
import { findColumns } from "./columns.ts";
import { createComparison } from "./comparison.ts";
import { LATEST_EXPIRY } from "./expiry.ts";
import { InvalidReference } from "./holder-derivation.ts";
import type { BrandKeys } from "./keystore.ts";
import type { CardToIssue } from "./plan.ts";
import { type Problem, quoted } from "./problems.ts";
import { type ParsedRow, parseRow } from "./rows.ts";
import type { Spreadsheet } from "./spreadsheet.ts";
import { noCards, tableWarnings } from "./table.ts";
import { type DeclaredTerms, termTooLong, undeclaredTier } from "./terms.ts";

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
  if (spreadsheet.rows.length === 0 && problems.length === 0) throw noCards();
  const warnings = tableWarnings({ unknown, above: spreadsheet.above, header: spreadsheet.header });

  const settings = { columns, width: spreadsheet.header.cells.length, maxSupply: collection.maxSupply, timeZone };
  const comparison = createComparison({
    contracts: [collection.address, chain.registry],
    encoding: spreadsheet.encoding,
  });
  const rows = spreadsheet.rows.map((row) => {
    const parsed = parseRow(row, settings, problems);
    problems.push(...comparison.add(parsed));
    return parsed;
  });
  const together = comparison.finish();
  // One by one: as arguments of a single call, the problems of a large file are more than a call may have.
  for (const problem of together.problems) problems.push(problem);
  warnings.push(...together.warnings);

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
    } else {
      for (const reason of unissuable(card, texts.get(card.line) ?? "", { terms: collection, clock }))
        problems.push({ line: card.line, reason });
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
 * Why the chain would not issue a card now.
 * @param text The expiry as it stands in the file.
 */
export function unissuable(
  { tier, expiresAt }: Pick<CardToIssue, "tier" | "expiresAt">,
  text: string,
  { terms, clock }: { terms: DeclaredTerms; clock: number },
): string[] {
  const wrongTier = undeclaredTier(tier, terms);
  const tooLong = termTooLong(expiresAt, terms, clock);
  return [
    ...(wrongTier === undefined ? [] : [`the tier ${tier} ${wrongTier}`]),
    ...(expiresAt !== 0 && expiresAt <= clock
      ? [`the expiry ${quoted(text)} has passed; a card cannot be issued expired`]
      : []),
    ...(tooLong === undefined ? [] : [`the expiry ${text === "" ? "" : `${quoted(text)} `}${tooLong}`]),
  ];
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
