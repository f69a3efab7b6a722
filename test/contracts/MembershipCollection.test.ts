// What is read across a whole collection, several acts in one transaction, and a collection behind its beacon.

import { expect } from "chai";
import { addresses, collectionFixture, ethers, MAX_SUPPLY, NO_REFERENCE, networkHelpers, STATUS } from "./fixture.ts";
import { allowlistTree, claimOf } from "./support/allowlists.ts";
import { minedAt, now, setNext } from "./support/clock.ts";
import { eventsOf } from "./support/events.ts";
import { deployImplementation } from "./support/implementations.ts";
import { createRandom } from "./support/random.ts";
import { fieldsOf, stateOf } from "./support/state.ts";
import { signVoucher } from "./support/vouchers.ts";

const NEVER = { tier: 3, expiresAt: 0 };
const NO_ROOT = ethers.ZeroHash;
const ROOT = ethers.id("root");
const REASON = ethers.id("reason");
const NOBODY = ethers.ZeroAddress;
const LARGEST = 2n ** 256n - 1n;
const FAR = 4_000_000_000;

const BRAND = { Active: 1n, Suspended: 2n, Retired: 3n };
const EFFECTIVE = { NotIssued: 0n, Active: 1n, Suspended: 2n, Expired: 3n, Revoked: 4n, Surrendered: 5n };

/** What is verified of a serial that has no card, in a collection of brand 1 without content. */
const NOTHING = {
  owner: NOBODY,
  brandId: 1n,
  brandStatus: BRAND.Active,
  tier: 0n,
  status: EFFECTIVE.NotIssued,
  issuedAt: 0n,
  expiresAt: 0n,
  generation: 0n,
  batchFirstSerial: 0n,
  commitmentRoot: NO_ROOT,
  contentHash: ethers.ZeroHash,
};

describe("MembershipCollection", () => {
  describe("verify", () => {
    /** Cards 1 to 3 of one batch with a root, held by the holder; they expire in 1,000 seconds. */
    async function verifyFixture() {
      const accounts = await collectionFixture();
      const { collection, issuer, holder } = accounts;
      const expiresAt = (await now()) + 1_000;
      const issuedAt = await minedAt(
        collection.connect(issuer).issue(1, [holder, holder, holder], { tier: 2, expiresAt }, ROOT, NO_REFERENCE),
      );
      const card = {
        ...NOTHING,
        owner: holder.address,
        tier: 2n,
        status: EFFECTIVE.Active,
        issuedAt: BigInt(issuedAt),
        expiresAt: BigInt(expiresAt),
        batchFirstSerial: 1n,
        commitmentRoot: ROOT,
      };
      const verify = async (serial: bigint | number) => fieldsOf(await collection.verify(serial));
      return { ...accounts, expiresAt, card, verify };
    }

    it("answers for serials without a card: unissued, zero, beyond the edition, the largest number", async () => {
      const { verify } = await verifyFixture();
      for (const serial of [0n, 4n, BigInt(MAX_SUPPLY), BigInt(MAX_SUPPLY) + 1n, 2n ** 32n + 1n, LARGEST]) {
        expect(await verify(serial)).to.deep.equal(NOTHING);
      }
    });

    it("says that an active card is active, at every place of its batch", async () => {
      const { verify, card } = await verifyFixture();
      expect([await verify(1), await verify(2), await verify(3)]).to.deep.equal([card, card, card]);
    });

    it("says that a card is expired from the second of its expiry on", async () => {
      const { verify, card, expiresAt } = await verifyFixture();
      await networkHelpers.time.increaseTo(expiresAt - 1);
      expect([await now(), await verify(1)]).to.deep.equal([expiresAt - 1, card]);
      await networkHelpers.time.increaseTo(expiresAt);
      expect(await verify(1)).to.deep.equal({ ...card, status: EFFECTIVE.Expired });
      await networkHelpers.time.increaseTo(expiresAt + 1);
      expect(await verify(1)).to.deep.equal({ ...card, status: EFFECTIVE.Expired });
    });

    it("never says so of a card without an expiry", async () => {
      const { collection, issuer, holder, verify } = await verifyFixture();
      await collection.connect(issuer).issue(9, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      await networkHelpers.time.increaseTo(2 ** 32 - 2);
      const { status, expiresAt } = await verify(9);
      expect({ status, expiresAt }).to.deep.equal({ status: EFFECTIVE.Active, expiresAt: 0n });
    });

    it("says that a suspended card is suspended, expired or not, and what it is afterwards", async () => {
      const { collection, steward, verify, card, expiresAt } = await verifyFixture();
      await collection.connect(steward).suspend([1, 2], REASON);
      expect([await verify(1), await verify(3)]).to.deep.equal([{ ...card, status: EFFECTIVE.Suspended }, card]);
      await collection.connect(steward).reinstate([2]);
      expect(await verify(2)).to.deep.equal(card);
      await networkHelpers.time.increaseTo(expiresAt);
      expect([await verify(1), await verify(2)]).to.deep.equal([
        { ...card, status: EFFECTIVE.Suspended },
        { ...card, status: EFFECTIVE.Expired },
      ]);
      await collection.connect(steward).reinstate([1]);
      expect(await verify(1)).to.deep.equal({ ...card, status: EFFECTIVE.Expired });
    });

    it("says that a revoked card is revoked and a surrendered one surrendered, owned by nobody, expired or not", async () => {
      const { collection, steward, holder, verify, card, expiresAt } = await verifyFixture();
      await collection.connect(steward).revoke([1], REASON);
      await collection.connect(holder).surrender(2);
      const dead = [
        { ...card, owner: NOBODY, status: EFFECTIVE.Revoked },
        { ...card, owner: NOBODY, status: EFFECTIVE.Surrendered },
        card,
      ];
      expect([await verify(1), await verify(2), await verify(3)]).to.deep.equal(dead);
      await networkHelpers.time.increaseTo(expiresAt);
      expect([await verify(1), await verify(2)]).to.deep.equal(dead.slice(0, 2));
    });

    it("says that a card revoked while suspended is revoked", async () => {
      const { collection, steward, verify, card } = await verifyFixture();
      await collection.connect(steward).suspend([2], REASON);
      await collection.connect(steward).revoke([2], REASON);
      expect(await verify(2)).to.deep.equal({ ...card, owner: NOBODY, status: EFFECTIVE.Revoked });
    });

    it("tells a reissued card's new owner and generation, and the batch and terms that it kept", async () => {
      const { createCollection, issuer, steward, holder, other, expiresAt } = await verifyFixture();
      const collection = await createCollection({ slug: "noirance-at-once", reissueDelay: 0 });
      const issuedAt = await minedAt(
        collection.connect(issuer).issue(5, [holder, holder], { tier: 2, expiresAt }, ROOT, NO_REFERENCE),
      );
      await collection.connect(steward).requestReissue(5, other, REASON);
      await collection.connect(steward).requestReissue(6, other, REASON);
      await collection.connect(steward).requestReissue(6, holder, REASON);
      const kept = {
        ...NOTHING,
        tier: 2n,
        status: EFFECTIVE.Active,
        issuedAt: BigInt(issuedAt),
        expiresAt: BigInt(expiresAt),
        batchFirstSerial: 5n,
        commitmentRoot: ROOT,
      };
      expect([fieldsOf(await collection.verify(5)), fieldsOf(await collection.verify(6))]).to.deep.equal([
        { ...kept, owner: other.address, generation: 1n },
        { ...kept, owner: holder.address, generation: 2n },
      ]);
    });

    it("tells where the brand stands, of cards and of what is none: that concerns them all", async () => {
      const { registry, guardian, verify, card } = await verifyFixture();
      await registry.connect(guardian).suspendBrand(1, REASON);
      expect([await verify(1), await verify(4)]).to.deep.equal([
        { ...card, brandStatus: BRAND.Suspended },
        { ...NOTHING, brandStatus: BRAND.Suspended },
      ]);
      await registry.reinstateBrand(1, 1);
      expect(await verify(1)).to.deep.equal(card);
      await registry.retireBrand(1, REASON);
      expect([await verify(1), await verify(4)]).to.deep.equal([
        { ...card, brandStatus: BRAND.Retired },
        { ...NOTHING, brandStatus: BRAND.Retired },
      ]);
    });

    it("tells the hash of what the brand promises, of cards and of what is none", async () => {
      const { collection, admin, verify, card } = await verifyFixture();
      await collection.connect(admin).setContent("ipfs://x", ethers.id("description"));
      const contentHash = ethers.id("description");
      expect([await verify(1), await verify(4)]).to.deep.equal([
        { ...card, contentHash },
        { ...NOTHING, contentHash },
      ]);
    });

    it("finds the batch of every card of a batch of 100, and nothing beyond its ends", async () => {
      const { collection, issuer, verify } = await verifyFixture();
      const root = ethers.id("hundred");
      await collection.connect(issuer).issue(101, addresses(100), NEVER, root, NO_REFERENCE);
      for (const serial of [101, 102, 150, 199, 200]) {
        const { batchFirstSerial, commitmentRoot } = await verify(serial);
        expect([batchFirstSerial, commitmentRoot]).to.deep.equal([101n, root]);
      }
      expect([await verify(100), await verify(201)]).to.deep.equal([NOTHING, NOTHING]);
    });

    it("answers on the code behind the collections too, which has no cards and no brand", async () => {
      const { collection, registry } = await verifyFixture();
      const implementation = collection.attach(await registry.implementation()) as typeof collection;
      expect(fieldsOf(await implementation.verify(1))).to.deep.equal({ ...NOTHING, brandId: 0n, brandStatus: 0n });
    });
  });

  describe("batchOf", () => {
    it("finds the batch of a card among neighbours that were issued and claimed in any order", async () => {
      const { collection, issuer, holder, appointment } = await collectionFixture();
      const entry = { serial: 10, holder: holder.address, tier: 1, expiresAt: 0 };
      const voucher = { ...entry, serial: 9, commitmentRoot: ethers.id("voucher"), appointment, deadline: FAR };
      const tree = allowlistTree([entry]);
      await collection.connect(issuer).issue(11, addresses(10), NEVER, ethers.id("second"), NO_REFERENCE);
      await collection.connect(issuer).openAllowlist(tree.root, 10, 1, FAR);
      await collection.connect(holder).claimAllowlisted(...claimOf(entry), tree.proofOf(entry), 0, "0x");
      await collection.connect(issuer).issue(1, addresses(8), NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(holder).claim(voucher, issuer, await signVoucher(issuer, collection, voucher), "0x");
      await collection.connect(issuer).issue(21, addresses(1), NEVER, ethers.id("third"), NO_REFERENCE);
      const found = await Promise.all([1, 8, 9, 10, 11, 20, 21].map((serial) => collection.batchOf(serial)));
      expect(found).to.deep.equal([
        [1n, NO_ROOT],
        [1n, NO_ROOT],
        [9n, ethers.id("voucher")],
        [10n, NO_ROOT],
        [11n, ethers.id("second")],
        [11n, ethers.id("second")],
        [21n, ethers.id("third")],
      ]);
    });

    it("takes no more at any place of a batch, across the words of the bitmap and of the level above it", async () => {
      const { createCollection, issuer } = await collectionFixture();
      const collection = await createCollection({ slug: "noirance-bounded", maxSupply: 200_000 });
      // A word of the bitmap has 256 serials, one of the level above it 65,536.
      const [firstSerial, count] = [65_535, 260];
      await collection.connect(issuer).issue(firstSerial - 1, addresses(1), NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(issuer).issue(firstSerial, addresses(count), NEVER, ROOT, NO_REFERENCE);
      for (const place of [0, 1, 2, 255, 256, 257, 258, 259]) {
        const serial = firstSerial + place;
        expect(await collection.batchOf(serial), `place ${place}`).to.deep.equal([BigInt(firstSerial), ROOT]);
        expect((await collection.verify(serial)).batchFirstSerial).to.equal(BigInt(firstSerial));
      }
      expect(await collection.batchOf(firstSerial - 1)).to.deep.equal([BigInt(firstSerial - 1), NO_ROOT]);
      await expect(collection.batchOf(firstSerial + count)).to.be.revertedWithCustomError(collection, "CardNotIssued");
    });

    it("finds starts in the same word, in words before and across empty ones, also when filled backwards (seeded)", async () => {
      const { createCollection, issuer } = await collectionFixture();
      const collection = await createCollection({ slug: "noirance-starts", maxSupply: 400_000 });
      const random = createRandom(13);
      const serials = new Map<number, number>();
      for (const first of [399_000, 131_071, 131_060, 65_536, 65_530, 65_280, 512, 511, 256, 255, 200, 1]) {
        const free = () => {
          let count = 0;
          while (count < 300 && !serials.has(first + count)) ++count;
          return count;
        };
        const count = Math.min(free(), 1 + random.below(250));
        await collection.connect(issuer).issue(first, addresses(count), NEVER, NO_ROOT, NO_REFERENCE);
        for (let place = 0; place < count; ++place) serials.set(first + place, first);
      }
      for (const [serial, first] of serials)
        if (serial === first || random.chance(0.1) || serials.get(serial + 1) !== first)
          expect((await collection.batchOf(serial))[0], `serial ${serial}`).to.equal(BigInt(first));
    });

    it("does not change when cards of the batch die or are reissued, its first one too", async () => {
      const { createCollection, issuer, steward, holder, other } = await collectionFixture();
      const collection = await createCollection({ slug: "noirance-at-once", reissueDelay: 0 });
      await collection.connect(issuer).issue(1, addresses(3), NEVER, ethers.id("first"), NO_REFERENCE);
      await collection.connect(issuer).issue(4, [holder, holder, holder, holder], NEVER, ROOT, NO_REFERENCE);
      await collection.connect(steward).revoke([4], REASON);
      await collection.connect(holder).surrender(5);
      await collection.connect(steward).requestReissue(6, other, REASON);
      await collection.connect(steward).requestReissue(1, other, REASON);
      await collection.connect(steward).suspend([7], REASON);
      await collection.connect(issuer).setTier([2], 9);
      const found = await Promise.all([1, 2, 3, 4, 5, 6, 7].map((serial) => collection.batchOf(serial)));
      expect(found).to.deep.equal([...Array(3).fill([1n, ethers.id("first")]), ...Array(4).fill([4n, ROOT])]);
    });

    it("refuses a serial that was never issued", async () => {
      const { collection, issuer } = await collectionFixture();
      await collection.connect(issuer).issue(1, addresses(2), NEVER, ROOT, NO_REFERENCE);
      for (const serial of [0n, 3n, BigInt(MAX_SUPPLY) + 1n, LARGEST]) {
        await expect(collection.batchOf(serial))
          .to.be.revertedWithCustomError(collection, "CardNotIssued")
          .withArgs(serial);
      }
    });
  });

  describe("cardOf and cardsOf", () => {
    it("answer with zeros for every serial that was never issued", async () => {
      const { collection } = await collectionFixture();
      for (const serial of [0n, 1n, BigInt(MAX_SUPPLY) + 1n, LARGEST]) {
        expect(await collection.cardOf(serial)).to.deep.equal([NOBODY, 0n, 0n, 0n, STATUS.None, 0n]);
      }
    });

    it("keep the last holder of a dead card", async () => {
      const { collection, issuer, steward, holder, other } = await collectionFixture();
      const issuedAt = BigInt(
        await minedAt(collection.connect(issuer).issue(1, [holder, other], NEVER, NO_ROOT, NO_REFERENCE)),
      );
      await collection.connect(steward).revoke([1], REASON);
      await collection.connect(other).surrender(2);
      expect(await collection.cardsOf(1, 2)).to.deep.equal([
        [holder.address, issuedAt, 0n, 3n, STATUS.Revoked, 0n],
        [other.address, issuedAt, 0n, 3n, STATUS.Surrendered, 0n],
      ]);
    });

    it("never say that a card is expired: that follows from the clock", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      const expiresAt = (await now()) + 100;
      await collection.connect(issuer).issue(1, [holder], { tier: 1, expiresAt }, NO_ROOT, NO_REFERENCE);
      const before = fieldsOf(await collection.cardOf(1));
      await networkHelpers.time.increaseTo(expiresAt + 1);
      expect(fieldsOf(await collection.cardOf(1))).to.deep.equal(before);
      expect(before["status"]).to.equal(STATUS.Active);
    });

    it("answer for many serials at once, at both ends of the edition and of the numbers", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      await collection.connect(issuer).issue(2, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(issuer).issue(MAX_SUPPLY, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      const statuses = async (firstSerial: bigint, count: number) =>
        (await collection.cardsOf(firstSerial, count)).map((card) => card.status);
      expect({
        start: await statuses(0n, 4),
        end: await statuses(BigInt(MAX_SUPPLY), 2),
        largest: await statuses(LARGEST, 1),
        none: await statuses(2n, 0),
        noneAtAll: await statuses(LARGEST, 0),
        alike: (await collection.cardsOf(1, 3))[1],
      }).to.deep.equal({
        start: [STATUS.None, STATUS.None, STATUS.Active, STATUS.None],
        end: [STATUS.Active, STATUS.None],
        largest: [STATUS.None],
        none: [],
        noneAtAll: [],
        alike: await collection.cardOf(2),
      });
    });

    it("revert beyond the last number", async () => {
      const { collection } = await collectionFixture();
      await expect(collection.cardsOf(LARGEST, 2)).to.be.revertedWithPanic(0x11);
      await expect(collection.cardsOf(LARGEST - 1n, 3)).to.be.revertedWithPanic(0x11);
      expect((await collection.cardsOf(LARGEST - 1n, 2)).length).to.equal(2);
    });
  });

  describe("multicall", () => {
    it("issues several batches in one transaction, each with its own events, root and terms", async () => {
      const { collection, issuer, holder, other } = await collectionFixture();
      const call = (firstSerial: number, owner: string, tier: number, root: string) =>
        collection.interface.encodeFunctionData("issue", [
          firstSerial,
          [owner],
          { tier, expiresAt: 0 },
          root,
          NO_REFERENCE,
        ]);
      const calls = [call(1, holder.address, 1, ROOT), call(10, other.address, 2, NO_ROOT)];
      expect(await eventsOf(collection.connect(issuer).multicall(calls), collection)).to.deep.equal([
        ["Transfer", NOBODY, holder.address, 1n],
        ["Locked", 1n],
        ["Issued", issuer.address, holder.address, 1n, 2n],
        ["BatchIssued", 1n, 1n, 1n, 0n, ROOT, NO_REFERENCE],
        ["Transfer", NOBODY, other.address, 10n],
        ["Locked", 10n],
        ["Issued", issuer.address, other.address, 10n, 2n],
        ["BatchIssued", 10n, 1n, 2n, 0n, NO_ROOT, NO_REFERENCE],
      ]);
      const { issuedCount, totalSupply, batches, balances } = await stateOf(
        collection,
        [1, 2, 10],
        [holder.address, other.address],
      );
      expect({ issuedCount, totalSupply, batches, balances }).to.deep.equal({
        issuedCount: 2n,
        totalSupply: 2n,
        batches: [
          [1n, ROOT],
          [0n, NO_ROOT],
          [10n, NO_ROOT],
        ],
        balances: [1n, 1n],
      });
    });

    it("undoes all of them if one fails, and says why", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      await collection.connect(issuer).issue(2, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      const before = await stateOf(collection, [1, 2, 20], [holder.address]);
      const call = (firstSerial: number) =>
        collection.interface.encodeFunctionData("issue", [firstSerial, [holder.address], NEVER, ROOT, NO_REFERENCE]);
      for (const calls of [
        [call(20), call(2)],
        [call(2), call(20)],
        [call(1), call(20), call(2)],
      ]) {
        await expect(collection.connect(issuer).multicall(calls))
          .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
          .withArgs(2);
      }
      await expect(collection.connect(issuer).multicall([call(20), call(20)]))
        .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
        .withArgs(20);
      await expect(collection.connect(issuer).multicall([call(20), "0xdeadbeef"])).to.be.revertedWithCustomError(
        collection,
        "FailedCall",
      );
      expect(await stateOf(collection, [1, 2, 20], [holder.address])).to.deep.equal(before);
    });

    it("lets nobody do what he may not do in single calls", async () => {
      const { collection, registry, stranger, holder } = await collectionFixture();
      const call = collection.interface.encodeFunctionData("issue", [1, [holder.address], NEVER, ROOT, NO_REFERENCE]);
      await expect(collection.connect(stranger).multicall([call]))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, 1, stranger);
    });

    it("keeps the caller, so a holder claims and surrenders in one transaction", async () => {
      const { collection, issuer, holder, appointment } = await collectionFixture();
      const voucher = {
        serial: 1,
        holder: holder.address,
        tier: 1,
        expiresAt: 0,
        commitmentRoot: NO_ROOT,
        appointment,
        deadline: FAR,
      };
      const offer = await signVoucher(issuer, collection, voucher);
      await collection
        .connect(holder)
        .multicall([
          collection.interface.encodeFunctionData("claim", [voucher, issuer.address, offer, "0x"]),
          collection.interface.encodeFunctionData("surrender", [1]),
        ]);
      expect([
        (await collection.cardOf(1)).status,
        await collection.issuedCount(),
        await collection.totalSupply(),
        await collection.balanceOf(holder),
      ]).to.deep.equal([STATUS.Surrendered, 1n, 0n, 0n]);
    });

    it("answers several questions at once, and none", async () => {
      const { collection } = await collectionFixture();
      const answers = await collection.multicall.staticCall([
        collection.interface.encodeFunctionData("maxSupply"),
        collection.interface.encodeFunctionData("windingDown"),
      ]);
      expect(answers).to.deep.equal([ethers.toBeHex(MAX_SUPPLY, 32), ethers.toBeHex(0, 32)]);
      expect(await collection.multicall.staticCall([])).to.deep.equal([]);
    });
  });

  describe("behind its beacon", () => {
    it("gets other code with its cards, terms, content and allowlists kept", async () => {
      const { collection, registry, admin, issuer, steward, holder } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder, holder], NEVER, ROOT, NO_REFERENCE);
      await collection.connect(steward).revoke([2], REASON);
      await collection.connect(admin).setContent("ipfs://x", ethers.id("description"));
      await collection.connect(issuer).openAllowlist(ROOT, 10, 5, FAR);
      const all = async () => ({
        ...(await stateOf(collection, [1, 2, 3], [holder.address])),
        terms: fieldsOf(await collection.collectionTerms()),
        name: await collection.name(),
        verification: fieldsOf(await collection.verify(1)),
        allowlist: fieldsOf(await collection.allowlistOf(ROOT)),
        uri: await collection.contractURI(),
      });
      const before = await all();
      const upgraded = await ethers.getContractAt("UpgradedCollection", await collection.getAddress());
      await expect(upgraded.isUpgraded()).to.be.revertedWithoutReason(ethers);
      await registry.upgradeCollections(await deployImplementation(registry, "UpgradedCollection"));
      expect(await upgraded.isUpgraded()).to.equal(true);
      expect(await all()).to.deep.equal(before);
      await collection.connect(issuer).issue(3, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      expect(await collection.totalSupply()).to.equal(2n);
    });
  });

  it("tells a time that is the block's, to the second", async () => {
    const { collection, issuer, holder } = await collectionFixture();
    const timestamp = (await now()) + 12_345;
    await setNext(timestamp);
    await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE);
    expect((await collection.cardOf(1)).issuedAt).to.equal(BigInt(timestamp));
  });
});
