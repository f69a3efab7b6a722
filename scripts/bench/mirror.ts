// What the mirror does without the chain: making its tables anew, and taking blocks back. On every database that is there.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChainEvent } from "../../server/chain/events.ts";
import { openDatabase } from "../../server/database/client.ts";
import { migrate } from "../../server/database/migrate.ts";
import type { BlockPosition } from "../../server/database/mirror-status.ts";
import { createMirror, type Mirror } from "../../server/indexer/mirror.ts";
import { findPostgresql, startLocalPostgresql } from "../postgresql/local-server.ts";
import { HISTORY_GENESIS, HISTORY_IDENTITY, type HistoryBlock, inventHistory } from "./history.ts";
import { format, summarize, table } from "./measure.ts";

const ROUNDS = 5;
const CARDS = 50_000;
const EVENTS = 220_000;
const EVENTS_PER_COMMIT = 20_000;
const BLOCKS_TAKEN_BACK = 64;

/** Fills an empty mirror; returns its last blocks, oldest first, and how many events there are. */
async function fill(mirror: Mirror): Promise<{ last: HistoryBlock[]; events: number }> {
  await mirror.begin(HISTORY_IDENTITY, HISTORY_GENESIS);
  let from: BlockPosition = HISTORY_GENESIS;
  let pending: ChainEvent[] = [];
  let events = 0;
  let last: HistoryBlock[] = [];
  for (const block of inventHistory(CARDS)) {
    pending.push(...block.events);
    events += block.events.length;
    last = [...last.slice(-BLOCKS_TAKEN_BACK), block];
    if (pending.length < EVENTS_PER_COMMIT && events < EVENTS) continue;
    await mirror.commit(from, block, pending);
    from = block;
    pending = [];
    if (events >= EVENTS) break;
  }
  return { last, events };
}

async function measure(name: string, url: string): Promise<string[][]> {
  await migrate(url);
  const database = await openDatabase(url);
  try {
    const mirror = createMirror({ database });
    const { last, events } = await fill(mirror);
    const [to, ...undone] = last as [HistoryBlock, ...HistoryBlock[]];
    const from = undone.at(-1) as HistoryBlock;
    const takenBack: number[] = [];
    let gone = 0;
    for (let round = 0; round <= ROUNDS; round++) {
      const started = performance.now();
      gone = await mirror.rollBack(from, to);
      if (round > 0) takenBack.push(performance.now() - started);
      await mirror.commit(
        to,
        from,
        undone.flatMap((block) => block.events),
      );
    }
    const rates: number[] = [];
    const hashing: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const rebuilt = await mirror.rebuild();
      if (rebuilt.before !== rebuilt.after) throw new Error("Making the tables anew has changed them");
      if (round > 0) rates.push(events / rebuilt.seconds.folding);
      if (round > 0) hashing.push(rebuilt.seconds.hashing);
    }
    const count = (value: number) => value.toLocaleString("en");
    return [
      [
        `${name}: ${BLOCKS_TAKEN_BACK} blocks with ${count(gone)} of ${count(events)} events taken back, ms`,
        format(summarize(takenBack)),
      ],
      [`${name}: all tables made anew, events/s`, format(summarize(rates))],
      [`${name}: both hashes of them, s`, format(summarize(hashing), 2)],
    ];
  } finally {
    await database.$disconnect();
  }
}

export async function benchMirror(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-bench-"));
  try {
    const rows = await measure("SQLite", `file:${join(folder, "mirror.db")}`);
    if (findPostgresql() !== undefined) {
      const server = await startLocalPostgresql();
      try {
        rows.push(...(await measure("PostgreSQL", server.url("postgres"))));
      } finally {
        await server.stop();
      }
    }
    return table([`median of ${ROUNDS} (range)`, ""], rows);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
