// The keys that the simulator and a server share as a merchant and Ping++ do: each has a key pair, and knows the other's public half.
// Made once, in the data folder, for their owner's eyes only. They protect no money.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder, replaceFile, syncToDisk } from "../../server/system/durable-files.ts";
import { StartError } from "../lifecycle/session.ts";

export interface SimulatorKeys {
  appId: string;
  apiKey: string;
  /** PEM. */
  merchantPrivateKey: string;
  merchantPublicKey: string;
  aggregatorPrivateKey: string;
  aggregatorPublicKey: string;
  /** Where a server reads its half from. */
  files: { merchantPrivateKey: string; aggregatorPublicKey: string };
}

const FILES = {
  merchantPrivateKey: "merchant-private.pem",
  merchantPublicKey: "merchant-public.pem",
  aggregatorPrivateKey: "aggregator-private.pem",
  aggregatorPublicKey: "aggregator-public.pem",
  account: "account.json",
} as const;
const NAMES = Object.keys(FILES) as (keyof typeof FILES)[];

/** The keys of the data folder; makes them where there are none. Throws {@link StartError} if one is damaged. */
export function simulatorKeys(dataFolder: string): SimulatorKeys {
  const folder = join(dataFolder, "payment-simulator");
  if (!existsSync(folder)) makeKeys(folder);
  const read = (name: keyof typeof FILES) => readFileSync(join(folder, FILES[name]), "utf8");
  const account = parseAccount(read("account"));
  const isPem = (name: keyof typeof FILES) => name === "account" || read(name).startsWith("-----BEGIN ");
  if (account === undefined || !NAMES.every(isPem)) {
    throw new StartError(
      `The keys of the payment simulator in ${folder} are damaged. Delete that folder and start again: new ones are made, and the server needs their settings.`,
    );
  }
  const { appId, apiKey } = account;
  return {
    appId,
    apiKey,
    merchantPrivateKey: read("merchantPrivateKey"),
    merchantPublicKey: read("merchantPublicKey"),
    aggregatorPrivateKey: read("aggregatorPrivateKey"),
    aggregatorPublicKey: read("aggregatorPublicKey"),
    files: {
      merchantPrivateKey: join(folder, FILES.merchantPrivateKey),
      aggregatorPublicKey: join(folder, FILES.aggregatorPublicKey),
    },
  };
}

function parseAccount(text: string): { appId: string; apiKey: string } | undefined {
  try {
    const { appId, apiKey } = JSON.parse(text) as { appId?: unknown; apiKey?: unknown };
    return typeof appId === "string" && typeof apiKey === "string" ? { appId, apiKey } : undefined;
  } catch {
    return undefined;
  }
}

/** Writes them into another folder first: half of them would never be made whole. */
function makeKeys(folder: string): void {
  const draft = `${folder}.${randomBytes(6).toString("hex")}.tmp`;
  makeFolder(draft);
  const write = (name: keyof typeof FILES, text: string) => replaceFile(join(draft, FILES[name]), text);
  const merchant = keyPair();
  const aggregator = keyPair();
  write("merchantPrivateKey", merchant.privateKey);
  write("merchantPublicKey", merchant.publicKey);
  write("aggregatorPrivateKey", aggregator.privateKey);
  write("aggregatorPublicKey", aggregator.publicKey);
  const account = { appId: "app_simulator", apiKey: `sk_test_${randomBytes(12).toString("hex")}` };
  write("account", `${JSON.stringify(account, null, 2)}\n`);
  try {
    renameSync(draft, folder);
    syncToDisk(dirname(folder));
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Somebody else was faster: then theirs are the keys.
    if (!existsSync(folder)) throw error;
  }
}

function keyPair(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
}
