// Opens the chain that is kept in a folder, or makes one where there was none. Must hold: a chain that has lost something is not
// opened silently, and no new chain takes the place of one that was there.

import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { type Archive, createArchive, textOf } from "./archive.ts";
import {
  ChainRefusedError,
  chainFile,
  createChainFile,
  type Head,
  openForWriting,
  readHeadMark,
  requireFormat,
  type Sqlite,
} from "./chain-file.ts";
import { createCommon } from "./genesis.ts";
import { makeGenesis } from "./maker.ts";
import { createNodeDatabase } from "./node-database.ts";

/** Blocks that the chain had, and has not any more. Says which, and what can be done. */
export class BlocksMissingError extends ChainRefusedError {
  override name = "BlocksMissingError";
}

/** A block that somebody else knows of this chain: the mirror's newest. */
export interface KnownBlock extends Head {
  genesisHash: string;
}

export interface OpeningOptions {
  folder: string;
  /** What the database knows; nothing if it knows no chain. */
  known: KnownBlock | undefined;
  /** Whether to go on although the newest blocks are missing. */
  acceptLoss: boolean;
  /** Seconds since the Unix epoch, for the first block of a new chain. */
  now: number;
}

export interface KeptChain {
  /** Whether it was made just now. */
  isNew: boolean;
  genesisHash: string;
  head: Head;
}

/** What can be done about a chain that cannot be opened as it is. */
export const chainRemedy = (folder: string): string =>
  `Restore a backup: npm run restore -- <archive>. To begin a new chain without what was issued, move ${join(folder, "..")} away, ` +
  `or, to keep accounts and keys, only ${folder}, and run npm run reset-mirror.`;

/** Throws {@link ChainRefusedError}. Nothing is written then. */
export async function openKeptChain(options: OpeningOptions): Promise<KeptChain> {
  const { folder, known, acceptLoss, now } = options;
  const file = chainFile(folder);
  const mark = readHeadMark(folder);
  if (!existsSync(file)) {
    if (mark !== undefined)
      throw new ChainRefusedError(
        `The chain's file ${file} is missing; blocks 0 to ${mark.number} were in it. ${chainRemedy(folder)}`,
      );
    if (existsSync(join(folder, "journal.jsonl")))
      throw new ChainRefusedError(
        `${folder} holds the chain of an earlier version of Mintmark (journal.jsonl), which this version cannot continue. ` +
          `Go on with the version that wrote it, or move ${join(folder, "..")} away to begin anew.`,
      );
    if (known !== undefined)
      throw new ChainRefusedError(
        `There is no chain in ${folder}, and the database knows one, up to block ${known.number}. ${chainRemedy(folder)}`,
      );
    return await makeChain(folder, now);
  }
  // Before it is opened: SQLite removes the log beside an empty file, and the log may have everything.
  if (statSync(file).size === 0 && (mark ?? known) !== undefined) throw emptied(file, folder, mark ?? known);
  const database = openWhole(folder, file);
  try {
    const archive = createArchive(database, createCommon());
    const head = archive.head();
    if (head === undefined) {
      if (mark === undefined && known === undefined) return await makeChain(folder, now, database);
      throw emptied(file, folder, mark ?? known);
    }
    const genesisHash = textOf(archive.hashOf(0) ?? Buffer.alloc(32));
    if (known !== undefined && known.genesisHash !== genesisHash)
      throw new ChainRefusedError(
        `The chain in ${folder} is not the one that the database knows (its first block is ${genesisHash}, not ${known.genesisHash}). ${chainRemedy(folder)}`,
      );
    requireAllBlocks(archive.count(), head, file, folder);
    await requireState(database, head, file, folder);
    if (!acceptLoss)
      for (const written of [mark, known]) if (written !== undefined) requireBlock(archive, head, written, file);
    return { isNew: false, genesisHash, head };
  } finally {
    database.close();
  }
}

/** Throws {@link BlocksMissingError} if the chain does not have a block that was written once. */
function requireBlock(archive: Archive, head: Head, written: Head, file: string): void {
  const found = archive.hashOf(written.number);
  if (found !== undefined && textOf(found) === written.hash) return;
  const choice =
    "Restore a newer copy of the file or a backup (npm run restore -- <archive>), or go on without them; " +
    "what was issued in them is then issued anew: npm start -- --accept-lost-blocks";
  if (found !== undefined)
    throw new BlocksMissingError(
      `Block ${written.number} is missing: ${file} has another block of that number than the one that was written. ${choice}`,
    );
  const first = head.number + 1;
  const which = first === written.number ? `Block ${first} is` : `Blocks ${first} to ${written.number} are`;
  throw new BlocksMissingError(
    `${which} missing: ${file} ends with block ${head.number}, and block ${written.number} was written. ${choice}`,
  );
}

async function makeChain(folder: string, now: number, unfinished?: Sqlite): Promise<KeptChain> {
  // Made by a start that was broken off before anybody could see it.
  unfinished?.close();
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${chainFile(folder)}${suffix}`, { force: true });
  const database = createChainFile(folder);
  try {
    await makeGenesis(database, now);
    const head = createArchive(database, createCommon()).head();
    if (head === undefined) throw new Error("The new chain has no first block");
    return { isNew: true, genesisHash: head.hash, head };
  } finally {
    database.close();
  }
}

/** SQLite's own. */
const PAGE_BYTES = 4_096;

/** Opens the file if its structure is whole: a damaged one would lose more with every block. */
function openWhole(folder: string, file: string): Sqlite {
  let database: Sqlite | undefined;
  const hasLog = (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0;
  try {
    database = openForWriting(folder);
    const isMade = database.prepare(`SELECT 1 FROM sqlite_master WHERE "name" = 'meta'`).get() !== undefined;
    if (!isMade) {
      database.close();
      // Broken off before its tables were there, or emptied: the mark tells which.
      if (readHeadMark(folder) === undefined) return createChainFileAnew(folder);
      throw new ChainRefusedError(`The chain's file ${file} is empty. ${chainRemedy(folder)}`);
    }
    requireFormat(database);
    // Pages are written whole, and a torn one is written again from the log. The check itself takes what is missing for zeros.
    if (!hasLog && statSync(file).size % PAGE_BYTES !== 0) throw damaged(file, folder, "its end is missing");
    const found = database.pragma("quick_check(1)", { simple: true });
    if (found === "ok") return database;
    throw damaged(file, folder, String(found));
  } catch (error) {
    database?.close();
    if (error instanceof Database.SqliteError && isDamage(error.code)) throw damaged(file, folder, error.message);
    throw error;
  }
}

function emptied(file: string, folder: string, had: Head | undefined): ChainRefusedError {
  return new ChainRefusedError(
    `The chain's file ${file} is empty; blocks 0 to ${had?.number} were in it. ${chainRemedy(folder)}`,
  );
}

function createChainFileAnew(folder: string): Sqlite {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${chainFile(folder)}${suffix}`, { force: true });
  return createChainFile(folder);
}

const isDamage = (code: string): boolean => code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB";

function damaged(file: string, folder: string, detail: string): ChainRefusedError {
  const [reason] = detail.replace(/^\*\*\*[^\n]*\n/, "").split("\n");
  return new ChainRefusedError(`The chain's file ${file} is damaged (${reason}). ${chainRemedy(folder)}`);
}

function requireAllBlocks(count: number, head: Head, file: string, folder: string): void {
  if (count === head.number + 1) return;
  throw new ChainRefusedError(
    `The chain's file ${file} is damaged: ${head.number + 1 - count} of its ${head.number + 1} blocks are missing. ${chainRemedy(folder)}`,
  );
}

async function requireState(database: Sqlite, head: Head, file: string, folder: string): Promise<void> {
  try {
    const block = createArchive(database, createCommon()).block(head.number);
    if (block !== undefined && textOf(block.header.hash()) === head.hash) {
      await createNodeDatabase(database).get(Buffer.from(block.header.stateRoot).toString("hex"));
      return;
    }
  } catch {
    // Told below.
  }
  throw damaged(file, folder, `block ${head.number} or its state cannot be read`);
}
