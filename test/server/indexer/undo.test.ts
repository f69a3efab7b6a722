// Blocks that are taken back leave the mirror as if they had never been: compared with a mirror that never had them.

import { expect } from "chai";
import { id, ZeroAddress, ZeroHash } from "ethers";
import type { ChainEvent, EventArguments, EventName } from "../../../server/chain/events.ts";
import type { BlockPosition } from "../../../server/database/mirror-status.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { HISTORY_GENESIS, HISTORY_IDENTITY, type HistoryBlock, inventHistory } from "../../support/history.ts";
import { createTestMirror, mirrorRows, type TestMirror } from "../../support/mirror.ts";

const CARDS = 400;
const CHANGING_BLOCKS = 24;

describeOnEachDatabase("blocks that are taken back", (kind) => {
  let mirror: TestMirror;

  beforeEach(async () => {
    mirror = await createTestMirror(kind);
    await mirror.mirror.begin(HISTORY_IDENTITY, HISTORY_GENESIS);
  });
  afterEach(async () => {
    await mirror.close();
  });

  async function commit(to: TestMirror, from: BlockPosition, blocks: readonly HistoryBlock[]): Promise<void> {
    const end = blocks.at(-1) ?? from;
    await to.mirror.commit(
      from,
      end,
      blocks.flatMap((block) => block.events),
    );
  }

  /** What a mirror consists of that has read no more than these blocks. */
  async function rowsAfter(blocks: readonly HistoryBlock[]): Promise<Record<string, unknown[]>> {
    const fresh = await createTestMirror();
    try {
      await fresh.mirror.begin(HISTORY_IDENTITY, HISTORY_GENESIS);
      await commit(fresh, HISTORY_GENESIS, blocks);
      return await mirrorRows(fresh.database);
    } finally {
      await fresh.close();
    }
  }

  function history(): HistoryBlock[] {
    const blocks: HistoryBlock[] = [];
    for (const block of inventHistory(CARDS)) {
      blocks.push(block);
      if (block.number === 1 + CARDS / 100 + CHANGING_BLOCKS) break;
    }
    return blocks;
  }

  it("are gone without a trace, be they few or all", async () => {
    const blocks = history();
    await commit(mirror, HISTORY_GENESIS, blocks);
    let end = blocks.at(-1) as BlockPosition;
    for (const kept of [blocks.length, blocks.length - 1, blocks.length - 9, 7, 3, 1, 0]) {
      const to = blocks[kept - 1] ?? HISTORY_GENESIS;
      const undone = blocks.slice(kept, end.number).reduce((sum, { events }) => sum + events.length, 0);
      expect(await mirror.mirror.rollBack(end, to)).to.equal(undone);
      end = to;
      expect(await mirrorRows(mirror.database)).to.deep.equal(await rowsAfter(blocks.slice(0, kept)));
    }
    await commit(mirror, HISTORY_GENESIS, blocks);
    expect(await mirrorRows(mirror.database)).to.deep.equal(await rowsAfter(blocks));
  });

  it("leave each card what its own batch gave it, where several batches came in one transaction", async () => {
    const [first] = history() as [HistoryBlock];
    const collection = first.events.find(({ name }) => name === "CollectionCreated")?.args as { collection: string };
    const blockOf = (number: number) => {
      const block: HistoryBlock = { number, hash: id(`own ${number}`), timestamp: 1_700_000_000 + number, events: [] };
      const emit = <Name extends EventName>(name: Name, args: EventArguments[Name]) => {
        const where = { blockNumber: number, blockHash: block.hash, blockTimestamp: block.timestamp };
        const at = { ...where, transactionHash: block.hash, logIndex: block.events.length };
        block.events.push({ ...at, address: collection.collection, name, args } as ChainEvent);
      };
      return { block, emit };
    };
    const issuing = blockOf(2);
    for (const [firstSerial, tier] of [
      [5, 1],
      [1, 2],
      [9, 3],
    ] as const) {
      for (const serial of [firstSerial, firstSerial + 1])
        issuing.emit("Transfer", { from: ZeroAddress, to: `0x${"a".repeat(40)}`, serial });
      const terms = { tier, expiresAt: 0, commitmentRoot: ZeroHash, batchReference: ZeroHash };
      issuing.emit("BatchIssued", { firstSerial, count: 2, ...terms });
    }
    const changing = blockOf(3);
    for (const serial of [1, 2, 5, 6, 9, 10]) changing.emit("CardTierChanged", { serial, tier: 9 });
    await commit(mirror, HISTORY_GENESIS, [first, issuing.block, changing.block]);
    await mirror.mirror.rollBack(changing.block, issuing.block);
    expect(await mirrorRows(mirror.database)).to.deep.equal(await rowsAfter([first, issuing.block]));
    const cards = await mirror.database.card.findMany({ orderBy: { serial: "asc" } });
    expect(cards.map(({ serial, tier }) => [serial, tier])).to.deep.equal([
      ...[
        [1, 2],
        [2, 2],
      ],
      ...[
        [5, 1],
        [6, 1],
      ],
      ...[
        [9, 3],
        [10, 3],
      ],
    ]);
  });
});
