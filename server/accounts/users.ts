// How brand users sign in: with a passkey, or with a password and a one-time code. The library better-auth does it; here it is told
// what counts with us. Must hold: nobody signs up by themselves (see invitations.ts), and a session that was opened with a password
// alone serves for nothing but setting up a second factor.

import { passkey } from "@better-auth/passkey";
import { betterAuth } from "better-auth";
import { prismaAdapter } from "better-auth/adapters/prisma";
import { twoFactor } from "better-auth/plugins/two-factor";
import type { Logger } from "pino";
import { type Database, dialectOf } from "../database/client.ts";
import type { Attempts } from "./attempts.ts";
import { commonOptions, countedBy, refusal } from "./library.ts";
import type { Secrets } from "./secrets.ts";
import { recordUserActs, requireSecondFactor } from "./user-rules.ts";

export const USERS_PATH = "/v1/auth";
/** What the names of users' cookies begin with. */
export const USER_COOKIES = "mintmark";
const HOUR_SECONDS = 3600;
const SESSION_SECONDS = 12 * HOUR_SECONDS;
export const SHORTEST_PASSWORD = 12;
export const LONGEST_PASSWORD = 128;

export interface UsersOptions {
  /** The connection for application tables. */
  database: Database;
  secrets: Secrets;
  publicUrl: string;
  attempts: Attempts;
  logger: Logger;
  now(): number;
}

export type Users = ReturnType<typeof createUsers>;

/** What of the library can be reached from outside, as method and path below `USERS_PATH`. */
export const USER_ROUTES: ReadonlySet<string> = new Set([
  "POST /sign-in/email",
  "POST /sign-out",
  "GET /get-session",
  "GET /list-sessions",
  "POST /revoke-session",
  "POST /revoke-other-sessions",
  "POST /change-password",
  "POST /two-factor/enable",
  "POST /two-factor/verify-totp",
  "POST /two-factor/verify-backup-code",
  "POST /two-factor/generate-backup-codes",
  "POST /two-factor/disable",
  "GET /passkey/generate-register-options",
  "POST /passkey/verify-registration",
  "GET /passkey/generate-authenticate-options",
  "POST /passkey/verify-authentication",
  "GET /passkey/list-user-passkeys",
  "POST /passkey/update-passkey",
  "POST /passkey/delete-passkey",
]);

export function createUsers({ database, secrets, publicUrl, attempts, logger, now }: UsersOptions) {
  const { origin, hostname } = new URL(publicUrl);
  return betterAuth({
    appName: "Mintmark",
    baseURL: origin,
    basePath: USERS_PATH,
    secret: secrets.auth,
    database: prismaAdapter(database, { provider: dialectOf(database).provider, transaction: true }),
    user: { modelName: "user" },
    account: { modelName: "userAccount" },
    session: {
      modelName: "userSession",
      expiresIn: SESSION_SECONDS,
      updateAge: HOUR_SECONDS,
      additionalFields: { secondFactor: { type: "boolean", required: false, defaultValue: false, input: false } },
    },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: SHORTEST_PASSWORD,
      maxPasswordLength: LONGEST_PASSWORD,
    },
    plugins: [
      requireSecondFactor({ database, attempts }),
      twoFactor({ issuer: "Mintmark", twoFactorTable: "totp" }),
      passkey({
        rpID: hostname,
        rpName: "Mintmark",
        origin,
        authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
        registration: { afterVerification: ({ verification }) => requireVerifiedUser(verification.registrationInfo) },
        authentication: {
          afterVerification: ({ verification }) => requireVerifiedUser(verification.authenticationInfo),
        },
      }),
      recordUserActs({ database, now }),
    ],
    rateLimit: {
      enabled: true,
      window: 60,
      max: 100,
      customStorage: countedBy(attempts, "users"),
      customRules: {
        "/sign-in/email": { window: 60, max: 10 },
        "/two-factor/*": { window: 60, max: 10 },
        "/passkey/*": { window: 60, max: 30 },
        "/change-password": { window: 60, max: 5 },
      },
    },
    ...commonOptions({ publicUrl, cookiePrefix: USER_COOKIES, logger }),
  });
}

/** A passkey stands for two factors only if whoever holds the device has shown that it is theirs. */
async function requireVerifiedUser(info: { userVerified: boolean } | undefined): Promise<undefined> {
  if (info?.userVerified === true) return undefined;
  throw refusal(
    "UNAUTHORIZED",
    "The passkey was used without the device's PIN, fingerprint or face. Set one up on the device, and try again.",
  );
}
