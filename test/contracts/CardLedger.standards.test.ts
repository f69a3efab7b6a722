// What the ERCs say that a collection must do, clause by clause. ERC-721's own clauses about reading and moving stand in
// CardLedger.test.ts.

import { expect } from "chai";
import { shouldSupportInterfaces } from "./behaviours/shouldSupportInterfaces.ts";
import {
  addresses,
  BURN_AUTH,
  CARD_BASE_URI,
  collectionFixture,
  ethers,
  interfaceId,
  MAX_SUPPLY,
  NO_REFERENCE,
  networkHelpers,
} from "./fixture.ts";
import { now } from "./support/clock.ts";
import { eventsOf } from "./support/events.ts";
import { FINAL, finish } from "./support/finalActs.ts";
import { fieldsOf } from "./support/state.ts";

const NEVER = { tier: 3, expiresAt: 0 };
const NO_ROOT = ethers.ZeroHash;
const REASON = ethers.id("reason");
const NOBODY = ethers.ZeroAddress;
const LARGEST = 2n ** 256n - 1n;

describe("the standards of a collection", () => {
  shouldSupportInterfaces(async () => (await collectionFixture()).collection, {
    "ERC-721": "0x80ac58cd",
    "ERC-721 metadata": "0x5b5e139f",
    "ERC-5192": "0xb45a3c0e",
    "ERC-4906": "0x49064906",
    "ERC-6454": "0x91a6262f",
  });

  describe("ERC-721", () => {
    it("emits Transfer from zero for each token that is created, with all three arguments indexed", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      const receipt = await (await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE)).wait();
      expect(receipt?.logs[0]?.topics).to.deep.equal([
        "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
        ethers.ZeroHash,
        ethers.zeroPadValue(holder.address.toLowerCase(), 32),
        ethers.toBeHex(1, 32),
      ]);
      expect(receipt?.logs[0]?.data).to.equal("0x");
    });

    it("emits Transfer to zero for a token that is destroyed", async () => {
      const { collection, issuer, steward, holder } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder, holder], NEVER, NO_ROOT, NO_REFERENCE);
      expect([
        ...(await eventsOf(collection.connect(steward).revoke([1], REASON), collection)),
        ...(await eventsOf(collection.connect(holder).surrender(2), collection)),
      ]).to.deep.equal([
        ["Transfer", holder.address, NOBODY, 1n],
        ["CardRevoked", 1n, REASON],
        ["Transfer", holder.address, NOBODY, 2n],
        ["CardSurrendered", 2n, holder.address],
      ]);
    });
  });

  describe("ERC-5192", () => {
    it("emits Locked when a token is minted with the status locked, its token not indexed", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      const receipt = await (await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE)).wait();
      expect([receipt?.logs[1]?.topics, receipt?.logs[1]?.data]).to.deep.equal([
        [ethers.id("Locked(uint256)")],
        ethers.toBeHex(1, 32),
      ]);
    });

    it("says that every live card is locked: active, suspended, expired", async () => {
      const { collection, issuer, steward, holder } = await collectionFixture();
      const expiresAt = (await now()) + 100;
      await collection.connect(issuer).issue(1, [holder, holder], NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(issuer).issue(3, [holder], { tier: 1, expiresAt }, NO_ROOT, NO_REFERENCE);
      await collection.connect(steward).suspend([2], REASON);
      await networkHelpers.time.increaseTo(expiresAt + 1);
      expect(await Promise.all([1, 2, 3].map((serial) => collection.locked(serial)))).to.deep.equal([true, true, true]);
    });

    it("throws for tokens that nobody owns: never issued, impossible, dead", async () => {
      const { collection, issuer, steward, holder } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder, holder], NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(steward).revoke([1], REASON);
      await collection.connect(holder).surrender(2);
      for (const serial of [0n, 1n, 2n, 3n, LARGEST]) {
        await expect(collection.locked(serial))
          .to.be.revertedWithCustomError(collection, "ERC721NonexistentToken")
          .withArgs(serial);
      }
    });
  });

  describe("ERC-5484", () => {
    it("is not claimed: issuing takes no signature of the receiver, and metadata can change", async () => {
      const { collection } = await collectionFixture();
      expect(interfaceId("burnAuth(uint256)")).to.equal("0x0489b56f");
      expect(await collection.supportsInterface("0x0489b56f")).to.equal(false);
    });

    for (const [name, auth] of Object.entries(BURN_AUTH)) {
      it(`tells ${name} before the token is issued, in Issued, and for good`, async () => {
        const { createCollection, issuer, steward, holder, registry } = await collectionFixture();
        const collection = await createCollection({ slug: "noirance-burning", burnAuth: auth });
        const [created] = await registry.queryFilter(registry.filters.CollectionCreated(collection));
        expect([created?.args.burnAuth, (await collection.collectionTerms()).burnAuth]).to.deep.equal([
          BigInt(auth),
          BigInt(auth),
        ]);

        const issuance = await eventsOf(
          collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE),
          collection,
        );
        expect(issuance.filter(([event]) => event === "Issued")).to.deep.equal([
          ["Issued", issuer.address, holder.address, 1n, BigInt(auth)],
        ]);
        expect(await collection.burnAuth(1)).to.equal(BigInt(auth));

        await collection.connect(steward).suspend([1], REASON);
        expect(await collection.burnAuth(1)).to.equal(BigInt(auth));
      });

      it(`makes ${name} the only thing that decides who burns`, async () => {
        const { createCollection, issuer, steward, holder } = await collectionFixture();
        const collection = await createCollection({ slug: "noirance-burning", burnAuth: auth });
        await collection.connect(issuer).issue(1, [holder, holder], NEVER, NO_ROOT, NO_REFERENCE);
        const [issuerMay, ownerMay] = [
          [true, false],
          [false, true],
          [true, true],
          [false, false],
        ][auth] as [boolean, boolean];
        const burns: [boolean, () => Promise<unknown>][] = [
          [issuerMay, () => collection.connect(steward).revoke([1], REASON)],
          [ownerMay, () => collection.connect(holder).surrender(2)],
        ];
        for (const [may, burn] of burns) {
          if (may) await burn();
          else await expect(burn()).to.be.revertedWithCustomError(collection, "BurnNotAuthorized");
        }
        expect(await collection.totalSupply()).to.equal(BigInt(2 - Number(issuerMay) - Number(ownerMay)));
      });
    }

    it("indexes issuer, receiver and token of Issued, and not the authorisation", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      const receipt = await (await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE)).wait();
      expect([receipt?.logs[2]?.topics, receipt?.logs[2]?.data]).to.deep.equal([
        [
          ethers.id("Issued(address,address,uint256,uint8)"),
          ethers.zeroPadValue(issuer.address.toLowerCase(), 32),
          ethers.zeroPadValue(holder.address.toLowerCase(), 32),
          ethers.toBeHex(1, 32),
        ],
        ethers.toBeHex(BURN_AUTH.Both, 32),
      ]);
    });

    it("throws for tokens that were never assigned, and still answers for the dead", async () => {
      const { collection, issuer, steward, holder } = await collectionFixture();
      for (const serial of [0n, 1n, BigInt(MAX_SUPPLY) + 1n, LARGEST]) {
        await expect(collection.burnAuth(serial))
          .to.be.revertedWithCustomError(collection, "CardNotIssued")
          .withArgs(serial);
      }
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(steward).revoke([1], REASON);
      expect(await collection.burnAuth(1)).to.equal(BigInt(BURN_AUTH.Both));
    });
  });

  describe("ERC-6454", () => {
    it("says false between any two holders, and the transfer reverts as it MUST", async () => {
      const { collection, issuer, holder, other } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      for (const from of [holder, other, issuer]) {
        for (const to of [holder, other, issuer]) {
          expect(await collection.isTransferable(1, from, to)).to.equal(false);
          await expect(collection.connect(from).transferFrom(from, to, 1))
            .to.be.revertedWithCustomError(collection, "CardNotTransferable")
            .withArgs(1);
        }
      }
    });

    it("says false for transferability in general, asked with both addresses zero", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      expect([
        await collection.isTransferable(1, NOBODY, NOBODY),
        await collection.isTransferable(2, NOBODY, NOBODY),
      ]).to.deep.equal([false, false]);
    });

    it("reverts for a token that does not exist, unless it is asked about minting", async () => {
      const { collection, issuer, steward, holder, other } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(steward).revoke([1], REASON);
      for (const serial of [0n, 1n, 2n, BigInt(MAX_SUPPLY) + 1n, LARGEST]) {
        for (const to of [other.address, NOBODY]) {
          await expect(collection.isTransferable(serial, holder, to))
            .to.be.revertedWithCustomError(collection, "ERC721NonexistentToken")
            .withArgs(serial);
        }
      }
    });

    it("says of minting whether the serial can still be issued", async () => {
      const { collection, issuer, steward, admin, holder } = await collectionFixture();
      await collection.connect(issuer).issue(2, [holder, holder], NEVER, NO_ROOT, NO_REFERENCE);
      await collection.connect(steward).revoke([3], REASON);
      const serials = [0n, 1n, 2n, 3n, BigInt(MAX_SUPPLY), BigInt(MAX_SUPPLY) + 1n, LARGEST];
      const answers = () => Promise.all(serials.map((serial) => collection.isTransferable(serial, NOBODY, holder)));
      expect(await answers()).to.deep.equal([false, true, false, false, true, false, false]);
      // And that is what happens.
      const issued = await Promise.all(
        serials.map((serial) =>
          collection
            .connect(issuer)
            .issue.staticCall(serial, [holder], NEVER, NO_ROOT, NO_REFERENCE)
            .then(
              () => true,
              () => false,
            ),
        ),
      );
      expect(issued).to.deep.equal(await answers());
      await finish(collection.connect(admin), FINAL.WindDown);
      expect(await answers()).to.deep.equal(serials.map(() => false));
    });

    for (const [name, auth] of Object.entries(BURN_AUTH)) {
      it(`says of burning whether anybody may, which is ${auth !== BURN_AUTH.Neither} for ${name}`, async () => {
        const { createCollection, issuer, holder } = await collectionFixture();
        const collection = await createCollection({ slug: "noirance-burning", burnAuth: auth });
        await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT, NO_REFERENCE);
        expect(await collection.isTransferable(1, holder, NOBODY)).to.equal(auth !== BURN_AUTH.Neither);
      });
    }
  });

  describe("ERC-4906", () => {
    it("emits BatchMetadataUpdate for the whole edition when its content changes", async () => {
      const { collection, admin } = await collectionFixture();
      const events = await eventsOf(collection.connect(admin).setContent("ipfs://x", ethers.id("x")), collection);
      expect(events.at(-1)).to.deep.equal(["BatchMetadataUpdate", 1n, BigInt(MAX_SUPPLY)]);
    });
  });

  describe("ERC-7572", () => {
    it("answers contractURI and reports its change", async () => {
      const { collection, admin } = await collectionFixture();
      expect(await collection.contractURI()).to.equal(
        `${CARD_BASE_URI}${(await collection.getAddress()).toLowerCase()}`,
      );
      const receipt = await (await collection.connect(admin).setContent("ipfs://x", NO_ROOT)).wait();
      expect(await collection.contractURI()).to.equal("ipfs://x");
      expect(receipt?.logs[1]?.topics).to.deep.equal([ethers.id("ContractURIUpdated()")]);
      expect(receipt?.logs[1]?.data).to.equal("0x");
    });
  });

  describe("EIP-5267", () => {
    it("tells the EIP-712 domain, one for each collection", async () => {
      const { collection, createCollection } = await collectionFixture();
      const second = await createCollection({ slug: "noirance-second" });
      const domains = [await collection.eip712Domain(), await second.eip712Domain()].map(fieldsOf);
      const expected = async (verifyingContract: string) => ({
        // Name, version, chain id and contract; no salt and no extensions.
        fields: "0x0f",
        name: "MembershipCollection",
        version: "1",
        chainId: (await ethers.provider.getNetwork()).chainId,
        verifyingContract,
        salt: ethers.ZeroHash,
        extensions: [],
      });
      expect(domains).to.deep.equal([
        await expected(await collection.getAddress()),
        await expected(await second.getAddress()),
      ]);
    });
  });

  it("takes no value and no call that it does not know", async () => {
    const { collection, issuer, holder } = await collectionFixture();
    const data = collection.interface.encodeFunctionData("issue", [1, addresses(1), NEVER, NO_ROOT, NO_REFERENCE]);
    for (const transaction of [
      { to: collection, data, value: 1 },
      { to: collection, value: 1 },
      { to: collection, data: "0xdeadbeef" },
      { to: collection },
    ]) {
      await expect(issuer.sendTransaction(transaction)).to.be.revertedWithoutReason(ethers);
    }
    expect([await ethers.provider.getBalance(collection), await collection.balanceOf(holder)]).to.deep.equal([0n, 0n]);
  });
});
