// Finds out who sends a request.

import type { Request } from "express";
import type { Database } from "../database/client.ts";
import { findApiKey } from "./api-keys.ts";
import type { Principal } from "./principal.ts";

/** For how long an answer is believed: so long may a revoked key still work in another server process. */
const BELIEVED_MS = 5_000;
const MOST_REMEMBERED = 10_000;

export interface Authenticator {
  /** Nobody if the request carries nothing that counts. */
  authenticate(request: Request): Promise<Principal | undefined>;
  /** Forgets what it remembers of keys, after one was changed. */
  forget(): void;
}

export function createAuthenticator({ database, now }: { database: Database; now(): number }): Authenticator {
  const remembered = new Map<string, { principal: Principal | undefined; until: number }>();

  async function byKey(key: string): Promise<Principal | undefined> {
    const known = remembered.get(key);
    if (known !== undefined && known.until > now()) return known.principal;
    const found = await findApiKey(database, key, now());
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    const until = Math.min(now() + BELIEVED_MS, found?.expiresAt ?? Number.POSITIVE_INFINITY);
    const principal: Principal | undefined =
      found === undefined ? undefined : { kind: found.kind, id: found.id, brandId: found.brandId, role: found.role };
    remembered.set(key, { principal, until });
    return principal;
  }

  return {
    async authenticate(request) {
      const [, key] = /^Bearer +(\S+)$/i.exec(request.get("Authorization") ?? "") ?? [];
      return key === undefined ? undefined : await byKey(key);
    },
    forget: () => remembered.clear(),
  };
}
