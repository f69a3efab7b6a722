// A spreadsheet of any size, row by row: its header row is found as in one that is held whole, and no more rows are in memory
// than those that are being looked at.

import type { RecordPart } from "./csv-records.ts";
import type { Encoding } from "./encoding.ts";
import type { Problem } from "./problems.ts";
import { emptyFile } from "./spreadsheet.ts";
import { headerPlace, isEmpty, MAXIMUM_ABOVE_HEADER, type SpreadsheetRow } from "./table.ts";

export interface TableStream {
  /** How the text is encoded; nothing for a workbook. */
  encoding?: Encoding;
  /** Which sheet of a workbook it is. */
  sheet?: string;
  /** The names of all sheets that can be chosen; empty for a text file. */
  sheets: string[];
  header: SpreadsheetRow;
  /** Records above the header, such as a title. */
  above: SpreadsheetRow[];
  /** The first records below the header, as samples of what the columns hold. */
  samples: SpreadsheetRow[];
  /** The records below the header without the empty ones, in order, and what could not be read. To be called once. */
  parts(): AsyncGenerator<RecordPart, void>;
  /** What is odd about the file. Complete once all parts were read. */
  warnings: string[];
  /** Lets go of the file. */
  close(): Promise<void>;
}

/** Which row names the columns, where it is not the one that looks like it. */
export interface TableChoice {
  headerLine?: number | undefined;
  /** The sheet of a workbook. */
  sheet?: string | undefined;
}

/** Finds the header row among records as they come. Throws `IssuanceError` if there are none. */
export async function findTable(
  records: AsyncGenerator<RecordPart, void>,
  { headerLine }: TableChoice,
): Promise<Pick<TableStream, "header" | "above" | "samples" | "parts" | "close">> {
  const first: SpreadsheetRow[] = [];
  const problems: Problem[] = [];
  while (first.length <= 2 * MAXIMUM_ABOVE_HEADER) {
    const next = await records.next();
    if (next.done === true) break;
    first.push(...filled(next.value.rows));
    problems.push(...next.value.problems);
  }
  const chosen = first.findIndex(({ line }) => line === headerLine);
  const place = chosen === -1 ? headerPlace(first) : chosen;
  const header = first[place];
  if (header === undefined) {
    await records.return();
    throw emptyFile();
  }
  const below = first.slice(place + 1);
  return {
    header,
    above: first.slice(0, place),
    samples: below.slice(0, MAXIMUM_ABOVE_HEADER),
    async *parts() {
      yield { rows: below, problems };
      for await (const part of records) yield { rows: filled(part.rows), problems: part.problems };
    },
    close: async () => void (await records.return()),
  };
}

export function filled(rows: readonly SpreadsheetRow[]): SpreadsheetRow[] {
  return rows.filter(({ cells }) => !isEmpty(cells));
}
