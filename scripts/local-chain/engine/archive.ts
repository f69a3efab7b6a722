// Blocks, transactions with their receipts, and logs, as rows. Addresses and hashes are bytes here; answers write them as text.

import type { BlockHeader } from "@ethereumjs/block";
import { type Block, createBlockHeaderFromRLP } from "@ethereumjs/block";
import type { Common } from "@ethereumjs/common";
import type { Head, Sqlite } from "./chain-file.ts";

export interface StoredBlock {
  number: number;
  hash: Buffer;
  header: BlockHeader;
  /** Bytes of the whole block. */
  size: number;
}

export interface StoredTransaction {
  hash: Buffer;
  block: number;
  position: number;
  raw: Buffer;
  sender: Buffer;
  status: 0 | 1;
  gasUsed: number;
  cumulativeGasUsed: number;
  /** Of the contract that it made. */
  contractAddress: Buffer | null;
  logsBloom: Buffer;
}

export interface StoredLog {
  block: number;
  /** Within its block. */
  position: number;
  /** Its transaction's position in the block. */
  tx: number;
  address: Buffer;
  /** Up to four of 32 bytes, one after the other. */
  topics: Buffer;
  data: Buffer;
}

/** The logs that a question is about. */
export interface LogQuestion {
  from: number;
  to: number;
  /** Any of these; any address if not given. */
  addresses?: readonly Buffer[] | undefined;
  /** For each place, any of these; any topic where nothing is given. */
  topics: readonly (readonly Buffer[] | undefined)[];
}

export const textOf = (bytes: Uint8Array): `0x${string}` => `0x${Buffer.from(bytes).toString("hex")}`;

export type Archive = ReturnType<typeof createArchive>;

export function createArchive(database: Sqlite, common: Common) {
  const blockColumns = `SELECT "number", "hash", "header", "size" FROM "block"`;
  const byNumber = database.prepare(`${blockColumns} WHERE "number" = ?`);
  const byHash = database.prepare(`${blockColumns} WHERE "hash" = ?`);
  const hashByNumber = database.prepare<[number], Buffer>(`SELECT "hash" FROM "block" WHERE "number" = ?`).pluck();
  const last = database.prepare(`SELECT "number", "hash" FROM "block" ORDER BY "number" DESC LIMIT 1`);
  const count = database.prepare<[], number>(`SELECT count(*) FROM "block"`).pluck();
  const transactionByHash = database.prepare(`SELECT * FROM "tx" WHERE "hash" = ?`);
  const ofBlock = database.prepare(`SELECT * FROM "tx" WHERE "block" = ? ORDER BY "position"`);
  const hashesOfBlock = database
    .prepare<[number], Buffer>(`SELECT "hash" FROM "tx" WHERE "block" = ? ORDER BY "position"`)
    .pluck();
  const logsBetween = database.prepare(
    `SELECT * FROM "log" WHERE "block" BETWEEN ? AND ? ORDER BY "block", "position"`,
  );
  const logsOfTransaction = database.prepare(`SELECT * FROM "log" WHERE "block" = ? AND "tx" = ? ORDER BY "position"`);
  const insertBlock = database.prepare(`INSERT INTO "block" VALUES (?, ?, ?, ?)`);
  const insertTransaction = database.prepare(
    `INSERT INTO "tx" VALUES (@hash, @block, @position, @raw, @sender, @status, @gasUsed, @cumulativeGasUsed, @contractAddress, @logsBloom)`,
  );
  const insertLog = database.prepare(`INSERT INTO "log" VALUES (@block, @position, @tx, @address, @topics, @data)`);

  function decode(row: unknown): StoredBlock | undefined {
    if (row === undefined) return undefined;
    const { number, hash, header, size } = row as { number: number; hash: Buffer; header: Buffer; size: number };
    const decoded = createBlockHeaderFromRLP(header, { common, skipConsensusFormatValidation: true });
    return { number, hash, header: decoded, size };
  }

  return {
    head(): Head | undefined {
      const row = last.get() as { number: number; hash: Buffer } | undefined;
      return row === undefined ? undefined : { number: row.number, hash: textOf(row.hash) };
    },
    /** How many blocks there are, the first one included. */
    count: (): number => count.get() ?? 0,
    block: (number: number): StoredBlock | undefined => decode(byNumber.get(number)),
    blockByHash: (hash: Buffer): StoredBlock | undefined => decode(byHash.get(hash)),
    hashOf: (number: number): Buffer | undefined => hashByNumber.get(number),
    transaction: (hash: Buffer) => transactionByHash.get(hash) as StoredTransaction | undefined,
    transactions: (block: number) => ofBlock.all(block) as StoredTransaction[],
    transactionHashes: (block: number) => hashesOfBlock.all(block),
    logsOfTransaction: (block: number, position: number) => logsOfTransaction.all(block, position) as StoredLog[],
    /** In their order. */
    *logs({ from, to, addresses, topics }: LogQuestion): Generator<StoredLog> {
      for (const row of logsBetween.iterate(from, to)) {
        const log = row as StoredLog;
        if (addresses !== undefined && !addresses.some((address) => address.equals(log.address))) continue;
        if (topics.every((wanted, place) => wanted === undefined || hasTopic(log, place, wanted))) yield log;
      }
    },
    /** Within the caller's transaction. */
    add(block: Block, transactions: readonly StoredTransaction[], logs: readonly StoredLog[]): void {
      const number = Number(block.header.number);
      insertBlock.run(number, block.hash(), block.header.serialize(), block.serialize().length);
      for (const transaction of transactions) insertTransaction.run(transaction);
      for (const log of logs) insertLog.run(log);
    },
  };
}

function hasTopic({ topics }: StoredLog, place: number, wanted: readonly Buffer[]): boolean {
  if (topics.length < (place + 1) * 32) return false;
  const topic = topics.subarray(place * 32, place * 32 + 32);
  return wanted.some((value) => value.equals(topic));
}
