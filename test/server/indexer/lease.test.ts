import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { createLease, type Lease, LeaseLostError } from "../../../server/indexer/lease.ts";
import { createMirror } from "../../../server/indexer/mirror.ts";
import { startTestChain } from "../../support/chain.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import {
  createTestMirror,
  freshMirrorRows,
  mirrorRows,
  startAndCatchUp,
  type TestMirror,
} from "../../support/mirror.ts";

const PATIENCE_MS = 150;

describeOnEachDatabase("the writer's lease", (kind) => {
  let mirror: TestMirror;
  let first: Lease;
  let second: Lease;

  beforeEach(async () => {
    mirror = await createTestMirror(kind);
    const { database } = mirror;
    first = createLease({ database, holder: "first", patienceMs: PATIENCE_MS });
    second = createLease({ database, holder: "second", patienceMs: PATIENCE_MS });
  });
  afterEach(async () => {
    await mirror.close();
  });

  const renew = (lease: Lease) => mirror.database.$transaction((transaction) => lease.renew(transaction));

  it("goes to one of several who ask at once", async () => {
    const asked = await Promise.all([first.hold(), second.hold()]);
    expect(asked.filter(Boolean)).to.have.length(1);
  });

  it("is kept while its holder commits", async () => {
    // Long enough for a machine that lets nobody run for a second.
    const patienceMs = 1_500;
    const patient = createLease({ database: mirror.database, holder: "patient", patienceMs });
    await first.hold();
    for (const end = performance.now() + 1.5 * patienceMs; performance.now() < end; ) {
      expect(await patient.hold()).to.equal(false);
      await sleep(100);
      await renew(first);
    }
    expect(await patient.hold()).to.equal(false);
  });

  it("is taken from a holder that shows no sign of life, which can then commit no more", async () => {
    await first.hold();
    expect(await second.hold()).to.equal(false);
    await sleep(PATIENCE_MS);
    expect(await second.hold()).to.equal(true);
    const failure = await renew(first).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(LeaseLostError);
    await renew(second);
    expect(await first.hold()).to.equal(false);
  });

  it("is taken at once from a process of this machine that has ended", async () => {
    const { database } = mirror;
    const script = `
      import { openDatabase } from ${JSON.stringify(resolve("server/database/client.ts"))};
      import { createLease } from ${JSON.stringify(resolve("server/indexer/lease.ts"))};
      const held = await createLease({ database: await openDatabase(${JSON.stringify(mirror.url)}) }).hold();
      console.log(held);
      process.kill(process.pid, "SIGKILL");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [[said]] = await Promise.all([once(child.stdout, "data"), once(child, "exit")]);
    expect(String(said).trim()).to.equal("true");
    expect(await createLease({ database, patienceMs: 60_000 }).hold()).to.equal(true);
  });

  it("goes to another at once when it is given back", async () => {
    await first.hold();
    await first.release();
    expect(await second.hold()).to.equal(true);
    await first.release();
    await renew(second);
  });

  it("leaves nothing of a commit by who has lost it", async () => {
    const identity = { chainId: 1, genesisHash: "0x0", registry: "0x1" };
    const block = (number: number) => ({ number, hash: `0x${number}`, timestamp: number });
    const stale = createMirror({ database: mirror.database, lease: first });
    await first.hold();
    await stale.begin(identity, block(0));
    await second.hold();
    await sleep(PATIENCE_MS);
    await second.hold();
    const before = await mirrorRows(mirror.database);
    const failures = await Promise.all([
      stale.commit(block(0), block(1), []).catch((error: unknown) => error),
      stale.rollBack(block(0), block(0)).catch((error: unknown) => error),
    ]);
    for (const failure of failures) expect(failure).to.be.instanceOf(LeaseLostError);
    expect(await mirrorRows(mirror.database)).to.deep.equal(before);
  });

  it("lets a server that stands by follow the mirror, and go on when the other ends", async () => {
    const chain = await startTestChain();
    try {
      const brandId = await chain.admitBrand();
      const collection = await chain.createCollection({ brandId, slug: "noirance-black" });
      await chain.issue({ collection, firstSerial: 1, holders: 5 });
      const indexers = [first, second].map((lease) => {
        const own = createMirror({ database: mirror.database, lease });
        return mirror.indexer(chain, { lease, mirror: own });
      });
      const [leader, standby] = indexers as [(typeof indexers)[0], (typeof indexers)[0]];
      await startAndCatchUp(leader);
      await startAndCatchUp(standby);
      expect([leader.status().leads, standby.status().leads]).to.deep.equal([true, false]);
      expect(standby.status()).to.include({ state: "following", problem: undefined });

      await chain.issue({ collection, firstSerial: 6, holders: 5 });
      await standby.caughtUp();
      await standby.caughtUp();
      expect(await mirror.database.card.count()).to.equal(10);

      await leader.stop();
      await chain.issue({ collection, firstSerial: 11, holders: 5 });
      await standby.caughtUp();
      await standby.caughtUp();
      expect(standby.status().leads).to.equal(true);
      expect(await mirror.database.card.count()).to.equal(15);
      await standby.stop();
      expect(await mirrorRows(mirror.database)).to.deep.equal(await freshMirrorRows(chain));
    } finally {
      await chain.close();
    }
  });
});
