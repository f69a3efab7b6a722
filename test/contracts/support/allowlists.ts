// Allowlists as issuers make them: OpenZeppelin's standard Merkle tree over serials, holders and terms.

import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

export interface Entry {
  serial: number;
  holder: string;
  tier: number;
  expiresAt: number;
}

/** The leaf's encoding is part of what a root promises. */
export const ENTRY_TYPES = ["uint256", "address", "uint8", "uint32"];

const values = ({ serial, holder, tier, expiresAt }: Entry) => [serial, holder, tier, expiresAt];

export function allowlistTree(entries: Entry[]) {
  const tree = StandardMerkleTree.of(entries.map(values), ENTRY_TYPES);
  return {
    root: tree.root,
    leafOf: (entry: Entry) => tree.leafHash(values(entry)),
    proofOf: (entry: Entry) => tree.getProof(values(entry)),
  };
}

/** What a claim of an entry begins with. */
export const claimOf = ({ serial, holder, tier, expiresAt }: Entry) => [serial, holder, { tier, expiresAt }] as const;
