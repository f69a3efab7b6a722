// Reads an XLSX workbook of any size, row by row, by the rules that hold for CSV files too: see table-stream.ts. The line of a row is
// its number, as spreadsheet programs show it.

import { open } from "node:fs/promises";
import type { RecordPart } from "../csv-records.ts";
import { IssuanceError, quoted } from "../problems.ts";
import { emptyFile } from "../spreadsheet.ts";
import { knownHeaderPlace, MAXIMUM_ABOVE_HEADER, type SpreadsheetRow } from "../table.ts";
import { filled, findTable, type TableChoice, type TableStream } from "../table-stream.ts";
import { type CellContext, cellText, type RawCell } from "./cells.ts";
import { damaged, local, openPackage, type Package } from "./package.ts";
import { createTextCollector, readSharedStrings, unescaped } from "./shared-strings.ts";
import { readStyles } from "./styles.ts";

interface Sheet {
  name: string;
  hidden: boolean;
  part: string;
}

/** A table has a few dozen columns; what stands further to the right counts as one more. */
const MAXIMUM_COLUMNS = 256;
const SHOWN_SHEETS = 10;

/** Opens a workbook. Throws `IssuanceError` if it is none, or has no sheet with a header row. */
export async function openXlsx(file: string, choice: TableChoice = {}): Promise<TableStream> {
  await refuseOldWorkbook(file);
  const source = await openPackage(file);
  try {
    const { sheets, context } = await readWorkbook(source);
    const sheet = await chooseSheet(source, sheets, context, choice.sheet);
    const warnings: string[] = [];
    let hiddenRows = 0;
    const others = sheets.filter((other) => other !== sheet && !other.hidden);
    if (others.length > 0) {
      const named = others.slice(0, SHOWN_SHEETS).map(({ name }) => quoted(name));
      const more = others.length > SHOWN_SHEETS ? ` and ${others.length - SHOWN_SHEETS} more` : "";
      warnings.push(`The cards are those of the sheet ${quoted(sheet.name)}. Not used: ${named.join(", ")}${more}.`);
    }
    const table = await findTable(
      readRows(source, sheet.part, context, () => hiddenRows++),
      choice,
    );
    return {
      ...table,
      sheet: sheet.name,
      sheets: sheets.map(({ name }) => name),
      warnings,
      async *parts() {
        yield* table.parts();
        if (hiddenRows > 0) {
          warnings.push(
            `${hiddenRows} rows of the sheet are hidden or filtered out. They count like all others; delete those that are not meant.`,
          );
        }
      },
      async close() {
        await table.close();
        source.close();
      },
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

/** Workbooks of before 2007, and those with a password, are of a format that is not read. */
async function refuseOldWorkbook(file: string): Promise<void> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    if (buffer.equals(Buffer.from("d0cf11e0", "hex"))) {
      throw new IssuanceError(
        "The file is an old Excel workbook (.xls), or one with a password. Save it as an Excel workbook (.xlsx) without a password.",
      );
    }
  } finally {
    await handle.close();
  }
}

async function readWorkbook(source: Package): Promise<{ sheets: Sheet[]; context: CellContext }> {
  const workbook = await source.related("", "officeDocument");
  if (workbook === undefined || !source.has(workbook) || !workbook.endsWith(".xml")) throw damaged();
  const relationships = await source.relationships(workbook);
  const sheets: Sheet[] = [];
  let from1904 = false;
  await source.readAll(workbook, {
    open(name, attributes) {
      if (name === "workbookPr") from1904 = ["1", "true"].includes(attributes["date1904"] ?? "");
      if (name !== "sheet") return;
      const id = Object.entries(attributes).find(([key]) => key !== "id" && local(key) === "id")?.[1];
      const related = relationships.get(id ?? "");
      // Sheets that hold a chart or a macro have no rows.
      if (related?.kind !== "worksheet") return;
      const { name: title = "", state = "visible" } = attributes;
      sheets.push({ name: title, hidden: state !== "visible", part: related.target });
    },
  });
  const partOf = (kind: string) => [...relationships.values()].find((related) => related.kind === kind)?.target;
  const [strings, showsDate] = [
    await readSharedStrings(source, partOf("sharedStrings")),
    await readStyles(source, partOf("styles")),
  ];
  return { sheets, context: { strings, showsDate, from1904 } };
}

/** The sheet that was asked for; else the first with a header row, or with any rows. Throws {@link IssuanceError}. */
async function chooseSheet(
  source: Package,
  sheets: readonly Sheet[],
  context: CellContext,
  wanted: string | undefined,
): Promise<Sheet> {
  if (wanted !== undefined) {
    const found = sheets.find(({ name }) => name === wanted);
    if (found !== undefined) return found;
    const names = sheets.slice(0, SHOWN_SHEETS).map(({ name }) => quoted(name));
    throw new IssuanceError(`The workbook has no sheet ${quoted(wanted)}. Choose one of: ${names.join(", ")}.`);
  }
  let first: Sheet | undefined;
  for (const sheet of sheets) {
    if (sheet.hidden) continue;
    const rows = await firstRows(source, sheet, context);
    if (knownHeaderPlace(rows) !== -1) return sheet;
    if (rows.length > 0) first ??= sheet;
  }
  if (first === undefined) throw emptyFile();
  return first;
}

async function firstRows(source: Package, sheet: Sheet, context: CellContext): Promise<SpreadsheetRow[]> {
  const rows: SpreadsheetRow[] = [];
  for await (const part of readRows(source, sheet.part, context, () => {})) {
    rows.push(...filled(part.rows));
    if (rows.length >= MAXIMUM_ABOVE_HEADER) break;
  }
  return rows;
}

/** All rows of a sheet, as they are read. */
function readRows(
  source: Package,
  part: string,
  context: CellContext,
  onHiddenRow: () => void,
): AsyncGenerator<RecordPart, void> {
  let rows: SpreadsheetRow[] = [];
  let row: SpreadsheetRow | undefined;
  let line = 0;
  let hidden = false;
  let column = 0;
  let cell: RawCell | undefined;
  let collecting: "value" | "formula" | undefined;
  let collected = "";
  const inline = createTextCollector();

  return source.read(
    part,
    {
      open(name, attributes) {
        switch (name) {
          case "row":
            // Rows and cells that do not say where they are follow upon the last one.
            line = Number(attributes["r"] ?? line + 1);
            if (!Number.isSafeInteger(line)) throw damaged();
            row = { line, lastLine: line, cells: [] };
            hidden = attributes["hidden"] === "1" || attributes["hidden"] === "true";
            column = 0;
            break;
          case "c": {
            const reference = attributes["r"];
            if (reference !== undefined) column = columnOf(reference);
            const { t: type, s: style } = attributes;
            cell = { type, style: Number(style ?? 0), value: undefined, inline: undefined, formula: undefined };
            break;
          }
          case "v":
            collecting = "value";
            collected = "";
            break;
          case "f":
            collecting = "formula";
            collected = "";
            break;
          case "is":
            inline.begin();
            break;
          default:
            inline.open(name);
        }
      },
      text(text) {
        if (collecting === undefined) inline.text(text);
        else collected += text;
      },
      close(name) {
        switch (name) {
          case "v":
            if (cell !== undefined) cell.value = unescaped(collected);
            collecting = undefined;
            break;
          case "f":
            if (cell !== undefined) cell.formula = collected;
            collecting = undefined;
            break;
          case "is":
            if (cell !== undefined) cell.inline = inline.end();
            break;
          case "c":
            if (row !== undefined && cell !== undefined) place(row, Math.min(column, MAXIMUM_COLUMNS), cell);
            cell = undefined;
            column += 1;
            break;
          case "row":
            if (row !== undefined && row.cells.length > 0) {
              rows.push(row);
              if (hidden) onHiddenRow();
            }
            row = undefined;
            break;
          default:
            inline.close(name);
        }
      },
    },
    () => {
      const part: RecordPart = { rows, problems: [] };
      rows = [];
      return part;
    },
  );

  function place({ cells, ...into }: SpreadsheetRow, at: number, raw: RawCell): void {
    const { text, mark } = cellText(raw, context);
    if (text === "") return;
    while (cells.length < at) cells.push("");
    cells[at] = text;
    if (mark !== undefined && row !== undefined) row.marks = { ...into.marks, [at]: mark };
  }
}

/** The place of a cell in its row: 0 for A1, 27 for AB12. */
function columnOf(reference: string): number {
  let number = 0;
  for (const character of reference) {
    const letter = character.charCodeAt(0) & ~0x20;
    if (letter < 65 || letter > 90) break;
    number = number * 26 + letter - 64;
  }
  if (number === 0) throw damaged();
  return number - 1;
}
