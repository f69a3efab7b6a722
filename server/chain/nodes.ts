// The nodes of the chain as the server uses them: one client for all of them, measured.

import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { createFailoverRpc } from "./failover.ts";
import { createRpcMetrics } from "./metrics.ts";
import { createRpc, type Rpc } from "./rpc.ts";

export interface Nodes {
  rpc: Rpc;
  /** Counts answers of the node that is used that did not fit together, which only who reads them can tell. */
  countInconsistency(): void;
}

export interface NodesOptions {
  /** In the order of preference. */
  urls: readonly [string, ...string[]];
  logger: Logger;
  metrics: Registry;
}

export function connectNodes({ urls, logger, metrics }: NodesOptions): Nodes {
  const measured = createRpcMetrics(metrics, urls);
  const urlOf = new Map<Rpc, string>();
  const connect = (url: string): Rpc => {
    const rpc = createRpc({
      url,
      onSend: () => measured.sent(url),
      onRequest: (request) => measured.request(url, request),
    });
    urlOf.set(rpc, url);
    return rpc;
  };
  const [first, ...others] = urls;
  const rpc = createFailoverRpc({
    rpcs: [connect(first), ...others.map(connect)],
    logger,
    onOtherChain: (node) => measured.error(urlOf.get(node) ?? first, "other-chain"),
  });
  const nodes = () => rpc.nodes().map((node) => ({ ...node, url: urlOf.get(node.rpc) ?? first }));
  measured.watch(nodes);
  return {
    rpc,
    countInconsistency() {
      measured.error(nodes().find(({ isUsed }) => isUsed)?.url ?? first, "inconsistent");
    },
  };
}
