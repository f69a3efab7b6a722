// Makes blocks: executes transactions on the newest state and commits the block with everything that follows from it, in one
// transaction of the file. Must hold: what is refused or fails to be written leaves the chain as it was.

import type { Block } from "@ethereumjs/block";
import { createTxFromRLP } from "@ethereumjs/tx";
import { createAccount, createAddressFromString } from "@ethereumjs/util";
import { BlockBuilder } from "@ethereumjs/vm";
import { SqliteError } from "better-sqlite3";
import { createArchive, type StoredLog, type StoredTransaction, textOf } from "./archive.ts";
import { createHeadMark, type Head, type Sqlite } from "./chain-file.ts";
import {
  BLOCK_GAS_LIMIT,
  createCommon,
  createGenesisBlock,
  developmentKeys,
  GENESIS_BALANCE,
  HEADER_DEFAULTS,
} from "./genesis.ts";
import { createNodeDatabase, MissingStateError } from "./node-database.ts";
import { createMachine, createStateTrie } from "./virtual-machine.ts";

/** A block that has used as much takes no further transaction, so that none takes long to make: some two seconds' work. */
const FULL_BLOCK_GAS = 100_000_000n;

/** A block that is to be made. */
export interface BlockPlan {
  /** Seconds since the Unix epoch; not before the block before it. */
  timestamp: number;
  /** Signed, in the order in which they are to be tried. */
  transactions: readonly Uint8Array[];
}

export interface MadeBlock extends Head {
  /** 0x and 64 digits: the state after it. */
  stateRoot: string;
  timestamp: number;
  /** Hashes of those that are in it. */
  included: string[];
  /** Those that cannot be in any block as the state is, by hash, with the reason. What is in neither list had no room. */
  refused: { hash: string; reason: string }[];
}

export interface Maker {
  /** Makes blocks, one after the other, and commits them together. */
  make(plans: readonly BlockPlan[]): Promise<MadeBlock[]>;
  /** The newest block. */
  head(): Head;
  close(): void;
}

/** Writes the first block of a chain into a file without one. */
export async function makeGenesis(database: Sqlite, timestamp: number): Promise<void> {
  const common = createCommon();
  const nodes = createNodeDatabase(database);
  const { state } = await createMachine({
    common,
    trie: await createStateTrie(common, nodes),
    hashOfBlock: () => new Uint8Array(32),
  });
  for (const address of (await developmentKeys()).keys())
    await state.putAccount(createAddressFromString(address), createAccount({ balance: GENESIS_BALANCE }));
  const stateRoot = await state.getStateRoot();
  const block = createGenesisBlock(common, stateRoot, timestamp);
  database.transaction(() => {
    nodes.keep(stateRoot);
    createArchive(database, common).add(block, [], []);
  })();
}

/** Continues the chain of a file. */
export async function createMaker(database: Sqlite, folder: string): Promise<Maker> {
  const common = createCommon();
  const nodes = createNodeDatabase(database);
  const archive = createArchive(database, common);
  const headMark = createHeadMark(folder);
  const { vm, state } = await createMachine({
    common,
    trie: await createStateTrie(common, nodes),
    hashOfBlock: (number) => archive.hashOf(number) ?? new Uint8Array(32),
  });
  const blockOptions = { common, skipConsensusFormatValidation: true, putBlockIntoBlockchain: false, freeze: true };

  /** The mark only tells of lost blocks: a disk that does not take it has taken the block. */
  function markHead(head: Head): void {
    try {
      headMark.write(head);
    } catch {
      // Written with the next block.
    }
  }

  /** The newest block, with the state's machine at it. */
  async function openHead(): Promise<Block["header"]> {
    const head = archive.head();
    const block = head === undefined ? undefined : archive.block(head.number);
    if (head === undefined || block === undefined) throw new Error("The chain has no first block");
    await state.setStateRoot(block.header.stateRoot);
    markHead(head);
    return block.header;
  }
  let parent = await openHead();

  async function build({ timestamp, transactions }: BlockPlan): Promise<MadeBlock> {
    const headerData = { ...HEADER_DEFAULTS, timestamp, parentHash: parent.hash(), number: parent.number + 1n };
    const builder = new BlockBuilder(vm, {
      // The builder asks a parent for nothing but its header.
      parentBlock: { header: parent, hash: () => parent.hash() } as Block,
      headerData,
      withdrawals: [],
      blockOpts: blockOptions,
    });
    const rows: StoredTransaction[] = [];
    const logs: StoredLog[] = [];
    const refused: MadeBlock["refused"] = [];
    const number = Number(headerData.number);
    for (const raw of transactions) {
      if (builder.gasUsed > FULL_BLOCK_GAS) break;
      const transaction = createTxFromRLP(raw, { common });
      if (transaction.gasLimit > BLOCK_GAS_LIMIT - builder.gasUsed) break;
      const hash = Buffer.from(transaction.hash());
      try {
        const { receipt, totalGasSpent, createdAddress } = await builder.addTransaction(transaction);
        const position = rows.length;
        rows.push({
          hash,
          block: number,
          position,
          raw: Buffer.from(raw),
          sender: Buffer.from(transaction.getSenderAddress().bytes),
          status: (receipt as { status: 0 | 1 }).status,
          gasUsed: Number(totalGasSpent),
          cumulativeGasUsed: Number(receipt.cumulativeBlockGasUsed),
          contractAddress: createdAddress === undefined ? null : Buffer.from(createdAddress.bytes),
          logsBloom: Buffer.from(receipt.bitvector),
        });
        for (const [address, topics, data] of receipt.logs)
          logs.push({
            block: number,
            position: logs.length,
            tx: position,
            address: Buffer.from(address),
            topics: Buffer.concat(topics),
            data: Buffer.from(data),
          });
      } catch (error) {
        // What the disk does is not the transaction's fault.
        if (error instanceof MissingStateError || error instanceof SqliteError) throw error;
        refused.push({ hash: textOf(hash), reason: error instanceof Error ? error.message : String(error) });
      }
    }
    const { block } = await builder.build();
    nodes.keep(block.header.stateRoot);
    archive.add(block, rows, logs);
    parent = block.header;
    return {
      number,
      hash: textOf(block.hash()),
      stateRoot: textOf(block.header.stateRoot),
      timestamp,
      included: rows.map(({ hash }) => textOf(hash)),
      refused,
    };
  }

  return {
    async make(plans) {
      const made: MadeBlock[] = [];
      database.exec("BEGIN IMMEDIATE");
      try {
        for (const plan of plans) made.push(await build(plan));
        database.exec("COMMIT");
      } catch (error) {
        // A full disk may have rolled it back already.
        if (database.inTransaction) database.exec("ROLLBACK");
        nodes.discard();
        parent = await openHead();
        throw error;
      }
      const newest = made.at(-1);
      if (newest !== undefined) markHead(newest);
      return made;
    },
    head: () => ({ number: Number(parent.number), hash: textOf(parent.hash()) }),
    close: () => headMark.close(),
  };
}
