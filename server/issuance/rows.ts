// One line of a spreadsheet → one card, or everything that is wrong with the line. Looks at nothing but the line.

import { getAddress } from "ethers";
import { COLUMN_TITLES, type ColumnName, type Columns } from "./columns.ts";
import { parseExpiry } from "./expiry.ts";
import { InvalidReference, normalizeReference } from "./holder-derivation.ts";
import { type Problem, quoted } from "./problems.ts";
import type { CellMark, SpreadsheetRow } from "./table.ts";

/** What a line says. A member is absent where the line does not say it or says it wrongly. */
export interface ParsedRow {
  line: number;
  /** Whether nothing is wrong with the line itself; then serial, tier, expiry and either holder or customer are there. */
  sound: boolean;
  serial?: number;
  /** Checksummed. */
  holder?: string;
  /** Normalized. */
  customer?: string;
  tier?: number;
  /** In seconds since the Unix epoch; 0 for never. */
  expiresAt?: number;
  /** The expiry as it stands in the file. */
  expiryText?: string;
  /** Whether the expiry was a spreadsheet program's number of a day. */
  dayNumber?: boolean;
  /** The number on the physical card, normalized. */
  physicalNumber?: string;
}

export interface RowSettings {
  columns: Columns;
  /** How many columns the header row has. */
  width: number;
  maxSupply: number;
  timeZone: string;
}

/** Reads one line and appends what is wrong with it to `problems`. */
export function parseRow(row: SpreadsheetRow, settings: RowSettings, problems: Problem[]): ParsedRow {
  const { columns, maxSupply, timeZone } = settings;
  const { line } = row;
  const before = problems.length;
  const parsed: ParsedRow = { line, sound: false };
  const wrong = (reason: string): void => void problems.push({ line, reason });

  if (row.cells.slice(settings.width).some((cell) => cell.trim() !== "")) {
    wrong(
      `has ${row.cells.length} values for ${settings.width} columns; a value that contains the separator must stand in quotation marks`,
    );
  }

  /** The cell's text; nothing if it is empty, or spoilt, which is then reported. */
  function read(name: ColumnName): string | undefined {
    const index = columns[name];
    const text = index === undefined ? "" : plain(row.cells[index] ?? "");
    if (text === "") return undefined;
    const damage = damageOf(row.marks?.[index ?? -1], name) ?? spoiltBySpreadsheet(text, name);
    if (damage === undefined) return text;
    wrong(`the ${english(name)} ${quoted(text)} ${damage}`);
    spoilt.add(name);
    return undefined;
  }
  const spoilt = new Set<ColumnName>();

  const serial = read("serial");
  if (serial !== undefined) {
    const outcome = parseSerial(serial, maxSupply);
    if (typeof outcome === "string") wrong(outcome);
    else parsed.serial = outcome;
  } else if (!spoilt.has("serial")) wrong("has no card number");

  const holder = read("holder");
  const customer = read("customer");
  if (holder !== undefined && customer !== undefined) {
    wrong("has both a holder address and a customer reference; give one of them");
  } else if (holder === undefined && customer === undefined && !spoilt.has("holder") && !spoilt.has("customer")) {
    wrong("has neither a holder address nor a customer reference");
  }
  if (holder !== undefined) {
    const outcome = parseAddress(holder);
    if ("reason" in outcome) wrong(outcome.reason);
    else parsed.holder = outcome.address;
  }
  if (customer !== undefined) {
    if (/^0x[0-9a-f]{40}$/i.test(customer))
      wrong(`the customer reference ${quoted(customer)} is an address; it belongs in the column for holder addresses`);
    else {
      const reference = readReference("customer", customer);
      if (reference !== undefined) parsed.customer = reference;
    }
  }

  const tier = read("tier");
  if (tier !== undefined) {
    const digits = /^(\d+)(?:\.0+)?$/.exec(tier.normalize("NFKC"))?.[1];
    if (digits === undefined || Number(digits) > 255)
      wrong(`the tier ${quoted(tier)} is not a whole number from 0 to 255`);
    else parsed.tier = Number(digits);
  } else if (!spoilt.has("tier")) wrong("has no tier");

  const expiryText = read("expiry");
  if (!spoilt.has("expiry")) {
    const expiry = parseExpiry(expiryText ?? "", timeZone);
    if (expiryText !== undefined) parsed.expiryText = expiryText;
    switch (expiry.kind) {
      case "never":
        parsed.expiresAt = 0;
        break;
      case "at":
        parsed.expiresAt = expiry.expiresAt;
        if (expiry.dayNumber === true) parsed.dayNumber = true;
        break;
      case "unclear":
        wrong(expiry.reason);
    }
  }

  const physical = read("physical");
  if (physical !== undefined) {
    const number = readReference("physical", physical);
    if (number !== undefined) parsed.physicalNumber = number;
  }

  function readReference(name: "customer" | "physical", text: string): string | undefined {
    // Different references become the same where their letters were lost, and with them different customers.
    if (/\ufffd|\?\?/.test(text)) {
      wrong(
        `the ${english(name)} ${quoted(text)} contains "\ufffd" or "??", which is left of letters that were lost in saving; export the file again as "CSV UTF-8"`,
      );
      return undefined;
    }
    try {
      return normalizeReference(text);
    } catch (error) {
      if (!(error instanceof InvalidReference)) throw error;
      const lines = row.lastLine > row.line ? ` (the record goes from line ${row.line} to line ${row.lastLine})` : "";
      const hint =
        row.lastLine > row.line || /line break|longer/.test(error.message) ? "; is a quotation mark missing?" : "";
      wrong(`the ${english(name)} ${quoted(text)} ${error.message}${hint}${lines}`);
      return undefined;
    }
  }

  parsed.sound = problems.length === before;
  return parsed;
}

/** `42`, `0042`, `No. 0042`, `0042/5000`, `1,042`: the serial, or what is wrong. */
function parseSerial(text: string, maxSupply: number): number | string {
  const match =
    /^(?:(?:no|nr|n°|编号|第|#)[.:\s]*)?(\d{1,3}(?:,\d{3})+|\d+)(?:\.0+)?\s*[号號]?(?:\s*\/\s*(\d[\d,]*))?$/i.exec(
      text.normalize("NFKC"),
    );
  if (match?.[1] === undefined)
    return `the card number ${quoted(text)} is not a number; write it like 42, 0042, No. 0042 or 0042/${maxSupply}`;
  if (/\d\.000\b/.test(text.normalize("NFKC")))
    return `the card number ${quoted(text)} may mean ${match[1]} or ${match[1]} thousand; write it without separators, like 42 or 0042`;
  const serial = Number(match[1].replaceAll(",", ""));
  if (match[2] !== undefined && Number(match[2].replaceAll(",", "")) !== maxSupply)
    return `the card number ${quoted(text)} is of an edition of ${match[2]}, but this edition has ${maxSupply} cards`;
  if (serial < 1 || serial > maxSupply)
    return `the card number ${quoted(text)} is not within 1 to ${maxSupply}, the size of the edition`;
  return serial;
}

function parseAddress(text: string): { address: string } | { reason: string } {
  const shown = `the holder address ${quoted(text)}`;
  if (/^[0-9a-f]{40}$/i.test(text)) return { reason: `${shown} lacks the 0x at its beginning` };
  if (!/^0x[0-9a-f]{40}$/i.test(text)) {
    const digits = /^0x([0-9a-f]*)$/i.exec(text)?.[1]?.length;
    return digits === undefined
      ? { reason: `${shown} is not an address; write it as 0x and 40 hexadecimal digits, and nothing else in the cell` }
      : { reason: `${shown} has ${digits} digits after 0x instead of 40; it was cut off or is something else` };
  }
  if (/^0x0{40}$/i.test(text)) return { reason: `${shown} is the zero address, which nobody holds` };
  const hexadecimal = text.slice(2);
  const address = getAddress(`0x${hexadecimal.toLowerCase()}`);
  // Without mixed case there is no checksum to verify (ERC-55).
  const unchecked = hexadecimal === hexadecimal.toLowerCase() || hexadecimal === hexadecimal.toUpperCase();
  if (!unchecked && address.slice(2) !== hexadecimal)
    return {
      reason: `${shown} has a wrong checksum: at least one character is mistyped; copy it again from its source`,
    };
  return { address };
}

/** The value that the cell shows: without the tricks that force a spreadsheet program to keep a text as it is. */
function plain(cell: string): string {
  const text = cell.replace(
    /^[\u200b-\u200f\u202a-\u202e\u2060\ufeff\s]+|[\u200b-\u200f\u202a-\u202e\u2060\ufeff\s]+$/g,
    "",
  );
  return (/^="(.*)"$/s.exec(text)?.[1] ?? text.replace(/^'(?=.)/, "")).trim();
}

const AGAIN = "format the column as text and enter the value again";
const TURNED_INTO_DATE = `was turned into a date by the spreadsheet program; ${AGAIN}`;

/** What a workbook says that it did to a value; completes "the … "x" …". */
function damageOf(mark: CellMark | undefined, name: ColumnName): string | undefined {
  if (mark === "date" && name !== "expiry") return TURNED_INTO_DATE;
  if (mark === "uncalculated")
    return "is a formula whose value the file does not hold; open the file in a spreadsheet program and save it again";
  return undefined;
}

const MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec";
const AS_DATE = new RegExp(`^(?:\\d{1,2}-(?:${MONTHS})|(?:${MONTHS})-\\d{2}|\\d{1,2}月\\d{1,2}日)$`, "i");

/** What a spreadsheet program did to a value, if it is plain that it did; completes "the … "x" …". */
function spoiltBySpreadsheet(text: string, name: ColumnName): string | undefined {
  if (/^#(?:N\/A|REF!|VALUE!|NAME\?|DIV\/0!|NUM!|NULL!|SPILL!|CALC!|GETTING_DATA)$/i.test(text))
    return "is an error of the spreadsheet program; correct the formula behind it";
  if (/^#{2,}$/.test(text)) return "was cut off by the spreadsheet program; widen the column and export again";
  if (/^[+-]?\d(?:\.\d+)?E[+-]\d{2,}$/i.test(text))
    return `was changed to scientific notation by the spreadsheet program, and digits are lost; ${AGAIN}`;
  if (name !== "expiry" && AS_DATE.test(text)) return TURNED_INTO_DATE;
  return undefined;
}

function english(name: ColumnName): string {
  return COLUMN_TITLES[name].split(" / ")[0] ?? name;
}
