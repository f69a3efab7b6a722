// A chain that replaces final blocks: the mirror stops as it was, stays stopped whoever looks, and goes on when an operator
// has accepted what the chain says now, or when the chain has the mirror's blocks again.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { Indexer } from "../../../server/indexer/indexer.ts";
import { createLease, type Lease } from "../../../server/indexer/lease.ts";
import { createMirror } from "../../../server/indexer/mirror.ts";
import { entriesAfter } from "../../../server/indexer/outbox.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";
import { ROOT, runCommand, watchCommand } from "../../support/commands.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { startFaultyRpc } from "../../support/faulty-rpc.ts";
import {
  createTestMirror,
  freshMirrorRows,
  mirrorRows,
  startAndCatchUp,
  type TestMirror,
} from "../../support/mirror.ts";
import { until } from "../../support/patience.ts";

describeOnEachDatabase("a mirror of which final blocks were replaced", (kind) => {
  let chain: TestChain;
  let mirror: TestMirror;
  let collection: string;
  let indexers: Indexer[];

  beforeEach(async () => {
    chain = await startTestChain();
    mirror = await createTestMirror(kind);
    indexers = [];
    const brandId = await chain.admitBrand();
    collection = await chain.createCollection({ brandId, slug: "noirance-black", maxSupply: 1_000 });
    await chain.issue({ collection, firstSerial: 1, holders: 5 });
  });
  afterEach(async () => {
    await Promise.all(indexers.map((indexer) => indexer.stop()));
    await mirror.close();
    await chain.close();
  });

  /** A server's indexer, as main.ts wires it. */
  function server({ rpcUrl, holder }: { rpcUrl?: string; holder?: string } = {}): Indexer {
    const { database } = mirror;
    const lease = createLease(holder === undefined ? { database } : { database, holder });
    const own = createMirror({ database, lease });
    const at = { rpcUrl: rpcUrl ?? chain.rpcUrl, deployment: chain.deployment };
    const indexer = mirror.indexer(at, { lease, mirror: own, finalityDepth: 0, behindGraceMs: 100 });
    indexers.push(indexer);
    return indexer;
  }

  const hasStopped = (indexer: Indexer) => until(() => indexer.status().state === "degraded");

  /** Issues cards that a mirror takes in, and replaces their block, and another one, by others. */
  async function replaceBlocks(read: () => Promise<unknown>): Promise<void> {
    const keep = await chain.provider.send("evm_snapshot", []);
    await chain.issue({ collection, firstSerial: 6, holders: 10, tier: 7 });
    await chain.issue({ collection, firstSerial: 16, holders: 1, tier: 7 });
    await read();
    await chain.provider.send("evm_revert", [keep]);
    for (let serial = 6; serial < 10; serial++)
      await chain.issue({ collection, firstSerial: serial, holders: 1, tier: 8 });
  }

  async function stoppedServer(): Promise<Indexer> {
    const indexer = server();
    await startAndCatchUp(indexer);
    await replaceBlocks(async () => {
      await indexer.caughtUp();
      await indexer.caughtUp();
    });
    await hasStopped(indexer);
    return indexer;
  }

  const resume = (options = "") =>
    runCommand(`node scripts/resume.ts ${options}`, { DATABASE_URL: mirror.url, RPC_URL: chain.rpcUrl });

  async function everything() {
    return { rows: await mirrorRows(mirror.database), told: await entriesAfter(mirror.database, 0, 1_000) };
  }

  /** What stands is what the chain says, and each batch that is gone was taken back. */
  async function expectTruth(): Promise<void> {
    expect(await mirrorRows(mirror.database)).to.deep.equal(await freshMirrorRows(chain));
    const told = await entriesAfter(mirror.database, 0, 1_000);
    const batches = told.filter(({ event }) => event.name === "BatchIssued");
    const tier = ({ event }: (typeof batches)[0]) => (event.args as { tier: number }).tier;
    expect(batches.map((entry) => (entry.retracts === null ? tier(entry) : -tier(entry)))).to.deep.equal([
      ...[1, 7, 7, -7, -7],
      ...[8, 8, 8, 8],
    ]);
  }

  it("stops, and stops again when the server is started again", async () => {
    const indexer = await stoppedServer();
    expect(indexer.status().problem).to.contain("FINALITY_DEPTH").and.to.contain("npm run resume");
    const before = await everything();
    await indexer.stop();

    const again = server();
    const states = new Set<string>();
    await again.start();
    await until(() => states.add(again.status().state).has("degraded"));
    expect(states).not.to.include("following");
    await sleep(1_500);
    expect(again.status().state).to.equal("degraded");
    expect(await everything()).to.deep.equal(before);
  });

  it("is not taken back by a server that stands by either", async () => {
    const [leader, standby] = [server({ holder: "first" }), server({ holder: "second" })];
    await startAndCatchUp(leader);
    await startAndCatchUp(standby);
    await replaceBlocks(async () => {
      await standby.caughtUp();
      await standby.caughtUp();
    });
    await Promise.all([hasStopped(leader), hasStopped(standby)]);
    expect([leader.status().leads, standby.status().leads]).to.deep.equal([false, false]);
    const before = await everything();
    await sleep(1_500);
    expect(await everything()).to.deep.equal(before);
    expect([leader.status().state, standby.status().state]).to.deep.equal(["degraded", "degraded"]);

    const { code, output } = await resume("--yes");
    expect(code, output).to.equal(0);
    await Promise.all([leader.caughtUp(), standby.caughtUp()]);
    expect([leader.status().leads, standby.status().leads].filter(Boolean)).to.have.length(1);
    await expectTruth();
  });

  it("goes on when the operator has accepted it, while the server runs", async () => {
    const indexer = await stoppedServer();
    const before = await everything();
    const asked = await resume();
    expect(asked.code).to.equal(1);
    expect(asked.output)
      .to.contain("35 events, which made or changed 11 cards")
      .and.to.contain("2 entries")
      .and.to.contain("--yes");
    expect(await everything()).to.deep.equal(before);

    const done = await resume("--yes");
    expect(done.code, done.output).to.equal(0);
    await indexer.caughtUp();
    expect(indexer.status()).to.include({ state: "following", problem: undefined, leads: true });
    await expectTruth();
    await chain.issue({ collection, firstSerial: 100, holders: 2 });
    await indexer.caughtUp();
    await indexer.caughtUp();
    expect(await mirrorRows(mirror.database)).to.deep.equal(await freshMirrorRows(chain));
  });

  it("goes on when the operator has accepted it, while no server runs", async () => {
    await (await stoppedServer()).stop();
    const done = await resume("--yes");
    expect(done.code, done.output).to.equal(0);
    const indexer = server();
    await startAndCatchUp(indexer);
    await expectTruth();
  });

  it("goes on when the operator says yes on a terminal, and on nothing else", async function () {
    // Debian's own program gives a terminal to what it runs.
    if (!existsSync("/usr/bin/script")) return this.skip();
    await (await stoppedServer()).stop();
    const before = await everything();
    const answer = async (text: string) => {
      const env = { ...process.env, DATABASE_URL: mirror.url, RPC_URL: chain.rpcUrl };
      const line = ["-qec", `${process.execPath} scripts/resume.ts`, "/dev/null"];
      const command = watchCommand(spawn("/usr/bin/script", line, { cwd: ROOT, env }));
      await command.prints(/\[y\/N\]/);
      command.child.stdin?.write(`${text}\n`);
      return { code: await command.ended, output: command.output() };
    };
    const no = await answer("");
    expect([no.code, no.output.includes("Nothing was changed.")]).to.deep.equal([1, true]);
    expect(await everything()).to.deep.equal(before);
    const yes = await answer("y");
    expect(yes.code, yes.output).to.equal(0);
    await startAndCatchUp(server());
    await expectTruth();
  });

  it("goes on by itself when its node has the blocks again", async () => {
    const node = await startFaultyRpc(chain.rpcUrl);
    try {
      const indexer = server({ rpcUrl: node.rpcUrl });
      await startAndCatchUp(indexer);
      const before = await everything();
      const head = await chain.provider.getBlockNumber();
      node.fault = {
        kind: "rewrite",
        result: ({ method }, result) =>
          method === "eth_getBlockByNumber" && Number(result?.number) === head
            ? { ...result, hash: `0x${"ab".repeat(32)}` }
            : result,
      };
      await hasStopped(indexer);
      node.fault = undefined;
      await indexer.caughtUp();
      expect(indexer.status()).to.include({ state: "following", problem: undefined });
      expect(await everything()).to.deep.equal(before);
    } finally {
      await indexers[0]?.stop();
      await node.close();
    }
  });

  it("goes on when the operator has emptied it, while the server runs", async () => {
    const indexer = await stoppedServer();
    await mirror.mirror.clear();
    await indexer.caughtUp();
    await expectTruth();
  });

  it("is not taken back while the chain has its last block", async () => {
    const indexer = server();
    await startAndCatchUp(indexer);
    await indexer.stop();
    const before = await everything();
    const { code, output } = await resume("--yes");
    expect(code).to.equal(1);
    expect(output).to.contain("nothing to take back");
    expect(await everything()).to.deep.equal(before);
  });

  it("is not taken back while a server writes it", async () => {
    await (await stoppedServer()).stop();
    const before = await everything();
    const lease: Lease = createLease({ database: mirror.database, holder: "another machine's server" });
    await lease.hold();
    const beats = setInterval(() => void lease.hold(), 400);
    try {
      const { code, output } = await resume("--yes");
      expect(code).to.equal(1);
      expect(output).to.contain("A server is writing the mirror");
      expect(await everything()).to.deep.equal(before);
    } finally {
      clearInterval(beats);
    }
  });
});
