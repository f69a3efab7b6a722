// All keys of a brand at once, or its administrator's, which could have given itself the others.

import { FINAL_ACT } from "../../../server/chain/abi.ts";
import { BRAND_ID, COLLECTION } from "../cast.ts";
import { callOf } from "../decisions.ts";
import { authorise } from "./authorisation.ts";
import type { Drill } from "./drill.ts";
import { openAllowlistFor, signVoucher } from "./offers.ts";
import type { Party } from "./telling.ts";
import {
  BRAND_IS,
  brandRoleId,
  CARD_IS,
  DAILY_CAP,
  DAY,
  FINAL_ACT_NOTICE,
  FIRST_FREE,
  NONE,
  REASON,
  stolenFrom,
  TIER,
  type World,
} from "./world.ts";

const { FreezeContent: FREEZE_CONTENT, WindDown: WIND_DOWN } = FINAL_ACT;
/** Cards that the thief does something to. */
const [REISSUED, VETOED, REVOKED, RENEWED] = [1, 2, 3, 4];
const [ISSUED, OFFERED, LISTED, REPLACEMENT] = [FIRST_FREE, FIRST_FREE + 1, FIRST_FREE + 2, FIRST_FREE + 3];

/** What the thief has ready when it is noticed. */
interface Loot {
  voucher: Awaited<ReturnType<typeof signVoucher>>;
  /** One that the steward closes, and one that nobody does. */
  closed: Awaited<ReturnType<typeof openAllowlistFor>>;
  left: Awaited<ReturnType<typeof openAllowlistFor>>;
}

/** With all four keys. */
async function plunder(world: World): Promise<Loot> {
  const { registry, collection, people, expiresAt, tell } = world;
  const { admin, issuer, steward, till, thief, accomplice } = people;
  const [asAdmin, asIssuer, asSteward, asTill] = [admin, issuer, steward, till].map(stolenFrom) as [
    Party,
    Party,
    Party,
    Party,
  ];
  const mine = thief.account.address;
  await tell.signs(asAdmin, registry, "liftDailyCap", [BRAND_ID, issuer.account.address]);
  for (const role of ["Issuer", "Steward", "Staff"] as const)
    await tell.signs(asAdmin, registry, "grantRole", [brandRoleId(role), accomplice.account.address]);
  await tell.signs(asIssuer, collection, "issue", [ISSUED, [mine], { tier: TIER, expiresAt }, NONE, NONE]);
  await tell.signs(asIssuer, collection, "renew", [[RENEWED], expiresAt, 1_000 * DAY]);
  await tell.signs(asSteward, collection, "revoke", [[REVOKED], NONE]);
  await tell.signs(asSteward, collection, "requestReissue", [REISSUED, mine, NONE]);
  await tell.signs(asSteward, collection, "requestReissue", [VETOED, mine, NONE]);
  for (const act of [FREEZE_CONTENT, WIND_DOWN]) await tell.signs(asAdmin, collection, "announce", [act]);
  const closed = await openAllowlistFor(world, asIssuer, thief, LISTED);
  const left = await openAllowlistFor(world, accomplice, thief, LISTED + 1);
  const voucher = await signVoucher(world, accomplice, thief, OFFERED);
  tell.say("The accomplice signs a voucher for the thief; nothing of it is on the chain.");
  await tell.fails(
    asTill,
    collection,
    "issue",
    [30, [mine], { tier: TIER, expiresAt }, NONE, NONE],
    "BrandRoleMissing",
  );
  return { voucher, closed, left };
}

/** What all of the brand's keys, the accomplice's included, try in vain. */
async function triesEverything(world: World, { voucher, closed, left }: Loot, after: "suspension" | "decision") {
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
  for (const taker of [asSteward, accomplice]) await tell.fails(taker, collection, "revoke", [[5], NONE], missing);
  await tell.fails(thief, collection, "claim", voucher, missing);
  await tell.fails(thief, collection, "claimAllowlisted", left.claim, isOver ? "AppointmentEnded" : missing);
  if (isOver) await tell.fails(thief, collection, "claimAllowlisted", closed.claim, "AllowlistNotOpen");
  await tell.fails(stolenFrom(people.till), collection, "redeem", await authorise(world, 5), missing);
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

export const brandStolen: Drill = {
  name: "brand-stolen",
  title: "Every key of a brand is stolen, or its administrator's: what to do is the same",
  takes:
    "The guardian, at once; then a majority of the seats, one decision, 8 days, in which the brand gives nothing and its cards stay " +
    "valid; then the brand's new administrator, minutes.",
  async play(world) {
    const { registry, collection, members, people, expiresAt, tell } = world;
    const { guardian, steward, customer, newAdmin, newIssuer, newSteward, newTill } = people;
    const [bank, city, retail] = members;

    tell.part("What has happened");
    const loot = await plunder(world);

    tell.part("What to do at once: the guardian suspends the brand, and nothing is given any more");
    await tell.signs(guardian, registry, "suspendBrand", [BRAND_ID, REASON]);
    await tell.reads(registry, "brandStatus", [BRAND_ID], BRAND_IS.suspended, "the brand is suspended");
    await triesEverything(world, loot, "suspension");

    tell.part("What to do while it is suspended: take away what was prepared, which is allowed");
    await tell.signs(guardian, collection, "cancelAnnounced", [WIND_DOWN]);
    await tell.reads(collection, "announcedFor", [WIND_DOWN], 0, "the winding down is not announced any more");
    await tell.signs(steward, collection, "closeAllowlist", [loot.closed.root]);
    await tell.reads(collection, "allowlistOf", [loot.closed.root], { count: 0 }, "the allowlist is closed");
    await tell.signs(customer, collection, "vetoReissue", [VETOED]);
    await tell.reads(collection, "pendingReissueOf", [VETOED], { readyAt: 0 }, "the customer has refused a reissue");
    tell.say(
      "A stolen key is one that both have: the brand's steward signs with its own copy. A thief with the administrator's key can take " +
        "the steward's role away first; then this is left to the new keys, as the other allowlist and the other reissue are here.",
    );

    tell.part("What to do then: one decision ends every key, names the new administrator and reinstates the brand");
    await tell.reads(
      registry,
      "brandOf",
      [BRAND_ID],
      { suspension: 1, keyEpoch: 0 },
      "this is the suspension to be lifted",
    );
    await tell.decides(
      city,
      "Recover the brand",
      [
        callOf(registry, "replaceBrandKeys", [BRAND_ID, newAdmin.account.address]),
        callOf(registry, "reinstateBrand", [BRAND_ID, 1]),
      ],
      [
        [city, "yes"],
        [retail, "yes"],
        [bank, "yes"],
      ],
    );
    await tell.reads(registry, "brandOf", [BRAND_ID], { status: BRAND_IS.active, keyEpoch: 1 }, "the brand is active");
    await tell.reads(
      registry,
      "hasRole",
      [brandRoleId("Admin", 1), newAdmin.account.address],
      true,
      "it has its new administrator",
    );
    for (const [role, { account }] of Object.entries({
      Admin: people.admin,
      Issuer: people.issuer,
      Steward: people.steward,
      Staff: people.till,
    }) as ["Admin" | "Issuer" | "Steward" | "Staff", Party][])
      for (const keyEpoch of [0, 1])
        await tell.reads(
          registry,
          "hasRole",
          [brandRoleId(role, keyEpoch), account.address],
          false,
          "this key is nobody's",
        );

    tell.part("What the thief tries then");
    await triesEverything(world, loot, "decision");
    await tell.reads(collection, "ownerOf", [REISSUED], customer.account.address, "the reissue has come to nothing");

    tell.part("What the new administrator does: people, caps, and an end to what is pending");
    await tell.signs(newAdmin, registry, "setDailyCap", [BRAND_ID, newIssuer.account.address, DAILY_CAP]);
    for (const [role, { account }] of [
      ["Issuer", newIssuer],
      ["Steward", newSteward],
      ["Staff", newTill],
    ] as const)
      await tell.signs(newAdmin, registry, "grantRole", [brandRoleId(role, 1), account.address]);
    await tell.signs(newSteward, collection, "cancelReissue", [REISSUED]);
    await tell.signs(newSteward, collection, "closeAllowlist", [loot.left.root]);
    await tell.signs(newAdmin, collection, "cancelAnnounced", [FREEZE_CONTENT]);
    await tell.waits(FINAL_ACT_NOTICE, "everything that was announced or requested would be ready now");
    await tell.fails(newSteward, collection, "executeReissue", [REISSUED], "ReissueNotPending");
    for (const act of [FREEZE_CONTENT, WIND_DOWN])
      await tell.fails(newAdmin, collection, "carryOut", [act], "FinalActNotAnnounced");

    tell.part("What the new people repair");
    const replacement = [REPLACEMENT, [customer.account.address], { tier: TIER, expiresAt }, NONE, REASON];
    await tell.signs(newSteward, collection, "revoke", [[ISSUED], REASON]);
    const correction = { serial: RENEWED, tier: TIER, expiresAt, generation: 0, deadline: 0 };
    await tell.signs(newSteward, collection, "correct", [correction, REASON, "0x"]);
    await tell.signs(newIssuer, collection, "issue", replacement);
    await tell.reads(
      collection,
      "cardOf",
      [ISSUED],
      { status: CARD_IS.revoked },
      "the card that the thief issued is revoked",
    );
    await tell.reads(collection, "cardOf", [RENEWED], { expiresAt }, "the card that it renewed is corrected");
    await tell.reads(
      collection,
      "cardOf",
      [REVOKED],
      { status: CARD_IS.revoked },
      "the card that it revoked stays revoked",
    );
    await tell.reads(
      collection,
      "ownerOf",
      [REPLACEMENT],
      customer.account.address,
      "its holder has another one for it",
    );
    await tell.fails(people.thief, collection, "claim", loot.voucher, "BrandRoleMissing");
    tell.say(
      "Where the guardian's key is gone too, the brand is not suspended: then the decision is replaceBrandKeys alone.",
    );
    tell.say(
      "Not undone: cards that the thief revoked, and what it redeemed. Content and benefits that it changed are set again.",
    );
  },
};
