// What a block's header says about the logs in it: a Bloom filter over their addresses and topics (Ethereum yellow paper,
// 4.3.1). It never misses a log that is there, and now and then takes one for there that is not.

import { keccak256 } from "ethers";

const BLOOM_BITS = 2_048;
const BLOOM_PATTERN = /^0x[0-9a-fA-F]{512}$/;

const bitsOfItem = new Map<string, readonly number[]>();

/** The three bits that an address or a topic sets. Few different ones are ever asked for. */
function bitsOf(item: string): readonly number[] {
  let bits = bitsOfItem.get(item);
  if (bits === undefined) {
    const digest = keccak256(item);
    bits = [0, 1, 2].map((pair) => Number.parseInt(digest.slice(2 + 4 * pair, 6 + 4 * pair), 16) % BLOOM_BITS);
    bitsOfItem.set(item, bits);
  }
  return bits;
}

function has(bloom: string, item: string): boolean {
  return bitsOf(item).every((bit) => {
    const digit = Number.parseInt(bloom.charAt(bloom.length - 1 - Math.floor(bit / 4)), 16);
    return (digit & (1 << (bit % 4))) !== 0;
  });
}

/**
 * Whether a block may hold a log of one of these contracts with one of these first topics, by its header's `logsBloom`.
 * @returns False if it holds none for certain; also where the node gives no filter, which then says nothing.
 */
export function mayHoldLogs(
  bloom: string | undefined,
  { addresses, topics }: { addresses: readonly string[]; topics: readonly string[] },
): boolean {
  if (bloom === undefined || !BLOOM_PATTERN.test(bloom)) return false;
  return addresses.some((address) => has(bloom, address)) && topics.some((topic) => has(bloom, topic));
}
