// Several nodes of one chain behind one client: one is kept to while it answers and keeps up with the others; else the next
// one is asked. Must hold: no node of another chain is ever asked for more than who it is.

import type { Logger } from "pino";
import { type Rpc, type RpcCall, RpcError } from "./rpc.ts";

export interface FailoverOptions {
  /** In the order of preference; at least one. */
  rpcs: readonly [Rpc, ...Rpc[]];
  logger: Logger;
  /** How often all nodes are asked for their newest block, in milliseconds. */
  lookEveryMs?: number;
  /** Is told of nodes that turned out to be on another chain. */
  onOtherChain?(rpc: Rpc): void;
}

/** What is known of one of the nodes. */
export interface NodeStatus {
  rpc: Rpc;
  /** Its newest block when last asked; nothing if it did not answer, or is on another chain. */
  head: number | undefined;
  /** Whether it is the one that is asked. */
  isUsed: boolean;
}

export interface FailoverRpc extends Rpc {
  switchNode(): void;
  nodes(): NodeStatus[];
}

/** A node that is more blocks than this behind another one is stuck, or cut off. */
const MOST_BLOCKS_BEHIND = 5;
/** Nodes that are asked at the same moment may answer as of two blocks. */
const MOMENT_BLOCKS = 1;

/** A client that goes on with another node when one fails or falls behind. */
export function createFailoverRpc(options: FailoverOptions): FailoverRpc {
  const { rpcs, logger, lookEveryMs = 10_000, onOtherChain } = options;
  let current: Rpc = rpcs[0];
  /** Which chain it is, as the first node that answered has said. */
  let chain: string | undefined;
  const verified = new Set<Rpc>();
  let heads = new Map<Rpc, number | undefined>();
  let looking = false;
  // The first answer says more than a look before anything was asked.
  let lookAt = performance.now() + lookEveryMs;

  /** Throws unless the node is on the chain that the others are on. */
  async function verify(rpc: Rpc): Promise<void> {
    // Where there is one, there is nothing to compare it with.
    if (rpcs.length === 1 || verified.has(rpc)) return;
    const [id, genesis] = (await rpc.batch([
      { method: "eth_chainId", params: [] },
      { method: "eth_getBlockByNumber", params: ["0x0", false] },
    ])) as [unknown, { hash?: unknown } | null];
    const found = `chain id ${Number(id)}, genesis block ${String(genesis?.hash).toLowerCase()}`;
    chain ??= found;
    if (found !== chain) {
      onOtherChain?.(rpc);
      throw new RpcError(`The node at ${rpc.endpoint} is on another chain (${found}) than the others (${chain})`, {
        kind: "other-chain",
        retryable: true,
      });
    }
    verified.add(rpc);
  }

  function keepTo(rpc: Rpc, reason: string): void {
    if (rpc === current) return;
    logger.warn({ from: current.endpoint, to: rpc.endpoint, reason }, "going on with another node");
    current = rpc;
  }

  async function headOf(rpc: Rpc): Promise<number | undefined> {
    try {
      await verify(rpc);
      const head = Number(await rpc.call("eth_blockNumber"));
      return Number.isSafeInteger(head) ? head : undefined;
    } catch {
      // Whoever answers at this address next may be another.
      verified.delete(rpc);
      return undefined; // The client has told why, to who measures it.
    }
  }

  /** Compares all nodes, and goes on with the first that is as new as the newest. */
  async function look(): Promise<void> {
    looking = true;
    try {
      const found = await Promise.all(rpcs.map(headOf));
      heads = new Map(rpcs.map((rpc, index) => [rpc, found[index]]));
    } finally {
      looking = false;
      lookAt = performance.now() + lookEveryMs;
    }
    const newest = Math.max(...[...heads.values()].map((head) => head ?? -1));
    const wanted = rpcs.find((rpc) => {
      const head = heads.get(rpc);
      return head !== undefined && newest - head <= (rpc === current ? MOST_BLOCKS_BEHIND : MOMENT_BLOCKS);
    });
    if (wanted === undefined) return;
    const head = heads.get(current);
    const behind = head === undefined ? 0 : newest - head;
    keepTo(wanted, behind > MOST_BLOCKS_BEHIND ? `it is ${behind} blocks behind` : "another is preferred, and is well");
  }

  /** Asks the current node, and when it fails the others in their order. */
  async function ask<Answer>(question: (rpc: Rpc) => Promise<Answer>): Promise<Answer> {
    // Not waited for: a node that hangs must not hold up who asks another.
    if (rpcs.length > 1 && !looking && performance.now() > lookAt) void look();
    const start = rpcs.indexOf(current);
    let failure: RpcError | undefined;
    for (let step = 0; step < rpcs.length; step++) {
      const rpc = rpcs[(start + step) % rpcs.length] as Rpc;
      try {
        await verify(rpc);
        const answer = await question(rpc);
        if (failure !== undefined) keepTo(rpc, failure.message);
        return answer;
      } catch (error) {
        // What one node refuses, another would refuse as well; and who asks for too much must ask for less.
        if (!(error instanceof RpcError) || !error.retryable || error.kind === "too-large") throw error;
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
      keepTo(next, "it is behind the mirror");
    },
    nodes: () => rpcs.map((rpc) => ({ rpc, head: heads.get(rpc), isUsed: rpc === current })),
  };
}
