// XLSX workbooks as spreadsheet programs write them, for tests of what reads them.

import { createZipWriter } from "../../server/imports/printing/zip.ts";

/** A cell: text (kept among the shared ones), a number, nothing, or XML as it is to stand in the sheet with `REF` for its place. */
export type TestCell = string | number | null | { xml: string };

export interface TestSheet {
  name: string;
  rows: (TestCell[] & { hidden?: boolean })[];
  state?: string;
}

export interface TestWorkbook {
  sheets: TestSheet[];
  /** Number formats of the cell styles from 1 on: a built-in one's number, or a code. */
  formats?: (number | string)[];
  from1904?: boolean;
  /** A prefix for all element names, as some programs write them. */
  prefix?: string;
}

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE_REL = "http://schemas.openxmlformats.org/package/2006/relationships";

export function workbook({ sheets, formats = [], from1904 = false, prefix = "" }: TestWorkbook): Buffer {
  const strings = new Map<string, number>();
  const zip = createZipWriter(new Date(Date.UTC(2026, 0, 1)));
  const p = prefix === "" ? "" : `${prefix}:`;
  const namespace = prefix === "" ? `xmlns="${MAIN}"` : `xmlns:${prefix}="${MAIN}"`;
  const parts: Buffer[] = [];
  const add = (name: string, text: string) => parts.push(zip.add(name, Buffer.from(HEAD + text)));
  const cell = (value: TestCell, ref: string): string => {
    if (value === null) return "";
    if (typeof value === "object") return value.xml.replace("REF", `r="${ref}"`);
    if (typeof value === "number") return `<${p}c r="${ref}"><${p}v>${value}</${p}v></${p}c>`;
    if (!strings.has(value)) strings.set(value, strings.size);
    return `<${p}c r="${ref}" t="s"><${p}v>${strings.get(value)}</${p}v></${p}c>`;
  };
  add(
    "_rels/.rels",
    `<Relationships xmlns="${PACKAGE_REL}"><Relationship Id="rId1" Type="${REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
  );
  add(
    "xl/workbook.xml",
    `<${p}workbook ${namespace} xmlns:r="${REL}"><${p}workbookPr date1904="${from1904 ? 1 : 0}"/><${p}sheets>${sheets
      .map(
        ({ name, state }, index) =>
          `<${p}sheet name="${escapeXml(name)}" sheetId="${index + 1}"${state === undefined ? "" : ` state="${state}"`} r:id="rId${index + 1}"/>`,
      )
      .join("")}</${p}sheets></${p}workbook>`,
  );
  add(
    "xl/_rels/workbook.xml.rels",
    `<Relationships xmlns="${PACKAGE_REL}">${sheets.map((_, index) => `<Relationship Id="rId${index + 1}" Type="${REL}/worksheet" Target="worksheets/sheet${index + 1}.xml"/>`).join("")}<Relationship Id="s" Type="${REL}/sharedStrings" Target="/xl/sharedStrings.xml"/><Relationship Id="f" Type="${REL}/styles" Target="styles.xml"/></Relationships>`,
  );
  const own = formats.flatMap((format, index) => (typeof format === "string" ? [{ id: 200 + index, format }] : []));
  add(
    "xl/styles.xml",
    `<${p}styleSheet ${namespace}><${p}numFmts>${own.map(({ id, format }) => `<${p}numFmt numFmtId="${id}" formatCode="${escapeXml(format)}"/>`).join("")}</${p}numFmts><${p}cellStyleXfs><${p}xf numFmtId="14"/></${p}cellStyleXfs><${p}cellXfs><${p}xf numFmtId="0"/>${formats
      .map((format, index) => `<${p}xf numFmtId="${typeof format === "number" ? format : 200 + index}"/>`)
      .join("")}</${p}cellXfs></${p}styleSheet>`,
  );
  sheets.forEach(({ rows }, index) => {
    const body = rows.map((cells, row) => {
      const number = row + 1;
      const hidden = cells.hidden === true ? ' hidden="1"' : "";
      return `<${p}row r="${number}"${hidden}>${cells.map((value, column) => cell(value, `${columnName(column)}${number}`)).join("")}</${p}row>`;
    });
    add(
      `xl/worksheets/sheet${index + 1}.xml`,
      `<${p}worksheet ${namespace}><${p}sheetData>${body.join("")}</${p}sheetData></${p}worksheet>`,
    );
  });
  // Last, as Excel does: cells refer to texts that come after them.
  add(
    "xl/sharedStrings.xml",
    `<${p}sst ${namespace}>${[...strings.keys()].map((text) => `<${p}si><${p}t xml:space="preserve">${escapeXml(text)}</${p}t></${p}si>`).join("")}</${p}sst>`,
  );
  return Buffer.concat([...parts, zip.end()]);
}

function columnName(index: number): string {
  return index < 26 ? String.fromCharCode(65 + index) : columnName(Math.floor(index / 26) - 1) + columnName(index % 26);
}

function escapeXml(text: string): string {
  return text.replace(/[<>&"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
