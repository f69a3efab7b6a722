// For a user who has lost what they sign in with, by whoever has the server's machine: nobody else can vouch for them at all the brands
// that they belong to.

import { randomBytes } from "node:crypto";
import type { Database } from "../database/client.ts";
import { inTransaction } from "../database/transactions.ts";
import { recordAct } from "./audit.ts";
import { Refusal } from "./errors.ts";

export interface RecoveryOptions {
  /** The connection for application tables. */
  database: Database;
  /** How the authentication library keeps passwords. */
  hashPassword(password: string): Promise<string>;
  now(): number;
}

/**
 * Gives a user a new password, which is returned; takes away passkeys and one-time codes, which they set up anew then, and ends
 * their sessions. Throws {@link Refusal}.
 */
export async function recoverUser(email: string, options: RecoveryOptions): Promise<string> {
  const { database, hashPassword, now } = options;
  const password = randomBytes(18).toString("base64url");
  const hash = await hashPassword(password);
  await inTransaction(database, async (transaction) => {
    const user = await transaction.user.findUnique({
      where: { email: email.toLowerCase() },
      select: { id: true, memberships: { select: { brandId: true } } },
    });
    if (user === null) throw new Refusal("not-found", `No user has the address ${email}. Check it for a typing error.`);
    const { id: userId } = user;
    await transaction.userAccount.updateMany({
      where: { userId, providerId: "credential" },
      data: { password: hash, updatedAt: new Date(now()) },
    });
    await transaction.passkey.deleteMany({ where: { userId } });
    await transaction.totp.deleteMany({ where: { userId } });
    await transaction.user.update({ where: { id: userId }, data: { twoFactorEnabled: false } });
    await transaction.userSession.deleteMany({ where: { userId } });
    for (const { brandId } of user.memberships) {
      const actor = "command-line";
      await recordAct(transaction, { at: now(), brandId, actor, action: "user.recovered", subject: userId });
    }
  });
  return password;
}
