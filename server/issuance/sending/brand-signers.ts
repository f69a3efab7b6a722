// Which keys may do what for which brand. The chain decides; its answers are remembered for a short time, and for longer while it
// cannot be asked: orders are taken then as well.

import { BRAND_ROLE } from "../../chain/abi.ts";
import type { IssuanceChain } from "../chain.ts";
import type { BrandKeys } from "../keystore.ts";
import type { CardSigner, Signers } from "../signers.ts";
import type { SendingRole } from "./calls.ts";

export interface BrandSigners {
  /** Those that may do what this role may, in no particular order. */
  withRole(brandId: number, role: SendingRole): Promise<CardSigner[]>;
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
const ASK_AGAIN_MS = 1_000;

export function createBrandSigners({ chain, signers, now }: BrandSignersOptions): BrandSigners {
  const answers = new Map<string, { granted: Promise<boolean>; last: boolean | undefined; until: number }>();

  async function hasRole(brandId: number, role: keyof typeof BRAND_ROLE, account: string): Promise<boolean> {
    const question = `${brandId} ${role} ${account}`;
    const known = answers.get(question);
    if (known !== undefined && known.until > now()) return await known.granted;
    const last = known?.last;
    const granted = ask(brandId, role, account).catch((error: unknown) => {
      answers.delete(question);
      if (last === undefined) throw error;
      answers.set(question, { granted: Promise.resolve(last), last, until: now() + ASK_AGAIN_MS });
      return last;
    });
    const answer = { granted, last, until: now() + BELIEVED_MS };
    answers.set(question, answer);
    answer.last = await granted;
    return answer.last;
  }

  async function ask(brandId: number, role: keyof typeof BRAND_ROLE, account: string): Promise<boolean> {
    return await (await chain()).hasRole(brandId, BRAND_ROLE[role], account);
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
    forget() {
      for (const answer of answers.values()) answer.until = 0;
    },
  };
}
