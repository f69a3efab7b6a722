// npm start: the whole system on one machine. Chain, contracts, demo data, server; what was issued stays.

import { join } from "node:path";
import { createRpc } from "../server/chain/rpc.ts";
import { type Config, loadConfig } from "../server/config.ts";
import { openDatabase } from "../server/database/client.ts";
import { migrate } from "../server/database/migrate.ts";
import { refuseHalfRestored } from "../server/half-restored.ts";
import { EXAMPLE_CARD, seedDemo } from "./demo.ts";
import { ensureRegistry } from "./lifecycle/deployment.ts";
import { requireFreePort } from "./lifecycle/listening.ts";
import { localEndpoint, localUrl } from "./lifecycle/local-endpoint.ts";
import { claimRun } from "./lifecycle/run-file.ts";
import { startServer } from "./lifecycle/server-process.ts";
import { runSession } from "./lifecycle/session.ts";
import { createTerminal } from "./lifecycle/terminal.ts";
import { type LocalChain, startLocalChain } from "./local-chain/local-chain.ts";

const terminal = createTerminal();
const { say, step } = terminal;

await runSession(terminal, "Stopped. Everything is kept for the next start.", async (session) => {
  const began = performance.now();
  const config = loadConfig();
  refuseHalfRestored(config.dataFolder);
  const endpoint = localEndpoint(config.rpcUrl, config.port);
  const run = await claimRun(config.dataFolder, say);
  await session.onStop(() => run.release());
  await requireFreePort(endpoint.host, endpoint.port, "the chain", "RPC_URL=http://127.0.0.1:8546 npm start");
  await requireFreePort(config.host, config.port, "the server", "PORT=3001 npm start");
  if (run.earlierRunWasKilled) say("The earlier run did not stop in order.");

  const chain = await step("Chain", (progress) =>
    startLocalChain({
      folder: join(config.dataFolder, "chain"),
      ...endpoint,
      onMessage: say,
      onProgress: (done, total) => progress(`block ${done} of ${total}`),
      onProcess: (pid) => run.record("chain", pid),
    }),
  );
  await session.onStop(() => chain.stop());
  chain.failed.then((reason) => session.fail(`Stopping everything, because ${reason}. Run npm start again.`));
  if (!chain.isNew) say(`  restored to block ${chain.restoredBlock}`);

  const cardBaseURI = `${config.publicUrl}/metadata/`;
  const { dataFolder, rpcUrl } = config;
  const { deployment } = await step("Contracts", () => ensureRegistry({ rpcUrl, dataFolder, cardBaseURI }));
  await step("Demo data", (onProgress) => seedDemo({ rpcUrl, deployment, dataFolder, cardBaseURI, onProgress }));
  await step("Database", async () => {
    await migrate(config.databaseUrl);
    await passMirror(config, chain);
  });

  const url = localUrl(config.host, config.port);
  const logFile = join(config.dataFolder, "logs", "server.log");
  await step("Server", async (progress) => {
    const server = await startServer({ url, logFile, onMessage: say, onProcess: (pid) => run.record("server", pid) });
    await session.onStop(() => server.stop());
    await server.ready(progress);
    server.failed.then((reason) => session.fail(reason));
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say(addresses(config, url, logFile, seconds));
});

/**
 * After a crash the mirror may know blocks that the chain has lost. Says so, and makes the chain longer than the mirror:
 * the indexer takes a shorter chain for a node that is late, and a longer, other one for what it is.
 */
async function passMirror({ databaseUrl, rpcUrl }: Config, chain: LocalChain): Promise<void> {
  const database = await openDatabase(databaseUrl);
  try {
    const checkpoint = await database.checkpoint.findUnique({ where: { id: 1 } });
    if (checkpoint?.genesisHash !== chain.genesisHash || checkpoint.blockNumber <= chain.restoredBlock) return;
    const rpc = createRpc({ url: rpcUrl });
    const head = Number(await rpc.call<string>("eth_blockNumber"));
    const missing = checkpoint.blockNumber - head + 1;
    if (missing > 0) await rpc.call("anvil_mine", [`0x${missing.toString(16)}`]);
    const lost = checkpoint.blockNumber - chain.restoredBlock;
    say(
      lost === 1
        ? `  block ${checkpoint.blockNumber} was lost, because the earlier run was killed within a second of it. What was issued in it must be issued again.`
        : `  blocks ${chain.restoredBlock + 1} to ${checkpoint.blockNumber} were lost, because the earlier run was killed within a second of them. What was issued in them must be issued again.`,
    );
  } finally {
    await database.$disconnect();
  }
}

function addresses(config: Config, url: string, logFile: string, seconds: string): string {
  const { collection, serial } = EXAMPLE_CARD;
  return `
Mintmark is ready (after ${seconds} s).

  Home page       ${url}/
  A genuine card  ${url}/v/${collection}/${serial}
  API and docs    ${url}/docs
  Chain JSON-RPC  ${config.rpcUrl}
  Kept data       ${config.dataFolder}
  Server log      ${logFile}

  Issue cards     npm run issue -- --collection noirance-black --csv examples/noirance-black.csv
  Stop            Ctrl-C
`;
}
