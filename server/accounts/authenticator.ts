// Finds out who sends a request: a program with an API key, a brand's user with a session, or a customer with one. Must hold: a
// cookie counts for what changes something only if the request comes from our own pages.

import { fromNodeHeaders } from "better-auth/node";
import type { Request } from "express";
import type { Database } from "../database/client.ts";
import type { CustomerSignIn } from "./customer-sign-in.ts";
import { Refusal } from "./errors.ts";
import type { KeyMemory } from "./key-memory.ts";
import {
  BRAND_ROLES,
  type BrandPrincipal,
  type BrandRole,
  type CustomerPrincipal,
  type Principal,
} from "./principal.ts";
import { SECOND_FACTOR_ADVICE } from "./user-rules.ts";
import type { Users } from "./users.ts";

/** Names the brand, where a user belongs to several. */
export const BRAND_HEADER = "Mintmark-Brand";

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

export interface SignedInUser {
  id: string;
  email: string;
}

export interface Authenticator {
  /** Nobody if the request carries nothing that counts. Throws {@link Refusal} where it carries something that does not suffice. */
  authenticate(request: Request): Promise<Principal | undefined>;
  /** The user behind a session, whichever brands they belong to; nobody if there is none. Throws {@link Refusal}. */
  user(request: Request): Promise<SignedInUser | undefined>;
  /** Forgets what it remembers of keys, after one was changed. */
  forget(): void;
}

export interface AuthenticatorOptions {
  /** The connection for application tables. */
  database: Database;
  keys: KeyMemory;
  users: Users;
  customerSignIn: CustomerSignIn;
  publicUrl: string;
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { database, keys, users, customerSignIn, publicUrl } = options;
  const { origin } = new URL(publicUrl);
  // Refreshed by /get-session, which can send the cookie again.
  const query = { disableRefresh: true };

  function requireOwnPage(request: Request): void {
    if (SAFE_METHODS.has(request.method)) return;
    const from = request.get("Origin");
    const site = request.get("Sec-Fetch-Site");
    if ((from === undefined || from === origin) && (site === undefined || site === "same-origin")) return;
    throw new Refusal(
      "forbidden",
      `A page of another site sent this request with your session. Send it from ${origin}, or with an API key.`,
    );
  }

  async function user(request: Request): Promise<SignedInUser | undefined> {
    const found = await users.api.getSession({ headers: cookiesOf(request), query });
    if (found === null) return undefined;
    requireOwnPage(request);
    if (found.session.secondFactor !== true) throw new Refusal("second-factor-required", SECOND_FACTOR_ADVICE);
    return { id: found.user.id, email: found.user.email };
  }

  async function member(request: Request, userId: string): Promise<BrandPrincipal> {
    const memberships = await database.brandMember.findMany({ where: { userId }, orderBy: { brandId: "asc" } });
    const named = request.get(BRAND_HEADER);
    const brandIds = memberships.map(({ brandId }) => brandId);
    if (named === undefined && memberships.length > 1) {
      throw new Refusal(
        "invalid",
        `You belong to several brands. Name one in the header \`${BRAND_HEADER}\`: ${brandIds.join(", ")}.`,
      );
    }
    const membership = memberships.find(({ brandId }) => named === undefined || String(brandId) === named);
    const role = BRAND_ROLES.find((known) => known === membership?.role);
    if (membership !== undefined && role !== undefined) {
      return { kind: "user", id: userId, brandId: membership.brandId, role: role satisfies BrandRole };
    }
    throw new Refusal(
      "forbidden",
      memberships.length === 0
        ? "You belong to no brand any more. Ask an owner to invite you."
        : `You do not belong to that brand. Name one of yours in the header \`${BRAND_HEADER}\`: ${brandIds.join(", ")}.`,
    );
  }

  async function customer(request: Request): Promise<CustomerPrincipal | undefined> {
    const found = await customerSignIn.api.getSession({ headers: cookiesOf(request), query });
    if (found === null) return undefined;
    requireOwnPage(request);
    const { id } = found.user;
    const row = await database.customer.findUnique({ where: { id }, select: { brandId: true, erasedAt: true } });
    return row === null || row.erasedAt !== null ? undefined : { kind: "customer", id, brandId: row.brandId };
  }

  return {
    user,
    async authenticate(request) {
      const authorization = request.get("Authorization");
      if (authorization !== undefined) {
        const [, key] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
        // Not the cookie that may be there too: who names a key means it.
        return key === undefined ? undefined : await keys.principalOf(key);
      }
      if (request.get("Cookie") === undefined) return undefined;
      const signedIn = await user(request);
      return signedIn === undefined ? await customer(request) : await member(request, signedIn.id);
    },
    forget: keys.forget,
  };
}

/** All that the library needs to know of a request. */
function cookiesOf(request: Request): Headers {
  const { cookie } = request.headers;
  return fromNodeHeaders({ cookie });
}
