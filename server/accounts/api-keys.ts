// API keys: how a shop's programs say which brand they act for. A key is 256 random bits that are shown once; kept is its
// SHA-256, which needs no salt because nobody can guess 256 bits. A key that is rotated keeps its id, and its former text counts
// for a while, so that programs can change over.

import { hash, randomBytes } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import { inTransaction } from "../database/transactions.ts";
import { recordAct } from "./audit.ts";
import { Refusal } from "./errors.ts";
import { actorOf, type BrandPrincipal, type BrandRole } from "./principal.ts";
import { requireAuthorityOver } from "./roles.ts";

/** A key's text: `mm_` and 43 characters of base64url. */
const KEY_PATTERN = /^mm_[A-Za-z0-9_-]{43}$/;
const SHOWN_CHARACTERS = 11;

export interface NewApiKey {
  id: string;
  /** The key itself. It can never be shown again. */
  key: string;
  prefix: string;
}

/** Makes a key. `expiresAt` in milliseconds; nothing for never. */
export async function createApiKey(
  database: Database | DatabaseTransaction,
  options: { brandId: number; role: BrandRole; name: string; createdBy: string; now: number; expiresAt?: number },
): Promise<NewApiKey> {
  const { brandId, role, name, createdBy, now, expiresAt } = options;
  const { key, prefix } = makeKey();
  const id = `key_${uuidv7()}`;
  await database.apiKey.create({
    data: {
      id,
      brandId,
      role,
      name,
      hash: hashOf(key),
      prefix,
      createdAt: now,
      createdBy,
      expiresAt: expiresAt ?? null,
    },
  });
  return { id, key, prefix };
}

/** Who a key stands for; nobody if there is no such key, or it is not valid any more. */
export async function findApiKey(
  database: Database,
  key: string,
  now: number,
): Promise<(BrandPrincipal & { expiresAt: number | undefined }) | undefined> {
  if (!KEY_PATTERN.test(key)) return undefined;
  const hash = hashOf(key);
  const row =
    (await database.apiKey.findUnique({ where: { hash } })) ??
    (await database.apiKey.findUnique({ where: { formerHash: hash } }));
  if (row === null || row.revokedAt !== null) return undefined;
  const ends = [row.expiresAt, row.hash === hash ? null : row.formerUntil].flatMap((end) =>
    end === null ? [] : [Number(end)],
  );
  const expiresAt = ends.length === 0 ? undefined : Math.min(...ends);
  if (expiresAt !== undefined && expiresAt <= now) return undefined;
  return { kind: "api-key", id: row.id, brandId: row.brandId, role: row.role as BrandRole, expiresAt };
}

function makeKey(): Pick<NewApiKey, "key" | "prefix"> {
  const key = `mm_${randomBytes(32).toString("base64url")}`;
  return { key, prefix: key.slice(0, SHOWN_CHARACTERS) };
}

function hashOf(key: string): string {
  return hash("sha256", key);
}

/** A key as its brand sees it; times in milliseconds since the Unix epoch. */
export interface ApiKey {
  id: string;
  name: string;
  role: BrandRole;
  prefix: string;
  createdAt: number;
  createdBy: string;
  lastUsedAt: number | undefined;
  expiresAt: number | undefined;
  revokedAt: number | undefined;
  /** Until when the key's former text counts. */
  formerUntil: number | undefined;
}

export interface ApiKeys {
  create(
    principal: BrandPrincipal,
    options: { name: string; role: BrandRole; expiresAt: number | undefined },
  ): Promise<ApiKey & { key: string }>;
  /** In the order of their ids, which is that of their making, from behind `after` on. */
  list(brandId: number, page: { after: string | undefined; limit: number }): Promise<ApiKey[]>;
  /** Gives a key a new text. The former one counts for `graceMs` more; the one before that does no longer. */
  rotate(principal: BrandPrincipal, id: string, graceMs: number): Promise<ApiKey & { key: string }>;
  /** Ends a key. Does nothing to one that has ended. */
  revoke(principal: BrandPrincipal, id: string): Promise<void>;
}

type ApiKeyRow = NonNullable<Awaited<ReturnType<Database["apiKey"]["findUnique"]>>>;

/** `forget` is called when keys have changed. */
export function createApiKeys(options: { database: Database; now(): number; forget(): void }): ApiKeys {
  const { database, now, forget } = options;

  async function find(transaction: DatabaseTransaction, principal: BrandPrincipal, id: string): Promise<ApiKeyRow> {
    const row = await transaction.apiKey.findUnique({ where: { id } });
    if (row === null || row.brandId !== principal.brandId) {
      throw new Refusal("not-found", "The brand has no such key. GET /v1/api-keys lists them.");
    }
    requireAuthorityOver(principal, row.role as BrandRole);
    return row;
  }

  return {
    create: (principal, { name, role, expiresAt }) =>
      inTransaction(database, async (transaction) => {
        requireAuthorityOver(principal, role);
        const { brandId } = principal;
        const actor = actorOf(principal);
        if (expiresAt !== undefined && expiresAt <= now()) {
          throw new Refusal("invalid", "`expiresAt` must lie in the future.");
        }
        const ends = expiresAt === undefined ? {} : { expiresAt };
        const made = await createApiKey(transaction, { brandId, role, name, createdBy: actor, now: now(), ...ends });
        await recordAct(transaction, {
          at: now(),
          brandId,
          actor,
          action: "api-key.created",
          subject: made.id,
          details: { role },
        });
        return { ...present(await find(transaction, principal, made.id)), key: made.key };
      }),
    async list(brandId, { after, limit }) {
      const rows = await database.apiKey.findMany({
        where: { brandId, ...(after === undefined ? {} : { id: { gt: after } }) },
        orderBy: { id: "asc" },
        take: limit,
      });
      return rows.map(present);
    },
    async rotate(principal, id, graceMs) {
      const { key, prefix } = makeKey();
      const row = await inTransaction(database, async (transaction) => {
        const { hash, revokedAt, brandId } = await find(transaction, principal, id);
        if (revokedAt !== null) throw revoked();
        const formerUntil = now() + graceMs;
        // Compares, so that of two who rotate it at the same moment neither is left with a text that never counts.
        const { count } = await transaction.apiKey.updateMany({
          where: { id, hash, revokedAt: null },
          data: { hash: hashOf(key), prefix, formerHash: hash, formerUntil },
        });
        if (count === 0)
          throw new Refusal("conflict", "Somebody else is changing this key right now. Look at it, then try again.");
        await recordAct(transaction, {
          at: now(),
          brandId,
          actor: actorOf(principal),
          action: "api-key.rotated",
          subject: id,
          details: { graceSeconds: graceMs / 1000 },
        });
        return await find(transaction, principal, id);
      });
      forget();
      return { ...present(row), key };
    },
    async revoke(principal, id) {
      await inTransaction(database, async (transaction) => {
        const { brandId } = await find(transaction, principal, id);
        const { count } = await transaction.apiKey.updateMany({
          where: { id, revokedAt: null },
          data: { revokedAt: now() },
        });
        if (count === 0) return;
        const actor = actorOf(principal);
        await recordAct(transaction, { at: now(), brandId, actor, action: "api-key.revoked", subject: id });
      });
      forget();
    },
  };
}

function revoked(): Refusal {
  return new Refusal("conflict", "This key is revoked. Make a new one with POST /v1/api-keys.");
}

function present(row: ApiKeyRow): ApiKey {
  const { id, name, role, prefix, createdBy } = row;
  const time = (value: bigint | null) => (value === null ? undefined : Number(value));
  return {
    id,
    name,
    role: role as BrandRole,
    prefix,
    createdAt: Number(row.createdAt),
    createdBy,
    lastUsedAt: time(row.lastUsedAt),
    expiresAt: time(row.expiresAt),
    revokedAt: time(row.revokedAt),
    formerUntil: time(row.formerUntil),
  };
}
