// The server while something that it needs is away: it says so, does nothing wrong, and goes on by itself.

import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type LocalPostgresql, startLocalPostgresql } from "../../scripts/postgresql/local-server.ts";
import { openDatabase } from "../../server/database/client.ts";
import { startTestChain, type TestChain } from "../support/chain.ts";
import { describeOnPostgresql, sqlite, type TestDatabase } from "../support/databases.ts";
import { type FaultyRpc, startFaultyRpc } from "../support/faulty-rpc.ts";
import { lockSqlite } from "../support/lock.ts";
import { freshMirrorRows, mirrorRows } from "../support/mirror.ts";
import { until } from "../support/patience.ts";
import { type Readiness, startTestServer, type TestServer } from "../support/server.ts";

/** How long a server may be behind, in seconds. It counts whole ones, so after twice that it must have said so. */
const MAX_LAG_SECONDS = 1;
const LOCKED = "The database cannot be written, because another program has locked it.";
/** How long after something has happened an operator must be able to see it. */
const TOLD_WITHIN_MS = 30_000;

let chain: TestChain;
let collection: string;
let issued: number;
const servers: TestServer[] = [];

async function startChain(): Promise<void> {
  chain = await startTestChain();
  const brandId = await chain.admitBrand();
  collection = await chain.createCollection({ brandId, slug: "noirance-black" });
  issued = 0;
  await issue(10);
}

async function issue(count: number): Promise<void> {
  await chain.issue({ collection, firstSerial: issued + 1, holders: count });
  issued += count;
}

async function start(databaseUrl: string, environment: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer({
    RPC_URL: chain.rpcUrl,
    REGISTRY_ADDRESS: chain.deployment.registry,
    DATABASE_URL: databaseUrl,
    MAX_LAG_SECONDS: String(MAX_LAG_SECONDS),
    ...environment,
  });
  servers.push(server);
  return server;
}

async function stopAll(): Promise<void> {
  for (const server of servers.splice(0)) await server.stop();
  await chain.close();
}

/** Waits until a server has mirrored all cards. */
async function untilMirrored(server: TestServer): Promise<void> {
  let seen: { data?: { verdict?: string } } | undefined;
  await until(
    async () => {
      seen = (await (await server.get(`/v1/verify/noirance-black/${issued}`)).json()) as typeof seen;
      return seen?.data?.verdict === "genuine";
    },
    () => `Not all cards are mirrored: ${JSON.stringify(seen)}`,
  );
}

/** Waits until a server says what the matter is. */
async function untilSaid(
  server: TestServer,
  says: (readiness: Readiness) => boolean | Promise<boolean>,
): Promise<Readiness> {
  let seen: Readiness | undefined;
  return await until(
    async () => {
      seen = await server.readiness();
      return (await says(seen)) ? seen : undefined;
    },
    () => `/ready says something else: ${JSON.stringify(seen)}`,
  );
}

async function expectTruth(databaseUrl: string): Promise<void> {
  for (const server of servers) expect(await server.stop()).to.equal(0);
  const database = await openDatabase(databaseUrl);
  try {
    expect(await mirrorRows(database)).to.deep.equal(await freshMirrorRows(chain));
  } finally {
    await database.$disconnect();
  }
}

describeOnPostgresql("a server whose PostgreSQL goes away", () => {
  let postgresql: LocalPostgresql;
  let url: string;

  beforeEach(async () => {
    // One of its own: it is stopped, and other tests need theirs.
    postgresql = await startLocalPostgresql();
    url = postgresql.url("postgres");
    await startChain();
  });
  afterEach(async () => {
    await stopAll();
    await postgresql.stop();
  });

  async function expectUnavailable(server: TestServer): Promise<void> {
    const answer = await server.get("/v1/collections");
    const problem = (await answer.json()) as Record<string, unknown>;
    expect(answer.status).to.equal(503);
    expect(answer.headers.get("content-type")).to.match(/^application\/problem\+json/);
    expect(Number(answer.headers.get("retry-after"))).to.be.greaterThan(0);
    expect(problem).to.include({ type: "/problems/database-unavailable", status: 503 });
    expect(JSON.stringify(problem)).not.to.contain(String(postgresql.port));

    const page = await server.get("/v/noirance-black/1", { headers: { accept: "text/html", "accept-language": "en" } });
    expect(page.status).to.equal(503);
    expect(await page.text()).to.contain("out of reach");
    expect(await server.readiness()).to.include({ status: 503, reason: "The database cannot be queried." });
    expect((await server.get("/health")).status).to.equal(503);
  }

  it("answers 503 meanwhile, and goes on when it is back; so does one that stands by", async () => {
    const [leader, standby] = [await start(url), await start(url)];
    await leader.untilReady();
    await standby.untilReady();

    await postgresql.halt();
    await sleep(500);
    for (const server of servers) await expectUnavailable(server);
    await issue(20);
    // For longer than the writer's lease is waited for.
    await sleep(6_000);
    for (const server of servers) {
      await expectUnavailable(server);
      expect(await server.metric('mintmark_indexer_failures_total{kind="database"}')).to.be.greaterThan(0);
    }

    await postgresql.resume();
    for (const server of servers) {
      await server.untilReady();
      await untilMirrored(server);
    }
    const leaders = await Promise.all(servers.map((server) => server.metric("mintmark_indexer_leader")));
    expect(leaders.toSorted()).to.deep.equal([0, 1]);
    expect((await leader.readiness()).mirror.problem).to.equal(null);
    await issue(5);
    for (const server of servers) await untilMirrored(server);
    await expectTruth(url);
  });

  it("ends in order when it is told to meanwhile", async () => {
    const server = await start(url);
    await server.untilReady();
    await postgresql.halt();
    expect(await server.stop()).to.equal(0);
  });

  it("waits for the chain, and then for the database, when it is started", async () => {
    const node = await startFaultyRpc(chain.rpcUrl);
    try {
      node.fault = { kind: "drop" };
      const server = await start(url, { RPC_URL: node.rpcUrl });
      await untilSaid(server, ({ mirror }) => mirror.problem?.includes(node.rpcUrl) === true);
      await postgresql.halt();
      node.fault = undefined;
      const said = await untilSaid(server, ({ mirror }) => mirror.problem === "The database cannot be reached.");
      expect(said).to.include({ status: 503, reason: "The database cannot be queried." });
      await postgresql.resume();
      await server.untilReady();
      await untilMirrored(server);
      await expectTruth(url);
    } finally {
      await node.close();
    }
  });

  it("does not wait for one that neither answers nor refuses", async () => {
    const server = await start(url);
    await server.untilReady();
    const thaw = postgresql.freeze();
    try {
      const startedAt = performance.now();
      expect((await server.readiness()).reason).to.equal("The database cannot be queried.");
      expect(performance.now() - startedAt).to.be.lessThan(5_000);
      const answers = await Promise.all(Array.from({ length: 20 }, () => server.get("/v1/collections")));
      expect(answers.map(({ status }) => status)).to.deep.equal(Array(20).fill(503));
      expect(performance.now() - startedAt).to.be.lessThan(30_000);
    } finally {
      thaw();
    }
    await issue(5);
    await server.untilReady();
    await untilMirrored(server);
    await expectTruth(url);
  });
});

describe("a server whose SQLite file is locked by another program", () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await sqlite.createEmpty();
    await startChain();
  });
  afterEach(async () => {
    await stopAll();
    await database.drop();
  });

  it("says so soon, goes on answering meanwhile, and writing afterwards", async () => {
    const server = await start(database.url);
    await server.untilReady();
    const unlock = await lockSqlite(database.url);
    try {
      const lockedAt = performance.now();
      await issue(20);
      let slowestMs = 0;
      const said = await untilSaid(server, async (readiness) => {
        const startedAt = performance.now();
        expect((await server.get("/v1/collections")).status).to.equal(200);
        slowestMs = Math.max(slowestMs, performance.now() - startedAt);
        return readiness.reason === LOCKED;
      });
      expect(said.status).to.equal(503);
      expect(performance.now() - lockedAt).to.be.lessThan(TOLD_WITHIN_MS);
      expect(slowestMs).to.be.lessThan(1_000);
      await untilSaid(server, ({ mirror }) => mirror.problem === LOCKED);
      const health = await server.get("/health");
      expect([health.status, await health.json()]).to.deep.equal([503, { status: "failing", reason: LOCKED }]);
      expect(await server.metric('mintmark_indexer_failures_total{kind="database"}')).to.be.greaterThan(0);
      expect(await server.metric("mintmark_database_write_failed")).to.equal(1);
      expect(await server.metric("mintmark_database_unanswered_seconds")).to.be.greaterThan(0);
    } finally {
      await unlock();
    }
    await server.untilReady();
    expect(await server.metric("mintmark_database_write_failed")).to.equal(0);
    await untilMirrored(server);
    await expectTruth(database.url);
  });

  it("says so when it is started meanwhile, and begins afterwards", async () => {
    // An earlier one has brought the file to the current schema.
    await (await start(database.url)).stop();
    servers.splice(0);
    const unlock = await lockSqlite(database.url);
    try {
      const server = await start(database.url);
      await untilSaid(server, ({ reason, mirror }) => reason === LOCKED && mirror.problem === LOCKED);
      await unlock();
      await server.untilReady();
      await untilMirrored(server);
    } finally {
      await unlock();
    }
    await expectTruth(database.url);
  });
});

describe("a server whose chain goes away", () => {
  let database: TestDatabase;
  let node: FaultyRpc;

  beforeEach(async () => {
    database = await sqlite.createEmpty();
    await startChain();
    node = await startFaultyRpc(chain.rpcUrl);
  });
  afterEach(async () => {
    await stopAll();
    await node.close();
    await database.drop();
  });

  it("is not ready while it is behind by more than may be, the same as one that stands by, and then is again", async () => {
    const environment = { RPC_URL: node.rpcUrl, RPC_WS_URL: "none" };
    for (const server of [await start(database.url, environment), await start(database.url, environment)])
      await server.untilReady();
    node.fault = { kind: "answer", status: 502, body: "" };
    await issue(10);
    for (const server of servers) {
      const readiness = await server.untilReady(503);
      expect(readiness.reason).to.match(/no news from the chain for more than 1 seconds/);
      expect(readiness.mirror.lagSeconds).to.be.greaterThan(MAX_LAG_SECONDS);
      expect(await server.metric("mintmark_indexer_lag_seconds")).to.be.greaterThan(MAX_LAG_SECONDS);
      expect(await server.metric('mintmark_rpc_errors_total{kind="http"}')).to.be.greaterThan(0);
      expect(await server.metric('mintmark_indexer_failures_total{kind="node"}')).to.be.greaterThan(0);
    }
    node.fault = undefined;
    for (const server of servers) {
      await server.untilReady();
      await untilMirrored(server);
    }
    await expectTruth(database.url);
  });

  it("stays ready while the chain makes no blocks", async () => {
    const server = await start(database.url, { RPC_URL: node.rpcUrl });
    await server.untilReady();
    for (const until = performance.now() + 4_000; performance.now() < until; await sleep(100))
      expect(await server.readiness()).to.include({ status: 200 });
  });

  it("stays ready while the chain makes blocks faster than they are looked at, the same as one that stands by", async () => {
    for (const server of [await start(database.url), await start(database.url)]) await server.untilReady();
    let making = true;
    const maker = (async () => {
      for (; making; await sleep(30)) await chain.provider.send("evm_mine", []);
    })();
    for (const until = performance.now() + 5_000; performance.now() < until; await sleep(100))
      for (const server of servers) expect(await server.readiness()).to.include({ status: 200 });
    making = false;
    await maker;
  });

  it("notices that its node is stuck while another goes on", async () => {
    const head = await chain.provider.send("eth_getBlockByNumber", ["latest", false]);
    node.fault = {
      kind: "rewrite",
      result(call, result) {
        if (call.method === "eth_blockNumber") return head.number;
        return call.method === "eth_getBlockByNumber" && call.params[0] === "latest" ? head : result;
      },
    };
    const server = await start(database.url, { RPC_URL: node.rpcUrl, FALLBACK_RPC_URLS: chain.rpcUrl });
    await server.untilReady();
    const [stuck, other] = [node.rpcUrl, chain.rpcUrl].map((url) => new URL(url).host);
    expect(await server.metric(`mintmark_rpc_node_used{node="${stuck}"}`)).to.equal(1);
    await issue(5);
    for (let block = 0; block < 6; block++) await chain.provider.send("evm_mine", []);
    await untilMirrored(server);
    expect(await server.metric(`mintmark_rpc_node_used{node="${stuck}"}`)).to.equal(0);
    expect(await server.metric(`mintmark_rpc_node_used{node="${other}"}`)).to.equal(1);
    expect(await server.metric(`mintmark_rpc_node_head_block{node="${stuck}"}`)).to.equal(Number(head.number));
    await expectTruth(database.url);
  });
});
