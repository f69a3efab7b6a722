// Problem documents (RFC 9457) as errors. A program compares `type`, and `reason` where there is one; `detail` is for people.

import type { components } from "./generated/schema.ts";
import { retryAfterMs } from "./patient-fetch.ts";

export type Problem = components["schemas"]["Problem"];
/** `about:blank` for an answer that was none of Mintmark's: a proxy's in between, for example. */
export type ProblemType = Problem["type"] | "about:blank";

/** The server did not do what it was asked for. */
export class MintmarkError extends Error {
  override name = "MintmarkError";
  readonly type: ProblemType;
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  /** What happened and what to do. */
  readonly detail: string;
  /** What is wrong with which parameter; empty where nothing is. */
  readonly errors: NonNullable<Problem["errors"]>;
  /** A name for why, where a program may want to know. */
  readonly reason: string | undefined;
  /** Names the request in the server's logs. */
  readonly requestId: string | undefined;
  /** In how many seconds the server asks to be asked again. */
  readonly retryAfterSeconds: number | undefined;

  constructor(problem: Partial<Omit<Problem, "type">> & { type: ProblemType }, response: Response) {
    const detail = problem.detail ?? `The server answered ${response.status} without saying why.`;
    super(detail);
    this.type = problem.type;
    this.title = problem.title ?? response.statusText;
    this.status = response.status;
    this.detail = detail;
    this.errors = problem.errors ?? [];
    this.reason = problem.reason;
    this.requestId = problem.requestId ?? response.headers.get("X-Request-Id") ?? undefined;
    const wait = response.headers.get("Retry-After");
    this.retryAfterSeconds = wait === null ? undefined : retryAfterMs(wait) / 1000;
  }
}

/** What openapi-fetch resolves to. */
interface Answered {
  data?: unknown;
  error?: unknown;
  response: Response;
}
/** The body of the answers that are no problem. */
type DataOf<Answer> = Answer extends { data: infer Data; error?: undefined } ? Data : never;

/**
 * The body of an answer: `const { data } = await unwrap(client.GET("/v1/collections"))`. Throws {@link MintmarkError} if the server
 * answered with a problem, and what `fetch` throws if it could not be asked. Nothing for an answer without a body.
 */
export async function unwrap<Answer extends Answered>(call: Promise<Answer>): Promise<DataOf<Answer>> {
  const { data, error, response } = await call;
  if (response.ok) return data as DataOf<Answer>;
  throw new MintmarkError(isProblem(error) ? error : { type: "about:blank" }, response);
}

function isProblem(error: unknown): error is Problem {
  return typeof error === "object" && error !== null && "type" in error && typeof error.type === "string";
}
