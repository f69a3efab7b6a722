// Which keys may do what for which brand. The chain decides; its answers are remembered for a short time, and for longer while it
// cannot be asked: orders are taken then as well.

import { BRAND_ROLE } from "../../chain/abi.ts";
import type { IssuanceChain } from "../chain.ts";
import type { BrandKeys } from "../keystore.ts";
import { KeystoreClosedError } from "../problems.ts";
import type { CardSigner, Signers } from "../signers.ts";
import { faultSentence } from "../signing-state.ts";
import type { SendingRole } from "./calls.ts";

/** Why a command waits. */
export interface WaitingReason {
  failure: string;
  failureDetail: string;
}

/** A brand's keys, or why there are none. */
export type BrandSecrets = { keys: BrandKeys } | { keys: undefined; reason: WaitingReason };

export interface BrandSigners {
  /** Those that may do what this role may, in no particular order. */
  withRole(brandId: number, role: SendingRole): Promise<CardSigner[]>;
  /** Why there are none with a role. */
  whyNone(brandId: number, role: SendingRole): Promise<WaitingReason>;
  /**
   * The keys from which the brand's custodial addresses follow; nothing if this server has none of the brand's keystores. Throws
   * {@link KeystoreClosedError} while one that is or may be the brand's is not open.
   */
  keysOf(brandId: number): Promise<BrandKeys | undefined>;
  /** The same, or why what needs them has to wait. */
  keysOrReason(brandId: number): Promise<BrandSecrets>;
  /** Asks the chain anew the next time. */
  forget(): void;
}

export interface BrandSignersOptions {
  /** The chain, once it has been reached. */
  chain(): Promise<Pick<IssuanceChain, "hasRole">>;
  signers(): Promise<Pick<Signers, "signers" | "keys" | "keystoreProblems">>;
  /** The steady clock. */
  steady(): number;
}

const BELIEVED_MS = 30_000;
const ASK_AGAIN_MS = 1_000;

export function createBrandSigners({ chain, signers, steady }: BrandSignersOptions): BrandSigners {
  const answers = new Map<string, { granted: Promise<boolean>; last: boolean | undefined; until: number }>();

  async function hasRole(brandId: number, role: keyof typeof BRAND_ROLE, account: string): Promise<boolean> {
    const question = `${brandId} ${role} ${account}`;
    const known = answers.get(question);
    if (known !== undefined && known.until > steady()) return await known.granted;
    const last = known?.last;
    const granted = ask(brandId, role, account).catch((error: unknown) => {
      answers.delete(question);
      if (last === undefined) throw error;
      answers.set(question, { granted: Promise.resolve(last), last, until: steady() + ASK_AGAIN_MS });
      return last;
    });
    const answer = { granted, last, until: steady() + BELIEVED_MS };
    answers.set(question, answer);
    answer.last = await granted;
    return answer.last;
  }

  async function ask(brandId: number, role: keyof typeof BRAND_ROLE, account: string): Promise<boolean> {
    return await (await chain()).hasRole(brandId, BRAND_ROLE[role], account);
  }

  /** What is wrong with a closed keystore that has a role of the brand, or may have it: nobody can read whose it is. */
  async function closedFor(brandId: number, role: keyof typeof BRAND_ROLE): Promise<string | undefined> {
    for (const { fault, issuer, stillOpen } of (await signers()).keystoreProblems()) {
      if (!stillOpen && (issuer === undefined || (await hasRole(brandId, role, issuer)))) return faultSentence(fault);
    }
    return undefined;
  }

  async function keysOf(brandId: number): Promise<BrandKeys | undefined> {
    for (const brandKeys of (await signers()).keys) {
      if (await hasRole(brandId, "Issuer", brandKeys.issuer.address)) return brandKeys;
    }
    const fault = await closedFor(brandId, "Issuer");
    if (fault !== undefined) throw new KeystoreClosedError(fault);
    return undefined;
  }

  return {
    keysOf,
    async keysOrReason(brandId) {
      try {
        const keys = await keysOf(brandId);
        return keys === undefined ? { keys, reason: noKeystore(brandId) } : { keys };
      } catch (error) {
        if (!(error instanceof KeystoreClosedError)) throw error;
        return { keys: undefined, reason: { failure: "keystore-closed", failureDetail: error.message } };
      }
    },
    async whyNone(brandId, role) {
      const fault = await closedFor(brandId, role);
      if (fault === undefined) return noSigner(brandId, role);
      return { failure: "keystore-closed", failureDetail: new KeystoreClosedError(fault).message };
    },
    async withRole(brandId, role) {
      const all = (await signers()).signers;
      const granted = await Promise.all(all.map(({ address }) => hasRole(brandId, role, address)));
      return all.filter((_, index) => granted[index]);
    },
    forget() {
      for (const answer of answers.values()) answer.until = 0;
    },
  };
}

function noSigner(brandId: number, role: string): WaitingReason {
  return {
    failure: "no-signer",
    failureDetail: `None of this server's keys has the ${role} role of brand ${brandId}. The brand's administrator must grant it to one of them, or another key is needed.`,
  };
}

export function noKeystore(brandId: number): WaitingReason {
  return {
    failure: "no-keystore",
    failureDetail: `This server has no keystore of brand ${brandId} any more, from which customers' addresses are made and with which it signs for them. Bring it back.`,
  };
}
