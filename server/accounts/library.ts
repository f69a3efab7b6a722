// What both uses of the authentication library have in common: users.ts and customer-sign-in.ts.

import type { BetterAuthOptions } from "better-auth";
import { APIError } from "better-auth/api";
import type { Logger } from "pino";
import type { Attempts } from "./attempts.ts";

/** Carries the client's address to the library. Set by us on every request; what a client sends under this name is dropped. */
export const CLIENT_ADDRESS_HEADER = "x-mintmark-client-address";

/** The code of errors whose message is ours, and fit for whoever asked. */
export const OWN_MESSAGE = "MINTMARK";
/** The code of the refusal of a session that was opened with a password alone. */
export const SECOND_FACTOR_REQUIRED = "SECOND_FACTOR_REQUIRED";

/** What the library calls the cookie of a session. */
export function sessionCookie(prefix: string, publicUrl: string): string {
  return `${publicUrl.startsWith("https:") ? "__Secure-" : ""}${prefix}.session_token`;
}

export type RefusalStatus =
  | "BAD_REQUEST"
  | "UNAUTHORIZED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "TOO_MANY_REQUESTS"
  | "SERVICE_UNAVAILABLE";

/** An error as the library wants it thrown. */
export function refusal(status: RefusalStatus, message: string, options: { code?: string; retryAfter?: number } = {}) {
  const { code = OWN_MESSAGE, retryAfter } = options;
  return new APIError(
    status,
    { code, message },
    retryAfter === undefined ? {} : { "X-Retry-After": String(retryAfter) },
  );
}

/** The library's limits, counted with all others. */
export function countedBy(attempts: Attempts, prefix: string) {
  return {
    async consume(key: string, { window, max }: { window: number; max: number }) {
      const wait = await attempts.count(`${prefix}:${key}`, { max, seconds: window });
      return { allowed: wait === 0, retryAfter: wait === 0 ? null : wait };
    },
  };
}

/** The library's log lines without their arguments, which may hold what somebody has sent. */
function quietLog(logger: Logger): NonNullable<BetterAuthOptions["logger"]> {
  return {
    level: "warn",
    log(level, message, ...details) {
      const error = details.find((detail) => detail instanceof Error);
      const line = { ...(error === undefined ? {} : { error: error.name }), library: "better-auth" };
      if (level === "error") logger.error(line, message);
      else if (level === "warn") logger.info(line, message);
      else logger.debug(line, message);
    },
  };
}

/** What is set alike for users and customers: cookies that scripts cannot read, and errors that go to the server's own handling. */
export function commonOptions(options: { publicUrl: string; cookiePrefix: string; logger: Logger }) {
  const { publicUrl, cookiePrefix, logger } = options;
  return {
    advanced: {
      cookiePrefix,
      useSecureCookies: publicUrl.startsWith("https:"),
      defaultCookieAttributes: { httpOnly: true, sameSite: "lax" as const, path: "/" },
      ipAddress: { ipAddressHeaders: [CLIENT_ADDRESS_HEADER] },
    },
    // What is nobody's fault but ours goes on to the server's own error handling.
    onAPIError: { throw: true },
    logger: quietLog(logger),
    telemetry: { enabled: false },
  } satisfies BetterAuthOptions;
}
