// The time of the chain under test, to the second.

import { ethers, networkHelpers } from "../fixture.ts";

/** When the latest block was made, in seconds since the Unix epoch. */
export const now = () => networkHelpers.time.latest();

/** Gives the next block this time. What is called before it is mined sees that time too. */
export const setNext = (timestamp: number) => networkHelpers.time.setNextBlockTimestamp(timestamp);

/** When a transaction was mined, in seconds since the Unix epoch. */
export async function minedAt(sending: Promise<{ blockNumber: number | null }>): Promise<number> {
  const block = await ethers.provider.getBlock((await sending).blockNumber ?? "latest");
  if (block === null) throw new Error("not mined");
  return block.timestamp;
}
