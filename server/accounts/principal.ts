// Who asks, as far as the server is concerned: which brand they belong to and as what.

/** What a brand's users, and the programs that act for it, may be. */
export const BRAND_ROLES = ["owner", "manager", "staff", "auditor"] as const;
export type BrandRole = (typeof BRAND_ROLES)[number];

/** Somebody who acts for a brand: a person who has signed in, or a program with a key. */
export interface BrandPrincipal {
  kind: "user" | "api-key";
  /** The user's or the key's id. */
  id: string;
  brandId: number;
  role: BrandRole;
}

/** A customer of a brand who has signed in. */
export interface CustomerPrincipal {
  kind: "customer";
  /** The customer's id. */
  id: string;
  brandId: number;
}

export type Principal = BrandPrincipal | CustomerPrincipal;

/** As whom a principal is let in. */
export type Entrant = BrandRole | "customer";

/** Who is let in: everyone, or those who are one of these. */
export type Access = "everyone" | readonly Entrant[];

export function entrantOf(principal: Principal): Entrant {
  return principal.kind === "customer" ? "customer" : principal.role;
}

/** How a principal is called in the audit log and beside what it has made: `user:…`, `api-key:…` or `customer:…`. */
export function actorOf({ kind, id }: Pick<Principal, "kind" | "id">): string {
  return `${kind}:${id}`;
}
