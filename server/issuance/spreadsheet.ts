// Reads a CSV file as spreadsheet programs really write it: whichever encoding, delimiter and line ends, and with quoted
// values that span lines. This is for a file that is held whole; csv-stream.ts reads one of any size by the same rules.

import { createRecordReader, DELIMITERS, type Delimiter } from "./csv-records.ts";
import { type Encoding, encodingOf } from "./encoding.ts";
import { IssuanceError, type Problem } from "./problems.ts";
import { headerPlace, isEmpty, knownHeaders, type SpreadsheetRow, swallowed } from "./table.ts";

export interface Spreadsheet {
  encoding: Encoding;
  delimiter: Delimiter;
  header: SpreadsheetRow;
  /** Records above the header, such as a title. */
  above: SpreadsheetRow[];
  /** The records below the header; those that are empty altogether are left out. */
  rows: SpreadsheetRow[];
  /** Records that could not be read. */
  problems: Problem[];
}

const MAXIMUM_BYTES = 64 * 1024 * 1024;
/** The delimiter shows in the beginning. */
export const DELIMITER_CHARACTERS = 64 * 1024;

/** Reads a file. Throws {@link IssuanceError} if it is not a CSV file with a header row. */
export function readSpreadsheet(bytes: Uint8Array): Spreadsheet {
  if (bytes.length > MAXIMUM_BYTES) throw new IssuanceError("The file is larger than 64 MiB. Split it.");
  const { encoding, label } = encodingOf(bytes);
  // Drops the byte order mark, if there is one. Which line end it was matters to nobody, and one kind makes lines countable.
  const lines = new TextDecoder(label, { fatal: true }).decode(bytes).replace(/\r\n?/g, "\n");
  const { delimiter, firstLine, length } = beginning(lines);
  const { rows, problems } = createRecordReader(delimiter, firstLine).read(lines.slice(length), true);
  const filled = rows.filter(({ cells }) => !isEmpty(cells));
  const place = headerPlace(filled);
  const [header, ...cards] = filled.slice(place);
  if (header === undefined) throw emptyFile();
  return {
    encoding,
    delimiter,
    header,
    above: filled.slice(0, place),
    rows: cards,
    problems: [...problems, ...swallowed(cards, header.cells.length, delimiter)],
  };
}

export function emptyFile(): IssuanceError {
  return new IssuanceError("The file is empty. Its first row must name the columns, each further row is a card.");
}

/**
 * How the values are separated, as a file's first lines tell, and where its records begin: after Excel's own first line, by
 * which a file announces its separator.
 */
export function beginning(text: string): { delimiter: Delimiter; firstLine: number; length: number } {
  const announced = /^"?sep=(.)"?[,;\t]*\n/i.exec(text);
  if (announced === null) return { delimiter: detectDelimiter(text), firstLine: 1, length: 0 };
  const delimiter = DELIMITERS.find((one) => one === announced[1]);
  if (delimiter === undefined)
    throw new IssuanceError("The file's first line announces a separator other than comma, semicolon or tab.");
  return { delimiter, firstLine: 2, length: announced[0].length };
}

/** The delimiter with which the header row makes most sense. */
function detectDelimiter(text: string): Delimiter {
  const start = text.slice(0, DELIMITER_CHARACTERS);
  let best: Delimiter = ",";
  let bestScore = -1;
  for (const delimiter of DELIMITERS) {
    const filled = createRecordReader(delimiter, 1)
      .read(start, true)
      .rows.filter(({ cells }) => !isEmpty(cells));
    const cells = filled[headerPlace(filled)]?.cells ?? [];
    const score = knownHeaders(cells) * 1000 + cells.length;
    if (score > bestScore) [best, bestScore] = [delimiter, score];
  }
  return best;
}
