// Problem documents (RFC 9457): the one form in which the API says that something did not work. A `type` never changes its
// meaning; `detail` says what happened and what to do, and never shows internals.

import type { Response } from "express";
import type { ChildEndedError } from "../child-processes.ts";
import { storageFaultOf, storageSentence } from "../database/unusable.ts";
import { KeystoreClosedError } from "../issuance/problems.ts";

/** The known types. The path under /problems is the stable part that programs compare. */
export const PROBLEMS = {
  "invalid-request": { status: 400, title: "The request is not valid" },
  unauthenticated: { status: 401, title: "It is not known who asks" },
  forbidden: { status: 403, title: "Not allowed" },
  "second-factor-required": { status: 403, title: "A second factor must be set up first" },
  "not-found": { status: 404, title: "There is no such resource" },
  "method-not-allowed": { status: 405, title: "This resource does not know that method" },
  "block-not-reached": { status: 409, title: "The registry has not read that block yet" },
  conflict: { status: 409, title: "The state of things does not allow this" },
  "benefit-refused": { status: 409, title: "The benefit cannot be used" },
  "sold-out": { status: 409, title: "Sold out" },
  "already-taken": { status: 409, title: "The customer has a card of this edition already" },
  "not-open": { status: 409, title: "Not on offer now" },
  "request-too-large": { status: 413, title: "The request is too large" },
  "unsupported-media-type": { status: 415, title: "The body is of a kind that is not read here" },
  "idempotency-key-reused": { status: 422, title: "The Idempotency-Key was used for another request" },
  "too-many-requests": { status: 429, title: "Too many requests" },
  "internal-error": { status: 500, title: "Something went wrong on our side" },
  "database-unavailable": { status: 503, title: "The registry's database cannot be reached" },
  "chain-unavailable": { status: 503, title: "The chain cannot be reached" },
  "too-busy": { status: 503, title: "More is asked for than can be done" },
  "temporarily-unavailable": { status: 503, title: "This cannot be done right now" },
  "payment-provider-unavailable": { status: 503, title: "The payment provider does not answer as it should" },
  "mirror-not-ready": { status: 503, title: "The registry cannot answer yet" },
} as const satisfies Record<string, { status: number; title: string }>;
export type ProblemName = keyof typeof PROBLEMS;

/** What the operating system refuses a server that is asked for something, by its names for it. */
const SYSTEM_SHORTAGES: Record<string, string> = {
  ENOSPC: "has no room left on its disk",
  EDQUOT: "has no room left on its disk",
  EROFS: "cannot write to its disk",
  EACCES: "may not write to its disk",
  EIO: "cannot write to its disk",
  EMFILE: "has too many files and connections open",
  ENFILE: "has too many files and connections open",
  EAGAIN: "has too many processes",
  ENOMEM: "has no memory left",
};

/** What is wrong with one parameter. */
export interface ParameterError {
  parameter: string;
  detail: string;
}

/** Thrown wherever a request cannot be answered; the error handler sends it. */
export class Problem extends Error {
  override name = "Problem";
  readonly problem: ProblemName;
  readonly errors: ParameterError[] | undefined;
  readonly headers: Record<string, string>;
  /** A name for why, where a program may want to know. */
  readonly reason: string | undefined;

  constructor(
    problem: ProblemName,
    detail: string,
    options: { errors?: ParameterError[]; headers?: Record<string, string>; reason?: string; cause?: unknown } = {},
  ) {
    super(detail, { cause: options.cause });
    this.problem = problem;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
    this.reason = options.reason;
  }

  get status(): number {
    return PROBLEMS[this.problem].status;
  }
}

/** The mirror has no data that an answer could be made of. */
export function mirrorNotReady(
  detail = "The registry has not read the chain yet. Try again in a few seconds.",
): Problem {
  return new Problem("mirror-not-ready", detail, { headers: { "Retry-After": "5" } });
}

/** The database is out of reach, or cannot be written. Whoever asks again later may get an answer. */
export function databaseUnavailable(cause: unknown): Problem {
  const fault = storageFaultOf(cause);
  if (fault === undefined) {
    return new Problem(
      "database-unavailable",
      "The registry's database cannot be reached. Try again in a few seconds.",
      { headers: { "Retry-After": "5" }, cause },
    );
  }
  return new Problem(
    "database-unavailable",
    `${storageSentence(fault)} Tell the operator, and send the request again later, with the same Idempotency-Key if it has one: it is carried out once.`,
    { headers: { "Retry-After": "15" }, cause },
  );
}

/** The machine is short of something that this request needs. */
export function systemShort(cause: unknown): Problem | undefined {
  const { code, syscall } = cause as NodeJS.ErrnoException;
  const shortage = syscall === undefined ? undefined : SYSTEM_SHORTAGES[code ?? ""];
  if (shortage === undefined) return undefined;
  return new Problem(
    "temporarily-unavailable",
    `This cannot be done right now, because the server ${shortage}. Tell the operator, and send the request again later.`,
    { headers: { "Retry-After": "15" }, cause },
  );
}

/** A keystore that is needed is not open, or a process that computes has ended. It is tried again by itself. */
export function triedAgain(cause: KeystoreClosedError | ChildEndedError): Problem {
  return new Problem("temporarily-unavailable", `${cause.message} Try again in a few seconds.`, {
    headers: { "Retry-After": "5" },
    ...(cause instanceof KeystoreClosedError ? { reason: "keystore-closed" } : {}),
    cause,
  });
}

/** Sends a problem as `application/problem+json`. */
export function sendProblem(response: Response, problem: Problem): void {
  response
    .status(problem.status)
    .set({ ...problem.headers, "Cache-Control": "no-store" })
    .type("application/problem+json")
    .send(
      JSON.stringify({
        type: `/problems/${problem.problem}`,
        title: PROBLEMS[problem.problem].title,
        status: problem.status,
        detail: problem.message,
        ...(problem.errors === undefined ? {} : { errors: problem.errors }),
        ...(problem.reason === undefined ? {} : { reason: problem.reason }),
        requestId: response.locals["requestId"],
      }),
    );
}
