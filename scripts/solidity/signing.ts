// What issuers and holders sign for a collection (EIP-712), for scripts that act as them.

import type { Signer, TypedDataField } from "ethers";

const SIGNED_TYPES = {
  ClaimVoucher: fields(
    "uint256 serial,address holder,uint8 tier,uint32 expiresAt,bytes32 commitmentRoot,uint64 appointment,uint256 deadline",
  ),
  Redemption: fields("uint256 serial,uint16 benefitId,uint32 number,uint16 generation,address staff,uint256 deadline"),
};

/** A signature for one collection, on the signer's chain. */
export async function signForCollection(
  collection: { getAddress(): Promise<string> },
  signer: Signer,
  type: keyof typeof SIGNED_TYPES,
  message: Record<string, unknown>,
): Promise<string> {
  const chainId = (await signer.provider?.getNetwork())?.chainId ?? null;
  const verifyingContract = await collection.getAddress();
  const domain = { name: "MembershipCollection", version: "1", chainId, verifyingContract };
  return await signer.signTypedData(domain, { [type]: SIGNED_TYPES[type] }, message);
}

function fields(list: string): TypedDataField[] {
  return list.split(",").map((field) => {
    const [type = "", name = ""] = field.split(" ");
    return { type, name };
  });
}
