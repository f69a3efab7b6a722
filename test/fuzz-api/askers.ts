// Who asks in the fuzzing: keys of every role and of another brand, people who have signed in, and nobody that we know.

import { createApiKey } from "../../server/accounts/api-keys.ts";
import { BRAND_ROLES, type BrandRole } from "../../server/accounts/principal.ts";
import type { AccountsWorld, Visitor } from "../server/accounts/support.ts";

export const ASKERS = [...BRAND_ROLES, "other-brand", "user", "customer", "nobody", "stranger"] as const;
export type Asker = (typeof ASKERS)[number];

export interface Askers {
  /** What shows who asks. */
  headers(asker: Asker): Promise<Record<string, string>>;
  /** Who they were is not known any more: their key was revoked by themselves, or they were removed. They come back as somebody new. */
  forget(asker: Asker): void;
}

export function createAskers(world: AccountsWorld): Askers {
  const known = new Map<Asker, Promise<Record<string, string>>>();
  let people = 0;

  async function keyOf(role: BrandRole, brandId: number): Promise<Record<string, string>> {
    const now = world.app.clock.now * 1000;
    const { key } = await createApiKey(world.application, {
      brandId,
      role,
      name: "fuzz",
      createdBy: "command-line",
      now,
    });
    return { Authorization: `Bearer ${key}` };
  }

  function cookiesOf({ cookies }: Visitor): Record<string, string> {
    return { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "), Origin: world.app.url };
  }

  async function customer(): Promise<Record<string, string>> {
    const visitor = world.visitor();
    const phone = `+86138${String(++people).padStart(8, "0")}`;
    await visitor.send("POST", "/v1/auth/customers/phone/send-code", { brandId: 1, phone });
    const message = world.messages.findLast((sent) => sent.phone === phone);
    const code = /\d{6}/.exec(message?.text ?? "")?.[0];
    const answer = await visitor.send("POST", "/v1/auth/customers/phone/sign-in", { brandId: 1, phone, code });
    if (answer.status !== 200) throw new Error(`A customer could not sign in: ${await answer.text()}`);
    return cookiesOf(visitor);
  }

  async function introduce(asker: Asker): Promise<Record<string, string>> {
    switch (asker) {
      case "nobody":
        return {};
      case "stranger":
        return { Authorization: `Bearer mm_${"a".repeat(43)}` };
      case "other-brand":
        return await keyOf("owner", 2);
      case "user":
        return cookiesOf((await world.member(1, "owner", `fuzz-${++people}@example.com`)).visitor);
      case "customer":
        return await customer();
      default:
        return await keyOf(asker, 1);
    }
  }

  return {
    async headers(asker) {
      const headers = known.get(asker) ?? introduce(asker);
      known.set(asker, headers);
      return await headers;
    },
    forget: (asker) => void known.delete(asker),
  };
}
