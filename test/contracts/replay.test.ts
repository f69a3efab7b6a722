// A long random run over all that the contracts can do, and after it the claim that the whole design rests on: from the
// logs alone the whole state can be rebuilt. A failure names the seed; `SEED=<number>` repeats a run.

import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { expect } from "chai";
import {
  type ContractTransactionResponse,
  type EventFragment,
  type Interface,
  type ParamType,
  ZeroAddress,
  ZeroHash,
} from "ethers";
import type { MembershipCollection } from "../../artifacts/types/index.js";
import { TEST_PATIENCE_MS } from "../support/patience.ts";
import {
  addresses,
  BURN_AUTH,
  ethers,
  HANDLE,
  networkHelpers,
  PROFILE,
  REQUEST,
  ROLE,
  registryFixture,
} from "./fixture.ts";
import { FINAL } from "./support/finalActs.ts";
import { deployImplementation } from "./support/implementations.ts";
import { createRandom } from "./support/random.ts";
import {
  appointmentKey,
  availableOf,
  type CollectionState,
  capKey,
  emptyRegistry,
  type ReplayInterfaces,
  type ReplayLog,
  readyAtOrVoid,
  replay,
  roleIdOf,
} from "./support/replay.ts";
import { type Report, reportOfReplay, reportOfViews, type Universe } from "./support/report.ts";
import { type SignedMessages, sign } from "./support/signatures.ts";

const { time } = networkHelpers;

const OPERATIONS = 900;
/** The views are compared so often on the way, because what comes later can hide what went wrong. */
const COMPARISONS = 6;
const MAX_SUPPLY = 100;
const TIERS = [0, 1, 2, 3];
const BENEFITS = [1, 2, 3];
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Runs begin at the same time, so that a seed repeats them to the second. */
const BEGIN = 2_000_000_000;

type Account = Awaited<ReturnType<typeof ethers.getSigners>>[number];

/** Who does something: an account, or for a holder that is a contract, the account that owns it. */
interface Holder {
  address: string;
  signer: Account;
}

interface Tree {
  collection: MembershipCollection;
  tree: StandardMerkleTree<[number, string, number, number]>;
}

/** Sets the scene: two brands, an account in each role, three collections that differ in who may burn and in the delay. */
async function createScene() {
  const { registry, consortium, guardian } = await registryFixture();
  await time.setNextBlockTimestamp(BEGIN);
  const signers = await ethers.getSigners();
  const account = (index: number) => {
    const signer = signers[index];
    if (signer === undefined) throw new Error("too few accounts");
    return signer;
  };
  const brands = [2, 7].map((first, index) => ({
    brandId: index + 1,
    handle: index === 0 ? HANDLE : "lanting",
    admin: account(first),
    issuers: [account(first + 1), account(12 + index)],
    steward: account(first + 2),
    staff: account(first + 3),
  }));
  for (const { brandId, handle, admin, issuers, steward, staff } of brands) {
    await registry.admitBrand(admin, handle, { ...PROFILE, name: `Brand ${brandId}` });
    const grant = async (role: number, to: Account) =>
      registry.connect(admin).grantRole(await registry.roleId(brandId, role), to);
    for (const issuer of issuers) await grant(ROLE.Issuer, issuer);
    await grant(ROLE.Steward, steward);
    await grant(ROLE.Staff, staff);
  }
  const requests = [
    { brand: 0, slug: "noirance-black", burnAuth: BURN_AUTH.Both, reissueDelay: 3 * DAY },
    { brand: 0, slug: "noirance-white", burnAuth: BURN_AUTH.IssuerOnly, reissueDelay: 0 },
    { brand: 1, slug: "lanting-garden", burnAuth: BURN_AUTH.OwnerOnly, reissueDelay: HOUR },
  ];
  const collections: { collection: MembershipCollection; brand: (typeof brands)[number] }[] = [];
  for (const { brand: index, slug, burnAuth, reissueDelay } of requests) {
    const brand = brands[index];
    if (brand === undefined) throw new Error("no such brand");
    const limits = index === 0 ? {} : { highestTier: 2, longestTerm: 40 * DAY };
    const request = {
      ...REQUEST,
      ...limits,
      brandId: brand.brandId,
      slug,
      maxSupply: MAX_SUPPLY,
      burnAuth,
      reissueDelay,
    };
    await registry.connect(brand.admin).createCollection({ ...request, name: `The ${slug} card` });
    const address = await registry.collectionOf(slug);
    collections.push({ collection: await ethers.getContractAt("MembershipCollection", address), brand });
  }
  const owners = [14, 15, 16, 17].map(account);
  const holders: Holder[] = owners.map((signer) => ({ address: signer.address, signer }));
  for (const signer of owners.slice(0, 2)) {
    const wallet = await ethers.deployContract("TestWallet", [signer]);
    holders.push({ address: await wallet.getAddress(), signer });
  }
  const universe: Universe = {
    accounts: [
      ...signers.slice(0, 18).map(({ address }) => address),
      ...holders.slice(4).map(({ address }) => address),
    ],
    brands: brands.length,
    slugs: [...requests.map(({ slug }) => slug), "noirance-late", "noirance-free"],
    roots: [ethers.id("a root that nobody opened")],
    tiers: TIERS,
    benefitIds: BENEFITS,
  };
  return { registry, consortium, guardian, stranger: account(18), brands, collections, holders, universe };
}

/** All logs of the chain, with the times of their blocks. */
async function logsOfChain(): Promise<ReplayLog[]> {
  const logs = await ethers.provider.getLogs({ fromBlock: 0, toBlock: "latest" });
  const timestamps = new Map<number, number>();
  const result: ReplayLog[] = [];
  for (const { address, topics, data, blockNumber } of logs) {
    let timestamp = timestamps.get(blockNumber);
    if (timestamp === undefined) {
      timestamp = (await ethers.provider.getBlock(blockNumber))?.timestamp;
      if (timestamp === undefined) throw new Error(`no block ${blockNumber}`);
      timestamps.set(blockNumber, timestamp);
    }
    result.push({ address, topics, data, timestamp });
  }
  return result;
}

/** The data that a call was refused with; nothing for another failure. */
function refusalData(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const data: unknown = (cause as { data?: unknown }).data;
    if (typeof data === "string" && data.startsWith("0x")) return data;
  }
  return undefined;
}

/** Runs as many random operations as `length` says; what happens follows from the seed. */
async function run(seed: number, length: number) {
  const scene = await createScene();
  const { registry, consortium, guardian, stranger, brands, collections, holders, universe } = scene;
  const random = createRandom(seed);
  const interfaces: ReplayInterfaces = {
    registry: await registry.getAddress(),
    registryInterface: registry.interface,
    collectionInterface: (collections[0] as (typeof collections)[number]).collection.interface,
  };
  const trees: Tree[] = [];
  /** How often each operation was done, and how often it was refused with what. */
  const done: Record<string, number> = {};
  const refused: Record<string, number> = {};
  const events = new Set<string>();

  // What the run chooses from is the state as replayed so far: choices need not be right, and wrong ones are refused.
  const state = emptyRegistry();
  let now = BEGIN;
  const follow = (logs: readonly { address: string; topics: readonly string[]; data: string }[], timestamp: number) => {
    replay(
      logs.map(({ address, topics, data }) => ({ address, topics, data, timestamp })),
      interfaces,
      state,
    );
    for (const log of logs) {
      const known = [interfaces.registryInterface, interfaces.collectionInterface].map((each) => each.parseLog(log));
      for (const event of known) if (event !== null) events.add(event.name);
    }
  };
  for (const log of await logsOfChain()) {
    follow([log], log.timestamp);
    now = Math.max(now, log.timestamp);
  }

  const compare = async (label: string) => {
    const at = await time.latest();
    const expected: Report = reportOfReplay(replay(await logsOfChain(), interfaces), universe, at);
    expect(await reportOfViews(registry, universe), label).to.deep.equal(expected);
  };

  const knownOf = ({ collection }: { collection: MembershipCollection }) => {
    const known = state.collections.get(collection.target as string);
    if (known === undefined) throw new Error("unknown collection");
    return known;
  };
  /** Any collection, or one of those that pass if there are some. */
  const pickCollection = (passes: (known: CollectionState) => boolean = () => true) => {
    const fitting = collections.filter((each) => passes(knownOf(each)));
    const { collection, brand } = random.pick(fitting.length === 0 || random.chance(0.1) ? collections : fitting);
    const known = knownOf({ collection });
    /** Serials of cards that pass. */
    const serials = (passes: (card: { status: number; expiresAt: number; tier: number }) => boolean) =>
      [...known.cards].filter(([, card]) => passes(card)).map(([serial]) => serial);
    /** One to `most` of them; any serials once in a while, and where there are none. */
    const some = (from: number[], most: number) => {
      const source = from.length === 0 || random.chance(0.05) ? [random.between(1, MAX_SUPPLY)] : from;
      const picked = new Set(Array.from({ length: random.between(1, most) }, () => random.pick(source)));
      return [...picked];
    };
    const one = (from: number[]) => some(from, 1)[0] ?? 1;
    const free = () => {
      const serial = Array.from({ length: 20 }, () => random.between(1, MAX_SUPPLY)).find((s) => !known.cards.has(s));
      return serial ?? random.between(1, MAX_SUPPLY);
    };
    const holderOf = (serial: number) => holders.find(({ address }) => address === known.cards.get(serial)?.holder);
    return { collection, brand, known, serials, some, one, free, holderOf };
  };
  const hasPending = (known: CollectionState) => known.pendingReissues.size > 0;
  const isLive = ({ status }: { status: number }) => status === 1 || status === 2;
  /** Who should do it, or once in a while somebody else. */
  const by = (account: Account) =>
    random.chance(0.04) ? random.pick([stranger, consortium, ...brandPeople]) : account;
  const brandPeople = brands.flatMap(({ admin, issuers, steward, staff }) => [admin, ...issuers, steward, staff]);
  const expiry = () => (random.chance(0.3) ? 0 : now + random.between(-HOUR, 60 * DAY));
  const terms = () => ({ tier: random.pick(TIERS), expiresAt: expiry() });
  /** A deadline that has not passed, most of the time. */
  const deadline = () => now + random.between(-10 * MINUTE, 2 * DAY);
  /** By which appointment somebody is an issuer, or once in a while another one. */
  const appointmentOf = (brandId: number, issuer: Account) =>
    (state.appointments.get(appointmentKey(brandId, ROLE.Issuer, issuer.address)) ?? 0) + (random.chance(0.04) ? 1 : 0);
  /** Calls for a holder, through its wallet where it is one. */
  const callAs = async (
    collection: MembershipCollection,
    { address, signer }: Holder,
    name: "surrender" | "vetoReissue",
    serial: number,
  ) => {
    if (address === signer.address) return await collection.connect(signer).getFunction(name)(serial);
    const wallet = await ethers.getContractAt("TestWallet", address);
    const call = collection.interface.encodeFunctionData(name as "surrender", [serial]);
    return await wallet.connect(signer).execute(collection, call);
  };
  /** Signs as the holder should, or once in a while as somebody else. */
  const signAs = <Type extends keyof SignedMessages>(
    collection: MembershipCollection,
    holder: Holder | undefined,
    type: Type,
    message: SignedMessages[Type],
  ) => sign(collection, holder === undefined || random.chance(0.05) ? stranger : holder.signer, type, message);

  type Operation = () => Promise<ContractTransactionResponse>;
  const openAllowlist: Operation = async () => {
    const { collection, brand, free } = pickCollection();
    const firstSerial = Math.min(free(), MAX_SUPPLY - 5);
    const leaves = Array.from({ length: 6 }, (_, index): [number, string, number, number] => {
      const { tier, expiresAt } = terms();
      return [firstSerial + index, random.pick(holders).address, tier, expiresAt];
    });
    const tree = StandardMerkleTree.of(leaves, ["uint256", "address", "uint8", "uint32"]);
    trees.push({ collection, tree });
    universe.roots.push(tree.root);
    // Sometimes for fewer serials than the tree has.
    const count = random.between(4, 6);
    const issuer = by(random.pick(brand.issuers));
    return await collection.connect(issuer).openAllowlist(tree.root, firstSerial, count, deadline() + 10 * DAY);
  };
  /** What can happen at any time, and how often in comparison. */
  const common: Record<string, [weight: number, Operation]> = {
    issue: [
      12,
      async () => {
        const { collection, brand, free } = pickCollection();
        const batch = Array.from({ length: random.between(1, 4) }, () => random.pick(holders).address);
        if (random.chance(0.03)) batch.push(ZeroAddress);
        const root = random.chance(0.5) ? ZeroHash : random.bytes32();
        return await collection
          .connect(by(random.pick(brand.issuers)))
          .issue(free(), batch, terms(), root, random.bytes32());
      },
    ],
    claim: [
      8,
      async () => {
        const { collection, brand, free } = pickCollection();
        const holder = random.pick(holders);
        const issuer = by(random.pick(brand.issuers));
        const commitmentRoot = random.chance(0.5) ? ZeroHash : random.bytes32();
        const voucher = {
          serial: free(),
          holder: holder.address,
          ...terms(),
          commitmentRoot,
          appointment: appointmentOf(brand.brandId, issuer),
          deadline: deadline(),
        };
        const offer = await sign(collection, random.chance(0.04) ? stranger : issuer, "ClaimVoucher", voucher);
        const isCaller = holder.address === holder.signer.address && random.chance(0.5);
        const accepted = isCaller ? "0x" : await signAs(collection, holder, "ClaimVoucher", voucher);
        return await collection.connect(isCaller ? holder.signer : stranger).claim(voucher, issuer, offer, accepted);
      },
    ],
    openAllowlist: [4, openAllowlist],
    closeAllowlist: [
      2,
      async () => {
        const { collection, brand, known } = pickCollection();
        const open = [...known.allowlists.keys()];
        const root = open.length === 0 || random.chance(0.1) ? random.pick(universe.roots) : random.pick(open);
        return await collection.connect(by(brand.steward)).closeAllowlist(root);
      },
    ],
    claimAllowlisted: [
      10,
      async () => {
        if (trees.length === 0) return await openAllowlist();
        const { collection, tree } = random.pick(trees.slice(-6));
        const index = random.below(6);
        const leaf = tree.at(index);
        if (leaf === undefined) throw new Error("no such leaf");
        const [serial, address, tier, expiresAt] = leaf;
        const holder = holders.find((each) => each.address === address);
        const appointment = knownOf({ collection }).allowlists.get(tree.root)?.appointment ?? 0;
        const message = { serial, holder: address, tier, expiresAt, appointment, deadline: deadline() };
        const accepted = await signAs(collection, holder, "AllowlistClaim", message);
        const claimed = { tier: random.chance(0.04) ? tier + 1 : tier, expiresAt };
        const proof = tree.getProof(index);
        return await collection
          .connect(stranger)
          .claimAllowlisted(serial, address, claimed, proof, message.deadline, accepted);
      },
    ],
    renew: [
      6,
      async () => {
        const { collection, brand, known, serials, one } = pickCollection();
        const serial = one(serials((card) => isLive(card) && card.expiresAt !== 0));
        const current = known.cards.get(serial)?.expiresAt ?? 0;
        const alike = serials((card) => isLive(card) && card.expiresAt === current).slice(0, 3);
        const named = random.chance(0.05) ? current + 1 : current;
        const duration = random.chance(0.05) ? 2 ** 32 - 1 : random.between(0, 30 * DAY);
        return await collection
          .connect(by(random.pick(brand.issuers)))
          .renew(alike.length > 0 ? alike : [serial], named, duration);
      },
    ],
    setTier: [
      5,
      async () => {
        const { collection, brand, serials, some } = pickCollection();
        const tier = random.pick(TIERS);
        const chosen = some(
          serials((card) => isLive(card) && card.tier !== tier),
          3,
        );
        return await collection.connect(by(random.pick(brand.issuers))).setTier(chosen, tier);
      },
    ],
    correct: [
      6,
      async () => {
        const { collection, brand, known, serials, one, holderOf } = pickCollection();
        const serial = one(serials(isLive));
        const card = known.cards.get(serial);
        const expiresAt = random.chance(0.3) ? (card?.expiresAt ?? 0) : expiry();
        const correction = {
          serial,
          tier: random.pick(TIERS),
          expiresAt,
          generation: (card?.generation ?? 0) + (random.chance(0.04) ? 1 : 0),
          deadline: deadline(),
        };
        const consent = random.chance(0.5)
          ? "0x"
          : await signAs(collection, holderOf(serial), "Correction", correction);
        return await collection.connect(by(brand.steward)).correct(correction, random.bytes32(), consent);
      },
    ],
    announce: [
      4,
      async () => {
        const { collection, brand } = pickCollection();
        return await collection.connect(by(brand.admin)).announce(random.pick(Object.values(FINAL)));
      },
    ],
    cancelAnnounced: [
      3,
      async () => {
        const { collection, brand, known } = pickCollection(({ announcements }) => announcements.size > 0);
        const act = random.pick([...known.announcements.keys(), FINAL.WindDown]);
        return await collection.connect(by(random.pick([brand.admin, guardian]))).cancelAnnounced(act);
      },
    ],
    suspend: [
      5,
      async () => {
        const { collection, brand, serials, some } = pickCollection();
        const chosen = some(
          serials(({ status }) => status === 1),
          3,
        );
        return await collection.connect(by(brand.steward)).suspend(chosen, random.bytes32());
      },
    ],
    reinstate: [
      5,
      async () => {
        const { collection, brand, serials, some } = pickCollection();
        const chosen = some(
          serials(({ status }) => status === 2),
          3,
        );
        return await collection.connect(by(brand.steward)).reinstate(chosen);
      },
    ],
    revoke: [
      3,
      async () => {
        const { collection, brand, serials, some } = pickCollection();
        return await collection.connect(by(brand.steward)).revoke(some(serials(isLive), 2), random.bytes32());
      },
    ],
    surrender: [
      3,
      async () => {
        const { collection, serials, one, holderOf } = pickCollection(
          ({ burnAuth }) => burnAuth !== BURN_AUTH.IssuerOnly,
        );
        const serial = one(serials(isLive));
        return await callAs(collection, holderOf(serial) ?? random.pick(holders), "surrender", serial);
      },
    ],
    surrenderBySig: [
      3,
      async () => {
        const { collection, known, serials, one, holderOf } = pickCollection(
          ({ burnAuth }) => burnAuth !== BURN_AUTH.IssuerOnly,
        );
        const serial = one(serials(isLive));
        const message = { serial, generation: known.cards.get(serial)?.generation ?? 0, deadline: deadline() };
        const signature = await signAs(collection, holderOf(serial), "Surrender", message);
        return await collection.connect(stranger).surrenderBySig(serial, message.deadline, signature);
      },
    ],
    requestReissue: [
      10,
      async () => {
        const { collection, brand, serials, one } = pickCollection(({ burnAuth }) => burnAuth !== BURN_AUTH.OwnerOnly);
        const to = random.pick(holders).address;
        return await collection.connect(by(brand.steward)).requestReissue(one(serials(isLive)), to, random.bytes32());
      },
    ],
    executeReissue: [
      6,
      async () => {
        const { collection, brand, known, one } = pickCollection(hasPending);
        const serial = one([...known.pendingReissues.keys()]);
        const readyAt = known.pendingReissues.get(serial)?.readyAt ?? now;
        if (random.chance(0.7) && readyAt > now) await passTo(readyAt);
        return await collection.connect(by(brand.steward)).executeReissue(serial);
      },
    ],
    cancelReissue: [
      3,
      async () => {
        const { collection, brand, known, one } = pickCollection(hasPending);
        return await collection.connect(by(brand.steward)).cancelReissue(one([...known.pendingReissues.keys()]));
      },
    ],
    vetoReissue: [
      4,
      async () => {
        const { collection, known, one, holderOf } = pickCollection(hasPending);
        const serial = one([...known.pendingReissues.keys()]);
        return await callAs(collection, holderOf(serial) ?? random.pick(holders), "vetoReissue", serial);
      },
    ],
    vetoReissueBySig: [
      4,
      async () => {
        const { collection, known, one, holderOf } = pickCollection(hasPending);
        const serial = one([...known.pendingReissues.keys()]);
        const pending = known.pendingReissues.get(serial) ?? { to: ZeroAddress, readyAt: 0 };
        const message = { serial, ...pending, deadline: deadline() };
        const signature = await signAs(collection, holderOf(serial), "VetoReissue", message);
        return await collection.connect(stranger).vetoReissueBySig(serial, message.deadline, signature);
      },
    ],
    setBenefit: [
      7,
      async () => {
        const { collection, brand, known } = pickCollection();
        const quota = random.pick([0, 1, 2, 2, 5, 2 ** 32 - 1]);
        const [tier, benefitId] = [random.pick(TIERS), random.pick(BENEFITS)];
        // A benefit has the same periods in all tiers; others are refused.
        const same = [...known.benefits].find(([key]) => key.endsWith(`/${benefitId}`))?.[1];
        const isSame = same !== undefined && random.chance(0.9);
        const period = isSame ? same.period : random.pick([0, HOUR, DAY, DAY, 7 * DAY]);
        const startsAt = isSame ? same.startsAt : random.pick([0, now, now - 10 * DAY, now + HOUR]);
        return await collection.connect(by(brand.admin)).setBenefit(tier, benefitId, { quota, period, startsAt });
      },
    ],
    redeem: [
      16,
      async () => {
        const { collection, brand, known, serials, one, holderOf } = pickCollection();
        const entitled = (tier: number) =>
          BENEFITS.filter((benefitId) => (known.benefits.get(`${tier}/${benefitId}`)?.quota ?? 0) > 0);
        const serial = one(serials(({ status, tier }) => status === 1 && entitled(tier).length > 0));
        const card = known.cards.get(serial);
        const choices = entitled(card?.tier ?? 0);
        const benefitId = choices.length === 0 ? random.pick(BENEFITS) : random.pick(choices);
        const number = (known.uses.get(`${serial}/${benefitId}`)?.redemptions ?? 0) + (random.chance(0.05) ? 2 : 1);
        const generation = (card?.generation ?? 0) + (random.chance(0.03) ? 1 : 0);
        const staff = random.pick([ZeroAddress, ZeroAddress, brand.staff.address, stranger.address]);
        const redemption = { serial, benefitId, number, generation, staff, deadline: deadline() };
        const signature = await signAs(collection, holderOf(serial), "Redemption", redemption);
        return await collection.connect(by(brand.staff)).redeem(redemption, signature);
      },
    ],
    undoRedemption: [
      6,
      async () => {
        const { collection, brand, known } = pickCollection(({ uses }) => uses.size > 0);
        const [key, use] = random.pick([...known.uses, ["1/1", undefined] as const]);
        const [serial = 0, benefitId = 0] = key.split("/").map(Number);
        const last = use?.redemptions ?? 1;
        const number = Math.max(0, last - random.below((use?.used ?? 0) + 2));
        return await collection
          .connect(by(brand.staff))
          .undoRedemption(serial, benefitId, number, random.chance(0.3) ? ZeroHash : random.bytes32());
      },
    ],
    setContent: [
      3,
      async () => {
        const { collection, brand } = pickCollection();
        const uri = random.pick(["", "https://brand.example/card", `ipfs://${random.bytes32()}`]);
        const hash = random.chance(0.3) ? ZeroHash : random.bytes32();
        return await collection.connect(by(brand.admin)).setContent(uri, hash);
      },
    ],
    multicall: [
      4,
      async () => {
        const { collection, brand, serials, some } = pickCollection();
        const [first, second] = [serials(({ status }) => status === 1), serials(isLive)].map((from) => some(from, 2));
        const calls = [
          collection.interface.encodeFunctionData("suspend", [first ?? [], random.bytes32()]),
          collection.interface.encodeFunctionData("reinstate", [first ?? []]),
          collection.interface.encodeFunctionData("revoke", [second ?? [], random.bytes32()]),
        ];
        return await collection.connect(by(brand.steward)).multicall(calls.slice(0, random.between(1, 3)));
      },
    ],
    suspendBrand: [
      1,
      async () => {
        const account = by(random.pick([guardian, consortium]));
        return await registry.connect(account).suspendBrand(random.pick(brands).brandId, random.bytes32());
      },
    ],
    reinstateBrand: [
      6,
      async () => {
        const suspended = brands.filter(({ brandId }) => state.brands.get(brandId)?.status === 2);
        const { brandId } = random.pick(suspended.length === 0 ? brands : suspended);
        const last = state.brands.get(brandId)?.suspension ?? 0;
        const suspension = random.chance(0.1) ? random.below(last + 2) : last;
        return await registry.connect(by(consortium)).reinstateBrand(brandId, suspension);
      },
    ],
    setBrandProfile: [
      2,
      async () => {
        const profile = {
          ...PROFILE,
          name: random.chance(0.1) ? "" : `Brand ${random.bytes32().slice(2, 8)}`,
          filingNumber: random.pick(["", "京ICP备12345678号"]),
          profileURI: "https://brand.example/profile.json",
          profileHash: random.bytes32(),
        };
        return await registry.connect(by(consortium)).setBrandProfile(random.pick(brands).brandId, profile);
      },
    ],
    setDailyCap: [
      5,
      async () => {
        const { brandId, admin, issuers } = random.pick(brands);
        const cap = random.pick([0, 5, 7, 12, 100]);
        return await registry.connect(by(admin)).setDailyCap(brandId, random.pick(issuers), cap);
      },
    ],
    liftDailyCap: [
      5,
      async () => {
        const { brandId, admin, issuers } = random.pick(brands);
        const capped = issuers.filter(({ address }) => state.dailyCaps.has(capKey(brandId, address)));
        return await registry
          .connect(by(admin))
          .liftDailyCap(brandId, random.pick(capped.length > 0 ? capped : issuers));
      },
    ],
    replaceBrandKeys: [
      1,
      async () => {
        const { brandId, admin } = random.pick(brands);
        return await registry.connect(by(consortium)).replaceBrandKeys(brandId, admin);
      },
    ],
    restoreRole: [
      16,
      async () => {
        const { brandId, admin, issuers, steward, staff } = random.pick(brands);
        const people = [
          ...issuers.map((issuer) => [ROLE.Issuer, issuer] as const),
          [ROLE.Steward, steward] as const,
          [ROLE.Staff, staff] as const,
        ];
        const lost = people.filter(
          ([role, { address }]) => !state.appointments.has(appointmentKey(brandId, role, address)),
        );
        const [role, account] = random.pick(lost.length > 0 ? lost : people);
        const keyEpoch = (state.brands.get(brandId)?.keyEpoch ?? 0) - (random.chance(0.05) ? 1 : 0);
        return await registry.connect(by(admin)).grantRole(roleIdOf(brandId, role, Math.max(0, keyEpoch)), account);
      },
    ],
    changeRole: [
      5,
      async () => {
        const { brandId, admin, issuers, steward } = random.pick(brands);
        const [role, account] = random.pick([
          [ROLE.Issuer, stranger],
          [ROLE.Issuer, issuers[1] ?? steward],
          [ROLE.Staff, steward],
          [ROLE.Steward, admin],
        ] as const);
        const id = await registry.roleId(brandId, role);
        const change = random.pick(["grantRole", "grantRole", "revokeRole", "renounceRole"] as const);
        return await registry.connect(change === "renounceRole" ? account : by(admin))[change](id, account);
      },
    ],
    changeConsortiumRole: [
      2,
      async () => {
        const role = random.pick([
          ZeroHash,
          ethers.id("GUARDIAN_ROLE"),
          ethers.id("GUARDIAN_ROLE"),
          await registry.roleId(2, ROLE.Admin),
        ]);
        const change = random.pick(["grantRole", "revokeRole"] as const);
        const account = random.pick([stranger, steward(), consortium]);
        // Somebody has to be left who can end the run.
        const sender = account === consortium ? consortium : by(consortium);
        return await registry.connect(sender)[change](role, account);
      },
    ],
    setCardBaseURI: [
      1,
      async () => {
        const uri = random.pick(["", "https://a.example/", "https://b.example/cards/"]);
        return await registry.connect(by(consortium)).setCardBaseURI(uri);
      },
    ],
  };
  const steward = () => random.pick(brands).steward;

  /** What ends something for good, or adds to the scene: once each, towards the end, and then that is refused. */
  const lastOfAll: [string, Operation][] = [
    ["upgradeCollections", async () => await registry.connect(consortium).upgradeCollections(await otherCode())],
    ["freezeBenefits", () => finishLate(0, FINAL.FreezeBenefits)],
    ["freezeContent", () => finishLate(0, FINAL.FreezeContent)],
    ["startWindDown", () => finishLate(1, FINAL.WindDown)],
    [
      "createCollection",
      () =>
        registry
          .connect(brandOf(0).admin)
          .createCollection({ ...REQUEST, slug: "noirance-late", maxSupply: 5, burnAuth: BURN_AUTH.Neither }),
    ],
    ["retireBrand", () => registry.connect(consortium).retireBrand(2, random.bytes32())],
    [
      "admitBrand",
      async () => {
        const transaction = await registry
          .connect(consortium)
          .admitBrand(stranger, "late", { ...PROFILE, name: "Late" });
        universe.brands += 1;
        return transaction;
      },
    ],
    [
      "handOver",
      async () => {
        const wallet = await ethers.deployContract("TestWallet", [consortium]);
        universe.accounts.push(await wallet.getAddress());
        return await registry.connect(consortium).handOver(wallet);
      },
    ],
  ];
  /** Carries an act out that was announced, or that is announced now and waited for. */
  const finishLate = async (index: number, act: number) => {
    const collection = late(index).connect(brandOf(index).admin);
    const { announcements } = knownOf({ collection: late(index) });
    const announcedFor = () => readyAtOrVoid(announcements.get(act) ?? 0, now + HOUR);
    if (announcedFor() === 0) await attempt("announce", () => collection.announce(act));
    if (announcedFor() > now) await passTo(announcedFor());
    return await collection.carryOut(act);
  };
  const late = (index: number) => (collections[index] as (typeof collections)[number]).collection;
  const brandOf = (index: number) => (collections[index] as (typeof collections)[number]).brand;
  const otherCode = () => deployImplementation(registry);

  /** Lets time pass: what is called from now on happens at this time, or shortly after. */
  const passTo = async (timestamp: number) => {
    now = timestamp;
    await time.setNextBlockTimestamp(now);
  };
  const attempt = async (name: string, operation: Operation) => {
    await passTo(now + (random.chance(0.04) ? random.between(DAY / 2, 4 * DAY) : random.between(1, 20 * MINUTE)));
    let refusal: string | undefined;
    try {
      const receipt = await (await operation()).wait();
      if (receipt === null) throw new Error("not mined");
      now = await time.latest();
      follow(receipt.logs, now);
    } catch (error) {
      const data = refusalData(error);
      const known = data === undefined ? null : parseError(data);
      // Panics, and reverts without a word, are nobody's intention.
      if (known === null) throw new Error(`${name} failed as nothing may fail`, { cause: error });
      refusal = known;
      now = await time.latest();
    }
    if (refusal === undefined) done[name] = (done[name] ?? 0) + 1;
    else refused[refusal] = (refused[refusal] ?? 0) + 1;
    return refusal;
  };
  const parseError = (data: string) => {
    for (const each of [interfaces.collectionInterface, interfaces.registryInterface]) {
      const error = each.parseError(data);
      if (error !== null && error.name !== "Panic" && error.name !== "Error") return error.name;
    }
    return null;
  };

  const urn = Object.entries(common).flatMap(([name, [weight]]) => Array.from({ length: weight }, () => name));
  const beginningOfEnd = Math.floor(length * 0.85);
  const attemptCommon = async (name: string) => {
    const operation = common[name];
    if (operation === undefined) throw new Error(`no operation ${name}`);
    await attempt(name, operation[1]);
  };
  for (let index = 0; index < length; ++index) {
    await attemptCommon(random.pick(urn));
    // Before anything ends: what has had no luck so far is tried again, with others in between that make it possible.
    if (index === beginningOfEnd)
      for (const name of Object.keys(common))
        for (let tries = 0; done[name] === undefined && tries < 100; ++tries) {
          await attemptCommon(random.pick(urn));
          // Something pending is rare: its time is short, and what is asked for is often refused.
          if (/^(cancel|execute|veto)Reissue/.test(name)) await attemptCommon("requestReissue");
          await attemptCommon(name);
        }
    const place = index - beginningOfEnd;
    const last = place >= 0 && place % 10 === 0 ? lastOfAll[place / 10] : undefined;
    if (last !== undefined) {
      // Nobody else's doing may keep these from happening.
      const { status, suspension } = state.brands.get(1) ?? {};
      if (status === 2 && suspension !== undefined)
        await attempt("reinstateBrand", () => registry.reinstateBrand(1, suspension));
      expect(await attempt(...last), last[0]).to.equal(undefined);
    }
    if (index % Math.ceil(length / COMPARISONS) === 0) await compare(`after ${index + 1} operations`);
  }
  await compare(`after all ${length} operations`);
  return {
    events,
    done,
    refused,
    operations: [...Object.keys(common), ...lastOfAll.map(([name]) => name)],
    interfaces,
  };
}

/** Events that stand in the ABIs because a standard or a library has them, and that no contract emits. */
const NEVER_EMITTED = [
  "Approval",
  "ApprovalForAll",
  "EIP712DomainChanged",
  "Initialized",
  "RoleAdminChanged",
  "Unlocked",
];

const declaredEvents = (contract: Interface) =>
  contract.fragments.filter((fragment): fragment is EventFragment => fragment.type === "event");

/** Something of this type: zero, empty, false. */
function nothingOf({ baseType, components, type }: ParamType): unknown {
  if (baseType === "tuple") return components?.map(nothingOf);
  if (type === "address") return ZeroAddress;
  if (type === "bytes32") return ZeroHash;
  if (type === "string") return "";
  return type === "bool" ? false : 0;
}

describe("replay", () => {
  const given = process.env["SEED"];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);

  it(`rebuilds the whole state from logs alone, after a random run (SEED=${seed})`, async function () {
    // Coverage and mutants give up a test that hangs much sooner than others do: this one is long.
    this.timeout(TEST_PATIENCE_MS);
    try {
      const { events, done, refused, operations, interfaces } = await run(seed, OPERATIONS);
      // The run was worth something: everything happened, much was refused, and every event was among the logs.
      expect(operations.filter((name) => done[name] === undefined)).to.deep.equal([]);
      expect(Object.keys(refused).length).to.be.greaterThan(12);
      const declared = [interfaces.registryInterface, interfaces.collectionInterface].flatMap(declaredEvents);
      const missing = declared.map(({ name }) => name).filter((name) => !events.has(name));
      expect([...new Set(missing)].sort()).to.deep.equal(NEVER_EMITTED);
    } catch (error) {
      if (error instanceof Error)
        error.message += `\nRepeat this run with: SEED=${seed} npx hardhat test mocha test/contracts/replay.test.ts`;
      throw error;
    }
  });

  it("knows every event that the contracts declare and emit", async () => {
    const { interfaces, created } = await emptyCollection();
    const { registryInterface, collectionInterface, registry } = interfaces;
    const unknown: string[] = [];
    for (const [contract, address] of [
      [registryInterface, registry],
      [collectionInterface, created.collection],
    ] as const)
      for (const event of declaredEvents(contract)) {
        const { topics, data } = contract.encodeEventLog(event, event.inputs.map(nothingOf));
        const log = { address, topics: topics as string[], data, timestamp: BEGIN };
        try {
          replay([created.log, log], interfaces);
        } catch (error) {
          // That the event is about nothing is what it complains about otherwise.
          if (error instanceof Error && error.message.includes("does not know")) unknown.push(event.name);
        }
      }
    expect(unknown.sort()).to.deep.equal(NEVER_EMITTED);
  });

  it("stops at a log that it does not understand, and passes over those of other contracts", async () => {
    const { interfaces, created } = await emptyCollection();
    const strange = { topics: [ethers.id("Strange()")], data: "0x", timestamp: BEGIN };
    for (const address of [interfaces.registry, created.collection])
      expect(() => replay([created.log, { ...strange, address }], interfaces)).to.throw(`Unknown log of ${address}`);
    const [elsewhere] = addresses(1);
    replay([created.log, { ...strange, address: ethers.getAddress(elsewhere ?? "") }], interfaces);
    // Before the registry has named it, a collection is another contract.
    replay([{ ...strange, address: created.collection }, created.log], interfaces);
  });

  it("stops where logs are missing", async () => {
    const { interfaces, created } = await emptyCollection();
    const { collectionInterface } = interfaces;
    for (const [name, values] of [
      ["CardSuspended", [7, ZeroHash]],
      ["BatchIssued", [7, 1, 0, 0, ZeroHash, ZeroHash]],
    ] as const) {
      const { topics, data } = collectionInterface.encodeEventLog(name, values);
      const log = { address: created.collection, topics: topics as string[], data, timestamp: BEGIN };
      expect(() => replay([created.log, log], interfaces)).to.throw(`${name} is about something unknown`);
    }
  });

  it("counts what comes back of a daily cap exactly, however large it is", () => {
    const cap = { dailyCap: 2 ** 32 - 1, used: 2 ** 32 - 1, usedAt: BEGIN };
    expect(availableOf(cap, BEGIN)).to.equal(0);
    expect(availableOf(cap, BEGIN + 1)).to.equal(49_710);
    expect(availableOf(cap, BEGIN + DAY - 1)).to.equal(4_294_917_584);
    expect(availableOf(cap, BEGIN + DAY)).to.equal(2 ** 32 - 1);
    expect(availableOf(cap, BEGIN + 100 * 365 * DAY)).to.equal(2 ** 32 - 1);
    expect(availableOf({ ...cap, dailyCap: 5, used: 9 }, BEGIN)).to.equal(0);
    expect(availableOf({ ...cap, dailyCap: 0 }, BEGIN)).to.equal(0);
    expect(availableOf(undefined, BEGIN)).to.equal(undefined);
  });
});

/** A collection that only a log tells of. */
async function emptyCollection() {
  const { registry } = await registryFixture();
  const implementation = await ethers.getContractAt("MembershipCollection", await registry.implementation());
  const interfaces = {
    registry: await registry.getAddress(),
    registryInterface: registry.interface,
    collectionInterface: implementation.interface,
  };
  const collection = ethers.getAddress("0x00000000000000000000000000000000000c011e");
  const values = [collection, 1, "slug", "name", "symbol", 10, 0, 0, 3, 2 ** 32 - 1];
  const { topics, data } = interfaces.registryInterface.encodeEventLog("CollectionCreated", values);
  const log: ReplayLog = { address: interfaces.registry, topics: topics as string[], data, timestamp: BEGIN };
  return { interfaces, created: { collection, log } };
}
