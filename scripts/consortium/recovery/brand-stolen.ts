// All keys of a brand at once, or its administrator's, which could have given itself the others.

import { BRAND_ROLES } from "../../../server/chain/abi.ts";
import { BRAND_ID } from "../cast.ts";
import { callOf } from "../decisions.ts";
import {
  CANCELLED,
  FREEZE_CONTENT,
  ISSUED,
  type Loot,
  plunder,
  REISSUED,
  RENEWED,
  REVOKED,
  triesEverything,
  VETOED,
  WIND_DOWN,
} from "./brand-thief.ts";
import type { Drill } from "./drill.ts";
import {
  BRAND_IS,
  brandRoleId,
  CARD_IS,
  DAILY_CAP,
  FINAL_ACT_NOTICE,
  FIRST_FREE,
  NONE,
  REASON,
  TIER,
  type World,
} from "./world.ts";

/** For the card that the thief revoked. */
const REPLACEMENT = FIRST_FREE + 10;

/** What the brand's own keys and the guardian may still do. */
async function takeAway({ collection, people, tell }: World, { closed }: Loot): Promise<void> {
  const { guardian, steward, customer } = people;
  await tell.signs(guardian, collection, "cancelAnnounced", [WIND_DOWN]);
  await tell.reads(collection, "announcedFor", [WIND_DOWN], 0, "the winding down is not announced any more");
  await tell.signs(steward, collection, "closeAllowlist", [closed.root]);
  await tell.reads(collection, "allowlistOf", [closed.root], { count: 0 }, "the allowlist is closed");
  await tell.signs(steward, collection, "cancelReissue", [CANCELLED]);
  await tell.reads(collection, "pendingReissueOf", [CANCELLED], { readyAt: 0 }, "the steward has taken a reissue back");
  await tell.signs(customer, collection, "vetoReissue", [VETOED]);
  await tell.reads(collection, "pendingReissueOf", [VETOED], { readyAt: 0 }, "the customer has refused another one");
  tell.say(
    "A stolen key is one that both have: the brand's steward signs with its own copy. A thief with the administrator's key can take " +
      "the steward's role away first; then this is left to the new keys, as one announcement, one allowlist and one reissue are here.",
  );
}

async function decideRecovery({ registry, members, people, tell }: World): Promise<void> {
  const { admin, issuer, steward, till, newAdmin } = people;
  const [bank, city, retail] = members;
  const last = { suspension: 1, keyEpoch: 0 };
  await tell.reads(registry, "brandOf", [BRAND_ID], last, "this is the suspension to be lifted");
  const acts = [
    callOf(registry, "replaceBrandKeys", [BRAND_ID, newAdmin.account.address]),
    callOf(registry, "reinstateBrand", [BRAND_ID, 1]),
  ];
  await tell.decides(city, "Recover the brand", acts, [
    [city, "yes"],
    [retail, "yes"],
    [bank, "yes"],
  ]);
  tell.say(
    "Where the guardian's key is gone too, the brand is not suspended: then the decision is replaceBrandKeys alone.",
  );
  await tell.reads(registry, "brandOf", [BRAND_ID], { status: BRAND_IS.active, keyEpoch: 1 }, "the brand is active");
  const appointed = [brandRoleId("Admin", 1), newAdmin.account.address];
  await tell.reads(registry, "hasRole", appointed, true, "it has its new administrator");
  const former = { Admin: admin, Issuer: issuer, Steward: steward, Staff: till };
  for (const role of BRAND_ROLES)
    for (const keyEpoch of [0, 1]) {
      const key = [brandRoleId(role, keyEpoch), former[role].account.address];
      await tell.reads(registry, "hasRole", key, false, "this key is nobody's");
    }
}

/** What the new administrator does: people, caps, and an end to what is pending. */
async function beginAnew({ registry, collection, people, tell }: World, { left }: Loot): Promise<void> {
  const { newAdmin, newIssuer, newSteward, newTill } = people;
  await tell.signs(newAdmin, registry, "setDailyCap", [BRAND_ID, newIssuer.account.address, DAILY_CAP]);
  const appointees = { Issuer: newIssuer, Steward: newSteward, Staff: newTill };
  for (const role of ["Issuer", "Steward", "Staff"] as const)
    await tell.signs(newAdmin, registry, "grantRole", [brandRoleId(role, 1), appointees[role].account.address]);
  await tell.signs(newSteward, collection, "cancelReissue", [REISSUED]);
  await tell.signs(newSteward, collection, "closeAllowlist", [left.root]);
  await tell.signs(newAdmin, collection, "cancelAnnounced", [FREEZE_CONTENT]);
  await tell.waits(FINAL_ACT_NOTICE, "everything that was announced or requested would be ready now");
  for (const serial of [REISSUED, VETOED, CANCELLED])
    await tell.fails(newSteward, collection, "executeReissue", [serial], "ReissueNotPending");
  for (const act of [FREEZE_CONTENT, WIND_DOWN])
    await tell.fails(newAdmin, collection, "carryOut", [act], "FinalActNotAnnounced");
}

async function repair({ collection, people, expiresAt, tell }: World): Promise<void> {
  const { newIssuer, newSteward, customer } = people;
  const terms = { tier: TIER, expiresAt };
  const holder = customer.account.address;
  const revoked = { status: CARD_IS.revoked };
  await tell.signs(newSteward, collection, "revoke", [[ISSUED], REASON]);
  await tell.reads(collection, "cardOf", [ISSUED], revoked, "the card that the thief issued is revoked");
  const correction = { serial: RENEWED, ...terms, generation: 0, deadline: 0 };
  await tell.signs(newSteward, collection, "correct", [correction, REASON, "0x"]);
  await tell.reads(collection, "cardOf", [RENEWED], terms, "the card that it renewed is corrected");
  await tell.signs(newIssuer, collection, "issue", [REPLACEMENT, [holder], terms, NONE, REASON]);
  await tell.reads(collection, "cardOf", [REVOKED], revoked, "the card that it revoked stays revoked");
  await tell.reads(collection, "ownerOf", [REPLACEMENT], holder, "its holder has another one for it");
  tell.say(
    "Cards that the thief revoked stay revoked. What it redeemed is undone as in till-stolen; content and benefits are set again.",
  );
}

export const brandStolen: Drill = {
  name: "brand-stolen",
  title: "Every key of a brand is stolen, or its administrator's: what to do is the same",
  takes:
    "The guardian, at once; then a majority of the seats, one decision, 8 days, in which the brand gives nothing and its cards stay " +
    "valid; then the brand's new administrator, minutes.",
  async play(world) {
    const { registry, collection, people, tell } = world;

    tell.part("What has happened");
    const loot = await plunder(world);

    tell.part("What to do at once: the guardian suspends the brand, and nothing is given any more");
    await tell.signs(people.guardian, registry, "suspendBrand", [BRAND_ID, REASON]);
    await tell.reads(registry, "brandStatus", [BRAND_ID], BRAND_IS.suspended, "the brand is suspended");
    await triesEverything(world, loot, "suspension");

    tell.part("What to do while it is suspended: take away what was prepared, which is allowed");
    await takeAway(world, loot);

    tell.part("What to do then: one decision ends every key, names the new administrator and reinstates the brand");
    await decideRecovery(world);

    tell.part("What the thief tries then");
    await triesEverything(world, loot, "decision");
    const owner = people.customer.account.address;
    await tell.reads(collection, "ownerOf", [REISSUED], owner, "the reissue has come to nothing");

    tell.part("What the new administrator does: people, caps, and an end to what is pending");
    await beginAnew(world, loot);

    tell.part("What the new people repair");
    await repair(world);
    await tell.fails(people.thief, collection, "claim", loot.voucher, "BrandRoleMissing");
  },
};
