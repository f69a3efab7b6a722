// What contracts answer, as plain values to compare.

import type { Result } from "ethers";
import type { MembershipCollection } from "../../../artifacts/types/index.js";

/** A struct by its fields' names; the generated types leave out that it is an ethers result. */
export const fieldsOf = (struct: object): Record<string, unknown> => (struct as Result).toObject();

/** All that a collection says about some of its serials and holders. */
export async function stateOf(
  collection: MembershipCollection,
  serials: readonly (number | bigint)[],
  holders: readonly string[],
) {
  return {
    issuedCount: await collection.issuedCount(),
    totalSupply: await collection.totalSupply(),
    cards: await Promise.all(serials.map(async (serial) => fieldsOf(await collection.cardOf(serial)))),
    batches: await Promise.all(
      serials.map(async (serial) => {
        const { batchFirstSerial, commitmentRoot } = await collection.verify(serial);
        return [batchFirstSerial, commitmentRoot];
      }),
    ),
    balances: await Promise.all(holders.map((holder) => collection.balanceOf(holder))),
  };
}
