// Issuing: explicit serials, whole batches, and a retry that cannot issue twice.

import { expect } from "chai";
import {
  addresses,
  collectionFixture,
  ethers,
  HANDLE,
  HIGHEST_TIER,
  MAX_SUPPLY,
  NO_REFERENCE,
  networkHelpers,
  OTHER_HANDLE,
  PROFILE,
  ROLE,
  registryFixture,
  STATUS,
} from "./fixture.ts";
import { minedAt, now, setNext } from "./support/clock.ts";
import { eventsOf } from "./support/events.ts";
import { FINAL, finish } from "./support/finalActs.ts";
import { fieldsOf, stateOf } from "./support/state.ts";

const NEVER = { tier: 3, expiresAt: 0 };
const NO_ROOT = ethers.ZeroHash;
const ROOT = ethers.id("root");
const NOBODY = ethers.ZeroAddress;
const LARGEST = 2n ** 256n - 1n;
const REASON = ethers.id("reason");
const UNISSUED = { holder: NOBODY, issuedAt: 0n, expiresAt: 0n, tier: 0n, status: STATUS.None, generation: 0n };

describe("CardIssuance: issue", () => {
  it("changes nothing but the batch's cards, their holders' balances and the counters", async () => {
    const { collection, issuer, holder, other, stranger } = await collectionFixture();
    const expiresAt = 2_000_000_000;
    const serials = [40, 41, 42, 43, 44];
    const people = [holder.address, other.address, stranger.address, issuer.address];
    expect(await stateOf(collection, serials, people)).to.deep.equal({
      issuedCount: 0n,
      totalSupply: 0n,
      cards: serials.map(() => UNISSUED),
      batches: serials.map(() => [0n, NO_ROOT]),
      balances: [0n, 0n, 0n, 0n],
    });
    const issuedAt = await minedAt(
      collection.connect(issuer).issue(41, [holder, other, holder], { tier: 2, expiresAt }, ROOT, NO_REFERENCE),
    );
    const card = (owner: string) => ({
      holder: owner,
      issuedAt: BigInt(issuedAt),
      expiresAt: BigInt(expiresAt),
      tier: 2n,
      status: STATUS.Active,
      generation: 0n,
    });
    expect(await stateOf(collection, serials, people)).to.deep.equal({
      issuedCount: 3n,
      totalSupply: 3n,
      cards: [UNISSUED, card(holder.address), card(other.address), card(holder.address), UNISSUED],
      batches: [
        [0n, NO_ROOT],
        [41n, ROOT],
        [41n, ROOT],
        [41n, ROOT],
        [0n, NO_ROOT],
      ],
      balances: [2n, 1n, 0n, 0n],
    });
  });

  it("reports what a batch commits to, its orders or a spreadsheet, and keeps nothing of it", async () => {
    const { collection, issuer, holder } = await collectionFixture();
    const storageHash = async () => {
      const proof = await ethers.provider.send("eth_getProof", [await collection.getAddress(), [], "latest"]);
      return proof.storageHash as string;
    };
    const [timestamp, seen] = [(await now()) + 100, [] as string[]];
    for (const reference of [NO_REFERENCE, ethers.id("orders"), ethers.toBeHex(LARGEST)]) {
      const snapshot = await networkHelpers.takeSnapshot();
      await setNext(timestamp);
      const events = await eventsOf(
        collection.connect(issuer).issue(1, [holder, holder], NEVER, ROOT, reference),
        collection,
      );
      expect(events.at(-1)).to.deep.equal(["BatchIssued", 1n, 2n, 3n, 0n, ROOT, reference]);
      seen.push(await storageHash());
      await snapshot.restore();
    }
    expect(new Set(seen).size).to.equal(1);
  });

  it("reports Transfer, Locked and Issued for each card, then the batch, in this order", async () => {
    const { collection, issuer, holder, other } = await collectionFixture();
    const terms = { tier: 9, expiresAt: 2_000_000_000 };
    expect(
      await eventsOf(collection.connect(issuer).issue(1, [holder, other], terms, ROOT, NO_REFERENCE), collection),
    ).to.deep.equal([
      ["Transfer", NOBODY, holder.address, 1n],
      ["Locked", 1n],
      ["Issued", issuer.address, holder.address, 1n, 2n],
      ["Transfer", NOBODY, other.address, 2n],
      ["Locked", 2n],
      ["Issued", issuer.address, other.address, 2n, 2n],
      ["BatchIssued", 1n, 2n, 9n, 2_000_000_000n, ROOT, NO_REFERENCE],
    ]);
  });

  describe("sent again", () => {
    it("refuses the same batch whole, and the first one stands", async () => {
      const { collection, issuer } = await collectionFixture();
      const holders = addresses(5);
      const serials = [1, 2, 3, 4, 5, 6];
      await collection.connect(issuer).issue(1, holders, NEVER, ROOT, NO_REFERENCE);
      const before = await stateOf(collection, serials, holders);
      for (const [again, root] of [
        [holders, ROOT],
        [addresses(5), ethers.id("other root")],
        [holders.slice(0, 1), NO_ROOT],
      ] as const) {
        await expect(collection.connect(issuer).issue(1, [...again], NEVER, root, NO_REFERENCE))
          .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
          .withArgs(1);
      }
      expect(await stateOf(collection, serials, holders)).to.deep.equal(before);
    });

    it("issues nothing of a batch that overlaps an earlier one, at its end, its start or inside", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      await collection.connect(issuer).issue(5, [holder, holder], NEVER, ROOT, NO_REFERENCE);
      const before = await stateOf(collection, [3, 4, 5, 6, 7, 8], [holder.address]);
      for (const [firstSerial, count, taken] of [
        [3, 3, 5],
        [6, 3, 6],
        [3, 6, 5],
      ] as const) {
        await expect(
          collection.connect(issuer).issue(firstSerial, Array(count).fill(holder), NEVER, NO_ROOT, NO_REFERENCE),
        )
          .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
          .withArgs(taken);
      }
      expect(await stateOf(collection, [3, 4, 5, 6, 7, 8], [holder.address])).to.deep.equal(before);
    });

    it("never issues the serial of a dead card again", async () => {
      const { collection, issuer, steward, holder, other } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder, holder], NEVER, ROOT, NO_REFERENCE);
      await collection.connect(steward).revoke([1], REASON);
      await collection.connect(holder).surrender(2);
      const before = await stateOf(collection, [1, 2], [holder.address, other.address]);
      for (const serial of [1, 2]) {
        await expect(collection.connect(issuer).issue(serial, [other], NEVER, NO_ROOT, NO_REFERENCE))
          .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
          .withArgs(serial);
      }
      expect(await stateOf(collection, [1, 2], [holder.address, other.address])).to.deep.equal(before);
    });

    it("lets a lost batch be filled in between its neighbours", async () => {
      const { collection, issuer } = await collectionFixture();
      await collection.connect(issuer).issue(1, addresses(3), NEVER, ethers.id("first"), NO_REFERENCE);
      await collection.connect(issuer).issue(7, addresses(3), NEVER, ethers.id("third"), NO_REFERENCE);
      await collection.connect(issuer).issue(4, addresses(3), NEVER, ethers.id("second"), NO_REFERENCE);
      expect((await stateOf(collection, [3, 4, 6, 7], [])).batches).to.deep.equal([
        [1n, ethers.id("first")],
        [4n, ethers.id("second")],
        [4n, ethers.id("second")],
        [7n, ethers.id("third")],
      ]);
    });
  });

  describe("the serials", () => {
    it("are 1..maxSupply, and nothing wraps around", async () => {
      const { collection, issuer } = await collectionFixture();
      const supply = BigInt(MAX_SUPPLY);
      for (const [firstSerial, count] of [
        [0n, 1],
        [0n, 2],
        [supply, 2],
        [supply - 1n, 3],
        [supply + 1n, 1],
        [2n ** 32n, 1],
        [2n ** 32n + 1n, 1],
        [LARGEST, 1],
        [LARGEST, 2],
        [LARGEST, 3],
      ] as [bigint, number][]) {
        await expect(collection.connect(issuer).issue(firstSerial, addresses(count), NEVER, NO_ROOT, NO_REFERENCE))
          .to.be.revertedWithCustomError(collection, "SerialOutOfRange")
          .withArgs(firstSerial, count, MAX_SUPPLY);
      }
      expect(await collection.issuedCount()).to.equal(0n);
      await collection.connect(issuer).issue(1, addresses(1), NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(issuer).issue(supply - 1n, addresses(2), NEVER, NO_ROOT, NO_REFERENCE);
      const cards = (await stateOf(collection, [0, 1, 2, supply - 2n, supply - 1n, supply, supply + 1n], [])).cards;
      expect(cards.map(({ status }) => status)).to.deep.equal([0n, 1n, 0n, 0n, 1n, 1n, 0n]);
    });

    it("fill an edition exactly, of one card and of several", async () => {
      const { createCollection, issuer } = await collectionFixture();
      for (const maxSupply of [1, 3]) {
        const tiny = await createCollection({ slug: `${HANDLE}-tiny-${maxSupply}`, maxSupply });
        await expect(tiny.connect(issuer).issue(1, addresses(maxSupply + 1), NEVER, NO_ROOT, NO_REFERENCE))
          .to.be.revertedWithCustomError(tiny, "SerialOutOfRange")
          .withArgs(1, maxSupply + 1, maxSupply);
        await tiny.connect(issuer).issue(1, addresses(maxSupply), NEVER, NO_ROOT, NO_REFERENCE);
        await expect(tiny.connect(issuer).issue(maxSupply + 1, addresses(1), NEVER, NO_ROOT, NO_REFERENCE))
          .to.be.revertedWithCustomError(tiny, "SerialOutOfRange")
          .withArgs(maxSupply + 1, 1, maxSupply);
        expect([await tiny.issuedCount(), await tiny.totalSupply()]).to.deep.equal([
          BigInt(maxSupply),
          BigInt(maxSupply),
        ]);
      }
    });

    it("are at least one", async () => {
      const { collection, issuer } = await collectionFixture();
      for (const firstSerial of [0n, 1n, LARGEST]) {
        await expect(
          collection.connect(issuer).issue(firstSerial, [], NEVER, NO_ROOT, NO_REFERENCE),
        ).to.be.revertedWithCustomError(collection, "EmptyBatch");
      }
    });
  });

  describe("the holders", () => {
    it("are never the zero address, anywhere in a batch", async () => {
      const { collection, issuer } = await collectionFixture();
      for (const holders of [
        [NOBODY],
        [NOBODY, ...addresses(2)],
        [...addresses(1), NOBODY, ...addresses(1)],
        [...addresses(3), NOBODY],
      ]) {
        await expect(collection.connect(issuer).issue(1, holders, NEVER, NO_ROOT, NO_REFERENCE))
          .to.be.revertedWithCustomError(collection, "ERC721InvalidReceiver")
          .withArgs(NOBODY);
      }
      expect(fieldsOf(await collection.cardOf(1))).to.deep.equal(UNISSUED);
    });

    it("are not called back: a contract that cannot receive ERC-721 tokens holds a card", async () => {
      const { collection, registry, issuer } = await collectionFixture();
      const holders = [await registry.getAddress(), await collection.getAddress()];
      await collection.connect(issuer).issue(1, holders, NEVER, NO_ROOT, NO_REFERENCE);
      expect([await collection.ownerOf(1), await collection.ownerOf(2)]).to.deep.equal(holders);
    });

    it("may hold every card of an edition", async () => {
      const { createCollection, issuer, holder } = await collectionFixture();
      const collection = await createCollection({ slug: "noirance-hundred", maxSupply: 100 });
      await collection.connect(issuer).issue(1, Array(100).fill(holder.address), NEVER, ROOT, NO_REFERENCE);
      expect([
        await collection.balanceOf(holder),
        await collection.totalSupply(),
        await collection.issuedCount(),
        await collection.ownerOf(100),
      ]).to.deep.equal([100n, 100n, 100n, holder.address]);
    });
  });

  describe("the terms", () => {
    it("expire after the block: not now and not before", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      const timestamp = (await now()) + 100;
      for (const expiresAt of [1, timestamp - 1, timestamp]) {
        await setNext(timestamp);
        await expect(collection.connect(issuer).issue(1, [holder], { tier: 1, expiresAt }, NO_ROOT, NO_REFERENCE))
          .to.be.revertedWithCustomError(collection, "ExpiryNotInFuture")
          .withArgs(expiresAt, timestamp);
      }
    });

    it("may expire one second after the block, and then they are", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      const timestamp = (await now()) + 100;
      await setNext(timestamp);
      await collection.connect(issuer).issue(1, [holder], { tier: 1, expiresAt: timestamp + 1 }, NO_ROOT, NO_REFERENCE);
      expect([await now(), (await collection.cardOf(1)).expiresAt]).to.deep.equal([timestamp, BigInt(timestamp) + 1n]);
      expect((await collection.verify(1)).status).to.equal(1n);
      await networkHelpers.time.increaseTo(timestamp + 1);
      expect((await collection.verify(1)).status).to.equal(3n);
    });

    for (const [name, terms] of Object.entries({
      "the smallest": { tier: 0, expiresAt: 0 },
      "the largest": { tier: HIGHEST_TIER, expiresAt: 2 ** 32 - 1 },
    })) {
      it(`are kept and reported as they are: ${name}`, async () => {
        const { collection, issuer, holder } = await collectionFixture();
        const root = ethers.toBeHex(LARGEST);
        const events = await eventsOf(
          collection.connect(issuer).issue(1, [holder], terms, root, NO_REFERENCE),
          collection,
        );
        expect(events.at(-1)).to.deep.equal([
          "BatchIssued",
          1n,
          1n,
          BigInt(terms.tier),
          BigInt(terms.expiresAt),
          root,
          NO_REFERENCE,
        ]);
        const { tier, expiresAt } = await collection.cardOf(1);
        expect([tier, expiresAt, await collection.batchOf(1)]).to.deep.equal([
          BigInt(terms.tier),
          BigInt(terms.expiresAt),
          [1n, root],
        ]);
      });
    }

    it("are of a tier that the collection has", async () => {
      const { createCollection, issuer, holder } = await collectionFixture();
      for (const highestTier of [0, 1, 254, 255]) {
        const collection = await createCollection({ slug: `${HANDLE}-t${highestTier}`, highestTier });
        const issue = (serial: number, tier: number) =>
          collection.connect(issuer).issue(serial, [holder], { tier, expiresAt: 0 }, NO_ROOT, NO_REFERENCE);
        await issue(1, 0);
        await issue(2, highestTier);
        for (const tier of [highestTier + 1, 255].filter((tier) => tier <= 255 && tier > highestTier)) {
          await expect(issue(3, tier))
            .to.be.revertedWithCustomError(collection, "TierNotDeclared")
            .withArgs(tier, highestTier);
        }
        expect(await collection.issuedCount()).to.equal(2n);
      }
    });

    it("last for as long as the collection says at most, to the second, and not for ever", async () => {
      const { createCollection, issuer, holder } = await collectionFixture();
      for (const [index, longestTerm] of [1, 86_400, 2 ** 32 - 2].entries()) {
        const collection = await createCollection({ slug: `${HANDLE}-l${index}`, longestTerm });
        const timestamp = (await now()) + 100;
        const latest = timestamp + longestTerm;
        const issue = async (serial: number, expiresAt: number) => {
          await setNext(timestamp + serial - 1);
          return collection.connect(issuer).issue(serial, [holder], { tier: 1, expiresAt }, NO_ROOT, NO_REFERENCE);
        };
        for (const expiresAt of [0, latest + 1, 2 ** 32 - 1].filter(
          (at) => at < 2 ** 32 && (at === 0 || at > latest),
        )) {
          await expect(issue(1, expiresAt))
            .to.be.revertedWithCustomError(collection, "TermTooLong")
            .withArgs(expiresAt, latest);
        }
        await issue(1, Math.min(latest, 2 ** 32 - 1));
        await expect(issue(2, timestamp + 1))
          .to.be.revertedWithCustomError(collection, "ExpiryNotInFuture")
          .withArgs(timestamp + 1, timestamp + 1);
        await issue(2, timestamp + 2);
        expect(await collection.issuedCount()).to.equal(2n);
      }
    });

    it("have the width of their types: what is larger is refused by the decoder", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      const encoded = (tier: bigint, expiresAt: bigint) =>
        ethers.concat([
          collection.interface.getFunction("issue").selector,
          ethers.AbiCoder.defaultAbiCoder().encode(
            ["uint256", "address[]", "uint256", "uint256", "bytes32", "bytes32"],
            [1, [holder.address], tier, expiresAt, NO_ROOT, NO_REFERENCE],
          ),
        ]);
      for (const [tier, expiresAt] of [
        [256n, 0n],
        [0n, 2n ** 32n],
        [LARGEST, LARGEST],
      ] as const) {
        await expect(
          issuer.sendTransaction({ to: collection, data: encoded(tier, expiresAt) }),
        ).to.be.revertedWithoutReason(ethers);
      }
      // The encoding is right otherwise.
      await issuer.sendTransaction({ to: collection, data: encoded(BigInt(HIGHEST_TIER), 2n ** 32n - 1n) });
      expect((await collection.cardOf(1)).tier).to.equal(BigInt(HIGHEST_TIER));
    });
  });

  describe("may be called by", () => {
    it("the brand's issuers only", async () => {
      const { collection, registry, admin, steward, staff, issuer, guardian, consortium, stranger, holder } =
        await collectionFixture();
      for (const account of [admin, steward, staff, guardian, consortium, stranger]) {
        await expect(collection.connect(account).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE))
          .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
          .withArgs(1, ROLE.Issuer, account);
      }
      await registry.connect(admin).revokeRole(await registry.roleId(1, ROLE.Issuer), issuer);
      await expect(collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Issuer, issuer);
      expect(await collection.issuedCount()).to.equal(0n);
    });

    it("no issuer of another brand", async () => {
      const { collection, registry, other, stranger } = await collectionFixture();
      await registry.admitBrand(other, OTHER_HANDLE, { ...PROFILE, name: "Other" });
      await registry.connect(other).grantRole(await registry.roleId(2, ROLE.Issuer), stranger);
      await expect(collection.connect(stranger).issue(1, addresses(1), NEVER, NO_ROOT, NO_REFERENCE))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Issuer, stranger);
    });

    it("nobody while the brand is suspended, or after it was retired", async () => {
      const { collection, registry, guardian, issuer, holder } = await collectionFixture();
      await registry.connect(guardian).suspendBrand(1, REASON);
      await expect(collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE))
        .to.be.revertedWithCustomError(registry, "BrandNotActive")
        .withArgs(1, 2);
      await registry.reinstateBrand(1, 1);
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      await registry.retireBrand(1, REASON);
      await expect(collection.connect(issuer).issue(2, [holder], NEVER, NO_ROOT, NO_REFERENCE))
        .to.be.revertedWithCustomError(registry, "BrandNotActive")
        .withArgs(1, 3);
      expect(await collection.issuedCount()).to.equal(1n);
    });

    it("nobody once the edition is winding down", async () => {
      const { collection, admin, issuer, holder } = await collectionFixture();
      await finish(collection.connect(admin), FINAL.WindDown);
      await expect(
        collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE),
      ).to.be.revertedWithCustomError(collection, "WindingDown");
      expect(await collection.issuedCount()).to.equal(0n);
    });

    it("nobody on the code behind the collections, which belongs to no brand", async () => {
      const { registry } = await registryFixture();
      const implementation = await ethers.getContractAt("MembershipCollection", await registry.implementation());
      await expect(implementation.issue(1, addresses(1), NEVER, NO_ROOT, NO_REFERENCE))
        .to.be.revertedWithCustomError(implementation, "SerialOutOfRange")
        .withArgs(1, 1, 0);
    });
  });
});
