import { getAddress } from "ethers";

const LARGEST = 20_000;
const known = new Map<string, string>();

/**
 * A lower-case address with its EIP-55 checksum. Remembers the last ones: a hash in JavaScript takes longer than all the
 * rest of a row, and every row of a list names the same collection.
 */
export function checksummed(address: string): string {
  let answer = known.get(address);
  if (answer === undefined) {
    answer = getAddress(address);
    if (known.size >= LARGEST) known.clear();
    known.set(address, answer);
  }
  return answer;
}
