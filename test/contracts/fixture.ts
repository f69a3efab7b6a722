// One registry with one admitted brand and one collection, on a chain of the test's own.

import { network } from "hardhat";
import registryModule from "../../scripts/ignition/modules/Registry.ts";

export const CARD_BASE_URI = "https://cards.example/metadata/";
export const MAX_SUPPLY = 5_000;
export const ROLE = { Admin: 0, Issuer: 1, Steward: 2, Staff: 3 } as const;
export const STATUS = { None: 0n, Active: 1n, Suspended: 2n, Revoked: 3n, Surrendered: 4n } as const;

const connection = await network.create();
export const { ethers, networkHelpers } = connection;

export const PROFILE = {
  name: "Noirance",
  legalName: "Noirance Parfums (Shanghai) Co., Ltd.",
  domain: "noirance.example",
  filingNumber: "",
  profileURI: "",
  profileHash: ethers.ZeroHash,
};

/** ERC-5484. */
export const BURN_AUTH = { IssuerOnly: 0, OwnerOnly: 1, Both: 2, Neither: 3 } as const;

export const REISSUE_DELAY = 7 * 24 * 60 * 60;
/** The longest term of a collection that does not limit it. */
export const UNLIMITED_TERM = 2 ** 32 - 1;
/** The tiers of the collection are 0 to this one. */
export const HIGHEST_TIER = 9;
/** Where a batch commits to no orders. */
export const NO_REFERENCE = ethers.ZeroHash;
export const HANDLE = "noirance";
/** Of another brand. */
export const OTHER_HANDLE = "lanting";
/** How long a final act has to be announced, and for how long it can be carried out then. */
export const FINAL_ACT = { notice: 7 * 24 * 60 * 60, window: 30 * 24 * 60 * 60 } as const;

export const REQUEST = {
  brandId: 1,
  slug: "noirance-black",
  name: "Noirance Black Card",
  symbol: "NOIR",
  maxSupply: MAX_SUPPLY,
  burnAuth: BURN_AUTH.Both as number,
  reissueDelay: REISSUE_DELAY,
  highestTier: HIGHEST_TIER,
  longestTerm: UNLIMITED_TERM,
};

async function deployRegistryFixture() {
  const [consortium, guardian, admin, issuer, steward, staff, holder, other, stranger] = await ethers.getSigners();
  if (!consortium || !guardian || !admin || !issuer || !steward || !staff || !holder || !other || !stranger)
    throw new Error("too few accounts");
  const deployed = await connection.ignition.deploy(registryModule, {
    parameters: { Registry: { cardBaseURI: CARD_BASE_URI } },
  });
  const registry = await ethers.getContractAt("BrandRegistry", await deployed.registry.getAddress());
  const factory = await ethers.getContractAt("CollectionFactory", await deployed.collectionFactory.getAddress());
  await registry.grantRole(await registry.GUARDIAN_ROLE(), guardian);
  return { consortium, guardian, admin, issuer, steward, staff, holder, other, stranger, registry, factory };
}

async function deployCollectionFixture() {
  const accounts = await deployRegistryFixture();
  const { registry, admin, issuer, steward, staff } = accounts;
  await registry.admitBrand(admin, HANDLE, PROFILE);
  await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Issuer), issuer);
  await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Steward), steward);
  await registry.connect(admin).grantRole(await registry.roleId(1, ROLE.Staff), staff);
  /** Creates another collection of the same brand. */
  const createCollection = async (request: Partial<typeof REQUEST> = {}) => {
    const slug = request.slug ?? REQUEST.slug;
    await registry.connect(admin).createCollection({ ...REQUEST, ...request });
    return await ethers.getContractAt("MembershipCollection", await registry.collectionOf(slug));
  };
  const collection = await createCollection();
  /** By which appointment the issuer issues. */
  const appointment = await registry.appointmentOf(1, ROLE.Issuer, issuer);
  return { ...accounts, createCollection, collection, appointment };
}

/**
 * What a fixture has deployed, as it was then, and at the present time: blocks are made at the machine's time, and what a test
 * counts from the latest block would otherwise be over before it began on a machine that is slow.
 */
export async function loadFixture<World>(fixture: () => Promise<World>): Promise<World> {
  const world = await networkHelpers.loadFixture(fixture);
  await networkHelpers.mine();
  return world;
}

/** The registry, with no brand yet. */
export const registryFixture = () => loadFixture(deployRegistryFixture);
/** The registry with brand 1, an account in each of its roles, and one collection. */
export const collectionFixture = () => loadFixture(deployCollectionFixture);

export function addresses(count: number): string[] {
  return Array.from({ length: count }, () => ethers.hexlify(ethers.randomBytes(20)));
}

/** The ERC-165 identifier of an interface: the exclusive or of its functions' selectors. */
export function interfaceId(...signatures: string[]): string {
  const id = signatures.reduce((value, signature) => value ^ BigInt(ethers.id(signature).slice(0, 10)), 0n);
  return ethers.toBeHex(id, 4);
}
