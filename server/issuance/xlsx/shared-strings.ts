// The texts of a workbook. Spreadsheet programs keep each text once, apart from the sheets, and cells say which one it is; so all of
// them must be at hand. They are kept as bytes side by side, at the cost of their length and a few bytes each.

import { IssuanceError } from "../problems.ts";
import type { Package } from "./package.ts";

export interface SharedStrings {
  /** Empty where there is no such text. */
  at(index: number): string;
}

const MAXIMUM_BYTES = 64 * 1024 * 1024;

/** @param part Where they are; nothing if the workbook has none. */
export async function readSharedStrings(source: Package, part: string | undefined): Promise<SharedStrings> {
  let bytes = Buffer.alloc(64 * 1024);
  let length = 0;
  /** Where each text ends. */
  let ends = new Uint32Array(1024);
  let count = 0;

  function add(text: string): void {
    const size = Buffer.byteLength(text);
    if (length + size > MAXIMUM_BYTES)
      throw new IssuanceError("The workbook is too large: its texts have more than 64 MiB. Split it.");
    if (length + size > bytes.length) {
      const larger = Buffer.alloc(Math.max(2 * bytes.length, length + size));
      bytes.copy(larger, 0, 0, length);
      bytes = larger;
    }
    length += bytes.write(text, length);
    if (count === ends.length) {
      const more = new Uint32Array(2 * ends.length);
      more.set(ends);
      ends = more;
    }
    ends[count++] = length;
  }

  if (part !== undefined) {
    const text = createTextCollector();
    await source.readAll(part, {
      open(name) {
        if (name === "si") text.begin();
        text.open(name);
      },
      close(name) {
        text.close(name);
        if (name === "si") add(text.end());
      },
      text: text.text,
    });
  }
  return {
    at(index) {
      if (!(index >= 0 && index < count)) return "";
      return bytes.toString("utf8", index === 0 ? 0 : ends[index - 1], ends[index]);
    },
  };
}

/** Puts together a text of several runs, without the phonetic guides beside it. */
export function createTextCollector() {
  let collected = "";
  let inText = false;
  let inGuide = false;
  return {
    begin(): void {
      collected = "";
    },
    open(name: string): void {
      if (name === "t") inText = true;
      else if (name === "rPh") inGuide = true;
    },
    close(name: string): void {
      if (name === "t") inText = false;
      else if (name === "rPh") inGuide = false;
    },
    text(text: string): void {
      if (inText && !inGuide) collected += text;
    },
    end: (): string => unescaped(collected),
  };
}

/** Characters that XML cannot hold are written as _x000D_. */
export function unescaped(text: string): string {
  return text.includes("_x")
    ? text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    : text;
}
