// Reads a CSV file as spreadsheet programs really write it: whichever encoding, delimiter and line ends, and with quoted
// values that span lines. Knows nothing of cards except how their columns may be called.

import { parse } from "csv-parse/sync";
import { columnNamed } from "./columns.ts";
import { IssuanceError, type Problem } from "./problems.ts";

export interface SpreadsheetRow {
  /** The line of the file on which the record begins, as an editor counts. */
  line: number;
  /** The line on which it ends; another one only where a quoted value contains line breaks. */
  lastLine: number;
  cells: string[];
}

export interface Spreadsheet {
  encoding: "UTF-8" | "UTF-16" | "GB18030";
  delimiter: "," | ";" | "\t";
  header: SpreadsheetRow;
  /** The records below the header; those that are empty altogether are left out. */
  rows: SpreadsheetRow[];
  /** Records that could not be read. */
  problems: Problem[];
}

const DELIMITERS = [",", ";", "\t"] as const;
const MAXIMUM_BYTES = 64 * 1024 * 1024;
/** From so many lines with unclosed quotation marks on, the file is not a CSV file. */
const MAXIMUM_UNCLOSED = 100;

/** Reads a file. Throws {@link IssuanceError} if it is not a CSV file with a header row. */
export function readSpreadsheet(bytes: Uint8Array): Spreadsheet {
  const { encoding, text } = decode(bytes);
  // Which line end it was matters to nobody, and one kind makes lines countable.
  let lines = text.replace(/\r\n?/g, "\n");
  let skipped = 0;
  // Excel's own first line, by which a file says how its values are separated.
  const announced = /^"?sep=(.)"?[,;\t]*\n/i.exec(lines);
  if (announced !== null) {
    lines = lines.slice(announced[0].length);
    skipped = 1;
    if (!DELIMITERS.some((delimiter) => delimiter === announced[1]))
      throw new IssuanceError("The file's first line announces a separator other than comma, semicolon or tab.");
  }
  const delimiter = DELIMITERS.find((one) => one === announced?.[1]) ?? detectDelimiter(lines);
  const { rows, problems } = readRecords(lines, delimiter, skipped + 1);
  const filled = rows.filter(({ cells }) => !isEmpty(cells));
  const header = filled.shift();
  if (header === undefined)
    throw new IssuanceError("The file is empty. Its first row must name the columns, each further row is a card.");
  return { encoding, delimiter, header, rows: filled, problems };
}

function decode(bytes: Uint8Array): { encoding: Spreadsheet["encoding"]; text: string } {
  if (bytes.length > MAXIMUM_BYTES) throw new IssuanceError("The file is larger than 64 MiB. Split it.");
  const begins = (...start: number[]) => start.every((byte, index) => bytes[index] === byte);
  if (begins(0x50, 0x4b, 0x03, 0x04) || begins(0xd0, 0xcf, 0x11, 0xe0)) {
    throw new IssuanceError(
      'The file is an Excel workbook, not a CSV file. In Excel, save it as "CSV UTF-8 (Comma delimited)".',
    );
  }
  if (begins(0xff, 0xfe)) return { encoding: "UTF-16", text: new TextDecoder("utf-16le").decode(bytes) };
  if (begins(0xfe, 0xff)) return { encoding: "UTF-16", text: new TextDecoder("utf-16be").decode(bytes) };
  if (bytes.subarray(0, 4096).includes(0)) throw unreadable();
  try {
    // Drops the byte order mark, if there is one.
    return { encoding: "UTF-8", text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    // What Excel writes on a Chinese Windows; it includes GBK and GB 2312.
  }
  try {
    return { encoding: "GB18030", text: new TextDecoder("gb18030", { fatal: true }).decode(bytes) };
  } catch {
    throw unreadable();
  }
}

function unreadable(): IssuanceError {
  return new IssuanceError('The file is not text in UTF-8, UTF-16 or GB18030. In Excel, save it as "CSV UTF-8".');
}

/** The delimiter with which the header row makes most sense. */
function detectDelimiter(text: string): Spreadsheet["delimiter"] {
  const start = text.slice(0, 64 * 1024);
  let best: Spreadsheet["delimiter"] = ",";
  let bestScore = -1;
  for (const delimiter of DELIMITERS) {
    const header = readRecords(start, delimiter, 1).rows.find(({ cells }) => !isEmpty(cells));
    const cells = header?.cells ?? [];
    const score = cells.filter((cell) => columnNamed(cell) !== undefined).length * 1000 + cells.length;
    if (score > bestScore) [best, bestScore] = [delimiter, score];
  }
  return best;
}

/** Whether a record says nothing. Read with the wrong delimiter, an empty one is a cell full of the right one. */
function isEmpty(cells: readonly string[]): boolean {
  return cells.every((cell) => /^[\s,;]*$/.test(cell));
}

/** Reads all records. One whose quotation mark is never closed is a problem of its own line, not of the rest of the file. */
function readRecords(
  text: string,
  delimiter: Spreadsheet["delimiter"],
  firstLine: number,
): { rows: SpreadsheetRow[]; problems: Problem[] } {
  const rows: SpreadsheetRow[] = [];
  const problems: Problem[] = [];
  let rest = text;
  let line = firstLine;
  for (;;) {
    let consumed = 0;
    try {
      parse(rest, {
        delimiter,
        record_delimiter: "\n",
        raw: true,
        relax_column_count: true,
        relax_quotes: true,
        on_record: (record) => {
          // With the option `raw` a record comes with its text, which the type of this hook does not know.
          const { raw, record: cells } = record as unknown as { raw: string; record: string[] };
          const breaks = raw.split("\n").length - 1;
          // The last record of a file may lack its line end.
          const lastLine = line + (raw.endsWith("\n") ? breaks - 1 : breaks);
          rows.push({ line, lastLine, cells });
          line += breaks;
          consumed += raw.length;
          return null;
        },
      });
      return { rows, problems };
    } catch (cause) {
      if ((cause as { code?: string }).code !== "CSV_QUOTE_NOT_CLOSED" || problems.length === MAXIMUM_UNCLOSED)
        throw new IssuanceError(`The file cannot be read as CSV from line ${line} on.`, { cause });
      problems.push({ line, reason: "a quotation mark is opened and never closed" });
      const next = rest.indexOf("\n", consumed);
      if (next === -1) return { rows, problems };
      rest = rest.slice(next + 1);
      line += 1;
    }
  }
}
