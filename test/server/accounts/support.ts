// The application with accounts, and people who use it as browsers do.

import { createHmac } from "node:crypto";
import type { BrandRole } from "../../../server/accounts/principal.ts";
import type { SmsAdapter } from "../../../server/accounts/sms.ts";
import { type Database, openDatabase } from "../../../server/database/client.ts";
import { releaseOrder } from "../../../server/issuance/orders/changes.ts";
import { createPaidOrders } from "../../../server/payments/paid-orders.ts";
import { createPayments } from "../../../server/payments/payments.ts";
import type { DatabaseKind } from "../../support/databases.ts";
import { createMirrorFixture, type MirrorFixture } from "../../support/mirror-fixture.ts";
import { type RunningApp, startApp } from "../http/support.ts";

export const PASSWORD = "correct horse battery staple";

export interface AccountsWorld {
  app: RunningApp;
  databaseUrl: string;
  application: Database;
  /** Issues cards, as the indexer would write them. */
  issue: MirrorFixture["issue"];
  /** What was sent to phones, oldest first. */
  messages: { phone: string; text: string }[];
  /** Somebody without any cookie, at an address of their own. */
  visitor(): Visitor;
  /** A user who has signed in with a password and a one-time code. */
  member(brandId: number, role: BrandRole, email?: string): Promise<SignedIn>;
  close(): Promise<void>;
}

export interface SignedIn {
  visitor: Visitor;
  userId: string;
  email: string;
  /** Of the one-time codes, base32. */
  secret: string;
  backupCodes: string[];
}

/** Brands 1 and 2 of the mirror fixture. */
export async function createAccountsWorld(
  kind: DatabaseKind,
  options: Parameters<typeof startApp>[1] = {},
): Promise<AccountsWorld> {
  const mirror = await createMirrorFixture(kind);
  const application = await openDatabase(mirror.url, { application: true });
  const messages: AccountsWorld["messages"] = [];
  const sms: SmsAdapter = {
    async send(phone, text) {
      messages.push({ phone, text });
    },
  };
  const app = await startApp(mirror.database, {
    application,
    sms,
    trustProxy: 1,
    // Through no provider: the operations are there all the same.
    payments: ({ url: publicUrl, logger, now }) =>
      createPayments({
        application,
        adapters: [],
        orders: createPaidOrders({ database: application, release: releaseOrder }),
        publicUrl,
        logger,
        now,
      }),
    ...options,
  });
  // One clock for us and the library, whose is the machine's.
  app.clock.now = Date.now() / 1000;
  let visitors = 0;
  const world: AccountsWorld = {
    app,
    databaseUrl: mirror.url,
    application,
    issue: mirror.issue,
    messages,
    visitor: () => createVisitor(app.url, `10.${Math.floor(visitors / 250) % 250}.${visitors++ % 250}.1`),
    async member(brandId, role, email = `${role}-${brandId}-${visitors}@example.com`) {
      const { link } = await app.accounts.invitations.invite({ brandId, email, role, actor: "command-line" });
      const visitor = world.visitor();
      const token = new URL(link).searchParams.get("token");
      const joined = await visitor.send("POST", "/v1/invitation", { token, name: role, password: PASSWORD });
      const { userId } = ((await joined.json()) as { data: { userId: string } }).data;
      await visitor.send("POST", "/v1/auth/sign-in/email", { email, password: PASSWORD });
      return { visitor, userId, email, ...(await enrol(visitor)) };
    },
    async close() {
      await app.close();
      await application.$disconnect();
      await mirror.close();
    },
  };
  return world;
}

/** Sets up one-time codes for whoever has signed in with a password. */
export async function enrol(visitor: Visitor): Promise<{ secret: string; backupCodes: string[] }> {
  const enabled = await visitor.send("POST", "/v1/auth/two-factor/enable", { password: PASSWORD });
  const { totpURI, backupCodes } = (await enabled.json()) as { totpURI: string; backupCodes: string[] };
  const secret = new URL(totpURI).searchParams.get("secret") ?? "";
  const verified = await visitor.send("POST", "/v1/auth/two-factor/verify-totp", { code: oneTimeCode(secret) });
  if (verified.status !== 200) throw new Error(`One-time codes were not set up: ${await verified.text()}`);
  return { secret, backupCodes };
}

export interface Visitor {
  cookies: Map<string, string>;
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** A browser as far as cookies and origins are concerned. */
export function createVisitor(url: string, address: string): Visitor {
  const cookies = new Map<string, string>();
  return {
    cookies,
    async send(method, path, body, headers = {}) {
      const response = await fetch(`${url}${path}`, {
        method,
        redirect: "manual",
        headers: {
          "X-Forwarded-For": address,
          Origin: url,
          ...(cookies.size === 0 ? {} : { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") }),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      for (const cookie of response.headers.getSetCookie()) {
        const [pair = "", ...attributes] = cookie.split("; ");
        const name = pair.slice(0, pair.indexOf("="));
        if (attributes.includes("Max-Age=0")) cookies.delete(name);
        else cookies.set(name, pair.slice(name.length + 1));
      }
      return response;
    },
  };
}

/** RFC 6238 with its usual parameters: what an authenticator app shows. */
export function oneTimeCode(secret: string, time = Date.now()): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/=+$/, "")].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, "0"));
  const bytes = bits.join("").match(/.{8}/g) ?? [];
  const key = Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(time / 30_000)));
  const mac = createHmac("sha1", key).update(counter).digest();
  const offset = (mac.at(-1) ?? 0) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** What an answer is about. */
export async function dataOf(response: Response): Promise<Record<string, unknown>> {
  return ((await response.json()) as { data: Record<string, unknown> }).data;
}
