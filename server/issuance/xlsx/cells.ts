// What a cell of a workbook says, as the text that a person would have written into a CSV file.

import type { CellMark } from "../table.ts";
import type { SharedStrings } from "./shared-strings.ts";
import type { ShowsDate } from "./styles.ts";

/** A cell as the sheet's XML has it. */
export interface RawCell {
  type: string | undefined;
  style: number;
  /** The value; nothing where there is none. */
  value: string | undefined;
  /** The text of a cell that holds its own. */
  inline: string | undefined;
  /** The formula; nothing where there is none. */
  formula: string | undefined;
}

export interface CellContext {
  strings: SharedStrings;
  showsDate: ShowsDate;
  /** Whether days are counted from 1904 instead of 1900. */
  from1904: boolean;
}

export interface CellText {
  text: string;
  mark?: CellMark;
}

const DAY_MS = 86_400_000;
/** Days are counted from here: 1900 was no leap year, which spreadsheet programs do not know, so that 1 March 1900 is 61. */
const EPOCH_1900 = Date.UTC(1899, 11, 30);
const DAYS_TO_1904 = 1462;
const LAST_DAY = 2_958_465;
/** Spreadsheet programs keep so many digits of a number. */
const DIGITS = 15;

export function cellText(cell: RawCell, context: CellContext): CellText {
  const { type, value, inline, formula } = cell;
  if (inline !== undefined) return { text: inline };
  if (value === undefined || (value === "" && formula !== undefined && type !== "str"))
    return formula === undefined ? { text: "" } : { text: `=${formula}`, mark: "uncalculated" };
  switch (type) {
    case "s":
      return { text: context.strings.at(Number(value)) };
    case "b":
      return { text: value === "1" ? "TRUE" : "FALSE" };
    case "d":
      return { text: value, mark: "date" };
    case "str":
    case "e":
    case "inlineStr":
      return { text: value };
    default:
      return numberText(value, cell.style, context);
  }
}

function numberText(value: string, style: number, { showsDate, from1904 }: CellContext): CellText {
  const number = Number(value);
  if (value.trim() === "" || !Number.isFinite(number)) return { text: value };
  if (showsDate(style)) {
    const day = number + (from1904 ? DAYS_TO_1904 : 0);
    if (day >= 1 && day < LAST_DAY + 1) return { text: dateText(day), mark: "date" };
  }
  // What a longer number ended with is lost, which its scientific notation shows.
  if (Math.abs(number) >= 10 ** DIGITS) return { text: number.toExponential().toUpperCase() };
  return { text: String(Number(number.toPrecision(DIGITS))) };
}

function dateText(day: number): string {
  const moment = new Date(Math.round((EPOCH_1900 + day * DAY_MS) / 1000) * 1000).toISOString();
  const [date = "", time = ""] = moment.split("T");
  return time.startsWith("00:00:00") ? date : `${date} ${time.slice(0, 8)}`;
}
