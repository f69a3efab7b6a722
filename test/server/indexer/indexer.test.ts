import { expect } from "chai";
import type { ChainEvent } from "../../../server/chain/events.ts";
import { CheckpointMovedError } from "../../../server/indexer/mirror.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import {
  cardsInMirror,
  cardsOnChain,
  createTestMirror,
  freshMirrorRows,
  mirrorRows,
  startAndCatchUp,
  type TestMirror,
} from "../../support/mirror.ts";

const FAR = 2_000_000_000;

describeOnEachDatabase("indexer", (kind) => {
  let chain: TestChain;
  let mirror: TestMirror;

  beforeEach(async () => {
    chain = await startTestChain();
    mirror = await createTestMirror(kind);
  });
  afterEach(async () => {
    await mirror.close();
    await chain.close();
  });

  async function issueHistory(): Promise<{ black: string; white: string }> {
    const brandId = await chain.admitBrand({ name: "Noirance" });
    const black = await chain.createCollection({ brandId, slug: "noirance-black", maxSupply: 200 });
    await chain.issue({ collection: black, firstSerial: 11, holders: 30, tier: 2, expiresAt: FAR });
    await chain.issue({ collection: black, firstSerial: 1, holders: 10, tier: 1 });
    const white = await chain.createCollection({ brandId, slug: "noirance-white", maxSupply: 50 });
    await chain.issue({ collection: white, firstSerial: 1, holders: 50, tier: 3 });
    return { black, white };
  }

  it("mirrors the whole history of every collection that the registry knows", async () => {
    const { black, white } = await issueHistory();
    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    await indexer.stop();

    expect(await cardsInMirror(mirror.database, black)).to.deep.equal(await cardsOnChain(chain, black));
    expect(await cardsInMirror(mirror.database, white)).to.deep.equal(await cardsOnChain(chain, white));
    expect(await mirror.database.card.count()).to.equal(90);
    const [brand] = await mirror.database.brand.findMany();
    expect(brand).to.include({ id: 1, status: "Active", name: "Noirance", legalName: "Noirance Co., Ltd." });
    const collections = await mirror.database.collection.findMany({ orderBy: { slug: "asc" } });
    expect(
      collections.map(({ address, slug, issuedCount, burnAuth }) => [address, slug, issuedCount, burnAuth]),
    ).to.deep.equal([
      [black, "noirance-black", 40, "Both"],
      [white, "noirance-white", 50, "Both"],
    ]);
    // Every event once: three for each card and one for each batch, besides the registry's own.
    const events = await mirror.database.event.groupBy({ by: ["name"], _count: true, orderBy: { name: "asc" } });
    const counts = Object.fromEntries(events.map(({ name, _count }) => [name, _count]));
    expect(counts).to.include({
      BatchIssued: 3,
      BrandAdmitted: 1,
      CollectionCreated: 2,
      Issued: 90,
      Locked: 90,
      Transfer: 90,
    });
  });

  it("gives the same rows whatever the size of its ranges", async () => {
    await issueHistory();
    const expected = await freshMirrorRows(chain);
    for (const options of [{ maxRange: 1 }, { maxRange: 3 }, { finalityDepth: 5 }]) {
      await mirror.mirror.clear();
      const ranged = mirror.indexer(chain, { finalityDepth: 0, ...options });
      await startAndCatchUp(ranged);
      await ranged.stop();
      expect(await mirrorRows(mirror.database)).to.deep.equal(expected);
    }
  });

  it("follows the head, into collections that did not exist when it started", async () => {
    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    expect(indexer.status()).to.include({ state: "following", problem: undefined, lagSeconds: 0 });

    const { black, white } = await issueHistory();
    await indexer.caughtUp();
    await indexer.caughtUp();
    await indexer.stop();
    expect(await cardsInMirror(mirror.database, black)).to.deep.equal(await cardsOnChain(chain, black));
    expect(await cardsInMirror(mirror.database, white)).to.deep.equal(await cardsOnChain(chain, white));
    expect(indexer.status().indexed?.number).to.equal(await chain.provider.getBlockNumber());
  });

  it("goes on from a half-filled database without doubling or losing an event", async () => {
    const { black } = await issueHistory();
    const first = mirror.indexer(chain, { maxRange: 1, finalityDepth: 0 });
    await first.start();
    while ((first.status().indexed?.number ?? 0) < 1) await new Promise((resolve) => setTimeout(resolve, 1));
    await first.stop();
    const stoppedAt = (await mirror.mirror.checkpoint())?.block.number ?? 0;
    expect(stoppedAt).to.be.lessThan(await chain.provider.getBlockNumber());

    await chain.issue({ collection: black, firstSerial: 100, holders: 5 });
    const second = mirror.indexer(chain);
    await startAndCatchUp(second);
    await second.stop();

    expect(await mirrorRows(mirror.database)).to.deep.equal(await freshMirrorRows(chain));
  });

  it("leaves nothing of a range behind when its commit fails", async () => {
    await issueHistory();
    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    await indexer.stop();
    const before = await mirrorRows(mirror.database);

    const at = (await mirror.mirror.checkpoint())?.block;
    if (at === undefined) throw new Error("no checkpoint");
    const next = { number: at.number + 1, hash: `0x${"ab".repeat(32)}`, timestamp: at.timestamp + 1 };
    const position = { blockNumber: next.number, blockHash: next.hash, blockTimestamp: next.timestamp };
    const { address } = await mirror.database.collection.findFirstOrThrow();
    const transfer: ChainEvent = {
      ...position,
      transactionHash: next.hash,
      logIndex: 0,
      address,
      name: "Transfer",
      args: { from: `0x${"0".repeat(40)}`, to: `0x${"1".repeat(40)}`, serial: 150 },
    };
    // A card that was never issued cannot be locked: the fold refuses after the event rows are written.
    const impossible: ChainEvent = {
      ...position,
      transactionHash: next.hash,
      logIndex: 1,
      address,
      name: "Locked",
      args: { serial: 151 },
    };
    const failure = await mirror.mirror.commit(at, next, [transfer, impossible]).catch((error: Error) => error);
    expect(failure).to.be.instanceOf(Error).with.property("message").that.contains("cannot happen");
    expect(await mirrorRows(mirror.database)).to.deep.equal(before);
  });

  it("lets only one of two writers pass the same checkpoint", async () => {
    await issueHistory();
    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    await indexer.stop();
    const at = (await mirror.mirror.checkpoint())?.block;
    if (at === undefined) throw new Error("no checkpoint");
    const next = { number: at.number + 1, hash: `0x${"ab".repeat(32)}`, timestamp: at.timestamp + 1 };
    const outcomes = await Promise.allSettled([mirror.mirror.commit(at, next, []), mirror.mirror.commit(at, next, [])]);
    const failed = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(failed).to.have.length(1);
    expect(failed[0]?.reason).to.be.instanceOf(CheckpointMovedError);
  });

  it("starts although the mirror is emptied just when it has been begun", async () => {
    await issueHistory();
    let emptied = 0;
    const emptiedOnce = {
      ...mirror.mirror,
      async begin(...args: Parameters<typeof mirror.mirror.begin>) {
        await mirror.mirror.begin(...args);
        if (emptied++ === 0) await mirror.mirror.clear();
      },
    };
    const indexer = mirror.indexer(chain, { mirror: emptiedOnce });
    await startAndCatchUp(indexer);
    await indexer.stop();
    expect(emptied).to.equal(2);
    expect(await mirrorRows(mirror.database)).to.deep.equal(await freshMirrorRows(chain));
  });

  it("refuses another chain in one sentence that names the command to run", async () => {
    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    await indexer.stop();

    const other = await startTestChain();
    try {
      const failure = await mirror
        .indexer(other)
        .start()
        .catch((error: Error) => error);
      expect(failure).to.be.instanceOf(Error).with.property("name", "WrongChainError");
      expect((failure as Error).message)
        .to.contain("npm run reset-mirror")
        .and.to.contain("genesis block");
    } finally {
      await other.close();
    }
  });

  it("stops writing and says why when the chain behind the URL is replaced while it runs", async () => {
    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    await issueHistory();
    await indexer.caughtUp();
    const before = await mirrorRows(mirror.database);

    const port = Number(new URL(chain.rpcUrl).port);
    await chain.close();
    chain = await startTestChain({ port });
    while (indexer.status().state !== "degraded") await new Promise((resolve) => setTimeout(resolve, 10));
    expect(indexer.status().problem).to.contain("another chain").and.to.contain("npm run reset-mirror");
    expect(await mirrorRows(mirror.database)).to.deep.equal(before);
    await indexer.stop();
  });

  it("keeps what it knows, says what is wrong and recovers when the node is away for a while", async () => {
    const { black } = await issueHistory();
    const unreachable = mirror.indexer({ rpcUrl: "http://127.0.0.1:1", deployment: chain.deployment });
    const starting = unreachable.start();
    while (unreachable.status().problem === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(unreachable.status()).to.include({ state: "starting", lagSeconds: undefined });
    expect(unreachable.status().problem).to.contain("http://127.0.0.1:1 cannot be reached");
    await unreachable.stop();
    await starting;

    const indexer = mirror.indexer(chain);
    await startAndCatchUp(indexer);
    await indexer.stop();
    expect(await cardsInMirror(mirror.database, black)).to.deep.equal(await cardsOnChain(chain, black));
  });

  it("goes back to a common block when the chain has lost its last blocks, and on from there", async () => {
    const { black } = await issueHistory();
    const keep = await chain.provider.send("evm_snapshot", []);
    await chain.issue({ collection: black, firstSerial: 100, holders: 20, tier: 7 });
    await chain.createCollection({ brandId: 1, slug: "noirance-lost", maxSupply: 10 });
    const indexer = mirror.indexer(chain, { behindGraceMs: 100 });
    await startAndCatchUp(indexer);
    expect(await mirror.database.card.count({ where: { collectionAddress: black, tier: 7 } })).to.equal(20);

    await chain.provider.send("evm_revert", [keep]);
    const head = await chain.provider.getBlockNumber();
    while ((indexer.status().indexed?.number ?? 0) > head) await new Promise((resolve) => setTimeout(resolve, 10));
    await indexer.caughtUp();
    expect(await cardsInMirror(mirror.database, black)).to.deep.equal(await cardsOnChain(chain, black));
    expect(await mirror.database.collection.count({ where: { slug: "noirance-lost" } })).to.equal(0);

    await chain.issue({ collection: black, firstSerial: 100, holders: 3, tier: 9 });
    await indexer.caughtUp();
    await indexer.caughtUp();
    await indexer.stop();
    expect(await mirrorRows(mirror.database)).to.deep.equal(await freshMirrorRows(chain));
  });

  it("treats a chain that takes back final blocks as an incident", async () => {
    const { black } = await issueHistory();
    const keep = await chain.provider.send("evm_snapshot", []);
    await chain.issue({ collection: black, firstSerial: 100, holders: 2 });
    const indexer = mirror.indexer(chain, { behindGraceMs: 100, finalityDepth: 0 });
    await startAndCatchUp(indexer);
    const before = await mirrorRows(mirror.database);
    await chain.provider.send("evm_revert", [keep]);
    // A shorter chain may be a late node's; another one cannot.
    await chain.provider.send("hardhat_mine", ["0x2"]);
    while (indexer.status().state !== "degraded") await new Promise((resolve) => setTimeout(resolve, 10));
    expect(indexer.status().problem).to.contain("FINALITY_DEPTH");
    await indexer.stop();
    expect(await mirrorRows(mirror.database)).to.deep.equal(before);
  });
});
