// Who the consortium is shown with: three organisations and a brand, both made up.

import { ZeroHash } from "ethers";
import { UNLIMITED_TERM } from "../../server/chain/abi.ts";
import type { Chain } from "./chain.ts";
import type { Member } from "./decisions.ts";

type Account = Chain["accounts"][number];

const ORGANISATIONS = ["Harbour Bank 港湾银行", "City of Lanting 兰亭市", "Jade River Retail 玉河商业"];

/** The organisations, with these accounts. */
export function membersWith(accounts: readonly [Account, Account, Account]): [Member, Member, Member] {
  return accounts.map((account, place) => ({ account, organisation: ORGANISATIONS[place] ?? "" })) as [
    Member,
    Member,
    Member,
  ];
}

/** The first brand that is admitted. */
export const BRAND_ID = 1;
export const HANDLE = "noirance";
export const BRAND = {
  name: "Noirance",
  legalName: "Noirance Parfums (Shanghai) Co., Ltd. 诺兰香氛（上海）有限公司",
  domain: "noirance.example",
  filingNumber: "",
  profileURI: "",
  profileHash: ZeroHash,
};

/** Its collection. */
export const COLLECTION = {
  brandId: BRAND_ID,
  slug: `${HANDLE}-black`,
  name: "Noirance Black Card 诺兰黑卡",
  symbol: "NOIRB",
  maxSupply: 5_000,
  burnAuth: 2,
  reissueDelay: 0,
  highestTier: 3,
  longestTerm: UNLIMITED_TERM,
};
