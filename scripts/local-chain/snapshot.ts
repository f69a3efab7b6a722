// A shortcut past the beginning of the journal: the whole state after some block. Only ever an optimisation; a snapshot
// that is damaged or does not fit the journal is deleted and the journal replayed from its beginning.

import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { syncFolder } from "./journal.ts";

const NAME = /^snapshot-(\d+)-(0x[0-9a-f]{64})\.json\.gz$/;

export interface Snapshot {
  file: string;
  blockNumber: number;
  blockHash: string;
}

/** The snapshots of a chain, newest first. */
export function findSnapshots(folder: string): Snapshot[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const match = NAME.exec(name);
      return match?.[1] === undefined || match[2] === undefined
        ? []
        : [{ file: join(folder, name), blockNumber: Number(match[1]), blockHash: match[2] }];
    })
    .sort((a, b) => b.blockNumber - a.blockNumber);
}

/** Writes anvil's own dump, which is compressed JSON in hexadecimal, and deletes the older snapshots. */
export function writeSnapshot(folder: string, block: { number: number; hash: string }, dump: string): void {
  const file = join(folder, `snapshot-${block.number}-${block.hash}.json.gz`);
  const descriptor = openSync(`${file}.tmp`, "w", 0o600);
  try {
    const bytes = Buffer.from(dump.slice(2), "hex");
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(`${file}.tmp`, file);
  syncFolder(dirname(file));
  for (const other of findSnapshots(folder)) if (other.file !== file) rmSync(other.file, { force: true });
}

/** Unpacks a snapshot, as anvil wants it. Throws if the file is damaged; its checksum tells. */
export function unpackSnapshot(snapshot: Snapshot): Buffer {
  const bytes = gunzipSync(readFileSync(snapshot.file));
  JSON.parse(bytes.toString("utf8"));
  return bytes;
}
