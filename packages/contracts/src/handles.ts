// Which brands' handles look alike. On chain they are compared by their bytes only; whoever proposes or votes on an admission compares
// them as a reader's eye does, by skeletons (Unicode Technical Standard #39, section 4).

/** What a brand's handle may be: 2 to 20 lower-case letters and digits. */
const HANDLE = /^[a-z0-9]{2,20}$/;

/**
 * The letters and digits of ASCII that are confusable in small letters or in capitals, each with one prototype of all that look like it
 * (UTS #39, confusables.txt): a handle may stand on a page in either.
 */
const PROTOTYPES: Readonly<Record<string, string>> = { 0: "o", 1: "l", i: "l", m: "rn" };

/** Whether a text can be a brand's handle. */
export function isHandle(text: string): boolean {
  return HANDLE.test(text);
}

/** Whether two handles look alike, in small letters or in capitals; what is equal does. */
export function looksLike(left: string, right: string): boolean {
  return skeletonOf(left) === skeletonOf(right);
}

function skeletonOf(text: string): string {
  return [...text.toLowerCase()].map((letter) => PROTOTYPES[letter] ?? letter).join("");
}
