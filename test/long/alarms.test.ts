// Alarms as an operator sees them: real servers whose nodes, databases, keys and processes fail, scraped by a real Prometheus with the
// rules as they are. All faults come at the same time, each to a server of its own; each must be told within 30 seconds, and must be
// over within 30 seconds after its cause is gone.

import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type IssuingWorld, startIssuingWorld } from "../../scripts/bench/world/issuing.ts";
import { findPostgresql, startLocalPostgresql } from "../../scripts/postgresql/local-server.ts";
import { type Prometheus, startPrometheus } from "../../scripts/soak/prometheus.ts";
import { alarmedMetrics } from "../support/alarms.ts";
import { sqlite } from "../support/databases.ts";
import { type Fault, startFaultyRpc } from "../support/faulty-rpc.ts";
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

describeWithPrometheus("alarms of real servers", () => {
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
    await server.untilReady();
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
    // Before its server starts, the keystore is away: its process then meets what kills it from the first time on.
    const [keys, away] = [join(world.dataFolder, "keys"), join(world.dataFolder, "away")];
    renameSync(keys, away);
    // By itself: its clients have 3 seconds to sign in, which a machine that starts all others at the same time may not give them.
    cases.push(...(await databaseAway()));
    const found = await Promise.all([
      nodeThatFails("hanging node", { kind: "hang" }),
      nodeThatFails("busy node", { kind: "answer", status: 429, body: "", headers: { "retry-after": "600" } }),
      databaseLocked(),
      keyProcessKilled(keys, away),
      signerHangs(),
      serverKilled(),
    ]);
    cases.push(...found.flat());
    prometheus = await startPrometheus(
      Object.fromEntries(cases.map(({ name, server }) => [name, server.url])),
      SCRAPE_S,
    );
    cleanings.unshift(() => prometheus.stop());
    const names = new Set(cases.map(({ name }) => name));
    // Until each was scraped twice: before that, no rule could fire.
    while ((await prometheus.query("count_over_time(up[5m]) >= 2")).length < names.size) await sleep(500);
    for (const one of cases) {
      const outcome = play(one);
      outcome.catch(() => undefined);
      outcomes.set(`${one.name} ${one.alarm}`, outcome);
    }
  });

  async function nodeThatFails(name: string, fault: Fault): Promise<Case[]> {
    const node = await startFaultyRpc(world.rpcUrl);
    cleanings.unshift(() => node.close());
    const { server } = await startOnSqlite({ RPC_URL: node.rpcUrl });
    const set = (to: Fault | undefined) => () => {
      node.fault = to;
    };
    // Who was asked to wait for 10 minutes does so, whatever has become of the cause.
    const mend = fault.kind === "hang" ? { mend: set(undefined) } : {};
    return [{ name, alarm: "MintmarkNodeFails", server, inject: set(fault), ...mend }];
  }

  async function databaseLocked(): Promise<Case[]> {
    const { url, server } = await startOnSqlite();
    let unlock: (() => Promise<void>) | undefined;
    const inject = async () => {
      unlock = await lockSqlite(url);
    };
    const mend = async () => await unlock?.();
    return [{ name: "locked database", alarm: "MintmarkDatabaseAway", server, inject, mend }];
  }

  async function databaseAway(): Promise<Case[]> {
    if (findPostgresql() === undefined) return [];
    const postgresql = await startLocalPostgresql();
    cleanings.unshift(() => postgresql.stop());
    const server = await start(postgresql.url("postgres"));
    const name = "database away";
    return [{ name, alarm: "MintmarkDatabaseAway", server, inject: postgresql.halt, mend: postgresql.resume }];
  }

  async function keyProcessKilled(keys: string, away: string): Promise<Case[]> {
    const { server } = await startOnSqlite({ DATA_DIR: world.dataFolder });
    let killer: Killer | undefined;
    const name = "killed key process";
    return [
      {
        ...{ name, alarm: "MintmarkKeystoreClosed", server },
        inject() {
          killer = killDescendants(server.process.pid ?? 0, "scrypt-process.mjs");
          rmSync(keys, { recursive: true, force: true });
          renameSync(away, keys);
        },
        mend: () => killer?.stop(),
      },
      { name, alarm: "MintmarkProcessDied", server, inject: () => undefined },
    ];
  }

  async function signerHangs(): Promise<Case[]> {
    const signer = await startFaultyRpc(world.rpcUrl);
    cleanings.unshift(() => signer.close());
    const { server } = await startOnSqlite({ REMOTE_SIGNER_URL: signer.rpcUrl });
    return [
      {
        ...{ name: "hanging signer", alarm: "MintmarkRemoteSignerAway", server },
        inject() {
          signer.fault = { kind: "hang" };
        },
        mend() {
          signer.fault = undefined;
        },
      },
    ];
  }

  async function serverKilled(): Promise<Case[]> {
    const { server } = await startOnSqlite();
    const inject = () => {
      server.process.kill("SIGKILL");
    };
    return [{ name: "killed server", alarm: "MintmarkServerAway", server, inject }];
  }

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
