// The key of an issuer, a steward or a till, when nobody else has it.

import { BRAND_ID } from "../cast.ts";
import type { Drill } from "./drill.ts";
import { brandRoleId, DAILY_CAP, FIRST_FREE, NONE, REASON_LOST, TIER } from "./world.ts";

export const staffLost: Drill = {
  name: "staff-lost",
  title: "The key of an issuer, a steward or a till is lost",
  takes: "The brand's administrator, minutes; no vote.",
  async play({ registry, collection, people, expiresAt, tell }) {
    const { admin, issuer, steward, till, newIssuer, newSteward, newTill, customer } = people;

    tell.part("What has happened: nobody can sign for these accounts any more");

    tell.part("What to do: the administrator gives each role to another key and takes it from the lost one");
    await tell.signs(admin, registry, "setDailyCap", [BRAND_ID, newIssuer.account.address, DAILY_CAP]);
    for (const [role, lost, next] of [
      ["Issuer", issuer, newIssuer],
      ["Steward", steward, newSteward],
      ["Staff", till, newTill],
    ] as const) {
      const id = brandRoleId(role);
      await tell.signs(admin, registry, "grantRole", [id, next.account.address]);
      await tell.signs(admin, registry, "revokeRole", [id, lost.account.address]);
      await tell.reads(registry, "hasRole", [id, next.account.address], true, "the new key has the role");
      await tell.reads(registry, "hasRole", [id, lost.account.address], false, "the lost one has it no more");
    }
    tell.say(
      "Vouchers that the lost issuer's key has signed and allowlists that it has opened end with it: sign and open them anew.",
    );

    tell.part("If a lost key is found by somebody");
    const batch = [FIRST_FREE, [customer.account.address], { tier: TIER, expiresAt }, NONE, NONE];
    await tell.fails(issuer, collection, "issue", batch, "BrandRoleMissing");
    await tell.fails(steward, collection, "suspend", [[1], REASON_LOST], "BrandRoleMissing");

    tell.part("Everything is as before");
    await tell.signs(newIssuer, collection, "issue", batch);
    await tell.reads(collection, "ownerOf", [FIRST_FREE], customer.account.address, "the new issuer issues");
  },
};
