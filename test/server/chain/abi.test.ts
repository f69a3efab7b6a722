// Which of the contracts' events the server reads.

import { expect } from "chai";
import type { EventFragment } from "ethers";
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

for (const [name, { fragments }] of [
  ["BrandRegistry", brandRegistryInterface],
  ["MembershipCollection", membershipCollectionInterface],
] as const) {
  it(`every event that ${name} can emit is read, or it is said why not`, () => {
    const unread = fragments
      .filter((fragment): fragment is EventFragment => fragment.type === "event")
      .filter((event) => !EVENT_TOPICS.includes(event.topicHash) && !(event.name in NOT_MIRRORED));
    expect(unread.map((event) => event.name)).to.deep.equal([]);
  });
}
