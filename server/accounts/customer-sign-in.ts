// How customers sign in to a brand: with a code sent to their phone, or with their wallet. Sessions, cookies, single-use values and
// the protection of the endpoints are the authentication library's; its own phone and wallet plugins would keep plain numbers.
// Must hold: nobody learns here whether a brand knows a phone number or a wallet.

import { createHmac, randomBytes, randomInt, timingSafeEqual } from "node:crypto";
import { type BetterAuthPlugin, betterAuth } from "better-auth";
import { prismaAdapter } from "better-auth/adapters/prisma";
import { createAuthEndpoint } from "better-auth/api";
import { setSessionCookie } from "better-auth/cookies";
import type { Logger } from "pino";
import { z } from "zod";
import { type Database, dialectOf } from "../database/client.ts";
import type { Attempts, Limit } from "./attempts.ts";
import type { Customers } from "./customers.ts";
import { commonOptions, countedBy, refusal } from "./library.ts";
import { normalizePhone, type Phones } from "./phones.ts";
import type { Secrets } from "./secrets.ts";
import type { SmsAdapter } from "./sms.ts";
import type { Wallets } from "./wallets.ts";

export const CUSTOMERS_PATH = "/v1/auth/customers";
/** What the names of customers' cookies begin with. */
export const CUSTOMER_COOKIES = "mintmark-customer";
const DAY_SECONDS = 86_400;
const SESSION_SECONDS = 30 * DAY_SECONDS;

const CODE_SECONDS = 300;
const CODE_DIGITS = 6;
/** How often a code may be typed wrongly before it counts no more. */
const CODE_ATTEMPTS = 5;
/** How often codes are sent to one phone, for whichever brand and however many clients ask. */
const PHONE_LIMITS: readonly Limit[] = [
  { max: 1, seconds: 60 },
  { max: 5, seconds: 3600 },
  { max: 10, seconds: DAY_SECONDS },
];
const NONCE_SECONDS = 600;

/** What of the library can be reached from outside, as method and path below `CUSTOMERS_PATH`. */
export const CUSTOMER_ROUTES: ReadonlySet<string> = new Set([
  "POST /phone/send-code",
  "POST /phone/sign-in",
  "POST /wallet/nonce",
  "POST /wallet/sign-in",
  "GET /get-session",
  "POST /sign-out",
]);

export interface CustomerSignInOptions {
  /** The connection for application tables. */
  database: Database;
  secrets: Secrets;
  publicUrl: string;
  attempts: Attempts;
  customers: Customers;
  phones: Phones;
  sms: SmsAdapter;
  wallets: Wallets;
  logger: Logger;
}

export type CustomerSignIn = ReturnType<typeof createCustomerSignIn>;

export function createCustomerSignIn(options: CustomerSignInOptions) {
  const { database, secrets, publicUrl, attempts, logger } = options;
  return betterAuth({
    appName: "Mintmark",
    baseURL: new URL(publicUrl).origin,
    basePath: CUSTOMERS_PATH,
    secret: secrets.auth,
    database: prismaAdapter(database, { provider: dialectOf(database).provider, transaction: true }),
    user: { modelName: "customerLogin" },
    session: { modelName: "customerSession", expiresIn: SESSION_SECONDS, updateAge: DAY_SECONDS },
    // Customers have none; the library asks for a table all the same.
    account: { modelName: "userAccount" },
    plugins: [byPhone(options), byWallet(options)],
    rateLimit: {
      enabled: true,
      window: 60,
      max: 100,
      customStorage: countedBy(attempts, "customers"),
      // Many customers of a mobile network share one address.
      customRules: {
        "/phone/send-code": { window: 3600, max: 60 },
        "/phone/sign-in": { window: 3600, max: 300 },
        "/wallet/*": { window: 3600, max: 300 },
      },
    },
    ...commonOptions({ publicUrl, cookiePrefix: CUSTOMER_COOKIES, logger }),
  });
}

const brandId = z
  .int()
  .min(1)
  .max(2 ** 31 - 1);

function byPhone({ secrets, attempts, customers, phones, sms, logger }: CustomerSignInOptions) {
  const codeKey = secrets.dataKey("phone codes");
  const identifierOf = (brand: number, phone: string) => `phone-code:${phones.hash(brand, phone)}`;
  const digestOf = (identifier: string, code: string) =>
    createHmac("sha256", codeKey).update(`${identifier}:${code}`).digest();

  return {
    id: "mintmark-phone",
    endpoints: {
      sendPhoneCode: createAuthEndpoint(
        "/phone/send-code",
        { method: "POST", body: z.strictObject({ brandId, phone: z.string() }) },
        async (context) => {
          const { brandId, phone } = await readPhone(context.body);
          for (const limit of PHONE_LIMITS) {
            const wait = await attempts.count(`phone:${limit.seconds}:${phone}`, limit);
            if (wait === 0) continue;
            throw refusal(
              "TOO_MANY_REQUESTS",
              "A code was sent to this phone already. Use it, or wait for another one.",
              {
                retryAfter: wait,
              },
            );
          }
          const code = String(randomInt(10 ** CODE_DIGITS)).padStart(CODE_DIGITS, "0");
          const identifier = identifierOf(brandId, phone);
          const { internalAdapter } = context.context;
          await internalAdapter.deleteVerificationByIdentifier(identifier);
          await internalAdapter.createVerificationValue({
            identifier,
            value: `${digestOf(identifier, code).toString("base64url")}:0`,
            expiresAt: new Date(Date.now() + CODE_SECONDS * 1000),
          });
          try {
            await sms.send(phone, await messageFor(brandId, code));
          } catch (error) {
            logger.error({ error: error instanceof Error ? error.name : "unknown" }, "a text message was not taken");
            throw refusal("SERVICE_UNAVAILABLE", "No text message can be sent now. Try again in a minute.");
          }
          return context.json({ expiresInSeconds: CODE_SECONDS });
        },
      ),
      signInWithPhoneCode: createAuthEndpoint(
        "/phone/sign-in",
        { method: "POST", body: z.strictObject({ brandId, phone: z.string(), code: z.string().max(20) }) },
        async (context) => {
          const { brandId, phone } = await readPhone(context.body);
          const identifier = identifierOf(brandId, phone);
          const { internalAdapter } = context.context;
          // Taken away for as long as it is looked at, so that guesses at the same moment count one by one.
          const kept = await internalAdapter.consumeVerificationValue(identifier);
          const [digest = "", failures = ""] = kept?.value.split(":") ?? [];
          const right = equal(Buffer.from(digest, "base64url"), digestOf(identifier, context.body.code.trim()));
          if (kept === null || !right) {
            const failed = Number(failures) + 1;
            if (kept !== null && failed < CODE_ATTEMPTS) {
              const { expiresAt } = kept;
              await internalAdapter.createVerificationValue({ identifier, value: `${digest}:${failed}`, expiresAt });
            }
            throw refusal(
              "UNAUTHORIZED",
              `The code is wrong or does not count any more: it does for ${CODE_SECONDS / 60} minutes and ${CODE_ATTEMPTS} attempts. Check it, or ask for another one.`,
            );
          }
          return context.json(await openSession(context, await customers.signIn({ brandId, phone })));
        },
      ),
    },
  } satisfies BetterAuthPlugin;

  async function readPhone(body: { brandId: number; phone: string }) {
    const phone = normalizePhone(body.phone);
    if (phone === undefined) {
      throw refusal("BAD_REQUEST", "`phone` must be a phone number with its country code, for example +8613800138000.");
    }
    await requireBrand(customers, body.brandId);
    return { brandId: body.brandId, phone };
  }

  async function messageFor(brand: number, code: string): Promise<string> {
    const name = (await customers.brandName(brand)) ?? "";
    const minutes = CODE_SECONDS / 60;
    return `【${name}】验证码 ${code}，${minutes} 分钟内有效，请勿告诉他人。Code ${code}, valid for ${minutes} minutes; tell nobody.`;
  }
}

function byWallet({ customers, wallets }: CustomerSignInOptions) {
  const identifierOf = (nonce: string) => `wallet-nonce:${nonce}`;
  return {
    id: "mintmark-wallet",
    endpoints: {
      makeWalletNonce: createAuthEndpoint(
        "/wallet/nonce",
        { method: "POST", body: z.strictObject({ brandId }) },
        async (context) => {
          await requireBrand(customers, context.body.brandId);
          // Hexadecimal, because the standard wants letters and digits.
          const nonce = randomBytes(16).toString("hex");
          await context.context.internalAdapter.createVerificationValue({
            identifier: identifierOf(nonce),
            value: String(context.body.brandId),
            expiresAt: new Date(Date.now() + NONCE_SECONDS * 1000),
          });
          return context.json({ nonce, expiresInSeconds: NONCE_SECONDS, ...wallets.expected() });
        },
      ),
      signInWithWallet: createAuthEndpoint(
        "/wallet/sign-in",
        {
          method: "POST",
          body: z.strictObject({ brandId, message: z.string().max(4096), signature: z.string().max(16_384) }),
        },
        async (context) => {
          const { brandId, message, signature } = context.body;
          const statement = wallets.read(message);
          const unusable =
            "The message, its nonce or its signature does not count. Ask for a new nonce, and sign again.";
          if (statement === undefined) throw refusal("UNAUTHORIZED", unusable);
          const kept = await context.context.internalAdapter.consumeVerificationValue(identifierOf(statement.nonce));
          if (kept === null || kept.value !== String(brandId)) throw refusal("UNAUTHORIZED", unusable);
          const proof = await wallets.verify(statement, message, signature);
          if (proof === "unknown") {
            throw refusal(
              "SERVICE_UNAVAILABLE",
              "The chain cannot be asked about this wallet now. Try again in a minute.",
            );
          }
          if (proof === "wrong") throw refusal("UNAUTHORIZED", unusable);
          return context.json(
            await openSession(context, await customers.signIn({ brandId, wallet: statement.address })),
          );
        },
      ),
    },
  } satisfies BetterAuthPlugin;
}

async function requireBrand(customers: Customers, brandId: number): Promise<void> {
  if ((await customers.brandName(brandId)) !== undefined) return;
  throw refusal("NOT_FOUND", `There is no brand ${brandId} in the registry. Check \`brandId\`.`);
}

type SignInContext = Parameters<typeof setSessionCookie>[0];

async function openSession(context: SignInContext, customerId: string): Promise<{ customerId: string }> {
  const { internalAdapter } = context.context;
  const session = await internalAdapter.createSession(customerId);
  const user = await internalAdapter.findUserById(customerId);
  if (session === null || user === null) throw new Error("A customer's session was not made");
  await setSessionCookie(context, { session, user });
  return { customerId };
}

function equal(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
