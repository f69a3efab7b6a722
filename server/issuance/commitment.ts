// Binds cards to the numbers on their physical objects without publishing the numbers. Each number is hidden by a salt
// that only the brand's keystore can make again; a batch carries the Merkle root over its cards' commitments. The same
// cards always give the same root, whenever and however often a batch is made.

import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { concat, keccak256, toUtf8Bytes, ZeroHash } from "ethers";
import type { BrandKeys } from "./keystore.ts";

export interface NumberedCard {
  serial: number;
  /** The number on the physical card, normalized; absent where there is none. */
  physicalNumber?: string | undefined;
}

/** keccak256(salt ‖ number in UTF-8). The salt has a fixed length, so no two pairs give the same bytes. */
export function physicalCardCommitment(salt: Uint8Array, physicalNumber: string): string {
  return keccak256(concat([salt, toUtf8Bytes(physicalNumber)]));
}

/**
 * The tree over one batch, whose leaves are (uint256 serial, bytes32 commitment); cards without a physical number have
 * no leaf. Nothing if no card has one. Whoever is shown a number, its salt and the proof can check it against the chain.
 */
export function commitmentTree(
  cards: readonly NumberedCard[],
  collection: string,
  keys: Pick<BrandKeys, "commitmentSalt">,
): StandardMerkleTree<[number, string]> | undefined {
  const leaves = cards.flatMap(({ serial, physicalNumber }): [number, string][] =>
    physicalNumber === undefined
      ? []
      : [[serial, physicalCardCommitment(keys.commitmentSalt(collection, serial), physicalNumber)]],
  );
  return leaves.length === 0 ? undefined : StandardMerkleTree.of(leaves, ["uint256", "bytes32"]);
}

/** What a batch carries on chain: the root of {@link commitmentTree}, or 0. */
export function commitmentRoot(
  cards: readonly NumberedCard[],
  collection: string,
  keys: Pick<BrandKeys, "commitmentSalt">,
): string {
  return commitmentTree(cards, collection, keys)?.root ?? ZeroHash;
}
