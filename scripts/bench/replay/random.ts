// Numbers that look random and follow from where they stand, so that any part of a generated chain can be made by itself, in any
// order, and is the same each time.

/** A 32-bit number that follows from others. */
export function mix(...parts: number[]): number {
  let state = 0x9e3779b9;
  for (const part of parts) {
    // The finalizer of MurmurHash3, which spreads every bit of what comes in over all bits of what goes out.
    state = Math.imul(state ^ part, 0x85ebca6b);
    state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
    state ^= state >>> 16;
  }
  return state >>> 0;
}

/** Hexadecimal digits, eight for each of `count` words, that follow from the parts. */
export function randomHex(count: number, ...parts: number[]): string {
  const start = mix(...parts);
  let text = "";
  for (let index = 1; index <= count; index++) text += hex32(mix(start, index));
  return text;
}

/** Four hexadecimal digits of each number that they can say: looking them up takes a fifth of the time. */
const HEX16 = Array.from({ length: 0x10000 }, (_, value) => value.toString(16).padStart(4, "0"));

/** Eight hexadecimal digits. */
function hex32(value: number): string {
  return `${HEX16[value >>> 16]}${HEX16[value & 0xffff]}`;
}
