// What a transaction that issues cards was for, as it can be read off the chain: its call data end with a mark, which contracts do not
// look at. A database that is an older copy of itself learns from it which of the cards that it does not know were ordered, and by the
// tags of its cards which order is whose: see batch-reference.ts.

import { TAG_DIGITS } from "./keystore.ts";

/** `file`: a person has issued them from a file, past the server. `import`: the server has, from an uploaded file. `order`: customers. */
export type Origin = "file" | "import" | "order";

/** "mintmark" in ASCII; one byte that says which follows. */
const MARK = "6d696e746d61726b";
const CODES = { file: "01", import: "02", order: "03" } as const;
/** In hexadecimal digits: of a function's selector, of a word of the ABI, and of a mark. */
const [SELECTOR, WORD] = [8, 64];
const MARK_LENGTH = MARK.length + 2;

/**
 * Call data that say what they are for.
 * @param tags Of an order's cards, in the order in which they are issued; those of orders without tags have no mark.
 */
export function markOrigin(data: string, origin: Origin, tags: readonly string[] = []): string {
  if (origin !== "order") return `${data}${MARK}${CODES[origin]}`;
  return tags.length === 0 ? data : `${data}${inWords(tags)}${MARK}${CODES.order}`;
}

/** What call data with or without a mark are for. */
export function originOf(data: string): Origin {
  const code = codeOf(data);
  if (code === undefined || code === CODES.order) return "order";
  return code === CODES.import ? "import" : "file";
}

/** The tags that call data carry for so many cards; nothing if they carry none. */
export function tagsIn(data: string, cards: number): string[] | undefined {
  if (codeOf(data) !== CODES.order) return undefined;
  const digits = Math.ceil((cards * TAG_DIGITS) / WORD) * WORD;
  const start = data.length - MARK_LENGTH - digits;
  if (start < SELECTOR) return undefined;
  return Array.from({ length: cards }, (_, index) =>
    data.slice(start + index * TAG_DIGITS, start + (index + 1) * TAG_DIGITS),
  );
}

/** Without a mark, whole words follow the selector. */
function codeOf(data: string): string | undefined {
  const digits = data.slice(2);
  const isMarked = (digits.length - SELECTOR) % WORD === MARK_LENGTH && digits.slice(-MARK_LENGTH, -2) === MARK;
  return isMarked ? digits.slice(-2) : undefined;
}

function inWords(tags: readonly string[]): string {
  const digits = tags.join("");
  return digits.padEnd(Math.ceil(digits.length / WORD) * WORD, "0");
}
