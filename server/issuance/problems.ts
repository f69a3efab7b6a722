// What is wrong with a spreadsheet, and how it is told.

/** One thing that is wrong with one line. */
export interface Problem {
  /** The line of the file on which the record begins, as an editor counts; 1 is the first. */
  line: number;
  /** What is wrong and, where it is not plain, what to write instead. */
  reason: string;
}

/** Something keeps cards from being issued. The message is fit for a user and says what to do. */
export class IssuanceError extends Error {
  override name = "IssuanceError";
  /** Whether the same attempt may succeed later. */
  readonly retryable: boolean;

  constructor(message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable ?? false;
  }
}

/** A keystore that is needed is not open now. It is tried again, and its operator is told. Says no names of files. */
export class KeystoreClosedError extends IssuanceError {
  override name = "KeystoreClosedError";

  constructor(reason: string) {
    super(`The brand's keystore is not open on this server now. ${reason}`, { retryable: true });
  }
}

/** The problems in the order of the lines, one sentence each, at most `limit` of them. */
export function problemLines(problems: readonly Problem[], limit: number): string[] {
  const lines = problems.slice(0, limit).map(({ line, reason }) => `line ${line}: ${printable(reason)}`);
  const more = problems.length - limit;
  if (more > 0) lines.push(`and ${more.toLocaleString("en")} more; write them all to a file with --errors <file>`);
  return lines;
}

/** All problems as a CSV file that a spreadsheet program opens: with a byte order mark, and without active content. */
export function problemsCsv(problems: readonly Problem[]): string {
  const rows = [["line", "reason"], ...problems.map(({ line, reason }) => [String(line), reason])];
  return `\ufeff${rows.map((row) => row.map(csvCell).join(",")).join("\r\n")}\r\n`;
}

/**
 * A value as a CSV cell. A spreadsheet program takes a cell that begins with one of these characters for a formula and
 * runs it; the apostrophe makes it text (OWASP, "CSV Injection").
 */
export function csvCell(value: string): string {
  const harmless = /^[=+\-@\t\r＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",;\r\n\t]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** A value from the file, for a sentence: in quotation marks, on one line, not endless. */
export function quoted(value: string): string {
  return `"${printable(value.length > 60 ? `${value.slice(0, 60)}…` : value)}"`;
}

/** Control characters would let a file write over the terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character === "\n" ? "⏎" : `\\u${character.codePointAt(0)?.toString(16).padStart(4, "0")}`,
  );
}
