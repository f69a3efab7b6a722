// How long `npm run audit` takes, from the start of its process to its end, on a chain whose cards were issued in large batches.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { getAddress, hexlify } from "ethers";
import { migrate } from "../../server/database/migrate.ts";
import { openIssuanceChain } from "../../server/issuance/chain.ts";
import { issueCards } from "../../server/issuance/sender.ts";

import { type Bound, format, number, summarize } from "./measure.ts";
import { machineTime } from "./replay/server.ts";
import type { DatabaseKind } from "./world/databases.ts";
import { untilAt } from "./world/following.ts";
import { type IssuingWorld, startIssuingWorld } from "./world/issuing.ts";
import { startServer } from "./world/server.ts";

const CARDS = 50_000;
const CARDS_PER_TRANSACTION = 1_000;
const ROUNDS = 3;
const BOUND_S = 20;

export async function benchAudit(kind: DatabaseKind): Promise<Bound[]> {
  const world = await startIssuingWorld();
  try {
    await issue(world, await world.createCollection("noirance-audited", CARDS));
    const database = await kind.create();
    try {
      await migrate(database.url);
      const server = await startServer({
        node: { url: world.rpcUrl, registry: world.deployment.registry },
        databaseUrl: database.url,
        dataFolder: world.dataFolder,
      });
      try {
        await untilAt(server, Number(await world.rpc.call("eth_blockNumber")));
      } finally {
        await server.stop();
      }
      const environment = {
        ...process.env,
        DATABASE_URL: database.url,
        RPC_URL: world.rpcUrl,
        DATA_DIR: world.dataFolder,
      };
      const seconds: number[] = [];
      for (let round = 0; round < ROUNDS; round++) seconds.push(await audit(environment));
      const summary = summarize(seconds);
      return [
        {
          what: `\`npm run audit\` of ${number(CARDS)} cards, ${kind.name}, median of ${ROUNDS} (${number(CARDS / summary.median)} cards/s)`,
          bound: `≤ ${BOUND_S} s`,
          measured: `${format(summary, 1)} s`,
          holds: summary.median <= BOUND_S,
        },
      ];
    } finally {
      await database.drop();
    }
  } finally {
    await world.stop();
  }
}

async function issue({ rpcUrl, deployment, keys }: IssuingWorld, address: string): Promise<void> {
  const chain = await openIssuanceChain({ rpcUrl, registry: () => deployment.registry });
  try {
    const collection = await chain.collection(address);
    const cards = Array.from({ length: CARDS }, (_, index) => ({
      line: index + 1,
      serial: index + 1,
      holder: getAddress(hexlify(randomBytes(20))),
      tier: 1,
      expiresAt: 0,
    }));
    await issueCards({ chain, collection, keys, maxCards: CARDS_PER_TRANSACTION }, cards);
  } finally {
    chain.close();
  }
}

/** Seconds. Throws unless all cards were compared and found equal: a wrong audit's speed means nothing. */
async function audit(environment: NodeJS.ProcessEnv): Promise<number> {
  const program = resolve(import.meta.dirname, "..", "audit.ts");
  const startedAt = machineTime();
  const { stdout } = await promisify(execFile)(process.execPath, [program], { env: environment });
  const seconds = (machineTime() - startedAt) / 1_000;
  if (!stdout.includes(`: ${CARDS} cards`)) throw new Error(`npm run audit said:\n${stdout}`);
  return seconds;
}
