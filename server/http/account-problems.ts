// How HTTP calls what accounts and the authentication library refuse.

import type { Refusal, RefusalKind } from "../accounts/errors.ts";
import { OWN_MESSAGE, SECOND_FACTOR_REQUIRED } from "../accounts/library.ts";
import { Problem, type ProblemName } from "./problems.ts";

const PROBLEM_OF: Record<RefusalKind, ProblemName> = {
  unauthenticated: "unauthenticated",
  "second-factor-required": "second-factor-required",
  forbidden: "forbidden",
  "not-found": "not-found",
  conflict: "conflict",
  invalid: "invalid-request",
  "too-many": "too-many-requests",
  unavailable: "temporarily-unavailable",
};

export function problemOfRefusal({ kind, message, retryAfter }: Refusal): Problem {
  return new Problem(PROBLEM_OF[kind], message, {
    headers: retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) },
  });
}

/** Never which part was wrong: that would tell which addresses have accounts. */
const SIGN_IN_FAILED = "Signing in has failed. Check what you have entered, and try again.";
const SIGN_IN_FIRST = "Sign in first. A session that has ended does not count.";

/** What is said for a status where the library's own words would tell too much, or nothing of what to do. */
const WORDS: Record<number, { problem: ProblemName; detail?: string }> = {
  400: { problem: "invalid-request" },
  401: { problem: "unauthenticated", detail: SIGN_IN_FAILED },
  403: {
    problem: "forbidden",
    detail: "This request does not come from a page of this site. Send it from there, with its `Origin`.",
  },
  404: { problem: "not-found", detail: "There is nothing at this address. docs/accounts.md lists what there is." },
  405: { problem: "method-not-allowed", detail: "This address does not know that method." },
  413: { problem: "request-too-large", detail: "The body is larger than this request may be. Send less at once." },
  415: { problem: "unsupported-media-type", detail: "Send the body as JSON, with `Content-Type: application/json`." },
  422: { problem: "invalid-request" },
  429: {
    problem: "too-many-requests",
    detail: "There were too many attempts. Wait as long as `Retry-After` says, then try again.",
  },
  503: { problem: "temporarily-unavailable" },
};

/** The problem that an answer of the library stands for. */
export function problemOfAnswer(status: number, body: string, headers: Headers): Problem {
  const { code, message } = parse(body);
  const wait = headers.get("X-Retry-After");
  const options = { headers: wait === null ? {} : { "Retry-After": wait } };
  if (code === SECOND_FACTOR_REQUIRED && message !== undefined) {
    return new Problem("second-factor-required", message, options);
  }
  const words = WORDS[status];
  if (words === undefined) {
    return new Problem(
      "internal-error",
      "Something went wrong on our side. Try again; if it stays so, tell us the `requestId`.",
    );
  }
  if (code === OWN_MESSAGE && message !== undefined) return new Problem(words.problem, message, options);
  if (status === 401 && code === "UNAUTHORIZED") return new Problem("unauthenticated", SIGN_IN_FIRST, options);
  return new Problem(
    words.problem,
    words.detail ?? `${message ?? "The request is not valid"}. Correct it, and send it again.`,
    options,
  );
}

function parse(body: string): { code?: string | undefined; message?: string | undefined } {
  try {
    const parsed = JSON.parse(body) as { code?: unknown; message?: unknown };
    return {
      code: typeof parsed.code === "string" ? parsed.code : undefined,
      message: typeof parsed.message === "string" ? parsed.message.replace(/[.\s]+$/, "") : undefined,
    };
  } catch {
    return {};
  }
}
