// What a brand cannot undo: announced, waited for and carried out.

import type { MembershipCollection } from "../../../artifacts/types/index.js";
import { FINAL_ACT, networkHelpers } from "../fixture.ts";

/** IFinalActs. */
export const FINAL = { FreezeContent: 0, FreezeBenefits: 1, WindDown: 2 } as const;

/** Announces an act, waits for as long as it has to be announced, and carries it out; resolves to the carrying out. */
export async function finish(collection: MembershipCollection, act: number) {
  await collection.announce(act);
  await networkHelpers.time.increase(FINAL_ACT.notice);
  return await collection.carryOut(act);
}
