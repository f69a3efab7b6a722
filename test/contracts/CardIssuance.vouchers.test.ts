// Claiming by voucher: the issuer's offer and the holder's consent, both EIP-712, by accounts and by contracts (ERC-1271).

import { expect } from "chai";
import {
  BURN_AUTH,
  collectionFixture,
  ethers,
  HIGHEST_TIER,
  MAX_SUPPLY,
  NO_REFERENCE,
  ROLE,
  STATUS,
} from "./fixture.ts";
import { minedAt, now, setNext } from "./support/clock.ts";
import { eventsOf } from "./support/events.ts";
import { FINAL, finish } from "./support/finalActs.ts";
import { domainOf } from "./support/signatures.ts";
import { stateOf } from "./support/state.ts";
import { malleated, signVoucher, VOUCHER_TYPES, type Voucher } from "./support/vouchers.ts";

const NOBODY = ethers.ZeroAddress;
const NO_ROOT = ethers.ZeroHash;
const ROOT = ethers.id("root");
const REASON = ethers.id("reason");
const LARGEST = 2n ** 256n - 1n;
const FAR = 4_000_000_000;

async function voucherFixture() {
  const accounts = await collectionFixture();
  const { collection, issuer, holder, registry, admin, appointment } = accounts;
  const voucher: Voucher = {
    serial: 7,
    holder: holder.address,
    tier: 2,
    expiresAt: 2_000_000_000,
    commitmentRoot: ROOT,
    appointment,
    deadline: FAR,
  };
  /** A contract with the Issuer role, for which the issuer signs. */
  const issuerWallet = async () => {
    const wallet = await ethers.deployContract("TestWallet", [issuer]);
    await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Issuer), wallet);
    return { wallet, appointment: await registry.appointmentOf(1, ROLE.Issuer, wallet) };
  };
  return { ...accounts, voucher, offer: await signVoucher(issuer, collection, voucher), issuerWallet };
}

describe("CardIssuance: claim by voucher", () => {
  it("changes nothing but the one card, its holder's balance and the counters", async () => {
    const { collection, issuer, holder, voucher, offer } = await voucherFixture();
    const issuedAt = await minedAt(collection.connect(holder).claim(voucher, issuer, offer, "0x"));
    const unissued = { holder: NOBODY, issuedAt: 0n, expiresAt: 0n, tier: 0n, status: STATUS.None, generation: 0n };
    expect(await stateOf(collection, [6, 7, 8], [holder.address, issuer.address])).to.deep.equal({
      issuedCount: 1n,
      totalSupply: 1n,
      cards: [
        unissued,
        {
          holder: holder.address,
          issuedAt: BigInt(issuedAt),
          expiresAt: 2_000_000_000n,
          tier: 2n,
          status: STATUS.Active,
          generation: 0n,
        },
        unissued,
      ],
      batches: [
        [0n, NO_ROOT],
        [7n, ROOT],
        [0n, NO_ROOT],
      ],
      balances: [1n, 0n],
    });
  });

  it("reports what issuing one card reports, in the issuer's name, whoever sends it", async () => {
    const { collection, issuer, holder, stranger, voucher, offer } = await voucherFixture();
    const consent = await signVoucher(holder, collection, voucher);
    expect(
      await eventsOf(collection.connect(stranger).claim(voucher, issuer, offer, consent), collection),
    ).to.deep.equal([
      ["Transfer", NOBODY, holder.address, 7n],
      ["Locked", 7n],
      ["Issued", issuer.address, holder.address, 7n, BigInt(BURN_AUTH.Both)],
      ["BatchIssued", 7n, 1n, 2n, 2_000_000_000n, ROOT, NO_REFERENCE],
    ]);
  });

  it("hashes the type that the interface names (EIP-712)", () => {
    expect(ethers.TypedDataEncoder.from(VOUCHER_TYPES).encodeType("ClaimVoucher")).to.equal(
      "ClaimVoucher(uint256 serial,address holder,uint8 tier,uint32 expiresAt,bytes32 commitmentRoot,uint64 appointment,uint256 deadline)",
    );
  });

  it("takes vouchers with the smallest and the largest values that a card can have", async () => {
    const { collection, issuer, holder, voucher } = await voucherFixture();
    for (const extremes of [
      { serial: 1, tier: 0, expiresAt: 0, commitmentRoot: NO_ROOT, deadline: LARGEST },
      {
        serial: MAX_SUPPLY,
        tier: HIGHEST_TIER,
        expiresAt: 2 ** 32 - 1,
        commitmentRoot: ethers.toBeHex(LARGEST),
        deadline: FAR,
      },
    ]) {
      const extreme = { ...voucher, ...extremes };
      const signature = await signVoucher(issuer, collection, extreme);
      const events = await eventsOf(collection.connect(holder).claim(extreme, issuer, signature, "0x"), collection);
      expect(events.at(-1)).to.deep.equal([
        "BatchIssued",
        BigInt(extremes.serial),
        1n,
        BigInt(extremes.tier),
        BigInt(extremes.expiresAt),
        extremes.commitmentRoot,
        NO_REFERENCE,
      ]);
    }
  });

  describe("needs the issuer's signature", () => {
    it("of this very voucher: no field of it can be altered", async () => {
      const { collection, issuer, holder, stranger, voucher, offer } = await voucherFixture();
      const altered: Partial<Voucher>[] = [
        { serial: 8 },
        { tier: 3 },
        { expiresAt: 2_000_000_001 },
        { expiresAt: 0 },
        { commitmentRoot: ethers.id("other root") },
        { commitmentRoot: NO_ROOT },
        { deadline: FAR + 1 },
        { deadline: LARGEST },
      ];
      for (const change of altered) {
        await expect(collection.connect(holder).claim({ ...voucher, ...change }, issuer, offer, "0x"))
          .to.be.revertedWithCustomError(collection, "InvalidSignature")
          .withArgs(issuer);
      }
      // Another holder, who sends it.
      await expect(collection.connect(stranger).claim({ ...voucher, holder: stranger.address }, issuer, offer, "0x"))
        .to.be.revertedWithCustomError(collection, "InvalidSignature")
        .withArgs(issuer);
      await collection.connect(holder).claim(voucher, issuer, offer, "0x");
      expect(await collection.ownerOf(7)).to.equal(holder.address);
    });

    for (const [field, value] of Object.entries({
      name: "Membershipcollection",
      version: "2",
      chainId: 31338,
      verifyingContract: "0x0000000000000000000000000000000000000001",
    })) {
      it(`under this collection's domain: not with another ${field}`, async () => {
        const { collection, issuer, holder, voucher } = await voucherFixture();
        const foreign = await signVoucher(issuer, collection, voucher, { [field]: value });
        await expect(collection.connect(holder).claim(voucher, issuer, foreign, "0x"))
          .to.be.revertedWithCustomError(collection, "InvalidSignature")
          .withArgs(issuer);
      });
    }

    it("for this collection: one for another collection of the same brand is worth nothing here", async () => {
      const { collection, createCollection, issuer, holder, voucher } = await voucherFixture();
      const second = await createCollection({ slug: "noirance-second" });
      const signature = await signVoucher(issuer, second, voucher);
      await expect(collection.connect(holder).claim(voucher, issuer, signature, "0x"))
        .to.be.revertedWithCustomError(collection, "InvalidSignature")
        .withArgs(issuer);
      await second.connect(holder).claim(voucher, issuer, signature, "0x");
      expect([await second.ownerOf(7), await collection.issuedCount()]).to.deep.equal([holder.address, 0n]);
    });

    it("under its own key: neither the holder's, nor a stranger's, nor another issuer's", async () => {
      const { collection, registry, admin, issuer, other, holder, stranger, voucher } = await voucherFixture();
      await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Issuer), other);
      for (const signer of [holder, stranger, other]) {
        const signature = await signVoucher(signer, collection, voucher);
        await expect(collection.connect(holder).claim(voucher, issuer, signature, "0x"))
          .to.be.revertedWithCustomError(collection, "InvalidSignature")
          .withArgs(issuer);
      }
    });

    it("in its one canonical form: not malleated, not compact, not cut, not padded, not empty", async () => {
      const { collection, issuer, holder, voucher, offer } = await voucherFixture();
      const { r, s, v, compactSerialized } = ethers.Signature.from(offer);
      const high = malleated(offer);
      // The malleated signature is by the same key, so only a check of `s` can refuse it.
      const digest = ethers.TypedDataEncoder.hash(await domainOf(collection), VOUCHER_TYPES, voucher);
      expect(await recover(digest, high)).to.equal(issuer.address);
      for (const signature of [
        high,
        compactSerialized,
        ethers.dataSlice(offer, 0, 64),
        ethers.concat([offer, "0x00"]),
        ethers.concat([r, s, ethers.toBeHex(v - 27, 1)]),
        ethers.concat([r, s, "0xff"]),
        `0x${"00".repeat(65)}`,
        "0x",
      ]) {
        await expect(collection.connect(holder).claim(voucher, issuer, signature, "0x"))
          .to.be.revertedWithCustomError(collection, "InvalidSignature")
          .withArgs(issuer);
      }
      expect(await collection.issuedCount()).to.equal(0n);
    });

    /** What the EVM's own ecrecover says, which takes a high `s`. */
    async function recover(digest: string, signature: string): Promise<string> {
      const [r, s, v] = [
        ethers.dataSlice(signature, 0, 32),
        ethers.dataSlice(signature, 32, 64),
        ethers.dataSlice(signature, 64),
      ];
      const data = ethers.concat([digest, ethers.zeroPadValue(v, 32), r, s]);
      const answer = await ethers.provider.call({ to: ethers.toBeHex(1, 20), data });
      return ethers.getAddress(ethers.dataSlice(answer, 12));
    }

    it("of an issuer: not of somebody without the role, who signed well", async () => {
      const { collection, registry, holder, stranger, admin, consortium, voucher } = await voucherFixture();
      for (const signer of [stranger, admin, consortium, holder]) {
        const signature = await signVoucher(signer, collection, voucher);
        await expect(collection.connect(holder).claim(voucher, signer, signature, "0x"))
          .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
          .withArgs(1, ROLE.Issuer, signer);
      }
      await expect(collection.connect(holder).claim(voucher, NOBODY, "0x", "0x"))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Issuer, NOBODY);
    });

    it("by the issuer's appointment: it dies with it, also when the role is given again", async () => {
      const { collection, registry, admin, issuer, holder, appointment, voucher, offer } = await voucherFixture();
      const role = await registry.roleId(1, ROLE.Issuer);
      await registry.connect(admin).revokeRole(role, issuer);
      await expect(collection.connect(holder).claim(voucher, issuer, offer, "0x"))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Issuer, issuer);
      await registry.connect(admin).grantRole(role, issuer);
      await expect(collection.connect(holder).claim(voucher, issuer, offer, "0x"))
        .to.be.revertedWithCustomError(collection, "AppointmentEnded")
        .withArgs(issuer, appointment);
      const now = await registry.appointmentOf(1, ROLE.Issuer, issuer);
      const renamed = { ...voucher, appointment: now };
      await expect(collection.connect(holder).claim(renamed, issuer, offer, "0x"))
        .to.be.revertedWithCustomError(collection, "InvalidSignature")
        .withArgs(issuer);
      await collection.connect(holder).claim(renamed, issuer, await signVoucher(issuer, collection, renamed), "0x");
      expect(await collection.ownerOf(7)).to.equal(holder.address);
    });

    it("names no appointment to come", async () => {
      const { collection, issuer, holder, appointment, voucher } = await voucherFixture();
      for (const other of [0n, appointment - 1n, appointment + 1n, 2n ** 64n - 1n]) {
        const wrong = { ...voucher, appointment: other };
        const offer = await signVoucher(issuer, collection, wrong);
        await expect(collection.connect(holder).claim(wrong, issuer, offer, "0x"))
          .to.be.revertedWithCustomError(collection, "AppointmentEnded")
          .withArgs(issuer, other);
      }
    });

    it("names none that is to come, whichever way the role is given again", async () => {
      const { collection, registry, admin, issuer, holder, appointment, voucher } = await voucherFixture();
      // Whoever can use the issuer's signer for an hour signs for all numbers that may come next.
      const guesses = Array.from({ length: 24 }, (_, index) => [
        appointment + BigInt(index + 1),
        appointment + (BigInt(index + 1) << 32n),
        ((appointment >> 32n) + BigInt(index + 1)) << 32n,
      ]).flat();
      const signed = await Promise.all(
        guesses.map(async (guess) => {
          const offered = { ...voucher, appointment: guess };
          return [offered, await signVoucher(issuer, collection, offered)] as const;
        }),
      );
      const role = await registry.roleId(1, ROLE.Issuer);
      await registry.connect(admin).revokeRole(role, issuer);
      await registry.connect(admin).grantRole(role, issuer);
      for (const [offered, offer] of signed)
        await expect(collection.connect(holder).claim(offered, issuer, offer, "0x"))
          .to.be.revertedWithCustomError(collection, "AppointmentEnded")
          .withArgs(issuer, offered.appointment);
    });

    it("from a contract with the role, which answers for itself (ERC-1271)", async () => {
      const { collection, issuerWallet, issuer, holder, stranger, voucher } = await voucherFixture();
      const { wallet, appointment } = await issuerWallet();
      const its = { ...voucher, appointment };
      await expect(collection.connect(holder).claim(its, wallet, await signVoucher(stranger, collection, its), "0x"))
        .to.be.revertedWithCustomError(collection, "InvalidSignature")
        .withArgs(wallet);
      const signature = await signVoucher(issuer, collection, its);
      expect(await eventsOf(collection.connect(holder).claim(its, wallet, signature, "0x"), collection)).to.deep.equal([
        ["Transfer", NOBODY, holder.address, 7n],
        ["Locked", 7n],
        ["Issued", await wallet.getAddress(), holder.address, 7n, BigInt(BURN_AUTH.Both)],
        ["BatchIssued", 7n, 1n, 2n, 2_000_000_000n, ROOT, NO_REFERENCE],
      ]);
    });

    it("and takes nothing else from a contract for its yes (ERC-1271)", async () => {
      const { collection, registry, admin, holder, voucher } = await voucherFixture();
      const magic = "0x1626ba7e";
      for (const answer of [
        "0x",
        magic,
        ethers.zeroPadValue(magic, 32),
        `0xffffffff${"00".repeat(28)}`,
        `0x${"00".repeat(32)}`,
        ethers.toBeHex(1, 32),
      ]) {
        const wallet = await ethers.deployContract("AnsweringWallet", [answer]);
        await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Issuer), wallet);
        const its = { ...voucher, appointment: await registry.appointmentOf(1, ROLE.Issuer, wallet) };
        await expect(collection.connect(holder).claim(its, wallet, "0x", "0x"))
          .to.be.revertedWithCustomError(collection, "InvalidSignature")
          .withArgs(wallet);
      }
      const yes = await ethers.deployContract("AnsweringWallet", [`${magic}${"00".repeat(28)}`]);
      await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Issuer), yes);
      const its = { ...voucher, appointment: await registry.appointmentOf(1, ROLE.Issuer, yes) };
      await collection.connect(holder).claim(its, yes, "0x", "0x");
      expect(await collection.ownerOf(7)).to.equal(holder.address);
    });

    it("from a contract that knows of no signatures, never", async () => {
      const { collection, registry, admin, holder, voucher, offer } = await voucherFixture();
      await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Issuer), registry);
      const its = { ...voucher, appointment: await registry.appointmentOf(1, ROLE.Issuer, registry) };
      await expect(collection.connect(holder).claim(its, registry, offer, "0x"))
        .to.be.revertedWithCustomError(collection, "InvalidSignature")
        .withArgs(registry);
    });
  });

  describe("needs the holder's consent (ERC-5484)", () => {
    it("which is to send it, whatever stands in the place of the signature", async () => {
      const { collection, issuer, holder, voucher, offer } = await voucherFixture();
      await collection.connect(holder).claim(voucher, issuer, offer, "0xdeadbeef");
      expect(await collection.ownerOf(7)).to.equal(holder.address);
    });

    it("or to sign it: then anybody sends it, and the card is still the holder's", async () => {
      const { collection, issuer, holder, stranger, voucher, offer } = await voucherFixture();
      const consent = await signVoucher(holder, collection, voucher);
      await collection.connect(stranger).claim(voucher, issuer, offer, consent);
      expect([
        await collection.ownerOf(7),
        await collection.balanceOf(holder),
        await collection.balanceOf(stranger),
      ]).to.deep.equal([holder.address, 1n, 0n]);
    });

    it("and not without: nobody can press a card on somebody, not even its issuer", async () => {
      const { collection, issuer, holder, stranger, voucher, offer } = await voucherFixture();
      const foreign = await signVoucher(stranger, collection, voucher);
      const consent = await signVoucher(holder, collection, voucher);
      const otherConsent = await signVoucher(holder, collection, { ...voucher, tier: 1 });
      for (const sender of [stranger, issuer]) {
        for (const signature of ["0x", offer, foreign, otherConsent, malleated(consent)]) {
          await expect(collection.connect(sender).claim(voucher, issuer, offer, signature))
            .to.be.revertedWithCustomError(collection, "InvalidSignature")
            .withArgs(holder);
        }
      }
      expect(await collection.issuedCount()).to.equal(0n);
    });

    it("under this collection's domain", async () => {
      const { collection, createCollection, issuer, holder, stranger, voucher, offer } = await voucherFixture();
      const second = await createCollection({ slug: "noirance-second" });
      for (const consent of [
        await signVoucher(holder, second, voucher),
        await signVoucher(holder, collection, voucher, { chainId: 1 }),
      ]) {
        await expect(collection.connect(stranger).claim(voucher, issuer, offer, consent))
          .to.be.revertedWithCustomError(collection, "InvalidSignature")
          .withArgs(holder);
      }
    });

    it("of a contract by its own word (ERC-1271)", async () => {
      const { collection, issuer, holder, stranger, voucher } = await voucherFixture();
      const wallet = await ethers.deployContract("TestWallet", [holder]);
      const forWallet = { ...voucher, holder: await wallet.getAddress() };
      const offer = await signVoucher(issuer, collection, forWallet);
      await expect(
        collection
          .connect(stranger)
          .claim(forWallet, issuer, offer, await signVoucher(stranger, collection, forWallet)),
      )
        .to.be.revertedWithCustomError(collection, "InvalidSignature")
        .withArgs(wallet);
      await collection
        .connect(stranger)
        .claim(forWallet, issuer, offer, await signVoucher(holder, collection, forWallet));
      expect(await collection.ownerOf(7)).to.equal(await wallet.getAddress());
    });

    it("of a contract by its own call, whose owner alone has no say", async () => {
      const { collection, issuer, holder, voucher } = await voucherFixture();
      const wallet = await ethers.deployContract("TestWallet", [holder]);
      const forWallet = { ...voucher, holder: await wallet.getAddress() };
      const offer = await signVoucher(issuer, collection, forWallet);
      await expect(collection.connect(holder).claim(forWallet, issuer, offer, "0x"))
        .to.be.revertedWithCustomError(collection, "InvalidSignature")
        .withArgs(wallet);
      const call = collection.interface.encodeFunctionData("claim", [forWallet, issuer.address, offer, "0x"]);
      await wallet.connect(holder).execute(collection, call);
      expect(await collection.ownerOf(7)).to.equal(await wallet.getAddress());
    });

    it("of a contract that cannot receive ERC-721 tokens: it is not called back", async () => {
      const { collection, issuer, stranger, voucher } = await voucherFixture();
      const yes = await ethers.deployContract("AnsweringWallet", [`0x1626ba7e${"00".repeat(28)}`]);
      const forWallet = { ...voucher, holder: await yes.getAddress() };
      await collection
        .connect(stranger)
        .claim(forWallet, issuer, await signVoucher(issuer, collection, forWallet), "0x");
      expect(await collection.ownerOf(7)).to.equal(await yes.getAddress());
    });

    it("of a contract that can change nothing while it is asked", async () => {
      const { collection, issuer, stranger, voucher } = await voucherFixture();
      const wallet = await ethers.deployContract("ReentrantWallet");
      const [first, second] = [7, 8].map((serial) => ({ ...voucher, serial, holder: wallet.target.toString() }));
      if (first === undefined || second === undefined) throw new Error("two vouchers");
      const secondOffer = await signVoucher(issuer, collection, second);
      const claim = [second, issuer.address, secondOffer, "0x"] as [Voucher, string, string, string];
      await wallet.prepare(collection, collection.interface.encodeFunctionData("claim", claim));
      await expect(
        collection.connect(stranger).claim(first, issuer, await signVoucher(issuer, collection, first), "0x"),
      )
        .to.be.revertedWithCustomError(collection, "InvalidSignature")
        .withArgs(wallet);
      // Outside of the question the same call works.
      await wallet.act();
      expect([await collection.issuedCount(), await collection.ownerOf(8)]).to.deep.equal([1n, wallet.target]);
      // And a question that only reads is answered.
      await wallet.prepare(collection, collection.interface.encodeFunctionData("maxSupply"));
      await collection.connect(stranger).claim(first, issuer, await signVoucher(issuer, collection, first), "0x");
      expect(await collection.ownerOf(7)).to.equal(wallet.target);
    });

    it("so the zero address gets none", async () => {
      const { collection, issuer, stranger, voucher } = await voucherFixture();
      const forNobody = { ...voucher, holder: NOBODY };
      const offer = await signVoucher(issuer, collection, forNobody);
      for (const consent of ["0x", `0x${"00".repeat(65)}`, offer]) {
        await expect(collection.connect(stranger).claim(forNobody, issuer, offer, consent))
          .to.be.revertedWithCustomError(collection, "InvalidSignature")
          .withArgs(NOBODY);
      }
    });
  });

  describe("works once", () => {
    it("because a serial does: not again by the holder, by a relay, or after the card has died", async () => {
      const { collection, issuer, steward, holder, stranger, voucher, offer } = await voucherFixture();
      const consent = await signVoucher(holder, collection, voucher);
      await collection.connect(holder).claim(voucher, issuer, offer, "0x");
      const refused = async () => {
        for (const sender of [holder, stranger]) {
          await expect(collection.connect(sender).claim(voucher, issuer, offer, consent))
            .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
            .withArgs(7);
        }
      };
      await refused();
      await collection.connect(steward).revoke([7], REASON);
      const before = await stateOf(collection, [7], [holder.address]);
      await refused();
      expect(await stateOf(collection, [7], [holder.address])).to.deep.equal(before);
    });

    it("of two vouchers for one serial, the first", async () => {
      const { collection, issuer, holder, other, voucher, offer } = await voucherFixture();
      const rival = { ...voucher, holder: other.address };
      const rivalOffer = await signVoucher(issuer, collection, rival);
      await collection.connect(other).claim(rival, issuer, rivalOffer, "0x");
      await expect(collection.connect(holder).claim(voucher, issuer, offer, "0x"))
        .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
        .withArgs(7);
      expect(await collection.ownerOf(7)).to.equal(other.address);
    });

    it("not for a serial that was issued in a batch", async () => {
      const { collection, issuer, holder, other, voucher, offer } = await voucherFixture();
      await collection
        .connect(issuer)
        .issue(5, [other, other, other], { tier: 1, expiresAt: 0 }, NO_ROOT, NO_REFERENCE);
      await expect(collection.connect(holder).claim(voucher, issuer, offer, "0x"))
        .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
        .withArgs(7);
    });
  });

  describe("works in time", () => {
    it("in the second of its deadline, and in none after it", async () => {
      const { collection, issuer, holder, voucher } = await voucherFixture();
      const timestamp = (await now()) + 100;
      const claimUntil = async (deadline: number | bigint) => {
        const limited = { ...voucher, deadline };
        const offer = await signVoucher(issuer, collection, limited);
        await setNext(timestamp);
        return collection.connect(holder).claim(limited, issuer, offer, "0x");
      };
      for (const deadline of [0, 1, timestamp - 1]) {
        await expect(claimUntil(deadline))
          .to.be.revertedWithCustomError(collection, "DeadlinePassed")
          .withArgs(deadline, timestamp);
      }
      expect(await minedAt(claimUntil(timestamp))).to.equal(timestamp);
      expect(await collection.ownerOf(7)).to.equal(holder.address);
    });

    it("with terms that are not expired in that block", async () => {
      const { collection, issuer, holder, voucher } = await voucherFixture();
      const timestamp = (await now()) + 100;
      const claimExpiring = async (expiresAt: number) => {
        const short = { ...voucher, expiresAt };
        const offer = await signVoucher(issuer, collection, short);
        await setNext(timestamp);
        return collection.connect(holder).claim(short, issuer, offer, "0x");
      };
      for (const expiresAt of [1, timestamp - 1, timestamp]) {
        await expect(claimExpiring(expiresAt))
          .to.be.revertedWithCustomError(collection, "ExpiryNotInFuture")
          .withArgs(expiresAt, timestamp);
      }
      await claimExpiring(timestamp + 1);
      expect((await collection.cardOf(7)).expiresAt).to.equal(BigInt(timestamp) + 1n);
    });

    it("while the brand is active", async () => {
      const { collection, registry, guardian, issuer, holder, voucher, offer } = await voucherFixture();
      const claim = () => collection.connect(holder).claim(voucher, issuer, offer, "0x");
      await registry.connect(guardian).suspendBrand(1, REASON);
      await expect(claim()).to.be.revertedWithCustomError(registry, "BrandNotActive").withArgs(1, 2);
      await registry.retireBrand(1, REASON);
      await expect(claim()).to.be.revertedWithCustomError(registry, "BrandNotActive").withArgs(1, 3);
      expect(await collection.issuedCount()).to.equal(0n);
    });

    it("again once a suspended brand is reinstated", async () => {
      const { collection, registry, guardian, issuer, holder, voucher, offer } = await voucherFixture();
      await registry.connect(guardian).suspendBrand(1, REASON);
      await registry.reinstateBrand(1, 1);
      await collection.connect(holder).claim(voucher, issuer, offer, "0x");
      expect(await collection.ownerOf(7)).to.equal(holder.address);
    });

    it("until the edition winds down", async () => {
      const { collection, admin, issuer, holder, voucher, offer } = await voucherFixture();
      await finish(collection.connect(admin), FINAL.WindDown);
      await expect(collection.connect(holder).claim(voucher, issuer, offer, "0x")).to.be.revertedWithCustomError(
        collection,
        "WindingDown",
      );
    });
  });

  it("keeps serials within 1..maxSupply", async () => {
    const { collection, issuer, holder, voucher } = await voucherFixture();
    for (const serial of [0n, BigInt(MAX_SUPPLY) + 1n, 2n ** 32n + 7n, LARGEST]) {
      const outside = { ...voucher, serial };
      const offer = await signVoucher(issuer, collection, outside);
      await expect(collection.connect(holder).claim(outside, issuer, offer, "0x"))
        .to.be.revertedWithCustomError(collection, "SerialOutOfRange")
        .withArgs(serial, 1, MAX_SUPPLY);
    }
  });
});
