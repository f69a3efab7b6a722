// How somebody becomes a member of a brand: an owner invites an email address and hands on the link that comes back. Must hold: a link
// works once and for a while, and only its hash is kept.

import { hash, randomBytes } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import { inTransaction } from "../database/transactions.ts";
import { recordAct } from "./audit.ts";
import { Refusal } from "./errors.ts";
import type { BrandRole } from "./principal.ts";

const VALID_MS = 7 * 86_400_000;
const TOKEN_PATTERN = /^inv_[A-Za-z0-9_-]{43}$/;

export interface Invitation {
  id: string;
  brandId: number;
  email: string;
  role: BrandRole;
  /** In milliseconds since the Unix epoch. */
  createdAt: number;
  expiresAt: number;
}

export interface InvitationOrder {
  brandId: number;
  email: string;
  role: BrandRole;
  /** See `actorOf`. */
  actor: string;
}

/** How somebody takes an invitation up. */
export type Acceptance =
  /** Who is a user already must have signed in. */
  { kind: "signed-in"; userId: string } | { kind: "new"; name: string; passwordHash: string };

export interface Invitations {
  /** Invites. The token in the link can never be shown again. */
  invite(order: InvitationOrder): Promise<Invitation & { link: string }>;
  /** Those that have not expired, in the order of their ids. */
  list(brandId: number, page: { after: string | undefined; limit: number }): Promise<Invitation[]>;
  withdraw(brandId: number, id: string, actor: string): Promise<void>;
  /** What a link is for, and whether whoever is invited is a user already. */
  look(token: string): Promise<Invitation & { brandName: string; isUser: boolean }>;
  /** Makes a member, and a user where there is none. Returns the user's id. */
  accept(token: string, acceptance: Acceptance): Promise<string>;
}

export function createInvitations(options: { database: Database; publicUrl: string; now(): number }): Invitations {
  const { database, publicUrl, now } = options;

  async function find(transaction: DatabaseTransaction, token: string) {
    const row = TOKEN_PATTERN.test(token)
      ? await transaction.invitation.findUnique({ where: { hash: hash("sha256", token) } })
      : null;
    if (row !== null && Number(row.expiresAt) > now()) return row;
    throw new Refusal(
      "not-found",
      "This invitation has been used, was withdrawn or has expired. Ask an owner of the brand for another.",
    );
  }

  return {
    async invite({ brandId, email, role, actor }) {
      const token = `inv_${randomBytes(32).toString("base64url")}`;
      const address = email.toLowerCase();
      return await inTransaction(database, async (transaction) => {
        if ((await transaction.brand.findUnique({ where: { id: brandId } })) === null) {
          throw new Refusal(
            "not-found",
            `There is no brand ${brandId} in the registry. Check the number, and that the server has read the chain.`,
          );
        }
        const member = await transaction.brandMember.findFirst({ where: { brandId, user: { email: address } } });
        if (member !== null) {
          throw new Refusal("conflict", "They are a member of the brand already. Change their role instead.");
        }
        const createdAt = now();
        const row = await transaction.invitation.create({
          data: {
            id: `inv_${uuidv7()}`,
            brandId,
            email: address,
            role,
            hash: hash("sha256", token),
            createdAt,
            createdBy: actor,
            expiresAt: createdAt + VALID_MS,
          },
        });
        await recordAct(transaction, {
          at: createdAt,
          brandId,
          actor,
          action: "member.invited",
          subject: row.id,
          details: { role },
        });
        // As a parameter, because paths are logged and queries are not.
        return { ...present(row), link: `${publicUrl}/v1/invitation?token=${token}` };
      });
    },
    async list(brandId, { after, limit }) {
      const rows = await database.invitation.findMany({
        where: { brandId, expiresAt: { gt: now() }, ...(after === undefined ? {} : { id: { gt: after } }) },
        orderBy: { id: "asc" },
        take: limit,
      });
      return rows.map(present);
    },
    withdraw: (brandId, id, actor) =>
      inTransaction(database, async (transaction) => {
        const { count } = await transaction.invitation.deleteMany({ where: { id, brandId } });
        if (count === 0)
          throw new Refusal("not-found", "The brand has no such open invitation. GET /v1/invitations lists them.");
        await recordAct(transaction, { at: now(), brandId, actor, action: "invitation.withdrawn", subject: id });
      }),
    async look(token) {
      const row = await find(database, token);
      const [brand, user] = await Promise.all([
        database.brand.findUnique({ where: { id: row.brandId }, select: { name: true } }),
        database.user.findUnique({ where: { email: row.email }, select: { id: true } }),
      ]);
      return { ...present(row), brandName: brand?.name ?? "", isUser: user !== null };
    },
    accept: (token, acceptance) =>
      inTransaction(database, async (transaction) => {
        const row = await find(transaction, token);
        const { id, brandId, email, role, createdBy } = row;
        // Of several who follow the link at the same moment, one goes on.
        const { count } = await transaction.invitation.deleteMany({ where: { id } });
        if (count === 0) throw new Refusal("conflict", "This invitation is being used by somebody else right now.");
        const user = await transaction.user.findUnique({ where: { email }, select: { id: true } });
        const userId = user?.id ?? (await makeUser(transaction, email, acceptance));
        if (user !== null && (acceptance.kind !== "signed-in" || acceptance.userId !== userId)) throw mustSignIn();
        await transaction.brandMember.upsert({
          where: { brandId_userId: { brandId, userId } },
          update: {},
          create: { brandId, userId, role, createdAt: now(), createdBy },
        });
        const actor = `user:${userId}`;
        await recordAct(transaction, {
          at: now(),
          brandId,
          actor,
          action: "member.joined",
          subject: userId,
          details: { role, invitation: id },
        });
        return userId;
      }),
  };

  async function makeUser(transaction: DatabaseTransaction, email: string, acceptance: Acceptance): Promise<string> {
    if (acceptance.kind !== "new") throw mustSignIn();
    const id = `usr_${uuidv7()}`;
    const date = new Date(now());
    const times = { createdAt: date, updatedAt: date };
    // Whoever has the link has read what was sent to the address, or was given it by an owner.
    await transaction.user.create({ data: { id, email, name: acceptance.name, emailVerified: true, ...times } });
    // As the library keeps passwords.
    await transaction.userAccount.create({
      data: {
        id: uuidv7(),
        userId: id,
        accountId: id,
        providerId: "credential",
        password: acceptance.passwordHash,
        ...times,
      },
    });
    return id;
  }
}

function mustSignIn(): Refusal {
  return new Refusal(
    "unauthenticated",
    "This invitation is for somebody who has an account already. Sign in as them, then accept it.",
  );
}

function present(row: {
  id: string;
  brandId: number;
  email: string;
  role: string;
  createdAt: bigint;
  expiresAt: bigint;
}): Invitation {
  const { id, brandId, email, role, createdAt, expiresAt } = row;
  return { id, brandId, email, role: role as BrandRole, createdAt: Number(createdAt), expiresAt: Number(expiresAt) };
}
