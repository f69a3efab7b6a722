// Deploys the registry, which is also the beacon of all collections, their code, and the factory that they come from. The
// consortium decides on the registry; on a developer's machine it is the first account of the node.

import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";
import { planCollectionLibraries } from "../../solidity/libraries.ts";

export default buildModule("Registry", (m) => {
  const consortium = m.getAccount(0);
  const cardBaseURI = m.getParameter("cardBaseURI", "");

  const registry = m.contract("BrandRegistry", [consortium, cardBaseURI], { id: "registry" });

  const libraries = planCollectionLibraries((name) => m.library(name));
  const collectionImplementation = m.contract("MembershipCollection", [registry], { libraries });
  m.call(registry, "upgradeCollections", [collectionImplementation], { from: consortium });
  const collectionFactory = m.contract("CollectionFactory", [registry]);
  m.call(registry, "setCollectionFactory", [collectionFactory], { from: consortium });

  return { registry, collectionImplementation, collectionFactory };
});
