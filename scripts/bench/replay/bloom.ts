// The bloom filter of a block's logs, as the Ethereum yellow paper has it (section 4.3.1): three bits of 2,048 for each address
// and each topic, chosen by its Keccak-256.

import { getBytes, keccak256 } from "ethers";

const BYTES = 256;

/** The filter of a block without logs. */
export const EMPTY_BLOOM = `0x${"00".repeat(BYTES)}`;

/** What stands in many blocks: contracts, the topics that name events. The values of others would fill the memory. */
const remembered = new Map<string, readonly number[]>();
const MOST_REMEMBERED = 10_000;

/** Which three bits stand for an address or a topic, counted from the lowest. */
function bitsOf(value: string): readonly number[] {
  const known = remembered.get(value);
  if (known !== undefined) return known;
  const hash = getBytes(keccak256(value));
  const bits = [0, 2, 4].map((index) => (((hash[index] ?? 0) << 8) | (hash[index + 1] ?? 0)) & 2047);
  if (remembered.size < MOST_REMEMBERED) remembered.set(value, bits);
  return bits;
}

/** The filter as a header carries it. */
export function logsBloom(logs: readonly { address: string; topics: readonly string[] }[]): string {
  if (logs.length === 0) return EMPTY_BLOOM;
  const bloom = Buffer.alloc(BYTES);
  for (const value of new Set(logs.flatMap(({ address, topics }) => [address, ...topics]))) {
    for (const bit of bitsOf(value)) {
      const byte = BYTES - 1 - (bit >> 3);
      bloom[byte] = (bloom[byte] ?? 0) | (1 << (bit & 7));
    }
  }
  return `0x${bloom.toString("hex")}`;
}
