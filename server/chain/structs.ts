// Reads structs of fixed length by hand, where there are many: ethers takes a millisecond of a processor for each, a hundred
// times as long as the node that answers.

import type { ParamType } from "ethers";

/** Numbers are numbers, everything else is lower-case hexadecimal text. */
export type Struct = Record<string, number | string>;

/** An answer is not encoded as the contract's interface says. */
export class EncodingError extends Error {
  override name = "EncodingError";
}

const WORD_DIGITS = 64;
const ADDRESS_DIGITS = 40;
const PREFIX = "0x".length;

/** An array's structs, where a function returns an array and nothing else. Each of their members must take one word. */
export function decodeStructs(struct: ParamType, data: string): Struct[] {
  const words = wordsOf(data);
  const length = words.number(1);
  const members = struct.components?.length ?? 0;
  if (words.number(0) !== WORD_DIGITS / 2 || words.count !== 2 + length * members)
    throw misfit(struct.format("sighash"));
  return Array.from({ length }, (_, index) => structAt(struct, words, 2 + index * members));
}

/** A single struct, where a function returns one and nothing else. */
export function decodeStruct(struct: ParamType, data: string): Struct {
  const words = wordsOf(data);
  if (words.count !== struct.components?.length) throw misfit(struct.format("sighash"));
  return structAt(struct, words, 0);
}

/** The results of a call of OpenZeppelin's `multicall`, each as it would be by itself. */
export function decodeMulticall(data: string): string[] {
  const words = wordsOf(data);
  const count = words.number(1);
  if (words.number(0) !== WORD_DIGITS / 2 || count > words.count) throw misfit("bytes[]");
  return Array.from({ length: count }, (_, index) => {
    // Where a result begins, in bytes after the array's length.
    const at = 2 + words.number(2 + index) / (WORD_DIGITS / 2);
    const start = PREFIX + (at + 1) * WORD_DIGITS;
    const end = start + 2 * words.number(at);
    if (end > data.length) throw misfit("bytes[]");
    return `0x${data.slice(start, end)}`;
  });
}

interface Words {
  count: number;
  number(index: number): number;
  text(index: number): string;
}

function wordsOf(data: string): Words {
  const count = (data.length - PREFIX) / WORD_DIGITS;
  if (!Number.isInteger(count)) throw misfit("words");
  const text = (index: number) => data.slice(PREFIX + index * WORD_DIGITS, PREFIX + (index + 1) * WORD_DIGITS);
  return {
    count,
    text,
    number(index) {
      const number = Number(`0x${text(index)}`);
      if (!Number.isInteger(number)) throw misfit("a number");
      return number;
    },
  };
}

function structAt(struct: ParamType, words: Words, at: number): Struct {
  const values: Struct = {};
  for (const [index, { name, type }] of (struct.components ?? []).entries()) {
    if (type.startsWith("uint")) values[name] = words.number(at + index);
    else if (type === "address") values[name] = `0x${words.text(at + index).slice(-ADDRESS_DIGITS)}`.toLowerCase();
    else throw new TypeError(`A member of type ${type} is not read by hand`);
  }
  return values;
}

function misfit(what: string): EncodingError {
  return new EncodingError(`The answer does not hold ${what}`);
}
