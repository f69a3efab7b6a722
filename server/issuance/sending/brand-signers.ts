// Which keys may do what for which brand. The chain decides; its answers are remembered for a short time.

import { BRAND_ROLE } from "../../chain/abi.ts";
import type { IssuanceChain } from "../chain.ts";
import type { BrandKeys } from "../keystore.ts";
import type { CardSigner, Signers } from "../signers.ts";

export interface BrandSigners {
  /** Those that may do what this role may, in no particular order. */
  withRole(brandId: number, role: "Issuer" | "Steward"): Promise<CardSigner[]>;
  /** The keys from which the brand's custodial addresses follow; nothing if this server has none of the brand's keystores. */
  keysOf(brandId: number): Promise<BrandKeys | undefined>;
  /** Asks the chain anew the next time. */
  forget(): void;
}

export interface BrandSignersOptions {
  /** The chain, once it has been reached. */
  chain(): Promise<Pick<IssuanceChain, "hasRole">>;
  signers(): Promise<Pick<Signers, "signers" | "keys">>;
  /** In milliseconds. */
  now(): number;
}

const BELIEVED_MS = 30_000;

export function createBrandSigners({ chain, signers, now }: BrandSignersOptions): BrandSigners {
  const answers = new Map<string, { granted: Promise<boolean>; until: number }>();

  async function hasRole(brandId: number, role: keyof typeof BRAND_ROLE, account: string): Promise<boolean> {
    const question = `${brandId} ${role} ${account}`;
    const known = answers.get(question);
    if (known !== undefined && known.until > now()) return await known.granted;
    const granted = chain().then((chain) => chain.hasRole(brandId, BRAND_ROLE[role], account));
    answers.set(question, { granted, until: now() + BELIEVED_MS });
    // What could not be asked is no answer.
    granted.catch(() => answers.delete(question));
    return await granted;
  }

  return {
    async withRole(brandId, role) {
      const all = (await signers()).signers;
      const granted = await Promise.all(all.map(({ address }) => hasRole(brandId, role, address)));
      return all.filter((_, index) => granted[index]);
    },
    async keysOf(brandId) {
      for (const brandKeys of (await signers()).keys) {
        if (await hasRole(brandId, "Issuer", brandKeys.issuer.address)) return brandKeys;
      }
      return undefined;
    },
    forget: () => answers.clear(),
  };
}
