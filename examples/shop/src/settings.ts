// What the store is told from outside. Everything else it finds out or makes itself.

import { join, resolve } from "node:path";

export interface Settings {
  host: string;
  port: number;
  /** Where browsers and Mintmark reach the store; without a slash at the end. */
  url: string;
  /** Where everything that is kept is. */
  folder: string;
  mintmark: {
    url: string;
    /** A key of the brand, of role manager: it places and refunds orders, redeems, and says what benefits mean. */
    key: string;
  };
  /** The collection that the store sells cards of. */
  collection: string;
}

/** A setting is missing or wrong. The message says what to set. */
export class SettingsError extends Error {
  override name = "SettingsError";
}

export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const port = Number(environment["SHOP_PORT"] || 3100);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new SettingsError("SHOP_PORT must be the number of a port, 3100 for example.");
  const host = environment["SHOP_HOST"] || "127.0.0.1";
  const key = environment["MINTMARK_KEY"] ?? "";
  if (key === "")
    throw new SettingsError(
      "MINTMARK_KEY is missing. Make a key with: npm run accounts -- key --brand 1 --role manager --name shop",
    );
  return {
    host,
    port,
    url: trimmed(environment["SHOP_URL"] || `http://127.0.0.1:${port}`),
    folder: resolve(environment["SHOP_DATA_DIR"] || join(import.meta.dirname, "..", "data")),
    mintmark: { url: trimmed(environment["MINTMARK_URL"] || "http://127.0.0.1:3000"), key },
    collection: environment["SHOP_COLLECTION"] || "noirance-preview",
  };
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, "");
}
