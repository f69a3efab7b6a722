// The secrets of accounts: one signs sessions, one protects personal data at rest. Both come from settings or, on a machine that
// has none, from a file that is made once. Must hold: every server process on a database has the same ones; keys of different
// purposes say nothing about each other.

import { hkdfSync, randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE_NAME = "auth-secret";
const FILE_MODE = 0o600;

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

export function loadSecrets({ authSecret, dataKey, dataFolder }: SecretSettings): Secrets {
  const auth = authSecret ?? readOrMake(dataFolder);
  const root = dataKey ?? auth;
  return {
    auth,
    dataKey: (purpose) => Buffer.from(hkdfSync("sha256", root, "mintmark accounts", purpose, 32)),
  };
}

function readOrMake(folder: string): string {
  const file = join(folder, FILE_NAME);
  const known = read(file);
  if (known !== undefined) return known;
  mkdirSync(folder, { recursive: true });
  // Linked into its place, so that nobody reads half of it and of several processes one makes it.
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  writeFileSync(draft, `${randomBytes(32).toString("base64url")}\n`, { mode: FILE_MODE, flag: "wx" });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return readFileSync(file, "utf8").trim();
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
