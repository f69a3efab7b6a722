// JSON-RPC over the generated chain, as Besu answers: what it refuses, with which codes and words. Answers are lists of byte
// strings, so that the prepared texts of blocks are sent without being copied.

import type { BlockText, ReplayChain } from "./chain.ts";

export interface ReplayCounts {
  /** HTTP requests; a batch is one. */
  requests: number;
  /** JSON-RPC calls by method; those in a batch each count. */
  calls: Record<string, number>;
  /** Bytes of the answers. */
  bytes: number;
}

export interface JsonRpcOptions {
  chain: ReplayChain;
  /** How many blocks one `eth_getLogs` may span: Besu's --rpc-max-logs-range. */
  maxLogsRange: number;
  /** How many blocks behind the head the newest final one is. */
  finalizedDepth: number;
  /** Methods beside the node's own, which are not counted. */
  sideMethods: Record<string, (...params: never[]) => unknown>;
}

export interface JsonRpc {
  /** The answer to the text of a request, single or batch. */
  answer(request: string): Buffer[];
  counts: ReplayCounts;
}

/** An answer that says why there is none. */
class JsonRpcError extends Error {
  override name = "JsonRpcError";
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const PARSE_ERROR = -32700;
/** Besu's for requests that ask for too much. */
const LIMIT_EXCEEDED = -32005;
const MAX_BATCH = 1_024;

interface LogFilter {
  fromBlock?: string;
  toBlock?: string;
  blockHash?: string;
  address?: string | string[] | null;
  topics?: (string | string[] | null)[];
}

type Result = string | Buffer[];

export function createJsonRpc({ chain, maxLogsRange, finalizedDepth, sideMethods }: JsonRpcOptions): JsonRpc {
  const counts: ReplayCounts = { requests: 0, calls: {}, bytes: 0 };

  function numberOf(tag: unknown): number {
    switch (tag) {
      case "latest":
      case "pending":
      case undefined:
        return chain.head();
      case "finalized":
      case "safe":
        return Math.max(0, chain.head() - finalizedDepth);
      case "earliest":
        return 0;
    }
    const number = typeof tag === "string" && /^0x[0-9a-f]+$/i.test(tag) ? Number(tag) : Number.NaN;
    if (!Number.isSafeInteger(number)) throw new JsonRpcError(INVALID_PARAMS, "Invalid block param (block not found)");
    return number;
  }

  function getLogs(filter: LogFilter): Buffer[] {
    let [from, to] = [0, 0];
    if (filter.blockHash !== undefined) {
      if (filter.fromBlock !== undefined || filter.toBlock !== undefined)
        throw new JsonRpcError(INVALID_PARAMS, "Invalid filter params");
      const number = chain.numberOf(filter.blockHash);
      // Besu answers with nothing, and not with an error, for a block that it does not have.
      if (number === undefined) return [Buffer.from("[]")];
      [from, to] = [number, number];
    } else {
      [from, to] = [numberOf(filter.fromBlock), numberOf(filter.toBlock)];
      if (from > to) throw new JsonRpcError(INVALID_PARAMS, "Invalid filter params");
      if (to - from > maxLogsRange)
        throw new JsonRpcError(LIMIT_EXCEEDED, "Requested range exceeds maximum RPC range limit");
    }
    const accepts = createFilter(filter);
    const comma = Buffer.from(",");
    const parts: Buffer[] = [];
    const last = Math.min(to, chain.head());
    for (let block = chain.nextWithLogs(from); block <= last; block = chain.nextWithLogs(block + 1)) {
      for (const run of runs(chain.logsText(block), accepts(chain, block))) parts.push(comma, run);
    }
    parts[0] = Buffer.from("[");
    parts.push(Buffer.from("]"));
    return parts;
  }

  const methods: Record<string, (params: readonly unknown[]) => Result> = {
    eth_chainId: () => JSON.stringify(`0x${chain.chainId.toString(16)}`),
    net_version: () => JSON.stringify(String(chain.chainId)),
    web3_clientVersion: () => '"mintmark-replay"',
    eth_syncing: () => "false",
    eth_blockNumber: () => JSON.stringify(`0x${chain.head().toString(16)}`),
    eth_getBlockByNumber: ([tag]) => chain.header(numberOf(tag)) ?? "null",
    eth_getBlockByHash([hash]) {
      const number = chain.numberOf(String(hash));
      return (number === undefined ? undefined : chain.header(number)) ?? "null";
    },
    eth_getLogs: ([filter]) => getLogs((filter ?? {}) as LogFilter),
  };

  function answerCall(call: unknown): Buffer[] {
    const { id = null, method, params = [] } = (call ?? {}) as { id?: unknown; method?: unknown; params?: unknown[] };
    const begin = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},`;
    try {
      if (typeof method !== "string" || !Array.isArray(params))
        throw new JsonRpcError(INVALID_REQUEST, "Invalid Request");
      const sideMethod = sideMethods[method];
      if (sideMethod !== undefined)
        return [Buffer.from(`${begin}"result":${JSON.stringify(sideMethod(...(params as never[])) ?? null)}}`)];
      counts.calls[method] = (counts.calls[method] ?? 0) + 1;
      const answer = methods[method];
      if (answer === undefined) throw new JsonRpcError(METHOD_NOT_FOUND, "Method not found");
      const result = answer(params);
      if (typeof result === "string") return [Buffer.from(`${begin}"result":${result}}`)];
      return [Buffer.from(`${begin}"result":`), ...result, Buffer.from("}")];
    } catch (error) {
      const code = error instanceof JsonRpcError ? error.code : INVALID_PARAMS;
      const { message } = error as Error;
      return [Buffer.from(`${begin}"error":${JSON.stringify({ code, message })}}`)];
    }
  }

  return {
    counts,
    answer(request) {
      const isOurs = request.includes('"replay_');
      if (!isOurs) counts.requests++;
      const parts = answerText(request, answerCall);
      if (!isOurs) for (const part of parts) counts.bytes += part.length;
      return parts;
    },
  };
}

function answerText(request: string, answerCall: (call: unknown) => Buffer[]): Buffer[] {
  const refuse = (code: number, message: string) => [
    Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code, message } })),
  ];
  let calls: unknown;
  try {
    calls = JSON.parse(request);
  } catch {
    return refuse(PARSE_ERROR, "Parse error");
  }
  if (!Array.isArray(calls)) return answerCall(calls);
  if (calls.length > MAX_BATCH) return refuse(LIMIT_EXCEEDED, "Number of requests exceeds max batch size");
  const parts = calls.flatMap((call) => [Buffer.from(","), ...answerCall(call)]);
  return [Buffer.from("["), ...parts.slice(1), Buffer.from("]")];
}

/** Which logs of a block a filter lets through. */
type Selection = (log: number) => boolean;

function createFilter({ address, topics = [] }: LogFilter): (chain: ReplayChain, block: number) => Selection {
  const lower = (values: string | readonly string[]) => new Set([values].flat().map((value) => value.toLowerCase()));
  const addresses = address == null ? undefined : lower(address);
  const [events, ...others] = topics.map((topic) => (topic === null ? undefined : lower(topic)));
  const isEverybody = others.every((wanted) => wanted === undefined);
  return (chain, block) => {
    const text = chain.logsText(block);
    // Few filters ask for arguments, so the texts do not keep them.
    const logs = isEverybody ? [] : chain.logs(block);
    return (log) =>
      (addresses?.has(text.addresses[log] ?? "") ?? true) &&
      (events?.has(text.events[log] ?? "") ?? true) &&
      others.every((wanted, index) => wanted === undefined || wanted.has(logs[log]?.topics[index + 1] ?? ""));
  };
}

/** The logs that are let through; those that stand side by side in one piece. */
function* runs({ text, starts, events }: BlockText, isSelected: Selection): Generator<Buffer> {
  let first: number | undefined;
  for (let log = 0; log <= events.length; log++) {
    if (log < events.length && isSelected(log)) {
      first ??= log;
    } else if (first !== undefined) {
      // Each log ends a comma before the next one begins.
      yield text.subarray(starts[first], (starts[log] ?? 0) - 1);
      first = undefined;
    }
  }
}
