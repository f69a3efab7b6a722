// The code of collections, deployed by itself and linked with its libraries.

import { deployCollectionLibraries } from "../../../scripts/solidity/libraries.ts";
import { ethers } from "../fixture.ts";

export async function deployImplementation(
  registry: { getAddress(): Promise<string> },
  name: "MembershipCollection" | "UpgradedCollection" = "MembershipCollection",
): Promise<string> {
  const libraries = await deployCollectionLibraries(async (library) =>
    (await ethers.deployContract(library)).getAddress(),
  );
  const implementation = await ethers.deployContract(name, [await registry.getAddress()], { libraries });
  return await implementation.getAddress();
}
