// The example store of examples/shop, whose packages are its own: what there is to know of it from outside.

import { join, resolve } from "node:path";
import { ensureInstalled, isInstalled } from "../bootstrap.mjs";

export const SHOP_FOLDER = resolve(import.meta.dirname, "..", "..", "examples", "shop");

/** What to tell who wants the store and has not got its packages. */
export const SHOP_MISSING = "The example store's packages are not installed; install with: npm run shop -- --install";

export function isShopInstalled(): boolean {
  return isInstalled(SHOP_FOLDER);
}

export async function installShop(): Promise<void> {
  await ensureInstalled(SHOP_FOLDER, process.execPath, process.versions.modules);
}

export interface ShopEnvironment {
  shopUrl: string;
  port: number;
  folder: string;
  mintmarkUrl: string;
  key: string;
}

/** How the store is told what it needs; it reads nothing else of ours. */
export function shopEnvironment({ shopUrl, port, folder, mintmarkUrl, key }: ShopEnvironment): NodeJS.ProcessEnv {
  return {
    SHOP_PORT: String(port),
    SHOP_URL: shopUrl,
    SHOP_DATA_DIR: folder,
    MINTMARK_URL: mintmarkUrl,
    MINTMARK_KEY: key,
  };
}

export const SHOP_MAIN = join(SHOP_FOLDER, "src", "main.ts");
