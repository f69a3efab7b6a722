// A server as it is run, on a chain with the demo's brands, with a key that orders: for faults of the operating system.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seedDemo } from "../../../scripts/demo.ts";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import { writeDeployment } from "../../../server/chain/deployment.ts";
import { openDatabase } from "../../../server/database/client.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "../../support/server.ts";

export interface FaultWorld {
  dataFolder: string;
  chain: TestChain;
  databaseUrl: string;
  start(environment?: Record<string, string>, options?: TestServerOptions): Promise<TestServer>;
  /** Makes the key that {@link order} uses, once a server has migrated the database. */
  makeKey(): Promise<void>;
  /** Places an order; the connection is the caller's to choose. */
  order(server: TestServer, idempotencyKey: string): Promise<OrderAnswer>;
  orderRequest(idempotencyKey: string): RequestInit & { headers: Record<string, string>; body: string };
  /** The idempotency keys of the orders that are in the database, sorted. */
  placed(): Promise<string[]>;
  close(): Promise<void>;
}

export interface OrderAnswer {
  status: number;
  retryAfter: string | null;
  body: Record<string, unknown> & { data?: { id: string } };
}

/** @param databaseUrl Where the database is, if not in the data folder. */
export async function createFaultWorld(databaseUrl?: string): Promise<FaultWorld> {
  const dataFolder = mkdtempSync(join(tmpdir(), "mintmark-faults-"));
  const chain = await startTestChain();
  writeDeployment(dataFolder, chain.deployment);
  const { rpcUrl, deployment } = chain;
  await seedDemo({ rpcUrl, deployment, dataFolder, cardBaseURI: "http://127.0.0.1:3000/metadata/" });
  const url = databaseUrl ?? `file:${join(dataFolder, "mintmark.db")}`;
  const servers: TestServer[] = [];
  let key = "";

  const world: FaultWorld = {
    dataFolder,
    chain,
    databaseUrl: url,
    async start(environment = {}, options = {}) {
      const settings = { RPC_URL: rpcUrl, DATA_DIR: dataFolder, DATABASE_URL: url, FINALITY_DEPTH: "0" };
      const server = await startTestServer({ ...settings, ...environment }, options);
      servers.push(server);
      return server;
    },
    async makeKey() {
      const database = await openDatabase(url);
      ({ key } = await createApiKey(database, { brandId: 1, role: "owner", name: "shop", createdBy: "test", now: 0 }));
      await database.$disconnect();
    },
    orderRequest: (idempotencyKey) => ({
      method: "POST",
      headers: {
        Authorization: `Bearer ${key}`,
        "Content-Type": "application/json",
        "Idempotency-Key": idempotencyKey,
      },
      body: JSON.stringify({
        customer: { reference: `customer of ${idempotencyKey}` },
        items: [{ collection: "noirance-black", tier: 1, term: "P1Y" }],
      }),
    }),
    async order(server, idempotencyKey) {
      const response = await server.get("/v1/orders", world.orderRequest(idempotencyKey));
      const body = (await response.json()) as OrderAnswer["body"];
      return { status: response.status, retryAfter: response.headers.get("retry-after"), body };
    },
    async placed() {
      const database = await openDatabase(url);
      try {
        const rows = await database.idempotentRequest.findMany({ select: { key: true } });
        return rows.map(({ key }) => key).sort();
      } finally {
        await database.$disconnect();
      }
    },
    async close() {
      for (const server of servers) await server.stop();
      await chain.close();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
  return world;
}
