// Alarms as an operator sees them: real servers whose nodes, databases, keys and processes fail, scraped by a real Prometheus with the
// rules as they are. All faults come at the same time, each to a server of its own; each must be told within 30 seconds, and must be
// over within 30 seconds after its cause is gone.

import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type IssuingWorld, startIssuingWorld } from "../../scripts/bench/world/issuing.ts";
import { findPostgresql, startLocalPostgresql } from "../../scripts/postgresql/local-server.ts";
import { type Prometheus, startPrometheus } from "../../scripts/soak/prometheus.ts";
import { migrate } from "../../server/database/migrate.ts";
import { alarmedMetrics } from "../support/alarms.ts";
import { sqlite } from "../support/databases.ts";
import { startFaultyRpc } from "../support/faulty-rpc.ts";
import { type Killer, killDescendants } from "../support/killer.ts";
import { lockSqlite } from "../support/lock.ts";
import { describeWithPrometheus } from "../support/prometheus.ts";
import { startTestServer, type TestServer } from "../support/server.ts";

const BOUND_MS = 30_000;
/** As docs/operations.md says. */
const SCRAPE_S = 5;

interface Case {
  name: string;
  alarm: string;
  server: TestServer;
  inject(): Promise<void> | void;
  /** Takes the cause away; not given where that takes longer by design. */
  mend?(): Promise<void> | void;
}

interface Outcome {
  before: string[];
  toldMs: number;
  wellMs: number | undefined;
}

describeWithPrometheus("alarms of real servers", function () {
  this.timeout(600_000);
  let world: IssuingWorld;
  let prometheus: Prometheus;
  const cases: Case[] = [];
  const cleanings: (() => Promise<void>)[] = [];
  const outcomes = new Map<string, Promise<Outcome>>();

  async function start(databaseUrl: string, settings: Record<string, string> = {}): Promise<TestServer> {
    const folder = mkdtempSync(join(tmpdir(), "mintmark-alarms-"));
    const server = await startTestServer({
      ...{ RPC_URL: world.rpcUrl, RPC_WS_URL: "none", REGISTRY_ADDRESS: world.deployment.registry },
      ...{ DATABASE_URL: databaseUrl, DATA_DIR: folder, FINALITY_DEPTH: "0" },
      ...settings,
    });
    cleanings.unshift(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });
    console.error("started", JSON.stringify(await server.readiness()));
    await server.untilReady();
    console.error("ready", new Date().toISOString());
    return server;
  }
  async function startOnSqlite(settings: Record<string, string> = {}): Promise<{ url: string; server: TestServer }> {
    const { url, drop } = await sqlite.create();
    cleanings.unshift(drop);
    return { url, server: await start(url, settings) };
  }

  async function play({ name, alarm, inject, mend }: Case): Promise<Outcome> {
    const firing = async () => (await prometheus.firing(name)).includes(alarm);
    const before = await prometheus.firing(name);
    const toldMs = await timed(inject, firing);
    const wellMs = mend === undefined ? undefined : await timed(mend, async () => !(await firing()));
    return { before, toldMs, wellMs };
  }

  before(async () => {
    world = await startIssuingWorld();
    cleanings.push(() => world.stop());
    await world.sealEvery(1);

    for (const [name, fault] of [
      ["hanging node", { kind: "hang" }],
      ["busy node", { kind: "answer", status: 429, body: "", headers: { "retry-after": "600" } }],
    ] as const) {
      const node = await startFaultyRpc(world.rpcUrl);
      cleanings.unshift(() => node.close());
      const { server } = await startOnSqlite({ RPC_URL: node.rpcUrl });
      cases.push({
        ...{ name, alarm: "MintmarkNodeFails", server },
        inject() {
          node.fault = fault;
        },
        // What was hanging is given up after 30 seconds, and then asked again; who was asked to wait for 10 minutes does so.
        ...(name === "busy node"
          ? {}
          : {
              mend() {
                node.fault = undefined;
              },
            }),
      });
    }

    const locked = await startOnSqlite();
    let unlock: (() => Promise<void>) | undefined;
    cases.push({
      ...{ name: "locked database", alarm: "MintmarkDatabaseAway", server: locked.server },
      async inject() {
        unlock = await lockSqlite(locked.url);
        cleanings.unshift(unlock);
      },
      mend: () => unlock?.(),
    });

    if (findPostgresql() !== undefined) {
      const postgresql = await startLocalPostgresql();
      cleanings.unshift(() => postgresql.stop());
      const url = postgresql.url("postgres");
      await migrate(url);
      const server = await start(url);
      cases.push({
        ...{ name: "database away", alarm: "MintmarkDatabaseAway", server },
        inject: () => postgresql.halt(),
        mend: () => postgresql.resume(),
      });
    }

    // Before its server starts, the keystore is away: its process then meets what kills it from the first time on.
    const [keys, away] = [join(world.dataFolder, "keys"), join(world.dataFolder, "away")];
    renameSync(keys, away);
    const keyless = await startOnSqlite({ DATA_DIR: world.dataFolder });
    let killer: Killer | undefined;
    cases.push({
      ...{ name: "killed key process", alarm: "MintmarkKeystoreClosed", server: keyless.server },
      inject() {
        killer = killDescendants(keyless.server.process.pid ?? 0, "scrypt-process.mjs");
        rmSync(keys, { recursive: true, force: true });
        renameSync(away, keys);
      },
      mend: () => killer?.stop(),
    });
    cases.push({
      ...{ name: "killed key process", alarm: "MintmarkProcessDied", server: keyless.server },
      inject: () => undefined,
    });

    const emptied = mkdtempSync(join(tmpdir(), "mintmark-alarms-keys-"));
    mkdirSync(join(emptied, "keys"));
    const signer = await startFaultyRpc(world.rpcUrl);
    cleanings.unshift(() => signer.close());
    const remote = await startOnSqlite({ DATA_DIR: emptied, REMOTE_SIGNER_URL: signer.rpcUrl });
    cases.push({
      ...{ name: "hanging signer", alarm: "MintmarkRemoteSignerAway", server: remote.server },
      inject() {
        signer.fault = { kind: "hang" };
      },
      mend() {
        signer.fault = undefined;
      },
    });

    const killed = await startOnSqlite();
    cases.push({
      ...{ name: "killed server", alarm: "MintmarkServerAway", server: killed.server },
      inject() {
        killed.server.process.kill("SIGKILL");
      },
    });

    prometheus = await startPrometheus(
      Object.fromEntries(cases.map(({ name, server }) => [name, server.url])),
      SCRAPE_S,
    );
    cleanings.unshift(() => prometheus.stop());
    const names = [...new Set(cases.map(({ name }) => name))];
    console.error("prometheus", new Date().toISOString());
    // Until each was scraped twice: before that, no rule could fire.
    while ((await prometheus.query("count_over_time(up[5m]) >= 2")).length < names.length) await sleep(500);
    console.error("scraped", new Date().toISOString());
    for (const one of cases) {
      const outcome = play(one);
      outcome.catch(() => undefined);
      outcomes.set(`${one.name} ${one.alarm}`, outcome);
    }
  });
  after(async () => {
    for (const clean of cleanings) await clean();
  });

  it("are about what a server measures", async () => {
    const measured = await (await (cases[0] as Case).server.get("/metrics")).text();
    const optional = new Set(["mintmark_remote_signer_away", "mintmark_backup_timestamp_seconds"]);
    for (const name of alarmedMetrics()) {
      if (!optional.has(name)) expect(measured.includes(`# TYPE ${name.replace(/_count$/, "")} `), name).to.equal(true);
    }
  });

  for (const [name, alarm] of [
    ["hanging node", "MintmarkNodeFails"],
    ["busy node", "MintmarkNodeFails"],
    ["locked database", "MintmarkDatabaseAway"],
    ["database away", "MintmarkDatabaseAway"],
    ["killed key process", "MintmarkKeystoreClosed"],
    ["killed key process", "MintmarkProcessDied"],
    ["hanging signer", "MintmarkRemoteSignerAway"],
    ["killed server", "MintmarkServerAway"],
  ] as const) {
    it(`${alarm} tells of a ${name} in time`, async function () {
      const outcome = outcomes.get(`${name} ${alarm}`);
      // Where PostgreSQL is not installed.
      if (outcome === undefined) return this.skip();
      const { before, toldMs, wellMs } = await outcome;
      expect(before).to.deep.equal([]);
      expect(toldMs, "told").to.be.lessThan(BOUND_MS);
      if (wellMs !== undefined) expect(wellMs, "well again").to.be.lessThan(BOUND_MS);
      console.log(
        `        told after ${seconds(toldMs)}${wellMs === undefined ? "" : `, well after ${seconds(wellMs)}`}`,
      );
    });
  }
});

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(0)} s`;
}

/** How long after something was done a state is reached; what takes twice the bound has missed it anyway. */
async function timed(act: () => Promise<void> | void, holds: () => Promise<boolean>): Promise<number> {
  const startedAt = performance.now();
  await act();
  while (!(await holds()) && performance.now() - startedAt < 2 * BOUND_MS) await sleep(250);
  return performance.now() - startedAt;
}
