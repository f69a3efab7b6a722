// Claim vouchers as issuers and holders sign them: EIP-712, under the domain of one collection.

import type { Signer, TypedDataDomain } from "ethers";
import { ethers } from "../fixture.ts";

export interface Voucher {
  serial: bigint | number;
  holder: string;
  tier: number;
  expiresAt: number;
  commitmentRoot: string;
  deadline: bigint | number;
}

/** The order and the types of the fields are part of what is signed. */
export const VOUCHER_TYPES = {
  ClaimVoucher: [
    { name: "serial", type: "uint256" },
    { name: "holder", type: "address" },
    { name: "tier", type: "uint8" },
    { name: "expiresAt", type: "uint32" },
    { name: "commitmentRoot", type: "bytes32" },
    { name: "deadline", type: "uint256" },
  ],
};

/** Written down here and not asked from the contract, so that a contract with another domain fails. */
export async function domainOf(collection: { getAddress(): Promise<string> }): Promise<TypedDataDomain> {
  return {
    name: "MembershipCollection",
    version: "1",
    chainId: 31337,
    verifyingContract: await collection.getAddress(),
  };
}

export async function signVoucher(
  signer: Signer,
  collection: { getAddress(): Promise<string> },
  voucher: Voucher,
  domain: TypedDataDomain = {},
): Promise<string> {
  return await signer.signTypedData({ ...(await domainOf(collection)), ...domain }, VOUCHER_TYPES, voucher);
}

/** The other signature of the same message by the same key (s' = n - s, v flipped), which any reader can compute. */
export function malleated(signature: string): string {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const { r, s, v } = ethers.Signature.from(signature);
  return ethers.concat([r, ethers.toBeHex(order - BigInt(s), 32), ethers.toBeHex(v === 27 ? 28 : 27)]);
}
