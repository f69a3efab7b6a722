// What the authentication library must refuse, and what of it goes into the audit log.

import type { BetterAuthPlugin } from "better-auth";
import { createAuthMiddleware, getSessionFromCtx, isAPIError } from "better-auth/api";
import type { Database } from "../database/client.ts";
import { inTransaction } from "../database/transactions.ts";
import type { Attempts } from "./attempts.ts";
import { recordAct } from "./audit.ts";
import { refusal, SECOND_FACTOR_REQUIRED } from "./library.ts";

/** Sessions that begin here have seen more than a password. */
const TWO_FACTOR_PATHS = new Set([
  "/two-factor/verify-totp",
  "/two-factor/verify-backup-code",
  "/passkey/verify-authentication",
]);
/** What a session may do that was opened with a password alone. */
const OPEN_PATHS = new Set([
  "/sign-in/email",
  "/sign-out",
  "/get-session",
  "/passkey/generate-authenticate-options",
  "/passkey/verify-authentication",
]);
/** What it may do besides, as long as its user has no second factor. */
const ENROLMENT_PATHS = new Set([
  "/two-factor/enable",
  "/two-factor/verify-totp",
  "/passkey/generate-register-options",
  "/passkey/verify-registration",
]);

/** However many addresses they come from: so often may a password be tried for one user. */
const PASSWORD_LIMIT = { max: 20, seconds: 900 };

export const SECOND_FACTOR_ADVICE =
  "You have signed in with a password alone. Set up one-time codes or a passkey below /v1/auth first; if you have them, sign in with them.";

export function requireSecondFactor({ database, attempts }: { database: Database; attempts: Attempts }) {
  return {
    id: "mintmark-second-factor",
    init: () => ({
      options: {
        databaseHooks: {
          session: {
            create: {
              async before(session, context) {
                return { data: { ...session, secondFactor: TWO_FACTOR_PATHS.has(context?.path ?? "") } };
              },
            },
          },
        },
      },
    }),
    hooks: {
      before: [
        {
          matcher: ({ path }) => path === "/sign-in/email",
          handler: createAuthMiddleware(async ({ body }) => {
            const email = String(body?.email ?? "").toLowerCase();
            const wait = await attempts.count(`password:${email}`, PASSWORD_LIMIT);
            if (wait > 0)
              throw refusal("TOO_MANY_REQUESTS", "There were too many attempts to sign in. Wait, then try again.", {
                retryAfter: wait,
              });
          }),
        },
        {
          matcher: ({ body }) => body?.trustDevice === true,
          handler: createAuthMiddleware(async () => {
            throw refusal("BAD_REQUEST", "`trustDevice` is not offered here: use a passkey instead.");
          }),
        },
        {
          matcher: ({ path }) => path !== undefined && !OPEN_PATHS.has(path),
          handler: createAuthMiddleware(async (context) => {
            const found = await getSessionFromCtx(context);
            // Without a session the path itself says what it wants.
            if (found === null || found.session["secondFactor"] === true) return;
            // Whoever has stolen a password must not be able to add a factor of their own.
            if (ENROLMENT_PATHS.has(context.path) && !(await hasSecondFactor(database, found.user.id))) return;
            throw refusal("FORBIDDEN", SECOND_FACTOR_ADVICE, { code: SECOND_FACTOR_REQUIRED });
          }),
        },
      ],
    },
  } satisfies BetterAuthPlugin;
}

async function hasSecondFactor(database: Database, userId: string): Promise<boolean> {
  const user = await database.user.findUnique({
    where: { id: userId },
    select: { twoFactorEnabled: true, _count: { select: { passkeys: true } } },
  });
  return user !== null && (user.twoFactorEnabled === true || user._count.passkeys > 0);
}

/** What users change about how they sign in, by the path that does it. */
const ACTS: Record<string, string> = {
  "/change-password": "user.password-changed",
  "/two-factor/disable": "user.one-time-codes-removed",
  "/two-factor/generate-backup-codes": "user.backup-codes-replaced",
  "/passkey/verify-registration": "user.passkey-added",
  "/passkey/delete-passkey": "user.passkey-removed",
};
const ENROLLED = "user.one-time-codes-set-up";

/** Must be the last plugin, so that what another one refuses is not recorded. */
export function recordUserActs({ database, now }: { database: Database; now(): number }) {
  async function record(userId: string, action: string): Promise<void> {
    const memberships = await database.brandMember.findMany({ where: { userId }, select: { brandId: true } });
    await inTransaction(database, async (transaction) => {
      for (const { brandId } of memberships) {
        await recordAct(transaction, { at: now(), brandId, actor: `user:${userId}`, action, subject: userId });
      }
    });
  }
  return {
    id: "mintmark-audit",
    init: () => ({
      options: {
        databaseHooks: {
          user: {
            update: {
              async after(user, context) {
                const enrolled = context?.path === "/two-factor/verify-totp" && user["twoFactorEnabled"] === true;
                if (enrolled) await record(user.id, ENROLLED);
              },
            },
          },
        },
      },
    }),
    hooks: {
      after: [
        {
          matcher: ({ path }) => path !== undefined && path in ACTS,
          handler: createAuthMiddleware(async (context) => {
            const action = ACTS[context.path];
            const userId = context.context.session?.user.id ?? context.context.newSession?.user.id;
            if (isAPIError(context.context.returned) || action === undefined || userId === undefined) return;
            await record(userId, action);
          }),
        },
      ],
    },
  } satisfies BetterAuthPlugin;
}
