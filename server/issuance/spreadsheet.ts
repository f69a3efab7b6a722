// Reads a CSV file as spreadsheet programs really write it: whichever encoding, delimiter and line ends, and with quoted
// values that span lines. Knows nothing of cards except how their columns may be called.

import { parse } from "csv-parse/sync";
import { columnNamed } from "./columns.ts";
import { IssuanceError, type Problem, quoted } from "./problems.ts";

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
  /** Records above the header, such as a title. */
  above: SpreadsheetRow[];
  /** The records below the header; those that are empty altogether are left out. */
  rows: SpreadsheetRow[];
  /** Records that could not be read. */
  problems: Problem[];
}

const DELIMITERS = [",", ";", "\t"] as const;
const MAXIMUM_BYTES = 64 * 1024 * 1024;
/** From so many lines with unclosed quotation marks on, the file is not a CSV file. */
const MAXIMUM_UNCLOSED = 100;
/** No header is longer. */
const MAXIMUM_HEADER = 200;
/** The header row is looked for in so many records, among titles and remarks. */
const MAXIMUM_ABOVE_HEADER = 20;
/** A record with so many known headers is the header row. */
const ENOUGH_HEADERS = 3;

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
  const place = headerPlace(filled);
  const [header, ...cards] = filled.slice(place);
  if (header === undefined)
    throw new IssuanceError("The file is empty. Its first row must name the columns, each further row is a card.");
  return {
    encoding,
    delimiter,
    header,
    above: filled.slice(0, place),
    rows: cards,
    problems: [...problems, ...swallowed(cards, header, delimiter)],
  };
}

function decode(bytes: Uint8Array): { encoding: Spreadsheet["encoding"]; text: string } {
  if (bytes.length > MAXIMUM_BYTES) throw new IssuanceError("The file is larger than 64 MiB. Split it.");
  const begins = (...start: number[]) => start.every((byte, index) => bytes[index] === byte);
  if (begins(0x50, 0x4b, 0x03, 0x04) || begins(0xd0, 0xcf, 0x11, 0xe0)) {
    throw new IssuanceError(
      'The file is a workbook (an Excel workbook or one of another program), not a CSV file. Open it and save it as "CSV UTF-8 (Comma delimited)".',
    );
  }
  // Web shops call HTML "Excel" and give it the ending .xls or .csv.
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 256)).trimStart();
  const compressed = begins(0x1f, 0x8b) ? "a compressed file" : undefined;
  const kind = compressed ?? OTHER_FORMATS.find(([pattern]) => pattern.test(start))?.[1];
  if (kind !== undefined) {
    throw new IssuanceError(
      `The file is ${kind}, not a CSV file. Open the list in a spreadsheet program and save it as "CSV UTF-8".`,
    );
  }
  for (const [encoding, ...mark] of [
    ["utf-16le", 0xff, 0xfe],
    ["utf-16be", 0xfe, 0xff],
  ] as const) {
    if (!begins(...mark)) continue;
    try {
      return { encoding: "UTF-16", text: new TextDecoder(encoding, { fatal: true }).decode(bytes) };
    } catch (cause) {
      throw new IssuanceError("The file is damaged: its UTF-16 text is cut off or broken. Export it again.", { cause });
    }
  }
  const zero = bytes.indexOf(0);
  if (zero !== -1) {
    const line = bytes.subarray(0, zero).reduce((lines, byte) => lines + (byte === 0x0a ? 1 : 0), 1);
    throw new IssuanceError(
      `The file is damaged or not text in UTF-8: there is a zero byte on line ${line}. Export it again as "CSV UTF-8".`,
    );
  }
  try {
    // Drops the byte order mark, if there is one.
    return { encoding: "UTF-8", text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    // What Excel writes on a Chinese Windows; it includes GBK and GB 2312.
  }
  if (isWestern(bytes)) throw unreadable();
  try {
    return { encoding: "GB18030", text: new TextDecoder("gb18030", { fatal: true }).decode(bytes) };
  } catch {
    throw unreadable();
  }
}

/**
 * Whether text that is not UTF-8 is of a Western Windows: GB18030 would make one rare character of an "ü" and the plain
 * letter after it. Of the characters that Chinese texts are made of, both bytes are above ASCII.
 */
function isWestern(bytes: Uint8Array): boolean {
  let single = 0;
  let double = 0;
  for (let index = 0; index < bytes.length; index++) {
    if ((bytes[index] ?? 0) < 0x80) continue;
    if ((bytes[index + 1] ?? 0) < 0x80) single++;
    else double++;
    index++;
  }
  return single > double;
}

/** What people give instead of a CSV file, by how it begins. */
const OTHER_FORMATS: [RegExp, string][] = [
  [/^%PDF-/, "a PDF document"],
  [/^(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|table|\?xml|meta|div|head|style)/i, "an HTML or XML document"],
  [/^(?:\xef\xbb\xbf)?\s*[[{]\s*["{[]/, "a JSON document"],
  [/^\{\\rtf/, "an RTF document"],
];

function unreadable(): IssuanceError {
  return new IssuanceError('The file is not text in UTF-8, UTF-16 or GB18030. In Excel, save it as "CSV UTF-8".');
}

/** The delimiter with which the header row makes most sense. */
function detectDelimiter(text: string): Spreadsheet["delimiter"] {
  const start = text.slice(0, 64 * 1024);
  let best: Spreadsheet["delimiter"] = ",";
  let bestScore = -1;
  for (const delimiter of DELIMITERS) {
    const filled = readRecords(start, delimiter, 1).rows.filter(({ cells }) => !isEmpty(cells));
    const cells = filled[headerPlace(filled)]?.cells ?? [];
    const score = knownHeaders(cells) * 1000 + cells.length;
    if (score > bestScore) [best, bestScore] = [delimiter, score];
  }
  return best;
}

/** Where the header row is: the first record that has enough known headers, or else the first one of all. */
function headerPlace(records: readonly SpreadsheetRow[]): number {
  const place = records.slice(0, MAXIMUM_ABOVE_HEADER).findIndex(({ cells }) => knownHeaders(cells) >= ENOUGH_HEADERS);
  return Math.max(place, 0);
}

/** How many different columns the cells of a header row name. */
function knownHeaders(cells: readonly string[]): number {
  return new Set(cells.flatMap((cell) => (cell.length > MAXIMUM_HEADER ? [] : (columnNamed(cell) ?? [])))).size;
}

/**
 * A quotation mark that is opened by mistake and closed by another one far below makes one value of all rows between them;
 * where that is a remark, the cards of those rows would be lost without a word.
 */
function swallowed(rows: readonly SpreadsheetRow[], header: SpreadsheetRow, delimiter: string): Problem[] {
  const separators = header.cells.length - 1;
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
