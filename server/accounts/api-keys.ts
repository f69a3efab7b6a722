// API keys: how a shop's programs say which brand they act for. A key is 256 random bits that are shown once; kept is its
// SHA-256, which needs no salt because nobody can guess 256 bits.

import { hash, randomBytes } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import type { BrandPrincipal, BrandRole } from "./principal.ts";

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
  const key = `mm_${randomBytes(32).toString("base64url")}`;
  const id = `key_${uuidv7()}`;
  const prefix = key.slice(0, SHOWN_CHARACTERS);
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
  const row = await database.apiKey.findUnique({ where: { hash: hashOf(key) } });
  if (row === null || row.revokedAt !== null) return undefined;
  const expiresAt = row.expiresAt === null ? undefined : Number(row.expiresAt);
  if (expiresAt !== undefined && expiresAt <= now) return undefined;
  return { kind: "api-key", id: row.id, brandId: row.brandId, role: row.role as BrandRole, expiresAt };
}

function hashOf(key: string): string {
  return hash("sha256", key);
}
