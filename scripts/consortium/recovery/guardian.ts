// The guardian's key.

import { FINAL_ACT } from "../../../server/chain/abi.ts";
import { BRAND_ID } from "../cast.ts";
import { callOf } from "../decisions.ts";
import type { Drill } from "./drill.ts";
import { BRAND_IS, FIRST_FREE, NONE, REASON, stolenFrom, TIER, type World } from "./world.ts";

/** The first two calls of the decision. */
function otherGuardian({ registry, guardianRole, people }: World) {
  return [
    callOf(registry, "revokeRole", [guardianRole, people.guardian.account.address]),
    callOf(registry, "grantRole", [guardianRole, people.newGuardian.account.address]),
  ];
}

async function guardianIsReplaced({ registry, guardianRole, people, tell }: World): Promise<void> {
  const [before, now] = [people.guardian.account.address, people.newGuardian.account.address];
  await tell.reads(registry, "hasRole", [guardianRole, before], false, "the old key is no guardian's");
  await tell.reads(registry, "hasRole", [guardianRole, now], true, "the new key is the guardian's");
}

export const guardianStolen: Drill = {
  name: "guardian-stolen",
  title: "The guardian's key is stolen, and suspends a brand",
  takes:
    "A majority of the seats, 8 days. Until then suspended brands give nothing; all cards stay valid. What a brand announces the " +
    "thief can cancel.",
  async play(world) {
    const { registry, collection, members, people, guardianRole, expiresAt, tell } = world;
    const [bank, city, retail] = members;
    const stolen = stolenFrom(people.guardian);

    tell.part("What has happened");
    await tell.signs(people.admin, collection, "announce", [FINAL_ACT.FreezeContent]);
    await tell.signs(stolen, registry, "suspendBrand", [BRAND_ID, REASON]);
    await tell.signs(stolen, collection, "cancelAnnounced", [FINAL_ACT.FreezeContent]);
    await tell.reads(registry, "brandStatus", [BRAND_ID], BRAND_IS.suspended, "the brand is suspended");
    await tell.reads(
      collection,
      "verify",
      [1],
      { owner: people.customer.account.address, status: 1, brandStatus: BRAND_IS.suspended },
      "its cards are as they were, and say that the brand is suspended",
    );
    const terms = { tier: TIER, expiresAt };
    const another = [FIRST_FREE, [people.customer.account.address], terms, NONE, NONE];
    await tell.fails(people.issuer, collection, "issue", another, "BrandNotActive");

    tell.part("What the thief cannot do");
    const denied = "AccessControlUnauthorizedAccount";
    const { thief } = people;
    await tell.fails(stolen, registry, "retireBrand", [BRAND_ID, REASON], denied);
    await tell.fails(stolen, registry, "reinstateBrand", [BRAND_ID, 1], denied);
    await tell.fails(stolen, registry, "replaceBrandKeys", [BRAND_ID, thief.account.address], denied);
    await tell.fails(stolen, registry, "grantRole", [guardianRole, thief.account.address], denied);

    tell.part("What to do: dismiss the guardian, appoint another one, reinstate what was suspended; in this order");
    await tell.reads(registry, "brandOf", [BRAND_ID], { suspension: 1 }, "this is the suspension to be lifted");
    const reinstatement = callOf(registry, "reinstateBrand", [BRAND_ID, 1]);
    await tell.decides(
      city,
      "Another guardian; the brand is reinstated",
      [...otherGuardian(world), reinstatement],
      [
        [city, "yes"],
        [retail, "yes"],
        [bank, "yes"],
      ],
    );
    await guardianIsReplaced(world);
    await tell.reads(registry, "brandStatus", [BRAND_ID], BRAND_IS.active, "the brand is active");
    tell.say(
      "A brand that the thief suspends after the proposal needs a decision of its own: a decision names the suspensions it lifts.",
    );
    tell.say(
      "Do not let another decision reinstate a brand before: the thief suspends it again, and then this one reverts as a whole.",
    );

    tell.part("What the thief tries then");
    await tell.fails(stolen, registry, "suspendBrand", [BRAND_ID, REASON], denied);
    await tell.signs(people.admin, collection, "announce", [FINAL_ACT.FreezeContent]);
    await tell.fails(stolen, collection, "cancelAnnounced", [FINAL_ACT.FreezeContent], "BrandRoleMissing");

    tell.part("Everything is as before");
    await tell.signs(people.issuer, collection, "issue", another);
    await tell.reads(collection, "ownerOf", [FIRST_FREE], people.customer.account.address, "the brand issues again");
  },
};

export const guardianLost: Drill = {
  name: "guardian-lost",
  title: "The guardian's key is lost",
  takes: "A majority of the seats, 8 days. Until then nobody can suspend a brand at once.",
  async play(world) {
    const { registry, members, people, tell } = world;
    const [bank, city, retail] = members;

    tell.part("What has happened: nobody can sign for the guardian any more");
    tell.say(
      "A brand that must be suspended meanwhile is suspended by a decision: registry.suspendBrand, also 8 days.",
    );

    tell.part("What to do: dismiss the guardian, lest somebody finds the key, and appoint another one");
    await tell.decides(city, "Another guardian", otherGuardian(world), [
      [city, "yes"],
      [retail, "yes"],
      [bank, "yes"],
    ]);
    await guardianIsReplaced(world);

    tell.part("Everything is as before");
    const denied = "AccessControlUnauthorizedAccount";
    await tell.fails(people.guardian, registry, "suspendBrand", [BRAND_ID, REASON], denied);
    await tell.signs(people.newGuardian, registry, "suspendBrand", [BRAND_ID, REASON]);
    await tell.reads(registry, "brandStatus", [BRAND_ID], BRAND_IS.suspended, "the new guardian suspends at once");
  },
};
