// npm run shop: the example store beside Mintmark, which is started with its demo if it is not running. What was ordered stays.
//
//   npm run shop -- --install      only fetches the store's packages

import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { ConfigError, loadConfig } from "../server/config.ts";
import { installShop, SHOP_FOLDER, SHOP_MAIN, shopEnvironment } from "./lifecycle/example-shop.ts";
import { type GuardedProcess, spawnGuarded } from "./lifecycle/guarded-process.ts";
import { requireFreePort } from "./lifecycle/listening.ts";
import { localUrl } from "./lifecycle/local-endpoint.ts";
import { runSession, StartError } from "./lifecycle/session.ts";
import { ensureShopKey } from "./lifecycle/shop-key.ts";
import { createTerminal } from "./lifecycle/terminal.ts";

const ROOT = resolve(import.meta.dirname, "..");
const POLL_MS = 200;

const { values } = parseArgs({ options: { install: { type: "boolean", default: false } } });
const terminal = createTerminal();
const { say, step } = terminal;

if (values.install) {
  await installShop();
  say("The example store's packages are installed.");
} else {
  await runSession(terminal, "Stopped. Everything is kept for the next start.", async (session) => {
    const config = loadConfig();
    const port = shopPort();
    const shopUrl = `http://127.0.0.1:${port}`;
    const mintmarkUrl = localUrl(config.host, config.port);
    const folder = join(config.dataFolder, "shop");
    await requireFreePort("127.0.0.1", port, "the store", "SHOP_PORT=3101 npm run shop");
    await installShop();

    if (await answers(`${mintmarkUrl}/ready`)) say(`Mintmark is running at ${mintmarkUrl} already.`);
    else {
      const mintmark = await spawnGuarded(process.execPath, [join(ROOT, "scripts", "start.ts")], {
        cwd: ROOT,
        stdio: ["ignore", "inherit", "inherit"],
      });
      await session.onStop(() => mintmark.stop());
      await until(`${mintmarkUrl}/ready`, mintmark, "Mintmark could not be started; it says why above.");
      mintmark.ended.then(() => session.fail("Stopping the store, because Mintmark has ended."));
    }
    const key = await step("Key for the store", () => ensureShopKey(folder, mintmarkUrl));
    await step("Store", async () => {
      const environment = shopEnvironment({ shopUrl, port, folder, mintmarkUrl, key });
      const store = await spawnGuarded(process.execPath, [SHOP_MAIN], {
        cwd: SHOP_FOLDER,
        env: { ...process.env, ...environment },
        stdio: ["ignore", "inherit", "inherit"],
      });
      await session.onStop(() => store.stop());
      await until(`${shopUrl}/health`, store, "The store could not be started; it says why above.");
      store.ended.then(() => session.fail("Stopping, because the store has ended."));
    });
    say(`
The store is open.

  The store       ${shopUrl}/
  Its staff       ${shopUrl}/staff   (name and password are above)
  Mintmark        ${mintmarkUrl}/
  Kept data       ${folder}

  Stop            Ctrl-C
`);
  });
}

function shopPort(): number {
  const text = process.env["SHOP_PORT"] || "3100";
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new ConfigError(`SHOP_PORT is ${text}; it must be the number of a port, 3100 for example.`);
  return port;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false; // Nobody listens there.
  }
}

/** Resolves once the address answers well; rejects if the process ends before. */
async function until(url: string, { ended }: GuardedProcess, problem: string): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!(await answers(url))) {
    if (over) throw new StartError(problem);
    await sleep(POLL_MS);
  }
}
