// Deploys the registry: the BrandRegistry behind a UUPS proxy, the beacon that all collections follow, and the factory that
// they come from. The consortium owns the first two; on a developer's machine it is the first account of the node.

import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

export default buildModule("Registry", (m) => {
  const consortium = m.getAccount(0);
  const cardBaseURI = m.getParameter("cardBaseURI", "");

  const registryImplementation = m.contract("BrandRegistry", [], { id: "BrandRegistryImplementation" });
  const initialize = m.encodeFunctionCall(registryImplementation, "initialize", [consortium, cardBaseURI]);
  const registryProxy = m.contract("ERC1967Proxy", [registryImplementation, initialize]);
  const registry = m.contractAt("BrandRegistry", registryProxy, { id: "registry" });

  const collectionImplementation = m.contract("MembershipCollection", [registryProxy]);
  const collectionBeacon = m.contract("UpgradeableBeacon", [collectionImplementation, consortium]);
  const collectionFactory = m.contract("CollectionFactory", [registryProxy, collectionBeacon]);
  m.call(registry, "setCollectionFactory", [collectionFactory], { from: consortium });

  return { registry, collectionImplementation, collectionBeacon, collectionFactory };
});
