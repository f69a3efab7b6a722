// The local chain on disk: every block, in order, as it can be executed again. anvil makes a block's hash from nothing but
// its parent, its time and its transactions, so the same transactions at the same times give the same chain, hash by hash.
//
// One JSON object per line: first the genesis, then the blocks. Lines are only appended, and are on disk before `append`
// returns; a crash can therefore tear the last line only.

import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";

const hash = z.string().regex(/^0x[0-9a-f]{64}$/);

const genesisSchema = z.object({
  journal: z.literal(1),
  chainId: z.number().int(),
  /** Seconds since the Unix epoch. */
  timestamp: z.number().int(),
  hash,
});

const blockSchema = z.object({
  number: z.number().int().positive(),
  hash,
  parentHash: hash,
  timestamp: z.number().int(),
  /** The signed transactions, in order. */
  transactions: z.array(z.string()),
});

export type JournalGenesis = z.infer<typeof genesisSchema>;
export type JournalBlock = z.infer<typeof blockSchema>;

export interface JournalContents {
  genesis: JournalGenesis;
  /** From block 1 on, each the child of the one before. */
  blocks: JournalBlock[];
  /** Where each block's line begins, in bytes, and last where the next one will. */
  offsets: number[];
  /**
   * What is behind the last good line: nothing; a line that was not finished, as after a crash; or damage, which no
   * crash explains, with `lines` lines from there on.
   */
  tail: { kind: "clean" } | { kind: "torn" } | { kind: "damaged"; lines: number };
}

/** Reads a journal; nothing if there is none, or none whose first line is whole. */
export function readJournal(file: string): JournalContents | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  let start = 0;
  const nextLine = (): string | undefined => {
    const end = bytes.indexOf(10, start);
    if (end < 0) return undefined;
    return bytes.toString("utf8", start, end);
  };
  const first = nextLine();
  const genesis = first === undefined ? undefined : parseLine(genesisSchema, first);
  if (first === undefined || genesis === undefined) return undefined;
  start += Buffer.byteLength(first) + 1;

  const blocks: JournalBlock[] = [];
  const offsets = [start];
  for (let line = nextLine(); line !== undefined; line = nextLine()) {
    const block = parseLine(blockSchema, line);
    const parentHash = blocks.at(-1)?.hash ?? genesis.hash;
    if (block?.number !== blocks.length + 1 || block.parentHash !== parentHash) {
      const lines = bytes.toString("utf8", start).trimEnd().split("\n").length;
      return { genesis, blocks, offsets, tail: lines === 1 ? { kind: "torn" } : { kind: "damaged", lines } };
    }
    blocks.push(block);
    start += Buffer.byteLength(line) + 1;
    offsets.push(start);
  }
  return { genesis, blocks, offsets, tail: { kind: start < bytes.length ? "torn" : "clean" } };
}

function parseLine<Schema extends z.ZodType>(schema: Schema, line: string): z.infer<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // Not JSON: the caller says what that means.
  }
}

/** A journal that is being written. */
export interface Journal {
  /** The number and hash of the last block; the genesis if there is none. */
  head(): { number: number; hash: string };
  /** The hash of a block of the journal. */
  hashOf(number: number): string | undefined;
  /** Adds the blocks that follow the head; they are on disk when this returns. */
  append(blocks: readonly JournalBlock[]): void;
  /** Forgets the blocks after `number`, because the chain took them back. */
  truncate(number: number): void;
  close(): void;
}

/** Begins a journal; an existing file is overwritten. */
export function createJournal(file: string, genesis: JournalGenesis): Journal {
  mkdirSync(dirname(file), { recursive: true });
  const descriptor = openSync(file, "w", 0o600);
  const line = `${JSON.stringify(genesis)}\n`;
  writeSync(descriptor, line);
  fsyncSync(descriptor);
  syncFolder(dirname(file));
  return write(descriptor, genesis, [], [Buffer.byteLength(line)]);
}

/** Goes on with a journal that was read; what was torn behind its last good block is cut off. */
export function resumeJournal(file: string, contents: JournalContents): Journal {
  const descriptor = openSync(file, "r+");
  ftruncateSync(descriptor, contents.offsets.at(-1));
  fdatasyncSync(descriptor);
  return write(
    descriptor,
    contents.genesis,
    contents.blocks.map((block) => block.hash),
    [...contents.offsets],
  );
}

function write(descriptor: number, genesis: JournalGenesis, hashes: string[], offsets: number[]): Journal {
  return {
    head: () => ({ number: hashes.length, hash: hashes.at(-1) ?? genesis.hash }),
    hashOf: (number) => (number === 0 ? genesis.hash : hashes[number - 1]),
    append(blocks) {
      if (blocks.length === 0) return;
      for (const block of blocks) {
        const parentHash = hashes.at(-1) ?? genesis.hash;
        if (block.number !== hashes.length + 1 || block.parentHash !== parentHash)
          throw new Error(`Block ${block.number} does not follow the journal's last block ${hashes.length}`);
        const line = Buffer.from(`${JSON.stringify(block)}\n`);
        const offset = offsets.at(-1) ?? 0;
        for (let written = 0; written < line.length; )
          written += writeSync(descriptor, line, written, line.length - written, offset + written);
        hashes.push(block.hash);
        offsets.push(offset + line.length);
      }
      fdatasyncSync(descriptor);
    },
    truncate(number) {
      ftruncateSync(descriptor, offsets[number]);
      fdatasyncSync(descriptor);
      hashes.length = number;
      offsets.length = number + 1;
    },
    close: () => closeSync(descriptor),
  };
}

/** Makes a new or renamed file in a folder survive a power cut. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
