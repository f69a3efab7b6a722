// What a holder signs to have a benefit redeemed (EIP-712). See `Redemption` in ICardBenefits.sol.

import { getAddress, recoverAddress, Signature, TypedDataEncoder, ZeroAddress } from "ethers";

export interface Authorisation {
  serial: number;
  benefitId: number;
  /** Which redemption of this card's benefit it is, from 1 on. */
  number: number;
  generation: number;
  /** Who alone may redeem with it; {@link ANY_STAFF} where any staff of the brand may. */
  staff: string;
  /** The last second in which it works, since the Unix epoch. */
  deadline: number;
}

/** Any account with the brand's Staff role. */
export const ANY_STAFF = ZeroAddress;

/** As `eth_signTypedData_v4` takes it, but for the type of the domain, which libraries add themselves. */
export interface AuthorisationToSign {
  domain: { name: string; version: string; chainId: number; verifyingContract: string };
  types: { Redemption: { name: string; type: string }[] };
  primaryType: "Redemption";
  message: Authorisation;
}

const TYPES = {
  Redemption: [
    { name: "serial", type: "uint256" },
    { name: "benefitId", type: "uint16" },
    { name: "number", type: "uint32" },
    { name: "generation", type: "uint16" },
    { name: "staff", type: "address" },
    { name: "deadline", type: "uint256" },
  ],
};

/** @param collection The collection's address. */
export function authorisationToSign(collection: string, chainId: number, message: Authorisation): AuthorisationToSign {
  return {
    domain: { name: "MembershipCollection", version: "1", chainId, verifyingContract: getAddress(collection) },
    types: TYPES,
    primaryType: "Redemption",
    message,
  };
}

/** The hash that is signed. */
export function authorisationDigest({ domain, types, message }: AuthorisationToSign): string {
  return TypedDataEncoder.hash(domain, types, message);
}

/**
 * A holder's signature as the contract takes it: some wallets write 0 or 1 where it wants 27 or 28. What is not a key's is a contract's
 * business, and left as it is.
 * @param holder Lower-case.
 * @param signature One that was found to be right.
 */
export function canonicalSignature(holder: string, digest: string, signature: string): string {
  try {
    if (recoverAddress(digest, signature).toLowerCase() === holder) return Signature.from(signature).serialized;
  } catch {
    // Not a key's.
  }
  return signature;
}
