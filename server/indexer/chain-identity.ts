// Which chain is behind the URL, and whether it is the one that the mirror was read from.

import type { Rpc } from "../chain/rpc.ts";
import type { BlockPosition } from "../database/mirror-status.ts";
import { headerByNumber, InconsistentAnswerError, positionOf, type RawHeader } from "./headers.ts";
import type { ChainIdentity } from "./mirror.ts";

/** The database mirrors another chain than the one behind the URL. */
export class WrongChainError extends Error {
  override name = "WrongChainError";
}

/** A chain as its node describes it. */
export interface FoundChain {
  chainId: number;
  genesis: BlockPosition;
}

/** Asks the chain who it is, to compare the answer with what the mirror was built from. */
export async function findChain(rpc: Rpc): Promise<FoundChain> {
  const [id, header] = (await rpc.batch([{ method: "eth_chainId", params: [] }, headerByNumber(0)])) as [
    unknown,
    RawHeader | null,
  ];
  const chainId = Number(id);
  if (typeof id !== "string" || !Number.isSafeInteger(chainId) || header === null)
    throw new InconsistentAnswerError(`The node at ${rpc.endpoint} does not say which chain it is on`);
  return { chainId, genesis: positionOf(header) };
}

/** How what a mirror was read from differs from what was found, in words; empty if it does not. */
export function differencesOf(stored: ChainIdentity, found: ChainIdentity): string[] {
  return [
    stored.chainId !== found.chainId && `chain id ${stored.chainId} instead of ${found.chainId}`,
    stored.genesisHash !== found.genesisHash && `genesis block ${stored.genesisHash} instead of ${found.genesisHash}`,
    stored.registry !== found.registry && `registry ${stored.registry} instead of ${found.registry}`,
  ].filter((difference) => difference !== false);
}

/** Throws {@link WrongChainError} if a mirror was read from another chain than the one at `endpoint`, or of another registry. */
export function refuseOtherChain(stored: ChainIdentity, found: ChainIdentity, endpoint: string): void {
  const differences = differencesOf(stored, found);
  if (differences.length === 0) return;
  throw new WrongChainError(
    `The database mirrors another chain than the one at ${endpoint}: it has ${differences.join(" and ")}. ` +
      "To keep it, set RPC_URL to its chain; to discard the mirror and read the new chain, stop the server and run: npm run reset-mirror",
  );
}
