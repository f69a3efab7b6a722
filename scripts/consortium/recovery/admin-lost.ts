// The administrator's key, when nobody else has it.

import { FINAL_ACT } from "../../../server/chain/abi.ts";
import { callOf } from "../decisions.ts";
import type { Drill } from "./drill.ts";
import { signVoucher } from "./offers.ts";
import { brandRoleId, FIRST_FREE, NONE, REASON_LOST, TIER } from "./world.ts";

export const adminLost: Drill = {
  name: "admin-lost",
  title: "The key of a brand's administrator is lost",
  takes: "A majority of the seats, 8 days, in which the brand issues, renews and redeems as always.",
  async play(world) {
    const { registry, collection, members, people, expiresAt, tell } = world;
    const { admin, issuer, newAdmin, newTill, customer } = people;
    const [bank, city, retail] = members;
    const adminRole = brandRoleId("Admin");

    tell.part("What has happened: nobody can sign for the administrator any more; the brand's other keys work");
    tell.say(
      "Where anybody could have the key, it is stolen and not lost: play brand-stolen, which ends the other keys too.",
    );

    const voucher = await signVoucher(world, issuer, customer, FIRST_FREE + 1);
    tell.say("The issuer has signed a voucher for the customer, which nobody has claimed yet.");

    tell.part("What to do: one decision gives the role to another account and takes it from the lost one");
    await tell.decides(
      city,
      "Another administrator",
      [
        callOf(registry, "grantRole", [adminRole, newAdmin.account.address]),
        callOf(registry, "revokeRole", [adminRole, admin.account.address]),
      ],
      [
        [city, "yes"],
        [retail, "yes"],
        [bank, "yes"],
      ],
    );
    await tell.reads(
      registry,
      "hasRole",
      [adminRole, newAdmin.account.address],
      true,
      "the new administrator has the role",
    );
    await tell.reads(registry, "hasRole", [adminRole, admin.account.address], false, "the lost key has it no more");

    tell.part("If the lost key is found by somebody");
    await tell.fails(admin, collection, "announce", [FINAL_ACT.WindDown], "BrandRoleMissing");
    const denied = "AccessControlUnauthorizedAccount";
    await tell.fails(admin, registry, "grantRole", [brandRoleId("Issuer"), admin.account.address], denied);

    tell.part("Everything is as before: the other keys have stayed, and the administrator appoints");
    const terms = { tier: TIER, expiresAt };
    await tell.signs(issuer, collection, "issue", [FIRST_FREE, [customer.account.address], terms, NONE, REASON_LOST]);
    await tell.reads(collection, "ownerOf", [FIRST_FREE], customer.account.address, "the issuer issues");
    await tell.signs(customer, collection, "claim", voucher);
    await tell.reads(collection, "ownerOf", [FIRST_FREE + 1], customer.account.address, "the voucher was good");
    await tell.signs(newAdmin, registry, "grantRole", [brandRoleId("Staff"), newTill.account.address]);
    await tell.reads(
      registry,
      "hasRole",
      [brandRoleId("Staff"), newTill.account.address],
      true,
      "there is another till",
    );
  },
};
