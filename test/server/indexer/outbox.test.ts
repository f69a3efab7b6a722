// What is told of the chain, whatever happens to the mirror and to the chain meanwhile.
// A failure of the random part prints its seed: OUTBOX_SEED=<seed> npm test -- test/server/indexer/outbox.test.ts

import { expect } from "chai";
import type { ChainEvent, EventName } from "../../../server/chain/events.ts";
import { migrate } from "../../../server/database/migrate.ts";
import { CheckpointMovedError, createMirror, type Mirror } from "../../../server/indexer/mirror.ts";
import { entriesAfter, isTold, type OutboxEntry } from "../../../server/indexer/outbox.ts";
import { startTestChain } from "../../support/chain.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { createTestMirror, startAndCatchUp, type TestMirror } from "../../support/mirror.ts";
import { randomNumbers, seedFrom } from "../../support/random.ts";
import {
  blocksBetween,
  commonBlock,
  createSyntheticChain,
  type SyntheticBlock,
  type SyntheticChain,
} from "../../support/synthetic-chain.ts";

const ALL = 1_000_000;

describeOnEachDatabase("the outbox", (kind) => {
  let mirror: TestMirror;

  beforeEach(async () => {
    mirror = await createTestMirror(kind);
  });
  afterEach(async () => {
    await mirror.close();
  });

  const told = () => entriesAfter(mirror.database, 0, ALL);

  /** What stands after all that was told, oldest first. Fails where something was told twice, or taken back untold. */
  function standingAfter(entries: readonly OutboxEntry[]): ChainEvent[] {
    const standing = new Map<number, ChainEvent>();
    const places = new Set<string>();
    const placeOf = ({ blockNumber, logIndex }: ChainEvent) => `${blockNumber}/${logIndex}`;
    for (const [index, { id, event, retracts }] of entries.entries()) {
      expect(id).to.equal(index + 1);
      if (retracts === null) {
        expect(places.has(placeOf(event)), `told twice: ${JSON.stringify(event)}`).to.equal(false);
        places.add(placeOf(event));
        standing.set(id, event);
      } else {
        expect(standing.get(retracts), `entry ${id} retracts`).to.deep.equal(event);
        places.delete(placeOf(event));
        standing.delete(retracts);
      }
    }
    return [...standing.values()].sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex);
  }

  /** Writes the blocks of a fork after one that the mirror is at, as one range. */
  async function commit(from: SyntheticBlock, to: SyntheticBlock, own: Mirror = mirror.mirror): Promise<void> {
    const events = blocksBetween(from, to).flatMap((block) => block.events);
    await own.commit(from.position, to.position, events);
  }

  const begin = ({ identity, genesis }: SyntheticChain) => mirror.mirror.begin(identity, genesis.position);

  function extended(chain: SyntheticChain, from: SyntheticBlock, count: number): SyntheticBlock {
    let block = from;
    for (let made = 0; made < count; made++) block = chain.extend(block);
    return block;
  }

  function toldEvents(from: SyntheticBlock, to: SyntheticBlock): ChainEvent[] {
    return blocksBetween(from, to)
      .flatMap((block) => block.events)
      .filter(({ name }) => isTold(name));
  }

  /** An event that the fold refuses, after everything else of its range has been written. */
  function impossibleAt({ position }: SyntheticBlock): ChainEvent {
    const { number, hash, timestamp } = position;
    const where = { blockNumber: number, blockHash: hash, blockTimestamp: timestamp, transactionHash: hash };
    return {
      ...where,
      logIndex: 9_999,
      address: `0x${"1".repeat(40)}`,
      name: "CardRenewed",
      args: { serial: 1, expiresAt: 2 },
    };
  }

  it("tells of a batch once, of what the registry and the brand do, and not of what restates it", async () => {
    const chain = await startTestChain();
    try {
      const brandId = await chain.admitBrand();
      const collection = await chain.createCollection({ brandId, slug: "noirance-black" });
      await chain.issue({ collection, firstSerial: 1, holders: 20, tier: 2 });
      const indexer = mirror.indexer(chain);
      await startAndCatchUp(indexer);
      await indexer.stop();
      const entries = await told();
      expect(entries.map(({ id, event, retracts }) => [id, event.name, retracts])).to.deep.equal([
        [1, "BrandAdmitted", null],
        [2, "BrandStatusChanged", null],
        [3, "CollectionCreated", null],
        [4, "BatchIssued", null],
      ]);
      const batch = entries[3]?.event;
      const block = await chain.provider.getBlock("latest");
      expect(batch).to.include({ blockNumber: block?.number, blockHash: block?.hash, address: collection });
      expect(batch?.blockTimestamp).to.equal(block?.timestamp);
      expect(batch?.args).to.include({ firstSerial: 1, count: 20, tier: 2 });
    } finally {
      await chain.close();
    }
  });

  it("gives entries in pages", async () => {
    const chain = createSyntheticChain(randomNumbers(1));
    await begin(chain);
    await commit(chain.genesis, extended(chain, chain.genesis, 30));
    const all = await told();
    expect(all.length).to.be.greaterThan(10);
    const pages: OutboxEntry[] = [];
    for (let page = await entriesAfter(mirror.database, 0, 4); page.length > 0; ) {
      expect(page.length).to.be.at.most(4);
      pages.push(...page);
      page = await entriesAfter(mirror.database, page.at(-1)?.id ?? 0, 4);
    }
    expect(pages).to.deep.equal(all);
  });

  it("takes back what the chain took back, newest first, and tells it again when it comes back", async () => {
    const chain = createSyntheticChain(randomNumbers(2));
    await begin(chain);
    const fork = extended(chain, chain.genesis, 10);
    const [a, b] = [extended(chain, fork, 5), extended(chain, fork, 4)];
    await commit(chain.genesis, a);
    const first = await told();
    await mirror.mirror.rollBack(a.position, fork.position);
    expect(standingAfter(await told())).to.deep.equal(toldEvents(chain.genesis, fork));
    await commit(fork, b);
    await mirror.mirror.rollBack(b.position, fork.position);
    await commit(fork, a);

    const entries = await told();
    const undone = toldEvents(fork, a);
    const between = toldEvents(fork, b);
    const after = entries.slice(first.length);
    expect(after.map(({ event }) => event)).to.deep.equal([
      ...undone.toReversed(),
      ...between,
      ...between.toReversed(),
      ...undone,
    ]);
    expect(after.slice(0, undone.length).map(({ retracts }) => retracts)).to.deep.equal(
      first
        .slice(-undone.length)
        .map(({ id }) => id)
        .reverse(),
    );
    expect(standingAfter(entries)).to.deep.equal(toldEvents(chain.genesis, a));
  });

  it("tells nothing twice to who reads the same chain again from its beginning", async () => {
    const chain = createSyntheticChain(randomNumbers(3));
    await begin(chain);
    const half = extended(chain, chain.genesis, 20);
    const head = extended(chain, half, 20);
    await commit(chain.genesis, head);
    const before = await told();
    await mirror.mirror.clear();
    expect(await told()).to.deep.equal(before);
    await begin(chain);
    await commit(chain.genesis, half);
    await commit(half, head);
    expect(await told()).to.deep.equal(before);
  });

  it("tells what has changed while the mirror was empty", async () => {
    const chain = createSyntheticChain(randomNumbers(4));
    await begin(chain);
    const fork = extended(chain, chain.genesis, 10);
    const [before, after] = [extended(chain, fork, 10), extended(chain, fork, 3)];
    await commit(chain.genesis, before);
    await mirror.mirror.clear();
    await begin(chain);
    const count = (await told()).length;
    for (const block of blocksBetween(chain.genesis, after)) await commit(block.parent as SyntheticBlock, block);
    const entries = await told();
    expect(standingAfter(entries)).to.deep.equal(toldEvents(chain.genesis, after));
    expect(entries.length).to.equal(count + toldEvents(fork, before).length + toldEvents(fork, after).length);
  });

  it("takes everything back when the mirror is to follow another chain", async () => {
    const [one, other] = [
      createSyntheticChain(randomNumbers(5)),
      createSyntheticChain(randomNumbers(5), { name: "other" }),
    ];
    await begin(one);
    await commit(one.genesis, extended(one, one.genesis, 20));
    await mirror.mirror.clear();
    await begin(other);
    expect(standingAfter(await told())).to.deep.equal([]);
    const head = extended(other, other.genesis, 3);
    await commit(other.genesis, head);
    expect(standingAfter(await told())).to.deep.equal(toldEvents(other.genesis, head));
  });

  it("puts right what a lying node had it tell, once the blocks are read again", async () => {
    const chain = createSyntheticChain(randomNumbers(6));
    await begin(chain);
    const head = extended(chain, chain.genesis, 12);
    const events = blocksBetween(chain.genesis, head).flatMap((block) => block.events);
    const truth = toldEvents(chain.genesis, head);
    const isFalse = (event: ChainEvent) => event.name === "CardRenewed" || event.name === "CardTierChanged";
    expect(truth.filter(isFalse)).not.to.have.length(0);
    const lies = events.map((event) => {
      if (event.name === "CardRenewed") return { ...event, args: { ...event.args, expiresAt: 7 } };
      return event.name === "CardTierChanged" ? { ...event, args: { ...event.args, tier: 77 } } : event;
    });
    await mirror.mirror.commit(chain.genesis.position, head.position, lies);
    const before = (await told()).length;
    await mirror.mirror.clear();
    await begin(chain);
    await commit(chain.genesis, head);
    const entries = await told();
    expect(standingAfter(entries)).to.deep.equal(truth);
    expect(entries.length).to.equal(before + 2 * truth.filter(isFalse).length);
  });

  it("tells nothing of a range whose commit fails, nor when the tables are made anew", async () => {
    const chain = createSyntheticChain(randomNumbers(7));
    await begin(chain);
    const head = extended(chain, chain.genesis, 10);
    await commit(chain.genesis, head);
    const before = await told();
    const next = chain.extend(head);
    const failure = await mirror.mirror
      .commit(head.position, next.position, [...next.events, impossibleAt(next)])
      .catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error).with.property("name", "FoldError");
    await mirror.mirror.rebuild();
    expect(await told()).to.deep.equal(before);
  });

  it("counts a mirror as told that was there before the outbox was", async () => {
    const chain = createSyntheticChain(randomNumbers(8), { isOld: true });
    await begin(chain);
    await commit(chain.genesis, extended(chain, chain.genesis, 25));
    const before = await told();
    const { database } = mirror;
    for (const table of ["OutboxEntry", "OutboxChain"]) await database.$executeRawUnsafe(`DROP TABLE "${table}"`);
    await database.$executeRawUnsafe(`DELETE FROM "_prisma_migrations" WHERE "migration_name" LIKE '%_outbox'`);
    // Migrations want a database file for themselves. The client connects again by itself.
    await database.$disconnect();
    expect(await migrate(mirror.url)).to.have.length(1);
    expect(await told()).to.deep.equal(before);
    expect(await database.outboxChain.findMany()).to.have.length(1);
  });

  it("has each event of the mirror standing once, whatever two writers, forks, failures and resets do", async () => {
    const seed = seedFrom("OUTBOX_SEED");
    try {
      await live(randomNumbers(seed), 250);
    } catch (error) {
      throw new Error(`with OUTBOX_SEED=${seed}`, { cause: error });
    }
  });

  async function live(random: () => number, steps: number): Promise<void> {
    const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
    const chain = createSyntheticChain(random);
    const byHash = new Map([[chain.genesis.position.hash, chain.genesis]]);
    const writers = [mirror.mirror, createMirror({ database: mirror.database })];
    const grow = (from: SyntheticBlock, count: number) => {
      const head = extended(chain, from, count);
      for (const block of blocksBetween(from, head)) byHash.set(block.position.hash, block);
      return head;
    };
    const heads: SyntheticBlock[] = [];
    let active = grow(chain.genesis, 4);

    /** What a writer believes to be the checkpoint: what it saw last. */
    const beliefs: (SyntheticBlock | undefined)[] = [undefined, undefined];
    async function read(): Promise<SyntheticBlock> {
      const stored = await mirror.mirror.checkpoint();
      if (stored !== undefined) return byHash.get(stored.block.hash) as SyntheticBlock;
      await begin(chain);
      return chain.genesis;
    }
    async function advance(writer: number, fails: boolean): Promise<void> {
      const own = writers[writer] as Mirror;
      try {
        const from = beliefs[writer] ?? (await read());
        const common = commonBlock(from, active);
        if (common !== from) {
          await own.rollBack(from.position, common.position);
          beliefs[writer] = common;
          return;
        }
        const missing = blocksBetween(from, active);
        const to = missing[Math.floor(random() * missing.length)] ?? from;
        const events = blocksBetween(from, to).flatMap((block) => block.events);
        if (fails) events.push(impossibleAt(to));
        await own.commit(from.position, to.position, events);
        beliefs[writer] = to;
      } catch (error) {
        const isExpected = error instanceof CheckpointMovedError || fails;
        if (!isExpected) throw error;
        beliefs[writer] = undefined;
      }
    }

    for (let step = 0; step < steps; step++) {
      const dice = random();
      if (dice < 0.25) active = grow(active, 1 + Math.floor(random() * 4));
      else if (dice < 0.32) {
        heads.push(active);
        active = pick(heads);
      } else if (dice < 0.38) {
        heads.push(active);
        const depth = 1 + Math.floor(random() * 6);
        let from = active;
        for (let back = 0; back < depth && (from.parent?.position.number ?? 0) > 3; back++) from = from.parent ?? from;
        active = grow(from, 1 + Math.floor(random() * 5));
      } else if (dice < 0.42) await mirror.mirror.clear();
      else if (dice < 0.44) await mirror.mirror.rebuild();
      else if (dice < 0.55) await Promise.all([advance(0, false), advance(1, false)]);
      else await advance(random() < 0.5 ? 0 : 1, random() < 0.1);
      if (step % 10 === 0) await expectTruth();
    }
    beliefs.fill(undefined);
    while ((await read()) !== active) {
      await advance(0, false);
      beliefs.fill(undefined);
    }
    const standing = await expectTruth();
    const upTo = active.position.number;
    expect(standing.filter(({ blockNumber }) => blockNumber <= upTo)).to.deep.equal(toldEvents(chain.genesis, active));
  }

  /** Of the blocks that the mirror has read exactly its own events stand. */
  async function expectTruth(): Promise<ChainEvent[]> {
    const upTo = (await mirror.mirror.checkpoint())?.block.number ?? -1;
    const standing = standingAfter(await told());
    const [events, blocks] = [await mirror.database.event.findMany(), await mirror.database.block.findMany()];
    const hashes = new Map(blocks.map(({ number, hash }) => [number, hash]));
    const inMirror = events
      .filter(({ name }) => isTold(name as EventName))
      .sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex)
      .map((event) => [hashes.get(event.blockNumber), event.logIndex, event.name, JSON.parse(event.arguments)]);
    const inOutbox = standing
      .filter(({ blockNumber }) => blockNumber <= upTo)
      .map(({ blockHash, logIndex, name, args }) => [blockHash, logIndex, name, args]);
    expect(inOutbox).to.deep.equal(inMirror);
    return standing;
  }
});
