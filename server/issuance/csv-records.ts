// The records of CSV text, whole or as it comes in. A record knows the lines it stands on, and one whose quotation mark is never
// closed is a problem of its own line, not of the rest of the file.

import { parse } from "csv-parse/sync";
import { IssuanceError, type Problem } from "./problems.ts";
import type { SpreadsheetRow } from "./table.ts";

export const DELIMITERS = [",", ";", "\t"] as const;
export type Delimiter = (typeof DELIMITERS)[number];

/** Some records, in the order of their lines, and what could not be read between them. */
export interface RecordPart {
  rows: SpreadsheetRow[];
  problems: Problem[];
}

export interface RecordReader {
  /** Reads on. What is not complete yet comes with a later piece; the last piece completes all. Throws `IssuanceError`. */
  read(text: string, last: boolean): RecordPart;
}

/** From so many lines with unclosed quotation marks on, the file is not a CSV file. */
const MAXIMUM_UNCLOSED = 100;
/** A quotation mark that is not closed within so many characters is taken for one that never is. */
const MAXIMUM_PENDING = 1024 * 1024;

/** @param firstLine The number of the line with which the text begins. Lines must end with a line feed. */
export function createRecordReader(delimiter: Delimiter, firstLine: number): RecordReader {
  /** What was not complete. */
  let pending = "";
  let line = firstLine;
  let unclosed = 0;
  return {
    read(text, last) {
      const rows: SpreadsheetRow[] = [];
      const problems: Problem[] = [];
      pending += text;
      // Where a line has ended outside quotation marks, what comes later changes nothing about what was before.
      const end = last ? pending.length : pending.lastIndexOf("\n") + 1;
      let ready = pending.slice(0, end);
      const rest = pending.slice(end);
      if (rest.length > MAXIMUM_PENDING) throw unreadable(line);
      while (ready !== "") {
        let consumed = 0;
        try {
          parse(ready, {
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
          ready = "";
        } catch (cause) {
          if ((cause as { code?: string }).code !== "CSV_QUOTE_NOT_CLOSED") throw unreadable(line, cause);
          ready = ready.slice(consumed);
          if (!last && ready.length <= MAXIMUM_PENDING) break;
          if (unclosed === MAXIMUM_UNCLOSED) throw unreadable(line, cause);
          unclosed += 1;
          problems.push({ line, reason: "a quotation mark is opened and never closed" });
          const next = ready.indexOf("\n");
          ready = next === -1 ? "" : ready.slice(next + 1);
          line += 1;
        }
      }
      pending = ready + rest;
      return { rows, problems };
    },
  };
}

function unreadable(line: number, cause?: unknown): IssuanceError {
  return new IssuanceError(`The file cannot be read as CSV from line ${line} on.`, { cause });
}
