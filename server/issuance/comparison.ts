// What is wrong or odd about the lines of a spreadsheet together. Takes them one after the other and keeps a few bytes of each,
// however long its values are, so that a file need not be in memory for it.

import { hash } from "node:crypto";
import type { Encoding } from "./encoding.ts";
import { type Problem, quoted } from "./problems.ts";
import type { ParsedRow } from "./rows.ts";

export interface Comparison {
  /** What is wrong with the next line, seen beside those before it. */
  add(row: ParsedRow): Problem[];
  /** What only all lines together show: what is wrong, and what is odd but keeps nothing from being issued. */
  finish(): { problems: Problem[]; warnings: string[] };
}

export interface ComparisonSettings {
  /** Addresses that no card may go to, checksummed: the collection's and the registry's own. */
  contracts: readonly string[];
  /** Nothing where it does not matter, as in a workbook. */
  encoding: Encoding | undefined;
}

const MAXIMUM_SPELLINGS = 20;
/** Different spellings are told apart by so many values of a hash; for a warning that is enough. */
const FINGERPRINTS = 65_536;

export function createComparison({ contracts, encoding }: ComparisonSettings): Comparison {
  const serials = new Map<number, number>();
  const physicalNumbers = new Map<string, number>();
  const spellings = createSpellings();
  const rounded = [
    createRoundedNumbers("customer reference", ({ customer }) => customer),
    createRoundedNumbers("physical card number", ({ physicalNumber }) => physicalNumber),
  ];
  const dayNumbers = { count: 0, line: 0, text: "" };
  const fractions = { count: 0, line: 0 };
  let foreign: { line: number; customer: string } | undefined;

  return {
    add(row) {
      const { line, serial, holder, customer, physicalNumber } = row;
      const problems: Problem[] = [];
      if (serial !== undefined) {
        const first = serials.get(serial);
        if (first === undefined) serials.set(serial, line);
        else problems.push({ line, reason: `card ${serial} is on line ${first} already; each card has one line` });
      }
      if (physicalNumber !== undefined) {
        const key = digest(physicalNumber);
        const first = physicalNumbers.get(key);
        if (first === undefined) physicalNumbers.set(key, line);
        else {
          const shown = quoted(physicalNumber);
          problems.push({ line, reason: `the physical card number ${shown} is on line ${first} already` });
        }
      }
      if (holder !== undefined && contracts.includes(holder))
        problems.push({ line, reason: `the holder address ${holder} is the collection's or the registry's own` });
      for (const numbers of rounded) numbers.add(row);

      if (row.dayNumber === true && dayNumbers.count++ === 0)
        Object.assign(dayNumbers, { line, text: row.expiryText ?? "" });
      if ([customer, physicalNumber].some((value) => /^\d+[.,]0+$/.test(value ?? "")) && fractions.count++ === 0)
        fractions.line = line;
      if (customer !== undefined) {
        spellings.add(line, customer);
        if (encoding === "GB18030" && foreign === undefined && /[^ -~]/.test(customer)) foreign = { line, customer };
      }
      return problems;
    },
    finish() {
      const warnings: string[] = [];
      if (dayNumbers.count > 0) {
        warnings.push(
          `On ${dayNumbers.count} lines, the first of them line ${dayNumbers.line}, the expiry is a spreadsheet program's number of a day (${dayNumbers.text}). Check in the summary that the dates are right; files that count from 1904 come out four years early.`,
        );
      }
      if (fractions.count > 0) {
        warnings.push(
          `On ${fractions.count} lines, the first of them line ${fractions.line}, a reference or number ends with ".0", which programs append to numbers. It counts as part of it: 100 and 100.0 are two customers.`,
        );
      }
      warnings.push(...spellings.warnings);
      if (foreign !== undefined) {
        warnings.push(
          `The file is not UTF-8 and was read as GB18030. Check that the customer reference on line ${foreign.line} is ${quoted(foreign.customer)}; otherwise export the file again as "CSV UTF-8".`,
        );
      }
      return { problems: rounded.flatMap((numbers) => numbers.problems()), warnings };
    },
  };
}

/** References that differ in upper and lower case only. */
function createSpellings(): { add(line: number, customer: string): void; warnings: string[] } {
  /** By the reference in lower case: the first line that has it, and how it is spelt there, in one number. */
  const first = new Map<string, number>();
  const warnings: string[] = [];
  return {
    warnings,
    add(line, customer) {
      if (warnings.length > MAXIMUM_SPELLINGS) return;
      const key = digest(customer.toLowerCase());
      const spelling = Number.parseInt(hash("sha256", customer).slice(0, 4), 16);
      const before = first.get(key);
      if (before === undefined) first.set(key, line * FINGERPRINTS + spelling);
      else if (before % FINGERPRINTS !== spelling) {
        warnings.push(
          `The customer reference ${quoted(customer)} on line ${line} differs from the one on line ${Math.floor(before / FINGERPRINTS)} in upper and lower case only. They count as two customers.`,
        );
      }
    },
  };
}

/**
 * Spreadsheet programs keep 15 digits of a number and make the others zeros. One long number may end so by itself; where all
 * long numbers of a column do, by a chance of less than one in a million, they were damaged.
 */
function createRoundedNumbers(title: string, read: (row: ParsedRow) => string | undefined) {
  /** All long numbers; nothing once one has shown that they are whole. */
  let long: { line: number; value: string }[] | undefined = [];
  return {
    add(row: ParsedRow): void {
      const value = read(row);
      if (long === undefined || value === undefined || !/^\d{16,}$/.test(value)) return;
      if (/^0+$/.test(value.slice(15))) long.push({ line: row.line, value });
      else long = undefined;
    },
    problems(): Problem[] {
      const zeros = long?.reduce((sum, { value }) => sum + value.length - 15, 0) ?? 0;
      if (long === undefined || zeros < 6) return [];
      return long.map(({ line, value }) => ({
        line,
        reason: `the ${title} ${quoted(value)} was rounded by the spreadsheet program, which keeps 15 digits; format the column as text and enter the values again`,
      }));
    },
  };
}

/**
 * Stands for a text of any length; the chance that two of a million texts share one is below 10^-9. Of more characters the runtime
 * would keep the whole hash.
 */
function digest(text: string): string {
  return hash("sha256", text, "base64url").slice(0, 12);
}
