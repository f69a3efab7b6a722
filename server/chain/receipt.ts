import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 10;
const TIMEOUT_MS = 60_000;

/**
 * Waits until a transaction is in a block, by asking again and again. ethers' own `wait` listens for the next block: on a
 * chain that makes a block only when there is a transaction, it listens for ever if that block came between its first look
 * and its listening.
 * @param receiptOf Asks the chain for the receipt; null while there is none.
 * @throws if there is none after a minute.
 */
export async function untilMined<Receipt>(
  hash: string,
  receiptOf: (hash: string) => Promise<Receipt | null>,
): Promise<Receipt> {
  for (const deadline = performance.now() + TIMEOUT_MS; ; ) {
    const receipt = await receiptOf(hash);
    if (receipt !== null) return receipt;
    if (performance.now() > deadline)
      throw new Error(`The transaction ${hash} is in no block after ${TIMEOUT_MS / 1_000} s`);
    await sleep(POLL_MS);
  }
}
