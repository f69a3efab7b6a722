// What is to be done where an operator goes on without blocks that the mirror has: with those that a chain has lost, or replaced although
// they were final.

import { openDatabase } from "../../server/database/client.ts";
import type { BlockPosition } from "../../server/database/mirror-status.ts";
import type { Mirror } from "../../server/indexer/mirror.ts";
import { createBook } from "../../server/issuance/sending/book.ts";

/**
 * Takes the mirror back to a block, and has sent again what was sent in the blocks after it. In this order: where it dies in between,
 * the mirror still has those blocks, and doing it again does the rest.
 * @returns how many events are taken back.
 */
export async function giveUpBlocks({
  databaseUrl,
  mirror,
  from,
  to,
}: {
  databaseUrl: string;
  mirror: Mirror;
  from: BlockPosition;
  to: BlockPosition;
}): Promise<number> {
  const application = await openDatabase(databaseUrl, { application: true });
  try {
    await createBook({ application, now: Date.now }).reopenAfter(to.number);
  } finally {
    await application.$disconnect();
  }
  return await mirror.rollBack(from, to);
}
