// The one place where the contracts' interfaces reach the server: from the package that is published of them, so it runs without the
// compiler; a test of the package compares its ABIs with what the compiler has made.

import { Interface } from "ethers";
import { brandRegistryAbi } from "../../packages/contracts/src/abi/brandRegistry.ts";
import { membershipCollectionAbi } from "../../packages/contracts/src/abi/membershipCollection.ts";

export const brandRegistryInterface = new Interface(brandRegistryAbi);
/** With the refusals of the registry, which pass through a collection unchanged. */
export const membershipCollectionInterface = new Interface(membershipCollectionAbi);

/** Solidity's `IBrandRegistry.BrandRole`. */
export const BRAND_ROLE = { Admin: 0, Issuer: 1, Steward: 2, Staff: 3 } as const;
export type BrandRoleNumber = (typeof BRAND_ROLE)[keyof typeof BRAND_ROLE];

/** Their names, by number. */
export const BRAND_ROLES = ["Admin", "Issuer", "Steward", "Staff"] as const satisfies (keyof typeof BRAND_ROLE)[];
export type BrandRole = (typeof BRAND_ROLES)[number];

/** Solidity's `IFinalActs.FinalAct`: what cannot be undone, and is announced a week before. */
export const FINAL_ACT = { FreezeContent: 0, FreezeBenefits: 1, WindDown: 2 } as const;
export const FINAL_ACTS = ["FreezeContent", "FreezeBenefits", "WindDown"] as const satisfies (keyof typeof FINAL_ACT)[];
export type FinalAct = (typeof FINAL_ACTS)[number];

/** For so long a reissue can be executed once it is ready; then it is void. In seconds. */
export const REISSUE_WINDOW_SECONDS = 30 * 86_400;

/** Of a collection: a card may be valid for as long as one likes, also for ever. */
export const UNLIMITED_TERM = 2 ** 32 - 1;

/** Solidity's `IBrandRegistry.BrandStatus`, by number. */
export const BRAND_STATUS = ["None", "Active", "Suspended", "Retired"] as const;
export type BrandStatus = (typeof BRAND_STATUS)[number];

/** Solidity's `CardStatus`, by number. */
export const CARD_STATUS = ["None", "Active", "Suspended", "Revoked", "Surrendered"] as const;
export type CardStatus = (typeof CARD_STATUS)[number];

/** Solidity's `IERC5484.BurnAuth`, by number. */
export const BURN_AUTH = ["IssuerOnly", "OwnerOnly", "Both", "Neither"] as const;
export type BurnAuth = (typeof BURN_AUTH)[number];
