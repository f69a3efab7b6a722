// What stolen keys can do, and that one decision ends it: first the stories, then interleavings that are made up.
//
// RECOVERY_RUNS=10000 npx hardhat test mocha test/contracts/StolenKeys.test.ts tries so many; SEED=<number> repeats a run.

import { expect } from "chai";
import type { ContractTransactionResponse } from "ethers";
import type { MembershipCollection } from "../../artifacts/types/index.js";
import { TEST_PATIENCE_MS } from "../support/patience.ts";
import { seedFrom } from "../support/random.ts";
import {
  addresses,
  BURN_AUTH,
  collectionFixture,
  ethers,
  HIGHEST_TIER,
  NO_REFERENCE,
  networkHelpers,
  REISSUE_DELAY,
  ROLE,
} from "./fixture.ts";
import { allowlistTree, claimOf, type Entry } from "./support/allowlists.ts";
import { now } from "./support/clock.ts";
import { FINAL } from "./support/finalActs.ts";
import { createRandom, type Random } from "./support/random.ts";
import { roleIdOf } from "./support/replay.ts";
import { sign } from "./support/signatures.ts";
import { signVoucher, type Voucher } from "./support/vouchers.ts";

const DAY = 24 * 60 * 60;
const REASON = ethers.id("reason");
const NO_ROOT = ethers.ZeroHash;
const UINT32_MAX = 2 ** 32 - 1;
const FAR = 4_000_000_000;
const RUNS = Number(process.env["RECOVERY_RUNS"] ?? 12);
const SEED = seedFrom("SEED");

async function brandFixture() {
  const accounts = await collectionFixture();
  const { collection, registry, issuer, holder } = accounts;
  const expiresAt = (await now()) + 400 * DAY;
  await collection.connect(issuer).issue(1, Array(50).fill(holder), { tier: 1, expiresAt }, NO_ROOT, NO_REFERENCE);
  const [accomplice, newAdmin, newIssuer] = (await ethers.getSigners()).slice(9);
  if (!accomplice || !newAdmin || !newIssuer) throw new Error("too few accounts");
  /** A number for all that the contracts keep: nothing of it changes without changing this. */
  const kept = async () => {
    const hashes: string[] = [];
    const contracts = [await registry.getAddress()];
    for (let index = 0; index < (await registry.collectionCount()); ++index)
      contracts.push(await registry.collectionAt(index));
    for (const address of contracts)
      hashes.push((await ethers.provider.send("eth_getProof", [address, [], "latest"])).storageHash);
    return hashes.join();
  };
  return { ...accounts, expiresAt, accomplice, newAdmin, newIssuer, kept };
}
type World = Awaited<ReturnType<typeof brandFixture>>;

/** What the decision of the consortium does, in one transaction after the other and with nothing in between. */
async function recover({ registry, newAdmin }: World, suspension: number) {
  await registry.replaceBrandKeys(1, newAdmin);
  await registry.reinstateBrand(1, suspension);
}

describe("a stolen Admin key", () => {
  it("prepares nothing while the brand is suspended, and does nothing in the block of the one decision or after it", async () => {
    const world = await brandFixture();
    const { registry, collection, guardian, admin, holder, accomplice, newAdmin, newIssuer, kept } = world;
    await registry.connect(guardian).suspendBrand(1, REASON);
    for (const role of [ROLE.Issuer, ROLE.Steward])
      await expect(registry.connect(admin).grantRole(roleIdOf(1, role), accomplice))
        .to.be.revertedWithCustomError(registry, "BrandNotActive")
        .withArgs(1, 2);
    // In one block: the decision, and right behind it all that the thief has ready.
    const serials = Array.from({ length: 20 }, (_, index) => index + 1);
    await ethers.provider.send("evm_setAutomine", [false]);
    const gas = { gasLimit: 4_000_000 };
    const hashes: string[] = [];
    try {
      await registry.replaceBrandKeys(1, newAdmin, gas);
      await registry.reinstateBrand(1, 1, gas);
      for (const sending of [
        registry.connect(admin).grantRole(roleIdOf(1, ROLE.Issuer), accomplice, gas),
        registry.connect(admin).grantRole(roleIdOf(1, ROLE.Steward, 1), accomplice, gas),
        collection.connect(accomplice).revoke(serials, REASON, gas),
        collection.connect(accomplice).issue(
          51,
          serials.map(() => accomplice),
          { tier: 1, expiresAt: 0 },
          NO_ROOT,
          NO_REFERENCE,
          gas,
        ),
        collection.connect(admin).announce(FINAL.WindDown, gas),
      ])
        hashes.push((await sending).hash);
      await networkHelpers.mine();
    } finally {
      await ethers.provider.send("evm_setAutomine", [true]);
    }
    const block = await ethers.provider.getBlock("latest");
    for (const hash of hashes) {
      const receipt = await ethers.provider.getTransactionReceipt(hash);
      expect([receipt?.status, receipt?.blockNumber]).to.deep.equal([0, block?.number]);
    }
    expect([
      await registry.brandStatus(1),
      await collection.balanceOf(holder),
      await collection.issuedCount(),
    ]).to.deep.equal([1n, 50n, 50n]);
    const before = await kept();
    for (const role of Object.values(ROLE))
      for (const keyEpoch of [0, 1])
        await expect(
          registry.connect(admin).grantRole(roleIdOf(1, role, keyEpoch), admin),
        ).to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount");
    expect(await kept()).to.equal(before);
    await registry.connect(newAdmin).grantRole(roleIdOf(1, ROLE.Issuer, 1), newIssuer);
    await collection.connect(newIssuer).issue(51, [holder], { tier: 1, expiresAt: 0 }, NO_ROOT, NO_REFERENCE);
  });

  it("whom it appointed before it was noticed goes with it, with vouchers, allowlists, reissues and announcements", async () => {
    const world = await brandFixture();
    const { registry, collection, guardian, admin, accomplice, newAdmin, newIssuer, kept } = world;
    for (const role of [ROLE.Issuer, ROLE.Steward, ROLE.Staff])
      await registry.connect(admin).grantRole(roleIdOf(1, role), accomplice);
    const asAccomplice = collection.connect(accomplice);
    const appointment = await registry.appointmentOf(1, ROLE.Issuer, accomplice);
    const entry: Entry = { serial: 60, holder: accomplice.address, tier: 1, expiresAt: 0 };
    const voucher: Voucher = { ...entry, serial: 61, commitmentRoot: NO_ROOT, appointment, deadline: FAR };
    const offer = await signVoucher(accomplice, collection, voucher);
    await asAccomplice.openAllowlist(allowlistTree([entry]).root, 60, 1, FAR);
    await asAccomplice.requestReissue(1, accomplice, REASON);
    for (const act of Object.values(FINAL)) await collection.connect(admin).announce(act);
    await registry.connect(guardian).suspendBrand(1, REASON);
    await networkHelpers.time.increase(REISSUE_DELAY + DAY);
    await recover(world, 1);
    const attempts: [() => Promise<unknown>, string][] = [
      [() => asAccomplice.claim(voucher, accomplice, offer, "0x"), "BrandRoleMissing"],
      [() => asAccomplice.executeReissue(1), "BrandRoleMissing"],
      [
        () => asAccomplice.issue(70, [accomplice], { tier: 1, expiresAt: 0 }, NO_ROOT, NO_REFERENCE),
        "BrandRoleMissing",
      ],
      [() => asAccomplice.revoke([1], REASON), "BrandRoleMissing"],
      ...Object.values(FINAL).map((act): [() => Promise<unknown>, string] => [
        () => collection.connect(admin).carryOut(act),
        "BrandRoleMissing",
      ]),
    ];
    const before = await kept();
    for (const [attempt, error] of attempts) await expect(attempt()).to.be.revertedWithCustomError(registry, error);
    await expect(asAccomplice.claimAllowlisted(...claimOf(entry), [], FAR, "0x"))
      .to.be.revertedWithCustomError(collection, "AppointmentEnded")
      .withArgs(accomplice, appointment);
    expect(await kept()).to.equal(before);
    // Not even if the brand trusts the accomplice again one day.
    await registry.connect(newAdmin).grantRole(roleIdOf(1, ROLE.Issuer, 1), accomplice);
    await registry.connect(newAdmin).grantRole(roleIdOf(1, ROLE.Issuer, 1), newIssuer);
    await expect(asAccomplice.claim(voucher, accomplice, offer, "0x"))
      .to.be.revertedWithCustomError(collection, "AppointmentEnded")
      .withArgs(accomplice, appointment);
    await expect(asAccomplice.claimAllowlisted(...claimOf(entry), [], FAR, "0x"))
      .to.be.revertedWithCustomError(collection, "AppointmentEnded")
      .withArgs(accomplice, appointment);
    expect(await collection.issuedCount()).to.equal(50n);
  });

  it("leaves what it requested and announced to the new keys, which cancel it", async () => {
    const world = await brandFixture();
    const { registry, collection, guardian, admin, steward, accomplice, newAdmin, newIssuer, holder } = world;
    await collection.connect(steward).requestReissue(1, accomplice, REASON);
    await collection.connect(admin).announce(FINAL.WindDown);
    await registry.connect(guardian).suspendBrand(1, REASON);
    await recover(world, 1);
    await registry.connect(newAdmin).grantRole(roleIdOf(1, ROLE.Steward, 1), newIssuer);
    await collection.connect(newIssuer).cancelReissue(1);
    await collection.connect(newAdmin).cancelAnnounced(FINAL.WindDown);
    await networkHelpers.time.increase(REISSUE_DELAY);
    await expect(collection.connect(newIssuer).executeReissue(1))
      .to.be.revertedWithCustomError(collection, "ReissueNotPending")
      .withArgs(1);
    await expect(collection.connect(newAdmin).carryOut(FINAL.WindDown)).to.be.revertedWithCustomError(
      collection,
      "FinalActNotAnnounced",
    );
    expect(await collection.ownerOf(1)).to.equal(holder.address);
  });
});

describe("what defends works while the brand is suspended", () => {
  it("so that no claim of a thief comes first after the reinstatement", async () => {
    const { registry, collection, guardian, admin, issuer, steward, accomplice, appointment } = await brandFixture();
    // The Issuer's key is stolen; the steward's is not.
    const entry: Entry = { serial: 60, holder: accomplice.address, tier: 1, expiresAt: 0 };
    const tree = allowlistTree([entry]);
    const voucher: Voucher = { ...entry, serial: 61, commitmentRoot: NO_ROOT, appointment, deadline: FAR };
    const offer = await signVoucher(issuer, collection, voucher);
    await collection.connect(issuer).openAllowlist(tree.root, 60, 1, FAR);
    await collection.connect(steward).requestReissue(1, accomplice, REASON);
    await collection.connect(admin).announce(FINAL.WindDown);
    await registry.connect(guardian).suspendBrand(1, REASON);
    await registry.connect(admin).revokeRole(roleIdOf(1, ROLE.Issuer), issuer);
    await collection.connect(steward).closeAllowlist(tree.root);
    await collection.connect(steward).cancelReissue(1);
    await collection.connect(guardian).cancelAnnounced(FINAL.WindDown);
    await registry.connect(admin).setDailyCap(1, issuer, 0);
    await registry.reinstateBrand(1, 1);
    await expect(collection.connect(accomplice).claimAllowlisted(...claimOf(entry), [], FAR, "0x"))
      .to.be.revertedWithCustomError(collection, "AllowlistNotOpen")
      .withArgs(tree.root);
    await expect(collection.connect(accomplice).claim(voucher, issuer, offer, "0x")).to.be.revertedWithCustomError(
      registry,
      "BrandRoleMissing",
    );
    await networkHelpers.time.increase(REISSUE_DELAY);
    await expect(collection.connect(steward).executeReissue(1)).to.be.revertedWithCustomError(
      collection,
      "ReissueNotPending",
    );
    await expect(collection.connect(admin).carryOut(FINAL.WindDown)).to.be.revertedWithCustomError(
      collection,
      "FinalActNotAnnounced",
    );
  });
});

describe("a stolen Issuer key with a daily cap of 1", () => {
  it("gives one thing a day: it neither renews 300 cards for ever nor makes tiers that there are not", async () => {
    const { registry, admin, issuer, createCollection } = await brandFixture();
    const collection = await createCollection({
      slug: "noirance-300",
      burnAuth: BURN_AUTH.OwnerOnly,
      highestTier: 3,
      longestTerm: 800 * DAY,
    });
    const expiresAt = (await now()) + 400 * DAY;
    const asIssuer = collection.connect(issuer);
    for (const first of [1, 151])
      await asIssuer.issue(first, addresses(150), { tier: 1, expiresAt }, NO_ROOT, NO_REFERENCE);
    await registry.connect(admin).setDailyCap(1, issuer, 1);
    const serials = Array.from({ length: 300 }, (_, index) => index + 1);
    for (const act of [() => asIssuer.renew(serials, expiresAt, DAY), () => asIssuer.setTier(serials, 3)])
      await expect(act()).to.be.revertedWithCustomError(registry, "DailyCapExceeded").withArgs(1, issuer, 300, 1);
    await expect(asIssuer.renew([1], expiresAt, UINT32_MAX - expiresAt)).to.be.revertedWithCustomError(
      collection,
      "TermTooLong",
    );
    for (const tier of [4, 255])
      await expect(asIssuer.setTier([1], tier))
        .to.be.revertedWithCustomError(collection, "TierNotDeclared")
        .withArgs(tier, 3);
    await asIssuer.renew([1], expiresAt, 300 * DAY);
    await expect(asIssuer.setTier([1], 3)).to.be.revertedWithCustomError(registry, "DailyCapExceeded");
    expect((await collection.cardOf(300)).expiresAt).to.equal(BigInt(expiresAt));
  });

  it("and what it gave is taken back by a steward: with a reason, and where the issuer may not burn, with consent", async () => {
    const { issuer, steward, holder, createCollection } = await brandFixture();
    const expiresAt = (await now()) + 400 * DAY;
    for (const [slug, burnAuth] of [
      ["noirance-owner", BURN_AUTH.OwnerOnly],
      ["noirance-both", BURN_AUTH.Both],
    ] as const) {
      const collection = await createCollection({ slug, burnAuth });
      await collection.connect(issuer).issue(1, [holder], { tier: 1, expiresAt }, NO_ROOT, NO_REFERENCE);
      await collection.connect(issuer).setTier([1], HIGHEST_TIER);
      await collection.connect(issuer).renew([1], expiresAt, UINT32_MAX - expiresAt);
      const correction = { serial: 1, tier: 1, expiresAt, generation: 0, deadline: FAR };
      const correct = (consent: string) => collection.connect(steward).correct(correction, REASON, consent);
      if (burnAuth === BURN_AUTH.OwnerOnly) {
        await expect(correct("0x")).to.be.revertedWithCustomError(collection, "InvalidSignature").withArgs(holder);
        await correct(await sign(collection, holder, "Correction", correction));
      } else await correct("0x");
      const { tier, expiresAt: corrected } = await collection.cardOf(1);
      expect([tier, corrected]).to.deep.equal([1n, BigInt(expiresAt)]);
    }
  });
});

describe("a key whose address has code (EIP-7702)", () => {
  for (const [what, code] of [
    ["delegated to another account", `0xef0100${"00".repeat(19)}01`],
    ["that answers nothing", "0x00"],
    ["that reverts", "0x60006000fd"],
  ] as const)
    it(`stays good: code ${what}, for holders and issuers, claims, redemptions, corrections and surrenders`, async () => {
      const { collection, registry, admin, issuer, steward, staff, holder, other, stranger, appointment, expiresAt } =
        await brandFixture();
      for (const account of [holder, issuer]) await networkHelpers.setCode(account.address, code);
      const deadline = FAR;
      const voucher: Voucher = {
        serial: 61,
        holder: holder.address,
        tier: 1,
        expiresAt: 0,
        commitmentRoot: NO_ROOT,
        appointment,
        deadline,
      };
      await collection
        .connect(stranger)
        .claim(
          voucher,
          issuer,
          await signVoucher(issuer, collection, voucher),
          await signVoucher(holder, collection, voucher),
        );
      await collection.connect(admin).setBenefit(1, 1, { quota: 1, period: 0, startsAt: 0 });
      const redemption = { serial: 61, benefitId: 1, number: 1, generation: 0, staff: staff.address, deadline };
      const other2 = await sign(collection, other, "Redemption", redemption);
      await expect(collection.connect(staff).redeem(redemption, other2)).to.be.revertedWithCustomError(
        collection,
        "InvalidSignature",
      );
      await collection.connect(staff).redeem(redemption, await sign(collection, holder, "Redemption", redemption));
      await collection.connect(steward).requestReissue(2, other, REASON);
      const readyAt = (await now()) + REISSUE_DELAY;
      const veto = { serial: 2, to: other.address, readyAt, deadline };
      await collection.vetoReissueBySig(2, deadline, await sign(collection, holder, "VetoReissue", veto));
      await collection.surrenderBySig(
        3,
        deadline,
        await sign(collection, holder, "Surrender", { serial: 3, generation: 0, deadline }),
      );
      expect([
        await collection.ownerOf(61),
        await registry.brandStatus(1),
        (await collection.cardOf(2)).expiresAt,
      ]).to.deep.equal([holder.address, 1n, BigInt(expiresAt)]);
      expect((await collection.cardOf(3)).status).to.equal(4n);
    });
});

/** What thieves with all four keys of a brand, and two friends, do: each act by one of them. */
interface Gang {
  /** What they have prepared: a claim, an execution, a redemption. Each is tried again and again afterwards. */
  prepared: (() => Promise<ContractTransactionResponse>)[];
}

/** One random act of the gang; it may be refused. */
function anyAct(world: World, gang: Gang, collection: MembershipCollection, random: Random) {
  const { registry, admin, issuer, steward, staff, holder, other, stranger, accomplice, expiresAt } = world;
  const thieves = [admin, issuer, steward, staff, other, accomplice];
  const friend = random.pick([other, accomplice]);
  /** Mostly who has the role that an act needs. */
  const thiefFor = (proper: World["admin"]) => (random.chance(0.75) ? proper : random.pick(thieves));
  const [asAdmin, asSteward, asStaff] = [admin, steward, staff].map((proper) =>
    collection.connect(thiefFor(proper)),
  ) as [MembershipCollection, MembershipCollection, MembershipCollection];
  const [boss, giver] = [thiefFor(admin), thiefFor(issuer)];
  const asIssuer = collection.connect(giver);
  const serial = () => random.between(1, 60);
  const expiry = () => random.pick([0, expiresAt, expiresAt + random.between(1, 90 * DAY)]);
  const terms = () => ({ tier: random.below(4), expiresAt: expiry() });
  const keyEpoch = random.chance(0.7) ? 0 : 1;
  const acts: Record<string, () => Promise<ContractTransactionResponse>> = {
    grantRole: () => registry.connect(boss).grantRole(roleIdOf(1, random.below(4), keyEpoch), friend),
    revokeRole: () => registry.connect(boss).revokeRole(roleIdOf(1, random.below(4), keyEpoch), friend),
    setDailyCap: () => registry.connect(boss).setDailyCap(1, random.pick(thieves), random.pick([0, 1, 1_000])),
    liftDailyCap: () => registry.connect(boss).liftDailyCap(1, random.pick(thieves)),
    createCollection: () =>
      registry.connect(boss).createCollection({
        brandId: 1,
        slug: `noirance-${random.below(1_000)}`,
        name: "Gold",
        symbol: "GOLD",
        maxSupply: 100,
        burnAuth: random.below(4),
        reissueDelay: 0,
        highestTier: 3,
        longestTerm: UINT32_MAX,
      }),
    issue: () => asIssuer.issue(random.between(51, 200), [friend], terms(), NO_ROOT, NO_REFERENCE),
    voucher: async () => {
      const appointment = await registry.appointmentOf(1, ROLE.Issuer, giver);
      const voucher: Voucher = {
        serial: random.between(51, 200),
        holder: friend.address,
        ...terms(),
        commitmentRoot: NO_ROOT,
        appointment,
        deadline: FAR,
      };
      const [offer, consent] = [
        await signVoucher(giver, collection, voucher),
        await signVoucher(friend, collection, voucher),
      ];
      const claim = () => collection.connect(random.pick([friend, stranger])).claim(voucher, giver, offer, consent);
      gang.prepared.push(claim);
      return await claim();
    },
    openAllowlist: async () => {
      const entry: Entry = { serial: random.between(51, 200), holder: friend.address, ...terms() };
      gang.prepared.push(() => collection.connect(friend).claimAllowlisted(...claimOf(entry), [], FAR, "0x"));
      return await asIssuer.openAllowlist(allowlistTree([entry]).root, entry.serial, 1, FAR);
    },
    closeAllowlist: () => asSteward.closeAllowlist(random.bytes32()),
    renew: () => asIssuer.renew([serial()], expiresAt, random.between(1, 90 * DAY)),
    setTier: () => asIssuer.setTier([serial()], random.below(4)),
    correct: () => asSteward.correct({ serial: serial(), ...terms(), generation: 0, deadline: FAR }, REASON, "0x"),
    suspend: () => asSteward.suspend([serial()], REASON),
    reinstate: () => asSteward.reinstate([serial()]),
    revoke: () => asSteward.revoke([serial()], REASON),
    requestReissue: async () => {
      const chosen = serial();
      gang.prepared.push(() => asSteward.executeReissue(chosen));
      return await asSteward.requestReissue(chosen, friend, REASON);
    },
    cancelReissue: () => asSteward.cancelReissue(serial()),
    announce: async () => {
      const act = random.below(3);
      gang.prepared.push(() => asAdmin.carryOut(act));
      return await asAdmin.announce(act);
    },
    cancelAnnounced: () => asAdmin.cancelAnnounced(random.below(3)),
    setContent: () => asAdmin.setContent("ipfs://ransom", random.bytes32()),
    setBenefit: () =>
      asAdmin.setBenefit(random.below(4), random.below(3), { quota: random.below(4), period: 0, startsAt: 0 }),
    redeem: async () => {
      const chosen = serial();
      const number = Number((await collection.benefitUseOf(chosen, 1)).redemptions) + 1;
      const redemption = {
        serial: chosen,
        benefitId: 1,
        number,
        generation: 0,
        staff: ethers.ZeroAddress,
        deadline: FAR,
      };
      const consent = await sign(collection, holder, "Redemption", redemption);
      gang.prepared.push(() => asStaff.redeem(redemption, consent));
      return await asStaff.redeem(redemption, consent);
    },
    undoRedemption: () => asStaff.undoRedemption(serial(), 1, 1, REASON),
    multicall: () =>
      asAdmin.multicall([
        collection.interface.encodeFunctionData("setContent", ["ipfs://ransom", REASON]),
        collection.interface.encodeFunctionData("announce", [random.below(3)]),
      ]),
    prepared: () => (gang.prepared.length === 0 ? acts["issue"]?.() : random.pick(gang.prepared)()) as never,
  };
  const name = random.pick(Object.keys(acts));
  return { name, act: acts[name] as () => Promise<ContractTransactionResponse> };
}

describe("a brand with every key stolen", () => {
  it(`recovers by one decision, whatever was done before: afterwards the keys do nothing (${RUNS} runs, SEED=${SEED})`, async function () {
    this.timeout(TEST_PATIENCE_MS + RUNS * 20_000);
    let [succeededBefore, refusedAfter] = [0, 0];
    for (let run = 0; run < RUNS; ++run) {
      const label = `SEED=${SEED} RECOVERY_RUNS=${RUNS}, run ${run}`;
      const random = createRandom(SEED + run);
      const world = await brandFixture();
      const { registry, guardian, admin, newAdmin, newIssuer, holder, kept } = world;
      const gang: Gang = { prepared: [] };
      const collections = [world.collection];
      let suspensions = 0;
      const tryOne = async () => {
        const { name, act } = anyAct(world, gang, random.pick(collections), random);
        return await act().then(
          () => ({ name, done: true }),
          () => ({ name, done: false }),
        );
      };
      const suspend = async () => {
        if ((await registry.brandStatus(1)) === 1n) {
          await registry.connect(guardian).suspendBrand(1, REASON);
          ++suspensions;
        }
      };
      // Before: they do what they like, are suspended at some time or not at all, and time passes.
      for (let step = random.between(8, 24); step > 0; --step) {
        if ((await tryOne()).done) ++succeededBefore;
        if (random.chance(0.06)) await suspend();
        if (random.chance(0.2)) await networkHelpers.time.increase(random.between(1, 10 * DAY));
        const count = Number(await registry.collectionCount());
        if (count > collections.length)
          collections.push(await ethers.getContractAt("MembershipCollection", await registry.collectionAt(count - 1)));
      }
      // The decision; for a brand that was not suspended, its second part is left out.
      const wasSuspended = (await registry.brandStatus(1)) === 2n;
      const between = random.chance(0.3);
      await registry.replaceBrandKeys(1, newAdmin);
      if (between) {
        const before = await kept();
        const { name } = await tryOne();
        expect(await kept(), `${label}: ${name}, between`).to.equal(before);
      }
      if (wasSuspended) await registry.reinstateBrand(1, suspensions);
      // After: nothing of theirs changes anything, in between what the brand's new people do.
      for (let step = random.between(8, 20); step > 0; --step) {
        const before = await kept();
        const { name, done } = await tryOne();
        expect(await kept(), `${label}: ${name} after the recovery`).to.equal(before);
        expect(done, `${label}: ${name} after the recovery`).to.equal(false);
        ++refusedAfter;
        if (random.chance(0.2)) {
          await registry.connect(newAdmin).grantRole(roleIdOf(1, ROLE.Issuer, 1), newIssuer);
          // The edition may have ended before.
          if (!(await world.collection.windingDown()))
            await world.collection
              .connect(newIssuer)
              .issue(300 + step, [holder], { tier: 1, expiresAt: 0 }, NO_ROOT, NO_REFERENCE);
        }
        if (random.chance(0.2)) await networkHelpers.time.increase(random.between(1, 10 * DAY));
      }
      expect(await registry.hasRole(roleIdOf(1, ROLE.Admin), admin), label).to.equal(false);
    }
    // The gang was at work: before the decision it got through with much.
    expect(succeededBefore).to.be.greaterThan(3 * RUNS);
    expect(refusedAfter).to.be.greaterThan(7 * RUNS);
  });
});
