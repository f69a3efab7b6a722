// A shop that sells cards through a real server on a real chain, for tests of what happens to its orders. Its server can be killed,
// and its data folder damaged.

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seedDemo } from "../../scripts/demo.ts";
import { createApiKey } from "../../server/accounts/api-keys.ts";
import { writeDeployment } from "../../server/chain/deployment.ts";
import { openDatabase } from "../../server/database/client.ts";
import { migrate } from "../../server/database/migrate.ts";
import { startTestChain, type TestChain } from "./chain.ts";
import { startTestServer, type TestServer } from "./server.ts";

export interface TestShop {
  chain: TestChain;
  dataFolder: string;
  /** The database's file, where nothing else was asked for. */
  databaseFile: string;
  /** Starts a server on the shop's data folder; with several, each is one more. */
  start(environment?: Record<string, string>): Promise<TestServer>;
  /** Ends a server as a power cut would, and waits until it is gone. */
  kill(server: TestServer): Promise<void>;
  /** Asks as the brand's owner. */
  ask(server: TestServer, path: string, body?: object, idempotencyKey?: string): Promise<ShopAnswer>;
  /** Orders a card, as the order with this number. */
  order(server: TestServer, number: number): Promise<ShopAnswer>;
  /** Ends all servers and the chain, and deletes the folder. */
  close(): Promise<void>;
}

export interface ShopAnswer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  body: any;
}

/** @param databaseUrl A database of the data folder's own if left out. */
export async function startTestShop(databaseUrl?: string): Promise<TestShop> {
  const dataFolder = mkdtempSync(join(tmpdir(), "mintmark-shop-"));
  const databaseFile = join(dataFolder, "mintmark.db");
  const url = databaseUrl ?? `file:${databaseFile}`;
  const chain = await startTestChain();
  const { rpcUrl, deployment } = chain;
  writeDeployment(dataFolder, deployment);
  await seedDemo({ rpcUrl, deployment, dataFolder, cardBaseURI: "http://127.0.0.1:3000/metadata/" });
  await migrate(url);
  const database = await openDatabase(url, { application: true });
  const owner = { brandId: 1, role: "owner", name: "shop", createdBy: "test", now: 0 } as const;
  const { key } = await createApiKey(database, owner);
  await database.$disconnect();
  const servers: TestServer[] = [];

  const shop: TestShop = {
    chain,
    dataFolder,
    databaseFile,
    async start(environment = {}) {
      const server = await startTestServer({
        ...{ RPC_URL: rpcUrl, DATA_DIR: dataFolder, DATABASE_URL: url, FINALITY_DEPTH: "0" },
        ...{ KEY_RATE_LIMIT_PER_MINUTE: "0", WEBHOOK_ALLOW_LOOPBACK: "true", ...environment },
      });
      servers.push(server);
      return server;
    },
    async kill({ process }) {
      if (process.exitCode !== null || process.signalCode !== null) return;
      const ended = once(process, "exit");
      process.kill("SIGKILL");
      await ended;
    },
    async ask(server, path, body, idempotencyKey) {
      const response = await server.get(path, {
        ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
        headers: {
          Authorization: `Bearer ${key}`,
          "Content-Type": "application/json",
          ...(idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }),
        },
      });
      return { status: response.status, body: await response.json() };
    },
    order: (server, number) =>
      shop.ask(
        server,
        "/v1/orders",
        {
          customer: { reference: `CRM-${number}` },
          items: [{ collection: "noirance-black", tier: 1, term: "P1Y" }],
        },
        `order-${number}`,
      ),
    async close() {
      for (const server of servers) await shop.kill(server);
      await chain.close();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
  return shop;
}
