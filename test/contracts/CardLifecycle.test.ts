import { expect } from "chai";
import type { BaseContract, ContractTransactionResponse } from "ethers";
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
  STATUS,
} from "./fixture.ts";
import { eventsOf } from "./support/events.ts";
import { FINAL, finish } from "./support/finalActs.ts";
import { sign } from "./support/signatures.ts";

const { time } = networkHelpers;

const DAY = 24 * 60 * 60;
const YEAR = 365 * DAY;
const UINT32_MAX = 2 ** 32 - 1;
const TIER = 2;
const ROOT = ethers.id("root");
const REASON = ethers.id("reason");
const NONE = [ethers.ZeroAddress, 0n];
const BRAND_STATUS = { Active: 1, Suspended: 2, Retired: 3 } as const;

/** Serials of {@link setup}. */
const DATED = [1, 2, 3, 4, 5];
const OF_OTHER = 3;
const UNDATED = 10;
const UNISSUED = 12;
const SERIALS = 14;

/**
 * Cards 1 to 5 are one batch that expires in a year, 10 and 11 one that never does. 3 and 11 belong to `other`, the rest
 * to `holder`.
 */
async function setup(terms: Parameters<Awaited<ReturnType<typeof collectionFixture>>["createCollection"]>[0] = {}) {
  const accounts = await collectionFixture();
  const collection =
    Object.keys(terms).length === 0
      ? accounts.collection
      : await accounts.createCollection({ slug: "noirance-special-terms", ...terms });
  const { issuer, holder, other } = accounts;
  const expiresAt = (await time.latest()) + YEAR;
  await collection
    .connect(issuer)
    .issue(1, [holder, holder, other, holder, holder], { tier: TIER, expiresAt }, ROOT, NO_REFERENCE);
  await collection
    .connect(issuer)
    .issue(UNDATED, [holder, other], { tier: TIER, expiresAt: 0 }, ethers.ZeroHash, NO_REFERENCE);
  return { ...accounts, collection, expiresAt };
}
type Setup = Awaited<ReturnType<typeof setup>>;

/** All that an act on a card could change, as plain data. */
async function stateOf({ collection, holder, other, stranger }: Setup) {
  const serials = Array.from({ length: SERIALS }, (_, index) => index + 1);
  const cards = await collection.cardsOf(1, SERIALS);
  return {
    cards: cards.map(({ holder, issuedAt, expiresAt, tier, status, generation }) => ({
      holder,
      issuedAt,
      expiresAt,
      tier,
      status,
      generation,
    })),
    pending: await Promise.all(serials.map(async (serial) => [...(await collection.pendingReissueOf(serial))])),
    balances: await Promise.all([holder, other, stranger].map((account) => collection.balanceOf(account))),
    issued: await collection.issuedCount(),
    live: await collection.totalSupply(),
  };
}
type State = Awaited<ReturnType<typeof stateOf>>;

/** The card of a serial in a state. */
function cardIn(state: State, serial: number): State["cards"][number] {
  const card = state.cards[serial - 1];
  if (card === undefined) throw new Error(`no serial ${serial}`);
  return card;
}

/** Does the act and expects that it changed this, and nothing else. */
async function changes(f: Setup, act: () => Promise<unknown>, expected: (state: State) => void) {
  const state = await stateOf(f);
  await act();
  expected(state);
  expect(await stateOf(f)).to.deep.equal(state);
}

/** Expects that the act is refused with this error and changed nothing. */
async function refuses(
  f: Setup,
  act: () => Promise<ContractTransactionResponse>,
  error: string,
  args: readonly unknown[],
  contract: BaseContract = f.collection,
) {
  const before = await stateOf(f);
  await expect(act())
    .to.be.revertedWithCustomError(contract, error)
    .withArgs(...args);
  expect(await stateOf(f)).to.deep.equal(before);
}

/** Kills cards of `holder`: 4 by revocation, 5 by surrender. */
async function buryTwo({ collection, steward, holder }: Setup) {
  await collection.connect(steward).revoke([4], REASON);
  await collection.connect(holder).surrender(5);
}

/** Serials that are not live, with the status that an error names. */
const NOT_LIVE = [
  [4, STATUS.Revoked],
  [5, STATUS.Surrendered],
  [UNISSUED, STATUS.None],
  [0, STATUS.None],
] as const;

async function setBrandStatus({ registry, consortium }: Setup, status: number) {
  if (status === BRAND_STATUS.Suspended) await registry.connect(consortium).suspendBrand(1, REASON);
  if (status === BRAND_STATUS.Retired) await registry.connect(consortium).retireBrand(1, REASON);
}

describe("CardLifecycle", () => {
  describe("renew", () => {
    it("extends a card from its expiry and changes nothing else", async () => {
      const f = await setup();
      const { collection, issuer, expiresAt } = f;
      await changes(
        f,
        async () =>
          expect(await eventsOf(collection.connect(issuer).renew([1], expiresAt, DAY), collection)).to.deep.equal([
            ["CardRenewed", 1n, BigInt(expiresAt + DAY)],
            ["MetadataUpdate", 1n],
          ]),
        (state) => {
          cardIn(state, 1).expiresAt = BigInt(expiresAt + DAY);
        },
      );
    });

    it("reports several cards one by one, and their range to readers of metadata", async () => {
      const f = await setup();
      const { collection, issuer, expiresAt } = f;
      const renewed = BigInt(expiresAt + DAY);
      await changes(
        f,
        async () =>
          expect(await eventsOf(collection.connect(issuer).renew([2, 3], expiresAt, DAY), collection)).to.deep.equal([
            ["CardRenewed", 2n, renewed],
            ["CardRenewed", 3n, renewed],
            ["BatchMetadataUpdate", 2n, 3n],
          ]),
        (state) => {
          for (const serial of [2, 3]) cardIn(state, serial).expiresAt = renewed;
        },
      );
    });

    it("reports the whole range of unordered serials", async () => {
      const { collection, issuer, expiresAt } = await setup();
      const renewed = BigInt(expiresAt + DAY);
      expect(await eventsOf(collection.connect(issuer).renew([3, 5, 1], expiresAt, DAY), collection)).to.deep.equal([
        ["CardRenewed", 3n, renewed],
        ["CardRenewed", 5n, renewed],
        ["CardRenewed", 1n, renewed],
        ["BatchMetadataUpdate", 1n, 5n],
      ]);
    });

    for (const [when, offset, from] of [
      ["one second before it expires, from its expiry", -1, 0],
      ["in the second in which it expires, from then", 0, 0],
      ["one second later, from now", 1, 1],
      ["long after, from now", 3 * YEAR, 3 * YEAR],
    ] as const) {
      it(`extends a card ${when}`, async () => {
        const { collection, issuer, expiresAt } = await setup();
        await time.setNextBlockTimestamp(expiresAt + offset);
        await collection.connect(issuer).renew([1], expiresAt, DAY);
        expect((await collection.cardOf(1)).expiresAt).to.equal(expiresAt + from + DAY);
      });
    }

    it("makes an expired card good again", async () => {
      const { collection, issuer, expiresAt } = await setup();
      await time.increaseTo(expiresAt);
      expect((await collection.verify(1)).status).to.equal(3n);
      await collection.connect(issuer).renew([1], expiresAt, DAY);
      expect((await collection.verify(1)).status).to.equal(1n);
    });

    it("compares the expiry first, so that a retry does not extend twice", async () => {
      const f = await setup();
      const { collection, issuer, expiresAt } = f;
      const renew = (serials: number[], current: number) => () =>
        collection.connect(issuer).renew(serials, current, DAY);
      await refuses(f, renew([1], expiresAt - 1), "ExpiryMismatch", [1, expiresAt]);
      await refuses(f, renew([1], expiresAt + 1), "ExpiryMismatch", [1, expiresAt]);
      await renew([1, 2], expiresAt)();
      await refuses(f, renew([1, 2], expiresAt), "ExpiryMismatch", [1, expiresAt + DAY]);
    });

    it("renews all cards of a call or none", async () => {
      const f = await setup();
      const { collection, issuer, expiresAt } = f;
      await collection.connect(issuer).renew([3], expiresAt, YEAR);
      const renew = (serials: number[]) => () => collection.connect(issuer).renew(serials, expiresAt, DAY);
      await refuses(f, renew([1, 2, 3]), "ExpiryMismatch", [3, expiresAt + YEAR]);
      await refuses(f, renew([1, UNDATED]), "ExpiryMismatch", [UNDATED, 0]);
      await refuses(f, renew([1, UNISSUED]), "CardStatusMismatch", [UNISSUED, STATUS.None]);
    });

    it("refuses a card that is named twice", async () => {
      const f = await setup();
      const { collection, issuer, expiresAt } = f;
      const act = () => collection.connect(issuer).renew([1, 2, 1], expiresAt, DAY);
      await refuses(f, act, "ExpiryMismatch", [1, expiresAt + DAY]);
    });

    it("refuses an empty list", async () => {
      const f = await setup();
      await refuses(f, () => f.collection.connect(f.issuer).renew([], f.expiresAt, DAY), "EmptyBatch", []);
    });

    it("refuses a duration of 0", async () => {
      const f = await setup();
      await refuses(f, () => f.collection.connect(f.issuer).renew([1], f.expiresAt, 0), "InvalidDuration", [0]);
    });

    it("reaches the last second that an expiry can hold, and none after it", async () => {
      const f = await setup();
      const { collection, issuer, expiresAt } = f;
      const rest = UINT32_MAX - expiresAt;
      const renew = (serial: number, current: number, duration: number) => () =>
        collection.connect(issuer).renew([serial], current, duration);
      await refuses(f, renew(1, expiresAt, rest + 1), "InvalidDuration", [rest + 1]);
      await refuses(f, renew(1, expiresAt, UINT32_MAX), "InvalidDuration", [UINT32_MAX]);
      await renew(1, expiresAt, rest)();
      expect((await collection.cardOf(1)).expiresAt).to.equal(UINT32_MAX);
      await refuses(f, renew(1, UINT32_MAX, 1), "InvalidDuration", [1]);

      // An expired card is extended from now, so now counts.
      await time.setNextBlockTimestamp(expiresAt + 100);
      await refuses(f, renew(2, expiresAt, rest), "InvalidDuration", [rest]);
      await time.setNextBlockTimestamp(expiresAt + 200);
      await renew(2, expiresAt, rest - 200)();
      expect((await collection.cardOf(2)).expiresAt).to.equal(UINT32_MAX);
    });

    it("refuses cards that never expire", async () => {
      const f = await setup();
      const { collection, issuer, expiresAt } = f;
      const renew = (serial: number, current: number) => () => collection.connect(issuer).renew([serial], current, DAY);
      await refuses(f, renew(UNDATED, 0), "CardNeverExpires", []);
      await refuses(f, renew(1, 0), "CardNeverExpires", []);
      await refuses(f, renew(UNDATED, expiresAt), "ExpiryMismatch", [UNDATED, 0]);
    });

    it("renews a suspended card, which stays suspended", async () => {
      const f = await setup();
      const { collection, issuer, steward, expiresAt } = f;
      await collection.connect(steward).suspend([1], REASON);
      await changes(
        f,
        () => collection.connect(issuer).renew([1, 2], expiresAt, DAY),
        (state) => {
          for (const serial of [1, 2]) cardIn(state, serial).expiresAt = BigInt(expiresAt + DAY);
        },
      );
    });

    it("refuses dead and unissued cards, and the living ones beside them", async () => {
      const f = await setup();
      const { collection, issuer, expiresAt } = f;
      await buryTwo(f);
      for (const [serial, status] of NOT_LIVE) {
        const act = () => collection.connect(issuer).renew([1, serial], expiresAt, DAY);
        await refuses(f, act, "CardStatusMismatch", [serial, status]);
      }
    });
  });

  describe("setTier", () => {
    it("changes a card's tier and nothing else", async () => {
      const f = await setup();
      const { collection, issuer } = f;
      for (const tier of [0, HIGHEST_TIER, 1]) {
        await changes(
          f,
          async () =>
            expect(await eventsOf(collection.connect(issuer).setTier([1], tier), collection)).to.deep.equal([
              ["CardTierChanged", 1n, BigInt(tier)],
              ["MetadataUpdate", 1n],
            ]),
          (state) => {
            cardIn(state, 1).tier = BigInt(tier);
          },
        );
      }
    });

    it("reports several cards, ascending or unordered, and their range", async () => {
      const { collection, issuer } = await setup();
      const setTier = (serials: number[], tier: number) =>
        eventsOf(collection.connect(issuer).setTier(serials, tier), collection);
      expect(await setTier([1, 2], 7)).to.deep.equal([
        ["CardTierChanged", 1n, 7n],
        ["CardTierChanged", 2n, 7n],
        ["BatchMetadataUpdate", 1n, 2n],
      ]);
      expect(await setTier([UNDATED, 1, 3], 8)).to.deep.equal([
        ["CardTierChanged", BigInt(UNDATED), 8n],
        ["CardTierChanged", 1n, 8n],
        ["CardTierChanged", 3n, 8n],
        ["BatchMetadataUpdate", 1n, BigInt(UNDATED)],
      ]);
    });

    it("refuses the tier that a card has, a card named twice, an empty list", async () => {
      const f = await setup();
      const { collection, issuer } = f;
      const setTier = (serials: number[], tier: number) => () => collection.connect(issuer).setTier(serials, tier);
      await refuses(f, setTier([1], TIER), "TierUnchanged", [1, TIER]);
      await refuses(f, setTier([1, 2, 1], 7), "TierUnchanged", [1, 7]);
      await refuses(f, setTier([], 7), "EmptyBatch", []);
      await setTier([2], 7)();
      await refuses(f, setTier([1, 2], 7), "TierUnchanged", [2, 7]);
    });

    it("changes suspended and expired cards", async () => {
      const f = await setup();
      const { collection, issuer, steward, expiresAt } = f;
      await collection.connect(steward).suspend([1], REASON);
      await time.increaseTo(expiresAt + 1);
      await changes(
        f,
        () => collection.connect(issuer).setTier([1, 2], 7),
        (state) => {
          for (const serial of [1, 2]) cardIn(state, serial).tier = 7n;
        },
      );
    });

    it("refuses dead and unissued cards, and the living ones beside them", async () => {
      const f = await setup();
      await buryTwo(f);
      for (const [serial, status] of NOT_LIVE) {
        const act = () => f.collection.connect(f.issuer).setTier([1, serial], 7);
        await refuses(f, act, "CardStatusMismatch", [serial, status]);
      }
    });
  });

  describe("suspend and reinstate", () => {
    it("suspends a card and makes it active again, and changes nothing else", async () => {
      const f = await setup();
      const { collection, steward, holder } = f;
      await changes(
        f,
        async () =>
          expect(await eventsOf(collection.connect(steward).suspend([1], REASON), collection)).to.deep.equal([
            ["CardSuspended", 1n, REASON],
            ["MetadataUpdate", 1n],
          ]),
        (state) => {
          cardIn(state, 1).status = STATUS.Suspended;
        },
      );
      expect(await collection.ownerOf(1)).to.equal(holder.address);
      expect(await collection.locked(1)).to.equal(true);
      await changes(
        f,
        async () =>
          expect(await eventsOf(collection.connect(steward).reinstate([1]), collection)).to.deep.equal([
            ["CardReinstated", 1n],
            ["MetadataUpdate", 1n],
          ]),
        (state) => {
          cardIn(state, 1).status = STATUS.Active;
        },
      );
    });

    it("reports several cards, ascending or unordered, and their range", async () => {
      const { collection, steward } = await setup();
      expect(await eventsOf(collection.connect(steward).suspend([1, 2, 3], REASON), collection)).to.deep.equal([
        ["CardSuspended", 1n, REASON],
        ["CardSuspended", 2n, REASON],
        ["CardSuspended", 3n, REASON],
        ["BatchMetadataUpdate", 1n, 3n],
      ]);
      expect(await eventsOf(collection.connect(steward).reinstate([2, 3, 1]), collection)).to.deep.equal([
        ["CardReinstated", 2n],
        ["CardReinstated", 3n],
        ["CardReinstated", 1n],
        ["BatchMetadataUpdate", 1n, 3n],
      ]);
    });

    it("refuses what is done already, a card named twice, an empty list", async () => {
      const f = await setup();
      const { collection, steward } = f;
      const suspend = (serials: number[]) => () => collection.connect(steward).suspend(serials, REASON);
      const reinstate = (serials: number[]) => () => collection.connect(steward).reinstate(serials);
      await refuses(f, suspend([]), "EmptyBatch", []);
      await refuses(f, reinstate([]), "EmptyBatch", []);
      await refuses(f, reinstate([1]), "CardStatusMismatch", [1, STATUS.Active]);
      await refuses(f, suspend([2, 1, 2]), "CardStatusMismatch", [2, STATUS.Suspended]);
      await suspend([1])();
      await refuses(f, suspend([1]), "CardStatusMismatch", [1, STATUS.Suspended]);
      await refuses(f, suspend([2, 1]), "CardStatusMismatch", [1, STATUS.Suspended]);
      await refuses(f, reinstate([1, 2]), "CardStatusMismatch", [2, STATUS.Active]);
      await refuses(f, reinstate([1, 1]), "CardStatusMismatch", [1, STATUS.Active]);
    });

    it("suspends and reinstates expired cards, which read as suspended meanwhile", async () => {
      const { collection, steward, expiresAt } = await setup();
      await time.increaseTo(expiresAt);
      await collection.connect(steward).suspend([1], REASON);
      expect((await collection.verify(1)).status).to.equal(2n);
      await collection.connect(steward).reinstate([1]);
      expect((await collection.verify(1)).status).to.equal(3n);
    });

    it("refuses dead and unissued cards, and the others beside them", async () => {
      const f = await setup();
      const { collection, steward } = f;
      await buryTwo(f);
      await collection.connect(steward).suspend([2], REASON);
      for (const [serial, status] of NOT_LIVE) {
        const args = [serial, status];
        await refuses(f, () => collection.connect(steward).suspend([1, serial], REASON), "CardStatusMismatch", args);
        await refuses(f, () => collection.connect(steward).reinstate([2, serial]), "CardStatusMismatch", args);
      }
    });
  });

  describe("revoke", () => {
    it("ends cards for good and keeps their tombstones", async () => {
      const f = await setup();
      const { collection, steward, issuer, holder, other } = f;
      await changes(
        f,
        async () =>
          expect(await eventsOf(collection.connect(steward).revoke([3, 1], REASON), collection)).to.deep.equal([
            ["Transfer", other.address, ethers.ZeroAddress, 3n],
            ["CardRevoked", 3n, REASON],
            ["Transfer", holder.address, ethers.ZeroAddress, 1n],
            ["CardRevoked", 1n, REASON],
          ]),
        (state) => {
          for (const serial of [1, 3]) cardIn(state, serial).status = STATUS.Revoked;
          state.balances = [4n, 1n, 0n];
          state.live -= 2n;
        },
      );
      await expect(collection.ownerOf(1))
        .to.be.revertedWithCustomError(collection, "ERC721NonexistentToken")
        .withArgs(1);
      await expect(collection.locked(1))
        .to.be.revertedWithCustomError(collection, "ERC721NonexistentToken")
        .withArgs(1);
      expect(await collection.batchOf(1)).to.deep.equal([1n, ROOT]);
      // The mark of the batch is in the tombstone, and the others still find it.
      expect(await collection.batchOf(5)).to.deep.equal([1n, ROOT]);
      const again = () =>
        collection.connect(issuer).issue(1, [holder], { tier: TIER, expiresAt: 0 }, ethers.ZeroHash, NO_REFERENCE);
      await refuses(f, again, "CardAlreadyIssued", [1]);
    });

    it("revokes suspended and expired cards", async () => {
      const f = await setup();
      const { collection, steward, expiresAt } = f;
      await collection.connect(steward).suspend([1], REASON);
      await time.increaseTo(expiresAt);
      await changes(
        f,
        () => collection.connect(steward).revoke([1, 2], REASON),
        (state) => {
          for (const serial of [1, 2]) cardIn(state, serial).status = STATUS.Revoked;
          state.balances = [3n, 2n, 0n];
          state.live -= 2n;
        },
      );
    });

    it("refuses what is done already, a card named twice, an empty list, dead and unissued cards", async () => {
      const f = await setup();
      const { collection, steward } = f;
      await buryTwo(f);
      const revoke = (serials: number[]) => () => collection.connect(steward).revoke(serials, REASON);
      await refuses(f, revoke([]), "EmptyBatch", []);
      await refuses(f, revoke([1, 2, 1]), "CardStatusMismatch", [1, STATUS.Revoked]);
      for (const [serial, status] of NOT_LIVE)
        await refuses(f, revoke([1, serial]), "CardStatusMismatch", [serial, status]);
    });

    it("counts each of several acts in one transaction", async () => {
      const f = await setup();
      const { collection, steward } = f;
      const calls = [1, 2].map((serial) => collection.interface.encodeFunctionData("revoke", [[serial], REASON]));
      await changes(
        f,
        () => collection.connect(steward).multicall(calls),
        (state) => {
          for (const serial of [1, 2]) cardIn(state, serial).status = STATUS.Revoked;
          state.balances = [3n, 2n, 0n];
          state.live -= 2n;
        },
      );
      const twice = () => collection.connect(steward).multicall([calls[0] ?? "", calls[0] ?? ""]);
      await refuses(f, twice, "CardStatusMismatch", [1, STATUS.Revoked]);
    });
  });

  /** What a surrender by either way must bring about. */
  const surrendered = (serial: number) => (state: State) => {
    cardIn(state, serial).status = STATUS.Surrendered;
    state.balances[0] = (state.balances[0] ?? 0n) - 1n;
    state.live -= 1n;
  };

  describe("surrender", () => {
    it("ends the holder's card and names who gave it up", async () => {
      const f = await setup();
      const { collection, holder } = f;
      await changes(
        f,
        async () =>
          expect(await eventsOf(collection.connect(holder).surrender(1), collection)).to.deep.equal([
            ["Transfer", holder.address, ethers.ZeroAddress, 1n],
            ["CardSurrendered", 1n, holder.address],
          ]),
        surrendered(1),
      );
      await expect(collection.ownerOf(1)).to.be.revertedWithCustomError(collection, "ERC721NonexistentToken");
      expect(await collection.batchOf(2)).to.deep.equal([1n, ROOT]);
    });

    it("is for the holder only", async () => {
      const f = await setup();
      const { collection } = f;
      for (const account of [f.other, f.steward, f.issuer, f.admin, f.consortium, f.stranger]) {
        const act = () => collection.connect(account).surrender(1);
        await refuses(f, act, "CallerNotHolder", [1, account.address]);
      }
    });

    it("refuses dead and unissued cards", async () => {
      const f = await setup();
      await buryTwo(f);
      for (const [serial, status] of NOT_LIVE) {
        await refuses(f, () => f.collection.connect(f.holder).surrender(serial), "CardStatusMismatch", [
          serial,
          status,
        ]);
      }
    });

    it("takes suspended and expired cards", async () => {
      const f = await setup();
      const { collection, steward, holder, expiresAt } = f;
      await collection.connect(steward).suspend([1], REASON);
      await changes(f, () => collection.connect(holder).surrender(1), surrendered(1));
      await time.increaseTo(expiresAt + 1);
      await changes(f, () => collection.connect(holder).surrender(2), surrendered(2));
    });
  });

  describe("surrenderBySig", () => {
    it("does what surrender does, whoever sends it, until the last second", async () => {
      const f = await setup();
      const { collection, holder, stranger, expiresAt } = f;
      const deadline = expiresAt - DAY;
      const signature = await sign(collection, holder, "Surrender", { serial: 1, generation: 0, deadline });
      await time.setNextBlockTimestamp(deadline);
      await changes(
        f,
        async () =>
          expect(
            await eventsOf(collection.connect(stranger).surrenderBySig(1, deadline, signature), collection),
          ).to.deep.equal([
            ["Transfer", holder.address, ethers.ZeroAddress, 1n],
            ["CardSurrendered", 1n, holder.address],
          ]),
        surrendered(1),
      );
      // The card is dead now, which the same signature does not change.
      await time.setNextBlockTimestamp(deadline + 1);
      const late = () => collection.connect(stranger).surrenderBySig(1, deadline, signature);
      await refuses(f, late, "DeadlinePassed", [deadline, deadline + 1]);
    });

    it("refuses one second after the deadline", async () => {
      const f = await setup();
      const { collection, holder, stranger, expiresAt } = f;
      const deadline = expiresAt - DAY;
      const signature = await sign(collection, holder, "Surrender", { serial: 1, generation: 0, deadline });
      await time.setNextBlockTimestamp(deadline + 1);
      const act = () => collection.connect(stranger).surrenderBySig(1, deadline, signature);
      await refuses(f, act, "DeadlinePassed", [deadline, deadline + 1]);
    });

    it("refuses a signature of somebody else or of something else", async () => {
      const f = await setup();
      const { collection, holder, other, stranger, expiresAt, createCollection } = f;
      const deadline = expiresAt;
      const message = { serial: 1, generation: 0, deadline };
      const elsewhere = await createCollection({ slug: "noirance-elsewhere" });
      const wrong = [
        await sign(collection, other, "Surrender", message),
        await sign(collection, holder, "Surrender", { ...message, serial: 2 }),
        await sign(collection, holder, "Surrender", { ...message, generation: 1 }),
        await sign(collection, holder, "Surrender", { ...message, deadline: deadline + 1 }),
        await sign(elsewhere, holder, "Surrender", message),
        await sign(collection, holder, "Surrender", message, { chainId: 1 }),
        await sign(collection, holder, "Surrender", message, { version: "2" }),
        await sign(collection, holder, "VetoReissue", { serial: 1, to: other.address, readyAt: 0, deadline }),
        "0x",
        `0x${"00".repeat(65)}`,
      ];
      for (const signature of wrong) {
        const act = () => collection.connect(stranger).surrenderBySig(1, deadline, signature);
        await refuses(f, act, "InvalidSignature", [holder.address]);
      }
      // Not even the holder can send what the holder did not sign.
      const own = () => collection.connect(holder).surrenderBySig(1, deadline, "0x");
      await refuses(f, own, "InvalidSignature", [holder.address]);
    });

    it("refuses dead and unissued cards", async () => {
      const f = await setup();
      const { collection, holder, expiresAt } = f;
      await buryTwo(f);
      for (const [serial, status] of NOT_LIVE) {
        const message = { serial, generation: 0, deadline: expiresAt };
        const signature = await sign(collection, holder, "Surrender", message);
        const act = () => collection.surrenderBySig(serial, expiresAt, signature);
        await refuses(f, act, "CardStatusMismatch", [serial, status]);
      }
    });

    it("asks a holder that is a contract (ERC-1271)", async () => {
      const f = await setup();
      const { collection, issuer, holder, other, stranger, expiresAt } = f;
      const wallet = await ethers.deployContract("TestWallet", [holder]);
      const terms = { tier: TIER, expiresAt: 0 };
      await collection.connect(issuer).issue(UNISSUED, [wallet], terms, ethers.ZeroHash, NO_REFERENCE);
      const message = { serial: UNISSUED, generation: 0, deadline: expiresAt };
      const foreign = await sign(collection, other, "Surrender", message);
      const refused = () => collection.connect(stranger).surrenderBySig(UNISSUED, expiresAt, foreign);
      await refuses(f, refused, "InvalidSignature", [await wallet.getAddress()]);
      const signature = await sign(collection, holder, "Surrender", message);
      await collection.connect(stranger).surrenderBySig(UNISSUED, expiresAt, signature);
      expect((await collection.cardOf(UNISSUED)).status).to.equal(STATUS.Surrendered);
    });

    it("refuses a signature from before a reissue, even when the card has come back", async () => {
      const f = await setup({ reissueDelay: 0 });
      const { collection, steward, holder, other, stranger, expiresAt } = f;
      const message = { serial: 1, generation: 0, deadline: expiresAt };
      const old = await sign(collection, holder, "Surrender", message);
      await collection.connect(steward).requestReissue(1, other, REASON);
      const act = () => collection.connect(stranger).surrenderBySig(1, expiresAt, old);
      await refuses(f, act, "InvalidSignature", [other.address]);
      await collection.connect(steward).requestReissue(1, holder, REASON);
      await refuses(f, act, "InvalidSignature", [holder.address]);
      const renewed = await sign(collection, holder, "Surrender", { ...message, generation: 2 });
      await changes(f, () => collection.surrenderBySig(1, expiresAt, renewed), surrendered(1));
    });
  });

  describe("reissue", () => {
    /** Asks for a card to go to `to` and says when it can. */
    async function request({ collection, steward }: Setup, serial: number, to: string): Promise<number> {
      await collection.connect(steward).requestReissue(serial, to, REASON);
      return (await time.latest()) + REISSUE_DELAY;
    }

    it("waits for the holder's veto first: the request moves nothing", async () => {
      const f = await setup();
      const { collection, steward, stranger, expiresAt } = f;
      const at = expiresAt - 30 * DAY;
      await time.setNextBlockTimestamp(at);
      await changes(
        f,
        async () =>
          expect(
            await eventsOf(collection.connect(steward).requestReissue(1, stranger, REASON), collection),
          ).to.deep.equal([["ReissueRequested", 1n, stranger.address, REASON, BigInt(at + REISSUE_DELAY)]]),
        (state) => {
          state.pending[0] = [stranger.address, BigInt(at + REISSUE_DELAY)];
        },
      );
    });

    it("moves the card once the delay is over, not a second earlier; it keeps all but holder and generation", async () => {
      const f = await setup();
      const { collection, steward, holder, stranger } = f;
      const readyAt = await request(f, 1, stranger.address);
      await time.setNextBlockTimestamp(readyAt - 1);
      const execute = () => collection.connect(steward).executeReissue(1);
      await refuses(f, execute, "ReissueNotReady", [1, readyAt]);
      await time.setNextBlockTimestamp(readyAt);
      await changes(
        f,
        async () =>
          expect(await eventsOf(execute(), collection)).to.deep.equal([
            ["Transfer", holder.address, ethers.ZeroAddress, 1n],
            ["Transfer", ethers.ZeroAddress, stranger.address, 1n],
            ["Locked", 1n],
            ["Issued", steward.address, stranger.address, 1n, BigInt(BURN_AUTH.Both)],
            ["CardReissued", 1n, holder.address, stranger.address, 1n],
          ]),
        (state) => {
          Object.assign(cardIn(state, 1), { holder: stranger.address, generation: 1n });
          state.pending[0] = NONE as [string, bigint];
          state.balances = [4n, 2n, 1n];
        },
      );
      expect(await collection.ownerOf(1)).to.equal(stranger.address);
      // The first card of a batch keeps the mark that the others are found by.
      for (const serial of DATED) expect(await collection.batchOf(serial)).to.deep.equal([1n, ROOT]);
      await refuses(f, execute, "ReissueNotPending", [1]);
      await refuses(f, () => collection.connect(holder).surrender(1), "CallerNotHolder", [1, holder.address]);
    });

    it("can be carried out for 30 days, to somebody who has cards too", async () => {
      const f = await setup();
      const { collection, steward, other } = f;
      const readyAt = await request(f, 2, other.address);
      await time.setNextBlockTimestamp(readyAt + 30 * DAY);
      await changes(
        f,
        () => collection.connect(steward).executeReissue(2),
        (state) => {
          Object.assign(cardIn(state, 2), { holder: other.address, generation: 1n });
          state.pending[1] = NONE as [string, bigint];
          state.balances = [4n, 3n, 0n];
        },
      );
      expect(await collection.batchOf(2)).to.deep.equal([1n, ROOT]);
    });

    it("is void after 30 days: what was meant then may not be meant later", async () => {
      const f = await setup();
      const { collection, holder, steward, other } = f;
      const readyAt = await request(f, 2, other.address);
      const message = { serial: 2, to: other.address, readyAt, deadline: readyAt + 7 * YEAR };
      const veto = await sign(collection, holder, "VetoReissue", message);
      for (const timestamp of [readyAt + 30 * DAY + 1, readyAt + 7 * YEAR]) {
        await time.increaseTo(timestamp - 1);
        for (const act of [
          () => collection.connect(steward).executeReissue(2),
          () => collection.connect(steward).cancelReissue(2),
          () => collection.connect(holder).vetoReissue(2),
          () => collection.connect(other).vetoReissueBySig(2, message.deadline, veto),
        ]) {
          const snapshot = await networkHelpers.takeSnapshot();
          await time.setNextBlockTimestamp(timestamp);
          await expect(act()).to.be.revertedWithCustomError(collection, "ReissueNotPending").withArgs(2);
          await snapshot.restore();
        }
      }
      await time.increaseTo(readyAt + 7 * YEAR);
      expect(await collection.pendingReissueOf(2)).to.deep.equal(NONE);
      // It can be asked for again.
      const again = await request(f, 2, other.address);
      await time.increaseTo(again);
      await collection.connect(steward).executeReissue(2);
      expect(await collection.ownerOf(2)).to.equal(other.address);
    });

    it("counts the generations of a card", async () => {
      const { collection, steward, holder, other } = await setup({ reissueDelay: 0 });
      for (const [to, generation] of [
        [other, 1n],
        [holder, 2n],
        [other, 3n],
      ] as const) {
        await collection.connect(steward).requestReissue(1, to, REASON);
        expect(await collection.ownerOf(1)).to.equal(to.address);
        expect((await collection.cardOf(1)).generation).to.equal(generation);
      }
      expect((await collection.cardOf(2)).generation).to.equal(0n);
    });

    it("stops at the last generation instead of beginning anew", async () => {
      const f = await setup({ reissueDelay: 0 });
      const { collection, steward, other } = f;
      // The mapping of cards is the second slot of the collection's namespace.
      const namespace = 0x78789e0f22556bca8b518942388d0b0301df73e822b154014f0815bf5ba00e00n;
      const slot = ethers.solidityPackedKeccak256(["uint256", "uint256"], [1, namespace + 1n]);
      const address = await collection.getAddress();
      const record = BigInt(await ethers.provider.getStorage(address, slot));
      await networkHelpers.setStorageAt(address, slot, ethers.toBeHex(record | (0xfffen << 240n), 32));
      await collection.connect(steward).requestReissue(1, other, REASON);
      expect((await collection.cardOf(1)).generation).to.equal(65_535n);
      const before = await stateOf(f);
      await expect(collection.connect(steward).requestReissue(1, f.holder, REASON)).to.be.revertedWithPanic(0x11);
      expect(await stateOf(f)).to.deep.equal(before);
    });

    it("is carried out at once in a collection without delay", async () => {
      const f = await setup({ reissueDelay: 0 });
      const { collection, steward, holder, stranger, expiresAt } = f;
      const at = expiresAt - DAY;
      await time.setNextBlockTimestamp(at);
      await changes(
        f,
        async () =>
          expect(
            await eventsOf(collection.connect(steward).requestReissue(1, stranger, REASON), collection),
          ).to.deep.equal([
            ["ReissueRequested", 1n, stranger.address, REASON, BigInt(at)],
            ["Transfer", holder.address, ethers.ZeroAddress, 1n],
            ["Transfer", ethers.ZeroAddress, stranger.address, 1n],
            ["Locked", 1n],
            ["Issued", steward.address, stranger.address, 1n, BigInt(BURN_AUTH.Both)],
            ["CardReissued", 1n, holder.address, stranger.address, 1n],
          ]),
        (state) => {
          Object.assign(cardIn(state, 1), { holder: stranger.address, generation: 1n });
          state.balances = [4n, 2n, 1n];
        },
      );
      await refuses(f, () => collection.connect(steward).executeReissue(1), "ReissueNotPending", [1]);
      await refuses(f, () => collection.connect(steward).cancelReissue(1), "ReissueNotPending", [1]);
      await refuses(f, () => collection.connect(holder).vetoReissue(1), "ReissueNotPending", [1]);
    });

    it("waits a second where that is the delay", async () => {
      const f = await setup({ reissueDelay: 1 });
      const { collection, steward, stranger } = f;
      await collection.connect(steward).requestReissue(1, stranger, REASON);
      const at = await time.latest();
      expect(await collection.pendingReissueOf(1)).to.deep.equal([stranger.address, BigInt(at + 1)]);
      await collection.connect(steward).executeReissue(1);
      expect(await collection.ownerOf(1)).to.equal(stranger.address);
    });

    it("starts again when another request replaces it", async () => {
      const f = await setup();
      const { collection, steward, other, stranger } = f;
      const first = await request(f, 1, stranger.address);
      await time.increaseTo(first - DAY);
      const second = await request(f, 1, other.address);
      expect(await collection.pendingReissueOf(1)).to.deep.equal([other.address, BigInt(second)]);
      await time.setNextBlockTimestamp(first);
      const execute = () => collection.connect(steward).executeReissue(1);
      await refuses(f, execute, "ReissueNotReady", [1, second]);
      await time.setNextBlockTimestamp(second - 1);
      await refuses(f, execute, "ReissueNotReady", [1, second]);
      await time.setNextBlockTimestamp(second);
      await execute();
      expect(await collection.ownerOf(1)).to.equal(other.address);
    });

    it("starts again when the same request is sent again", async () => {
      const f = await setup();
      const { collection, steward, stranger } = f;
      const first = await request(f, 1, stranger.address);
      await time.increaseTo(first);
      const second = await request(f, 1, stranger.address);
      const act = () => collection.connect(steward).executeReissue(1);
      await refuses(f, act, "ReissueNotReady", [1, second]);
    });

    it("keeps the status and the terms that the card has by then", async () => {
      const f = await setup();
      const { collection, steward, issuer, stranger, expiresAt } = f;
      await collection.connect(steward).suspend([1], REASON);
      const readyAt = await request(f, 1, stranger.address);
      await collection.connect(issuer).setTier([1], 9);
      await collection.connect(issuer).renew([1], expiresAt, DAY);
      await time.increaseTo(readyAt);
      await collection.connect(steward).executeReissue(1);
      const { holder, tier, status, expiresAt: renewed, generation } = await collection.cardOf(1);
      expect({ holder, tier, status, renewed, generation }).to.deep.equal({
        holder: stranger.address,
        tier: 9n,
        status: STATUS.Suspended,
        renewed: BigInt(expiresAt + DAY),
        generation: 1n,
      });
    });

    it("moves an expired card, which stays expired", async () => {
      const f = await setup();
      const { collection, steward, stranger, expiresAt } = f;
      await time.increaseTo(expiresAt);
      await time.increaseTo(await request(f, 1, stranger.address));
      await collection.connect(steward).executeReissue(1);
      expect(await collection.ownerOf(1)).to.equal(stranger.address);
      expect((await collection.verify(1)).status).to.equal(3n);
    });

    it("cannot go to nobody or to who holds the card, and not happen to dead and unissued cards", async () => {
      const f = await setup();
      const { collection, steward, holder, other, stranger } = f;
      await buryTwo(f);
      const ask = (serial: number, to: string) => () => collection.connect(steward).requestReissue(serial, to, REASON);
      await refuses(f, ask(1, ethers.ZeroAddress), "ERC721InvalidReceiver", [ethers.ZeroAddress]);
      await refuses(f, ask(1, holder.address), "ReissueToHolder", [1]);
      await refuses(f, ask(OF_OTHER, other.address), "ReissueToHolder", [OF_OTHER]);
      for (const [serial, status] of NOT_LIVE)
        await refuses(f, ask(serial, stranger.address), "CardStatusMismatch", [serial, status]);
    });

    it("is void when the card dies meanwhile, by whoever's hand", async () => {
      const f = await setup();
      const { collection, steward, holder, stranger, expiresAt } = f;
      await request(f, 4, stranger.address);
      const readyAt = await request(f, 5, stranger.address);
      await buryTwo(f);
      await time.increaseTo(readyAt);
      for (const serial of [4, 5]) {
        expect(await collection.pendingReissueOf(serial)).to.deep.equal(NONE);
        await refuses(f, () => collection.connect(steward).executeReissue(serial), "ReissueNotPending", [serial]);
        await refuses(f, () => collection.connect(steward).cancelReissue(serial), "ReissueNotPending", [serial]);
        await refuses(f, () => collection.connect(holder).vetoReissue(serial), "ReissueNotPending", [serial]);
        const message = { serial, to: stranger.address, readyAt, deadline: expiresAt };
        const signature = await sign(collection, holder, "VetoReissue", message);
        const veto = () => collection.vetoReissueBySig(serial, expiresAt, signature);
        await refuses(f, veto, "ReissueNotPending", [serial]);
      }
    });

    it("knows the request of one card from that of another", async () => {
      const f = await setup();
      const { collection, steward, other, stranger } = f;
      await request(f, 1, stranger.address);
      const readyAt = await request(f, 2, other.address);
      await collection.connect(steward).cancelReissue(1);
      expect(await collection.pendingReissueOf(1)).to.deep.equal(NONE);
      expect(await collection.pendingReissueOf(2)).to.deep.equal([other.address, BigInt(readyAt)]);
      expect(await collection.pendingReissueOf(3)).to.deep.equal(NONE);
      await time.increaseTo(readyAt);
      const act = () => collection.connect(steward).executeReissue(1);
      await refuses(f, act, "ReissueNotPending", [1]);
    });

    it("is cancelled by a steward", async () => {
      const f = await setup();
      const { collection, steward, stranger } = f;
      const cancel = () => collection.connect(steward).cancelReissue(1);
      await refuses(f, cancel, "ReissueNotPending", [1]);
      const readyAt = await request(f, 1, stranger.address);
      await changes(
        f,
        async () =>
          expect(await eventsOf(cancel(), collection)).to.deep.equal([
            ["ReissueCancelled", 1n, stranger.address, false],
          ]),
        (state) => {
          state.pending[0] = NONE as [string, bigint];
        },
      );
      await refuses(f, cancel, "ReissueNotPending", [1]);
      await time.increaseTo(readyAt);
      await refuses(f, () => collection.connect(steward).executeReissue(1), "ReissueNotPending", [1]);
      // It can be asked for again.
      await request(f, 1, stranger.address);
      expect((await collection.pendingReissueOf(1)).to).to.equal(stranger.address);
    });

    it("is vetoed by the holder, and by nobody else", async () => {
      const f = await setup();
      const { collection, steward, holder, other, stranger } = f;
      await refuses(f, () => collection.connect(holder).vetoReissue(1), "ReissueNotPending", [1]);
      const readyAt = await request(f, 1, stranger.address);
      for (const account of [stranger, other, steward, f.issuer, f.admin, f.consortium]) {
        const act = () => collection.connect(account).vetoReissue(1);
        await refuses(f, act, "CallerNotHolder", [1, account.address]);
      }
      // Even after the delay, as long as nobody has carried it out.
      await time.increaseTo(readyAt + DAY);
      await changes(
        f,
        async () =>
          expect(await eventsOf(collection.connect(holder).vetoReissue(1), collection)).to.deep.equal([
            ["ReissueCancelled", 1n, stranger.address, true],
          ]),
        (state) => {
          state.pending[0] = NONE as [string, bigint];
        },
      );
      await refuses(f, () => collection.connect(steward).executeReissue(1), "ReissueNotPending", [1]);
      await refuses(f, () => collection.connect(holder).vetoReissue(1), "ReissueNotPending", [1]);
    });

    it("cannot be vetoed by who held the card before, only by who holds it now", async () => {
      const f = await setup();
      const { collection, steward, holder, other, stranger } = f;
      await time.increaseTo(await request(f, 1, stranger.address));
      await collection.connect(steward).executeReissue(1);
      await request(f, 1, other.address);
      await refuses(f, () => collection.connect(holder).vetoReissue(1), "CallerNotHolder", [1, holder.address]);
      await collection.connect(stranger).vetoReissue(1);
      expect(await collection.pendingReissueOf(1)).to.deep.equal(NONE);
    });
  });

  describe("vetoReissueBySig", () => {
    async function requested() {
      const f = await setup();
      await f.collection.connect(f.steward).requestReissue(1, f.stranger, REASON);
      const readyAt = (await time.latest()) + REISSUE_DELAY;
      const deadline = readyAt + 10 * DAY;
      return { ...f, readyAt, message: { serial: 1, to: f.stranger.address, readyAt, deadline }, deadline };
    }

    it("does what vetoReissue does, whoever sends it, until the last second", async () => {
      const f = await requested();
      const { collection, holder, other, stranger, message, deadline } = f;
      const signature = await sign(collection, holder, "VetoReissue", message);
      await time.setNextBlockTimestamp(deadline);
      await changes(
        f,
        async () =>
          expect(
            await eventsOf(collection.connect(other).vetoReissueBySig(1, deadline, signature), collection),
          ).to.deep.equal([["ReissueCancelled", 1n, stranger.address, true]]),
        (state) => {
          state.pending[0] = NONE as [string, bigint];
        },
      );
    });

    it("refuses one second after the deadline", async () => {
      const f = await requested();
      const { collection, holder, message, deadline } = f;
      const signature = await sign(collection, holder, "VetoReissue", message);
      await time.setNextBlockTimestamp(deadline + 1);
      const act = () => collection.vetoReissueBySig(1, deadline, signature);
      await refuses(f, act, "DeadlinePassed", [deadline, deadline + 1]);
    });

    it("refuses a signature of somebody else or of something else", async () => {
      const f = await requested();
      const { collection, holder, other, stranger, message, deadline, readyAt } = f;
      const elsewhere = await f.createCollection({ slug: "noirance-elsewhere" });
      const wrong = [
        await sign(collection, other, "VetoReissue", message),
        await sign(collection, stranger, "VetoReissue", message),
        await sign(collection, holder, "VetoReissue", { ...message, serial: 2 }),
        await sign(collection, holder, "VetoReissue", { ...message, to: other.address }),
        await sign(collection, holder, "VetoReissue", { ...message, readyAt: readyAt + 1 }),
        await sign(collection, holder, "VetoReissue", { ...message, deadline: deadline + 1 }),
        await sign(elsewhere, holder, "VetoReissue", message),
        await sign(collection, holder, "Surrender", { serial: 1, generation: 0, deadline }),
        "0x",
      ];
      for (const signature of wrong) {
        const act = () => collection.connect(holder).vetoReissueBySig(1, deadline, signature);
        await refuses(f, act, "InvalidSignature", [holder.address]);
      }
    });

    it("refuses this one request: neither the next one nor one to somebody else", async () => {
      const f = await requested();
      const { collection, steward, holder, other, stranger, message, deadline } = f;
      const signature = await sign(collection, holder, "VetoReissue", message);
      const act = () => collection.vetoReissueBySig(1, deadline, signature);
      await collection.connect(steward).requestReissue(1, other, REASON);
      await refuses(f, act, "InvalidSignature", [holder.address]);
      await collection.connect(steward).requestReissue(1, stranger, REASON);
      await refuses(f, act, "InvalidSignature", [holder.address]);
      await collection.connect(holder).vetoReissue(1);
      await refuses(f, act, "ReissueNotPending", [1]);
      await collection.connect(steward).requestReissue(1, stranger, REASON);
      await refuses(f, act, "InvalidSignature", [holder.address]);
    });

    it("refuses where nothing is pending", async () => {
      const f = await requested();
      const { collection, holder, message, deadline } = f;
      const signature = await sign(collection, holder, "VetoReissue", { ...message, serial: 2 });
      await refuses(f, () => collection.vetoReissueBySig(2, deadline, signature), "ReissueNotPending", [2]);
    });

    it("asks a holder that is a contract (ERC-1271), which can also veto by itself", async () => {
      const f = await setup();
      const { collection, issuer, steward, holder, other, stranger, expiresAt } = f;
      const wallet = await ethers.deployContract("TestWallet", [holder]);
      await collection
        .connect(issuer)
        .issue(UNISSUED, [wallet], { tier: TIER, expiresAt: 0 }, ethers.ZeroHash, NO_REFERENCE);
      await collection.connect(steward).requestReissue(UNISSUED, stranger, REASON);
      const readyAt = (await time.latest()) + REISSUE_DELAY;
      const message = { serial: UNISSUED, to: stranger.address, readyAt, deadline: expiresAt };
      const foreign = await sign(collection, other, "VetoReissue", message);
      const refused = () => collection.vetoReissueBySig(UNISSUED, expiresAt, foreign);
      await refuses(f, refused, "InvalidSignature", [await wallet.getAddress()]);
      const signature = await sign(collection, holder, "VetoReissue", message);
      await collection.vetoReissueBySig(UNISSUED, expiresAt, signature);
      expect(await collection.pendingReissueOf(UNISSUED)).to.deep.equal(NONE);

      await collection.connect(steward).requestReissue(UNISSUED, stranger, REASON);
      const call = collection.interface.encodeFunctionData("vetoReissue", [UNISSUED]);
      await wallet.connect(holder).execute(collection, call);
      expect(await collection.pendingReissueOf(UNISSUED)).to.deep.equal(NONE);
    });
  });

  describe("the holder's acts work whatever becomes of brand and card", () => {
    const expireSoon = (f: Setup) => time.increaseTo(f.expiresAt);
    const circumstances: [string, (f: Setup) => Promise<unknown>][] = [
      ["the brand is suspended", (f) => setBrandStatus(f, BRAND_STATUS.Suspended)],
      ["the brand is retired", (f) => setBrandStatus(f, BRAND_STATUS.Retired)],
      ["the card is suspended", (f) => f.collection.connect(f.steward).suspend([1], REASON)],
      ["the card is expired", expireSoon],
      ["the edition is winding down", (f) => finish(f.collection.connect(f.admin), FINAL.WindDown)],
      [
        "the steward has lost the role",
        async (f) => f.registry.connect(f.admin).revokeRole(await f.registry.roleId(1, ROLE.Steward), f.steward),
      ],
    ];
    for (const [name, happen] of circumstances) {
      it(`surrender and veto, themselves and by signature, while ${name}`, async () => {
        const f = await setup();
        const { collection, steward, holder, stranger, expiresAt } = f;
        if (happen === expireSoon) await time.increaseTo(expiresAt - DAY);
        await collection.connect(steward).requestReissue(1, stranger, REASON);
        const readyAt = (await time.latest()) + REISSUE_DELAY;
        await happen(f);
        const deadline = expiresAt + YEAR;
        const acts: [string, () => Promise<ContractTransactionResponse>, (state: State) => void][] = [
          ["surrender", () => collection.connect(holder).surrender(1), surrendered(1)],
          [
            "surrenderBySig",
            async () => {
              const signature = await sign(collection, holder, "Surrender", { serial: 1, generation: 0, deadline });
              return await collection.connect(stranger).surrenderBySig(1, deadline, signature);
            },
            surrendered(1),
          ],
          ["vetoReissue", () => collection.connect(holder).vetoReissue(1), () => undefined],
          [
            "vetoReissueBySig",
            async () => {
              const message = { serial: 1, to: stranger.address, readyAt, deadline };
              const signature = await sign(collection, holder, "VetoReissue", message);
              return await collection.connect(stranger).vetoReissueBySig(1, deadline, signature);
            },
            () => undefined,
          ],
        ];
        for (const [, act, expected] of acts) {
          const snapshot = await networkHelpers.takeSnapshot();
          await changes(f, act, (state) => {
            expected(state);
            state.pending[0] = NONE as [string, bigint];
          });
          await snapshot.restore();
        }
      });
    }

    it("but a reissue is not carried out for a brand that may not act", async () => {
      const f = await setup();
      const { collection, registry, consortium, steward, stranger } = f;
      await collection.connect(steward).requestReissue(1, stranger, REASON);
      await time.increaseTo((await time.latest()) + REISSUE_DELAY);
      await registry.connect(consortium).suspendBrand(1, REASON);
      const args = [1, BRAND_STATUS.Suspended];
      for (const act of [
        () => collection.connect(steward).executeReissue(1),
        () => collection.connect(steward).requestReissue(2, stranger, REASON),
        () => collection.connect(steward).revoke([1], REASON),
      ])
        await refuses(f, act, "BrandNotActive", args, registry);
      await registry.connect(consortium).reinstateBrand(1, 1);
      await collection.connect(steward).executeReissue(1);
      expect(await collection.ownerOf(1)).to.equal(stranger.address);
    });
  });

  describe("cancelReissue", () => {
    it("works for stewards while the brand is suspended and when it is retired: it only takes away", async () => {
      const f = await setup();
      const { collection, registry, consortium, issuer, admin, guardian, steward, stranger } = f;
      for (const serial of [1, 2]) await collection.connect(steward).requestReissue(serial, stranger, REASON);
      await registry.connect(consortium).suspendBrand(1, REASON);
      for (const account of [issuer, admin, guardian, consortium, stranger]) {
        const act = () => collection.connect(account).cancelReissue(1);
        await refuses(f, act, "BrandRoleMissing", [1, ROLE.Steward, account.address], registry);
      }
      await collection.connect(steward).cancelReissue(1);
      await registry.connect(consortium).retireBrand(1, REASON);
      await collection.connect(steward).cancelReissue(2);
      for (const serial of [1, 2]) expect(await collection.pendingReissueOf(serial)).to.deep.equal(NONE);
    });
  });

  describe("burn authorisation (ERC-5484)", () => {
    const mayBurn = {
      IssuerOnly: { issuer: true, owner: false },
      OwnerOnly: { issuer: false, owner: true },
      Both: { issuer: true, owner: true },
      Neither: { issuer: false, owner: false },
    } as const;
    for (const [auth, may] of Object.entries(mayBurn) as [
      keyof typeof BURN_AUTH,
      { issuer: boolean; owner: boolean },
    ][]) {
      it(`${auth}: revoke and reissue ${may.issuer ? "work" : "are refused"}, surrender ${may.owner ? "works" : "is refused"}`, async () => {
        const f = await setup({ burnAuth: BURN_AUTH[auth] });
        const { collection, steward, holder, stranger, expiresAt } = f;
        const allowedOrRefused = async (
          allowed: boolean,
          act: () => Promise<ContractTransactionResponse>,
          expected: (state: State) => void,
        ) => {
          if (allowed) await changes(f, act, expected);
          else await refuses(f, act, "BurnNotAuthorized", []);
        };
        const message = { serial: 3, generation: 0, deadline: expiresAt };
        const signature = await sign(collection, f.other, "Surrender", message);
        await time.setNextBlockTimestamp(expiresAt - YEAR / 2);
        await allowedOrRefused(
          may.issuer,
          () => collection.connect(steward).requestReissue(1, stranger, REASON),
          (state) => {
            state.pending[0] = [stranger.address, BigInt(expiresAt - YEAR / 2 + REISSUE_DELAY)];
          },
        );
        await allowedOrRefused(
          may.issuer,
          () => collection.connect(steward).revoke([1], REASON),
          (state) => {
            cardIn(state, 1).status = STATUS.Revoked;
            state.pending[0] = NONE as [string, bigint];
            state.balances = [4n, 2n, 0n];
            state.live -= 1n;
          },
        );
        await allowedOrRefused(may.owner, () => collection.connect(holder).surrender(2), surrendered(2));
        await allowedOrRefused(
          may.owner,
          () => collection.connect(holder).surrenderBySig(3, expiresAt, signature),
          (state) => {
            cardIn(state, 3).status = STATUS.Surrendered;
            state.balances[1] = 1n;
            state.live -= 1n;
          },
        );
      });
    }

    it("is said in the Issued event of a reissue", async () => {
      const f = await setup({ burnAuth: BURN_AUTH.IssuerOnly, reissueDelay: 0 });
      const { collection, steward, stranger } = f;
      const events = await eventsOf(collection.connect(steward).requestReissue(1, stranger, REASON), collection);
      expect(events.find(([name]) => name === "Issued")).to.deep.equal([
        "Issued",
        steward.address,
        stranger.address,
        1n,
        BigInt(BURN_AUTH.IssuerOnly),
      ]);
    });
  });

  it("takes a large batch in one call", async () => {
    const { collection, issuer, steward } = await setup();
    const serials = Array.from({ length: 100 }, (_, index) => 1_000 + index);
    await collection
      .connect(issuer)
      .issue(1_000, addresses(100), { tier: 1, expiresAt: 0 }, ethers.ZeroHash, NO_REFERENCE);
    const events = await eventsOf(collection.connect(steward).suspend(serials, REASON), collection);
    expect(events).to.have.length(101);
    expect(events.at(-1)).to.deep.equal(["BatchMetadataUpdate", 1_000n, 1_099n]);
  });
});
