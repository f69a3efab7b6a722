// What holders and issuers sign (EIP-712), with the types as the interfaces of the contracts document them.

import type { TypedDataDomain, TypedDataField } from "ethers";

export const SIGNED_TYPES = {
  Surrender: [
    { name: "serial", type: "uint256" },
    { name: "generation", type: "uint16" },
    { name: "deadline", type: "uint256" },
  ],
  VetoReissue: [
    { name: "serial", type: "uint256" },
    { name: "to", type: "address" },
    { name: "readyAt", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
  Redemption: [
    { name: "serial", type: "uint256" },
    { name: "benefitId", type: "uint16" },
    { name: "number", type: "uint32" },
    { name: "generation", type: "uint16" },
    { name: "staff", type: "address" },
    { name: "deadline", type: "uint256" },
  ],
  Correction: [
    { name: "serial", type: "uint256" },
    { name: "tier", type: "uint8" },
    { name: "expiresAt", type: "uint32" },
    { name: "generation", type: "uint16" },
    { name: "deadline", type: "uint256" },
  ],
  AllowlistClaim: [
    { name: "serial", type: "uint256" },
    { name: "holder", type: "address" },
    { name: "tier", type: "uint8" },
    { name: "expiresAt", type: "uint32" },
    { name: "appointment", type: "uint64" },
    { name: "deadline", type: "uint256" },
  ],
  ClaimVoucher: [
    { name: "serial", type: "uint256" },
    { name: "holder", type: "address" },
    { name: "tier", type: "uint8" },
    { name: "expiresAt", type: "uint32" },
    { name: "commitmentRoot", type: "bytes32" },
    { name: "appointment", type: "uint64" },
    { name: "deadline", type: "uint256" },
  ],
} satisfies Record<string, TypedDataField[]>;

/** The messages of {@link SIGNED_TYPES}. Addresses must be resolved: nothing here asks a chain. */
export interface SignedMessages {
  Surrender: { serial: bigint | number; generation: bigint | number; deadline: bigint | number };
  VetoReissue: { serial: bigint | number; to: string; readyAt: bigint | number; deadline: bigint | number };
  Redemption: {
    serial: bigint | number;
    benefitId: bigint | number;
    number: bigint | number;
    generation: bigint | number;
    staff: string;
    deadline: bigint | number;
  };
  Correction: {
    serial: bigint | number;
    tier: bigint | number;
    expiresAt: bigint | number;
    generation: bigint | number;
    deadline: bigint | number;
  };
  AllowlistClaim: {
    serial: bigint | number;
    holder: string;
    tier: bigint | number;
    expiresAt: bigint | number;
    appointment: bigint | number;
    deadline: bigint | number;
  };
  ClaimVoucher: {
    serial: bigint | number;
    holder: string;
    tier: bigint | number;
    expiresAt: bigint | number;
    commitmentRoot: string;
    appointment: bigint | number;
    deadline: bigint | number;
  };
}

interface TypedDataSigner {
  signTypedData(
    domain: TypedDataDomain,
    types: Record<string, TypedDataField[]>,
    value: Record<string, unknown>,
  ): Promise<string>;
}

interface Addressable {
  getAddress(): Promise<string>;
}

/** Written down here and not asked from the contract, so that a contract with another domain fails. */
export async function domainOf(collection: Addressable): Promise<TypedDataDomain> {
  const verifyingContract = await collection.getAddress();
  return { name: "MembershipCollection", version: "1", chainId: 31337, verifyingContract };
}

/** Signs a message for one collection on the tests' chain. */
export async function sign<Type extends keyof SignedMessages>(
  collection: Addressable,
  signer: TypedDataSigner,
  type: Type,
  message: SignedMessages[Type],
  domain: TypedDataDomain = {},
): Promise<string> {
  return await signer.signTypedData(
    { ...(await domainOf(collection)), ...domain },
    { [type]: SIGNED_TYPES[type] },
    message,
  );
}
