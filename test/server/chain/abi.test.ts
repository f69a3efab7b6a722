// The server's interfaces are written by hand; these tests hold them against the compiled contracts.

import { expect } from "chai";
import { type EventFragment, Interface } from "ethers";
import { artifacts } from "hardhat";
import { brandRegistryInterface, membershipCollectionInterface } from "../../../server/chain/abi.ts";
import { EVENT_TOPICS } from "../../../server/chain/events.ts";

/** Events that change nothing the mirror keeps. */
const NOT_MIRRORED: Record<string, string> = {
  Initialized: "never emitted: OpenZeppelin declares it for contracts that are set up otherwise than ours",
  Upgraded: "the collections' code was replaced",
  EIP712DomainChanged: "never emitted: the domain is part of the code",
  MetadataUpdate: "follows from the card's own events (ERC-4906)",
  BatchMetadataUpdate: "follows from the cards' own events (ERC-4906)",
  ContractURIUpdated: "follows from ContentChanged (ERC-7572)",
  RoleAdminChanged: "never emitted: which role gives another one follows from its id",
  HandedOver: "part of the deployment",
  CollectionFactorySet: "part of the deployment",
  Approval: "never emitted: cards cannot be approved",
  ApprovalForAll: "never emitted: cards cannot be approved",
  Unlocked: "never emitted: cards are locked for good",
};

for (const [name, written] of [
  ["BrandRegistry", brandRegistryInterface],
  ["MembershipCollection", membershipCollectionInterface],
] as const) {
  describe(`the server's interface of ${name}`, () => {
    let compiled: Interface;
    before(async () => {
      compiled = new Interface((await artifacts.readArtifact(name)).abi);
    });

    it("has only what the contract has, with the same types, names and order", async () => {
      // The registry's own refusals pass through a collection unchanged.
      const registry = new Interface((await artifacts.readArtifact("BrandRegistry")).abi);
      const known = new Set([...compiled.fragments, ...registry.fragments].map((fragment) => fragment.format("full")));
      const unknown = written.fragments.map((fragment) => fragment.format("full")).filter((text) => !known.has(text));
      expect(unknown).to.deep.equal([]);
    });

    it("reads every event that the contract can emit, or says why not", () => {
      const unread = compiled.fragments
        .filter((fragment): fragment is EventFragment => fragment.type === "event")
        .filter((event) => !EVENT_TOPICS.includes(event.topicHash) && !(event.name in NOT_MIRRORED));
      expect(unread.map((event) => event.name)).to.deep.equal([]);
    });
  });
}
