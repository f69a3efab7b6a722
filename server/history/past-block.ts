// Which block of the past an answer is as of, and what is known of that block. The mirror keeps the blocks that hold events
// and the one that it has read up to; of the others it knows between which two they lie.

import { Prisma } from "../database/generated/sqlite/client.ts";
import type { BlockPosition } from "../database/mirror-status.ts";
import { type BlockRow, type CheckpointRow, checkpoint, one } from "../database/snapshot.ts";

export interface PastBlock {
  number: number;
  /** Its hash and time; nothing where it holds no events, for then the mirror does not keep it. */
  known: BlockPosition | undefined;
  /** The newest block at or below it that holds events; nothing if there is none. */
  lastEventBlock: BlockPosition | undefined;
  /** Its time, in seconds since the Unix epoch, lies between these two; both are equal where it is known. */
  earliest: number;
  latest: number;
}

/** As of which block of the past rows are, and how far the mirror was when they were read. */
export interface PastSnapshot {
  /** Null if the mirror is empty. Where it is below `past`, the mirror cannot answer for that block yet. */
  checkpoint: CheckpointRow | null;
  past: PastBlock;
}

/** The parts of a snapshot that {@link pastSnapshot} is made of. */
export const pastParts = (at: number) => ({
  checkpoint,
  lastBlock: one("Block", { where: Prisma.sql`"number" <= ${at}`, orderBy: Prisma.sql`"number" DESC` }),
  nextBlock: one("Block", { where: Prisma.sql`"number" > ${at}`, orderBy: Prisma.sql`"number"` }),
});

export function pastSnapshot(
  at: number,
  found: { checkpoint: CheckpointRow | null; lastBlock: BlockRow | null; nextBlock: BlockRow | null },
): PastSnapshot {
  const { checkpoint, lastBlock, nextBlock } = found;
  const head = checkpoint === null ? undefined : positionOf(checkpoint);
  const known = lastBlock?.number === at ? lastBlock : head?.number === at ? head : undefined;
  return {
    checkpoint,
    past: {
      number: at,
      known,
      lastEventBlock: lastBlock ?? undefined,
      earliest: (known ?? lastBlock)?.timestamp ?? 0,
      latest: (known ?? nextBlock ?? head)?.timestamp ?? 0,
    },
  };
}

function positionOf({ blockNumber, blockHash, blockTimestamp }: CheckpointRow): BlockPosition {
  return { number: blockNumber, hash: blockHash, timestamp: blockTimestamp };
}
