import { expect } from "chai";
import {
  addresses,
  collectionFixture,
  ethers,
  interfaceId,
  MAX_SUPPLY,
  PROFILE,
  REQUEST,
  ROLE,
  STATUS,
} from "./fixture.ts";

const NEVER = { tier: 3, expiresAt: 0 };
const NO_ROOT = ethers.ZeroHash;

describe("MembershipCollection", () => {
  describe("issue", () => {
    it("gives each serial to its holder and answers for it", async () => {
      const { collection, issuer, holder, other } = await collectionFixture();
      const expiresAt = 2_000_000_000;
      const transaction = await collection
        .connect(issuer)
        .issue(41, [holder, other, holder], { tier: 2, expiresAt }, ethers.id("root"));
      const block = await transaction.getBlock();
      if (block === null) throw new Error("not mined");

      for (const [serial, owner] of [
        [41, holder],
        [42, other],
        [43, holder],
      ] as const) {
        expect(await collection.ownerOf(serial)).to.equal(owner.address);
        expect(await collection.cardOf(serial)).to.deep.equal([
          owner.address,
          BigInt(block.timestamp),
          BigInt(expiresAt),
          2n,
          STATUS.Active,
          0n,
        ]);
        expect(await collection.batchOf(serial)).to.deep.equal([41n, ethers.id("root")]);
      }
      expect(await collection.balanceOf(holder)).to.equal(2n);
      expect(await collection.balanceOf(other)).to.equal(1n);
      expect(await collection.issuedCount()).to.equal(3n);
      expect(await collection.totalSupply()).to.equal(3n);
    });

    it("reports Transfer, Locked and Issued for each card, then the batch, in this order", async () => {
      const { collection, issuer, holder, other } = await collectionFixture();
      const transaction = await collection
        .connect(issuer)
        .issue(1, [holder, other], { tier: 9, expiresAt: 2_000_000_000 }, ethers.id("root"));
      const receipt = await transaction.wait();
      const events = receipt?.logs.map((log) => {
        const parsed = collection.interface.parseLog(log);
        return [parsed?.name, ...(parsed?.args ?? [])];
      });
      expect(events).to.deep.equal([
        ["Transfer", ethers.ZeroAddress, holder.address, 1n],
        ["Locked", 1n],
        ["Issued", issuer.address, holder.address, 1n, 2n],
        ["Transfer", ethers.ZeroAddress, other.address, 2n],
        ["Locked", 2n],
        ["Issued", issuer.address, other.address, 2n, 2n],
        ["BatchIssued", 1n, 2n, 9n, 2_000_000_000n, ethers.id("root")],
      ]);
    });

    it("refuses the same batch the second time, whole", async () => {
      const { collection, issuer } = await collectionFixture();
      const holders = addresses(5);
      await collection.connect(issuer).issue(1, holders, NEVER, NO_ROOT);
      await expect(collection.connect(issuer).issue(1, holders, NEVER, NO_ROOT))
        .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
        .withArgs(1);
    });

    it("issues nothing of a batch that overlaps an earlier one", async () => {
      const { collection, issuer } = await collectionFixture();
      await collection.connect(issuer).issue(5, addresses(1), NEVER, NO_ROOT);
      await expect(collection.connect(issuer).issue(1, addresses(10), NEVER, NO_ROOT))
        .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
        .withArgs(5);
      expect((await collection.cardOf(1)).status).to.equal(STATUS.None);
      expect(await collection.issuedCount()).to.equal(1n);
    });

    it("keeps serials within 1..maxSupply", async () => {
      const { collection, issuer } = await collectionFixture();
      const outside: [bigint, number][] = [
        [0n, 1],
        [0n, 2],
        [BigInt(MAX_SUPPLY), 2],
        [BigInt(MAX_SUPPLY) + 1n, 1],
        [2n ** 32n + 1n, 1],
        [2n ** 256n - 1n, 1],
        [2n ** 256n - 1n, 3],
      ];
      for (const [firstSerial, count] of outside) {
        await expect(collection.connect(issuer).issue(firstSerial, addresses(count), NEVER, NO_ROOT))
          .to.be.revertedWithCustomError(collection, "SerialOutOfRange")
          .withArgs(firstSerial, count, MAX_SUPPLY);
      }
      await collection.connect(issuer).issue(1, addresses(1), NEVER, NO_ROOT);
      await collection.connect(issuer).issue(MAX_SUPPLY, addresses(1), NEVER, NO_ROOT);
      expect(await collection.issuedCount()).to.equal(2n);
    });

    it("refuses a batch larger than the edition", async () => {
      const { collection: black, registry, admin, issuer } = await collectionFixture();
      await registry.connect(admin).createCollection({ ...REQUEST, slug: "tiny", maxSupply: 3 });
      const tiny = black.attach(await registry.collectionOf("tiny")) as typeof black;
      await expect(tiny.connect(issuer).issue(1, addresses(4), NEVER, NO_ROOT))
        .to.be.revertedWithCustomError(tiny, "SerialOutOfRange")
        .withArgs(1, 4, 3);
      await tiny.connect(issuer).issue(1, addresses(3), NEVER, NO_ROOT);
      expect(await tiny.totalSupply()).to.equal(3n);
    });

    it("refuses an empty batch", async () => {
      const { collection, issuer } = await collectionFixture();
      await expect(collection.connect(issuer).issue(1, [], NEVER, NO_ROOT)).to.be.revertedWithCustomError(
        collection,
        "EmptyBatch",
      );
    });

    it("refuses the zero address anywhere in a batch", async () => {
      const { collection, issuer } = await collectionFixture();
      for (const holders of [[ethers.ZeroAddress], [...addresses(3), ethers.ZeroAddress]]) {
        await expect(collection.connect(issuer).issue(1, holders, NEVER, NO_ROOT))
          .to.be.revertedWithCustomError(collection, "ERC721InvalidReceiver")
          .withArgs(ethers.ZeroAddress);
      }
    });

    it("needs no consent of a holder and calls none back", async () => {
      const { collection, registry, issuer } = await collectionFixture();
      // A contract without onERC721Received, to which a safe transfer would fail.
      const contract = await registry.getAddress();
      await collection.connect(issuer).issue(1, [contract], NEVER, NO_ROOT);
      expect(await collection.ownerOf(1)).to.equal(contract);
    });

    it("leaves the counters as they were when a batch fails", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      await collection.connect(issuer).issue(3, [holder], NEVER, NO_ROOT);
      await expect(
        collection.connect(issuer).issue(1, [holder, holder, holder], NEVER, NO_ROOT),
      ).to.be.revertedWithCustomError(collection, "CardAlreadyIssued");
      expect([
        await collection.issuedCount(),
        await collection.totalSupply(),
        await collection.balanceOf(holder),
      ]).to.deep.equal([1n, 1n, 1n]);
    });

    it("takes no value", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      const data = collection.interface.encodeFunctionData("issue", [1, [holder.address], NEVER, NO_ROOT]);
      await expect(issuer.sendTransaction({ to: collection, data, value: 1 })).to.be.revertedWithoutReason(ethers);
      await expect(issuer.sendTransaction({ to: collection, value: 1 })).to.be.revertedWithoutReason(ethers);
    });

    it("refuses an expiry that is not in the future of the block", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      const latest = await ethers.provider.getBlock("latest");
      const timestamp = (latest?.timestamp ?? 0) + 100;
      for (const expiresAt of [1, timestamp - 1, timestamp]) {
        await ethers.provider.send("evm_setNextBlockTimestamp", [timestamp]);
        await expect(
          collection
            .connect(issuer)
            .issue.staticCall(1, [holder], { tier: 1, expiresAt }, NO_ROOT, { blockTag: "pending" }),
        )
          .to.be.revertedWithCustomError(collection, "ExpiryNotInFuture")
          .withArgs(expiresAt, timestamp);
      }
      await collection.connect(issuer).issue(1, [holder], { tier: 1, expiresAt: timestamp + 1 }, NO_ROOT);
    });

    it("is for the brand's issuers only", async () => {
      const { collection, registry, admin, issuer, consortium, stranger } = await collectionFixture();
      for (const account of [admin, consortium, stranger]) {
        await expect(collection.connect(account).issue(1, addresses(1), NEVER, NO_ROOT))
          .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
          .withArgs(1, ROLE.Issuer, account);
      }
      await registry.connect(admin).revokeRole(await registry.roleId(1, ROLE.Issuer), issuer);
      await expect(collection.connect(issuer).issue(1, addresses(1), NEVER, NO_ROOT)).to.be.revertedWithCustomError(
        registry,
        "BrandRoleMissing",
      );
    });

    it("refuses an issuer of another brand", async () => {
      const { collection, registry, other, stranger } = await collectionFixture();
      await registry.admitBrand(other, { ...PROFILE, name: "Other" });
      await registry.connect(other).grantRole(await registry.roleId(2, ROLE.Issuer), stranger);
      await expect(collection.connect(stranger).issue(1, addresses(1), NEVER, NO_ROOT))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Issuer, stranger);
    });

    it("packs several batches into one transaction, all or nothing", async () => {
      const { collection, issuer } = await collectionFixture();
      const call = (firstSerial: number, tier: number, root: string) =>
        collection.interface.encodeFunctionData("issue", [firstSerial, addresses(2), { tier, expiresAt: 0 }, root]);
      await collection.connect(issuer).multicall([call(1, 1, ethers.id("a")), call(10, 2, ethers.id("b"))]);
      expect((await collection.cardOf(11)).tier).to.equal(2n);
      expect(await collection.batchOf(2)).to.deep.equal([1n, ethers.id("a")]);
      expect(await collection.batchOf(11)).to.deep.equal([10n, ethers.id("b")]);
      await expect(collection.connect(issuer).multicall([call(20, 1, NO_ROOT), call(2, 1, NO_ROOT)]))
        .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
        .withArgs(2);
      expect((await collection.cardOf(20)).status).to.equal(STATUS.None);
    });

    it("finds the batch of a card among neighbours that were issued in any order", async () => {
      const { collection, issuer } = await collectionFixture();
      await collection.connect(issuer).issue(11, addresses(10), NEVER, ethers.id("second"));
      await collection.connect(issuer).issue(1, addresses(10), NEVER, NO_ROOT);
      await collection.connect(issuer).issue(21, addresses(1), NEVER, ethers.id("third"));
      const found = await Promise.all([1, 10, 11, 20, 21].map((serial) => collection.batchOf(serial)));
      expect(found).to.deep.equal([
        [1n, NO_ROOT],
        [1n, NO_ROOT],
        [11n, ethers.id("second")],
        [11n, ethers.id("second")],
        [21n, ethers.id("third")],
      ]);
      await expect(collection.batchOf(22)).to.be.revertedWithCustomError(collection, "CardNotIssued").withArgs(22);
    });
  });

  describe("storage", () => {
    // ERC-7201; what is read with eth_getProof, and what an upgrade must find again.
    const location = (namespace: string): bigint =>
      BigInt(
        ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(["uint256"], [BigInt(ethers.id(namespace)) - 1n])),
      ) & ~0xffn;
    const slotOf = (serial: number): string =>
      ethers.keccak256(
        ethers.AbiCoder.defaultAbiCoder().encode(
          ["uint256", "uint256"],
          [serial, location("mintmark.storage.MembershipCollection") + 1n],
        ),
      );

    it("keeps a card in one slot, as the drawing says", async () => {
      const { collection, issuer, holder, other } = await collectionFixture();
      const expiresAt = 2 ** 32 - 1;
      const transaction = await collection.connect(issuer).issue(7, [holder, other], { tier: 255, expiresAt }, NO_ROOT);
      const issuedAt = BigInt((await transaction.getBlock())?.timestamp ?? 0);
      const expected = (owner: string, flags: bigint) =>
        BigInt(owner) |
        (issuedAt << 160n) |
        (BigInt(expiresAt) << 192n) |
        (255n << 224n) |
        (STATUS.Active << 232n) |
        (flags << 236n);
      expect(BigInt(await ethers.provider.getStorage(collection, slotOf(7)))).to.equal(expected(holder.address, 1n));
      expect(BigInt(await ethers.provider.getStorage(collection, slotOf(8)))).to.equal(expected(other.address, 0n));
      expect((await collection.cardOf(7)).expiresAt).to.equal(BigInt(expiresAt));
    });

    it("keeps terms and counters in the first slot of the namespace", async () => {
      const { collection, issuer } = await collectionFixture();
      await collection.connect(issuer).issue(1, addresses(3), NEVER, NO_ROOT);
      const word = await ethers.provider.getStorage(collection, location("mintmark.storage.MembershipCollection"));
      expect(BigInt(word)).to.equal(1n | (BigInt(MAX_SUPPLY) << 32n) | (3n << 64n) | (3n << 96n) | (2n << 128n));
    });

    it("keeps the registry in its own namespace", async () => {
      const { registry } = await collectionFixture();
      const word = await ethers.provider.getStorage(registry, location("mintmark.storage.BrandRegistry"));
      expect(BigInt(word)).to.equal(BigInt(await registry.collectionFactory()) | (1n << 160n));
    });
  });

  describe("cardOf", () => {
    it("answers with zeros for every serial that was never issued", async () => {
      const { collection } = await collectionFixture();
      for (const serial of [0n, 1n, BigInt(MAX_SUPPLY) + 1n, 2n ** 256n - 1n]) {
        expect(await collection.cardOf(serial)).to.deep.equal([ethers.ZeroAddress, 0n, 0n, 0n, STATUS.None, 0n]);
      }
    });

    it("answers for many serials at once", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      await collection.connect(issuer).issue(2, [holder], NEVER, NO_ROOT);
      const cards = await collection.cardsOf(1, 3);
      expect(cards.map((card) => card.status)).to.deep.equal([STATUS.None, STATUS.Active, STATUS.None]);
      expect(cards[1]).to.deep.equal(await collection.cardOf(2));
      await expect(collection.cardsOf(2n ** 256n - 1n, 2)).to.be.revertedWithPanic(0x11);
      expect((await collection.cardsOf(2n ** 256n - 1n, 1)).map((card) => card.status)).to.deep.equal([STATUS.None]);
      expect(await collection.cardsOf(1, 0)).to.deep.equal([]);
      expect((await collection.cardsOf(MAX_SUPPLY, 2)).map((card) => card.status)).to.deep.equal([
        STATUS.None,
        STATUS.None,
      ]);
    });
  });

  describe("as an ERC-721 whose tokens do not move", () => {
    it("refuses every transfer, by holder, by others, to itself, of cards and of what is none", async () => {
      const { collection, issuer, holder, other, stranger } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT);
      const before = await collection.cardOf(1);
      for (const sender of [holder, issuer, stranger]) {
        for (const to of [other.address, holder.address, ethers.ZeroAddress]) {
          for (const serial of [1, 2]) {
            const connected = collection.connect(sender);
            const attempts = [
              connected.transferFrom(holder, to, serial),
              connected["safeTransferFrom(address,address,uint256)"](holder, to, serial),
              connected["safeTransferFrom(address,address,uint256,bytes)"](holder, to, serial, "0x00"),
            ];
            for (const attempt of attempts) {
              await expect(attempt).to.be.revertedWithCustomError(collection, "CardNotTransferable").withArgs(serial);
            }
          }
        }
      }
      expect(await collection.cardOf(1)).to.deep.equal(before);
      expect(await collection.balanceOf(holder)).to.equal(1n);
    });

    it("refuses every approval and reports none", async () => {
      const { collection, issuer, holder, other } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT);
      await expect(collection.connect(holder).approve(other, 1))
        .to.be.revertedWithCustomError(collection, "CardNotTransferable")
        .withArgs(1);
      for (const approved of [true, false]) {
        await expect(collection.connect(holder).setApprovalForAll(other, approved)).to.be.revertedWithCustomError(
          collection,
          "ApprovalNotSupported",
        );
      }
      expect(await collection.getApproved(1)).to.equal(ethers.ZeroAddress);
      expect(await collection.isApprovedForAll(holder, other)).to.equal(false);
    });

    it("reverts where ERC-721 says that a query must throw", async () => {
      const { collection } = await collectionFixture();
      for (const query of [
        collection.ownerOf(1),
        collection.getApproved(1),
        collection.tokenURI(1),
        collection.locked(1),
      ]) {
        await expect(query).to.be.revertedWithCustomError(collection, "ERC721NonexistentToken").withArgs(1);
      }
      await expect(collection.balanceOf(ethers.ZeroAddress))
        .to.be.revertedWithCustomError(collection, "ERC721InvalidOwner")
        .withArgs(ethers.ZeroAddress);
    });
  });

  describe("standards", () => {
    const supported: Record<string, string> = {
      "ERC-165": interfaceId("supportsInterface(bytes4)"),
      "ERC-721": "0x80ac58cd",
      "ERC-721 metadata": interfaceId("name()", "symbol()", "tokenURI(uint256)"),
      "ERC-5192": "0xb45a3c0e",
      "ERC-5484": "0x0489b56f",
    };
    const unsupported: Record<string, string> = {
      "the invalid interface": "0xffffffff",
      "ERC-721 enumerable": "0x780e9d63",
      "ERC-20": "0x36372b07",
      "ERC-1155": "0xd9b67a26",
      "ERC-2981 (royalties)": "0x2a55205a",
      "ERC-721 receiver": "0x150b7a02",
      "ERC-4906, which needs an event that no card emits yet": "0x49064906",
    };
    for (const [name, id] of Object.entries(supported)) {
      it(`supports ${name}`, async () => {
        const { collection } = await collectionFixture();
        expect(await collection.supportsInterface(id)).to.equal(true);
      });
    }
    for (const [name, id] of Object.entries(unsupported)) {
      it(`does not support ${name}`, async () => {
        const { collection } = await collectionFixture();
        expect(await collection.supportsInterface(id)).to.equal(false);
      });
    }

    it("is locked for good (ERC-5192)", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT);
      expect(await collection.locked(1)).to.equal(true);
    });

    it("says who may burn a card from its issue on, and knows no card before (ERC-5484)", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      expect(await collection.collectionTerms()).to.deep.equal([1n, BigInt(MAX_SUPPLY), 2n]);
      await expect(collection.burnAuth(1)).to.be.revertedWithCustomError(collection, "CardNotIssued").withArgs(1);
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT);
      expect(await collection.burnAuth(1)).to.equal(2n);
    });
  });

  describe("behind its beacon", () => {
    it("is initialized by the registry only, and once", async () => {
      const { collection, registry, beacon, stranger } = await collectionFixture();
      const terms = { brandId: 1, maxSupply: 9, burnAuth: 0 };
      await expect(collection.connect(stranger).initialize("x", "x", terms)).to.be.revertedWithCustomError(
        collection,
        "InvalidInitialization",
      );
      const implementation = await ethers.deployContract("MembershipCollection", [await registry.getAddress()]);
      await expect(implementation.initialize("x", "x", terms)).to.be.revertedWithCustomError(
        collection,
        "InvalidInitialization",
      );
      const proxy = await ethers.deployContract("BeaconProxy", [beacon, "0x"]);
      const rogue = await ethers.getContractAt("MembershipCollection", await proxy.getAddress());
      await expect(rogue.connect(stranger).initialize("x", "x", terms))
        .to.be.revertedWithCustomError(collection, "CallerNotRegistry")
        .withArgs(stranger);
    });

    it("follows the beacon, which only the consortium moves, and keeps its cards", async () => {
      const { collection, registry, beacon, consortium, issuer, holder, admin } = await collectionFixture();
      await collection.connect(issuer).issue(1, [holder], NEVER, NO_ROOT);
      const card = await collection.cardOf(1);
      const next = await ethers.deployContract("MembershipCollection", [await registry.getAddress()]);
      await expect(beacon.connect(admin).upgradeTo(next)).to.be.revertedWithCustomError(
        beacon,
        "OwnableUnauthorizedAccount",
      );
      await beacon.connect(consortium).upgradeTo(next);
      expect(await collection.cardOf(1)).to.deep.equal(card);
      await collection.connect(issuer).issue(2, [holder], NEVER, NO_ROOT);
    });
  });
});
