// Who holds which card: the reading side of ERC-721, the slots behind it, and that nothing ever moves a card.

import { expect } from "chai";
import { shouldRefuseTransfers } from "./behaviours/shouldRefuseTransfers.ts";
import {
  addresses,
  BURN_AUTH,
  CARD_BASE_URI,
  collectionFixture,
  ethers,
  HIGHEST_TIER,
  MAX_SUPPLY,
  NO_REFERENCE,
  networkHelpers,
  REISSUE_DELAY,
  REQUEST,
  STATUS,
  UNLIMITED_TERM,
} from "./fixture.ts";
import { minedAt, now } from "./support/clock.ts";
import { FINAL, finish } from "./support/finalActs.ts";
import { fieldsOf } from "./support/state.ts";

const NEVER = { tier: 3, expiresAt: 0 };
const NO_ROOT = ethers.ZeroHash;
const REASON = ethers.id("reason");
const LARGEST = 2n ** 256n - 1n;

describe("CardLedger", () => {
  describe("initialize", () => {
    const terms = {
      brandId: 1,
      maxSupply: 9,
      burnAuth: BURN_AUTH.IssuerOnly,
      reissueDelay: 0,
      highestTier: 1,
      longestTerm: 1,
    };

    it("keeps what the registry sets", async () => {
      const { collection, registry } = await collectionFixture();
      expect({
        terms: fieldsOf(await collection.collectionTerms()),
        brandId: await collection.brandId(),
        maxSupply: await collection.maxSupply(),
        name: await collection.name(),
        symbol: await collection.symbol(),
        registry: await collection.registry(),
        issuedCount: await collection.issuedCount(),
        totalSupply: await collection.totalSupply(),
        windingDown: await collection.windingDown(),
      }).to.deep.equal({
        terms: {
          brandId: 1n,
          maxSupply: BigInt(MAX_SUPPLY),
          burnAuth: BigInt(BURN_AUTH.Both),
          reissueDelay: BigInt(REISSUE_DELAY),
          highestTier: BigInt(HIGHEST_TIER),
          longestTerm: BigInt(UNLIMITED_TERM),
        },
        brandId: 1n,
        maxSupply: BigInt(MAX_SUPPLY),
        name: REQUEST.name,
        symbol: REQUEST.symbol,
        registry: await registry.getAddress(),
        issuedCount: 0n,
        totalSupply: 0n,
        windingDown: false,
      });
    });

    it("keeps the largest of everything without one value spilling into the next", async () => {
      const { createCollection, issuer, holder } = await collectionFixture();
      const largest = {
        maxSupply: 1_000_000_000,
        burnAuth: BURN_AUTH.Neither,
        reissueDelay: 365 * 24 * 60 * 60,
        highestTier: 255,
        longestTerm: 2 ** 32 - 1,
      };
      const collection = await createCollection({ ...largest, slug: "noirance-largest" });
      expect(fieldsOf(await collection.collectionTerms())).to.deep.equal({
        brandId: 1n,
        maxSupply: 1_000_000_000n,
        burnAuth: 3n,
        reissueDelay: 31_536_000n,
        highestTier: 255n,
        longestTerm: 4_294_967_295n,
      });
      await collection.connect(issuer).issue(1, [holder, holder], { tier: 255, expiresAt: 0 }, NO_ROOT, NO_REFERENCE);
      await collection.connect(issuer).issue(1_000_000_000, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      const counters = [await collection.issuedCount(), await collection.totalSupply(), await collection.windingDown()];
      expect(counters).to.deep.equal([3n, 3n, false]);
      expect((await collection.collectionTerms()).longestTerm).to.equal(4_294_967_295n);
    });

    it("is for the registry only, of a collection, of the implementation and of a proxy of anybody's", async () => {
      const { collection, registry, consortium, admin, stranger } = await collectionFixture();
      const implementation = collection.attach(await registry.implementation()) as typeof collection;
      const proxy = await ethers.deployContract("BeaconProxy", [registry, "0x"]);
      const rogue = collection.attach(await proxy.getAddress()) as typeof collection;
      for (const target of [collection, implementation, rogue]) {
        for (const account of [consortium, admin, stranger]) {
          await expect(target.connect(account).initialize("x", "x", terms))
            .to.be.revertedWithCustomError(collection, "CallerNotRegistry")
            .withArgs(account);
        }
      }
      expect([await implementation.maxSupply(), await rogue.maxSupply()]).to.deep.equal([0n, 0n]);
    });

    it("works once, even for the registry", async () => {
      const { collection, registry } = await collectionFixture();
      const caller = await registry.getAddress();
      await networkHelpers.impersonateAccount(caller);
      const asRegistry = collection.connect(await ethers.getSigner(caller));
      await expect(asRegistry.initialize("x", "x", terms)).to.be.revertedWithCustomError(
        collection,
        "AlreadyInitialized",
      );
      await networkHelpers.stopImpersonatingAccount(caller);
      expect([await collection.name(), await collection.maxSupply()]).to.deep.equal([REQUEST.name, BigInt(MAX_SUPPLY)]);
    });
  });

  describe("as an ERC-721 that is read", () => {
    it("answers for a live card: owner, balance, no approvals, where its metadata stands", async () => {
      const { collection, issuer, holder, other } = await collectionFixture();
      await collection.connect(issuer).issue(7, [holder, other, holder], NEVER, NO_ROOT, NO_REFERENCE);
      const path = `${CARD_BASE_URI}${(await collection.getAddress()).toLowerCase()}`;
      const read = async (serial: number) => [
        await collection.ownerOf(serial),
        await collection.getApproved(serial),
        await collection.tokenURI(serial),
      ];
      expect([await read(7), await read(8), await read(9)]).to.deep.equal([
        [holder.address, ethers.ZeroAddress, `${path}/7`],
        [other.address, ethers.ZeroAddress, `${path}/8`],
        [holder.address, ethers.ZeroAddress, `${path}/9`],
      ]);
      expect([await collection.balanceOf(holder), await collection.balanceOf(other)]).to.deep.equal([2n, 1n]);
      expect(await collection.isApprovedForAll(holder, other)).to.equal(false);
    });

    it("follows the registry's base, and answers nothing where there is none", async () => {
      const { collection, registry, issuer, holder } = await collectionFixture();
      await collection.connect(issuer).issue(7, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      await registry.setCardBaseURI("ipfs://base/");
      expect(await collection.tokenURI(7)).to.equal(`ipfs://base/${(await collection.getAddress()).toLowerCase()}/7`);
      await registry.setCardBaseURI("");
      expect(await collection.tokenURI(7)).to.equal("");
    });

    it("throws where ERC-721 says so: for serials that were never issued or cannot be", async () => {
      const { collection } = await collectionFixture();
      for (const serial of [0n, 1n, BigInt(MAX_SUPPLY), BigInt(MAX_SUPPLY) + 1n, LARGEST]) {
        for (const query of [
          () => collection.ownerOf(serial),
          () => collection.getApproved(serial),
          () => collection.tokenURI(serial),
          () => collection.locked(serial),
        ]) {
          await expect(query()).to.be.revertedWithCustomError(collection, "ERC721NonexistentToken").withArgs(serial);
        }
      }
    });

    it("throws where ERC-721 says so: for dead cards, which nobody owns", async () => {
      const { collection, issuer, steward, holder } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder, holder, holder], NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(steward).revoke([1], REASON);
      await collection.connect(holder).surrender(2);
      for (const serial of [1, 2]) {
        for (const query of [
          () => collection.ownerOf(serial),
          () => collection.getApproved(serial),
          () => collection.tokenURI(serial),
          () => collection.locked(serial),
        ]) {
          await expect(query()).to.be.revertedWithCustomError(collection, "ERC721NonexistentToken").withArgs(serial);
        }
      }
      expect([
        await collection.balanceOf(holder),
        await collection.totalSupply(),
        await collection.issuedCount(),
        await collection.ownerOf(3),
      ]).to.deep.equal([1n, 1n, 3n, holder.address]);
    });

    it("throws where ERC-721 says so: for the balance of the zero address", async () => {
      const { collection, stranger } = await collectionFixture();
      await expect(collection.balanceOf(ethers.ZeroAddress))
        .to.be.revertedWithCustomError(collection, "ERC721InvalidOwner")
        .withArgs(ethers.ZeroAddress);
      expect(await collection.balanceOf(stranger)).to.equal(0n);
    });

    it("counts suspended and expired cards as owned", async () => {
      const { collection, issuer, steward, holder } = await collectionFixture();
      const expiresAt = (await now()) + 100;
      await collection.connect(issuer).issue(1, [holder, holder], { tier: 1, expiresAt }, NO_ROOT, NO_REFERENCE);
      await collection.connect(steward).suspend([1], REASON);
      await networkHelpers.time.increaseTo(expiresAt + 1);
      expect([
        await collection.ownerOf(1),
        await collection.ownerOf(2),
        await collection.balanceOf(holder),
        await collection.totalSupply(),
      ]).to.deep.equal([holder.address, holder.address, 2n, 2n]);
    });
  });

  describe("does not let a card move", () => {
    const subjectOf = async () => {
      const { collection, issuer, steward, admin, holder, other, stranger } = await collectionFixture();
      const expiresAt = (await now()) + 100;
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(issuer).issue(2, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(issuer).issue(3, [holder], { tier: 1, expiresAt }, NO_ROOT, NO_REFERENCE);
      await collection.connect(steward).suspend([2], REASON);
      await networkHelpers.time.increaseTo(expiresAt + 1);
      return {
        token: collection,
        tokenId: 1,
        unissued: 4,
        holder,
        others: [other, issuer, steward, admin, stranger],
        transferError: "CardNotTransferable",
        approvalError: "ApprovalNotSupported",
      };
    };

    describe("that is active", () => shouldRefuseTransfers(subjectOf));
    describe("that is suspended", () => shouldRefuseTransfers(async () => ({ ...(await subjectOf()), tokenId: 2 })));
    describe("that is expired", () => shouldRefuseTransfers(async () => ({ ...(await subjectOf()), tokenId: 3 })));

    it("that is dead, back to life, or at either end of the numbers", async () => {
      const { collection, issuer, steward, holder, other } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(steward).revoke([1], REASON);
      const before = fieldsOf(await collection.cardOf(1));
      for (const serial of [0n, 1n, LARGEST]) {
        for (const to of [other.address, ethers.ZeroAddress]) {
          await expect(collection.connect(holder).transferFrom(ethers.ZeroAddress, to, serial))
            .to.be.revertedWithCustomError(collection, "CardNotTransferable")
            .withArgs(serial);
        }
      }
      expect(fieldsOf(await collection.cardOf(1))).to.deep.equal(before);
    });
  });

  it("ends and reissues live cards only, and says what the others are", async () => {
    const { collection, issuer, steward, holder, other } = await collectionFixture();
    await collection.connect(issuer).issue(1, [holder, holder], NEVER, NO_ROOT, NO_REFERENCE);
    await collection.connect(steward).revoke([1], REASON);
    await collection.connect(holder).surrender(2);
    const before = [1, 2, 3].map((serial) => collection.cardOf(serial));
    for (const [serial, status] of [
      [0n, STATUS.None],
      [1n, STATUS.Revoked],
      [2n, STATUS.Surrendered],
      [3n, STATUS.None],
      [LARGEST, STATUS.None],
    ] as const) {
      for (const act of [
        () => collection.connect(steward).revoke([serial], REASON),
        () => collection.connect(holder).surrender(serial),
        () => collection.connect(steward).requestReissue(serial, other, REASON),
      ]) {
        await expect(act()).to.be.revertedWithCustomError(collection, "CardStatusMismatch").withArgs(serial, status);
      }
    }
    const after = [1, 2, 3].map((serial) => collection.cardOf(serial));
    expect(await Promise.all(after)).to.deep.equal(await Promise.all(before));
    expect([await collection.totalSupply(), await collection.balanceOf(holder)]).to.deep.equal([0n, 0n]);
  });

  describe("storage", () => {
    // ERC-7201; what is read with eth_getProof, and what an upgrade must find again.
    const coder = ethers.AbiCoder.defaultAbiCoder();
    const location = (namespace: string): bigint =>
      BigInt(ethers.keccak256(coder.encode(["uint256"], [BigInt(ethers.id(namespace)) - 1n]))) & ~0xffn;
    const BASE = location("mintmark.storage.CardLedger");
    const slotOf = (key: bigint | string, member: bigint): string =>
      ethers.keccak256(
        coder.encode([typeof key === "string" ? "address" : "uint256", "uint256"], [key, BASE + member]),
      );

    it("keeps a card in one slot, as the drawing says", async () => {
      const { collection, issuer, holder, other } = await collectionFixture();
      const expiresAt = 2 ** 32 - 1;
      const issuedAt = BigInt(
        await minedAt(
          collection
            .connect(issuer)
            .issue(7, [holder, other], { tier: HIGHEST_TIER, expiresAt }, NO_ROOT, NO_REFERENCE),
        ),
      );
      const expected = (owner: string, flags: bigint) =>
        BigInt(owner) |
        (issuedAt << 160n) |
        (BigInt(expiresAt) << 192n) |
        (BigInt(HIGHEST_TIER) << 224n) |
        (STATUS.Active << 232n) |
        (flags << 236n);
      const stored = async (serial: bigint) => BigInt(await ethers.provider.getStorage(collection, slotOf(serial, 1n)));
      expect([await stored(6n), await stored(7n), await stored(8n), await stored(9n)]).to.deep.equal([
        0n,
        expected(holder.address, 1n),
        expected(other.address, 0n),
        0n,
      ]);
    });

    it("keeps terms and counters in the first slot of the namespace, as the drawing says", async () => {
      const { collection, issuer, admin, holder } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder, ...addresses(2)], NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(holder).surrender(1);
      const word = async () => BigInt(await ethers.provider.getStorage(collection, BASE));
      const expected =
        1n |
        (BigInt(MAX_SUPPLY) << 32n) |
        (3n << 64n) |
        (2n << 96n) |
        (BigInt(REISSUE_DELAY) << 128n) |
        (BigInt(BURN_AUTH.Both) << 160n) |
        (BigInt(UNLIMITED_TERM) << 176n) |
        (BigInt(HIGHEST_TIER) << 208n);
      expect(await word()).to.equal(expected);
      await finish(collection.connect(admin), FINAL.WindDown);
      expect(await word()).to.equal(expected | (1n << 168n));
    });

    it("keeps balances and commitment roots where an upgrade must find them", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      await collection.connect(issuer).issue(5, [holder, holder], NEVER, ethers.id("root"), NO_REFERENCE);
      expect([
        BigInt(await ethers.provider.getStorage(collection, slotOf(holder.address, 2n))),
        await ethers.provider.getStorage(collection, slotOf(5n, 3n)),
        await ethers.provider.getStorage(collection, slotOf(6n, 3n)),
      ]).to.deep.equal([2n, ethers.id("root"), ethers.ZeroHash]);
    });
  });
});
