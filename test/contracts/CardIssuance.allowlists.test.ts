// Claiming from an allowlist: a Merkle root that an issuer opened, a proof, and the holder's consent.

import { expect } from "chai";
import type { Signer } from "ethers";
import {
  addresses,
  BURN_AUTH,
  collectionFixture,
  ethers,
  MAX_SUPPLY,
  NO_REFERENCE,
  networkHelpers,
  ROLE,
  STATUS,
} from "./fixture.ts";
import { allowlistTree, claimOf, ENTRY_TYPES, type Entry } from "./support/allowlists.ts";
import { minedAt, now, setNext } from "./support/clock.ts";
import { eventsOf } from "./support/events.ts";
import { FINAL, finish } from "./support/finalActs.ts";
import { sign } from "./support/signatures.ts";
import { fieldsOf, stateOf } from "./support/state.ts";
import { malleated } from "./support/vouchers.ts";

const NOBODY = ethers.ZeroAddress;
const NO_ROOT = ethers.ZeroHash;
const REASON = ethers.id("reason");
const FAR = 4_000_000_000;
const CLOSED = { issuer: NOBODY, appointment: 0n, deadline: 0n, firstSerial: 0n, count: 0n };

/** What a holder signs who lets somebody else send the claim. */
const consentTo = (entry: Entry, appointment: bigint) => ({ ...entry, appointment, deadline: FAR });

/** An open allowlist of four: the holder's 10, other's 11, stranger's 12 and somebody's 13. */
async function allowlistFixture() {
  const accounts = await collectionFixture();
  const { collection, issuer, holder, other, stranger } = accounts;
  const entry = (serial: number, account: string): Entry => ({ serial, holder: account, tier: 4, expiresAt: 0 });
  const own = entry(10, holder.address);
  const foreign = entry(11, other.address);
  const entries = [own, foreign, entry(12, stranger.address), entry(13, addresses(1)[0] ?? "")];
  const tree = allowlistTree(entries);
  const open = (deadline = FAR) => collection.connect(issuer).openAllowlist(tree.root, 10, 4, deadline);
  const claim = (sender: Signer, claimed: Entry, proof = tree.proofOf(own), consent = "0x", until = FAR) =>
    collection.connect(sender).claimAllowlisted(...claimOf(claimed), proof, until, consent);
  return { ...accounts, entries, own, foreign, tree, open, claim };
}

describe("CardIssuance: allowlists", () => {
  describe("openAllowlist", () => {
    it("keeps and reports what is opened, and issues nothing", async () => {
      const { collection, issuer, appointment, tree, open } = await allowlistFixture();
      expect(fieldsOf(await collection.allowlistOf(tree.root))).to.deep.equal(CLOSED);
      expect(await eventsOf(open(), collection)).to.deep.equal([
        ["AllowlistOpened", tree.root, issuer.address, appointment, 10n, 4n, BigInt(FAR)],
      ]);
      expect(fieldsOf(await collection.allowlistOf(tree.root))).to.deep.equal({
        issuer: issuer.address,
        appointment,
        deadline: BigInt(FAR),
        firstSerial: 10n,
        count: 4n,
      });
      expect([await collection.issuedCount(), await collection.totalSupply()]).to.deep.equal([0n, 0n]);
    });

    it("refuses what is open, whatever it is opened for and even past its deadline", async () => {
      const { collection, registry, admin, issuer, other, tree, open } = await allowlistFixture();
      const deadline = (await now()) + 100;
      await open(deadline);
      const before = fieldsOf(await collection.allowlistOf(tree.root));
      await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Issuer), other);
      const again = async () => {
        for (const account of [issuer, other]) {
          await expect(collection.connect(account).openAllowlist(tree.root, 1, MAX_SUPPLY, FAR))
            .to.be.revertedWithCustomError(collection, "AllowlistAlreadyOpen")
            .withArgs(tree.root);
        }
      };
      await again();
      await networkHelpers.time.increaseTo(deadline + 1);
      await again();
      expect(fieldsOf(await collection.allowlistOf(tree.root))).to.deep.equal(before);
    });

    it("keeps serials within 1..maxSupply", async () => {
      const { collection, issuer, tree } = await allowlistFixture();
      const largest = 2 ** 32 - 1;
      for (const [firstSerial, count] of [
        [0, 1],
        [0, MAX_SUPPLY],
        [1, MAX_SUPPLY + 1],
        [2, MAX_SUPPLY],
        [MAX_SUPPLY, 2],
        [MAX_SUPPLY + 1, 1],
        [largest, 1],
        [1, largest],
        [largest, largest],
      ] as const) {
        await expect(collection.connect(issuer).openAllowlist(tree.root, firstSerial, count, FAR))
          .to.be.revertedWithCustomError(collection, "SerialOutOfRange")
          .withArgs(firstSerial, count, MAX_SUPPLY);
      }
      expect(fieldsOf(await collection.allowlistOf(tree.root))).to.deep.equal(CLOSED);
      for (const [root, firstSerial, count] of [
        [ethers.id("whole"), 1, MAX_SUPPLY],
        [ethers.id("last"), MAX_SUPPLY, 1],
      ] as const) {
        await collection.connect(issuer).openAllowlist(root, firstSerial, count, FAR);
        const opened = await collection.allowlistOf(root);
        expect([opened.firstSerial, opened.count]).to.deep.equal([BigInt(firstSerial), BigInt(count)]);
      }
    });

    it("promises at least one card", async () => {
      const { collection, issuer, tree } = await allowlistFixture();
      for (const firstSerial of [0, 1, 2 ** 32 - 1]) {
        await expect(
          collection.connect(issuer).openAllowlist(tree.root, firstSerial, 0, FAR),
        ).to.be.revertedWithCustomError(collection, "EmptyBatch");
      }
    });

    it("takes a deadline of this second, and none before it", async () => {
      const { collection, issuer, tree } = await allowlistFixture();
      const timestamp = (await now()) + 100;
      const openUntil = async (deadline: number) => {
        await setNext(timestamp);
        return collection.connect(issuer).openAllowlist(tree.root, 1, 1, deadline);
      };
      for (const deadline of [0, timestamp - 1]) {
        await expect(openUntil(deadline))
          .to.be.revertedWithCustomError(collection, "DeadlinePassed")
          .withArgs(deadline, timestamp);
      }
      expect(await minedAt(openUntil(timestamp))).to.equal(timestamp);
      expect((await collection.allowlistOf(tree.root)).deadline).to.equal(BigInt(timestamp));
    });

    it("takes the last deadline that there is", async () => {
      const { collection, open, tree } = await allowlistFixture();
      await open(2 ** 32 - 1);
      expect((await collection.allowlistOf(tree.root)).deadline).to.equal(2n ** 32n - 1n);
    });

    it("is for the brand's issuers, while the brand is active", async () => {
      const { collection, registry, guardian, admin, steward, staff, holder, consortium, tree, open } =
        await allowlistFixture();
      for (const account of [admin, steward, staff, holder, guardian, consortium]) {
        await expect(collection.connect(account).openAllowlist(tree.root, 10, 4, FAR))
          .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
          .withArgs(1, ROLE.Issuer, account);
      }
      await registry.connect(guardian).suspendBrand(1, REASON);
      await expect(open()).to.be.revertedWithCustomError(registry, "BrandNotActive").withArgs(1, 2);
      expect(fieldsOf(await collection.allowlistOf(tree.root))).to.deep.equal(CLOSED);
    });

    it("is over once the edition winds down", async () => {
      const { collection, admin, open } = await allowlistFixture();
      await finish(collection.connect(admin), FINAL.WindDown);
      await expect(open()).to.be.revertedWithCustomError(collection, "WindingDown");
    });
  });

  describe("closeAllowlist", () => {
    it("is for the brand's stewards, and reported; nothing can be claimed any more", async () => {
      const { collection, registry, steward, issuer, admin, staff, holder, own, tree, open, claim } =
        await allowlistFixture();
      await open();
      for (const account of [issuer, admin, staff, holder]) {
        await expect(collection.connect(account).closeAllowlist(tree.root))
          .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
          .withArgs(1, ROLE.Steward, account);
      }
      expect(await eventsOf(collection.connect(steward).closeAllowlist(tree.root), collection)).to.deep.equal([
        ["AllowlistClosed", tree.root],
      ]);
      expect(fieldsOf(await collection.allowlistOf(tree.root))).to.deep.equal(CLOSED);
      await expect(claim(holder, own))
        .to.be.revertedWithCustomError(collection, "AllowlistNotOpen")
        .withArgs(tree.root);
    });

    it("refuses what was never opened, and what was closed", async () => {
      const { collection, steward, tree, open } = await allowlistFixture();
      const close = (root: string) => collection.connect(steward).closeAllowlist(root);
      for (const root of [tree.root, NO_ROOT, ethers.toBeHex(2n ** 256n - 1n)]) {
        await expect(close(root)).to.be.revertedWithCustomError(collection, "AllowlistNotOpen").withArgs(root);
      }
      await open();
      await close(tree.root);
      await expect(close(tree.root)).to.be.revertedWithCustomError(collection, "AllowlistNotOpen").withArgs(tree.root);
    });

    it("works while the brand is suspended and when it is retired: it only takes away", async () => {
      const { collection, registry, guardian, issuer, steward, tree, open } = await allowlistFixture();
      const other = ethers.id("another root");
      await open();
      await collection.connect(issuer).openAllowlist(other, 20, 1, FAR);
      await registry.connect(guardian).suspendBrand(1, REASON);
      await expect(collection.connect(issuer).closeAllowlist(tree.root))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Steward, issuer);
      await collection.connect(steward).closeAllowlist(tree.root);
      await registry.retireBrand(1, REASON);
      await collection.connect(steward).closeAllowlist(other);
      expect([
        (await collection.allowlistOf(tree.root)).count,
        (await collection.allowlistOf(other)).count,
      ]).to.deep.equal([0n, 0n]);
    });

    it("still works past the deadline and in a wind-down, and clears the way to open it again", async () => {
      const { collection, issuer, admin, steward, holder, appointment, own, tree, open, claim } =
        await allowlistFixture();
      const deadline = (await now()) + 100;
      await open(deadline);
      await networkHelpers.time.increaseTo(deadline + 1);
      await collection.connect(steward).closeAllowlist(tree.root);
      await collection.connect(issuer).openAllowlist(tree.root, 9, 5, FAR);
      expect(fieldsOf(await collection.allowlistOf(tree.root))).to.deep.equal({
        issuer: issuer.address,
        appointment,
        deadline: BigInt(FAR),
        firstSerial: 9n,
        count: 5n,
      });
      await claim(holder, own);
      await finish(collection.connect(admin), FINAL.WindDown);
      await collection.connect(steward).closeAllowlist(tree.root);
      expect(fieldsOf(await collection.allowlistOf(tree.root))).to.deep.equal(CLOSED);
      expect(await collection.ownerOf(10)).to.equal(holder.address);
    });
  });

  describe("claimAllowlisted", () => {
    it("changes nothing but the one card, its holder's balance and the counters", async () => {
      const { collection, holder, other, issuer, own, tree, open, claim } = await allowlistFixture();
      await open();
      const opened = fieldsOf(await collection.allowlistOf(tree.root));
      const issuedAt = await minedAt(claim(holder, own));
      const unissued = { holder: NOBODY, issuedAt: 0n, expiresAt: 0n, tier: 0n, status: STATUS.None, generation: 0n };
      expect(await stateOf(collection, [9, 10, 11], [holder.address, other.address, issuer.address])).to.deep.equal({
        issuedCount: 1n,
        totalSupply: 1n,
        cards: [
          unissued,
          {
            holder: holder.address,
            issuedAt: BigInt(issuedAt),
            expiresAt: 0n,
            tier: 4n,
            status: STATUS.Active,
            generation: 0n,
          },
          unissued,
        ],
        batches: [
          [0n, NO_ROOT],
          [10n, NO_ROOT],
          [0n, NO_ROOT],
        ],
        balances: [1n, 0n, 0n],
      });
      expect(fieldsOf(await collection.allowlistOf(tree.root))).to.deep.equal(opened);
    });

    it("reports what issuing one card reports, in the name of who opened the allowlist", async () => {
      const { collection, issuer, holder, stranger, appointment, own, tree, open, claim } = await allowlistFixture();
      await open();
      const consent = await sign(collection, holder, "AllowlistClaim", consentTo(own, appointment));
      expect(await eventsOf(claim(stranger, own, tree.proofOf(own), consent), collection)).to.deep.equal([
        ["Transfer", NOBODY, holder.address, 10n],
        ["Locked", 10n],
        ["Issued", issuer.address, holder.address, 10n, BigInt(BURN_AUTH.Both)],
        ["BatchIssued", 10n, 1n, 4n, 0n, NO_ROOT, NO_REFERENCE],
      ]);
    });

    for (const size of [1, 2, 3, 1_000]) {
      it(`works from a tree of ${size}, and only with the proof of the very leaf`, async () => {
        const { collection, issuer, stranger, appointment } = await collectionFixture();
        // Every holder is a key of its own, so each of them can consent.
        const keys = new Map<string, Signer>();
        const entries = Array.from({ length: size }, (_, index): Entry => {
          const key = new ethers.Wallet(ethers.id(`holder ${index}`));
          keys.set(key.address, key);
          return { serial: index + 1, holder: key.address, tier: index % 10, expiresAt: FAR + index };
        });
        const tree = allowlistTree(entries);
        await collection.connect(issuer).openAllowlist(tree.root, 1, size, FAR);

        const chosen = new Set([0, 1, 2, Math.floor(size / 2), size - 2, size - 1]);
        const claimed = entries.filter((_, index) => chosen.has(index));
        for (const entry of claimed) {
          const key = keys.get(entry.holder);
          if (key === undefined) throw new Error("no key");
          const consent = await sign(collection, key, "AllowlistClaim", consentTo(entry, appointment));
          const claim = (proof: string[]) =>
            collection.connect(stranger).claimAllowlisted(...claimOf(entry), proof, FAR, consent);
          const neighbour = entries[entry.serial % size];
          if (neighbour !== undefined && neighbour !== entry) {
            await expect(claim(tree.proofOf(neighbour))).to.be.revertedWithCustomError(collection, "AllowlistNotOpen");
          }
          await claim(tree.proofOf(entry));
        }
        const cards = await Promise.all(claimed.map(({ serial }) => collection.cardOf(serial)));
        expect(cards.map(({ holder, tier, expiresAt }) => ({ holder, tier, expiresAt }))).to.deep.equal(
          claimed.map(({ holder, tier, expiresAt }) => ({ holder, tier: BigInt(tier), expiresAt: BigInt(expiresAt) })),
        );
        expect(await collection.issuedCount()).to.equal(BigInt(claimed.length));
      });
    }

    describe("needs a proof that leads to an open root", () => {
      it("of this very leaf: nothing of it can be altered", async () => {
        const { collection, holder, own, open, claim } = await allowlistFixture();
        await open();
        for (const change of [{ serial: 11 }, { serial: 12 }, { tier: 5 }, { tier: 0 }, { expiresAt: FAR }]) {
          await expect(claim(holder, { ...own, ...change })).to.be.revertedWithCustomError(
            collection,
            "AllowlistNotOpen",
          );
        }
        await claim(holder, own);
        expect(await collection.issuedCount()).to.equal(1n);
      });

      it("for this very holder: nobody claims with another one's proof", async () => {
        const { collection, other, own, open, claim } = await allowlistFixture();
        await open();
        await expect(claim(other, { ...own, holder: other.address })).to.be.revertedWithCustomError(
          collection,
          "AllowlistNotOpen",
        );
      });

      it("whole: not cut, not lengthened, not in another order, not with another one's nodes, not empty", async () => {
        const { collection, holder, own, foreign, tree, open, claim } = await allowlistFixture();
        await open();
        const proof = tree.proofOf(own);
        expect(proof.length).to.equal(2);
        const [first, second] = proof as [string, string];
        for (const wrong of [
          [],
          [first],
          [second],
          [second, first],
          [first, second, second],
          [NO_ROOT, first, second],
          [tree.leafOf(own), first, second],
          tree.proofOf(foreign),
          [tree.root],
        ]) {
          await expect(claim(holder, own, wrong)).to.be.revertedWithCustomError(collection, "AllowlistNotOpen");
        }
        expect(await collection.issuedCount()).to.equal(0n);
      });

      it("and names the root that it does lead to, so that the caller finds the mistake", async () => {
        const { collection, holder, own, tree, open, claim } = await allowlistFixture();
        await open();
        await expect(claim(holder, own, []))
          .to.be.revertedWithCustomError(collection, "AllowlistNotOpen")
          .withArgs(tree.leafOf(own));
      });

      it("from a leaf that is hashed twice: a tree of leaves that are hashed once opens nothing", async () => {
        const { collection, issuer, holder, other, own, foreign } = await allowlistFixture();
        const once = ({ serial, holder: account, tier, expiresAt }: Entry) =>
          ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(ENTRY_TYPES, [serial, account, tier, expiresAt]));
        const pair = (a: string, b: string) => ethers.keccak256(ethers.concat(BigInt(a) < BigInt(b) ? [a, b] : [b, a]));
        const twice = (entry: Entry) => ethers.keccak256(once(entry));
        // The same tree with leaves as the contract makes them does work, so the pairs are not what is refused.
        await collection.connect(issuer).openAllowlist(pair(once(own), once(foreign)), 10, 2, FAR);
        await collection.connect(issuer).openAllowlist(pair(twice(own), twice(foreign)), 10, 2, FAR);
        await expect(
          collection.connect(holder).claimAllowlisted(...claimOf(own), [once(foreign)], FAR, "0x"),
        ).to.be.revertedWithCustomError(collection, "AllowlistNotOpen");
        await collection.connect(holder).claimAllowlisted(...claimOf(own), [twice(foreign)], FAR, "0x");
        await collection.connect(other).claimAllowlisted(...claimOf(foreign), [twice(own)], FAR, "0x");
        expect(await collection.issuedCount()).to.equal(2n);
      });

      it("not from an inner node that passes for a leaf, nor from the root itself (second preimage)", async () => {
        const { collection, issuer, holder, entries, own, tree, open } = await allowlistFixture();
        await open();
        const pair = (a: string, b: string) => ethers.concat(BigInt(a) < BigInt(b) ? [a, b] : [b, a]);
        const [sibling, uncle] = tree.proofOf(own) as [string, string];
        const inner = ethers.keccak256(pair(tree.leafOf(own), sibling));
        expect(ethers.keccak256(pair(inner, uncle))).to.equal(tree.root);
        // The 64 bytes below an inner node, read as what a claim encodes: serial and holder, the rest of it zero.
        const below = ethers.getBytes(pair(tree.leafOf(own), sibling));
        const serial = BigInt(ethers.hexlify(below.slice(0, 32)));
        const forged = ethers.getAddress(ethers.hexlify(below.slice(44, 64)));
        for (const proof of [[uncle], [], [inner, uncle]]) {
          await expect(
            collection.connect(holder).claimAllowlisted(serial, forged, { tier: 0, expiresAt: 0 }, proof, FAR, "0x"),
          ).to.be.revertedWithCustomError(collection, "AllowlistNotOpen");
        }
        // Nor does an allowlist that is opened for an inner node let the leaves below it claim a second time.
        await collection.connect(issuer).openAllowlist(inner, 10, 4, FAR);
        await collection.connect(holder).claimAllowlisted(...claimOf(own), [sibling], FAR, "0x");
        await expect(collection.connect(holder).claimAllowlisted(...claimOf(own), [sibling, uncle], FAR, "0x"))
          .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
          .withArgs(10);
        expect([await collection.issuedCount(), entries.length]).to.deep.equal([1n, 4]);
      });

      it("in this collection: an allowlist of another one is worth nothing here", async () => {
        const { collection, createCollection, holder, own, tree, open } = await allowlistFixture();
        await open();
        const second = await createCollection({ slug: "noirance-second" });
        await expect(second.connect(holder).claimAllowlisted(...claimOf(own), tree.proofOf(own), FAR, "0x"))
          .to.be.revertedWithCustomError(second, "AllowlistNotOpen")
          .withArgs(tree.root);
        expect(await collection.issuedCount()).to.equal(0n);
      });

      it("not from what the zero root was opened for, which nothing leads to", async () => {
        const { collection, issuer, holder, own } = await allowlistFixture();
        await collection.connect(issuer).openAllowlist(NO_ROOT, 10, 4, FAR);
        await expect(
          collection.connect(holder).claimAllowlisted(...claimOf(own), [], FAR, "0x"),
        ).to.be.revertedWithCustomError(collection, "AllowlistNotOpen");
      });
    });

    it("stays among the serials that were opened: a tree can promise more than its issuer may", async () => {
      const { collection, issuer, holder } = await collectionFixture();
      const entries = [9, 10, 11, 12, 13, MAX_SUPPLY + 1].map(
        (serial): Entry => ({ serial, holder: holder.address, tier: 1, expiresAt: 0 }),
      );
      const tree = allowlistTree(entries);
      await collection.connect(issuer).openAllowlist(tree.root, 10, 3, FAR);
      for (const entry of entries) {
        const claim = collection.connect(holder).claimAllowlisted(...claimOf(entry), tree.proofOf(entry), FAR, "0x");
        if (entry.serial >= 10 && entry.serial < 13) await claim;
        else {
          await expect(claim)
            .to.be.revertedWithCustomError(collection, "SerialNotAllowlisted")
            .withArgs(entry.serial, 10, 3);
        }
      }
      const cards = (await stateOf(collection, [9, 10, 11, 12, 13], [])).cards;
      expect(cards.map(({ status }) => status)).to.deep.equal([0n, 1n, 1n, 1n, 0n]);
    });

    it("gives a serial once, to the first of those that it was promised to", async () => {
      const { collection, issuer, holder, other } = await collectionFixture();
      const [own, rival] = [holder, other].map(({ address }) => ({
        serial: 1,
        holder: address,
        tier: 1,
        expiresAt: 0,
      }));
      if (own === undefined || rival === undefined) throw new Error("two entries");
      const tree = allowlistTree([own, rival]);
      await collection.connect(issuer).openAllowlist(tree.root, 1, 1, FAR);
      await collection.connect(other).claimAllowlisted(...claimOf(rival), tree.proofOf(rival), FAR, "0x");
      for (const [account, entry] of [
        [holder, own],
        [other, rival],
      ] as const) {
        await expect(collection.connect(account).claimAllowlisted(...claimOf(entry), tree.proofOf(entry), FAR, "0x"))
          .to.be.revertedWithCustomError(collection, "CardAlreadyIssued")
          .withArgs(1);
      }
      expect([await collection.ownerOf(1), await collection.issuedCount()]).to.deep.equal([other.address, 1n]);
    });

    it("never gives the serial of a dead card again, nor after the allowlist was reopened", async () => {
      const { collection, steward, holder, own, tree, open, claim } = await allowlistFixture();
      await open();
      await claim(holder, own);
      await collection.connect(holder).surrender(10);
      await collection.connect(steward).closeAllowlist(tree.root);
      await open();
      await expect(claim(holder, own)).to.be.revertedWithCustomError(collection, "CardAlreadyIssued").withArgs(10);
      expect([await collection.issuedCount(), await collection.totalSupply()]).to.deep.equal([1n, 0n]);
    });

    describe("works in time", () => {
      it("in no second after the deadline", async () => {
        const { collection, holder, own, open, claim } = await allowlistFixture();
        const deadline = (await now()) + 100;
        await open(deadline);
        await setNext(deadline + 1);
        await expect(claim(holder, own))
          .to.be.revertedWithCustomError(collection, "DeadlinePassed")
          .withArgs(deadline, deadline + 1);
      });

      it("in the very second of the deadline", async () => {
        const { collection, holder, own, open, claim } = await allowlistFixture();
        const deadline = (await now()) + 100;
        await open(deadline);
        await setNext(deadline);
        expect(await minedAt(claim(holder, own))).to.equal(deadline);
        expect(await collection.ownerOf(10)).to.equal(holder.address);
      });

      it("with terms that are not expired in that block", async () => {
        const { collection, issuer, holder } = await collectionFixture();
        const timestamp = (await now()) + 100;
        const entries = [1, timestamp - 1, timestamp, timestamp + 1].map(
          (expiresAt, index): Entry => ({ serial: index + 1, holder: holder.address, tier: 1, expiresAt }),
        );
        const tree = allowlistTree(entries);
        await collection.connect(issuer).openAllowlist(tree.root, 1, 4, FAR);
        for (const entry of entries) {
          await setNext(timestamp);
          const claim = collection.connect(holder).claimAllowlisted(...claimOf(entry), tree.proofOf(entry), FAR, "0x");
          if (entry.expiresAt > timestamp) await claim;
          else {
            await expect(claim)
              .to.be.revertedWithCustomError(collection, "ExpiryNotInFuture")
              .withArgs(entry.expiresAt, timestamp);
          }
        }
        expect((await collection.cardOf(4)).expiresAt).to.equal(BigInt(timestamp) + 1n);
      });

      it("while the brand is active", async () => {
        const { collection, registry, guardian, holder, own, open, claim } = await allowlistFixture();
        await open();
        await registry.connect(guardian).suspendBrand(1, REASON);
        await expect(claim(holder, own)).to.be.revertedWithCustomError(registry, "BrandNotActive").withArgs(1, 2);
        await registry.reinstateBrand(1, 1);
        await claim(holder, own);
        expect(await collection.ownerOf(10)).to.equal(holder.address);
      });

      it("not after the brand was retired", async () => {
        const { registry, holder, own, open, claim } = await allowlistFixture();
        await open();
        await registry.retireBrand(1, REASON);
        await expect(claim(holder, own)).to.be.revertedWithCustomError(registry, "BrandNotActive").withArgs(1, 3);
      });

      it("not once the edition winds down", async () => {
        const { collection, admin, holder, own, open, claim } = await allowlistFixture();
        await open();
        await finish(collection.connect(admin), FINAL.WindDown);
        await expect(claim(holder, own)).to.be.revertedWithCustomError(collection, "WindingDown");
        expect(await collection.issuedCount()).to.equal(0n);
      });

      it("not after its issuer has lost the role, also when it is given again: the list dies with the appointment", async () => {
        const { collection, registry, admin, issuer, holder, other, appointment, own, foreign, tree, open, claim } =
          await allowlistFixture();
        await open();
        await claim(holder, own);
        const role = await registry.roleId(1, ROLE.Issuer);
        for (const change of ["revokeRole", "grantRole"] as const) {
          await registry.connect(admin)[change](role, issuer);
          await expect(claim(other, foreign, tree.proofOf(foreign)))
            .to.be.revertedWithCustomError(collection, "AppointmentEnded")
            .withArgs(issuer, appointment);
        }
        expect(await collection.issuedCount()).to.equal(1n);
      });
    });

    describe("needs the holder's consent (ERC-5484)", () => {
      it("which is to send it, whatever stands in the place of the signature", async () => {
        const { collection, holder, own, tree, open, claim } = await allowlistFixture();
        await open();
        await claim(holder, own, tree.proofOf(own), "0xdeadbeef");
        expect(await collection.ownerOf(10)).to.equal(holder.address);
      });

      it("or to sign it with the allowlist's appointment and a deadline, as nothing else", async () => {
        const { collection, holder, issuer, stranger, appointment, own, tree, open, claim } = await allowlistFixture();
        await open();
        const consent = consentTo(own, appointment);
        const good = await sign(collection, holder, "AllowlistClaim", consent);
        for (const signature of [
          "0x",
          malleated(good),
          await sign(collection, stranger, "AllowlistClaim", consent),
          await sign(collection, issuer, "AllowlistClaim", consent),
          await sign(collection, holder, "AllowlistClaim", { ...consent, deadline: FAR - 1 }),
          await sign(collection, holder, "AllowlistClaim", { ...consent, appointment: appointment + 1n }),
          await sign(collection, holder, "ClaimVoucher", { ...consent, commitmentRoot: NO_ROOT }),
          await sign(collection, holder, "AllowlistClaim", { ...consent, serial: 11 }),
          await sign(collection, holder, "AllowlistClaim", { ...consent, tier: 5 }),
          await sign(collection, holder, "AllowlistClaim", { ...consent, expiresAt: FAR }),
          await sign(collection, holder, "AllowlistClaim", { ...consent, holder: stranger.address }),
          await sign(collection, holder, "AllowlistClaim", consent, { chainId: 1 }),
          await sign(collection, holder, "AllowlistClaim", consent, { verifyingContract: NOBODY }),
        ]) {
          await expect(claim(stranger, own, tree.proofOf(own), signature))
            .to.be.revertedWithCustomError(collection, "InvalidSignature")
            .withArgs(holder);
        }
        await claim(stranger, own, tree.proofOf(own), good);
        expect([await collection.ownerOf(10), await collection.balanceOf(stranger)]).to.deep.equal([
          holder.address,
          0n,
        ]);
      });

      it("until its deadline, which does not concern a holder who sends it", async () => {
        const { collection, holder, stranger, appointment, own, tree, open, claim } = await allowlistFixture();
        await open();
        const deadline = (await now()) + 100;
        const consent = await sign(collection, holder, "AllowlistClaim", { ...consentTo(own, appointment), deadline });
        await setNext(deadline + 1);
        await expect(claim(stranger, own, tree.proofOf(own), consent, deadline))
          .to.be.revertedWithCustomError(collection, "DeadlinePassed")
          .withArgs(deadline, deadline + 1);
        await expect(claim(stranger, own, tree.proofOf(own), consent, deadline + 1_000))
          .to.be.revertedWithCustomError(collection, "InvalidSignature")
          .withArgs(holder);
        await claim(holder, own, tree.proofOf(own), "0x", deadline);
        expect(await collection.ownerOf(10)).to.equal(holder.address);
      });

      it("in the very second of its deadline", async () => {
        const { collection, holder, stranger, appointment, own, tree, open, claim } = await allowlistFixture();
        await open();
        const deadline = (await now()) + 100;
        const consent = await sign(collection, holder, "AllowlistClaim", { ...consentTo(own, appointment), deadline });
        await setNext(deadline);
        await claim(stranger, own, tree.proofOf(own), consent, deadline);
        expect(await collection.ownerOf(10)).to.equal(holder.address);
      });

      it("and is no voucher, even of a holder who happens to be an issuer", async () => {
        const { collection, registry, admin, holder, stranger, own } = await allowlistFixture();
        await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Issuer), holder);
        const appointment = await registry.appointmentOf(1, ROLE.Issuer, holder);
        const consent = consentTo(own, appointment);
        const signature = await sign(collection, holder, "AllowlistClaim", consent);
        await expect(
          collection.connect(stranger).claim({ ...consent, commitmentRoot: NO_ROOT }, holder, signature, signature),
        )
          .to.be.revertedWithCustomError(collection, "InvalidSignature")
          .withArgs(holder);
      });

      it("of a contract by its own word (ERC-1271), without calling it back", async () => {
        const { collection, issuer, holder, stranger, appointment } = await collectionFixture();
        const wallet = await ethers.deployContract("TestWallet", [holder]);
        const entry = { serial: 1, holder: await wallet.getAddress(), tier: 1, expiresAt: 0 };
        const tree = allowlistTree([entry]);
        await collection.connect(issuer).openAllowlist(tree.root, 1, 1, FAR);
        const claim = (consent: string) =>
          collection.connect(stranger).claimAllowlisted(...claimOf(entry), [], FAR, consent);
        await expect(claim(await sign(collection, stranger, "AllowlistClaim", consentTo(entry, appointment))))
          .to.be.revertedWithCustomError(collection, "InvalidSignature")
          .withArgs(wallet);
        await claim(await sign(collection, holder, "AllowlistClaim", consentTo(entry, appointment)));
        expect(await collection.ownerOf(1)).to.equal(entry.holder);
      });

      it("so the zero address gets none", async () => {
        const { collection, issuer, stranger } = await collectionFixture();
        const entry = { serial: 1, holder: NOBODY, tier: 1, expiresAt: 0 };
        const tree = allowlistTree([entry]);
        await collection.connect(issuer).openAllowlist(tree.root, 1, 1, FAR);
        for (const consent of ["0x", `0x${"00".repeat(65)}`]) {
          await expect(collection.connect(stranger).claimAllowlisted(...claimOf(entry), [], FAR, consent))
            .to.be.revertedWithCustomError(collection, "InvalidSignature")
            .withArgs(NOBODY);
        }
      });
    });
  });
});
