// The key of a till, or of anybody else of the staff.

import { authorise } from "./authorisation.ts";
import type { Drill } from "./drill.ts";
import type { Party } from "./telling.ts";
import { BENEFIT, brandRoleId, QUOTA, REASON, stolenFrom } from "./world.ts";

const [USED, SEEN, NAMED] = [1, 2, 3];

export const tillStolen: Drill = {
  name: "till-stolen",
  title: "The key of a till is stolen, or of anybody else of the staff",
  takes: "The brand's administrator, minutes, and its new till after that; no vote.",
  async play(world) {
    const { registry, collection, people, tell } = world;
    const { admin, till, newTill } = people;
    const stolen: Party = stolenFrom(till);
    const staffRole = brandRoleId("Staff");

    tell.part("What has happened");
    await tell.signs(admin, registry, "grantRole", [staffRole, newTill.account.address]);
    await tell.signs(newTill, collection, "redeem", await authorise(world, USED));
    await tell.signs(stolen, collection, "undoRedemption", [USED, BENEFIT, 1, REASON]);
    await tell.reads(
      collection,
      "remainingUses",
      [USED, BENEFIT],
      QUOTA,
      "the card has a use again that it had used up",
    );
    await tell.signs(stolen, collection, "redeem", await authorise(world, SEEN));
    await tell.reads(collection, "remainingUses", [SEEN, BENEFIT], QUOTA - 1, "a customer got nothing for this use");
    tell.say(
      "The thief saw an authorisation that named nobody. Without one it redeems nothing, and one that names a till is for that till:",
    );
    const named = await authorise(world, NAMED, { staff: newTill.account.address });
    await tell.fails(stolen, collection, "redeem", named, "StaffMismatch");
    const forged = await authorise(world, NAMED, { by: people.thief });
    await tell.fails(stolen, collection, "redeem", forged, "InvalidSignature");

    tell.part("What to do: the administrator takes the role away; the other tills go on");
    await tell.signs(admin, registry, "revokeRole", [staffRole, till.account.address]);
    await tell.reads(registry, "hasRole", [staffRole, till.account.address], false, "the stolen key is nobody's");

    tell.part("What another till sets right");
    await tell.signs(newTill, collection, "undoRedemption", [SEEN, BENEFIT, 1, REASON]);
    await tell.reads(collection, "remainingUses", [SEEN, BENEFIT], QUOTA, "the customer can use it again");
    tell.say("It can be undone until the card uses the benefit in a later period.");
    tell.say(
      "What the thief undid stays undone: it is one use too many for the card, seen in RedemptionUndone, and the brand bears it.",
    );

    tell.part("What the thief tries then");
    await tell.fails(stolen, collection, "redeem", await authorise(world, NAMED), "BrandRoleMissing");
    await tell.fails(stolen, collection, "undoRedemption", [USED, BENEFIT, 1, REASON], "BrandRoleMissing");

    tell.part("Everything is as before");
    await tell.signs(newTill, collection, "redeem", named);
    await tell.reads(collection, "remainingUses", [NAMED, BENEFIT], QUOTA - 1, "the named till redeems");
  },
};
