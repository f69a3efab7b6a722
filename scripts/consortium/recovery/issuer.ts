// An issuer's key.

import { BRAND_ID } from "../cast.ts";
import type { Drill } from "./drill.ts";
import { openAllowlistFor, signVoucher } from "./offers.ts";
import { brandRoleId, CARD_IS, DAILY_CAP, DAY, FIRST_FREE, NONE, REASON, stolenFrom, TIER } from "./world.ts";

const [ISSUED, OFFERED, LISTED, NEXT] = [FIRST_FREE, FIRST_FREE + 1, FIRST_FREE + 2, FIRST_FREE + 3];
const HIGHEST_TIER = 3;

export const issuerStolen: Drill = {
  name: "issuer-stolen",
  title: "An issuer's key is stolen",
  takes: "The brand's administrator, minutes; its steward sets right what the thief gave; no vote.",
  async play(world) {
    const { registry, collection, people, expiresAt, tell } = world;
    const { admin, steward, newIssuer, customer } = people;
    const thief = people.thief.account.address;
    const stolen = stolenFrom(people.issuer);
    const issuerRole = brandRoleId("Issuer");
    const terms = { tier: TIER, expiresAt };

    tell.part(`What has happened: the thief gives what the daily cap of ${DAILY_CAP} cards allows`);
    await tell.signs(stolen, collection, "issue", [ISSUED, [thief], terms, NONE, NONE]);
    await tell.signs(stolen, collection, "setTier", [[1], HIGHEST_TIER]);
    await tell.signs(stolen, collection, "renew", [[2], expiresAt, 1_000 * DAY]);
    const list = await openAllowlistFor(world, stolen, people.thief, LISTED);
    const voucher = await signVoucher(world, stolen, people.thief, OFFERED);
    tell.say("The thief signs a voucher for itself and keeps it; nothing of it is on the chain.");
    await tell.fails(stolen, collection, "issue", [30, [thief, thief], terms, NONE, NONE], "DailyCapExceeded");
    await tell.fails(stolen, collection, "setTier", [[3], HIGHEST_TIER + 1], "TierNotDeclared");

    tell.part("What to do: the administrator takes the role away");
    await tell.signs(admin, registry, "revokeRole", [issuerRole, people.issuer.account.address]);
    const gone = [issuerRole, people.issuer.account.address];
    await tell.reads(registry, "hasRole", gone, false, "the stolen key is nobody's");

    tell.part("What the thief tries then: vouchers and allowlists have died with the appointment");
    await tell.fails(stolen, collection, "issue", [30, [thief], terms, NONE, NONE], "BrandRoleMissing");
    await tell.fails(stolen, collection, "renew", [[3], expiresAt, DAY], "BrandRoleMissing");
    await tell.fails(people.thief, collection, "claim", voucher, "BrandRoleMissing");
    await tell.fails(people.thief, collection, "claimAllowlisted", list.claim, "AppointmentEnded");

    tell.part("What to do then: another issuer, with a cap before it has the role");
    await tell.signs(admin, registry, "setDailyCap", [BRAND_ID, newIssuer.account.address, DAILY_CAP]);
    await tell.signs(admin, registry, "grantRole", [issuerRole, newIssuer.account.address]);
    await tell.signs(steward, collection, "closeAllowlist", [list.root]);
    await tell.signs(steward, collection, "revoke", [[ISSUED], REASON]);
    const correction = (serial: number) => ({ serial, ...terms, generation: 0, deadline: 0 });
    await tell.signs(steward, collection, "correct", [correction(1), REASON, "0x"]);
    await tell.signs(steward, collection, "correct", [correction(2), REASON, "0x"]);
    await tell.reads(collection, "cardOf", [ISSUED], { status: CARD_IS.revoked }, "the thief's card is revoked");
    await tell.reads(collection, "cardOf", [1], terms, "the card with the wrong tier is corrected");
    await tell.reads(collection, "cardOf", [2], terms, "the card that was renewed too far is corrected");
    tell.say(
      "Where the issuer may not burn (OwnerOnly, Neither) there is no revoke, and these corrections need the holder's signature.",
    );

    tell.part("Everything is as before, and the old offers stay dead even if somebody trusts the old key again");
    await tell.signs(newIssuer, collection, "issue", [NEXT, [customer.account.address], terms, NONE, NONE]);
    await tell.signs(admin, registry, "grantRole", [issuerRole, people.issuer.account.address]);
    await tell.fails(people.thief, collection, "claim", voucher, "AppointmentEnded");
    await tell.signs(admin, registry, "revokeRole", [issuerRole, people.issuer.account.address]);
  },
};
