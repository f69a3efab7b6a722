// JSON-RPC over HTTP with plain `fetch`: ethers copies a response again for every chunk it arrives in, which makes large
// log answers slow. Knows in which ways a call can fail and whether trying again can help, and leaves a node alone that has
// asked for it.

/** In which way a call has failed. */
export const RPC_ERROR_KINDS = [
  /** No connection, or one that broke off. */
  "unreachable",
  /** No answer in time; or the node itself ran out of time. */
  "timeout",
  /** The node wants to be asked less often. */
  "rate-limited",
  /** The answer is larger than the node gives, or than we take. Ask for less at once. */
  "too-large",
  /** An HTTP error: from the node, or from what stands before it. */
  "http",
  /** Not JSON, or not JSON-RPC. */
  "malformed",
  /** The answer to one of the calls is not there. */
  "missing",
  /** The node cannot do it now: an internal error, or a block that it does not have yet. */
  "failed",
  /** The node will not do it: the call is wrong, or reverts. */
  "rejected",
  /** The node is on another chain than the others. */
  "other-chain",
] as const;
export type RpcErrorKind = (typeof RPC_ERROR_KINDS)[number];

/** A call that did not get a good answer. */
export class RpcError extends Error {
  override name = "RpcError";
  readonly kind: RpcErrorKind;
  /** Whether trying again may help: later, with another node or, where the answer is too large, with less at once. */
  readonly retryable: boolean;
  /** The JSON-RPC error code, where the node answered with one. */
  readonly code: number | undefined;
  /** For how many milliseconds the node asked to be left alone, where it did. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: {
      kind: RpcErrorKind;
      retryable: boolean;
      code?: number | undefined;
      retryAfterMs?: number | undefined;
      cause?: unknown;
    },
  ) {
    super(message, { cause: options.cause });
    this.kind = options.kind;
    this.retryable = options.retryable;
    this.code = options.code;
    this.retryAfterMs = options.retryAfterMs;
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

/** One request that was sent, for who measures. */
export interface RpcRequest {
  /** The methods of its calls. */
  methods: readonly string[];
  seconds: number;
  /** Of the answer, unpacked. */
  bytes: number;
  /** What went wrong; nothing if all of its calls succeeded. */
  error: RpcError | undefined;
}

export interface RpcOptions {
  url: string;
  /** How messages call what is there; a node of the chain if left out. */
  peer?: string;
  /** How long one request may take, answer included. */
  timeoutMs?: number;
  /** How large an answer may be, unpacked. JSON.parse takes a little more than this at most. */
  maxAnswerBytes?: number;
  /** Is told of every request when it is sent. */
  onSend?(): void;
  /** Is told of every request when it has been answered, or will not be. */
  onRequest?(request: RpcRequest): void;
}

interface RpcResponse {
  id?: unknown;
  result?: unknown;
  error?: unknown;
}

/** JSON-RPC codes that say "not now": limit exceeded, resource unavailable, internal error. */
const RETRYABLE_CODES = new Set([-32005, -32002, -32603]);
const RETRYABLE_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);
const DEFAULT_MAX_ANSWER_BYTES = 256 * 1024 * 1024;
/** A node that asks to be left alone for longer is asked again all the same. */
const LONGEST_REST_MS = 600_000;

// Nodes share no codes for these: one rejects what is too much with -32005, another with -32602 or -32000.
const SAYS_TOO_OFTEN = /too many requests|\brate\b|throttl|per second|quota|capacity/i;
const SAYS_HOW_MUCH = /\b(range|results?|response|logs|size|batch|body)\b/i;
const SAYS_TOO_MUCH = /exceed|more than|too (many|much|large|big|wide|long)|limit|maximum/i;
const SAYS_TOO_SLOW = /time-?out|timed out/i;
const SAYS_NOT_YET = /unknown block|(block|header|logs?) not (found|available)|not yet available/i;

const LESS_MAY_HELP: ReadonlySet<RpcErrorKind> = new Set(["timeout", "too-large", "malformed", "failed", "rejected"]);

/** A client of one endpoint. */
export function createRpc(options: RpcOptions): Rpc {
  const {
    url,
    peer = "The chain's node",
    timeoutMs = 30_000,
    maxAnswerBytes = DEFAULT_MAX_ANSWER_BYTES,
    onSend,
    onRequest,
  } = options;
  const endpoint = withoutCredentials(url);
  const node = `${peer} at ${endpoint}`;
  let nextId = 1;
  /** Until when the node has asked to be left alone. */
  let restUntil = 0;

  /** Sends one request and reads its answer. */
  async function request<Answer>(
    methods: readonly string[],
    body: unknown,
    read: (answer: unknown) => Answer,
  ): Promise<Answer> {
    const restMs = restUntil - performance.now();
    if (restMs > 0) throw restError(Math.ceil(restMs));
    const startedAt = performance.now();
    const received = { bytes: 0 };
    let error: RpcError | undefined;
    onSend?.();
    try {
      return read(await post(body, received));
    } catch (reason) {
      if (reason instanceof RpcError) {
        error = reason;
        if (reason.retryAfterMs !== undefined) restUntil = performance.now() + reason.retryAfterMs;
      }
      throw reason;
    } finally {
      onRequest?.({ methods, seconds: (performance.now() - startedAt) / 1_000, bytes: received.bytes, error });
    }
  }

  async function post(body: unknown, received: { bytes: number }): Promise<unknown> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (!response.ok) await refuseStatus(response);
      text = await readText(response, received);
    } catch (cause) {
      if (cause instanceof RpcError) throw cause;
      const isLate = cause instanceof Error && cause.name === "TimeoutError";
      const reason = isLate ? `did not answer within ${timeoutMs} ms` : "cannot be reached";
      throw new RpcError(`${node} ${reason}`, { kind: isLate ? "timeout" : "unreachable", retryable: true, cause });
    }
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new RpcError(`${node} did not answer with JSON (HTTP ${response.status})`, {
        kind: response.ok ? "malformed" : "http",
        retryable: response.ok,
        cause,
      });
    }
  }

  /** Throws where the status says all. With others, the answer may still be one of JSON-RPC, and say more. */
  async function refuseStatus(response: Response): Promise<void> {
    const { status } = response;
    const isTooLarge = status === 413;
    if (!isTooLarge && !RETRYABLE_STATUS.has(status)) return;
    await response.body?.cancel();
    const retryAfterMs = status === 429 || status === 503 ? restAskedFor(response) : undefined;
    const wish =
      retryAfterMs === undefined ? "" : `, and asks to be left alone for ${Math.ceil(retryAfterMs / 1_000)} s`;
    throw new RpcError(`${node} answered with HTTP ${status}${wish}`, {
      kind: isTooLarge ? "too-large" : status === 429 ? "rate-limited" : "http",
      retryable: true,
      retryAfterMs,
    });
  }

  async function readText(response: Response, received: { bytes: number }): Promise<string> {
    const announced = Number(response.headers.get("content-length") ?? 0);
    if (announced > maxAnswerBytes) {
      await response.body?.cancel();
      throw tooLarge();
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body ?? []) {
      received.bytes += chunk.length;
      // Leaving the loop ends the download.
      if (received.bytes > maxAnswerBytes) throw tooLarge();
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, received.bytes).toString("utf8");
  }

  function tooLarge(): RpcError {
    const mebibytes = Math.floor(maxAnswerBytes / 2 ** 20);
    return new RpcError(`${node} answered with more than ${mebibytes} MiB`, { kind: "too-large", retryable: true });
  }

  function restError(retryAfterMs: number): RpcError {
    const seconds = Math.ceil(retryAfterMs / 1_000);
    return new RpcError(`${node} has asked to be left alone for another ${seconds} s`, {
      kind: "rate-limited",
      retryable: true,
      retryAfterMs,
    });
  }

  function malformed(what: string): RpcError {
    return new RpcError(`${node} ${what}`, { kind: "malformed", retryable: true });
  }

  function resultOf(method: string, id: number, { result, error, ...response }: RpcResponse): unknown {
    if (error !== undefined && error !== null) throw errorOf(method, error);
    if (response.id !== id) throw malformed(`answered another question than ${method}`);
    if (result === undefined) {
      throw new RpcError(`${method}: the node answered without a result`, { kind: "missing", retryable: true });
    }
    return result;
  }

  return {
    endpoint,
    async call<Result>(method: string, params: readonly unknown[] = []): Promise<Result> {
      const id = nextId++;
      return await request([method], { jsonrpc: "2.0", id, method, params }, (answer) => {
        if (!isResponse(answer)) throw malformed(`did not answer ${method} as JSON-RPC demands`);
        return resultOf(method, id, answer) as Result;
      });
    },
    async batch(calls) {
      if (calls.length === 0) return [];
      const firstId = nextId;
      nextId += calls.length;
      const methods = calls.map(({ method }) => method);
      const body = calls.map((call, index) => ({ jsonrpc: "2.0", id: firstId + index, ...call }));
      return await request(methods, body, (answer) => {
        // What is wrong with the batch as a whole comes by itself.
        if (isResponse(answer) && answer.error != null) throw errorOf(`A batch of ${calls.length} calls`, answer.error);
        if (!Array.isArray(answer)) throw malformed(`did not answer a batch of ${calls.length} calls`);
        // The specification lets the answers come in any order.
        const byId = new Map(answer.filter(isResponse).map((response) => [response.id, response]));
        return calls.map(({ method }, index) => {
          const response = byId.get(firstId + index);
          if (response !== undefined) return resultOf(method, firstId + index, response);
          throw new RpcError(`${method}: the node's answer is missing`, { kind: "missing", retryable: true });
        });
      });
    },
  };
}

/** Whether a node that has not taken a request, or not managed it, may take one that asks for less. */
export function mayHelpToAskLess(error: unknown): boolean {
  return error instanceof RpcError && LESS_MAY_HELP.has(error.kind);
}

/** The error that a node has answered with. */
function errorOf(method: string, error: unknown): RpcError {
  const { code, message } = (typeof error === "object" ? error : {}) as { code?: unknown; message?: unknown };
  const words = typeof message === "string" ? message : String(JSON.stringify(error));
  const number = typeof code === "number" ? code : undefined;
  const kind = kindOf(number, words);
  return new RpcError(`${method}: ${words}`, { kind, code: number, retryable: kind !== "rejected" });
}

function kindOf(code: number | undefined, message: string): RpcErrorKind {
  // What a contract says when it reverts, and the name of a method that the node lacks, may contain any of the words below.
  if (code === 3 || code === -32601 || /\brevert/i.test(message)) return "rejected";
  if (code === 429 || SAYS_TOO_OFTEN.test(message)) return "rate-limited";
  if (SAYS_HOW_MUCH.test(message) && SAYS_TOO_MUCH.test(message)) return "too-large";
  if (SAYS_TOO_SLOW.test(message)) return "timeout";
  if (code === -32005) return "rate-limited";
  return (code !== undefined && RETRYABLE_CODES.has(code)) || SAYS_NOT_YET.test(message) ? "failed" : "rejected";
}

/** For how long the node wants to be left alone (RFC 9110, 10.2.3), in milliseconds; nothing if it does not say. */
function restAskedFor(response: Response): number | undefined {
  const wish = response.headers.get("retry-after")?.trim();
  if (wish === undefined || wish === "") return undefined;
  const ms = /^\d+$/.test(wish) ? Number(wish) * 1_000 : Date.parse(wish) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, ms), LONGEST_REST_MS);
}

function isResponse(value: unknown): value is RpcResponse {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function withoutCredentials(url: string): string {
  const parsed = new URL(url);
  parsed.username = "";
  parsed.password = "";
  // Providers put API keys into the path and the query.
  return parsed.search === "" && parsed.pathname === "/" ? parsed.origin : `${parsed.origin}/…`;
}
