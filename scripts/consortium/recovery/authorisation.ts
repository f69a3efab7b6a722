// What the key of a customer signs at a till.

import { ZeroAddress } from "ethers";
import { signForCollection } from "../../solidity/signing.ts";
import { BENEFIT, DAY, type World } from "./world.ts";

/** It names none of the staff. */
export const ANY_STAFF = ZeroAddress;

/**
 * What `redeem` takes: one use of the benefit by a card, authorised by the customer's key.
 * @param number Which use of it that is, from 1 on.
 * @param staff Who alone may redeem it, or {@link ANY_STAFF}.
 */
export async function authorise(
  { collection, people, chain }: World,
  serial: number,
  { number = 1, staff = ANY_STAFF, by = people.customer } = {},
) {
  const deadline = Number(await chain.now()) + 90 * DAY;
  const redemption = { serial, benefitId: BENEFIT, number, generation: 0, staff, deadline };
  return [redemption, await signForCollection(collection, by.account, "Redemption", redemption)] as const;
}
