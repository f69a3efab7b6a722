// Where a drill begins: a consortium of three with a guardian; a brand, one key for each of its roles; a collection with cards of one
// customer; and keys for those who come after.

import { encodeBytes32String, getAddress, ZeroHash } from "ethers";
import { BRAND_ROLE, BRAND_ROLES, type BrandRole } from "../../../server/chain/abi.ts";
import { BRAND, BRAND_ID, COLLECTION, HANDLE, membersWith } from "../cast.ts";
import type { Chain } from "../chain.ts";
import { agree, callOf, foundConsortium } from "../decisions.ts";
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
type Role = keyof typeof ACCOUNTS;

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

/** Founds the consortium and lets it admit the brand. */
export async function setStage(chain: Chain, say: (line: string) => void) {
  const people = Object.fromEntries(
    Object.entries(ACCOUNTS).map(([role, name], place) => [role, { name, account: chain.accounts[place] }]),
  ) as Record<Role, Party>;
  const accountOf = (role: Role) => people[role].account;
  const members = membersWith([accountOf("bank"), accountOf("city"), accountOf("retail")]);
  const consortium = await foundConsortium(chain, {
    deployer: accountOf("deployer"),
    members,
    guardian: accountOf("guardian"),
  });
  const { registry, seat, governor, timelock } = consortium;
  const admission = callOf(registry, "admitBrand", [accountOf("admin").address, HANDLE, BRAND]);
  await agree(chain, consortium, members, "Admit a brand", [admission]);

  const asAdmin = registry.connect(accountOf("admin"));
  for (const [role, holder] of [
    ["Issuer", "issuer"],
    ["Steward", "steward"],
    ["Staff", "till"],
  ] as const)
    await chain.mined(asAdmin.grantRole(brandRoleId(role), accountOf(holder)));
  await chain.mined(asAdmin.createCollection({ ...COLLECTION, reissueDelay: REISSUE_DELAY }));
  const collectionOf = async (slug: string) =>
    await chain.ethers.getContractAt("MembershipCollection", await registry.collectionOf(slug));
  const collection = await collectionOf(COLLECTION.slug);
  const expiresAt = Number(await chain.now()) + 400 * DAY;
  const holders = Array.from({ length: CARDS }, () => accountOf("customer").address);
  await chain.mined(collection.connect(accountOf("issuer")).issue(1, holders, { tier: TIER, expiresAt }, NONE, NONE));
  await chain.mined(asAdmin.setDailyCap(BRAND_ID, accountOf("issuer"), DAILY_CAP));
  const terms = { quota: QUOTA, period: 0, startsAt: 0 };
  await chain.mined(collection.connect(accountOf("admin")).setBenefit(TIER, BENEFIT, terms));

  const addresses = new Map<string, string>();
  for (const [name, contract] of Object.entries({ registry, collection, seat, governor, timelock }))
    addresses.set(getAddress(await contract.getAddress()), name);
  for (const { name, account } of Object.values(people)) addresses.set(getAddress(account.address), name);
  const guardianRole = await registry.GUARDIAN_ROLE();
  const roles = new Map([[guardianRole, "GUARDIAN_ROLE"]]);
  for (const role of BRAND_ROLES)
    for (const keyEpoch of [0, 1])
      roles.set(brandRoleId(role, keyEpoch), `roleId(${BRAND_ID}, ${role})${keyEpoch === 0 ? "" : " of the new keys"}`);

  const kept = {
    chain,
    registry,
    seat,
    governor,
    /** The drills' collection. */
    collection,
    /** A collection that a drill creates, under a name of its own. */
    async collectionOf(slug: string) {
      const created = await collectionOf(slug);
      addresses.set(getAddress(await created.getAddress()), `collection "${slug}"`);
      return created;
    },
    members,
    people,
    guardianRole,
    /** Of all cards. */
    expiresAt,
  };
  return {
    /** Who and what there is, by address. */
    addresses,
    /** What a drill is given; its steps begin with 1. */
    forDrill: () => ({
      ...kept,
      tell: createTelling({
        chain,
        consortium,
        names: { addresses, roles },
        contracts: [registry, collection, seat, governor, timelock],
        anyone: accountOf("customer"),
        say,
      }),
    }),
  };
}

export type World = ReturnType<Awaited<ReturnType<typeof setStage>>["forDrill"]>;
