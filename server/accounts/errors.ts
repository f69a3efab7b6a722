// What accounts refuse. Knows nothing of HTTP; the message is a sentence for whoever asked and says what to do.

/** Why something was refused; server/http/account-problems.ts says how HTTP calls it. */
export type RefusalKind =
  /** What was shown does not prove who asks. */
  | "unauthenticated"
  /** A password alone does not suffice. */
  | "second-factor-required"
  /** Who asks may not do this. */
  | "forbidden"
  /** There is no such thing, or it is another brand's. */
  | "not-found"
  /** The state of things does not allow it. */
  | "conflict"
  /** It was asked wrongly. */
  | "invalid"
  /** It was tried too often. */
  | "too-many"
  /** It cannot be known now. */
  | "unavailable";

export class Refusal extends Error {
  override name = "Refusal";
  readonly kind: RefusalKind;
  /** After how many seconds to try again. */
  readonly retryAfter: number | undefined;

  constructor(kind: RefusalKind, message: string, options: { retryAfter?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.retryAfter = options.retryAfter;
  }
}
