// The indexer behind nodes that fail and lie, on a chain that goes back and forth, in processes that are killed: a few seeds
// that are always the same, and a new one each time. `npm run simulate` tries as many as one likes.

import { expect } from "chai";
import { id } from "ethers";
import type { ChainEvent, RawLog } from "../../../server/chain/events.ts";
import { lookAtOutbox, type StoredEntry } from "../../simulation/outbox-oracle.ts";
import { describeOutcome, MOST_SEED, simulate } from "../../simulation/run.ts";
import { createWorld, type World } from "../../simulation/world.ts";

/** Chosen so that together they have everything in them: both databases, one writer and two, reorgs of 64 blocks. */
const SEEDS = [1, 2, 3, 8];

describe("simulation", () => {
  let world: World;

  before(async () => {
    world = await createWorld();
  });
  after(async () => {
    await world.close();
  });

  for (const seed of [...SEEDS, 1 + Math.floor(Math.random() * MOST_SEED)]) {
    it(`ends with the chain's mirror, seed ${seed}`, async () => {
      const outcome = await simulate(world, seed);
      if (outcome.divergences.length > 0) throw new Error(describeOutcome(outcome));
    });
  }

  it("notices events that nodes leave out so that no indexer could", async () => {
    const locked = id("Locked(uint256)");
    const withoutLocked = (logs: RawLog[]) => logs.filter(({ topics }) => topics[0] !== locked);
    const outcome = await simulate(world, 4, {
      sabotage: {
        kind: "rewrite",
        result: (call, logs) => (call.method === "eth_getLogs" && Array.isArray(logs) ? withoutLocked(logs) : logs),
      },
    });
    expect(outcome.divergences.join()).to.match(/\d+ events are missing: .* Locked of 0x/);
  });
});

describe("simulation's look at an outbox", () => {
  const HASH = `0x${"ab".repeat(32)}`;
  const COLLECTION = `0x${"c0".repeat(20)}`;

  const suspended = (blockNumber: number, serial: number): ChainEvent => ({
    ...{ blockNumber, blockHash: HASH, blockTimestamp: 1_760_000_000 + blockNumber, transactionHash: HASH },
    ...{ logIndex: serial, address: COLLECTION, name: "CardSuspended", args: { serial, reason: HASH } },
  });
  const locked: ChainEvent = { ...suspended(1, 7), name: "Locked", args: { serial: 7 } };
  const [first, second, third] = [suspended(1, 1), suspended(1, 2), suspended(2, 1)];

  /** An entry as the outbox keeps it. */
  function entry(
    number: number,
    { args, ...event }: ChainEvent,
    { stands = true, retracts = null as number | null } = {},
  ) {
    const standing = stands && retracts === null;
    return {
      ...{ id: number, ...event, arguments: JSON.stringify(args), retracts },
      standingBlock: standing ? event.blockNumber : null,
      standingLog: standing ? event.logIndex : null,
    } satisfies StoredEntry;
  }

  it("finds nothing wrong where every event stands once, also after some were taken back", () => {
    expect(lookAtOutbox([], [locked])).to.deep.equal([]);
    expect(lookAtOutbox([entry(1, first), entry(2, second)], [first, second, locked])).to.deep.equal([]);
    const entries = [
      ...[entry(1, first), entry(2, second, { stands: false }), entry(3, third, { stands: false })],
      ...[entry(4, third, { retracts: 3 }), entry(5, second, { retracts: 2 }), entry(6, third)],
    ];
    expect(lookAtOutbox(entries, [first, third])).to.deep.equal([]);
  });

  const mistakes: Record<string, [entries: StoredEntry[], events: ChainEvent[]]> = {
    "an event that is not told": [[entry(1, first)], [first, second]],
    "an event that is told twice": [[entry(1, first), entry(2, first)], [first]],
    "an event that has not happened": [[entry(1, first), entry(2, second)], [first]],
    "an event that is not worth telling": [
      [entry(1, first), entry(2, locked)],
      [first, locked],
    ],
    "an event with other arguments": [
      [entry(1, { ...first, args: { serial: 1, reason: "0x" } } as ChainEvent)],
      [first],
    ],
    "an event of another block": [[entry(1, { ...first, blockHash: `0x${"cd".repeat(32)}` })], [first]],
    "an entry that is missing": [
      [entry(1, first), entry(3, second)],
      [first, second],
    ],
    "an event taken back twice": [
      [entry(1, first, { stands: false }), entry(2, first, { retracts: 1 }), entry(3, first, { retracts: 1 })],
      [],
    ],
    "an event taken back that a later one followed": [
      [entry(1, first, { stands: false }), entry(2, second), entry(3, first, { retracts: 1 })],
      [second],
    ],
    "an event taken back as another": [[entry(1, first, { stands: false }), entry(2, second, { retracts: 1 })], []],
    "an event taken back that still counts as standing": [[entry(1, first), entry(2, first, { retracts: 1 })], []],
  };
  for (const [mistake, [entries, events]] of Object.entries(mistakes)) {
    it(`finds ${mistake}`, () => {
      expect(lookAtOutbox(entries, events)).not.to.deep.equal([]);
    });
  }
});
