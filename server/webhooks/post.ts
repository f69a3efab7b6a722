// One request to an endpoint. Must hold: it ends in time; nothing is followed anywhere, and no more is read than is shown; who the
// environment names as a proxy is not asked.

import http from "node:http";
import https from "node:https";
import {
  type AddressPolicy,
  createGuardedLookup,
  ForbiddenAddressError,
  hostOf,
  problemOfUrl,
  type Resolve,
  requireAllowedHost,
} from "./addresses.ts";

/** What came of a request. */
export type PostResult =
  | { kind: "answered"; status: number; answer: string; retryAfter: string | undefined; durationMs: number }
  /** There was no answer. The reason is a sentence without anything secret. */
  | { kind: "failed"; reason: string; durationMs: number }
  /** It was broken off by us. */
  | { kind: "stopped" };

export interface Poster {
  post(url: string, headers: Record<string, string>, body: string, stop: AbortSignal): Promise<PostResult>;
  close(): void;
}

export interface PosterOptions {
  policy: AddressPolicy;
  timeoutMs: number;
  /** How names become addresses; as the system does it if left out. */
  resolve?: Resolve;
}

/** How much of an answer is read at most. */
const MOST_BYTES = 4_096;
const SHOWN_CHARACTERS = 500;
const USER_AGENT = "Mintmark-Webhooks/1";
/** Servers close connections that nothing is sent on, mostly after five seconds. */
const IDLE_MS = 4_000;

export function createPoster({ policy, timeoutMs, resolve }: PosterOptions): Poster {
  const lookup = createGuardedLookup(policy, resolve);
  const options = { keepAlive: true, lookup, timeout: IDLE_MS, maxFreeSockets: 8 };
  const agents = { "http:": new http.Agent(options), "https:": new https.Agent(options) };

  function send(url: URL, headers: Record<string, string>, body: Buffer, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const secure = url.protocol === "https:";
      const request = (secure ? https : http).request(url, {
        method: "POST",
        agent: secure ? agents["https:"] : agents["http:"],
        signal,
        // The agent's closes idle connections; while somebody works on an answer nothing is idle.
        timeout: 0,
        headers: {
          ...headers,
          "Content-Type": "application/json",
          "Content-Length": body.length,
          "User-Agent": USER_AGENT,
        },
      });
      request.once("error", (error) => {
        reject(request.reusedSocket && isReset(error) ? new StaleConnectionError() : error);
      });
      request.once("response", (response) => {
        const status = response.statusCode ?? 0;
        const retryAfter = response.headers["retry-after"];
        const chunks: Buffer[] = [];
        let size = 0;
        const answered = () => {
          const text = Buffer.concat(chunks).subarray(0, MOST_BYTES).toString("utf8");
          resolve({ status, retryAfter, answer: shown(text) });
        };
        response.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          // The rest does not matter, and could be endless.
          if (size < MOST_BYTES) return;
          answered();
          response.destroy();
        });
        response.once("end", answered);
        response.once("error", reject);
      });
      request.end(body);
    });
  }

  return {
    async post(text, headers, body, stop) {
      const started = performance.now();
      const durationMs = () => Math.round(performance.now() - started);
      const timeout = AbortSignal.timeout(timeoutMs);
      const signal = AbortSignal.any([timeout, stop]);
      try {
        // The rules may have become stricter since the endpoint was made.
        const problem = problemOfUrl(text, policy);
        if (problem !== undefined) throw new ForbiddenAddressError(`The endpoint's URL ${problem}.`);
        const url = new URL(text);
        requireAllowedHost(hostOf(url), policy);
        const bytes = Buffer.from(body);
        const answer = await send(url, headers, bytes, signal).catch((error: unknown) => {
          if (!(error instanceof StaleConnectionError)) throw error;
          return send(url, headers, bytes, signal);
        });
        return { kind: "answered", ...answer, durationMs: durationMs() };
      } catch (error) {
        if (stop.aborted) return { kind: "stopped" };
        const reason = timeout.aborted ? `No answer came within ${timeoutMs / 1000} seconds.` : reasonOf(error);
        return { kind: "failed", reason, durationMs: durationMs() };
      }
    },
    close() {
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}

interface Answer {
  status: number;
  answer: string;
  retryAfter: string | undefined;
}

/** The receiver had closed a connection that was kept for the next message, which says nothing about this one. */
class StaleConnectionError extends Error {
  override name = "StaleConnectionError";
}

function isReset(error: Error): boolean {
  return ["ECONNRESET", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "");
}

/** The beginning of an answer, without what a database or a terminal would trip over. */
function shown(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that are taken out
  return text.replace(/[\0-\x08\x0b-\x1f\x7f]/g, "").slice(0, SHOWN_CHARACTERS);
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: "Nobody listens there: the connection was refused.",
  ECONNRESET: "The connection was closed before an answer came.",
  ENOTFOUND: "The name of the host is not known.",
  EAI_AGAIN: "The name of the host could not be looked up.",
  EHOSTUNREACH: "The host cannot be reached.",
  ENETUNREACH: "The network of the host cannot be reached.",
  ETIMEDOUT: "The connection was not answered in time.",
};

function reasonOf(error: unknown): string {
  if (error instanceof ForbiddenAddressError) return error.message;
  const { code = "", message } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? shown(`The request failed: ${message === "" ? code : message}`);
}
