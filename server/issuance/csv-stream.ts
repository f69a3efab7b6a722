// Reads a CSV file of any size, by the rules of spreadsheet.ts. It is read twice: once to learn its encoding, since only the whole
// file tells, and once for its records.

import { createReadStream } from "node:fs";
import { createRecordReader, type RecordPart } from "./csv-records.ts";
import { createEncodingDetector } from "./encoding.ts";
import { beginning, DELIMITER_CHARACTERS } from "./spreadsheet.ts";
import { swallowed } from "./table.ts";
import { findTable, type TableChoice, type TableStream } from "./table-stream.ts";

/** So much is looked at in one go; between two of them others have their turn. */
const PIECE_BYTES = 64 * 1024;

/** Opens a file. Throws `IssuanceError` if it is not a CSV file with a header row. */
export async function openCsv(file: string, choice: TableChoice = {}): Promise<TableStream> {
  const detector = createEncodingDetector();
  for await (const piece of pieces(file)) detector.push(piece);
  const { encoding, label } = detector.finish();

  const text = lines(file, label);
  let start = "";
  while (start.length < DELIMITER_CHARACTERS) {
    const next = await text.next();
    if (next.done === true) break;
    start += next.value;
  }
  const { delimiter, firstLine, length } = beginning(start);
  const reader = createRecordReader(delimiter, firstLine);
  async function* records(): AsyncGenerator<RecordPart, void> {
    yield reader.read(start.slice(length), false);
    for await (const piece of text) yield reader.read(piece, false);
    yield reader.read("", true);
  }
  const table = await findTable(records(), choice);
  return {
    ...table,
    encoding,
    async close() {
      await table.close();
      await text.return();
    },
    sheets: [],
    warnings: [],
    async *parts() {
      for await (const { rows, problems } of table.parts())
        yield { rows, problems: [...problems, ...swallowed(rows, table.header.cells.length, delimiter)] };
    },
  };
}

function pieces(file: string): AsyncIterable<Buffer> {
  return createReadStream(file, { highWaterMark: PIECE_BYTES });
}

/** The text with one kind of line end. */
async function* lines(file: string, label: string): AsyncGenerator<string, void> {
  const decoder = new TextDecoder(label, { fatal: true });
  /** A carriage return at a piece's end may be the first half of a line end. */
  let held = "";
  for await (const piece of pieces(file)) {
    const text = held + decoder.decode(piece, { stream: true });
    held = text.endsWith("\r") ? "\r" : "";
    yield text.slice(0, text.length - held.length).replace(/\r\n?/g, "\n");
  }
  yield (held + decoder.decode()).replace(/\r\n?/g, "\n");
}
