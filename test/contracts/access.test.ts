// Who may call what: every function that the contracts have and that changes state, by every kind of account, in every
// status of the brand. A function that is missing in the table below fails, so none is added without saying who may.

import { expect } from "chai";
import type { BaseContract, ContractTransactionResponse, FunctionFragment } from "ethers";
import {
  CARD_BASE_URI,
  collectionFixture,
  ethers,
  loadFixture,
  NO_REFERENCE,
  networkHelpers,
  OTHER_HANDLE,
  PROFILE,
  REISSUE_DELAY,
  REQUEST,
  ROLE,
} from "./fixture.ts";
import { FINAL } from "./support/finalActs.ts";
import { deployImplementation } from "./support/implementations.ts";
import { sign } from "./support/signatures.ts";

const { time } = networkHelpers;

const BRAND_STATUS = { Active: 1, Suspended: 2, Retired: 3 } as const;
type BrandStatus = keyof typeof BRAND_STATUS;
type BrandRole = keyof typeof ROLE;

const KINDS = {
  consortium: "the consortium",
  guardian: "the guardian",
  admin: "an administrator of the brand",
  issuer: "an issuer of the brand",
  steward: "a steward of the brand",
  staff: "staff of the brand",
  holder: "the holder",
  stranger: "a stranger",
  rival: "who has all roles of another brand",
  former: "who had all roles and lost them",
} as const;
type Kind = keyof typeof KINDS;

const REASON = ethers.id("reason");
const TIER = 2;
const BENEFIT = 7;
/** Which the active card has redeemed once. */
const USED_BENEFIT = 8;
const NEVER = { tier: TIER, expiresAt: 0 };
/** Serials of {@link buildWorld}, by what is ready to be done with them. */
const ACTIVE = 1;
const SUSPENDED = 2;
const PENDING = 3;
const NEXT = 10;
const VOUCHED = 20;
const LISTED = 30;
/** Of somebody who is no issuer yet. */
const CAP = 5;
const YEAR = 365 * 24 * 60 * 60;

/** A collection in which every act would succeed if the right account did it, to begin with for an active brand. */
async function buildWorld(brandStatus: BrandStatus) {
  const fixture = await collectionFixture();
  const { registry, collection, consortium, admin, issuer, steward, staff, holder, stranger, appointment } = fixture;
  const [rival, former] = (await ethers.getSigners()).slice(9);
  if (rival === undefined || former === undefined) throw new Error("too few accounts");
  const accounts = { ...fixture, rival, former };
  const defaultAdminRole = await registry.DEFAULT_ADMIN_ROLE();
  const guardianRole = await registry.GUARDIAN_ROLE();
  const roleIds = {} as Record<BrandRole, string>;
  for (const role of Object.keys(ROLE) as BrandRole[]) roleIds[role] = await registry.roleId(1, ROLE[role]);

  await registry.admitBrand(rival, OTHER_HANDLE, PROFILE);
  for (const role of [ROLE.Issuer, ROLE.Steward, ROLE.Staff])
    await registry.connect(rival).grantRole(await registry.roleId(2, role), rival);

  const lost = [
    ...[guardianRole, roleIds.Admin].map((role) => [consortium, role] as const),
    ...[roleIds.Issuer, roleIds.Steward, roleIds.Staff].map((role) => [admin, role] as const),
  ];
  for (const [giver, role] of lost) await registry.connect(giver).grantRole(role, former);
  for (const [giver, role] of lost) await registry.connect(giver).revokeRole(role, former);

  const expiresAt = (await time.latest()) + YEAR;
  const deadline = expiresAt + YEAR;
  await collection
    .connect(issuer)
    .issue(1, [holder, holder, holder], { tier: TIER, expiresAt }, ethers.ZeroHash, NO_REFERENCE);
  await collection.connect(steward).suspend([SUSPENDED], REASON);
  for (const act of [FINAL.FreezeContent, FINAL.WindDown]) await collection.connect(admin).announce(act);
  await registry.connect(admin).setDailyCap(1, staff, CAP);
  await collection.connect(steward).requestReissue(PENDING, stranger, REASON);
  const readyAt = (await time.latest()) + REISSUE_DELAY;
  await time.increaseTo(readyAt);
  await collection.connect(admin).setBenefit(TIER, BENEFIT, { quota: 1, period: 0, startsAt: 0 });
  await collection.connect(admin).setBenefit(TIER, USED_BENEFIT, { quota: 1, period: 0, startsAt: 0 });
  const nobodys = { generation: 0, staff: ethers.ZeroAddress, deadline };
  const used = { serial: ACTIVE, benefitId: USED_BENEFIT, number: 1, ...nobodys };
  await collection.connect(staff).redeem(used, await sign(collection, holder, "Redemption", used));

  // A tree of one leaf is its own root, and its proof is empty.
  const leaf = ethers.AbiCoder.defaultAbiCoder().encode(
    ["uint256", "address", "uint8", "uint32"],
    [LISTED, holder.address, TIER, 0],
  );
  const root = ethers.keccak256(ethers.keccak256(leaf));
  await collection.connect(issuer).openAllowlist(root, LISTED, 1, deadline);

  const redemption = { serial: ACTIVE, benefitId: BENEFIT, number: 1, ...nobodys };
  const voucher = {
    serial: VOUCHED,
    holder: holder.address,
    tier: TIER,
    expiresAt: 0,
    commitmentRoot: ethers.ZeroHash,
    appointment,
    deadline,
  };
  const listed = { ...voucher, serial: LISTED };
  const otherCode = await deployImplementation(registry);
  const veto = { serial: PENDING, to: stranger.address, readyAt, deadline };
  const signatures = {
    surrender: await sign(collection, holder, "Surrender", { serial: ACTIVE, generation: 0, deadline }),
    veto: await sign(collection, holder, "VetoReissue", veto),
    redemption: await sign(collection, holder, "Redemption", redemption),
    accepted: await sign(collection, holder, "ClaimVoucher", voucher),
    acceptedListed: await sign(collection, holder, "AllowlistClaim", listed),
  };
  const offers = {} as Record<Kind, string>;
  for (const kind of Object.keys(KINDS) as Kind[])
    offers[kind] = await sign(collection, accounts[kind], "ClaimVoucher", voucher);

  if (brandStatus === "Suspended") await registry.suspendBrand(1, REASON);
  if (brandStatus === "Retired") await registry.retireBrand(1, REASON);
  return {
    ...accounts,
    brandStatus,
    defaultAdminRole,
    guardianRole,
    roleIds,
    expiresAt,
    deadline,
    root,
    redemption,
    voucher,
    signatures,
    offers,
    otherCode,
    implementation: await registry.implementation(),
    collectionFactory: await registry.collectionFactory(),
  };
}
type World = Awaited<ReturnType<typeof buildWorld>>;

const worlds: Record<BrandStatus, () => Promise<World>> = {
  Active: () => buildWorld("Active"),
  Suspended: () => buildWorld("Suspended"),
  Retired: () => buildWorld("Retired"),
};

/** The error that a refusal is made with. */
interface Refusal {
  error: string;
  args: unknown[];
}
/** Who may: nothing if this account may in this world, else with which error it is refused. */
type Rule = (world: World, kind: Kind) => Refusal | undefined;

interface Case {
  /** What is tried, where a function has several cases. */
  what?: string;
  args: (world: World, kind: Kind) => readonly unknown[];
  may: Rule;
  /** For whom it changes the contracts' state where it is allowed; for everybody, unless it says otherwise. */
  changes?: (kind: Kind) => boolean;
}

const anyone: Rule = () => undefined;

const nobody =
  (error: string, ...args: unknown[]): Rule =>
  () => ({ error, args });

/** Nobody can: the error names who tried. */
const nobodyNamed =
  (error: string): Rule =>
  (world, kind) => ({ error, args: [world[kind].address] });

const holderOf =
  (serial: number): Rule =>
  (world, kind) =>
    kind === "holder" ? undefined : { error: "CallerNotHolder", args: [serial, world[kind].address] };

const inActiveBrand: Rule = ({ brandStatus }) =>
  brandStatus === "Active" ? undefined : { error: "BrandNotActive", args: [1, BRAND_STATUS[brandStatus]] };

/** The accounts of one of the brand's roles, while the brand is active. */
const brandRole =
  (role: BrandRole): Rule =>
  (world, kind) => {
    if (world.brandStatus !== "Active") return inActiveBrand(world, kind);
    if (kind === role.toLowerCase()) return undefined;
    return { error: "BrandRoleMissing", args: [1, ROLE[role], world[kind].address] };
  };

/** The accounts of one of the brand's roles, and some others, whatever the brand's status: what only takes away. */
const withdrawal =
  (role: BrandRole, ...others: Kind[]): Rule =>
  (world, kind) =>
    kind === role.toLowerCase() || others.includes(kind)
      ? undefined
      : { error: "BrandRoleMissing", args: [1, ROLE[role], world[kind].address] };

/** What both refuse, the first one first. */
const both =
  (first: Rule, second: Rule): Rule =>
  (world, kind) =>
    first(world, kind) ?? second(world, kind);

/** Those that the standard's role names, whatever the brand's status. */
const accessControl =
  (role: (world: World) => string, ...kinds: Kind[]): Rule =>
  (world, kind) =>
    kinds.includes(kind)
      ? undefined
      : { error: "AccessControlUnauthorizedAccount", args: [world[kind].address, role(world)] };

const byConsortium = accessControl((world) => world.defaultAdminRole, "consortium");

/** Who may change a brand's status, from which statuses. */
const statusChange =
  (allowed: Rule, ...from: BrandStatus[]): Rule =>
  (world, kind) => {
    const refusal = allowed(world, kind);
    if (refusal !== undefined || from.includes(world.brandStatus)) return refusal;
    return { error: "BrandStatusMismatch", args: [1, BRAND_STATUS[world.brandStatus]] };
  };

const COLLECTION_FUNCTIONS: Record<string, Case[]> = {
  "issue(uint256,address[],(uint8,uint32),bytes32,bytes32)": [
    { args: ({ holder }) => [NEXT, [holder.address], NEVER, ethers.ZeroHash, NO_REFERENCE], may: brandRole("Issuer") },
  ],
  "claim((uint256,address,uint8,uint32,bytes32,uint64,uint256),address,bytes,bytes)": [
    {
      what: "an issuer's voucher that the holder accepted",
      args: ({ voucher, issuer, offers, signatures }) => [voucher, issuer.address, offers.issuer, signatures.accepted],
      may: inActiveBrand,
    },
    {
      what: "a voucher of one's own that the holder accepted",
      args: (world, kind) => [world.voucher, world[kind].address, world.offers[kind], world.signatures.accepted],
      may: brandRole("Issuer"),
    },
    {
      what: "an issuer's voucher that the holder did not accept",
      args: ({ voucher, issuer, offers }) => [voucher, issuer.address, offers.issuer, "0x"],
      may: (world, kind) =>
        inActiveBrand(world, kind) ??
        (kind === "holder" ? undefined : { error: "InvalidSignature", args: [world.holder.address] }),
    },
  ],
  "openAllowlist(bytes32,uint32,uint32,uint32)": [
    { args: ({ deadline }) => [ethers.id("new root"), 40, 10, deadline], may: brandRole("Issuer") },
  ],
  "closeAllowlist(bytes32)": [{ args: ({ root }) => [root], may: withdrawal("Steward") }],
  "claimAllowlisted(uint256,address,(uint8,uint32),bytes32[],uint256,bytes)": [
    {
      what: "a card that the holder accepted",
      args: ({ holder, deadline, signatures }) => [
        LISTED,
        holder.address,
        NEVER,
        [],
        deadline,
        signatures.acceptedListed,
      ],
      may: inActiveBrand,
    },
    {
      what: "a card that the holder did not accept",
      args: ({ holder, deadline }) => [LISTED, holder.address, NEVER, [], deadline, "0x"],
      may: (world, kind) =>
        inActiveBrand(world, kind) ??
        (kind === "holder" ? undefined : { error: "InvalidSignature", args: [world.holder.address] }),
    },
  ],
  "renew(uint256[],uint32,uint32)": [
    { args: ({ expiresAt }) => [[ACTIVE], expiresAt, 1_000], may: brandRole("Issuer") },
  ],
  "setTier(uint256[],uint8)": [{ args: () => [[ACTIVE], TIER + 1], may: brandRole("Issuer") }],
  "correct((uint256,uint8,uint32,uint16,uint256),bytes32,bytes)": [
    {
      args: ({ expiresAt }) => [
        { serial: ACTIVE, tier: TIER + 1, expiresAt, generation: 0, deadline: 0 },
        REASON,
        "0x",
      ],
      may: brandRole("Steward"),
    },
  ],
  "suspend(uint256[],bytes32)": [{ args: () => [[ACTIVE], REASON], may: brandRole("Steward") }],
  "reinstate(uint256[])": [{ args: () => [[SUSPENDED]], may: brandRole("Steward") }],
  "revoke(uint256[],bytes32)": [{ args: () => [[ACTIVE], REASON], may: brandRole("Steward") }],
  "surrender(uint256)": [{ args: () => [ACTIVE], may: holderOf(ACTIVE) }],
  "surrenderBySig(uint256,uint256,bytes)": [
    { args: ({ deadline, signatures }) => [ACTIVE, deadline, signatures.surrender], may: anyone },
  ],
  "requestReissue(uint256,address,bytes32)": [
    { args: ({ stranger }) => [ACTIVE, stranger.address, REASON], may: brandRole("Steward") },
  ],
  "executeReissue(uint256)": [{ args: () => [PENDING], may: brandRole("Steward") }],
  "cancelReissue(uint256)": [{ args: () => [PENDING], may: withdrawal("Steward") }],
  "vetoReissue(uint256)": [{ args: () => [PENDING], may: holderOf(PENDING) }],
  "vetoReissueBySig(uint256,uint256,bytes)": [
    { args: ({ deadline, signatures }) => [PENDING, deadline, signatures.veto], may: anyone },
  ],
  "setBenefit(uint8,uint16,(uint32,uint32,uint32))": [
    { args: () => [TIER, BENEFIT, { quota: 9, period: 0, startsAt: 0 }], may: brandRole("Admin") },
  ],
  "announce(uint8)": [{ args: () => [FINAL.FreezeBenefits], may: brandRole("Admin") }],
  "cancelAnnounced(uint8)": [{ args: () => [FINAL.FreezeContent], may: withdrawal("Admin", "guardian") }],
  "carryOut(uint8)": [
    { what: "the content's end", args: () => [FINAL.FreezeContent], may: brandRole("Admin") },
    { what: "the edition's end", args: () => [FINAL.WindDown], may: brandRole("Admin") },
  ],
  "redeem((uint256,uint16,uint32,uint16,address,uint256),bytes)": [
    { args: ({ redemption, signatures }) => [redemption, signatures.redemption], may: brandRole("Staff") },
  ],
  "undoRedemption(uint256,uint16,uint32,bytes32)": [
    { args: () => [ACTIVE, USED_BENEFIT, 1, REASON], may: brandRole("Staff") },
  ],
  "setContent(string,bytes32)": [{ args: () => ["https://noirance.example", REASON], may: brandRole("Admin") }],
  // What it carries is checked as if it were sent by itself: see below.
  "multicall(bytes[])": [{ args: () => [[]], may: anyone, changes: () => false }],
  "initialize(string,string,(uint32,uint32,uint8,uint32,uint8,uint32))": [
    {
      args: () => [
        "x",
        "x",
        { brandId: 1, maxSupply: 1, burnAuth: 0, reissueDelay: 0, highestTier: 0, longestTerm: 1 },
      ],
      may: nobodyNamed("CallerNotRegistry"),
    },
  ],
  "approve(address,uint256)": [
    { args: ({ stranger }) => [stranger.address, ACTIVE], may: nobody("CardNotTransferable", ACTIVE) },
  ],
  "setApprovalForAll(address,bool)": [
    { args: ({ stranger }) => [stranger.address, true], may: nobody("ApprovalNotSupported") },
  ],
  "transferFrom(address,address,uint256)": [
    {
      args: ({ holder, stranger }) => [holder.address, stranger.address, ACTIVE],
      may: nobody("CardNotTransferable", ACTIVE),
    },
  ],
  "safeTransferFrom(address,address,uint256)": [
    {
      args: ({ holder, stranger }) => [holder.address, stranger.address, ACTIVE],
      may: nobody("CardNotTransferable", ACTIVE),
    },
  ],
  "safeTransferFrom(address,address,uint256,bytes)": [
    {
      args: ({ holder, stranger }) => [holder.address, stranger.address, ACTIVE, "0x"],
      may: nobody("CardNotTransferable", ACTIVE),
    },
  ],
};

const byBrandAdmin = accessControl((world) => world.roleIds.Admin, "admin");

const REGISTRY_FUNCTIONS: Record<string, Case[]> = {
  "admitBrand(address,string,(string,string,string,string,string,bytes32))": [
    { args: ({ stranger }) => [stranger.address, "third", PROFILE], may: byConsortium },
  ],
  "suspendBrand(uint32,bytes32)": [
    {
      args: () => [1, REASON],
      may: statusChange(
        accessControl((world) => world.defaultAdminRole, "consortium", "guardian"),
        "Active",
      ),
    },
  ],
  "reinstateBrand(uint32,uint32)": [{ args: () => [1, 1], may: statusChange(byConsortium, "Suspended") }],
  "retireBrand(uint32,bytes32)": [{ args: () => [1, REASON], may: statusChange(byConsortium, "Active", "Suspended") }],
  "replaceBrandKeys(uint32,address)": [
    { args: ({ stranger }) => [1, stranger.address], may: statusChange(byConsortium, "Active", "Suspended") },
  ],
  "handOver(address)": [{ args: ({ collectionFactory }) => [collectionFactory], may: byConsortium }],
  "setBrandProfile(uint32,(string,string,string,string,string,bytes32))": [
    { args: () => [1, { ...PROFILE, name: "Noirance Paris" }], may: byConsortium },
  ],
  "setDailyCap(uint32,address,uint32)": [
    { what: "where there is none", args: ({ issuer }) => [1, issuer.address, 10], may: withdrawal("Admin") },
    { what: "a lower one", args: ({ staff }) => [1, staff.address, CAP - 1], may: withdrawal("Admin") },
    { what: "a higher one", args: ({ staff }) => [1, staff.address, CAP + 1], may: brandRole("Admin") },
  ],
  "liftDailyCap(uint32,address)": [{ args: ({ staff }) => [1, staff.address], may: brandRole("Admin") }],
  "createCollection((uint32,string,string,string,uint32,uint8,uint32,uint8,uint32))": [
    { args: () => [{ ...REQUEST, slug: "noirance-another" }], may: brandRole("Admin") },
  ],
  "authorize(uint8,address,uint256)": [
    {
      what: "in the name of an issuer",
      args: ({ issuer }) => [ROLE.Issuer, issuer.address, 1],
      may: nobodyNamed("CollectionNotFound"),
    },
  ],
  "upgradeCollections(address)": [
    {
      what: "to other code",
      args: ({ otherCode }) => [otherCode],
      may: byConsortium,
    },
  ],
  "setCardBaseURI(string)": [{ args: () => [`${CARD_BASE_URI}v2/`], may: byConsortium }],
  "setCollectionFactory(address)": [
    {
      what: "when there is one",
      args: ({ collectionFactory }) => [collectionFactory],
      may: (world, kind) =>
        byConsortium(world, kind) ?? { error: "CollectionFactoryAlreadySet", args: [world.collectionFactory] },
    },
  ],
  "grantRole(bytes32,address)": [
    {
      what: "the consortium",
      args: (w) => [w.defaultAdminRole, w.other.address],
      may: both(byConsortium, nobody("ConsortiumIsFinal")),
    },
    { what: "the guardian", args: (w) => [w.guardianRole, w.other.address], may: byConsortium },
    { what: "administrator", args: (w) => [w.roleIds.Admin, w.other.address], may: both(byConsortium, inActiveBrand) },
    { what: "issuer", args: (w) => [w.roleIds.Issuer, w.other.address], may: both(byBrandAdmin, inActiveBrand) },
    { what: "steward", args: (w) => [w.roleIds.Steward, w.other.address], may: both(byBrandAdmin, inActiveBrand) },
    { what: "staff", args: (w) => [w.roleIds.Staff, w.other.address], may: both(byBrandAdmin, inActiveBrand) },
  ],
  "revokeRole(bytes32,address)": [
    {
      what: "the consortium's",
      args: (w) => [w.defaultAdminRole, w.consortium.address],
      may: both(byConsortium, nobody("ConsortiumIsFinal")),
    },
    { what: "the guardian's", args: (w) => [w.guardianRole, w.guardian.address], may: byConsortium },
    { what: "an administrator's", args: (w) => [w.roleIds.Admin, w.admin.address], may: byConsortium },
    { what: "an issuer's", args: (w) => [w.roleIds.Issuer, w.issuer.address], may: byBrandAdmin },
    { what: "a steward's", args: (w) => [w.roleIds.Steward, w.steward.address], may: byBrandAdmin },
    { what: "a staff member's", args: (w) => [w.roleIds.Staff, w.staff.address], may: byBrandAdmin },
  ],
  "renounceRole(bytes32,address)": [
    {
      what: "somebody else's",
      args: (w) => [w.roleIds.Issuer, w.other.address],
      may: nobody("AccessControlBadConfirmation"),
    },
    {
      what: "the consortium's",
      args: (w, kind) => [w.defaultAdminRole, w[kind].address],
      may: nobody("ConsortiumIsFinal"),
    },
    {
      what: "their own",
      args: (w, kind) => [w.roleIds.Issuer, w[kind].address],
      may: anyone,
      // Who does not have the role gives nothing up.
      changes: (kind) => kind === "issuer",
    },
  ],
};

const signaturesOf = (contract: BaseContract) =>
  contract.interface.fragments
    .filter((fragment): fragment is FunctionFragment => fragment.type === "function")
    .filter(({ stateMutability }) => stateMutability !== "view" && stateMutability !== "pure")
    .map((fragment) => fragment.format("sighash"))
    .sort();

/** A number for all that the contracts keep: no storage slot of theirs can change without changing it. */
async function storageOf({ registry, collection }: World): Promise<string[]> {
  const hashes: string[] = [];
  for (const contract of [registry, collection]) {
    const proof = await ethers.provider.send("eth_getProof", [await contract.getAddress(), [], "latest"]);
    hashes.push(proof.storageHash);
  }
  return hashes;
}

/** Expects an error of the registry, or else of the collection. Both may refuse what is asked of a collection. */
async function expectRefusal(world: World, act: Promise<unknown>, { error, args }: Refusal, message: string) {
  const { registry, collection } = world;
  const contract = registry.interface.getError(error) === null ? collection : registry;
  await expect(act, message)
    .to.be.revertedWithCustomError(contract, error)
    .withArgs(...args);
}

describe("access", () => {
  it("has a rule for every function that changes something, and for no other", async () => {
    const { registry, collection } = await collectionFixture();
    expect(Object.keys(COLLECTION_FUNCTIONS).sort()).to.deep.equal(signaturesOf(collection));
    expect(Object.keys(REGISTRY_FUNCTIONS).sort()).to.deep.equal(signaturesOf(registry));
    // Nothing is accepted that names no function.
    for (const contract of [registry, collection]) {
      expect(contract.interface.fallback).to.equal(null);
      expect(contract.interface.receive).to.equal(false);
    }
  });

  for (const brandStatus of Object.keys(worlds) as BrandStatus[]) {
    describe(`while the brand is ${brandStatus.toLowerCase()}`, () => {
      for (const [contractName, functions] of [
        ["collection", COLLECTION_FUNCTIONS],
        ["registry", REGISTRY_FUNCTIONS],
      ] as const)
        for (const [signature, cases] of Object.entries(functions))
          for (const { what, args, may, changes = () => true } of cases) {
            const name = `${contractName}.${signature.slice(0, signature.indexOf("("))}`;
            it(what === undefined ? name : `${name}: ${what}`, async () => {
              const world = await loadFixture(worlds[brandStatus]);
              const contract: BaseContract = world[contractName];
              const storage = await storageOf(world);
              for (const kind of Object.keys(KINDS) as Kind[]) {
                const account = world[kind];
                const method = contract.connect(account).getFunction(signature);
                const values = args(world, kind);
                const act = () => method(...values) as Promise<ContractTransactionResponse>;
                const inMulticall = () => {
                  const call = contract.interface.encodeFunctionData(signature, values);
                  return world.collection.connect(account).multicall.staticCall([call]);
                };
                const refusal = may(world, kind);
                if (refusal !== undefined) {
                  await expectRefusal(world, act(), refusal, KINDS[kind]);
                  expect(await storageOf(world), KINDS[kind]).to.deep.equal(storage);
                  if (contractName === "collection")
                    await expectRefusal(world, inMulticall(), refusal, `${KINDS[kind]}, in a multicall`);
                  continue;
                }
                if (contractName === "collection") await inMulticall();
                const snapshot = await networkHelpers.takeSnapshot();
                await act();
                const changed = String(await storageOf(world)) !== String(storage);
                expect(changed, `${KINDS[kind]}: changed something`).to.equal(changes(kind));
                await snapshot.restore();
                expect(await storageOf(world), `${KINDS[kind]}: undone`).to.deep.equal(storage);
              }
            });
          }
    });
  }
});
