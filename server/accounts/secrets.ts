// The secrets of accounts: one signs sessions, one protects personal data at rest. Both come from settings or, on a machine that
// has none, from a file that is made once. Must hold: every server process on a database has the same ones; keys of different
// purposes say nothing about each other.

import { hkdfSync, randomBytes } from "node:crypto";
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "../database/client.ts";
import { createFile } from "../system/durable-files.ts";
import { explainSystemError } from "../system/failures.mjs";
import { secretProblem } from "./secret-text.ts";

const FILE_NAME = "auth-secret";

/** A secret is missing or is none. The message is fit for a user. */
export class SecretError extends Error {
  override name = "SecretError";
}

export interface Secrets {
  /** Signs cookies and encrypts the secrets of one-time codes. */
  auth: string;
  /** A key of 32 bytes for one purpose. */
  dataKey(purpose: string): Buffer;
}

export interface SecretSettings {
  /** AUTH_SECRET. */
  authSecret: string | undefined;
  /** DATA_KEY; the auth secret stands in for it if not set. */
  dataKey: string | undefined;
  dataFolder: string;
}

/** Reads the secrets; makes the one of the data folder where there is none. Throws {@link SecretError}. */
export function loadSecrets({ authSecret, dataKey, dataFolder }: SecretSettings): Secrets {
  const auth = authSecret ?? readOrMake(dataFolder);
  const root = dataKey ?? auth;
  return {
    auth,
    dataKey: (purpose) => Buffer.from(hkdfSync("sha256", root, "mintmark accounts", purpose, 32)),
  };
}

/** Throws {@link SecretError} where the file of the data folder is there and holds none. */
export function checkSecretFile({ authSecret, dataFolder }: SecretSettings): void {
  if (authSecret === undefined) read(join(dataFolder, FILE_NAME));
}

/**
 * Throws {@link SecretError} where a secret would be made although the database has what was encrypted with an earlier one: nobody
 * could read that again.
 */
export async function refuseToForget(
  { authSecret, dataKey, dataFolder }: SecretSettings,
  database: Database,
): Promise<void> {
  if (authSecret !== undefined) return;
  const file = join(dataFolder, FILE_NAME);
  if (read(file) !== undefined) return;
  const encrypted = [
    { what: "one-time codes of users", count: await database.totp.count() },
    ...(dataKey === undefined
      ? [
          { what: "phone numbers", count: await database.customer.count({ where: { phoneCipher: { not: null } } }) },
          { what: "secrets of webhooks", count: await database.webhookEndpoint.count() },
        ]
      : []),
  ].filter(({ count }) => count > 0);
  if (encrypted.length === 0) return;
  const list = encrypted.map(({ what, count }) => `${what} (${count})`).join(", ");
  throw new SecretError(
    `The secret ${file} is missing, and the database has what was encrypted with it: ${list}. Restore the file from its backup, or ` +
      "set AUTH_SECRET to what it held. If it is lost for good, set AUTH_SECRET to a new secret (openssl rand -base64 32): " +
      "what was encrypted cannot be read again then.",
  );
}

function readOrMake(folder: string): string {
  const file = join(folder, FILE_NAME);
  const known = read(file);
  if (known !== undefined) return known;
  createFile(file, `${randomBytes(32).toString("base64url")}\n`);
  // Of several processes one has made it.
  const made = read(file);
  if (made === undefined && lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true)
    throw new SecretError(
      `${file} is a link that leads nowhere. Bring back what it leads to, or delete the link: a new secret is made.`,
    );
  if (made === undefined) throw new SecretError(`The secret ${file} was removed while it was made. Start again.`);
  return made;
}

/** Nothing if there is no such file. */
function read(file: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new SecretError(explainSystemError(cause, file) ?? `The secret ${file} cannot be read.`, { cause });
  }
  const secret = text.replace(/\r?\n$/, "");
  const problem = secretProblem(secret);
  if (problem === undefined) return secret;
  throw new SecretError(
    `The secret in ${file} ${problem}. Restore the file from its backup. If nothing was encrypted with it yet, delete it: a new one is made.`,
  );
}
