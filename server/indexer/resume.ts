// What an operator accepts who lets a stopped mirror go on: that the chain is right although it has replaced blocks that were
// final. Nothing is changed here; it is found out what would have to be taken back.

import type { Rpc } from "../chain/rpc.ts";
import type { BlockPosition } from "../database/mirror-status.ts";
import { findChain, refuseOtherChain } from "./chain-identity.ts";
import { findParting } from "./common-block.ts";
import { InconsistentAnswerError, positionOf, readHeader } from "./headers.ts";
import type { Mirror, Undoing } from "./mirror.ts";

/** There is nothing that could be taken back. The message says why, and what to do instead. */
export class NothingToResumeError extends Error {
  override name = "NothingToResumeError";
}

export interface Resumption {
  /** Where the mirror is. */
  from: BlockPosition;
  /** The block that both have. */
  to: BlockPosition;
  /** What comes after that. */
  undoing: Undoing;
  /** The newest block of the node. */
  headNumber: number;
}

/**
 * Finds out what to take back.
 * @throws {NothingToResumeError} if the chain has the mirror's last block, {@link WrongChainError} if it is another chain.
 */
export async function planResumption({ rpc, mirror }: { rpc: Rpc; mirror: Mirror }): Promise<Resumption> {
  const stored = await mirror.checkpoint();
  if (stored === undefined)
    throw new NothingToResumeError(
      "The mirror is empty: there is nothing to take back. Start the server, and it reads the chain.",
    );
  const { block: from } = stored;
  const found = await findChain(rpc);
  const { registry } = stored;
  refuseOtherChain(stored, { chainId: found.chainId, genesisHash: found.genesis.hash, registry }, rpc.endpoint);
  const newest = await readHeader(rpc, "latest");
  if (newest === undefined) throw new InconsistentAnswerError(`The node at ${rpc.endpoint} has no latest block`);
  const headNumber = positionOf(newest).number;
  const own = await readHeader(rpc, from.number);
  if (own !== undefined && positionOf(own).hash === from.hash)
    throw new NothingToResumeError(
      `The chain at ${rpc.endpoint} has the mirror's last block ${from.number} (${from.hash}): there is nothing to take back. ` +
        "A server that has stopped because they differed goes on by itself when its node has that block too.",
    );
  const { common: to } = await findParting({ rpc, mirror, from, genesis: found.genesis, headNumber });
  return { from, to, undoing: await mirror.undoing(to.number), headNumber };
}
