// What a brand can set right on a card that it has given by mistake, and who has to consent; the tiers and the longest term that
// renewals, changes of tier and corrections keep to.

import { expect } from "chai";
import {
  BURN_AUTH,
  collectionFixture,
  ethers,
  HIGHEST_TIER,
  NO_REFERENCE,
  networkHelpers,
  ROLE,
  STATUS,
} from "./fixture.ts";
import { now, setNext } from "./support/clock.ts";
import { eventsOf } from "./support/events.ts";
import { sign } from "./support/signatures.ts";
import { fieldsOf, stateOf } from "./support/state.ts";

const DAY = 24 * 60 * 60;
const YEAR = 365 * DAY;
const TIER = 2;
const REASON = ethers.id("a mistake");
const ROOT = ethers.id("root");
const DATED = 1;
const UNDATED = 4;
const UNISSUED = 6;

/** Cards 1 and 2 expire in a year, 4 never does: the holder's, in a collection that limits no term and where burning is as said. */
async function setup(terms: Parameters<Awaited<ReturnType<typeof collectionFixture>>["createCollection"]>[0] = {}) {
  const accounts = await collectionFixture();
  const collection = await accounts.createCollection({ slug: "noirance-corrected", reissueDelay: 0, ...terms });
  const { issuer, steward, holder } = accounts;
  const expiresAt = (await now()) + YEAR;
  const issue = (serial: number, count: number, expiry: number) =>
    collection
      .connect(issuer)
      .issue(serial, Array(count).fill(holder), { tier: TIER, expiresAt: expiry }, ROOT, NO_REFERENCE);
  await issue(DATED, 2, expiresAt);
  if (terms.longestTerm === undefined) await issue(UNDATED, 1, 0);
  const correction = { serial: DATED, tier: TIER, expiresAt, generation: 0, deadline: expiresAt + YEAR };
  const correct = (change: Partial<typeof correction> = {}, consent = "0x", sender = steward) =>
    collection.connect(sender).correct({ ...correction, ...change }, REASON, consent);
  const consentTo = (change: Partial<typeof correction> = {}, signer = holder) =>
    sign(collection, signer, "Correction", { ...correction, ...change });
  const state = () => stateOf(collection, [1, 2, 3, UNDATED], [holder.address]);
  return { ...accounts, collection, expiresAt, correction, correct, consentTo, state };
}
type Setup = Awaited<ReturnType<typeof setup>>;

async function refuses({ state, collection }: Setup, act: () => Promise<unknown>, error: string, ...args: unknown[]) {
  const before = await state();
  await expect(act())
    .to.be.revertedWithCustomError(collection, error)
    .withArgs(...args);
  expect(await state()).to.deep.equal(before);
}

describe("CardLifecycle: correct", () => {
  for (const [what, change] of Object.entries({
    "an earlier expiry": (f: Setup) => ({ expiresAt: f.expiresAt - 300 * DAY }),
    "a later expiry": (f: Setup) => ({ expiresAt: f.expiresAt + DAY }),
    "no expiry": () => ({ expiresAt: 0 }),
    "a lower tier": () => ({ tier: 0 }),
    "a higher tier": () => ({ tier: HIGHEST_TIER }),
    "both at once": (f: Setup) => ({ tier: 1, expiresAt: f.expiresAt - DAY }),
  })) {
    it(`gives a card ${what}, reports it with the reason, and changes nothing else`, async () => {
      const f = await setup();
      const { collection, correction, correct, state } = f;
      const before = await state();
      const { tier, expiresAt } = { ...correction, ...change(f) };
      expect(await eventsOf(correct({ tier, expiresAt }), collection)).to.deep.equal([
        ["CardCorrected", BigInt(DATED), BigInt(tier), BigInt(expiresAt), REASON],
        ["MetadataUpdate", BigInt(DATED)],
      ]);
      Object.assign(before.cards[0] ?? {}, { tier: BigInt(tier), expiresAt: BigInt(expiresAt) });
      expect(await state()).to.deep.equal(before);
    });
  }

  it("gives a card that never expires an expiry", async () => {
    const { collection, correct, expiresAt } = await setup();
    await correct({ serial: UNDATED });
    expect((await collection.cardOf(UNDATED)).expiresAt).to.equal(BigInt(expiresAt));
  });

  it("corrects suspended and expired cards, and keeps an expiry that has passed where only the tier changes", async () => {
    const { collection, steward, expiresAt, correct } = await setup();
    await collection.connect(steward).suspend([DATED], REASON);
    await correct({ tier: 3 });
    expect(fieldsOf(await collection.cardOf(DATED))).to.include({ tier: 3n, status: STATUS.Suspended });
    await networkHelpers.time.increaseTo(expiresAt + 1);
    await correct({ tier: 4 });
    expect(fieldsOf(await collection.cardOf(DATED))).to.include({ tier: 4n, expiresAt: BigInt(expiresAt) });
    await correct({ tier: 4, expiresAt: expiresAt + 2 * YEAR });
    expect((await collection.cardOf(DATED)).expiresAt).to.equal(BigInt(expiresAt + 2 * YEAR));
  });

  it("is for stewards of the active brand only", async () => {
    const f = await setup();
    const { registry, consortium, guardian, admin, issuer, staff, holder, correct, state } = f;
    const before = await state();
    for (const account of [consortium, guardian, admin, issuer, staff, holder]) {
      await expect(correct({ tier: 3 }, "0x", account))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Steward, account);
    }
    await registry.suspendBrand(1, REASON);
    await expect(correct({ tier: 3 }))
      .to.be.revertedWithCustomError(registry, "BrandNotActive")
      .withArgs(1, 2);
    expect(await state()).to.deep.equal(before);
  });

  it("refuses what changes nothing, another generation, dead and unissued cards, tiers and expiries that cards cannot have", async () => {
    const f = await setup();
    const { collection, steward, holder, other, expiresAt, correct } = f;
    await refuses(f, () => correct(), "CorrectionChangesNothing", DATED);
    await refuses(f, () => correct({ tier: 3, generation: 1 }), "GenerationMismatch", DATED, 0);
    for (const tier of [HIGHEST_TIER + 1, 255])
      await refuses(f, () => correct({ tier }), "TierNotDeclared", tier, HIGHEST_TIER);
    const timestamp = (await now()) + 100;
    for (const expiry of [1, timestamp]) {
      await setNext(timestamp);
      await refuses(f, () => correct({ expiresAt: expiry }), "ExpiryNotInFuture", expiry, timestamp);
    }
    await collection.connect(steward).requestReissue(DATED, other, REASON);
    await refuses(f, () => correct({ tier: 3 }), "GenerationMismatch", DATED, 1);
    await collection.connect(steward).revoke([DATED], REASON);
    await refuses(f, () => correct({ tier: 3, generation: 1 }), "CardStatusMismatch", DATED, STATUS.Revoked);
    await collection.connect(holder).surrender(2);
    await refuses(f, () => correct({ serial: 2, tier: 3 }), "CardStatusMismatch", 2, STATUS.Surrendered);
    for (const serial of [0, UNISSUED])
      await refuses(f, () => correct({ serial, tier: 3, expiresAt }), "CardStatusMismatch", serial, STATUS.None);
  });

  describe("who consents", () => {
    for (const auth of ["IssuerOnly", "Both"] as const)
      it(`nobody where the issuer may burn (${auth}): who may end a card may shorten it`, async () => {
        const { collection, expiresAt, correct } = await setup({ burnAuth: BURN_AUTH[auth] });
        await correct({ tier: 1, expiresAt: expiresAt - DAY });
        // Its deadline does not matter either.
        await correct({ tier: 0, expiresAt: expiresAt - 2 * DAY, deadline: 0 });
        expect(fieldsOf(await collection.cardOf(DATED))).to.include({
          tier: 0n,
          expiresAt: BigInt(expiresAt - 2 * DAY),
        });
      });

    for (const auth of ["OwnerOnly", "Neither"] as const) {
      it(`the holder where the issuer may not burn (${auth}), to an earlier expiry and to another tier`, async () => {
        const f = await setup({ burnAuth: BURN_AUTH[auth] });
        const { collection, holder, expiresAt, correct, consentTo } = f;
        for (const change of [
          { expiresAt: expiresAt - 1 },
          { tier: TIER - 1 },
          { tier: TIER + 1 },
          { tier: TIER + 1, expiresAt: expiresAt + DAY },
          { tier: TIER - 1, expiresAt: 0 },
          { serial: UNDATED },
          { serial: UNDATED, expiresAt: 2 ** 32 - 1 },
        ]) {
          await refuses(f, () => correct(change), "InvalidSignature", holder.address);
          const snapshot = await networkHelpers.takeSnapshot();
          await correct(change, await consentTo(change));
          const { tier, expiresAt: expiry } = await collection.cardOf(change.serial ?? DATED);
          expect([tier, expiry]).to.deep.equal([BigInt(change.tier ?? TIER), BigInt(change.expiresAt ?? expiresAt)]);
          await snapshot.restore();
        }
      });

      it(`nobody to what only gives (${auth}), which is an issuer's to give, within its daily cap`, async () => {
        const f = await setup({ burnAuth: BURN_AUTH[auth] });
        const { collection, registry, admin, steward, expiresAt, correct, state } = f;
        const before = await state();
        for (const change of [{ expiresAt: expiresAt + 1 }, { expiresAt: 0 }])
          await expect(correct(change))
            .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
            .withArgs(1, ROLE.Issuer, steward);
        expect(await state()).to.deep.equal(before);
        await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Issuer), steward);
        await registry.connect(admin).setDailyCap(1, steward, 1);
        await correct({ expiresAt: expiresAt + 1, deadline: 0 });
        expect((await collection.cardOf(DATED)).expiresAt).to.equal(BigInt(expiresAt + 1));
        await expect(correct({ expiresAt: 0 })).to.be.revertedWithCustomError(registry, "DailyCapExceeded");
        await registry.connect(admin).liftDailyCap(1, steward);
        await correct({ expiresAt: 0 });
        expect((await collection.cardOf(DATED)).expiresAt).to.equal(0n);
      });
    }

    it("once: not to the same correction after the card was given something else", async () => {
      const f = await setup({ burnAuth: BURN_AUTH.OwnerOnly });
      const { collection, issuer, expiresAt, correct, consentTo } = f;
      const lower = { tier: TIER - 1 };
      const consent = await consentTo(lower);
      await correct(lower, consent);
      await collection.connect(issuer).setTier([DATED], TIER);
      await refuses(f, () => correct(lower, consent), "ConsentUsed", DATED);
      // Of another correction, and of the same with another deadline, it is another consent.
      const later = { ...lower, deadline: expiresAt + 2 * YEAR };
      await correct(later, await consentTo(later));
      expect((await collection.cardOf(DATED)).tier).to.equal(BigInt(TIER - 1));
      const shorter = { tier: TIER - 1, expiresAt: expiresAt - DAY };
      const toShorter = await consentTo(shorter);
      await correct(shorter, toShorter);
      await collection.connect(issuer).renew([DATED], expiresAt - DAY, 3 * YEAR);
      await refuses(f, () => correct(shorter, toShorter), "ConsentUsed", DATED);
    });

    it("to this very correction, by the holder's key, until its deadline", async () => {
      const f = await setup({ burnAuth: BURN_AUTH.OwnerOnly });
      const { collection, createCollection, holder, steward, stranger, expiresAt, correction, correct, consentTo } = f;
      const change = { tier: 1, expiresAt: expiresAt - DAY };
      const elsewhere = await createCollection({ slug: "noirance-elsewhere" });
      for (const wrong of [
        await consentTo({ ...change, serial: 2 }),
        await consentTo({ ...change, tier: 0 }),
        await consentTo({ ...change, expiresAt: expiresAt - 2 * DAY }),
        await consentTo({ ...change, generation: 1 }),
        await consentTo({ ...change, deadline: correction.deadline + 1 }),
        await consentTo(change, steward),
        await consentTo(change, stranger),
        await sign(elsewhere, holder, "Correction", { ...correction, ...change }),
        await sign(collection, holder, "Surrender", { ...correction, ...change }),
        "0x",
      ])
        await refuses(f, () => correct(change, wrong), "InvalidSignature", holder.address);
      const deadline = (await now()) + 100;
      const consent = await consentTo({ ...change, deadline });
      await setNext(deadline + 1);
      await refuses(f, () => correct({ ...change, deadline }, consent), "DeadlinePassed", deadline, deadline + 1);
      const later = (await now()) + 100;
      const good = await consentTo({ ...change, deadline: later });
      await setNext(later);
      await correct({ ...change, deadline: later }, good);
      expect((await collection.cardOf(DATED)).tier).to.equal(1n);
      // It works once: the card says so already.
      await setNext(later + 1);
      await refuses(f, () => correct({ ...change, deadline: later }, good), "CorrectionChangesNothing", DATED);
    });
  });

  describe("the longest term", () => {
    const TERM = 500 * DAY;

    it("holds for corrections: to the second, and not for ever", async () => {
      const f = await setup({ longestTerm: TERM });
      const { collection, correct } = f;
      const timestamp = (await now()) + 100;
      const latest = timestamp + TERM;
      for (const expiry of [0, latest + 1, 2 ** 32 - 1]) {
        await setNext(timestamp);
        await refuses(f, () => correct({ expiresAt: expiry }), "TermTooLong", expiry, latest);
        await networkHelpers.time.latest();
      }
      await setNext(timestamp + 10);
      await correct({ expiresAt: latest + 10 });
      expect((await collection.cardOf(DATED)).expiresAt).to.equal(BigInt(latest + 10));
      // What the card has stays, where only the tier changes.
      await correct({ expiresAt: latest + 10, tier: 3 });
    });

    it("holds for renewals: a card is never valid for longer from the act on", async () => {
      const f = await setup({ longestTerm: TERM });
      const { collection, issuer, expiresAt } = f;
      const renew = (duration: number, from = expiresAt) =>
        collection.connect(issuer).renew([DATED, 2], from, duration);
      const timestamp = (await now()) + 100;
      const most = timestamp + TERM - expiresAt;
      await setNext(timestamp);
      await refuses(f, () => renew(most + 1), "TermTooLong", timestamp + TERM + 1, timestamp + TERM);
      await setNext(timestamp + 1);
      await renew(most + 1);
      expect((await collection.cardOf(2)).expiresAt).to.equal(BigInt(timestamp + TERM + 1));
      // An expired card is renewed from now on.
      await networkHelpers.time.increaseTo(timestamp + TERM + DAY);
      const later = (await now()) + 100;
      await setNext(later);
      await refuses(f, () => renew(TERM + 1, timestamp + TERM + 1), "TermTooLong", later + TERM + 1, later + TERM);
      await setNext(later + 1);
      await renew(TERM, timestamp + TERM + 1);
      expect((await collection.cardOf(DATED)).expiresAt).to.equal(BigInt(later + 1 + TERM));
    });

    it("does not hold for changes of tier, which keep to the tiers that there are", async () => {
      const f = await setup({ longestTerm: YEAR + DAY, highestTier: 3 });
      const { collection, issuer } = f;
      for (const tier of [4, 255])
        await refuses(f, () => collection.connect(issuer).setTier([DATED], tier), "TierNotDeclared", tier, 3);
      await collection.connect(issuer).setTier([DATED], 3);
      expect((await collection.cardOf(DATED)).tier).to.equal(3n);
    });
  });
});
