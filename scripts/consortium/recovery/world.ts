// Where a drill begins: a consortium of three with a guardian; a brand, one key for each of its roles; a collection with cards of one
// customer; and keys for those who come after.

import { encodeBytes32String, getAddress, ZeroHash } from "ethers";
import { BRAND_ROLE, BRAND_ROLES, type BrandRole } from "../../../server/chain/abi.ts";
import { BRAND, BRAND_ID, COLLECTION, HANDLE, membersWith } from "../cast.ts";
import type { Chain } from "../chain.ts";
import { agree, type Consortium, callOf, foundConsortium } from "../decisions.ts";
import { createTelling, type Party } from "./telling.ts";

export const DAY = 86_400;

/** Of the drills' collection: for so long a holder can veto a reissue. */
export const REISSUE_DELAY = 7 * DAY;
/** For so long a final act is announced. */
export const FINAL_ACT_NOTICE = 7 * DAY;

/** Cards 1 to 20 are the customer's. */
export const CARDS = 20;
export const FIRST_FREE = CARDS + 1;
export const TIER = 1;
/** How many cards the issuer can give something to in a day. */
export const DAILY_CAP = 5;
export const BENEFIT = 1;
/** How often a card can use it. */
export const QUOTA = 2;

/** Solidity's enums, as the chain answers them. */
export const BRAND_IS = { active: 1, suspended: 2 } as const;
export const CARD_IS = { active: 1, suspended: 2, revoked: 3, surrendered: 4 } as const;

export const REASON = encodeBytes32String("key stolen");
export const REASON_LOST = encodeBytes32String("key lost");
/** Nothing is committed to, and nothing referred to. */
export const NONE = ZeroHash;

const ACCOUNTS = {
  deployer: "the deployer",
  bank: "Harbour Bank",
  city: "the City of Lanting",
  retail: "Jade River Retail",
  guardian: "the guardian",
  admin: "the brand's administrator",
  issuer: "the issuer",
  steward: "the steward",
  till: "the till",
  customer: "the customer",
  newSeat: "the bank's new account",
  newGuardian: "the new guardian",
  newAdmin: "the new administrator",
  newIssuer: "the new issuer",
  newSteward: "the new steward",
  newTill: "the new till",
  newAddress: "the customer's new address",
  thief: "the thief",
  accomplice: "the accomplice",
} as const;
type People = Record<keyof typeof ACCOUNTS, Party>;

export const ACCOUNT_COUNT = Object.keys(ACCOUNTS).length;

/** The same key in other hands. */
export function stolenFrom({ name, account }: Party): Party {
  return { name: `the thief, with the key of ${name},`, account };
}

/** The id of a brand's role, as the registry's `roleId` has it. */
export function brandRoleId(role: BrandRole, keyEpoch = 0): string {
  const id = (BigInt(BRAND_ID) << 64n) | (BigInt(keyEpoch) << 32n) | BigInt(BRAND_ROLE[role] + 1);
  return `0x${id.toString(16).padStart(64, "0")}`;
}

/** Founds the consortium, lets it admit the brand, and lets the brand begin. */
export async function setStage(chain: Chain, say: (line: string) => void) {
  const people = Object.fromEntries(
    Object.entries(ACCOUNTS).map(([role, name], place) => [role, { name, account: chain.accounts[place] }]),
  ) as People;
  const { deployer, bank, city, retail, guardian, admin, customer } = people;
  const members = membersWith([bank.account, city.account, retail.account]);
  const parties = { deployer: deployer.account, members, guardian: guardian.account };
  const consortium = await foundConsortium(chain, parties);
  const { registry, seat, governor, timelock } = consortium;
  const admission = callOf(registry, "admitBrand", [admin.account.address, HANDLE, BRAND]);
  await agree(chain, consortium, members, "Admit a brand", [admission]);
  const { collection, expiresAt } = await beginBrand(chain, consortium, people);

  const guardianRole = await registry.GUARDIAN_ROLE();
  const contracts = { registry, collection, seat, governor, timelock };
  const addresses = new Map<string, string>();
  for (const [name, contract] of Object.entries(contracts))
    addresses.set(getAddress(await contract.getAddress()), name);
  for (const { name, account } of Object.values(people)) addresses.set(getAddress(account.address), name);

  const kept = {
    chain,
    registry,
    seat,
    governor,
    /** The drills' collection. */
    collection,
    /** A collection that a drill creates, under a name of its own. */
    async collectionOf(slug: string) {
      const address = await registry.collectionOf(slug);
      addresses.set(getAddress(address), `collection "${slug}"`);
      return await chain.ethers.getContractAt("MembershipCollection", address);
    },
    members,
    people,
    guardianRole,
    /** Of all cards. */
    expiresAt,
  };
  const telling = {
    chain,
    consortium,
    names: { addresses, roles: roleNames(guardianRole) },
    contracts: Object.values(contracts),
    anyone: customer.account,
    say,
  };
  return {
    /** Who and what there is, by address. */
    addresses,
    /** What a drill is given; its steps begin with 1. */
    forDrill: () => ({ ...kept, tell: createTelling(telling) }),
  };
}

export type World = ReturnType<Awaited<ReturnType<typeof setStage>>["forDrill"]>;

/** Gives the roles, creates the collection, issues its first cards, caps the issuer, and sets a benefit. */
async function beginBrand(chain: Chain, { registry }: Consortium, people: People) {
  const { admin, issuer, steward, till, customer } = people;
  const asAdmin = registry.connect(admin.account);
  for (const [role, { account }] of [
    ["Issuer", issuer],
    ["Steward", steward],
    ["Staff", till],
  ] as const)
    await chain.mined(asAdmin.grantRole(brandRoleId(role), account));
  await chain.mined(asAdmin.createCollection({ ...COLLECTION, reissueDelay: REISSUE_DELAY }));
  const address = await registry.collectionOf(COLLECTION.slug);
  const collection = await chain.ethers.getContractAt("MembershipCollection", address);
  const expiresAt = Number(await chain.now()) + 400 * DAY;
  const holders = Array.from({ length: CARDS }, () => customer.account.address);
  await chain.mined(collection.connect(issuer.account).issue(1, holders, { tier: TIER, expiresAt }, NONE, NONE));
  await chain.mined(asAdmin.setDailyCap(BRAND_ID, issuer.account, DAILY_CAP));
  const terms = { quota: QUOTA, period: 0, startsAt: 0 };
  await chain.mined(collection.connect(admin.account).setBenefit(TIER, BENEFIT, terms));
  return { collection, expiresAt };
}

/** Role ids as a person reads them. */
function roleNames(guardianRole: string): Map<string, string> {
  const names = new Map([[guardianRole, "GUARDIAN_ROLE"]]);
  for (const role of BRAND_ROLES)
    for (const [keyEpoch, whose] of ["", " of the new keys"].entries())
      names.set(brandRoleId(role, keyEpoch), `roleId(${BRAND_ID}, ${role})${whose}`);
  return names;
}
