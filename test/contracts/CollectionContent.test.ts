// What a collection promises about itself, until it is frozen, and how an edition ends.

import { expect } from "chai";
import { CARD_BASE_URI, collectionFixture, ethers, MAX_SUPPLY, NO_REFERENCE, ROLE } from "./fixture.ts";
import { eventsOf } from "./support/events.ts";
import { FINAL, finish } from "./support/finalActs.ts";
import { stateOf } from "./support/state.ts";

const NEVER = { tier: 1, expiresAt: 0 };
const NO_ROOT = ethers.ZeroHash;
const REASON = ethers.id("reason");
const HASH = ethers.id("description");

async function contentFixture() {
  const accounts = await collectionFixture();
  const { collection } = accounts;
  const ownAddress = `${CARD_BASE_URI}${(await collection.getAddress()).toLowerCase()}`;
  const content = async () => ({
    uri: await collection.contractURI(),
    hash: await collection.contentHash(),
    frozen: await collection.contentFrozen(),
    windingDown: await collection.windingDown(),
  });
  return { ...accounts, ownAddress, content };
}

describe("CollectionContent", () => {
  it("begins at the registry's address of the collection, without a hash, neither frozen nor winding down", async () => {
    const { content, ownAddress } = await contentFixture();
    expect(await content()).to.deep.equal({
      uri: ownAddress,
      hash: ethers.ZeroHash,
      frozen: false,
      windingDown: false,
    });
  });

  describe("setContent", () => {
    it("keeps what it is given and reports it, its ERC-7572 and its ERC-4906 event", async () => {
      const { collection, admin, content } = await contentFixture();
      expect(
        await eventsOf(collection.connect(admin).setContent("https://noirance.example/黑", HASH), collection),
      ).to.deep.equal([
        ["ContentChanged", "https://noirance.example/黑", HASH],
        ["ContractURIUpdated"],
        ["BatchMetadataUpdate", 1n, BigInt(MAX_SUPPLY)],
      ]);
      expect(await content()).to.deep.equal({
        uri: "https://noirance.example/黑",
        hash: HASH,
        frozen: false,
        windingDown: false,
      });
    });

    it("can be called again, and leads back to the registry's address with an empty URI", async () => {
      const { collection, registry, admin, content, ownAddress } = await contentFixture();
      await collection.connect(admin).setContent("https://noirance.example/a", HASH);
      await collection.connect(admin).setContent("ipfs://b", ethers.ZeroHash);
      expect(await content()).to.deep.equal({
        uri: "ipfs://b",
        hash: ethers.ZeroHash,
        frozen: false,
        windingDown: false,
      });
      await collection.connect(admin).setContent("", HASH);
      expect(await content()).to.deep.equal({ uri: ownAddress, hash: HASH, frozen: false, windingDown: false });
      await registry.setCardBaseURI("");
      expect(await collection.contractURI()).to.equal("");
    });

    it("takes a URI of 2,000 bytes and no more, counted in bytes", async () => {
      const { collection, admin, content } = await contentFixture();
      const before = await content();
      for (const [uri, length] of [
        ["x".repeat(2_001), 2_001],
        ["黑".repeat(667), 2_001],
        ["x".repeat(10_000), 10_000],
      ] as const) {
        await expect(collection.connect(admin).setContent(uri, HASH))
          .to.be.revertedWithCustomError(collection, "ContentURITooLong")
          .withArgs(length);
      }
      expect(await content()).to.deep.equal(before);
      await collection.connect(admin).setContent(`xx${"黑".repeat(666)}`, HASH);
      expect(await collection.contractURI()).to.equal(`xx${"黑".repeat(666)}`);
    });

    it("is each collection's own", async () => {
      const { collection, createCollection, admin } = await contentFixture();
      const second = await createCollection({ slug: "noirance-second" });
      await collection.connect(admin).setContent("ipfs://first", HASH);
      expect([await second.contractURI(), await second.contentHash()]).to.deep.equal([
        `${CARD_BASE_URI}${(await second.getAddress()).toLowerCase()}`,
        ethers.ZeroHash,
      ]);
    });

    it("touches no card", async () => {
      const { collection, admin, issuer, holder } = await contentFixture();
      await collection.connect(issuer).issue(1, [holder], NEVER, ethers.id("root"), NO_REFERENCE);
      const before = await stateOf(collection, [1, 2], [holder.address]);
      await collection.connect(admin).setContent("ipfs://x", HASH);
      await finish(collection.connect(admin), FINAL.FreezeContent);
      expect(await stateOf(collection, [1, 2], [holder.address])).to.deep.equal(before);
    });
  });

  describe("freezeContent", () => {
    it("is reported and final: neither content nor the freeze can be changed any more", async () => {
      const { collection, admin, content } = await contentFixture();
      await collection.connect(admin).setContent("ipfs://x", HASH);
      expect(await eventsOf(finish(collection.connect(admin), FINAL.FreezeContent), collection)).to.deep.equal([
        ["ContentFrozen"],
      ]);
      const frozen = { uri: "ipfs://x", hash: HASH, frozen: true, windingDown: false };
      expect(await content()).to.deep.equal(frozen);
      for (const attempt of [
        () => collection.connect(admin).setContent("ipfs://y", HASH),
        () => collection.connect(admin).setContent("", ethers.ZeroHash),
        () => finish(collection.connect(admin), FINAL.FreezeContent),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(collection, "ContentIsFrozen");
      }
      expect(await content()).to.deep.equal(frozen);
    });

    it("stops neither issuing nor the end of the edition", async () => {
      const { collection, admin, issuer, holder, content } = await contentFixture();
      await finish(collection.connect(admin), FINAL.FreezeContent);
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      await finish(collection.connect(admin), FINAL.WindDown);
      const { frozen, windingDown } = await content();
      expect([frozen, windingDown, await collection.totalSupply()]).to.deep.equal([true, true, 1n]);
    });
  });

  describe("startWindDown", () => {
    it("is reported, final and ends every way to issue", async () => {
      const { collection, admin, issuer, holder, appointment, content } = await contentFixture();
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      const before = await stateOf(collection, [1, 2], [holder.address]);
      expect(await eventsOf(finish(collection.connect(admin), FINAL.WindDown), collection)).to.deep.equal([
        ["WindDownStarted"],
      ]);
      expect((await content()).windingDown).to.equal(true);
      const voucher = {
        serial: 2,
        holder,
        tier: 1,
        expiresAt: 0,
        commitmentRoot: NO_ROOT,
        appointment,
        deadline: 2 ** 32,
      };
      for (const attempt of [
        () => finish(collection.connect(admin), FINAL.WindDown),
        () => collection.connect(issuer).issue(2, [holder], NEVER, NO_ROOT, NO_REFERENCE),
        () => collection.connect(holder).claim(voucher, issuer, "0x", "0x"),
        () => collection.connect(issuer).openAllowlist(ethers.id("root"), 2, 1, 2 ** 32 - 1),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(collection, "WindingDown");
      }
      expect(await stateOf(collection, [1, 2], [holder.address])).to.deep.equal(before);
    });

    it("leaves the cards to live on: they verify, and holders can still surrender", async () => {
      const { collection, admin, issuer, holder } = await contentFixture();
      await collection.connect(issuer).issue(1, [holder, holder], NEVER, NO_ROOT, NO_REFERENCE);
      await finish(collection.connect(admin), FINAL.WindDown);
      expect((await collection.verify(1)).status).to.equal(1n);
      await collection.connect(holder).surrender(1);
      expect([
        (await collection.verify(1)).status,
        (await collection.verify(2)).status,
        await collection.totalSupply(),
        await collection.issuedCount(),
        await collection.windingDown(),
      ]).to.deep.equal([5n, 1n, 1n, 2n, true]);
    });

    it("leaves the content to be changed until it is frozen", async () => {
      const { collection, admin, content } = await contentFixture();
      await finish(collection.connect(admin), FINAL.WindDown);
      await collection.connect(admin).setContent("ipfs://farewell", HASH);
      expect(await content()).to.deep.equal({ uri: "ipfs://farewell", hash: HASH, frozen: false, windingDown: true });
    });

    it("changes no other term of the collection", async () => {
      const { collection, admin } = await contentFixture();
      const terms = async () => [
        await collection.brandId(),
        await collection.maxSupply(),
        await collection.collectionTerms(),
        await collection.name(),
        await collection.symbol(),
      ];
      const before = await terms();
      await finish(collection.connect(admin), FINAL.WindDown);
      expect(await terms()).to.deep.equal(before);
    });
  });

  describe("all of it", () => {
    it("is for the brand's administrators, while the brand is active", async () => {
      const { collection, registry, guardian, consortium, admin, issuer, steward, staff, holder, content } =
        await contentFixture();
      const before = await content();
      type Collection = typeof collection;
      const acts = [
        (sender: Collection) => sender.setContent("ipfs://x", HASH),
        (sender: Collection) => sender.announce(FINAL.FreezeContent),
        (sender: Collection) => sender.carryOut(FINAL.WindDown),
      ];
      for (const act of acts) {
        for (const account of [consortium, guardian, issuer, steward, staff, holder]) {
          await expect(act(collection.connect(account)))
            .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
            .withArgs(1, ROLE.Admin, account);
        }
      }
      await registry.connect(guardian).suspendBrand(1, REASON);
      for (const act of acts) {
        await expect(act(collection.connect(admin)))
          .to.be.revertedWithCustomError(registry, "BrandNotActive")
          .withArgs(1, 2);
      }
      await registry.retireBrand(1, REASON);
      for (const act of acts) {
        await expect(act(collection.connect(admin)))
          .to.be.revertedWithCustomError(registry, "BrandNotActive")
          .withArgs(1, 3);
      }
      expect(await content()).to.deep.equal(before);
    });
  });
});
