// What a transaction has reported, as one value to compare.

import type { Interface, TransactionResponse } from "ethers";

/** Every log of the transaction, in order, as the event's name and its arguments; a log that no contract knows is an error. */
export async function eventsOf(
  sending: Promise<TransactionResponse>,
  ...contracts: { interface: Interface }[]
): Promise<unknown[][]> {
  const receipt = await (await sending).wait();
  if (receipt === null) throw new Error("not mined");
  return receipt.logs.map((log) => {
    for (const contract of contracts) {
      const parsed = contract.interface.parseLog(log);
      if (parsed !== null) return [parsed.name, ...parsed.args.toArray(true)];
    }
    throw new Error(`unknown event ${log.topics[0]}`);
  });
}
