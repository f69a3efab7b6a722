// Claim vouchers as issuers and holders sign them: EIP-712, under the domain of one collection.

import type { Signer, TypedDataDomain } from "ethers";
import { ethers } from "../fixture.ts";
import { SIGNED_TYPES, sign } from "./signatures.ts";

export interface Voucher {
  serial: bigint | number;
  holder: string;
  tier: number;
  expiresAt: number;
  commitmentRoot: string;
  /** By which appointment the issuer signs. */
  appointment: bigint | number;
  deadline: bigint | number;
}

/** The order and the types of the fields are part of what is signed. */
export const VOUCHER_TYPES = { ClaimVoucher: SIGNED_TYPES.ClaimVoucher };

export async function signVoucher(
  signer: Signer,
  collection: { getAddress(): Promise<string> },
  voucher: Voucher,
  domain: TypedDataDomain = {},
): Promise<string> {
  return await sign(collection, signer, "ClaimVoucher", voucher, domain);
}

/** The other signature of the same message by the same key (s' = n - s, v flipped), which any reader can compute. */
export function malleated(signature: string): string {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const { r, s, v } = ethers.Signature.from(signature);
  return ethers.concat([r, ethers.toBeHex(order - BigInt(s), 32), ethers.toBeHex(v === 27 ? 28 : 27)]);
}
