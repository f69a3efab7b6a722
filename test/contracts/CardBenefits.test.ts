import { expect } from "chai";
import type { BaseContract, ContractTransactionResponse } from "ethers";
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
import { eventsOf } from "./support/events.ts";
import { FINAL, finish } from "./support/finalActs.ts";
import { sign } from "./support/signatures.ts";

const { time } = networkHelpers;

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;
const YEAR = 365 * DAY;
const UNLIMITED = 2 ** 32 - 1;
const TIER = 2;
const HIGHER_TIER = 3;
const COFFEE = 7;
const LOUNGE = 8;
const UNDATED = 3;
const UNISSUED = 4;
/** Calls are asked in the block to come, whose time a test has set; the latest one has another. */
const PENDING = { blockTag: "pending" };
const REASON = ethers.id("reason");

/** Cards 1 and 2 are `holder`'s and `other`'s and expire in a year; card 3 is `holder`'s and never does. */
async function setup(terms: Parameters<Awaited<ReturnType<typeof collectionFixture>>["createCollection"]>[0] = {}) {
  const accounts = await collectionFixture();
  const collection = await accounts.createCollection({ slug: "noirance-with-benefits", reissueDelay: 0, ...terms });
  const { issuer, holder, other } = accounts;
  const start = await time.latest();
  const expiresAt = start + YEAR;
  await collection.connect(issuer).issue(1, [holder, other], { tier: TIER, expiresAt }, ethers.ZeroHash, NO_REFERENCE);
  await collection
    .connect(issuer)
    .issue(UNDATED, [holder], { tier: TIER, expiresAt: 0 }, ethers.ZeroHash, NO_REFERENCE);
  return { ...accounts, collection, start, expiresAt };
}
type Setup = Awaited<ReturnType<typeof setup>>;

interface Terms {
  quota: number;
  period: number;
  startsAt: number;
}

/** {@link setup} with one benefit for the cards' tier, whose first period begins in a day. */
async function setupBenefit(terms: Partial<Terms> = {}) {
  const f = await setup();
  const startsAt = f.start + DAY;
  const benefit: Terms = { quota: 2, period: DAY, startsAt, ...terms };
  await f.collection.connect(f.admin).setBenefit(TIER, COFFEE, benefit);
  return { ...f, benefit, startsAt: benefit.startsAt };
}

interface Authorisation {
  serial: number;
  benefitId: number;
  number: number;
  generation: number;
  staff: string;
  deadline: number;
}

/** What a redemption is authorised with where a test does not care. */
function authorisation(f: Setup, values: Partial<Authorisation> = {}): Authorisation {
  return {
    serial: 1,
    benefitId: COFFEE,
    number: 1,
    generation: 0,
    staff: ethers.ZeroAddress,
    deadline: f.start + 50 * YEAR,
    ...values,
  };
}

/** Has the holder authorise a redemption, and staff redeem it. */
async function redeem(f: Setup, values: Partial<Authorisation> = {}, signer = f.holder) {
  const redemption = authorisation(f, values);
  const signature = await sign(f.collection, signer, "Redemption", redemption);
  return await f.collection.connect(f.staff).redeem(redemption, signature);
}

/** Redeems in the block of this second. */
async function redeemAt(f: Setup, timestamp: number, values: Partial<Authorisation> = {}, signer = f.holder) {
  await time.setNextBlockTimestamp(timestamp);
  return await redeem(f, values, signer);
}

async function stateOf({ collection }: Setup) {
  const uses = [];
  for (const serial of [1, 2, UNDATED])
    for (const benefitId of [COFFEE, LOUNGE]) uses.push([...(await collection.benefitUseOf(serial, benefitId))]);
  const terms = [];
  for (const tier of [0, TIER, HIGHER_TIER, HIGHEST_TIER])
    for (const benefitId of [0, COFFEE, LOUNGE, 65_535]) terms.push([...(await collection.benefitOf(tier, benefitId))]);
  return { uses, terms, frozen: await collection.benefitsFrozen() };
}

/** Expects that the act is refused with this error and changed nothing. */
async function refuses(
  f: Setup,
  act: () => Promise<ContractTransactionResponse>,
  error: string,
  args: readonly unknown[],
  contract: BaseContract = f.collection,
) {
  const before = await stateOf(f);
  await expect(act())
    .to.be.revertedWithCustomError(contract, error)
    .withArgs(...args);
  expect(await stateOf(f)).to.deep.equal(before);
}

/**
 * Expects that a card can use a benefit so often in the block of this second, or now: that the contract says so, that so
 * many redemptions in one transaction succeed, and that one more fails for this reason. Changes nothing.
 */
async function expectUses(
  f: Setup,
  expected: number,
  problem: string,
  { at, ...card }: { at?: number; serial?: number; benefitId?: number; generation?: number } = {},
  signer = f.holder,
) {
  const { collection, staff } = f;
  if (at !== undefined) await time.setNextBlockTimestamp(at);
  const { serial, benefitId } = authorisation(f, card);
  expect(await collection.remainingUses(serial, benefitId, PENDING), "what the contract says").to.equal(expected);
  const { redemptions } = await collection.benefitUseOf(serial, benefitId);
  const calls: string[] = [];
  // Nobody waits for 4 billion of them.
  const count = expected === UNLIMITED ? 40 : expected + 1;
  for (let index = 1; index <= count; ++index) {
    const redemption = authorisation(f, { ...card, number: Number(redemptions) + index });
    const signature = await sign(collection, signer, "Redemption", redemption);
    calls.push(collection.interface.encodeFunctionData("redeem", [redemption, signature]));
  }
  const all = () => collection.connect(staff).multicall.staticCall(calls, PENDING);
  if (expected === UNLIMITED) {
    await all();
    return;
  }
  await expect(all(), "one more").to.be.revertedWithCustomError(collection, problem);
  if (expected > 0) await collection.connect(staff).multicall.staticCall(calls.slice(0, expected), PENDING);
}

describe("CardBenefits", () => {
  describe("setBenefit", () => {
    it("says what a tier is entitled to, and reports it", async () => {
      const f = await setup();
      const { collection, admin } = f;
      const state = await stateOf(f);
      expect(state.terms.flat().every((value) => value === 0n)).to.equal(true);
      const set = (tier: number, benefitId: number, terms: Terms) =>
        eventsOf(collection.connect(admin).setBenefit(tier, benefitId, terms), collection);

      expect(await set(TIER, COFFEE, { quota: 3, period: DAY, startsAt: 1_000 })).to.deep.equal([
        ["BenefitChanged", BigInt(TIER), BigInt(COFFEE), 3n, BigInt(DAY), 1_000n],
      ]);
      state.terms[5] = [3n, BigInt(DAY), 1_000n];
      expect(await stateOf(f)).to.deep.equal(state);

      const most = { quota: UNLIMITED, period: UNLIMITED, startsAt: UNLIMITED };
      expect(await set(HIGHEST_TIER, 65_535, most)).to.deep.equal([
        ["BenefitChanged", BigInt(HIGHEST_TIER), 65_535n, BigInt(UNLIMITED), BigInt(UNLIMITED), BigInt(UNLIMITED)],
      ]);
      state.terms[15] = Object.values(most).map(BigInt);
      expect(await set(0, 0, { quota: 1, period: 0, startsAt: 0 })).to.deep.equal([
        ["BenefitChanged", 0n, 0n, 1n, 0n, 0n],
      ]);
      state.terms[0] = [1n, 0n, 0n];
      expect(await stateOf(f)).to.deep.equal(state);
    });

    it("replaces what it said before; a quota of 0 takes the benefit away", async () => {
      const f = await setupBenefit();
      const { collection, admin, startsAt } = f;
      await collection.connect(admin).setBenefit(TIER, COFFEE, { quota: 5, period: DAY, startsAt });
      expect(await collection.benefitOf(TIER, COFFEE)).to.deep.equal([5n, BigInt(DAY), BigInt(startsAt)]);
      await collection.connect(admin).setBenefit(TIER, COFFEE, { quota: 0, period: DAY, startsAt });
      expect(await collection.benefitOf(TIER, COFFEE)).to.deep.equal([0n, BigInt(DAY), BigInt(startsAt)]);
      await expectUses(f, 0, "BenefitNotGranted", { at: startsAt });
    });
  });

  describe("the periods of a benefit", () => {
    it("are the same in all tiers and for ever: only quotas differ, also after a quota of 0", async () => {
      const f = await setupBenefit();
      const { collection, admin, benefit, startsAt } = f;
      const set = (tier: number, terms: Partial<Terms>) =>
        collection.connect(admin).setBenefit(tier, COFFEE, { ...benefit, ...terms });
      await set(HIGHER_TIER, { quota: 9 });
      await set(TIER, { quota: 0 });
      for (const tier of [0, TIER, HIGHER_TIER, HIGHEST_TIER])
        for (const terms of [
          { period: DAY + 1 },
          { period: DAY - 1 },
          { period: 0 },
          { startsAt: startsAt + 1 },
          { startsAt: startsAt - 1 },
          { startsAt: 0 },
          { quota: 0, period: 0, startsAt: 0 },
        ])
          await refuses(f, () => set(tier, terms), "BenefitPeriodsFixed", [COFFEE, DAY, startsAt]);
      // Another benefit has its own.
      await collection.connect(admin).setBenefit(TIER, LOUNGE, { quota: 1, period: 0, startsAt: 0 });
      await set(TIER, { quota: 3 });
      await expectUses(f, 3, "QuotaExceeded", { at: startsAt });
    });

    it("are fixed where there is one, which never ends and began at 0", async () => {
      const f = await setupBenefit({ period: 0, startsAt: 0 });
      const { collection, admin } = f;
      const other = () => collection.connect(admin).setBenefit(TIER, COFFEE, { quota: 2, period: 1, startsAt: 0 });
      await refuses(f, other, "BenefitPeriodsFixed", [COFFEE, 0, 0]);
      const later = () => collection.connect(admin).setBenefit(0, COFFEE, { quota: 2, period: 0, startsAt: 1 });
      await refuses(f, later, "BenefitPeriodsFixed", [COFFEE, 0, 0]);
    });

    it("are said for tiers that the collection has", async () => {
      const f = await setup();
      const { collection, admin } = f;
      for (const tier of [HIGHEST_TIER + 1, 255]) {
        const act = () => collection.connect(admin).setBenefit(tier, COFFEE, { quota: 1, period: 0, startsAt: 0 });
        await refuses(f, act, "TierNotDeclared", [tier, HIGHEST_TIER]);
      }
    });
  });

  describe("freezeBenefits", () => {
    it("ends all change for good, and nothing else", async () => {
      const f = await setupBenefit();
      const { collection, admin } = f;
      const state = await stateOf(f);
      expect(await eventsOf(finish(collection.connect(admin), FINAL.FreezeBenefits), collection)).to.deep.equal([
        ["BenefitsFrozen"],
      ]);
      state.frozen = true;
      expect(await stateOf(f)).to.deep.equal(state);

      const terms = { quota: 1, period: 0, startsAt: 0 };
      for (const [tier, benefitId] of [
        [TIER, COFFEE],
        [TIER, LOUNGE],
        [HIGHER_TIER, COFFEE],
      ] as const) {
        const act = () => collection.connect(admin).setBenefit(tier, benefitId, terms);
        await refuses(f, act, "BenefitsAreFrozen", []);
      }
      await refuses(f, () => finish(collection.connect(admin), FINAL.FreezeBenefits), "BenefitsAreFrozen", []);
      await expectUses(f, 2, "QuotaExceeded");
      await redeem(f);
    });
  });

  describe("redeem", () => {
    it("counts one use and reports it, with who redeemed it", async () => {
      const f = await setupBenefit();
      const { collection, staff, startsAt } = f;
      const state = await stateOf(f);
      const start = BigInt(startsAt);
      expect(await eventsOf(redeemAt(f, startsAt + 10), collection)).to.deep.equal([
        ["BenefitRedeemed", 1n, BigInt(COFFEE), staff.address, 1n, start, 1n],
      ]);
      state.uses[0] = [1n, start, 1n, 0n];
      expect(await stateOf(f)).to.deep.equal(state);
      expect(await eventsOf(redeem(f, { number: 2 }), collection)).to.deep.equal([
        ["BenefitRedeemed", 1n, BigInt(COFFEE), staff.address, 2n, start, 2n],
      ]);
      state.uses[0] = [2n, start, 2n, 0n];
      expect(await stateOf(f)).to.deep.equal(state);
      expect(await eventsOf(redeemAt(f, startsAt + 3 * DAY, { number: 3 }), collection)).to.deep.equal([
        ["BenefitRedeemed", 1n, BigInt(COFFEE), staff.address, 3n, start + 3n * BigInt(DAY), 1n],
      ]);
      state.uses[0] = [3n, start + 3n * BigInt(DAY), 1n, 0n];
      expect(await stateOf(f)).to.deep.equal(state);
    });

    it("keeps to the quota of a period", async () => {
      const f = await setupBenefit();
      const { startsAt } = f;
      await expectUses(f, 2, "QuotaExceeded", { at: startsAt });
      await redeemAt(f, startsAt + 1);
      await expectUses(f, 1, "QuotaExceeded", { at: startsAt + 2 });
      await redeemAt(f, startsAt + 3, { number: 2 });
      await expectUses(f, 0, "QuotaExceeded", { at: startsAt + 4 });
      await refuses(f, () => redeem(f, { number: 3 }), "QuotaExceeded", [1, COFFEE, 2]);
    });

    it("counts each card and each benefit by itself", async () => {
      const f = await setupBenefit();
      const { collection, admin, startsAt, benefit } = f;
      await collection.connect(admin).setBenefit(TIER, LOUNGE, benefit);
      await redeemAt(f, startsAt, { benefitId: COFFEE });
      await redeem(f, { number: 2 });
      await expectUses(f, 0, "QuotaExceeded");
      await expectUses(f, 2, "QuotaExceeded", { benefitId: LOUNGE });
      await expectUses(f, 2, "QuotaExceeded", { serial: UNDATED });
      await expectUses(f, 2, "QuotaExceeded", { serial: 2 }, f.other);
      await redeem(f, { benefitId: LOUNGE, number: 1 });
      await redeem(f, { serial: 2, number: 1 }, f.other);
      expect(await collection.benefitUseOf(1, LOUNGE)).to.deep.equal([1n, BigInt(startsAt), 1n, 0n]);
      expect(await collection.benefitUseOf(2, COFFEE)).to.deep.equal([1n, BigInt(startsAt), 1n, 0n]);
    });

    it("begins in the second that the benefit starts in", async () => {
      const f = await setupBenefit();
      const { startsAt } = f;
      await expectUses(f, 0, "BenefitNotStarted", { at: startsAt - 1 });
      await refuses(f, () => redeemAt(f, startsAt - 1), "BenefitNotStarted", [COFFEE, startsAt]);
      await expectUses(f, 2, "QuotaExceeded", { at: startsAt });
      await redeemAt(f, startsAt);
    });

    for (const period of [1, 60, DAY, 31 * DAY + 7])
      for (const after of [1, 2, 30]) {
        it(`begins period ${after} of ${period} s to the second`, async () => {
          const f = await setupBenefit({ period });
          const { collection, startsAt } = f;
          const next = startsAt + after * period;
          // Uses up the period that ends then, by its last second.
          await time.setNextBlockTimestamp(next - 1);
          const calls: string[] = [];
          for (const number of [1, 2]) {
            const redemption = authorisation(f, { serial: UNDATED, number });
            const signature = await sign(collection, f.holder, "Redemption", redemption);
            calls.push(collection.interface.encodeFunctionData("redeem", [redemption, signature]));
          }
          await expectUses(f, 2, "QuotaExceeded", { serial: UNDATED });
          await collection.connect(f.staff).multicall(calls);
          expect(await collection.benefitUseOf(UNDATED, COFFEE)).to.deep.equal([2n, BigInt(next - period), 2n, 0n]);
          await expectUses(f, 2, "QuotaExceeded", { serial: UNDATED, at: next });
          await redeemAt(f, next, { serial: UNDATED, number: 3 });
          expect(await collection.benefitUseOf(UNDATED, COFFEE)).to.deep.equal([3n, BigInt(next), 1n, 0n]);
          if (period > 1) {
            await expectUses(f, 1, "QuotaExceeded", { serial: UNDATED, at: next + period - 1 });
            await expectUses(f, 2, "QuotaExceeded", { serial: UNDATED, at: next + period });
          }
        });
      }

    it("uses up the last second of a period with the rest of it", async () => {
      const f = await setupBenefit({ quota: 1 });
      const { startsAt } = f;
      await redeemAt(f, startsAt);
      await expectUses(f, 0, "QuotaExceeded", { at: startsAt + DAY - 1 });
      const act = () => redeemAt(f, startsAt + DAY - 1, { number: 2 });
      await refuses(f, act, "QuotaExceeded", [1, COFFEE, 1]);
      await redeemAt(f, startsAt + DAY, { number: 2 });
    });

    it("knows a period that never ends", async () => {
      const f = await setupBenefit({ period: 0 });
      const { collection, startsAt } = f;
      const card = { serial: UNDATED };
      await expectUses(f, 0, "BenefitNotStarted", { ...card, at: startsAt - 1 });
      await redeemAt(f, startsAt, card);
      await expectUses(f, 1, "QuotaExceeded", { ...card, at: startsAt + 20 * YEAR });
      await redeemAt(f, startsAt + 20 * YEAR, { ...card, number: 2 });
      expect(await collection.benefitUseOf(UNDATED, COFFEE)).to.deep.equal([2n, BigInt(startsAt), 2n, 0n]);
      await expectUses(f, 0, "QuotaExceeded", { ...card, at: startsAt + 40 * YEAR });
      const act = () => redeem(f, { ...card, number: 3 });
      await refuses(f, act, "QuotaExceeded", [UNDATED, COFFEE, 2]);
    });

    it("counts from the beginning of time where a benefit has no start", async () => {
      const f = await setupBenefit({ startsAt: 0, quota: 1 });
      const { collection } = f;
      const midnight = Math.ceil((f.start + DAY) / DAY) * DAY;
      await redeemAt(f, midnight - 1);
      expect(await collection.benefitUseOf(1, COFFEE)).to.deep.equal([1n, BigInt(midnight - DAY), 1n, 0n]);
      await redeemAt(f, midnight, { number: 2 });
      expect(await collection.benefitUseOf(1, COFFEE)).to.deep.equal([2n, BigInt(midnight), 1n, 0n]);
    });

    it("never ends an unlimited quota, which is 2^32 - 1, and still counts", async () => {
      const f = await setupBenefit({ quota: UNLIMITED });
      const { collection, startsAt } = f;
      await expectUses(f, 0, "BenefitNotStarted", { at: startsAt - 1 });
      await expectUses(f, UNLIMITED, "", { at: startsAt });
      await redeemAt(f, startsAt + 1);
      await redeem(f, { number: 2 });
      expect(await collection.benefitUseOf(1, COFFEE)).to.deep.equal([2n, BigInt(startsAt), 2n, 0n]);
      await expectUses(f, UNLIMITED, "");
      await redeemAt(f, startsAt + DAY, { number: 3 });
      expect(await collection.benefitUseOf(1, COFFEE)).to.deep.equal([3n, BigInt(startsAt + DAY), 1n, 0n]);
    });

    it("counts the largest quota that is one", async () => {
      const f = await setupBenefit({ quota: UNLIMITED - 1 });
      await redeemAt(f, f.startsAt);
      expect(await f.collection.remainingUses(1, COFFEE)).to.equal(UNLIMITED - 2);
    });

    it("refuses a tier that is not entitled", async () => {
      const f = await setupBenefit();
      const { collection, issuer, startsAt } = f;
      await time.increaseTo(startsAt);
      await expectUses(f, 0, "BenefitNotGranted", { benefitId: LOUNGE });
      await refuses(f, () => redeem(f, { benefitId: LOUNGE }), "BenefitNotGranted", [TIER, LOUNGE]);
      await collection.connect(issuer).setTier([1], HIGHER_TIER);
      await expectUses(f, 0, "BenefitNotGranted");
      await refuses(f, () => redeem(f), "BenefitNotGranted", [HIGHER_TIER, COFFEE]);
      await expectUses(f, 2, "QuotaExceeded", { serial: UNDATED });
    });

    it("counts on when the tier changes within a period", async () => {
      const f = await setupBenefit();
      const { collection, admin, issuer, benefit, startsAt } = f;
      await collection.connect(admin).setBenefit(HIGHER_TIER, COFFEE, { ...benefit, quota: 3 });
      await redeemAt(f, startsAt);
      await redeem(f, { number: 2 });
      await expectUses(f, 0, "QuotaExceeded");
      await collection.connect(issuer).setTier([1], HIGHER_TIER);
      await expectUses(f, 1, "QuotaExceeded");
      await redeem(f, { number: 3 });
      await expectUses(f, 0, "QuotaExceeded");
      // Back down: more was used than the lower tier may, which is not an error but nothing left.
      await collection.connect(issuer).setTier([1], TIER);
      await expectUses(f, 0, "QuotaExceeded");
      await refuses(f, () => redeem(f, { number: 4 }), "QuotaExceeded", [1, COFFEE, 2]);
      await expectUses(f, 2, "QuotaExceeded", { at: startsAt + DAY });
    });

    it("counts on when the quota changes within a period", async () => {
      const f = await setupBenefit();
      const { collection, admin, benefit, startsAt } = f;
      const setQuota = (quota: number) => collection.connect(admin).setBenefit(TIER, COFFEE, { ...benefit, quota });
      await redeemAt(f, startsAt);
      await redeem(f, { number: 2 });
      await setQuota(5);
      await expectUses(f, 3, "QuotaExceeded");
      await setQuota(1);
      await expectUses(f, 0, "QuotaExceeded");
      await setQuota(UNLIMITED);
      await expectUses(f, UNLIMITED, "");
      await setQuota(0);
      await expectUses(f, 0, "BenefitNotGranted");
      await refuses(f, () => redeem(f, { number: 3 }), "BenefitNotGranted", [TIER, COFFEE]);
      await setQuota(3);
      await expectUses(f, 1, "QuotaExceeded");
      expect(await collection.benefitUseOf(1, COFFEE)).to.deep.equal([2n, BigInt(startsAt), 2n, 0n]);
    });

    it("does not give a quota twice in one period, also not across a change of tier, an undo there and the way back", async () => {
      // Redeem 1 of 1 for life; in the other tier redeem and undo on the next day; change back: 0 are left.
      const f = await setupBenefit({ quota: 1, period: 0 });
      const { collection, admin, issuer, staff, benefit, startsAt } = f;
      await redeemAt(f, startsAt);
      const daily = { quota: 1, period: DAY, startsAt };
      const act = () => collection.connect(admin).setBenefit(HIGHER_TIER, COFFEE, daily);
      await refuses(f, act, "BenefitPeriodsFixed", [COFFEE, 0, startsAt]);
      await collection.connect(admin).setBenefit(HIGHER_TIER, COFFEE, { ...benefit, quota: 2 });
      await collection.connect(issuer).setTier([1], HIGHER_TIER);
      await redeemAt(f, startsAt + DAY, { number: 2 });
      await collection.connect(staff).undoRedemption(1, COFFEE, 2, REASON);
      await collection.connect(issuer).setTier([1], TIER);
      await expectUses(f, 0, "QuotaExceeded", { at: startsAt + 2 * DAY });
      await refuses(f, () => redeem(f, { number: 3 }), "QuotaExceeded", [1, COFFEE, 1]);
    });

    it("is for the staff that the holder names, and for any of the brand's where it names nobody", async () => {
      const f = await setupBenefit({ quota: UNLIMITED });
      const { collection, registry, admin, holder, staff, other, stranger, startsAt } = f;
      await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Staff), other);
      await time.increaseTo(startsAt);
      const named = authorisation(f, { staff: staff.address });
      const signature = await sign(collection, holder, "Redemption", named);
      await refuses(f, () => collection.connect(other).redeem(named, signature), "StaffMismatch", [staff.address]);
      // Nobody can take the name out, or put one's own in.
      for (const till of [ethers.ZeroAddress, other.address]) {
        const forged = () => collection.connect(other).redeem({ ...named, staff: till }, signature);
        await refuses(f, forged, "InvalidSignature", [holder.address]);
      }
      await collection.connect(staff).redeem(named, signature);
      // To be named makes nobody staff.
      const strangers = authorisation(f, { number: 2, staff: stranger.address });
      const foreign = await sign(collection, holder, "Redemption", strangers);
      const act = () => collection.connect(stranger).redeem(strangers, foreign);
      await refuses(f, act, "BrandRoleMissing", [1, ROLE.Staff, stranger.address], registry);
      const open = authorisation(f, { number: 2 });
      await collection.connect(other).redeem(open, await sign(collection, holder, "Redemption", open));
      expect((await collection.benefitUseOf(1, COFFEE)).redemptions).to.equal(2n);
    });

    it("takes each authorisation once, and only the next one", async () => {
      const f = await setupBenefit({ quota: UNLIMITED });
      const { startsAt } = f;
      await time.increaseTo(startsAt);
      await refuses(f, () => redeem(f, { number: 2 }), "RedemptionNumberMismatch", [1, COFFEE, 1]);
      await refuses(f, () => redeem(f, { number: 0 }), "RedemptionNumberMismatch", [1, COFFEE, 1]);
      await redeem(f);
      await refuses(f, () => redeem(f), "RedemptionNumberMismatch", [1, COFFEE, 2]);
      // Made for the same purchase a second time, with another deadline.
      const twin = () => redeem(f, { number: 1, deadline: startsAt + 10 * YEAR });
      await refuses(f, twin, "RedemptionNumberMismatch", [1, COFFEE, 2]);
      await refuses(f, () => redeem(f, { number: 3 }), "RedemptionNumberMismatch", [1, COFFEE, 2]);
      await refuses(f, () => redeem(f, { number: UNLIMITED }), "RedemptionNumberMismatch", [1, COFFEE, 2]);
      await redeem(f, { number: 2 });
      // Numbers go on in the next period.
      await time.increaseTo(startsAt + 5 * DAY);
      await refuses(f, () => redeem(f, { number: 1 }), "RedemptionNumberMismatch", [1, COFFEE, 3]);
      await redeem(f, { number: 3 });
    });

    it("takes an authorisation until its last second", async () => {
      const f = await setupBenefit();
      const deadline = f.startsAt + 100;
      await refuses(f, () => redeemAt(f, deadline + 1, { deadline }), "DeadlinePassed", [deadline, deadline + 1]);
      await redeemAt(f, deadline + 2, { deadline: deadline + 2 });
    });

    it("refuses an authorisation of another generation; what the card used stays counted", async () => {
      const f = await setupBenefit();
      const { collection, steward, holder, other, startsAt } = f;
      await redeemAt(f, startsAt);
      await collection.connect(steward).requestReissue(1, other, REASON);
      await refuses(f, () => redeem(f, { number: 2 }), "GenerationMismatch", [1, 1]);
      await refuses(f, () => redeem(f, { number: 2, generation: 2 }, other), "GenerationMismatch", [1, 1]);
      const stolen = () => redeem(f, { number: 2, generation: 1 }, holder);
      await refuses(f, stolen, "InvalidSignature", [other.address]);
      await expectUses(f, 1, "QuotaExceeded", { generation: 1 }, other);
      // Back to the first holder: the old authorisation stays worthless.
      await collection.connect(steward).requestReissue(1, holder, REASON);
      await refuses(f, () => redeem(f, { number: 2 }), "GenerationMismatch", [1, 2]);
      await redeem(f, { number: 2, generation: 2 });
      await expectUses(f, 0, "QuotaExceeded", { generation: 2 });
    });

    it("refuses suspended, dead and unissued cards", async () => {
      const f = await setupBenefit({ startsAt: 1 });
      const { collection, steward, holder } = f;
      await collection.connect(steward).suspend([1], REASON);
      await expectUses(f, 0, "CardStatusMismatch");
      await refuses(f, () => redeem(f), "CardStatusMismatch", [1, STATUS.Suspended]);
      await collection.connect(steward).reinstate([1]);
      await expectUses(f, 2, "QuotaExceeded");
      await collection.connect(steward).revoke([1], REASON);
      await expectUses(f, 0, "CardStatusMismatch");
      await refuses(f, () => redeem(f), "CardStatusMismatch", [1, STATUS.Revoked]);
      await collection.connect(holder).surrender(UNDATED);
      await expectUses(f, 0, "CardStatusMismatch", { serial: UNDATED });
      await refuses(f, () => redeem(f, { serial: UNDATED }), "CardStatusMismatch", [UNDATED, STATUS.Surrendered]);
      for (const serial of [UNISSUED, 0]) {
        await expectUses(f, 0, "CardStatusMismatch", { serial });
        await refuses(f, () => redeem(f, { serial }), "CardStatusMismatch", [serial, STATUS.None]);
      }
    });

    it("refuses a card from the second on in which it expires, until it is renewed", async () => {
      const f = await setupBenefit();
      const { collection, issuer, steward, expiresAt } = f;
      await expectUses(f, 2, "QuotaExceeded", { at: expiresAt - 1 });
      await redeemAt(f, expiresAt - 1);
      await expectUses(f, 0, "CardExpired", { at: expiresAt });
      await refuses(f, () => redeem(f, { number: 2 }), "CardExpired", [1, expiresAt]);
      await expectUses(f, 2, "QuotaExceeded", { serial: UNDATED });
      await collection.connect(steward).suspend([1], REASON);
      await refuses(f, () => redeem(f, { number: 2 }), "CardStatusMismatch", [1, STATUS.Suspended]);
      await collection.connect(steward).reinstate([1]);
      await collection.connect(issuer).renew([1], expiresAt, DAY);
      await redeem(f, { number: 2 });
    });

    it("refuses a signature of somebody else or of something else", async () => {
      const f = await setupBenefit();
      const { collection, holder, other, staff, startsAt, createCollection } = f;
      await time.increaseTo(startsAt);
      const redemption = authorisation(f);
      const elsewhere = await createCollection({ slug: "noirance-elsewhere" });
      const wrong = [
        await sign(collection, other, "Redemption", redemption),
        await sign(collection, staff, "Redemption", redemption),
        await sign(collection, holder, "Redemption", { ...redemption, serial: UNDATED }),
        await sign(collection, holder, "Redemption", { ...redemption, benefitId: LOUNGE }),
        await sign(collection, holder, "Redemption", { ...redemption, number: 2 }),
        await sign(collection, holder, "Redemption", { ...redemption, generation: 1 }),
        await sign(collection, holder, "Redemption", { ...redemption, staff: staff.address }),
        await sign(collection, holder, "Redemption", { ...redemption, deadline: redemption.deadline - 1 }),
        await sign(elsewhere, holder, "Redemption", redemption),
        await sign(collection, holder, "Redemption", redemption, { chainId: 1 }),
        await sign(collection, holder, "Redemption", redemption, { name: "Other" }),
        await sign(collection, holder, "Surrender", redemption),
        "0x",
      ];
      for (const signature of wrong) {
        const act = () => collection.connect(staff).redeem(redemption, signature);
        await refuses(f, act, "InvalidSignature", [holder.address]);
      }
    });

    it("asks a holder that is a contract (ERC-1271)", async () => {
      const f = await setupBenefit();
      const { collection, issuer, holder, other, startsAt } = f;
      const wallet = await ethers.deployContract("TestWallet", [holder]);
      const terms = { tier: TIER, expiresAt: 0 };
      await collection.connect(issuer).issue(UNISSUED, [wallet], terms, ethers.ZeroHash, NO_REFERENCE);
      await time.increaseTo(startsAt);
      const card = { serial: UNISSUED };
      await refuses(f, () => redeem(f, card, other), "InvalidSignature", [await wallet.getAddress()]);
      await redeem(f, card, holder);
      expect(await collection.benefitUseOf(UNISSUED, COFFEE)).to.deep.equal([1n, BigInt(startsAt), 1n, 0n]);
    });

    it("stops while the brand may not act, and goes on while the edition is winding down", async () => {
      const f = await setupBenefit();
      const { collection, registry, consortium, admin, startsAt } = f;
      await time.increaseTo(startsAt);
      await registry.connect(consortium).suspendBrand(1, REASON);
      await refuses(f, () => redeem(f), "BrandNotActive", [1, 2], registry);
      await registry.connect(consortium).reinstateBrand(1, 1);
      await finish(collection.connect(admin), FINAL.WindDown);
      await expectUses(f, 2, "QuotaExceeded");
      await redeem(f);
    });

    it("redeems several benefits at once, all or none", async () => {
      const f = await setupBenefit();
      const { collection, holder, staff, startsAt } = f;
      await time.increaseTo(startsAt);
      const calls: string[] = [];
      for (const number of [1, 2, 3]) {
        const redemption = authorisation(f, { number });
        const signature = await sign(collection, holder, "Redemption", redemption);
        calls.push(collection.interface.encodeFunctionData("redeem", [redemption, signature]));
      }
      await refuses(f, () => collection.connect(staff).multicall(calls), "QuotaExceeded", [1, COFFEE, 2]);
      await collection.connect(staff).multicall(calls.slice(0, 2));
      expect(await collection.benefitUseOf(1, COFFEE)).to.deep.equal([2n, BigInt(startsAt), 2n, 0n]);
    });
  });

  describe("undoRedemption", () => {
    const undo = (f: Setup, number: number, { serial = 1, benefitId = COFFEE, reason = REASON } = {}) =>
      f.collection.connect(f.staff).undoRedemption(serial, benefitId, number, reason);
    const refusesToUndo = (f: Setup, number: number) =>
      refuses(f, () => undo(f, number), "RedemptionNotUndoable", [1, COFFEE, number]);

    it("gives the use back and reports it, with who undid it and why", async () => {
      const f = await setupBenefit();
      const { collection, staff, startsAt } = f;
      await redeemAt(f, startsAt);
      await redeem(f, { number: 2 });
      await expectUses(f, 0, "QuotaExceeded");
      const state = await stateOf(f);
      expect(await eventsOf(undo(f, 2), collection)).to.deep.equal([
        ["RedemptionUndone", 1n, BigInt(COFFEE), staff.address, 2n, 1n, REASON],
      ]);
      state.uses[0] = [2n, BigInt(startsAt), 1n, 1n];
      expect(await stateOf(f)).to.deep.equal(state);
      await expectUses(f, 1, "QuotaExceeded");
      // A reason need not be given, as none need be for a suspension.
      expect(await eventsOf(undo(f, 1, { reason: ethers.ZeroHash }), collection)).to.deep.equal([
        ["RedemptionUndone", 1n, BigInt(COFFEE), staff.address, 1n, 0n, ethers.ZeroHash],
      ]);
      state.uses[0] = [2n, BigInt(startsAt), 0n, 2n];
      expect(await stateOf(f)).to.deep.equal(state);
      await expectUses(f, 2, "QuotaExceeded");
    });

    it("leaves the authorisation spent: the next redemption has the next number", async () => {
      const f = await setupBenefit({ quota: 1 });
      const { collection, startsAt } = f;
      await redeemAt(f, startsAt);
      await undo(f, 1);
      await refuses(f, () => redeem(f), "RedemptionNumberMismatch", [1, COFFEE, 2]);
      await redeem(f, { number: 2 });
      expect(await collection.benefitUseOf(1, COFFEE)).to.deep.equal([2n, BigInt(startsAt), 1n, 1n]);
      await refuses(f, () => redeem(f, { number: 3 }), "QuotaExceeded", [1, COFFEE, 1]);
      await refusesToUndo(f, 1);
      await undo(f, 2);
      await expectUses(f, 1, "QuotaExceeded");
    });

    it("undoes each redemption once, in any order, and nothing that was none", async () => {
      const f = await setupBenefit({ quota: UNLIMITED });
      const { collection, startsAt } = f;
      await refusesToUndo(f, 0);
      await refusesToUndo(f, 1);
      await redeemAt(f, startsAt);
      for (const number of [2, 3]) await redeem(f, { number });
      for (const number of [0, 4, UNLIMITED]) await refusesToUndo(f, number);
      for (const [number, used] of [
        [2, 2n],
        [1, 1n],
        [3, 0n],
      ] as const) {
        await undo(f, number);
        expect(await collection.benefitUseOf(1, COFFEE)).to.deep.equal([3n, BigInt(startsAt), used, 3n - used]);
        await refusesToUndo(f, number);
      }
      for (const number of [0, 1, 2, 3, 4]) await refusesToUndo(f, number);
    });

    it("undoes what the last period counts, also after its end, until another one counts", async () => {
      const f = await setupBenefit();
      const { collection, startsAt } = f;
      const nextDay = startsAt + DAY;
      await redeemAt(f, startsAt);
      await redeem(f, { number: 2 });
      await time.increaseTo(nextDay);
      await undo(f, 1);
      await expectUses(f, 2, "QuotaExceeded");
      await redeem(f, { number: 3 });
      expect(await collection.benefitUseOf(1, COFFEE)).to.deep.equal([3n, BigInt(nextDay), 1n, 0n]);
      for (const number of [1, 2]) await refusesToUndo(f, number);
      await undo(f, 3);
      await redeem(f, { number: 4 });
      expect(await collection.benefitUseOf(1, COFFEE)).to.deep.equal([4n, BigInt(nextDay), 1n, 1n]);
      for (const number of [1, 2, 3]) await refusesToUndo(f, number);
      await undo(f, 4);
      expect(await collection.benefitUseOf(1, COFFEE)).to.deep.equal([4n, BigInt(nextDay), 0n, 2n]);
    });

    it("keeps cards and benefits apart", async () => {
      const f = await setupBenefit();
      const { collection, admin, startsAt, benefit } = f;
      await collection.connect(admin).setBenefit(TIER, LOUNGE, benefit);
      await redeemAt(f, startsAt);
      await redeem(f, { benefitId: LOUNGE });
      await redeem(f, { serial: UNDATED });
      await undo(f, 1);
      await refusesToUndo(f, 1);
      expect(await collection.benefitUseOf(1, LOUNGE)).to.deep.equal([1n, BigInt(startsAt), 1n, 0n]);
      expect(await collection.benefitUseOf(UNDATED, COFFEE)).to.deep.equal([1n, BigInt(startsAt), 1n, 0n]);
      await undo(f, 1, { benefitId: LOUNGE });
      await undo(f, 1, { serial: UNDATED });
    });

    it("works whatever has become of a live card and its benefit since", async () => {
      const f = await setupBenefit({ quota: UNLIMITED });
      const { collection, admin, issuer, steward, other, startsAt, expiresAt, benefit } = f;
      await redeemAt(f, startsAt);
      for (const number of [2, 3, 4, 5]) await redeem(f, { number });
      await collection.connect(steward).suspend([1], REASON);
      await undo(f, 1);
      await collection.connect(steward).requestReissue(1, other, REASON);
      await undo(f, 2);
      await collection.connect(issuer).setTier([1], HIGHER_TIER);
      await undo(f, 3);
      await collection.connect(admin).setBenefit(TIER, COFFEE, { ...benefit, quota: 0 });
      await finish(collection.connect(admin), FINAL.FreezeBenefits);
      await finish(collection.connect(admin), FINAL.WindDown);
      await undo(f, 4);
      await time.increaseTo(expiresAt);
      await undo(f, 5);
      expect(await collection.benefitUseOf(1, COFFEE)).to.deep.equal([5n, BigInt(startsAt), 0n, 5n]);
    });

    it("refuses dead and unissued cards", async () => {
      const f = await setupBenefit({ startsAt: 1 });
      const { collection, steward, holder } = f;
      await redeem(f);
      await redeem(f, { serial: UNDATED });
      await collection.connect(steward).revoke([1], REASON);
      await refuses(f, () => undo(f, 1), "CardStatusMismatch", [1, STATUS.Revoked]);
      await collection.connect(holder).surrender(UNDATED);
      const surrendered = () => undo(f, 1, { serial: UNDATED });
      await refuses(f, surrendered, "CardStatusMismatch", [UNDATED, STATUS.Surrendered]);
      for (const serial of [UNISSUED, 0])
        await refuses(f, () => undo(f, 1, { serial }), "CardStatusMismatch", [serial, STATUS.None]);
    });

    it("is for staff alone, and stops while the brand may not act", async () => {
      const f = await setupBenefit({ startsAt: 1 });
      const { collection, registry, consortium, admin, issuer, steward, holder } = f;
      await redeem(f);
      for (const person of [admin, issuer, steward, holder]) {
        const act = () => collection.connect(person).undoRedemption(1, COFFEE, 1, REASON);
        await refuses(f, act, "BrandRoleMissing", [1, 3, person.address], registry);
      }
      await registry.connect(consortium).suspendBrand(1, REASON);
      await refuses(f, () => undo(f, 1), "BrandNotActive", [1, 2], registry);
      await registry.connect(consortium).reinstateBrand(1, 1);
      await undo(f, 1);
    });

    it("undoes several at once, all or none", async () => {
      const f = await setupBenefit({ startsAt: 1 });
      const { collection, staff } = f;
      await redeem(f);
      await redeem(f, { number: 2 });
      const calls = [1, 2, 2].map((number) =>
        collection.interface.encodeFunctionData("undoRedemption", [1, COFFEE, number, REASON]),
      );
      await refuses(f, () => collection.connect(staff).multicall(calls), "RedemptionNotUndoable", [1, COFFEE, 2]);
      await collection.connect(staff).multicall(calls.slice(0, 2));
      expect((await collection.benefitUseOf(1, COFFEE)).slice(2)).to.deep.equal([0n, 2n]);
    });
  });

  it("has benefits whoever may burn the cards", async () => {
    const f = await setup({ burnAuth: BURN_AUTH.Neither });
    await f.collection.connect(f.admin).setBenefit(TIER, COFFEE, { quota: 1, period: 0, startsAt: 0 });
    await expectUses(f, 1, "QuotaExceeded");
  });
});
