// How a spreadsheet is laid out: what its columns were found to mean, or were said to mean by whoever uploaded it.

import { COLUMN_TITLES, type ColumnName, type Columns, columnNamed, findColumns } from "../issuance/columns.ts";
import { IssuanceError } from "../issuance/problems.ts";
import type { TableStream } from "../issuance/table-stream.ts";

/** What whoever uploaded a file has said about it. */
export interface LayoutChoice {
  sheet?: string | undefined;
  headerLine?: number | undefined;
  /** The position of the column that means this, from 1 on; null where no column does, whatever its header. */
  columns?: Partial<Record<ColumnName, number | null>> | undefined;
}

/** What was found. */
export interface Layout {
  /** Nothing for a workbook. */
  encoding: string | null;
  sheet: string | null;
  sheets: string[];
  headerLine: number;
  columns: { position: number; header: string; samples: string[]; meaning: ColumnName | null }[];
}

export type Understanding = { layout: Layout } & (
  | { columns: Columns; unknown: string[] }
  /** What is missing or not clear, in a sentence. */
  | { unclear: string }
);

const SAMPLES = 3;
const SHOWN_CHARACTERS = 100;
const SHOWN_COLUMNS = 100;
const SHOWN_SHEETS = 100;

export const COLUMN_NAMES = Object.keys(COLUMN_TITLES) as ColumnName[];

export function understand(table: TableStream, choice: LayoutChoice): Understanding {
  const { cells } = table.header;
  const chosen = new Map<number, ColumnName>();
  const settled = new Set<ColumnName>();
  for (const name of COLUMN_NAMES) {
    const position = choice.columns?.[name];
    if (position === undefined) continue;
    settled.add(name);
    if (position !== null) chosen.set(position - 1, name);
  }
  const meanings = cells.map((header, index): ColumnName | null => {
    const name = chosen.get(index) ?? columnNamed(header);
    return name === undefined || (settled.has(name) && chosen.get(index) !== name) ? null : name;
  });
  const layout: Layout = {
    encoding: table.encoding ?? null,
    sheet: table.sheet ?? null,
    sheets: table.sheets.slice(0, SHOWN_SHEETS),
    headerLine: table.header.line,
    columns: cells.slice(0, SHOWN_COLUMNS).map((header, index) => ({
      position: index + 1,
      header: shown(header),
      samples: table.samples
        .map((row) => shown(row.cells[index] ?? ""))
        .filter((sample) => sample !== "")
        .slice(0, SAMPLES),
      meaning: meanings[index] ?? null,
    })),
  };
  // As if the headers said what was chosen, so that there is one rule for what must be there.
  const headers = cells.map((header, index) => {
    const meaning = meanings[index];
    if (meaning !== null && meaning !== undefined) return chosen.has(index) ? COLUMN_TITLES[meaning] : header;
    return columnNamed(header) === undefined ? header : "";
  });
  const beyond = [...chosen.keys()].find((index) => index >= cells.length);
  try {
    if (beyond !== undefined)
      throw new IssuanceError(`There is no column ${beyond + 1}: the header row has ${cells.length} columns.`);
    return { layout, ...findColumns(headers) };
  } catch (error) {
    if (!(error instanceof IssuanceError)) throw error;
    return { layout, unclear: error.message };
  }
}

function shown(text: string): string {
  const line = text.trim();
  return line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line;
}
