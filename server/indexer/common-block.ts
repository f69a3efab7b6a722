// Where the mirror and the chain part.

import type { Rpc } from "../chain/rpc.ts";
import type { BlockPosition } from "../database/mirror-status.ts";
import { createBatches } from "./batches.ts";
import { headerByNumber, InconsistentAnswerError, positionOf, type RawHeader } from "./headers.ts";
import type { Mirror } from "./mirror.ts";

export interface Parting {
  /** The newest block with events that both have, or the genesis block. */
  common: BlockPosition;
  /** The oldest block with events that the mirror has and the chain has not; nothing if it has all of them. */
  oldestReplaced: BlockPosition | undefined;
}

/** Most often it is the last block or one of the few before. */
const FIRST_LOOK = 8;
const MOST_PER_LOOK = 200;

/**
 * Looks from a block of the mirror downwards. A chain that has a block has all that are before it.
 * @param options.headNumber The newest block of the node: it must have all blocks up to there.
 * @throws {InconsistentAnswerError} if it has not.
 */
export async function findParting(options: {
  rpc: Rpc;
  mirror: Mirror;
  from: BlockPosition;
  genesis: BlockPosition;
  headNumber: number;
}): Promise<Parting> {
  const { rpc, mirror, from, genesis, headNumber } = options;
  const batches = createBatches(rpc);
  let oldestReplaced: BlockPosition | undefined;
  for (let below = from.number, limit = FIRST_LOOK; ; limit = Math.min(limit * 4, MOST_PER_LOOK)) {
    const blocks = await mirror.blocksDownFrom(below, limit);
    const answers = await batches.ask(blocks.map(({ number }) => [headerByNumber(number)]));
    for (const [index, block] of blocks.entries()) {
      const header = answers[index]?.[0] as RawHeader | null;
      // A block that the node should have and does not know has not been replaced by another.
      if (header === null && block.number <= headNumber)
        throw new InconsistentAnswerError(
          `The node at ${rpc.endpoint} does not have block ${block.number}, although it is at block ${headNumber}`,
        );
      if (header !== null && positionOf(header).hash === block.hash) return { common: block, oldestReplaced };
      oldestReplaced = block;
    }
    const last = blocks.at(-1);
    if (last === undefined) return { common: genesis, oldestReplaced };
    below = last.number - 1;
  }
}
