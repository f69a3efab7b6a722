// What a transaction that issues cards was for, as it can be read off the chain: its call data end with a mark, which contracts do not
// look at. A database that is an older copy of itself learns from it which of the cards that it does not know were ordered.

/** `file`: a person has issued them from a file, past the server. `import`: the server has, from an uploaded file. `order`: customers. */
export type Origin = "file" | "import" | "order";

/** "mintmark" in ASCII; one byte that says which follows. */
const MARK = "6d696e746d61726b";
const CODES = { file: "01", import: "02" } as const;
/** In hexadecimal digits: of a function's selector, of a word of the ABI, and of a mark. */
const [SELECTOR, WORD] = [8, 64];
const MARK_LENGTH = MARK.length + 2;

/** Call data that say what they are for. Those of orders have no mark. */
export function markOrigin(data: string, origin: Origin): string {
  return origin === "order" ? data : `${data}${MARK}${CODES[origin]}`;
}

/** What call data with or without a mark are for. */
export function originOf(data: string): Origin {
  const digits = data.slice(2);
  // Without a mark, whole words follow the selector.
  const isMarked = (digits.length - SELECTOR) % WORD === MARK_LENGTH && digits.slice(-MARK_LENGTH, -2) === MARK;
  if (!isMarked) return "order";
  return digits.endsWith(CODES.import) ? "import" : "file";
}
