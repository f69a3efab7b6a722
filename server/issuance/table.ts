// What a spreadsheet is, whichever file it came from: a header row, and a card in each row below it. Knows nothing of cards
// except how their columns may be called.

import { columnNamed } from "./columns.ts";
import { IssuanceError, type Problem, quoted } from "./problems.ts";

export interface SpreadsheetRow {
  /** The line of the file on which the record begins, as an editor counts; of a workbook, the number of the row. */
  line: number;
  /** The line on which it ends; another one only where a quoted value contains line breaks. */
  lastLine: number;
  cells: string[];
  /** What a workbook knows of a cell beyond its text, by the cell's place. */
  marks?: Record<number, CellMark>;
}

/** A cell that holds a date, or a formula whose value the file does not have. */
export type CellMark = "date" | "uncalculated";

/** No header is longer. */
const MAXIMUM_HEADER = 200;
/** The header row is looked for in so many records, among titles and remarks. */
export const MAXIMUM_ABOVE_HEADER = 20;
/** How many unknown columns are named. */
const SHOWN_UNKNOWN = 20;
/** A record with so many known headers is the header row. */
const ENOUGH_HEADERS = 3;

/** Where the header row is: the first record that has enough known headers, or else the first one of all. */
export function headerPlace(records: readonly SpreadsheetRow[]): number {
  return Math.max(knownHeaderPlace(records), 0);
}

/** Where the header row is; -1 if no record has enough known headers. */
export function knownHeaderPlace(records: readonly SpreadsheetRow[]): number {
  return records.slice(0, MAXIMUM_ABOVE_HEADER).findIndex(({ cells }) => knownHeaders(cells) >= ENOUGH_HEADERS);
}

/** How many different columns the cells of a header row name. */
export function knownHeaders(cells: readonly string[]): number {
  return new Set(cells.flatMap((cell) => (cell.length > MAXIMUM_HEADER ? [] : (columnNamed(cell) ?? [])))).size;
}

/** Whether a record says nothing. Read with the wrong delimiter, an empty one is a cell full of the right one. */
export function isEmpty(cells: readonly string[]): boolean {
  return cells.every((cell) => /^[\s,;]*$/.test(cell));
}

/**
 * A quotation mark that is opened by mistake and closed by another one far below makes one value of all rows between them;
 * where that is a remark, the cards of those rows would be lost without a word.
 */
export function swallowed(rows: readonly SpreadsheetRow[], width: number, delimiter: string): Problem[] {
  const separators = width - 1;
  return rows.flatMap(({ line, lastLine, cells }) => {
    if (lastLine === line) return [];
    const value = cells.find((cell) =>
      cell
        .split("\n")
        .slice(1)
        .some((inner) => inner.split(delimiter).length > Math.max(separators, 2)),
    );
    return value === undefined
      ? []
      : [
          {
            line,
            reason: `the value ${quoted(value)} goes on to line ${lastLine} and holds what look like rows of cards; a quotation mark is missing or too many`,
          },
        ];
  });
}

export function noCards(): IssuanceError {
  return new IssuanceError("The file has a header row and no cards below it. Add a row for each card.");
}

/** What of a table is not used, which its author may not know. */
export function tableWarnings(table: {
  /** The headers that are not known. */
  unknown: readonly string[];
  above: readonly SpreadsheetRow[];
  header: SpreadsheetRow;
}): string[] {
  const { unknown, header } = table;
  const warnings = unknown
    .slice(0, SHOWN_UNKNOWN)
    .map((text) => `The column ${quoted(text)} is not known and is not used.`);
  if (unknown.length > SHOWN_UNKNOWN)
    warnings.push(`${unknown.length - SHOWN_UNKNOWN} more columns are not known and are not used.`);
  const [above] = table.above;
  if (above !== undefined) {
    const text = quoted(above.cells.filter((cell) => cell.trim() !== "").join(" "));
    warnings.push(`The header row is taken to be line ${header.line}; what stands above it is not used (${text}).`);
  }
  return warnings;
}
