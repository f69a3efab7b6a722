// The process that reads a spreadsheet: see reader-process.ts.

import { type Comparison, createComparison } from "../issuance/comparison.ts";
import type { RecordPart } from "../issuance/csv-records.ts";
import { openCsv } from "../issuance/csv-stream.ts";
import { IssuanceError } from "../issuance/problems.ts";
import { parseRow, type RowSettings } from "../issuance/rows.ts";
import { tableWarnings } from "../issuance/table.ts";
import type { TableStream } from "../issuance/table-stream.ts";
import { openXlsx } from "../issuance/xlsx/stream.ts";
import { serve } from "./child.ts";
import { understand } from "./layout.ts";
import type { ReaderAnswer, ReaderFile, ReaderQuestion, ReaderRules } from "./reader-process.ts";

/** So many lines are told at once, about. */
const TOLD_LINES = 500;

interface OpenFile {
  table: TableStream;
  columns: RowSettings["columns"];
  unknown: string[];
}

interface Reading {
  parts: AsyncGenerator<RecordPart, void>;
  settings: RowSettings;
  comparison: Comparison;
  after: number;
}

let open: OpenFile | undefined;
let reading: Reading | undefined;

async function look({ path, format, choice }: ReaderFile): Promise<ReaderAnswer> {
  const table = await (format === "xlsx" ? openXlsx : openCsv)(path, choice);
  const { layout, ...understood } = understand(table, choice);
  if ("unclear" in understood) return { layout, unclear: understood.unclear };
  open = { table, ...understood };
  return { layout, unclear: undefined };
}

function begin({ maxSupply, timeZone, contracts, after }: ReaderRules): ReaderAnswer {
  if (open === undefined) throw new Error("No file was opened");
  const { table, columns } = open;
  reading = {
    parts: table.parts(),
    settings: { columns, width: table.header.cells.length, maxSupply, timeZone },
    comparison: createComparison({ contracts, encoding: table.encoding }),
    after,
  };
  return "ready";
}

async function next(): Promise<ReaderAnswer> {
  if (open === undefined || reading === undefined) throw new Error("It is not known what to read");
  const { parts, settings, comparison, after } = reading;
  const lines: Extract<ReaderAnswer, { rows: unknown }> = { rows: [], problems: [] };
  while (lines.rows.length + lines.problems.length < TOLD_LINES) {
    const part = await parts.next();
    if (part.done === true) break;
    const problems = [...part.value.problems];
    for (const cells of part.value.rows) {
      const row = parseRow(cells, settings, problems);
      problems.push(...comparison.add(row));
      if (row.line > after) lines.rows.push(row);
    }
    lines.problems.push(...problems.filter(({ line }) => line > after));
  }
  if (lines.rows.length + lines.problems.length > 0) return lines;
  const { table, unknown } = open;
  const { problems, warnings } = comparison.finish();
  const first = tableWarnings({ unknown, above: table.above, header: table.header });
  return { end: { problems, warnings: [...first, ...table.warnings, ...warnings] } };
}

async function answer(question: ReaderQuestion): Promise<ReaderAnswer> {
  try {
    if (question === "next") return await next();
    return "file" in question ? await look(question.file) : begin(question.rules);
  } catch (error) {
    if (error instanceof IssuanceError) return { refused: error.message };
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "missing";
    throw error;
  }
}

serve((question) => answer(question as ReaderQuestion));
