// JSON-RPC over HTTP with plain `fetch`: ethers copies a response again for every chunk it arrives in, which makes large
// log answers slow. Knows how a call can fail and whether trying again can help.

/** A call that did not get a good answer. */
export class RpcError extends Error {
  override name = "RpcError";
  /** Whether the same call may succeed later: the node was not reached, overloaded, or broke off. */
  readonly retryable: boolean;
  /** The JSON-RPC error code, where the node answered with one. */
  readonly code: number | undefined;

  constructor(message: string, options: { retryable: boolean; code?: number | undefined; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
    this.code = options.code;
  }
}

export interface RpcCall {
  method: string;
  params: readonly unknown[];
}

export interface Rpc {
  /** The endpoint without credentials, for messages. */
  readonly endpoint: string;
  /** Sends one call. Throws {@link RpcError}. */
  call<Result>(method: string, params?: readonly unknown[]): Promise<Result>;
  /** Sends several calls as one request; the results are in the order of the calls. Throws if any of them fails. */
  batch(calls: readonly RpcCall[]): Promise<unknown[]>;
  /** Goes on with another node, where there are several: this one answers, but is behind. */
  switchNode?(): void;
}

interface RpcResponse {
  id: number;
  result?: unknown;
  error?: { code: number; message: string };
}

/** JSON-RPC codes that say "not now": limit exceeded, resource unavailable, internal error. */
const RETRYABLE_CODES = new Set([-32005, -32002, -32603]);
const RETRYABLE_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * A client of one endpoint.
 * @param options.timeoutMs How long one request may take, answer included.
 */
export function createRpc({ url, timeoutMs = 30_000 }: { url: string; timeoutMs?: number }): Rpc {
  const endpoint = withoutCredentials(url);
  let nextId = 1;

  async function post(body: unknown): Promise<unknown> {
    let response: Response;
    try {
      response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (cause) {
      const reason =
        cause instanceof Error && cause.name === "TimeoutError"
          ? `did not answer within ${timeoutMs} ms`
          : "cannot be reached";
      throw new RpcError(`The chain's node at ${endpoint} ${reason}`, { retryable: true, cause });
    }
    if (!response.ok && RETRYABLE_STATUS.has(response.status)) {
      await response.body?.cancel();
      throw new RpcError(`The chain's node at ${endpoint} answered with HTTP ${response.status}`, { retryable: true });
    }
    try {
      return await response.json();
    } catch (cause) {
      throw new RpcError(`The chain's node at ${endpoint} did not answer with JSON (HTTP ${response.status})`, {
        retryable: response.ok,
        cause,
      });
    }
  }

  function resultOf(method: string, response: RpcResponse): unknown {
    if (response.error !== undefined) {
      const { code, message } = response.error;
      throw new RpcError(`${method}: ${message}`, { code, retryable: RETRYABLE_CODES.has(code) });
    }
    if (!("result" in response))
      throw new RpcError(`${method}: the node answered without a result`, { retryable: true });
    return response.result;
  }

  return {
    endpoint,
    async call<Result>(method: string, params: readonly unknown[] = []): Promise<Result> {
      const answer = await post({ jsonrpc: "2.0", id: nextId++, method, params });
      if (typeof answer !== "object" || answer === null)
        throw new RpcError(`${method}: the node's answer is not JSON-RPC`, { retryable: true });
      return resultOf(method, answer as RpcResponse) as Result;
    },
    async batch(calls) {
      if (calls.length === 0) return [];
      const firstId = nextId;
      nextId += calls.length;
      const answer = await post(calls.map((call, index) => ({ jsonrpc: "2.0", id: firstId + index, ...call })));
      if (!Array.isArray(answer)) {
        throw new RpcError(`The chain's node at ${endpoint} did not answer a batch of ${calls.length} calls`, {
          retryable: true,
        });
      }
      // The specification lets the answers come in any order.
      const byId = new Map((answer as RpcResponse[]).map((response) => [response.id, response]));
      return calls.map((call, index) => {
        const response = byId.get(firstId + index);
        if (response === undefined)
          throw new RpcError(`${call.method}: the node's answer is missing`, { retryable: true });
        return resultOf(call.method, response);
      });
    },
  };
}

/** Whether a node has not taken a request that it may take a smaller one of. */
export function mayHelpToAskLess(error: unknown): boolean {
  return error instanceof RpcError && (error.code !== undefined || !error.retryable);
}

function withoutCredentials(url: string): string {
  const parsed = new URL(url);
  parsed.username = "";
  parsed.password = "";
  // Providers put API keys into the path and the query.
  return parsed.search === "" && parsed.pathname === "/" ? parsed.origin : `${parsed.origin}/…`;
}
