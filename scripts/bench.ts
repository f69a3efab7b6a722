// npm run bench: what it costs, side by side with what it could cost at best. Prints Markdown for docs/benchmarks.md.
// npm run bench -- gas | mirror | backfill | api: one part only.

import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createRpc } from "../server/chain/rpc.ts";
import { benchApi } from "./bench/api.ts";
import { benchBackfill } from "./bench/backfill.ts";
import { fillChain } from "./bench/chain.ts";
import { benchGas } from "./bench/gas.ts";
import { benchMirror } from "./bench/mirror.ts";
import { freePort } from "./lifecycle/free-port.ts";
import { type GuardedProcess, spawnGuarded } from "./lifecycle/guarded-process.ts";
import { anvilArguments, anvilBinary } from "./local-chain/anvil.ts";

const CARDS = 50_000;
const START_TIMEOUT_MS = 60_000;

const chosen = process.argv.slice(2);
const parts = ["gas", "mirror", "backfill", "api"];
const unknown = chosen.filter((part) => !parts.includes(part));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(", ")}; there are ${parts.join(", ")}.`);
  process.exit(2);
}
const wanted = (part: string) => chosen.length === 0 || chosen.includes(part);
const progress = (text: string) => process.stderr.write(`${text}\n`);

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await check().catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`${what} did not come up within ${START_TIMEOUT_MS / 1_000} s`);
    await sleep(50);
  }
}

const memory = Math.round(totalmem() / 2 ** 30);
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${memory} GiB\n`);

if (wanted("gas")) {
  progress("gas …");
  console.log(`## Gas\n\n${await benchGas()}\n`);
}

if (wanted("mirror")) {
  progress("the mirror without the chain …");
  console.log(`## The mirror without the chain\n\n${await benchMirror()}\n`);
}

if (wanted("backfill") || wanted("api")) {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-bench-"));
  const running: GuardedProcess[] = [];
  try {
    const chainPort = await freePort();
    const rpcUrl = `http://127.0.0.1:${chainPort}`;
    const genesisTimestamp = Math.floor(Date.now() / 1_000);
    const args = anvilArguments({ host: "127.0.0.1", port: chainPort, genesisTimestamp, snapshot: undefined });
    running.push(await spawnGuarded(anvilBinary(), args, { stdio: "ignore" }));
    const rpc = createRpc({ url: rpcUrl });
    await until("The chain", async () => (await rpc.call("eth_chainId")) !== undefined);
    progress(`a chain with ${CARDS.toLocaleString("en")} cards …`);
    const filled = await fillChain(rpcUrl, CARDS);

    if (wanted("backfill")) {
      progress("backfill …");
      console.log(`## Backfill\n\n${await benchBackfill({ rpcUrl, ...filled })}\n`);
    }
    if (wanted("api")) {
      progress("API …");
      const port = await freePort();
      const environment = {
        ...process.env,
        PORT: String(port),
        PUBLIC_URL: `http://127.0.0.1:${port}`,
        RPC_URL: rpcUrl,
        REGISTRY_ADDRESS: filled.deployment.registry,
        DATA_DIR: folder,
        DATABASE_URL: `file:${join(folder, "api.db")}`,
        RATE_LIMIT_PER_MINUTE: "0",
        LOG_LEVEL: "warn",
      };
      const main = resolve(import.meta.dirname, "..", "server", "main.ts");
      running.push(
        await spawnGuarded(process.execPath, [main], { stdio: ["ignore", "ignore", "inherit"], env: environment }),
      );
      const serverUrl = `http://127.0.0.1:${port}`;
      await until("The server", async () => (await fetch(`${serverUrl}/ready`)).ok);
      const answers = await benchApi(serverUrl, {
        verify: "/v1/verify/bench/25000",
        card: "/v1/collections/bench/cards/25000",
        "50 cards": "/v1/collections/bench/cards?limit=50",
        page: "/v/bench/25000",
      });
      console.log(`## API\n\n${CARDS.toLocaleString("en")} cards in the mirror, SQLite, one process.\n\n${answers}\n`);
    }
  } finally {
    for (const child of running.reverse()) await child.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
process.exit(0);
