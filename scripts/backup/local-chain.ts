// The local chain of `npm start` as an archive sees it: some files in a folder. Knows its format of today, one SQLite file, and the one before, a
// journal of one line for each block.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { copyInto, filesToKeep } from "./files.ts";
import { copySqlite } from "./sqlite-files.ts";

export interface ChainSummary {
  genesisHash: string;
  head: { number: number; hash: string };
}

export interface KeptChain extends ChainSummary {
  /** The hash of a block; nothing if the chain does not have it. */
  hashOf(number: number): string | undefined;
}

/**
 * Copies the chain while its node runs. What stands beside its database goes first: the database must not be older than what was written down of it.
 */
export async function copyChain(folder: string, target: string): Promise<void> {
  const files = filesToKeep(folder, () => false);
  const isDatabase = (path: string) => path.endsWith(".db");
  // Kept states of the journal must not be ahead of it: it is copied after them.
  const others = files.filter((path) => !isDatabase(path)).toSorted((one) => (one === JOURNAL ? 1 : -1));
  for (const path of others) copyInto(join(folder, path), join(target, path));
  for (const path of files.filter(isDatabase)) await copySqlite(join(folder, path), join(target, path));
}

const DATABASE = "chain.db";
const JOURNAL = "journal.jsonl";

/** The chain that is kept in a folder; nothing if there is none. Throws if it cannot be read. */
export function readKeptChain(folder: string): KeptChain | undefined {
  if (existsSync(join(folder, DATABASE))) return fromDatabase(join(folder, DATABASE));
  if (existsSync(join(folder, JOURNAL))) return fromJournal(join(folder, JOURNAL));
  return undefined;
}

function fromDatabase(file: string): KeptChain | undefined {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const rows = database.prepare<[], { number: number; hash: Buffer }>(`SELECT "number", "hash" FROM "block"`).all();
    return summaryOf(new Map(rows.map(({ number, hash }) => [number, `0x${hash.toString("hex")}`])));
  } finally {
    database.close();
  }
}

function fromJournal(file: string): KeptChain | undefined {
  const hashes = new Map<number, string>();
  for (const line of readFileSync(file, "utf8").split("\n")) {
    if (line === "") continue;
    try {
      const { number = 0, hash } = JSON.parse(line) as { number?: number; hash: string };
      hashes.set(number, hash);
    } catch {
      // The last line may be torn, and the chain says itself what it thinks of others.
      break;
    }
  }
  return summaryOf(hashes);
}

function summaryOf(hashes: ReadonlyMap<number, string>): KeptChain | undefined {
  const genesisHash = hashes.get(0);
  if (genesisHash === undefined) return undefined;
  const number = hashes.size - 1;
  return { genesisHash, head: { number, hash: hashes.get(number) ?? "" }, hashOf: (block) => hashes.get(block) };
}

/** Whether one chain has all blocks of another one. */
export function continues(chain: KeptChain, other: ChainSummary): boolean {
  return chain.genesisHash === other.genesisHash && chain.hashOf(other.head.number) === other.head.hash;
}
