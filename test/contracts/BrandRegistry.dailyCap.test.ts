// The daily cap of an issuer: a bucket that starts full, and into which what was used flows back evenly over a day.

import { expect } from "chai";
import {
  addresses,
  collectionFixture,
  ethers,
  NO_REFERENCE,
  networkHelpers,
  OTHER_HANDLE,
  PROFILE,
  ROLE,
} from "./fixture.ts";
import { allowlistTree, claimOf } from "./support/allowlists.ts";
import { now, setNext } from "./support/clock.ts";
import { eventsOf } from "./support/events.ts";
import { signVoucher } from "./support/vouchers.ts";

const NEVER = { tier: 1, expiresAt: 0 };
const NO_ROOT = ethers.ZeroHash;
const REASON = ethers.id("reason");
const UNLIMITED = 2n ** 256n - 1n;
const DAY = 24 * 60 * 60;
const FAR = 4_000_000_000;

/** Brand 1's issuer with a cap, and a clock that begins at a known second. */
async function cappedFixture(dailyCap?: number) {
  const accounts = await collectionFixture();
  const { collection, registry, admin, issuer } = accounts;
  if (dailyCap !== undefined) await registry.connect(admin).setDailyCap(1, issuer, dailyCap);
  let nextSerial = 1;
  /** Issues the next cards of the edition, now or at a time. */
  const issue = async (count: number, at?: number) => {
    if (at !== undefined) await setNext(at);
    const firstSerial = nextSerial;
    nextSerial += count;
    return collection.connect(issuer).issue(firstSerial, addresses(count), NEVER, NO_ROOT, NO_REFERENCE);
  };
  const setCap = async (cap: number, at?: number) => {
    if (at !== undefined) await setNext(at);
    return registry.connect(admin).setDailyCap(1, issuer, cap);
  };
  /** The cap and what is left of it, in a block of this time. */
  const capAt = async (at?: number) => {
    if (at !== undefined) await networkHelpers.time.increaseTo(at);
    const { capped, dailyCap: cap, available } = await registry.dailyCapOf(1, issuer);
    return [capped ? cap : "none", available];
  };
  const usedIn = async (sending: ReturnType<typeof issue>) =>
    (await eventsOf(sending, registry, collection)).filter(([name]) => name === "DailyCapUsed");
  return { ...accounts, issue, setCap, capAt, usedIn };
}

describe("BrandRegistry: the daily cap", () => {
  it("is none at first: an issuer issues without limit, and nothing is counted", async () => {
    const { issue, capAt, usedIn } = await cappedFixture();
    expect(await capAt()).to.deep.equal(["none", UNLIMITED]);
    expect(await usedIn(issue(100))).to.deep.equal([]);
    expect(await capAt()).to.deep.equal(["none", UNLIMITED]);
  });

  it("is reported when it is set, and starts full", async () => {
    const { registry, issuer, setCap, capAt } = await cappedFixture();
    expect(await eventsOf(setCap(10), registry)).to.deep.equal([["DailyCapChanged", 1n, issuer.address, 10n]]);
    expect(await capAt()).to.deep.equal([10n, 10n]);
  });

  it("is set by administrators of the active brand only", async () => {
    const { registry, consortium, guardian, admin, issuer, steward, other, capAt } = await cappedFixture();
    await registry.admitBrand(other, OTHER_HANDLE, PROFILE);
    for (const account of [consortium, guardian, issuer, steward, other]) {
      await expect(registry.connect(account).setDailyCap(1, issuer, 10))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Admin, account);
    }
    for (const brandId of [0, 3, 2 ** 32 - 1]) {
      await expect(registry.connect(admin).setDailyCap(brandId, issuer, 10))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(brandId, ROLE.Admin, admin);
    }
    expect(await capAt()).to.deep.equal(["none", UNLIMITED]);
  });

  it("can be set and lowered while the brand is suspended, for that takes away; neither raised nor lifted", async () => {
    const { registry, guardian, admin, issuer, other, capAt } = await cappedFixture(10);
    await registry.connect(guardian).suspendBrand(1, REASON);
    for (const act of [
      () => registry.connect(admin).setDailyCap(1, issuer, 11),
      () => registry.connect(admin).liftDailyCap(1, issuer),
      () => registry.connect(admin).liftDailyCap(1, other),
    ]) {
      await expect(act()).to.be.revertedWithCustomError(registry, "BrandNotActive").withArgs(1, 2);
    }
    await registry.connect(admin).setDailyCap(1, issuer, 10);
    await registry.connect(admin).setDailyCap(1, issuer, 3);
    expect(await capAt()).to.deep.equal([3n, 3n]);
    await registry.connect(admin).setDailyCap(1, other, 2 ** 32 - 1);
    await registry.connect(admin).setDailyCap(1, issuer, 0);
    expect(await capAt()).to.deep.equal([0n, 0n]);
    await registry.reinstateBrand(1, 1);
    await registry.connect(admin).setDailyCap(1, issuer, 11);
    expect(await capAt()).to.deep.equal([11n, 11n]);
  });

  it("is lifted by administrators only, where there is one", async () => {
    const { registry, consortium, guardian, admin, issuer, steward, other, capAt } = await cappedFixture(10);
    for (const account of [consortium, guardian, issuer, steward, other]) {
      await expect(registry.connect(account).liftDailyCap(1, issuer))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Admin, account);
    }
    await expect(registry.connect(admin).liftDailyCap(2, issuer))
      .to.be.revertedWithCustomError(registry, "BrandNotFound")
      .withArgs(2);
    await expect(registry.connect(admin).liftDailyCap(1, other))
      .to.be.revertedWithCustomError(registry, "DailyCapMissing")
      .withArgs(1, other);
    await registry.connect(admin).liftDailyCap(1, issuer);
    await expect(registry.connect(admin).liftDailyCap(1, issuer))
      .to.be.revertedWithCustomError(registry, "DailyCapMissing")
      .withArgs(1, issuer);
    expect(await capAt()).to.deep.equal(["none", UNLIMITED]);
  });

  it("ends when the brand's keys are replaced, for that ends the issuer", async () => {
    const { registry, admin, issuer, issue, capAt } = await cappedFixture(10);
    await issue(10);
    await registry.replaceBrandKeys(1, admin);
    expect(await capAt()).to.deep.equal(["none", UNLIMITED]);
    await registry.connect(admin).setDailyCap(1, issuer, 4);
    expect(await capAt()).to.deep.equal([4n, 4n]);
  });

  it("lets all of it be used at once, and reports how much is", async () => {
    const { issuer, issue, capAt, usedIn, registry } = await cappedFixture(10);
    const start = (await now()) + 100;
    expect(await usedIn(issue(4, start))).to.deep.equal([["DailyCapUsed", 1n, issuer.address, 4n]]);
    expect(await usedIn(issue(6, start + 1))).to.deep.equal([["DailyCapUsed", 1n, issuer.address, 10n]]);
    expect(await capAt()).to.deep.equal([10n, 0n]);
    await expect(issue(1, start + 2))
      .to.be.revertedWithCustomError(registry, "DailyCapExceeded")
      .withArgs(1, issuer, 1, 0);
  });

  it("refuses what exceeds it, whole, says what is left, and counts nothing of it", async () => {
    const { collection, registry, issuer, issue, capAt } = await cappedFixture(10);
    const start = (await now()) + 100;
    await expect(issue(11, start))
      .to.be.revertedWithCustomError(registry, "DailyCapExceeded")
      .withArgs(1, issuer, 11, 10);
    await issue(7, start);
    await expect(issue(4, start + 1))
      .to.be.revertedWithCustomError(registry, "DailyCapExceeded")
      .withArgs(1, issuer, 4, 3);
    expect([await capAt(), await collection.issuedCount()]).to.deep.equal([[10n, 3n], 7n]);
  });

  it("counts nothing of a batch that fails for another reason", async () => {
    const { collection, issuer, issue, capAt } = await cappedFixture(10);
    await issue(2);
    await expect(
      collection.connect(issuer).issue(2, addresses(3), NEVER, NO_ROOT, NO_REFERENCE),
    ).to.be.revertedWithCustomError(collection, "CardAlreadyIssued");
    expect(await capAt()).to.deep.equal([10n, 8n]);
  });

  describe("flows back evenly over 24 hours", () => {
    it("one card of ten in 8,640 seconds, to the second", async () => {
      const { issue, capAt } = await cappedFixture(10);
      const start = (await now()) + 100;
      await issue(10, start);
      const seen: unknown[] = [];
      const times = [0, 8_639, 8_640, 17_279, 17_280, 43_200, 86_399, 86_400, 86_401, 10 * DAY];
      for (const after of times) {
        seen.push([after, (await capAt(after === 0 ? undefined : start + after))[1]]);
      }
      expect(seen).to.deep.equal([
        [0, 0n],
        [8_639, 0n],
        [8_640, 1n],
        [17_279, 1n],
        [17_280, 2n],
        [43_200, 5n],
        [86_399, 9n],
        [86_400, 10n],
        [86_401, 10n],
        [10 * DAY, 10n],
      ]);
    });

    for (const [dailyCap, seconds] of [
      [1, 86_400],
      [7, 12_343],
      [1_000, 87],
      [86_400, 1],
    ] as const) {
      it(`the first card of ${dailyCap} after ${seconds} seconds, and not one second earlier`, async () => {
        const { registry, issuer, issue, usedIn, createCollection } = await cappedFixture(dailyCap);
        // One call uses all of it up, however much it is.
        const reserve = await createCollection({ slug: "noirance-reserve", maxSupply: 1_000_000 });
        const start = (await now()) + 100;
        await setNext(start);
        await reserve.connect(issuer).openAllowlist(ethers.id("root"), 1, dailyCap, FAR);
        if (seconds > 1) {
          await expect(issue(1, start + seconds - 1))
            .to.be.revertedWithCustomError(registry, "DailyCapExceeded")
            .withArgs(1, issuer, 1, 0);
        }
        expect(await usedIn(issue(1, start + seconds))).to.deep.equal([
          ["DailyCapUsed", 1n, issuer.address, BigInt(dailyCap)],
        ]);
      });
    }

    it("gives a stolen key at most the cap at once, and at most twice the cap in its first day", async () => {
      const { collection, registry, issuer, issue } = await cappedFixture(6);
      const start = (await now()) + 100;
      const each = DAY / 6;
      await issue(6, start);
      for (let card = 1; card <= 6; ++card) await issue(1, start + card * each);
      expect([await now(), await collection.issuedCount()]).to.deep.equal([start + DAY, 12n]);
      await expect(issue(1, start + DAY + 1))
        .to.be.revertedWithCustomError(registry, "DailyCapExceeded")
        .withArgs(1, issuer, 1, 0);
    });

    it("can be rebuilt from logs: what was used, and the cap, at any time (seeded)", async () => {
      const seed = 20_261_121;
      const { collection, registry, admin, issuer, capAt } = await cappedFixture(50);
      // A generator of its own, so that a failure can be repeated.
      let state = seed;
      const random = (below: number) => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state % below;
      };
      let [cap, used, since] = [50, 0, await now()];
      const usedAt = (time: number) => Math.max(0, used - Math.floor(((time - since) * cap) / DAY));
      let serial = 1;
      let time = since + 10;
      for (let step = 0; step < 60; ++step) {
        time += 1 + random(9_000);
        await setNext(time);
        if (random(6) === 0) {
          const next = 1 + random(80);
          await registry.connect(admin).setDailyCap(1, issuer, next);
          [used, since, cap] = [usedAt(time), time, next];
        } else {
          const count = 1 + random(25);
          const left = Math.max(0, cap - usedAt(time));
          const sending = collection.connect(issuer).issue(serial, addresses(count), NEVER, NO_ROOT, NO_REFERENCE);
          if (count > left) {
            await expect(sending, `seed ${seed}, step ${step}`)
              .to.be.revertedWithCustomError(registry, "DailyCapExceeded")
              .withArgs(1, issuer, count, left);
          } else {
            [used, since] = [usedAt(time) + count, time];
            serial += count;
            const reported = (await eventsOf(sending, registry, collection))[0];
            expect(reported, `seed ${seed}, step ${step}`).to.deep.equal([
              "DailyCapUsed",
              1n,
              issuer.address,
              BigInt(used),
            ]);
          }
        }
        const at = await now();
        expect(await capAt(), `seed ${seed}, step ${step}`).to.deep.equal([
          BigInt(cap),
          BigInt(Math.max(0, cap - usedAt(at))),
        ]);
      }
      expect(serial).to.be.greaterThan(100);
    });
  });

  describe("changes", () => {
    it("to a lower one with what was used kept: nothing is left, until enough of it flowed back at the new rate", async () => {
      const { registry, issuer, issue, setCap, capAt, usedIn } = await cappedFixture(10);
      const start = (await now()) + 100;
      await issue(8, start);
      await setCap(5, start + 1);
      expect(await capAt()).to.deep.equal([5n, 0n]);
      // 8 are used; the first is left when 4 of them have flowed back, at 5 a day.
      const first = start + 1 + (4 * DAY) / 5;
      expect(await capAt(first - 1)).to.deep.equal([5n, 0n]);
      expect(await usedIn(issue(1, first))).to.deep.equal([["DailyCapUsed", 1n, issuer.address, 5n]]);
      expect(await capAt()).to.deep.equal([5n, 0n]);
      expect(await capAt(first + DAY)).to.deep.equal([5n, 5n]);
      await expect(issue(6)).to.be.revertedWithCustomError(registry, "DailyCapExceeded").withArgs(1, issuer, 6, 5);
    });

    it("to a higher one, of which the difference is there at once", async () => {
      const { issue, setCap, capAt } = await cappedFixture(5);
      const start = (await now()) + 100;
      await issue(5, start);
      await setCap(20, start + 1);
      expect(await capAt()).to.deep.equal([20n, 15n]);
    });

    it("for the future: what came back so far came back at the old rate", async () => {
      const { issue, setCap, capAt } = await cappedFixture(10);
      const start = (await now()) + 100;
      await issue(10, start);
      await setCap(1_000, start + DAY / 2);
      // Half of ten, and not half of a thousand.
      expect(await capAt()).to.deep.equal([1_000n, 995n]);
      expect(await capAt(start + DAY / 2 + 87)).to.deep.equal([1_000n, 996n]);
    });

    it("to 0, with which the issuer can give nothing at all", async () => {
      const { collection, registry, issuer, holder, issue, setCap, capAt } = await cappedFixture();
      await issue(2);
      expect(await eventsOf(setCap(0), registry)).to.deep.equal([["DailyCapChanged", 1n, issuer.address, 0n]]);
      expect(await capAt()).to.deep.equal([0n, 0n]);
      for (const act of [
        () => collection.connect(issuer).issue(9, [holder], NEVER, NO_ROOT, NO_REFERENCE),
        () => collection.connect(issuer).setTier([1], 2),
        () => collection.connect(issuer).openAllowlist(ethers.id("root"), 9, 1, FAR),
      ]) {
        await expect(act()).to.be.revertedWithCustomError(registry, "DailyCapExceeded").withArgs(1, issuer, 1, 0);
      }
      expect(await capAt((await now()) + 10 * DAY)).to.deep.equal([0n, 0n]);
    });

    it("to none, and then nothing is counted", async () => {
      const { registry, admin, issuer, issue, capAt, usedIn } = await cappedFixture(5);
      await issue(5);
      expect(await eventsOf(registry.connect(admin).liftDailyCap(1, issuer), registry)).to.deep.equal([
        ["DailyCapLifted", 1n, issuer.address],
      ]);
      expect(await capAt()).to.deep.equal(["none", UNLIMITED]);
      expect(await usedIn(issue(50))).to.deep.equal([]);
      expect(await capAt()).to.deep.equal(["none", UNLIMITED]);
    });

    it("from none to one again, which begins full: nothing was counted meanwhile", async () => {
      const { registry, admin, issuer, issue, setCap, capAt } = await cappedFixture(10);
      const start = (await now()) + 100;
      await issue(8, start);
      await setNext(start + 1);
      await registry.connect(admin).liftDailyCap(1, issuer);
      await issue(50, start + 2);
      await setCap(10, start + 3);
      expect(await capAt()).to.deep.equal([10n, 10n]);
      await issue(10);
      await expect(issue(1)).to.be.revert(ethers);
    });

    it("to itself, which changes nothing of what is left", async () => {
      const { issue, setCap, capAt } = await cappedFixture(10);
      const start = (await now()) + 100;
      await issue(10, start);
      await setCap(10, start + 8_640);
      expect(await capAt()).to.deep.equal([10n, 1n]);
      expect(await capAt(start + 17_280)).to.deep.equal([10n, 2n]);
    });

    it("to the largest that there is, which does not overflow", async () => {
      const { issue, setCap, capAt } = await cappedFixture();
      const largest = 2 ** 32 - 1;
      await setCap(largest);
      const start = (await now()) + 100;
      await issue(3, start);
      expect(await capAt()).to.deep.equal([BigInt(largest), BigInt(largest - 3)]);
      expect(await capAt(start + 1)).to.deep.equal([BigInt(largest), BigInt(largest)]);
    });
  });

  describe("counts", () => {
    it("each issuer of each brand by itself", async () => {
      const { collection, registry, admin, issuer, other, stranger, issue } = await cappedFixture(5);
      await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Issuer), other);
      await registry.connect(admin).setDailyCap(1, other, 3);
      await registry.admitBrand(stranger, OTHER_HANDLE, PROFILE);
      await registry.connect(stranger).grantRole(await registry.roleId(2, ROLE.Issuer), issuer);
      await registry.connect(stranger).setDailyCap(2, issuer, 9);
      await issue(5);
      const left = async (brandId: number, account: string) => (await registry.dailyCapOf(brandId, account)).available;
      expect([
        await left(1, issuer.address),
        await left(1, other.address),
        await left(2, issuer.address),
        await left(2, other.address),
      ]).to.deep.equal([0n, 3n, 9n, UNLIMITED]);
      await collection.connect(other).issue(100, addresses(3), NEVER, NO_ROOT, NO_REFERENCE);
      expect([await left(1, issuer.address), await left(1, other.address)]).to.deep.equal([0n, 0n]);
    });

    it("all collections of the brand together", async () => {
      const { registry, createCollection, issuer, issue, capAt } = await cappedFixture(5);
      const second = await createCollection({ slug: "noirance-second" });
      const start = (await now()) + 100;
      await issue(3, start);
      await setNext(start + 1);
      await second.connect(issuer).issue(1, addresses(2), NEVER, NO_ROOT, NO_REFERENCE);
      expect(await capAt()).to.deep.equal([5n, 0n]);
      await expect(second.connect(issuer).issue(3, addresses(1), NEVER, NO_ROOT, NO_REFERENCE))
        .to.be.revertedWithCustomError(registry, "DailyCapExceeded")
        .withArgs(1, issuer, 1, 0);
    });

    it("every batch of a multicall, all or nothing", async () => {
      const { collection, registry, issuer, capAt } = await cappedFixture(5);
      const call = (firstSerial: number, count: number) =>
        collection.interface.encodeFunctionData("issue", [firstSerial, addresses(count), NEVER, NO_ROOT, NO_REFERENCE]);
      await expect(collection.connect(issuer).multicall([call(1, 3), call(4, 3)]))
        .to.be.revertedWithCustomError(registry, "DailyCapExceeded")
        .withArgs(1, issuer, 3, 2);
      expect(await capAt()).to.deep.equal([5n, 5n]);
      const events = await eventsOf(
        collection.connect(issuer).multicall([call(1, 3), call(4, 2)]),
        registry,
        collection,
      );
      expect(events.filter(([name]) => name === "DailyCapUsed")).to.deep.equal([
        ["DailyCapUsed", 1n, issuer.address, 3n],
        ["DailyCapUsed", 1n, issuer.address, 5n],
      ]);
    });

    it("a claimed voucher for who signed it, when it is claimed", async () => {
      const { collection, registry, issuer, holder, appointment, capAt } = await cappedFixture(1);
      const voucher = (serial: number) => ({
        serial,
        holder: holder.address,
        tier: 1,
        expiresAt: 0,
        commitmentRoot: NO_ROOT,
        appointment,
        deadline: FAR,
      });
      const claim = async (serial: number) =>
        collection
          .connect(holder)
          .claim(voucher(serial), issuer, await signVoucher(issuer, collection, voucher(serial)), "0x");
      await signVoucher(issuer, collection, voucher(3));
      expect(await capAt()).to.deep.equal([1n, 1n]);
      const start = (await now()) + 100;
      await setNext(start);
      const events = await eventsOf(claim(1), registry, collection);
      expect(events[0]).to.deep.equal(["DailyCapUsed", 1n, issuer.address, 1n]);
      await expect(claim(2)).to.be.revertedWithCustomError(registry, "DailyCapExceeded").withArgs(1, issuer, 1, 0);
      // The offer still stands, and is good again once the cap is.
      await setNext(start + DAY);
      await claim(2);
      expect(await collection.balanceOf(holder)).to.equal(2n);
    });

    it("nothing of a voucher whose signature is bad", async () => {
      const { collection, issuer, holder, stranger, appointment, capAt } = await cappedFixture(1);
      const voucher = {
        serial: 1,
        holder: holder.address,
        tier: 1,
        expiresAt: 0,
        commitmentRoot: NO_ROOT,
        appointment,
        deadline: FAR,
      };
      const forged = await signVoucher(stranger, collection, voucher);
      await expect(collection.connect(holder).claim(voucher, issuer, forged, "0x")).to.be.revertedWithCustomError(
        collection,
        "InvalidSignature",
      );
      expect(await capAt()).to.deep.equal([1n, 1n]);
    });

    it("an allowlist when it is opened, for all that it promises, and its claims not again", async () => {
      const { collection, registry, issuer, steward, holder, appointment, capAt } = await cappedFixture(10);
      const entry = { serial: 1, holder: holder.address, tier: 1, expiresAt: 0 };
      const tree = allowlistTree([entry]);
      const start = (await now()) + 100;
      await setNext(start);
      expect(
        await eventsOf(collection.connect(issuer).openAllowlist(tree.root, 1, 8, FAR), registry, collection),
      ).to.deep.equal([
        ["DailyCapUsed", 1n, issuer.address, 8n],
        ["AllowlistOpened", tree.root, issuer.address, appointment, 1n, 8n, BigInt(FAR)],
      ]);
      await setNext(start + 1);
      await expect(collection.connect(issuer).openAllowlist(ethers.id("more"), 1, 3, FAR))
        .to.be.revertedWithCustomError(registry, "DailyCapExceeded")
        .withArgs(1, issuer, 3, 2);
      const events = await eventsOf(
        collection.connect(holder).claimAllowlisted(...claimOf(entry), [], 0, "0x"),
        registry,
        collection,
      );
      expect(events.map(([name]) => name)).to.deep.equal(["Transfer", "Locked", "Issued", "BatchIssued"]);
      // Nor does closing give back what a stolen key took.
      await collection.connect(steward).closeAllowlist(tree.root);
      expect(await capAt()).to.deep.equal([10n, 2n]);
    });

    it("each card that is renewed or changed in its tier, like one that is issued", async () => {
      const { collection, registry, issuer, holder, capAt } = await cappedFixture(6);
      const start = (await now()) + 100;
      const expiresAt = start + DAY;
      const terms = { tier: 1, expiresAt };
      await setNext(start);
      await collection.connect(issuer).issue(1, [holder, holder], terms, NO_ROOT, NO_REFERENCE);
      await setNext(start + 1);
      const renewed = await eventsOf(collection.connect(issuer).renew([1, 2], expiresAt, DAY), registry, collection);
      expect(renewed).to.deep.equal([
        ["DailyCapUsed", 1n, issuer.address, 4n],
        ["CardRenewed", 1n, BigInt(expiresAt + DAY)],
        ["CardRenewed", 2n, BigInt(expiresAt + DAY)],
        ["BatchMetadataUpdate", 1n, 2n],
      ]);
      await setNext(start + 2);
      const changed = await eventsOf(collection.connect(issuer).setTier([2], 9), registry, collection);
      expect(changed).to.deep.equal([
        ["DailyCapUsed", 1n, issuer.address, 5n],
        ["CardTierChanged", 2n, 9n],
        ["MetadataUpdate", 2n],
      ]);
      expect(await capAt()).to.deep.equal([6n, 1n]);
      for (const act of [
        () => collection.connect(issuer).renew([1, 2], expiresAt + DAY, DAY),
        () => collection.connect(issuer).setTier([1, 2], 3),
      ]) {
        await expect(act()).to.be.revertedWithCustomError(registry, "DailyCapExceeded").withArgs(1, issuer, 2, 1);
      }
      expect(await capAt()).to.deep.equal([6n, 1n]);
    });

    it("nothing for who is no issuer: the role is asked for first", async () => {
      const { collection, registry, admin, stranger } = await cappedFixture(5);
      await registry.connect(admin).setDailyCap(1, stranger, 5);
      await expect(collection.connect(stranger).issue(1, addresses(6), NEVER, NO_ROOT, NO_REFERENCE))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Issuer, stranger);
      expect(await registry.dailyCapOf(1, stranger)).to.deep.equal([true, 5n, 5n]);
    });
  });

  it("outlives the issuer's role: given back, what it used is still used", async () => {
    const { registry, admin, issuer, issue, capAt } = await cappedFixture(5);
    const role = await registry.roleId(1, ROLE.Issuer);
    const start = (await now()) + 100;
    await issue(5, start);
    await registry.connect(admin).revokeRole(role, issuer);
    await registry.connect(admin).grantRole(role, issuer);
    expect(await capAt()).to.deep.equal([5n, 0n]);
  });
});
