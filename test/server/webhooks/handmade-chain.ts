// A chain whose blocks a test makes by hand, in a mirror that the indexer's own code writes.

import { id, ZeroAddress, ZeroHash } from "ethers";
import { UNLIMITED_TERM } from "../../../server/chain/abi.ts";
import type { ChainEvent, EventArguments, EventName } from "../../../server/chain/events.ts";
import type { BlockPosition } from "../../../server/database/mirror-status.ts";
import type { TestMirror } from "../../support/mirror.ts";

export const COLLECTION = addressOf("collection");
const REGISTRY = addressOf("registry");

export type Emit = <Name extends EventName>(name: Name, args: EventArguments[Name], address?: string) => void;

export interface HandmadeChain {
  /** Adds a block with events of the collection. Time in seconds. */
  block(timestamp: number, happen: (emit: Emit) => void): Promise<void>;
  /** Issues cards in a block of its own. */
  issue(
    timestamp: number,
    batch: { firstSerial: number; count: number; tier?: number; expiresAt?: number },
  ): Promise<void>;
  /** Takes the last blocks back. */
  takeBack(blocks: number): Promise<void>;
}

export function addressOf(name: string): string {
  return `0x${id(name).slice(-40)}`;
}

export function holderOf(serial: number): string {
  return addressOf(`holder ${serial}`);
}

/** Brand 1 has the collection. */
export async function createHandmadeChain({ mirror }: TestMirror, timestamp: number): Promise<HandmadeChain> {
  const genesis: BlockPosition = { number: 0, hash: id("block 0"), timestamp };
  const blocks = [genesis];
  let made = 0;
  const head = () => blocks.at(-1) ?? genesis;
  await mirror.begin({ chainId: 31_337, genesisHash: genesis.hash, registry: REGISTRY }, genesis);

  const chain: HandmadeChain = {
    async block(timestamp, happen) {
      const before = head();
      const position = { number: before.number + 1, hash: id(`block ${++made}`), timestamp };
      const events: ChainEvent[] = [];
      happen((name, args, address = COLLECTION) => {
        const where = { blockNumber: position.number, blockHash: position.hash, blockTimestamp: timestamp };
        const place = { transactionHash: id(`transaction ${made}`), logIndex: events.length, address };
        events.push({ ...where, ...place, name, args } as ChainEvent);
      });
      await mirror.commit(before, position, events);
      blocks.push(position);
    },
    async issue(timestamp, { firstSerial, count, tier = 1, expiresAt = 0 }) {
      await chain.block(timestamp, (emit) => {
        for (let serial = firstSerial; serial < firstSerial + count; serial++) {
          emit("Transfer", { from: ZeroAddress, to: holderOf(serial), serial });
          emit("Locked", { serial });
          emit("Issued", { from: REGISTRY, to: holderOf(serial), serial, burnAuth: "Both" });
        }
        emit("BatchIssued", {
          firstSerial,
          count,
          tier,
          expiresAt,
          commitmentRoot: ZeroHash,
          batchReference: ZeroHash,
        });
      });
    },
    async takeBack(count) {
      const from = head();
      blocks.splice(-count);
      await mirror.rollBack(from, head());
    },
  };
  const profile = { legalName: "N", domain: "n.example", filingNumber: "", profileUri: "", profileHash: ZeroHash };
  await chain.block(timestamp, (emit) => {
    emit("BrandAdmitted", { brandId: 1, admin: REGISTRY, handle: "noirance", name: "Noirance", ...profile }, REGISTRY);
    const terms = {
      maxSupply: 100_000,
      burnAuth: "Both" as const,
      reissueDelay: 0,
      highestTier: 255,
      longestTerm: UNLIMITED_TERM,
    };
    const names = { slug: "noirance", name: "Noirance", symbol: "N" };
    emit("CollectionCreated", { collection: COLLECTION, brandId: 1, ...names, ...terms }, REGISTRY);
  });
  return chain;
}
