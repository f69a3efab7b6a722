// npm run accounts: the first owner of a brand, and users who have lost what they sign in with. What else there is to do with accounts
// is done through the API, by people who have signed in.

import { parseArgs } from "node:util";
import { hashPassword } from "better-auth/crypto";
import { Refusal } from "../server/accounts/errors.ts";
import { createInvitations } from "../server/accounts/invitations.ts";
import { BRAND_ROLES } from "../server/accounts/principal.ts";
import { recoverUser } from "../server/accounts/recovery.ts";
import { ConfigError, loadConfig } from "../server/config.ts";
import { type Database, openDatabase } from "../server/database/client.ts";
import { migrate } from "../server/database/migrate.ts";
import { DatabaseUnusableError } from "../server/database/unusable.ts";

const USAGE = `Lets people in. May be used while the server runs.

  npm run accounts -- invite --brand <id> --email <mail> --role <${BRAND_ROLES.join("|")}>
      prints a link that makes whoever follows it a member of the brand; it works once, for seven days
  npm run accounts -- recover --email <mail>
      for who has lost their second factor or password: prints a new password, takes away passkeys and
      one-time codes, and ends their sessions

Settings (environment or .env): PUBLIC_URL, DATA_DIR, DATABASE_URL.`;

class UsageError extends Error {
  override name = "UsageError";
}

async function main(): Promise<string> {
  const { command, brandId, email, role } = parseCommandLine();
  if (command === "help") return USAGE;
  const { databaseUrl, publicUrl } = loadConfig();
  await migrate(databaseUrl);
  const database = await openDatabase(databaseUrl, { application: true });
  try {
    return command === "recover"
      ? await recover(database, email)
      : await invite(database, { publicUrl, brandId, email, role });
  } finally {
    await database.$disconnect();
  }
}

async function invite(
  database: Database,
  { publicUrl, ...order }: { publicUrl: string; brandId: number; email: string; role: (typeof BRAND_ROLES)[number] },
): Promise<string> {
  const invitations = createInvitations({ database, publicUrl, now: Date.now });
  const { link, expiresAt } = await invitations.invite({ ...order, actor: "command-line" });
  const until = new Date(expiresAt).toISOString().slice(0, 16).replace("T", " ");
  return `${link}\n\nHand this link on to ${order.email}. It works once, until ${until} UTC; docs/accounts.md says how to accept it.`;
}

async function recover(database: Database, email: string): Promise<string> {
  const password = await recoverUser(email, { database, hashPassword, now: Date.now });
  return `${password}\n\nThis is the new password of ${email}. They sign in with it, change it, and set up a second factor again.`;
}

function parseCommandLine() {
  let parsed: ReturnType<typeof parse>;
  const parse = () =>
    parseArgs({
      allowPositionals: true,
      options: {
        brand: { type: "string" },
        email: { type: "string" },
        role: { type: "string" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  try {
    parsed = parse();
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
  const { values, positionals } = parsed;
  const [command, ...rest] = positionals;
  const brandId = /^[1-9]\d{0,8}$/.test(values.brand ?? "") ? Number(values.brand) : 0;
  const role = BRAND_ROLES.find((known) => known === values.role) ?? "staff";
  const email = values.email ?? "";
  if (values.help) return { command: "help", brandId, email, role } as const;
  if ((command !== "invite" && command !== "recover") || rest.length > 0) throw new UsageError("Say what to do.");
  if (!/^[^@\s]+@[^@\s]+$/.test(email)) throw new UsageError("Say with --email whom it is about: an email address.");
  if (command === "invite" && brandId === 0)
    throw new UsageError("Say with --brand which brand: its number in the registry.");
  if (command === "invite" && role !== values.role)
    throw new UsageError(`Say with --role what they are to be: ${BRAND_ROLES.join(", ")}.`);
  return { command, brandId, email, role } as const;
}

try {
  console.log(await main());
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else if ([Refusal, ConfigError, DatabaseUnusableError].some((kind) => error instanceof kind)) {
    console.error((error as Error).message);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
