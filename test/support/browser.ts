// A headless Chromium for tests of pages: Debian's, or any other that the machine has.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { PATIENCE_MS } from "./patience.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "microsoft-edge"];
const USUAL_PLACES = [
  "/usr/bin",
  "/usr/local/bin",
  "/snap/bin",
  "/opt/google/chrome",
  "/Applications/Google Chrome.app/Contents/MacOS",
  "/Applications/Chromium.app/Contents/MacOS",
];
const MAC_NAMES = ["Google Chrome", "Chromium"];

export const BROWSER_MISSING = "No Chromium here; install with: apt-get install chromium fonts-noto-cjk";

/** The browser's program; nothing if there is none. `CHROMIUM_PATH` names one that is elsewhere. */
export function findBrowser(): string | undefined {
  const named = process.env["CHROMIUM_PATH"];
  if (named !== undefined && named !== "") return named;
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...USUAL_PLACES];
  for (const name of [...NAMES, ...MAC_NAMES]) {
    for (const folder of folders) {
      const file = join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      }
    }
  }
  return undefined;
}

/** Starts the browser, or skips the calling suite and says why. */
export async function launchBrowserOrSkip(context: Mocha.Context): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === undefined) {
    console.warn(`      ${BROWSER_MISSING}`);
    context.skip();
  }
  return await launchBrowser(executablePath);
}

export async function launchBrowser(executablePath = findBrowser()): Promise<Browser> {
  if (executablePath === undefined) throw new Error(BROWSER_MISSING);
  const browser = await chromium.launch({
    executablePath,
    timeout: PATIENCE_MS,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  // Every page waits as long as tests do, also those that are opened without a context of their own.
  const { newContext } = browser;
  browser.newContext = async (options) => {
    const context = await newContext.call(browser, options);
    context.setDefaultTimeout(PATIENCE_MS);
    return context;
  };
  return browser;
}
