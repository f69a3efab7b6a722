// npm start: the whole system on one machine. Chain, contracts, demo data, server; what was issued stays.

import { join } from "node:path";
import { parseArgs } from "node:util";
import { createRpc } from "../server/chain/rpc.ts";
import { type Config, loadConfig } from "../server/config.ts";
import { openDatabase } from "../server/database/client.ts";
import { migrate } from "../server/database/migrate.ts";
import { refuseHalfRestored } from "../server/half-restored.ts";
import { createLease, holdWhenFree, LeaseLostError } from "../server/indexer/lease.ts";
import { createMirror } from "../server/indexer/mirror.ts";
import { planResumption } from "../server/indexer/resume.ts";
import { EXAMPLE_CARD, seedDemo } from "./demo.ts";
import { ensureRegistry } from "./lifecycle/deployment.ts";
import { giveUpBlocks } from "./lifecycle/given-up-blocks.ts";
import { requireFreePort } from "./lifecycle/listening.ts";
import { localEndpoint, localUrl } from "./lifecycle/local-endpoint.ts";
import { isConfirmed } from "./lifecycle/questions.ts";
import { claimRun } from "./lifecycle/run-file.ts";
import { startServer } from "./lifecycle/server-process.ts";
import { runSession } from "./lifecycle/session.ts";
import { createTerminal } from "./lifecycle/terminal.ts";
import { LOCAL_CHAIN_ID } from "./local-chain/engine/genesis.ts";
import { BlocksMissingError, type KnownBlock } from "./local-chain/engine/opening.ts";
import { type LocalChain, type LocalChainOptions, startLocalChain } from "./local-chain/local-chain.ts";

const USAGE = `Runs the whole system on this machine: chain, contracts, demo data, server. What was issued stays.

  npm start

  --accept-lost-blocks   go on although the chain has lost its newest blocks: what was issued in them is issued anew
  --help                 show this

Settings (environment or .env) are listed in .env.example.`;

const terminal = createTerminal();
const { say, step } = terminal;
const options = parseOptions();

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

  const known = await step("Database", async () => {
    await migrate(config.databaseUrl, config);
    return await knownBlock(config.databaseUrl);
  });
  const chain = await step("Chain", () =>
    startKeptChain({
      folder: join(config.dataFolder, "chain"),
      ...endpoint,
      known,
      acceptLoss: options.acceptLostBlocks,
      onMessage: say,
      onProcess: (pid) => run.record("chain", pid),
    }),
  );
  await session.onStop(() => chain.stop());
  chain.failed.then((reason) => session.fail(`Stopping everything, because ${reason}. Run npm start again.`));
  if (!chain.isNew) say(`  at block ${chain.head.number}`);
  if (known !== undefined) await followLoss(config, known, chain);

  const cardBaseURI = `${config.publicUrl}/metadata/`;
  const { dataFolder, rpcUrl } = config;
  const { deployment } = await step("Contracts", () => ensureRegistry({ rpcUrl, dataFolder, cardBaseURI }));
  await step("Demo data", (onProgress) => seedDemo({ rpcUrl, deployment, dataFolder, cardBaseURI, onProgress }));

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

function parseOptions(): { acceptLostBlocks: boolean } {
  try {
    const { values } = parseArgs({ options: { "accept-lost-blocks": { type: "boolean" }, help: { type: "boolean" } } });
    if (values.help !== true) return { acceptLostBlocks: values["accept-lost-blocks"] === true };
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    process.exit(2);
  }
}

/** The newest block that the database's mirror has; nothing if it has none. */
async function knownBlock(databaseUrl: string): Promise<KnownBlock | undefined> {
  const database = await openDatabase(databaseUrl);
  try {
    const checkpoint = await database.checkpoint.findUnique({ where: { id: 1 } });
    if (checkpoint === null || Number(checkpoint.chainId) !== LOCAL_CHAIN_ID) return undefined;
    const { genesisHash, blockNumber, blockHash } = checkpoint;
    return { genesisHash, number: blockNumber, hash: blockHash };
  } finally {
    await database.$disconnect();
  }
}

/** Where blocks are missing, asks whether to go on, if there is somebody to ask. */
async function startKeptChain(chainOptions: LocalChainOptions): Promise<LocalChain> {
  try {
    return await startLocalChain(chainOptions);
  } catch (error) {
    if (!(error instanceof BlocksMissingError) || !process.stdin.isTTY || !process.stdout.isTTY) throw error;
    say(error.message);
    if (!(await isConfirmed("Go on without them?"))) throw error;
    return await startLocalChain({ ...chainOptions, acceptLoss: true });
  }
}

/** Where blocks that the mirror has were lost, takes the mirror back to the newest that is left, as `npm run resume` does. */
async function followLoss({ databaseUrl, rpcUrl }: Config, known: KnownBlock, chain: LocalChain): Promise<void> {
  const rpc = createRpc({ url: rpcUrl });
  const block = await rpc.call<{ hash: string } | null>("eth_getBlockByNumber", [
    `0x${known.number.toString(16)}`,
    false,
  ]);
  if (block?.hash === known.hash) return;
  const database = await openDatabase(databaseUrl);
  const lease = createLease({ database });
  try {
    const mirror = createMirror({ database, lease });
    const { from, to } = await planResumption({ rpc, mirror });
    if (!(await holdWhenFree(lease))) throw new LeaseLostError();
    await giveUpBlocks({ databaseUrl, mirror, from, to });
    say(
      `  the mirror is taken back from block ${known.number} to block ${to.number}; the chain is at block ${chain.head.number}.`,
    );
  } finally {
    await lease.release();
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
