// What a secret must be, wherever it comes from.

const LEAST_LENGTH = 32;
/** A text of fewer different characters was not made at random. */
const LEAST_CHARACTERS = 8;

/** What is wrong with a secret, as the rest of a sentence; nothing if it can be used. */
export function secretProblem(text: string): string | undefined {
  if (text.trim() === "") return "is empty";
  // Zeros are what a power cut leaves of a file that was not brought to the disk.
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) return "must be one line of readable characters";
  if (text !== text.trim()) return "must not begin or end with white space";
  if (text.length < LEAST_LENGTH) return `must have ${LEAST_LENGTH} characters at least`;
  if (new Set(text).size < LEAST_CHARACTERS) return "repeats the same few characters";
  return undefined;
}
