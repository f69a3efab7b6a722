// Which role may hand out which.

import { Refusal } from "./errors.ts";
import type { BrandPrincipal, BrandRole, Principal } from "./principal.ts";

const RANKS: Record<BrandRole, number> = { owner: 3, manager: 2, staff: 1, auditor: 1 };

/** Throws unless a role is what somebody has, or below it; and an owner's is handed out and taken away by people only. */
export function requireAuthorityOver(principal: BrandPrincipal, role: BrandRole): void {
  if (role !== principal.role && RANKS[role] >= RANKS[principal.role]) {
    throw new Refusal(
      "forbidden",
      `Only who is ${role} or above may do this, and you are ${principal.role}. Ask an owner.`,
    );
  }
  if (role === "owner" && principal.kind !== "user") {
    throw new Refusal("forbidden", "An API key can neither make owners nor change what they are. Sign in as an owner.");
  }
}

/** The principal of who acts for a brand. Throws for customers, whom the route should not have let in. */
export function asBrandPrincipal(principal: Principal): BrandPrincipal {
  if (principal.kind === "customer") throw new Refusal("forbidden", "This is not for customers.");
  return principal;
}
