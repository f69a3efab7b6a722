// The API key that the example store works with: made once for the demo's brand, kept beside the store's data, and made anew
// where the server does not know it any more.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { replaceFile } from "../../server/system/durable-files.ts";
import { spawnGuarded } from "./guarded-process.ts";
import { StartError } from "./session.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
/** The demo's perfume brand. */
const BRAND = "1";

export async function ensureShopKey(folder: string, mintmarkUrl: string): Promise<string> {
  const file = join(folder, "mintmark-key");
  const kept = readKey(file);
  if (kept !== undefined && (await isKnown(mintmarkUrl, kept))) return kept;
  const key = await makeKey();
  if (!(await isKnown(mintmarkUrl, key))) {
    throw new StartError(
      `The server at ${mintmarkUrl} does not know a key that was made for it just now: it uses another database. ` +
        "Give this command the same DATA_DIR and DATABASE_URL, or stop that server and run this again.",
    );
  }
  replaceFile(file, `${key}\n`);
  return key;
}

function readKey(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function isKnown(mintmarkUrl: string, key: string): Promise<boolean> {
  const response = await fetch(`${mintmarkUrl}/v1/orders?limit=1`, { headers: { Authorization: `Bearer ${key}` } });
  await response.body?.cancel();
  if (response.status === 401 || response.status === 403) return false;
  if (response.ok) return true;
  throw new StartError(`The server at ${mintmarkUrl} answered ${response.status} to a look at its orders.`);
}

async function makeKey(): Promise<string> {
  const script = join(ROOT, "scripts", "accounts.ts");
  const args = [script, "key", "--brand", BRAND, "--role", "manager", "--name", "example shop"];
  const { child, ended } = await spawnGuarded(process.execPath, args, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  let complained = "";
  child.stdout?.on("data", (data) => {
    said += data;
  });
  child.stderr?.on("data", (data) => {
    complained += data;
  });
  const { code } = await ended;
  const [key = ""] = said.split("\n");
  if (code !== 0 || key === "") throw new StartError(`No key could be made for the store: ${complained.trim()}`);
  return key;
}
