// The chain on which gas is measured: one registry, one brand with all its roles, one collection that has issued a batch.
// Everything is fixed (accounts, holders, date), so that the same code always takes the same gas, to the last unit.

import { dataSlice, id, ZeroHash } from "ethers";
import { network } from "hardhat";
import { BRAND_ROLE } from "../../server/chain/abi.ts";
import registryModule from "../ignition/modules/Registry.ts";

/** Where the chain's clock starts, so that nothing depends on the day of the measurement. */
const START = "2026-01-01T00:00:00Z";
/** When the cards of the measurements expire, and until when what is signed for them is valid. */
export const EXPIRES_AT = 2_000_000_000;
export const TERMS = { tier: 1, expiresAt: EXPIRES_AT };
export const NO_ROOT = ZeroHash;
export const NO_REFERENCE = ZeroHash;
/** Cards 1 to 100 are issued before anything is measured: the first batch also pays for slots that all later ones share. */
export const ISSUED = 100;
export const FIRST_FREE = 1_001;

export type GasWorld = Awaited<ReturnType<typeof createGasWorld>>;

export async function createGasWorld(options: { hardfork?: "cancun" | "osaka" } = {}) {
  const connection = await network.create({ override: { initialDate: START, ...options } });
  const { ethers, ignition } = connection;
  const [consortium, admin, issuer, steward, staff, holder, other] = await ethers.getSigners();
  if (!consortium || !admin || !issuer || !steward || !staff || !holder || !other) throw new Error("Too few accounts");

  const deployed = await ignition.deploy(registryModule);
  const registry = await ethers.getContractAt("BrandRegistry", await deployed.registry.getAddress());
  const text = { name: "Bench", legalName: "Bench", domain: "bench.example", filingNumber: "", profileURI: "" };
  await registry.admitBrand(admin, "bench", { ...text, profileHash: ZeroHash });
  const roles = { Issuer: issuer, Steward: steward, Staff: staff };
  for (const [role, account] of Object.entries(roles) as [keyof typeof roles, typeof issuer][]) {
    await registry.connect(admin).grantRole(await registry.roleId(1, BRAND_ROLE[role]), account);
  }
  await registry.connect(admin).createCollection(collectionRequest("bench-first"));
  const collection = await ethers.getContractAt("MembershipCollection", await registry.collectionOf("bench-first"));
  // The first cards are the holder's own, who signs and sends for them.
  await collection.connect(issuer).issue(1, [holder, ...holders(ISSUED - 1)], TERMS, id("bench"), NO_REFERENCE);

  return { connection, ethers, registry, collection, consortium, admin, issuer, steward, staff, holder, other };
}

export function collectionRequest(slug: string) {
  return {
    brandId: 1,
    slug,
    name: "Bench Membership",
    symbol: "BENCH",
    maxSupply: 100_000,
    burnAuth: 2,
    reissueDelay: 0,
    highestTier: 3,
    longestTerm: 2 ** 32 - 1,
  };
}

/** Distinct addresses that hold nothing yet; another `group`, other addresses. */
export function holders(count: number, group = "first"): string[] {
  return Array.from({ length: count }, (_, index) => dataSlice(id(`${group} ${index}`), 12));
}

/** What a transaction took. A failed one throws, so no failure is ever measured. */
export async function gasOf(sent: Promise<{ wait(): Promise<{ gasUsed: bigint } | null> }>): Promise<number> {
  const receipt = await (await sent).wait();
  if (receipt === null) throw new Error("The transaction was not mined");
  return Number(receipt.gasUsed);
}

/** Runs `measure` and takes back all that it did to the chain, so that the order of measurements does not matter. */
export async function isolated<T>(world: GasWorld, measure: () => Promise<T>): Promise<T> {
  const snapshot = await world.connection.networkHelpers.takeSnapshot();
  try {
    return await measure();
  } finally {
    await snapshot.restore();
  }
}
