// A steward's key.

import type { Drill } from "./drill.ts";
import { openAllowlistFor } from "./offers.ts";
import { brandRoleId, CARD_IS, DAY, FIRST_FREE, NONE, REASON, REISSUE_DELAY, stolenFrom, TIER } from "./world.ts";

const [SUSPENDED, CORRECTED, REVOKED, REISSUED] = [1, 2, 3, 4];
const [REPLACEMENT, LISTED] = [FIRST_FREE, FIRST_FREE + 1];

export const stewardStolen: Drill = {
  name: "steward-stolen",
  title: "A steward's key is stolen",
  takes: "The brand's administrator, minutes, and its new steward and issuer after that; no vote.",
  async play(world) {
    const { registry, collection, people, expiresAt, tell } = world;
    const { admin, issuer, newSteward, customer } = people;
    const thief = people.thief.account.address;
    const stolen = stolenFrom(people.steward);
    const stewardRole = brandRoleId("Steward");
    const terms = { tier: TIER, expiresAt };
    const shortened = { tier: 0, expiresAt: expiresAt - 300 * DAY };

    tell.part("What has happened");
    const list = await openAllowlistFor(world, issuer, customer, LISTED);
    await tell.signs(stolen, collection, "suspend", [[SUSPENDED], NONE]);
    const worse = { serial: CORRECTED, ...shortened, generation: 0, deadline: 0 };
    await tell.signs(stolen, collection, "correct", [worse, NONE, "0x"]);
    await tell.signs(stolen, collection, "revoke", [[REVOKED], NONE]);
    await tell.signs(stolen, collection, "requestReissue", [REISSUED, thief, NONE]);
    await tell.signs(stolen, collection, "closeAllowlist", [list.root]);
    await tell.fails(stolen, collection, "executeReissue", [REISSUED], "ReissueNotReady");
    tell.say(
      "A reissue waits, so that there is time for what follows. The card's holder can refuse it, too: collection.vetoReissue.",
    );

    tell.part("What to do: the administrator takes the role away and gives it to another key");
    await tell.signs(admin, registry, "revokeRole", [stewardRole, people.steward.account.address]);
    await tell.signs(admin, registry, "grantRole", [stewardRole, newSteward.account.address]);
    const gone = [stewardRole, people.steward.account.address];
    await tell.reads(registry, "hasRole", gone, false, "the stolen key is nobody's");

    tell.part("What the new steward sets right");
    await tell.signs(newSteward, collection, "cancelReissue", [REISSUED]);
    await tell.signs(newSteward, collection, "reinstate", [[SUSPENDED]]);
    const correction = { serial: CORRECTED, ...terms, generation: 0, deadline: 0 };
    await tell.signs(newSteward, collection, "correct", [correction, REASON, "0x"]);
    await tell.reads(collection, "pendingReissueOf", [REISSUED], { readyAt: 0 }, "no reissue is pending");
    await tell.reads(collection, "cardOf", [SUSPENDED], { status: CARD_IS.active }, "the suspended card is active");
    await tell.reads(collection, "cardOf", [CORRECTED], terms, "the shortened card is as it was");

    tell.part("What the issuer gives again: a revoked card stays revoked, and its serial is never issued again");
    const holder = customer.account.address;
    await tell.fails(issuer, collection, "issue", [REVOKED, [holder], terms, NONE, REASON], "CardAlreadyIssued");
    await tell.signs(issuer, collection, "issue", [REPLACEMENT, [holder], terms, NONE, REASON]);
    await tell.reads(
      collection,
      "cardOf",
      [REPLACEMENT],
      { holder, ...terms },
      "the holder has another card with the same terms",
    );
    await openAllowlistFor(world, issuer, customer, LISTED);

    tell.part("What the thief tries then");
    await tell.fails(stolen, collection, "suspend", [[5], NONE], "BrandRoleMissing");
    await tell.fails(stolen, collection, "revoke", [[5], NONE], "BrandRoleMissing");
    await tell.fails(stolen, collection, "closeAllowlist", [list.root], "BrandRoleMissing");
    await tell.fails(stolen, collection, "requestReissue", [5, thief, NONE], "BrandRoleMissing");
    await tell.waits(REISSUE_DELAY, "the reissue would be ready now");
    await tell.fails(stolen, collection, "executeReissue", [REISSUED], "BrandRoleMissing");
    await tell.fails(newSteward, collection, "executeReissue", [REISSUED], "ReissueNotPending");
    await tell.reads(collection, "ownerOf", [REISSUED], holder, "the card is where it was");
    tell.say(
      "Noticed only after the delay, the thief holds the card and can veto its way back: then the steward revokes it and the issuer " +
        "issues another serial, as in holder-stolen. In a collection without delay a reissue is done at once.",
    );
  },
};
