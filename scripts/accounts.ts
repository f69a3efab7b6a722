// npm run accounts: the first owner of a brand, the first key of a shop's program, and users who have lost what they sign in with. What else there is to do with accounts
// is done through the API, by people who have signed in.

import { parseArgs } from "node:util";
import { hashPassword } from "better-auth/crypto";
import { createApiKey } from "../server/accounts/api-keys.ts";
import { recordAct } from "../server/accounts/audit.ts";
import { Refusal } from "../server/accounts/errors.ts";
import { createInvitations } from "../server/accounts/invitations.ts";
import { BRAND_ROLES } from "../server/accounts/principal.ts";
import { recoverUser } from "../server/accounts/recovery.ts";
import { type Database, openDatabase } from "../server/database/client.ts";
import { migrate } from "../server/database/migrate.ts";
import { inTransaction } from "../server/database/transactions.ts";
import { describeFailure } from "../server/failures.ts";
import { loadWholeConfig } from "../server/half-restored.ts";
import { beginCommand } from "./lifecycle/command.ts";

const USAGE = `Lets people in. May be used while the server runs.

  npm run accounts -- invite --brand <id> --email <mail> --role <${BRAND_ROLES.join("|")}>
      prints a link that makes whoever follows it a member of the brand; it works once, for seven days
  npm run accounts -- key --brand <id> --role <manager|staff|auditor> --name <name>
      prints an API key for a program of the brand, a shop's for example; it is shown this once
  npm run accounts -- recover --email <mail>
      for who has lost their second factor or password: prints a new password, takes away passkeys and
      one-time codes, and ends their sessions

Settings (environment or .env): PUBLIC_URL, DATA_DIR, DATABASE_URL.`;

class UsageError extends Error {
  override name = "UsageError";
}

async function main(): Promise<string> {
  const { command, brandId, email, role, name } = parseCommandLine();
  if (command === "help") return USAGE;
  const { databaseUrl, publicUrl, dataFolder } = loadWholeConfig();
  await migrate(databaseUrl, { dataFolder });
  const database = await openDatabase(databaseUrl, { application: true });
  try {
    switch (command) {
      case "invite":
        return await invite(database, { publicUrl, brandId, email, role });
      case "key":
        return await makeKey(database, { brandId, role, name });
      case "recover":
        return await recover(database, email);
    }
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

async function makeKey(
  database: Database,
  order: { brandId: number; role: (typeof BRAND_ROLES)[number]; name: string },
): Promise<string> {
  const { brandId, role, name } = order;
  const now = Date.now();
  const key = await inTransaction(database, async (transaction) => {
    if ((await transaction.brand.findUnique({ where: { id: brandId } })) === null)
      throw new Refusal("not-found", `The registry has no brand ${brandId}, or the server has not read of it yet.`);
    const made = await createApiKey(transaction, { brandId, role, name, createdBy: "command-line", now });
    await recordAct(transaction, {
      at: now,
      brandId,
      actor: "command-line",
      action: "api-key.created",
      subject: made.id,
      details: { name, role },
    });
    return made.key;
  });
  return `${key}\n\nThis key acts for brand ${brandId} as ${role}. Keep it where only the program can read it: it is not shown again.`;
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
        name: { type: "string", default: "" },
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
  const { name } = values;
  const found = { brandId, email, role, name };
  if (values.help) return { command: "help", ...found } as const;
  if ((command !== "invite" && command !== "key" && command !== "recover") || rest.length > 0)
    throw new UsageError("Say what to do.");
  if (command !== "key" && !/^[^@\s]+@[^@\s]+$/.test(email))
    throw new UsageError("Say with --email whom it is about: an email address.");
  if (command !== "recover" && brandId === 0)
    throw new UsageError("Say with --brand which brand: its number in the registry.");
  if (command !== "recover" && role !== values.role)
    throw new UsageError(`Say with --role what they are to be: ${BRAND_ROLES.join(", ")}.`);
  if (command === "key" && role === "owner")
    throw new UsageError("Owners are people. Give a program a key of role manager, staff or auditor.");
  if (command === "key" && !/^[^\p{Cc}\p{Cf}]{1,100}$/u.test(name))
    throw new UsageError("Say with --name what the key is for, in 1 to 100 characters.");
  return { command, ...found } as const;
}

beginCommand();
try {
  console.log(await main());
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else {
    console.error(describeFailure(error));
    process.exitCode = 1;
  }
}
