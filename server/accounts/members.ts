// Who may act for a brand, and as what. Must hold: a brand with members has an owner among them at any time, whatever several owners
// do at the same moment.

import type { Database, DatabaseTransaction } from "../database/client.ts";
import { inTransaction } from "../database/transactions.ts";
import { recordAct } from "./audit.ts";
import { Refusal } from "./errors.ts";
import { actorOf, type BrandPrincipal, type BrandRole } from "./principal.ts";
import { requireAuthorityOver } from "./roles.ts";

export interface Member {
  userId: string;
  name: string;
  email: string;
  role: BrandRole;
  /** Whether they can sign in with more than a password, without which they may do nothing. */
  hasSecondFactor: boolean;
  /** In milliseconds since the Unix epoch. */
  createdAt: number;
}

export interface Members {
  /** In the order of the users' ids, from behind `after` on. */
  list(brandId: number, page: { after: string | undefined; limit: number }): Promise<Member[]>;
  changeRole(principal: BrandPrincipal, userId: string, role: BrandRole): Promise<Member>;
  remove(principal: BrandPrincipal, userId: string): Promise<void>;
}

const MEMBER = {
  include: {
    user: {
      select: { name: true, email: true, twoFactorEnabled: true, _count: { select: { passkeys: true } } },
    },
  },
} as const;

export function createMembers({ database, now }: { database: Database; now(): number }): Members {
  async function find(transaction: DatabaseTransaction, brandId: number, userId: string) {
    const row = await transaction.brandMember.findUnique({ where: { brandId_userId: { brandId, userId } }, ...MEMBER });
    if (row === null) throw new Refusal("not-found", "The brand has no such member. GET /v1/members lists them.");
    return row;
  }

  /** Must be the first thing in its transaction: of several that would take away owners, one goes on. */
  async function lockOwners(transaction: DatabaseTransaction, brandId: number): Promise<void> {
    await transaction.brandMember.updateMany({ where: { brandId, role: "owner" }, data: { role: "owner" } });
  }

  async function requireAnotherOwner(transaction: DatabaseTransaction, brandId: number, userId: string): Promise<void> {
    const others = await transaction.brandMember.count({ where: { brandId, role: "owner", userId: { not: userId } } });
    if (others > 0) return;
    throw new Refusal("conflict", "This is the brand's last owner. Make somebody else an owner first.");
  }

  return {
    async list(brandId, { after, limit }) {
      const rows = await database.brandMember.findMany({
        where: { brandId, ...(after === undefined ? {} : { userId: { gt: after } }) },
        orderBy: { userId: "asc" },
        take: limit,
        ...MEMBER,
      });
      return rows.map(present);
    },
    changeRole: (principal, userId, role) =>
      inTransaction(database, async (transaction) => {
        const { brandId } = principal;
        await lockOwners(transaction, brandId);
        const row = await find(transaction, brandId, userId);
        requireAuthorityOver(principal, row.role as BrandRole);
        requireAuthorityOver(principal, role);
        if (row.role === role) return present(row);
        if (row.role === "owner") await requireAnotherOwner(transaction, brandId, userId);
        await transaction.brandMember.update({ where: { brandId_userId: { brandId, userId } }, data: { role } });
        await recordAct(transaction, {
          at: now(),
          brandId,
          actor: actorOf(principal),
          action: "member.role-changed",
          subject: userId,
          details: { from: row.role, to: role },
        });
        return { ...present(row), role };
      }),
    remove: (principal, userId) =>
      inTransaction(database, async (transaction) => {
        const { brandId } = principal;
        await lockOwners(transaction, brandId);
        const { role } = await find(transaction, brandId, userId);
        requireAuthorityOver(principal, role as BrandRole);
        if (role === "owner") await requireAnotherOwner(transaction, brandId, userId);
        await transaction.brandMember.delete({ where: { brandId_userId: { brandId, userId } } });
        await recordAct(transaction, {
          at: now(),
          brandId,
          actor: actorOf(principal),
          action: "member.removed",
          subject: userId,
          details: { role },
        });
      }),
  };
}

interface MemberRow {
  userId: string;
  role: string;
  createdAt: bigint;
  user: { name: string; email: string; twoFactorEnabled: boolean | null; _count: { passkeys: number } };
}

function present({ userId, role, createdAt, user }: MemberRow): Member {
  return {
    userId,
    name: user.name,
    email: user.email,
    role: role as BrandRole,
    hasSecondFactor: user.twoFactorEnabled === true || user._count.passkeys > 0,
    createdAt: Number(createdAt),
  };
}
