// The keys that the simulator and a server share as a merchant and Ping++ do: each has a key pair, and knows the other's public half.
// Made once, in the data folder, for their owner's eyes only. They protect no money.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

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

/** The keys of the data folder; makes them where there are none. */
export function simulatorKeys(dataFolder: string): SimulatorKeys {
  const folder = join(dataFolder, "payment-simulator");
  if (!existsSync(folder)) makeKeys(folder);
  const read = (name: keyof typeof FILES) => readFileSync(join(folder, FILES[name]), "utf8");
  const { appId, apiKey } = JSON.parse(read("account")) as { appId: string; apiKey: string };
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

/** Writes them into another folder first: half of them would never be made whole. */
function makeKeys(folder: string): void {
  const draft = `${folder}.${randomBytes(6).toString("hex")}.tmp`;
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  const write = (name: keyof typeof FILES, text: string) =>
    writeFileSync(join(draft, FILES[name]), text, { mode: 0o600, flush: true });
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
