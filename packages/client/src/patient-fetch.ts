// Sends a request until it is answered: with a time-out for each attempt, and again after a while where the server asks for that or
// cannot be reached. Must hold: only what changes nothing (GET, HEAD) and what carries an `Idempotency-Key` is ever sent twice.

export interface Patience {
  /** For how long one attempt may take, in milliseconds; 10,000 if left out. */
  timeoutMs: number;
  /** How often a request is sent again; 4 times if left out, never with 0. */
  retries: number;
  /** The longest wait between two attempts, in milliseconds; 20,000 if left out. A server that asks for more gets no further attempt. */
  longestWaitMs: number;
}

export type Fetch = (request: Request) => Promise<Response>;

const USUAL: Patience = { timeoutMs: 10_000, retries: 4, longestWaitMs: 20_000 };
/** The first wait is up to this long, each further one up to twice as long as the one before. */
const FIRST_WAIT_MS = 200;
const BUSY = new Set([429, 503]);

/** The attempt took longer than `timeoutMs`. */
export class MintmarkTimeoutError extends Error {
  override name = "MintmarkTimeoutError";
}

export function createPatientFetch(fetch: Fetch, options: Partial<Patience> = {}): Fetch {
  const { timeoutMs, retries, longestWaitMs } = { ...USUAL, ...options };

  /** One attempt, its JSON read to the end: an answer that breaks off is none. */
  async function attempt(request: Request): Promise<Response> {
    const late = new AbortController();
    const timer = setTimeout(
      () =>
        late.abort(new MintmarkTimeoutError(`No answer within ${timeoutMs} ms to ${request.method} ${request.url}.`)),
      timeoutMs,
    );
    try {
      const response = await fetch(new Request(request, { signal: AbortSignal.any([request.signal, late.signal]) }));
      // What is no JSON is a file or a stream of events, as long as it likes.
      if (response.body === null || !isJson(response)) return response;
      const { status, statusText, headers } = response;
      return new Response(await response.arrayBuffer(), { status, statusText, headers });
    } finally {
      clearTimeout(timer);
    }
  }

  return async (request) => {
    const attempts = mayBeRepeated(request) ? retries : 0;
    for (let made = 0; ; made++) {
      const isLast = made >= attempts;
      // A body can be read once.
      const answer = await attempt(isLast ? request : request.clone()).catch((error: unknown) => {
        if (isLast || request.signal.aborted) throw error;
        return undefined;
      });
      if (answer !== undefined && (isLast || !BUSY.has(answer.status))) return answer;
      const asked = answer === undefined ? 0 : retryAfterMs(answer.headers.get("Retry-After"));
      if (answer !== undefined && asked > longestWaitMs) return answer;
      await answer?.body?.cancel();
      // Not all at once: whoever was turned away together would come back together.
      const backoff = Math.random() * Math.min(longestWaitMs, FIRST_WAIT_MS * 2 ** made);
      await sleep(Math.min(asked + backoff, longestWaitMs), request.signal);
    }
  };
}

function mayBeRepeated({ method, headers }: Request): boolean {
  return method === "GET" || method === "HEAD" || headers.has("Idempotency-Key");
}

function isJson({ headers }: Response): boolean {
  return /^application\/(problem\+)?json\b/.test(headers.get("Content-Type") ?? "");
}

/** Seconds or a date (RFC 9110, 10.2.3), as milliseconds from now; 0 where there is none that can be read. */
export function retryAfterMs(header: string | null, now = Date.now()): number {
  if (header === null) return 0;
  const wait = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(wait) ? 0 : Math.max(0, wait);
}

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}
