// Several nodes of one chain behind one client: the first that answers is kept to, and when it fails the next one is asked.
// Must hold: no node of another chain is ever asked for more than who it is.

import type { Logger } from "pino";
import { type Rpc, type RpcCall, RpcError } from "./rpc.ts";

export interface FailoverOptions {
  /** In the order of preference; at least one. */
  rpcs: readonly [Rpc, ...Rpc[]];
  logger: Logger;
  /** After how many milliseconds with another node the first is tried again. */
  returnAfterMs?: number;
}

/** A client that goes on with another node when one fails. With one node it is that node's client. */
export function createFailoverRpc({ rpcs, logger, returnAfterMs = 30_000 }: FailoverOptions): Rpc {
  const [first] = rpcs;
  if (rpcs.length === 1) return first;
  let current: Rpc = first;
  let returnAt = Number.POSITIVE_INFINITY;
  /** Which chain it is, as the first node that answered has said. */
  let chain: string | undefined;
  const verified = new Set<Rpc>();

  /** Throws unless the node is on the chain that the others are on. */
  async function verify(rpc: Rpc): Promise<void> {
    if (verified.has(rpc)) return;
    const [id, genesis] = (await rpc.batch([
      { method: "eth_chainId", params: [] },
      { method: "eth_getBlockByNumber", params: ["0x0", false] },
    ])) as [unknown, { hash?: unknown } | null];
    const found = `chain id ${Number(id)}, genesis block ${String(genesis?.hash).toLowerCase()}`;
    chain ??= found;
    if (found !== chain) {
      throw new RpcError(`The node at ${rpc.endpoint} is on another chain (${found}) than the others (${chain})`, {
        retryable: true,
      });
    }
    verified.add(rpc);
  }

  function keepTo(rpc: Rpc): void {
    if (rpc === current) return;
    logger.warn({ from: current.endpoint, to: rpc.endpoint }, "going on with another node");
    current = rpc;
    returnAt = rpc === first ? Number.POSITIVE_INFINITY : performance.now() + returnAfterMs;
  }

  /** Asks the current node, and when it fails the others in their order. */
  async function ask<Answer>(question: (rpc: Rpc) => Promise<Answer>): Promise<Answer> {
    if (performance.now() > returnAt) {
      returnAt = performance.now() + returnAfterMs;
      const isBack = await verify(first).then(
        () => true,
        () => false,
      );
      if (isBack) keepTo(first);
    }
    const start = rpcs.indexOf(current);
    let failure: unknown;
    for (let step = 0; step < rpcs.length; step++) {
      const rpc = rpcs[(start + step) % rpcs.length] as Rpc;
      try {
        await verify(rpc);
        const answer = await question(rpc);
        keepTo(rpc);
        return answer;
      } catch (error) {
        // What one node refuses, another would refuse as well.
        if (!(error instanceof RpcError) || !error.retryable) throw error;
        // Whoever answers at this address next may be another.
        verified.delete(rpc);
        failure ??= error;
      }
    }
    throw failure;
  }

  return {
    get endpoint() {
      return current.endpoint;
    },
    call: (method, params) => ask((rpc) => rpc.call(method, params)),
    batch: (calls: readonly RpcCall[]) => ask((rpc) => rpc.batch(calls)),
    switchNode() {
      const next = rpcs[(rpcs.indexOf(current) + 1) % rpcs.length] as Rpc;
      keepTo(next);
    },
  };
}
