// Which cells of a workbook show a date: a date is a number there, and only its format tells.

import type { Package } from "./package.ts";

/** Whether a number of this cell style is shown as a date or a time. */
export type ShowsDate = (style: number) => boolean;

/** The formats of dates and times that every program knows by number (ISO/IEC 29500-1, 18.8.30), Chinese ones included. */
function isDateFormat(id: number): boolean {
  return (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) || (id >= 50 && id <= 58);
}

/** Whether a format of somebody's own shows a part of a date or time, outside of its texts, colours and conditions. */
export function isDateCode(code: string): boolean {
  const [positive = ""] = code.replace(/"[^"]*"|\\.|[_*]./g, "").split(";");
  return /[ymdhs]/i.test(positive.replace(/\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi, "").replace(/general/gi, ""));
}

/** @param part Where the styles are; nothing if the workbook has none. */
export async function readStyles(source: Package, part: string | undefined): Promise<ShowsDate> {
  const own = new Map<number, boolean>();
  const styles: boolean[] = [];
  let inCellStyles = false;
  if (part !== undefined) {
    await source.readAll(part, {
      open(name, { numFmtId, formatCode }) {
        if (name === "numFmt") own.set(Number(numFmtId), isDateCode(formatCode ?? ""));
        else if (name === "cellXfs") inCellStyles = true;
        else if (name === "xf" && inCellStyles) {
          const id = Number(numFmtId ?? 0);
          styles.push(own.get(id) ?? isDateFormat(id));
        }
      },
      close(name) {
        if (name === "cellXfs") inCellStyles = false;
      },
    });
  }
  return (style) => styles[style] ?? false;
}
