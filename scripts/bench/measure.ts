// Medians and ranges: the machine that measures is shared and noisy, so one number says nothing.

export interface Summary {
  median: number;
  least: number;
  most: number;
}

export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = Math.floor(sorted.length / 2);
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return { median, least: at(0), most: at(sorted.length - 1) };
}

/** `12,345 (11,000 to 13,000)` */
export function format({ median, least, most }: Summary, digits = 0): string {
  const number = (value: number) =>
    value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return least === most ? number(median) : `${number(median)} (${number(least)} to ${number(most)})`;
}

/** A Markdown table. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

/** A whole number as people read it. */
export function number(value: number): string {
  return Math.round(value).toLocaleString("en");
}

/** Bytes in millions of them. */
export function megabytes(bytes: number): number {
  return bytes / 1e6;
}

/** The value that a share of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Something that must hold, and whether it did. */
export interface Bound {
  what: string;
  bound: string;
  measured: string;
  holds: boolean;
}

/** A table of bounds; nothing if there are none. */
export function formatBounds(bounds: readonly Bound[]): string {
  if (bounds.length === 0) return "";
  return table(
    ["what must hold", "bound", "measured", ""],
    bounds.map(({ what, bound, measured, holds }) => [what, bound, measured, holds ? "held" : "**not held**"]),
  );
}
