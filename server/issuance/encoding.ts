// Which encoding a text file has, found without holding the file: whole or piece by piece, it is looked at once. What is no text
// at all is refused with the word for what it is.

import { IssuanceError } from "./problems.ts";

export type Encoding = "UTF-8" | "UTF-16" | "GB18030";

/** What to decode a file with. */
export interface FoundEncoding {
  encoding: Encoding;
  /** The label that `TextDecoder` knows it by. */
  label: string;
}

export interface EncodingDetector {
  push(bytes: Uint8Array): void;
  /** After the last piece. Throws {@link IssuanceError} if it is no text, or is damaged. */
  finish(): FoundEncoding;
}

/** So much of the beginning tells what kind of file it is. */
const START_BYTES = 256;

export function createEncodingDetector(): EncodingDetector {
  /** What of the beginning was seen, until there is enough to tell the kind of file. */
  let start: Uint8Array | undefined = new Uint8Array();
  let scan: Scan | undefined;

  function begin(): Scan {
    const bytes = start ?? new Uint8Array();
    start = undefined;
    refuseOtherFormats(bytes);
    const begun = startsWith(bytes, 0xff, 0xfe)
      ? scanUtf16("utf-16le")
      : startsWith(bytes, 0xfe, 0xff)
        ? scanUtf16("utf-16be")
        : scanBytes();
    begun.push(bytes);
    return begun;
  }

  return {
    push(bytes) {
      if (scan !== undefined) return scan.push(bytes);
      start = Buffer.concat([start ?? new Uint8Array(), bytes]);
      if (start.length >= START_BYTES) scan = begin();
    },
    finish() {
      scan ??= begin();
      return scan.finish();
    },
  };
}

/** The same of a file that is there whole. */
export function encodingOf(bytes: Uint8Array): FoundEncoding {
  const detector = createEncodingDetector();
  detector.push(bytes);
  return detector.finish();
}

interface Scan {
  push(bytes: Uint8Array): void;
  finish(): FoundEncoding;
}

function scanUtf16(label: "utf-16le" | "utf-16be"): Scan {
  const sound = soundness(label);
  return {
    push: sound.push,
    finish() {
      if (sound.finish()) return { encoding: "UTF-16", label };
      throw new IssuanceError("The file is damaged: its UTF-16 text is cut off or broken. Export it again.");
    },
  };
}

function scanBytes(): Scan {
  const utf8 = soundness("utf-8");
  // What Excel writes on a Chinese Windows; it includes GBK and GB 2312.
  const gb18030 = soundness("gb18030");
  const western = westernLetters();
  let lines = 1;
  return {
    push(bytes) {
      const zero = bytes.indexOf(0);
      if (zero !== -1) {
        throw new IssuanceError(
          `The file is damaged or not text in UTF-8: there is a zero byte on line ${lines + lineEnds(bytes.subarray(0, zero))}. Export it again as "CSV UTF-8".`,
        );
      }
      lines += lineEnds(bytes);
      utf8.push(bytes);
      gb18030.push(bytes);
      western.push(bytes);
    },
    finish() {
      if (utf8.finish()) return { encoding: "UTF-8", label: "utf-8" };
      if (!western.prevail() && gb18030.finish()) return { encoding: "GB18030", label: "gb18030" };
      throw new IssuanceError('The file is not text in UTF-8, UTF-16 or GB18030. In Excel, save it as "CSV UTF-8".');
    },
  };
}

/** Whether bytes are text in an encoding, from their first to their last. */
function soundness(label: string): { push(bytes: Uint8Array): void; finish(): boolean } {
  const decoder = new TextDecoder(label, { fatal: true });
  let sound = true;
  const decode = (...input: Parameters<TextDecoder["decode"]>) => {
    try {
      if (sound) decoder.decode(...input);
    } catch {
      sound = false;
    }
  };
  return {
    push: (bytes) => decode(bytes, { stream: true }),
    finish() {
      decode();
      return sound;
    },
  };
}

/**
 * Whether text that is not UTF-8 is of a Western Windows: GB18030 would make one rare character of an "ü" and the plain
 * letter after it. Of the characters that Chinese texts are made of, both bytes are above ASCII.
 */
function westernLetters(): { push(bytes: Uint8Array): void; prevail(): boolean } {
  let single = 0;
  let double = 0;
  /** Whether the byte before was the first of a pair. */
  let paired = false;
  return {
    push(bytes) {
      for (const byte of bytes) {
        if (paired) {
          if (byte < 0x80) single++;
          else double++;
          paired = false;
        } else {
          paired = byte >= 0x80;
        }
      }
    },
    // A byte that lacks its second one is the letter that a text of a Western Windows ends with.
    prevail: () => single + (paired ? 1 : 0) > double,
  };
}

function refuseOtherFormats(bytes: Uint8Array): void {
  if (isWorkbook(bytes)) {
    throw new IssuanceError(
      'The file is a workbook (an Excel workbook or one of another program), not a CSV file. Open it and save it as "CSV UTF-8 (Comma delimited)".',
    );
  }
  // Web shops call HTML "Excel" and give it the ending .xls or .csv.
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, START_BYTES)).trimStart();
  const compressed = startsWith(bytes, 0x1f, 0x8b) ? "a compressed file" : undefined;
  const kind = compressed ?? OTHER_FORMATS.find(([pattern]) => pattern.test(start))?.[1];
  if (kind !== undefined) {
    throw new IssuanceError(
      `The file is ${kind}, not a CSV file. Open the list in a spreadsheet program and save it as "CSV UTF-8".`,
    );
  }
}

/** Whether a file begins as workbooks do, new ones (ZIP) or old and encrypted ones (OLE). */
function isWorkbook(bytes: Uint8Array): boolean {
  return startsWith(bytes, 0x50, 0x4b, 0x03, 0x04) || startsWith(bytes, 0xd0, 0xcf, 0x11, 0xe0);
}

/** What people give instead of a CSV file, by how it begins. */
const OTHER_FORMATS: [RegExp, string][] = [
  [/^%PDF-/, "a PDF document"],
  [/^(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|table|\?xml|meta|div|head|style)/i, "an HTML or XML document"],
  [/^(?:\xef\xbb\xbf)?\s*[[{]\s*["{[]/, "a JSON document"],
  [/^\{\\rtf/, "an RTF document"],
];

function startsWith(bytes: Uint8Array, ...start: number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

function lineEnds(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) count++;
  return count;
}
