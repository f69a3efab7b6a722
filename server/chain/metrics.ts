// What is measured of the chain's nodes, for Prometheus. A label never holds more of a URL than its host: paths and queries
// of endpoints hold keys.

import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { createPatience } from "../patience.ts";
import type { NodeStatus } from "./failover.ts";
import { RPC_ERROR_KINDS, type RpcErrorKind, type RpcRequest } from "./rpc.ts";

export interface RpcMetrics {
  /** A request to the node at `url` is sent. */
  sent(url: string): void;
  /** One request to the node at `url` has come to its end. */
  request(url: string, request: RpcRequest): void;
  /** An error that no single request tells. */
  error(url: string, kind: RpcErrorKind | "inconsistent"): void;
  /** Measures, whenever it is asked, which node is used and where each is. */
  watch(nodes: () => readonly (Pick<NodeStatus, "head" | "isUsed"> & { url: string })[]): void;
}

/** Registers the metrics of the nodes at `urls`. Once for each registry. */
export function createRpcMetrics(registry: Registry, urls: readonly string[]): RpcMetrics {
  const registers = [registry];
  const names = nodeNames(urls);
  const nameOf = (url: string) => names.get(url) ?? hostOf(url);
  const calls = new Counter({
    name: "mintmark_rpc_calls_total",
    help: "Calls of the chain's nodes, by method. Several may go in one request.",
    labelNames: ["node", "method"],
    registers,
  });
  const duration = new Histogram({
    name: "mintmark_rpc_request_duration_seconds",
    help: "How long requests to the chain's nodes took, failed ones too.",
    labelNames: ["node"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const received = new Counter({
    name: "mintmark_rpc_received_bytes_total",
    help: "Bytes that the chain's nodes have answered with, unpacked.",
    labelNames: ["node"],
    registers,
  });
  const errors = new Counter({
    name: "mintmark_rpc_errors_total",
    help: "Requests to the chain's nodes that failed, and answers that did not fit together, by kind.",
    labelNames: ["node", "kind"],
    registers,
  });
  // From the beginning, because a rate of what was not there before its first time misses that.
  for (const url of urls) {
    for (const kind of [...RPC_ERROR_KINDS, "inconsistent"]) errors.inc({ node: nameOf(url), kind }, 0);
  }

  const patience = new Map(urls.map((url) => [url, createPatience()]));
  new Gauge({
    name: "mintmark_rpc_node_unanswered_seconds",
    help: "For how long a node has not given a good answer although it was asked, or has asked to be left alone; 0 while it does.",
    labelNames: ["node"],
    registers,
    collect() {
      for (const [url, { seconds }] of patience) this.set({ node: nameOf(url) }, seconds());
    },
  });

  return {
    sent: (url) => patience.get(url)?.asked(),
    request(url, request) {
      const node = nameOf(url);
      patience.get(url)?.answered(isGood(request));
      for (const method of request.methods) calls.inc({ node, method });
      duration.observe({ node }, request.seconds);
      received.inc({ node }, request.bytes);
      if (request.error !== undefined) errors.inc({ node, kind: request.error.kind });
    },
    error(url, kind) {
      errors.inc({ node: nameOf(url), kind });
    },
    watch(nodes) {
      new Gauge({
        name: "mintmark_rpc_node_used",
        help: "1 for the node that is asked, 0 for the others.",
        labelNames: ["node"],
        registers,
        collect() {
          this.reset();
          for (const { url, isUsed } of nodes()) this.set({ node: nameOf(url) }, isUsed ? 1 : 0);
        },
      });
      new Gauge({
        name: "mintmark_rpc_node_head_block",
        help: "Newest block of each node when all were last compared; absent while a node does not answer.",
        labelNames: ["node"],
        registers,
        collect() {
          this.reset();
          for (const { url, head } of nodes()) if (head !== undefined) this.set({ node: nameOf(url) }, head);
        },
      });
    },
  };
}

/** Whether a node does what it is for: what it refuses with a reason is an answer too. */
function isGood({ error }: RpcRequest): boolean {
  return error === undefined || error.kind === "rejected" || error.kind === "too-large";
}

/** The nodes as labels name them. What the URLs of one host differ in may be secret, so those are numbered. */
function nodeNames(urls: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const url of new Set(urls)) {
    const number = 1 + [...names.keys()].filter((other) => hostOf(other) === hostOf(url)).length;
    names.set(url, number === 1 ? hostOf(url) : `${hostOf(url)}#${number}`);
  }
  return names;
}

function hostOf(url: string): string {
  return new URL(url).host;
}
