// What a thief does who has every key of a brand, and what it tries when it is too late.

import { FINAL_ACT } from "../../../server/chain/abi.ts";
import { BRAND_ID, COLLECTION } from "../cast.ts";
import { authorise } from "./authorisation.ts";
import { openAllowlistFor, signVoucher } from "./offers.ts";
import { brandRoleId, DAY, FIRST_FREE, NONE, stolenFrom, TIER, type World } from "./world.ts";

export const { FreezeContent: FREEZE_CONTENT, WindDown: WIND_DOWN } = FINAL_ACT;

/** Cards of the customer that the thief does something to: the first three are to be reissued to it. */
export const [REISSUED, VETOED, CANCELLED, REVOKED, RENEWED] = [1, 2, 3, 4, 5];
const UNTOUCHED = 6;
/** Cards that are new. */
export const ISSUED = FIRST_FREE;
const [OFFERED, LISTED] = [FIRST_FREE + 1, FIRST_FREE + 2];

/** What the thief has ready when it is noticed. */
export interface Loot {
  voucher: Awaited<ReturnType<typeof signVoucher>>;
  /** One that the steward closes, and one that nobody does. */
  closed: Awaited<ReturnType<typeof openAllowlistFor>>;
  left: Awaited<ReturnType<typeof openAllowlistFor>>;
}

/** With all four keys. */
export async function plunder(world: World): Promise<Loot> {
  const { registry, collection, people, expiresAt, tell } = world;
  const { admin, issuer, steward, thief, accomplice } = people;
  const [asAdmin, asIssuer, asSteward] = [stolenFrom(admin), stolenFrom(issuer), stolenFrom(steward)];
  const mine = thief.account.address;
  await tell.signs(asAdmin, registry, "liftDailyCap", [BRAND_ID, issuer.account.address]);
  for (const role of ["Issuer", "Steward", "Staff"] as const)
    await tell.signs(asAdmin, registry, "grantRole", [brandRoleId(role), accomplice.account.address]);
  await tell.signs(asIssuer, collection, "issue", [ISSUED, [mine], { tier: TIER, expiresAt }, NONE, NONE]);
  await tell.signs(asIssuer, collection, "renew", [[RENEWED], expiresAt, 1_000 * DAY]);
  await tell.signs(asSteward, collection, "revoke", [[REVOKED], NONE]);
  for (const serial of [REISSUED, VETOED, CANCELLED])
    await tell.signs(asSteward, collection, "requestReissue", [serial, mine, NONE]);
  for (const act of [FREEZE_CONTENT, WIND_DOWN]) await tell.signs(asAdmin, collection, "announce", [act]);
  const closed = await openAllowlistFor(world, asIssuer, thief, LISTED);
  const left = await openAllowlistFor(world, accomplice, thief, LISTED + 1);
  const voucher = await signVoucher(world, accomplice, thief, OFFERED);
  tell.say("The accomplice signs a voucher for the thief; nothing of it is on the chain.");
  return { voucher, closed, left };
}

/** What all of the brand's keys, the accomplice's included, try in vain. */
export async function triesEverything(world: World, { voucher, closed, left }: Loot, after: "suspension" | "decision") {
  const { registry, collection, people, expiresAt, tell } = world;
  const { admin, issuer, steward, thief, accomplice } = people;
  const [asAdmin, asIssuer, asSteward] = [stolenFrom(admin), stolenFrom(issuer), stolenFrom(steward)];
  const isOver = after === "decision";
  const missing = isOver ? "BrandRoleMissing" : "BrandNotActive";
  const ungrantable = isOver ? "AccessControlUnauthorizedAccount" : "BrandNotActive";
  const mine = thief.account.address;
  for (const keyEpoch of isOver ? [0, 1] : [0])
    await tell.fails(asAdmin, registry, "grantRole", [brandRoleId("Steward", keyEpoch), mine], ungrantable);
  for (const giver of [asIssuer, accomplice])
    await tell.fails(giver, collection, "issue", [30, [mine], { tier: TIER, expiresAt }, NONE, NONE], missing);
  for (const taker of [asSteward, accomplice])
    await tell.fails(taker, collection, "revoke", [[UNTOUCHED], NONE], missing);
  await tell.fails(thief, collection, "claim", voucher, missing);
  await tell.fails(thief, collection, "claimAllowlisted", left.claim, isOver ? "AppointmentEnded" : missing);
  if (isOver) await tell.fails(thief, collection, "claimAllowlisted", closed.claim, "AllowlistNotOpen");
  await tell.fails(stolenFrom(people.till), collection, "redeem", await authorise(world, UNTOUCHED), missing);
  await tell.fails(asSteward, collection, "executeReissue", [REISSUED], missing);
  await tell.fails(asAdmin, collection, "carryOut", [WIND_DOWN], missing);
  await tell.fails(asAdmin, collection, "setContent", ["ipfs://ransom", NONE], missing);
  const request = { ...COLLECTION, slug: `${COLLECTION.slug}-two` };
  await tell.fails(asAdmin, registry, "createCollection", [request], missing);
  if (isOver) {
    // What takes away is allowed while a brand is suspended, and to nobody's key.
    await tell.fails(asSteward, collection, "closeAllowlist", [left.root], missing);
    await tell.fails(asSteward, collection, "cancelReissue", [REISSUED], missing);
    await tell.fails(asAdmin, collection, "cancelAnnounced", [FREEZE_CONTENT], missing);
    await tell.fails(asAdmin, registry, "setDailyCap", [BRAND_ID, people.newIssuer.account.address, 0], missing);
  }
}
