// The adapters that the settings ask for.

import { readFileSync } from "node:fs";
import { type Config, ConfigError } from "../config.ts";
import type { PaymentAdapter } from "./adapter.ts";
import { createPingppAdapter } from "./pingpp.ts";
import { readPrivateKey, readPublicKey } from "./pingpp-signature.ts";

/** Throws {@link ConfigError} where a key file is not what it should be. */
export function createAdapters({ pingpp }: Pick<Config, "pingpp">): PaymentAdapter[] {
  if (pingpp === undefined) return [];
  const { apiUrl, appId, apiKey, channel, privateKeyFile, publicKeyFile } = pingpp;
  return [
    createPingppAdapter({
      ...{ apiUrl, appId, apiKey, channel },
      merchantKey: readKey("PINGPP_PRIVATE_KEY_FILE", privateKeyFile, readPrivateKey),
      aggregatorKey: readKey("PINGPP_PUBLIC_KEY_FILE", publicKeyFile, readPublicKey),
    }),
  ];
}

function readKey<Key>(setting: string, file: string, read: (pem: string) => Key): Key {
  let pem: string;
  try {
    pem = readFileSync(file, "utf8");
  } catch (cause) {
    throw new ConfigError(`${setting}: the file ${file} cannot be read. Correct the path, or its permissions.`, {
      cause,
    });
  }
  try {
    return read(pem);
  } catch (error) {
    // Without a cause: it may show what is in the file.
    throw new ConfigError(`${setting}: ${file} is not what is wanted. ${(error as Error).message}`);
  }
}
