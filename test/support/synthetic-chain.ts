// Blocks that no node made, with as many forks as a test likes. Their events follow from each other as those of a real chain
// do: one brand, one collection, and in every block a few cards issued and a few changed.

import { id, ZeroAddress, ZeroHash } from "ethers";
import { UNLIMITED_TERM } from "../../server/chain/abi.ts";
import type { ChainEvent, EventArguments, EventName } from "../../server/chain/events.ts";
import type { BlockPosition } from "../../server/database/mirror-status.ts";
import type { ChainIdentity } from "../../server/indexer/mirror.ts";

export interface SyntheticBlock {
  position: BlockPosition;
  parent: SyntheticBlock | undefined;
  events: ChainEvent[];
}

export interface SyntheticChain {
  identity: ChainIdentity;
  genesis: SyntheticBlock;
  /** A new block upon another one; two upon the same one are two forks. */
  extend(parent: SyntheticBlock): SyntheticBlock;
}

const REGISTRY = address("registry");
const COLLECTION = address("collection");

function address(name: string): string {
  return `0x${id(name).slice(-40)}`;
}

/** The blocks from one on, which is left out, up to a later one of the same fork. */
export function blocksBetween(after: SyntheticBlock, upTo: SyntheticBlock): SyntheticBlock[] {
  const blocks: SyntheticBlock[] = [];
  for (let block = upTo; block !== after; block = block.parent) {
    blocks.unshift(block);
    if (block.parent === undefined) throw new Error("The blocks are not of one fork");
  }
  return blocks;
}

/** The newest block that two forks have in common. */
export function commonBlock(one: SyntheticBlock, other: SyntheticBlock): SyntheticBlock {
  let [left, right] = [one, other];
  while (left !== right) {
    const older = left.position.number >= right.position.number ? left : right;
    if (older.parent === undefined) throw new Error("The blocks are not of one chain");
    if (older === left) left = older.parent;
    else right = older.parent;
  }
  return left;
}

/**
 * @param random Numbers in [0, 1): what happens in the blocks.
 * @param options.name Chains of different names have different genesis blocks.
 * @param options.isOld Whether it has only what contracts could report when the outbox was new.
 */
export function createSyntheticChain(
  random: () => number,
  { name = "chain", isOld = false }: { name?: string; isOld?: boolean } = {},
): SyntheticChain {
  let made = 0;
  const upTo = (most: number) => Math.floor(random() * (most + 1));

  function position(number: number): BlockPosition {
    return { number, hash: id(`${name} ${number} ${++made}`), timestamp: 1_700_000_000 + number };
  }

  /** How many cards there are after a block: as many serials, from 1 on, have been issued. */
  const cards = new Map<SyntheticBlock, number>();

  function extend(parent: SyntheticBlock): SyntheticBlock {
    const block: SyntheticBlock = { position: position(parent.position.number + 1), parent, events: [] };
    const { number, hash, timestamp } = block.position;
    const emit = <Name extends EventName>(contract: string, event: Name, args: EventArguments[Name]) => {
      const where = { blockNumber: number, blockHash: hash, blockTimestamp: timestamp };
      // As many gaps as other contracts leave.
      const logIndex = (block.events.at(-1)?.logIndex ?? -1) + 1 + upTo(1);
      const transactionHash = id(`transaction ${hash} ${logIndex}`);
      block.events.push({ ...where, transactionHash, logIndex, address: contract, name: event, args } as ChainEvent);
    };
    let issued = cards.get(parent) ?? 0;
    if (number === 1) {
      const text = { legalName: "N", domain: "n.example", filingNumber: "", profileUri: "", profileHash: ZeroHash };
      emit(REGISTRY, "BrandAdmitted", {
        brandId: 1,
        admin: address("admin"),
        handle: "noirance",
        name: "Noirance",
        ...text,
      });
      const declared = { reissueDelay: 0, highestTier: 255, longestTerm: UNLIMITED_TERM };
      const terms = { name: "Black", symbol: "B", maxSupply: 1_000_000, burnAuth: "Both" as const, ...declared };
      emit(REGISTRY, "CollectionCreated", { collection: COLLECTION, brandId: 1, slug: "noirance-black", ...terms });
    } else if (random() < 0.8) {
      const count = upTo(3);
      for (let serial = issued + 1; serial <= issued + count; serial++) {
        const to = address(`holder ${hash} ${serial}`);
        emit(COLLECTION, "Transfer", { from: ZeroAddress, to, serial });
        emit(COLLECTION, "Locked", { serial });
        emit(COLLECTION, "Issued", { from: address("issuer"), to, serial, burnAuth: "Both" });
      }
      const terms = { tier: upTo(3), expiresAt: 0, commitmentRoot: ZeroHash, batchReference: ZeroHash };
      if (count > 0) emit(COLLECTION, "BatchIssued", { firstSerial: issued + 1, count, ...terms });
      issued += count;
      for (let act = upTo(3); act > 0 && issued > 0; act--) {
        const serial = 1 + upTo(issued - 1);
        const kind = upTo(isOld ? 1 : 2);
        if (kind === 0) emit(COLLECTION, "CardRenewed", { serial, expiresAt: 1_800_000_000 + upTo(1_000) });
        else if (kind === 1) emit(COLLECTION, "CardTierChanged", { serial, tier: upTo(9) });
        else emit(COLLECTION, "CardCorrected", { serial, tier: upTo(9), expiresAt: upTo(1_000), reason: ZeroHash });
      }
      if (random() < 0.1) emit(COLLECTION, "ContentChanged", { contractUri: `u${made}`, contentHash: ZeroHash });
      if (random() < 0.1)
        emit(REGISTRY, "BrandStatusChanged", { brandId: 1, status: "Suspended", suspension: made, reason: ZeroHash });
      if (!isOld && random() < 0.1)
        emit(REGISTRY, "BrandKeysReplaced", { brandId: 1, keyEpoch: made, admin: address("admin") });
      if (random() < 0.3) emit(REGISTRY, "DailyCapUsed", { brandId: 1, issuer: address("issuer"), used: count });
    }
    cards.set(block, issued);
    return block;
  }

  const genesis: SyntheticBlock = { position: position(0), parent: undefined, events: [] };
  return { identity: { chainId: 31_337, genesisHash: genesis.position.hash, registry: REGISTRY }, genesis, extend };
}
