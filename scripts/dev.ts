// npm run dev: the system on Hardhat's own node, restarted when a source changes. The chain is in memory and forgets
// everything, so the mirror is made anew each time too; its data is in a folder of its own, beside that of npm start.

import { existsSync, mkdirSync, rmSync, watch } from "node:fs";
import { join, resolve } from "node:path";
import { network } from "hardhat";
import { loadConfig } from "../server/config.ts";
import { RESTART_CODE } from "./bootstrap.mjs";
import { EXAMPLE_CARD, seedDemo } from "./demo.ts";
import { ensureRegistry } from "./lifecycle/deployment.ts";
import { requireFreePort } from "./lifecycle/listening.ts";
import { localEndpoint, localUrl } from "./lifecycle/local-endpoint.ts";
import { claimRun } from "./lifecycle/run-file.ts";
import { type ServerProcess, startServer } from "./lifecycle/server-process.ts";
import { runSession } from "./lifecycle/session.ts";
import { createTerminal } from "./lifecycle/terminal.ts";

const ROOT = resolve(import.meta.dirname, "..");
/** An editor writes a file in several steps. */
const SETTLE_MS = 150;

const terminal = createTerminal();
const { say, step } = terminal;

await runSession(terminal, "Stopped.", async (session) => {
  const began = performance.now();
  const config = loadConfig();
  const endpoint = localEndpoint(config.rpcUrl, config.port);
  const { rpcUrl } = config;
  const dataFolder = join(config.dataFolder, "dev");
  const databaseFile = join(dataFolder, "mintmark.db");
  const run = await claimRun(dataFolder, say);
  await session.onStop(() => run.release());
  await requireFreePort(endpoint.host, endpoint.port, "the chain", "RPC_URL=http://127.0.0.1:8546 npm run dev");
  await requireFreePort(config.host, config.port, "the server", "PORT=3001 npm run dev");
  mkdirSync(dataFolder, { recursive: true });
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${databaseFile}${suffix}`, { force: true });

  await step("Chain (in memory)", async () => {
    const node = await network.createServer({ network: "node" }, endpoint.host, endpoint.port);
    await node.listen();
    await session.onStop(() => node.close());
  });
  const cardBaseURI = `${config.publicUrl}/metadata/`;
  const { deployment } = await step("Contracts", () => ensureRegistry({ rpcUrl, dataFolder, cardBaseURI }));
  await step("Demo data", (onProgress) => seedDemo({ rpcUrl, deployment, dataFolder, cardBaseURI, onProgress }));

  const url = localUrl(config.host, config.port);
  const logFile = join(dataFolder, "logs", "server.log");
  const server = await step("Server", async (progress) => {
    const server = await startServer({
      url,
      logFile,
      staysDead: true,
      environment: { DATA_DIR: dataFolder, DATABASE_URL: `file:${databaseFile}` },
      onMessage: say,
      onProcess: (pid) => run.record("server", pid),
    });
    await session.onStop(() => server.stop());
    await server.ready(progress).catch((error) => say(`${error.message}\nWaiting for a source to change …`));
    return server;
  });
  watchSources({
    onServerChange: (file) => restartServer(server, file),
    onBuildChange(file) {
      say(`${file} changed: building and starting everything again …`);
      session.end(RESTART_CODE);
    },
  });
  const { collection, serial } = EXAMPLE_CARD;
  say(`
Mintmark is ready for development (after ${((performance.now() - began) / 1000).toFixed(1)} s). The chain forgets everything at the end.

  Home page       ${url}/
  A genuine card  ${url}/v/${collection}/${serial}
  API and docs    ${url}/docs
  Chain JSON-RPC  ${rpcUrl}
  Server log      ${logFile}

  Issue cards     DATA_DIR=${dataFolder} npm run issue -- --collection noirance-black --csv examples/noirance-black.csv
  Stop            Ctrl-C
`);
});

async function restartServer(server: ServerProcess, file: string): Promise<void> {
  const began = performance.now();
  try {
    await server.restart();
    await server.ready(() => undefined);
    say(`${file} changed: the server runs again (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\nWaiting for a source to change …`);
  }
}

/** Calls one of the two after the sources have come to rest; one call at a time. */
function watchSources(listeners: {
  onServerChange: (file: string) => Promise<void>;
  onBuildChange: (file: string) => void;
}): void {
  let timer: NodeJS.Timeout | undefined;
  let changed: { file: string; needsBuild: boolean } | undefined;
  let busy = false;
  const settle = async (): Promise<void> => {
    if (busy || changed === undefined) return;
    const { file, needsBuild } = changed;
    changed = undefined;
    if (needsBuild) return listeners.onBuildChange(file);
    busy = true;
    await listeners.onServerChange(file);
    busy = false;
    await settle();
  };
  const note = (file: string, needsBuild: boolean): void => {
    changed = { file, needsBuild: needsBuild || changed?.needsBuild === true };
    clearTimeout(timer);
    timer = setTimeout(settle, SETTLE_MS);
  };
  for (const folder of ["server", "web", "contracts"]) {
    if (!existsSync(join(ROOT, folder))) continue;
    watch(join(ROOT, folder), { recursive: true }, (_event, name) => {
      if (name === null || name.startsWith(join("database", "generated")) || /(^|\/)\.|~$/.test(name)) return;
      note(join(folder, name), folder === "contracts" || name.endsWith(".prisma"));
    });
  }
}
