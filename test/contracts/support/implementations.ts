// The code of collections, deployed by itself and linked with its library.

import { ethers } from "../fixture.ts";

export async function deployImplementation(
  registry: { getAddress(): Promise<string> },
  name: "MembershipCollection" | "UpgradedCollection" = "MembershipCollection",
): Promise<string> {
  const book = await ethers.deployContract("BenefitBook");
  const libraries = { BenefitBook: await book.getAddress() };
  const implementation = await ethers.deployContract(name, [await registry.getAddress()], { libraries });
  return await implementation.getAddress();
}
