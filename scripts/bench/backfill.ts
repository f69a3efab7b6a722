// Backfill from an empty database, beside the floor: only downloading the same logs from the same node, with the same
// ranges and the same number of requests in flight.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import type { Deployment } from "../../server/chain/deployment.ts";
import { EVENT_TOPICS } from "../../server/chain/events.ts";
import { createRpc } from "../../server/chain/rpc.ts";
import { openDatabase } from "../../server/database/client.ts";
import { migrate } from "../../server/database/migrate.ts";
import { createIndexer } from "../../server/indexer/indexer.ts";
import { createMirror } from "../../server/indexer/mirror.ts";
import { format, summarize, table } from "./measure.ts";

const ROUNDS = 5;
const RANGE = 100;
const IN_FLIGHT = 4;

export interface BackfillTarget {
  rpcUrl: string;
  deployment: Deployment;
  collection: string;
}

/** Reads everything into a new database; returns the seconds it took and the number of events. */
async function backfill(
  { rpcUrl, deployment }: BackfillTarget,
  url: string,
): Promise<{ seconds: number; events: number }> {
  await migrate(url);
  const database = await openDatabase(url);
  try {
    const indexer = createIndexer({
      rpc: createRpc({ url: rpcUrl }),
      mirror: createMirror({ database }),
      registryOn: () => deployment.registry,
      logger: pino({ level: "silent" }),
      finalityDepth: 0,
      maxRange: RANGE,
    });
    const startedAt = performance.now();
    const caughtUp = indexer.caughtUp();
    await indexer.start();
    await caughtUp;
    const seconds = (performance.now() - startedAt) / 1_000;
    await indexer.stop();
    return { seconds, events: await database.event.count() };
  } finally {
    await database.$disconnect();
  }
}

/** Downloads the same logs and parses their JSON, nothing else; returns the seconds it took. */
async function download({ rpcUrl, deployment, collection }: BackfillTarget): Promise<number> {
  const rpc = createRpc({ url: rpcUrl });
  const startedAt = performance.now();
  const head = Number(await rpc.call<string>("eth_blockNumber"));
  const starts = Array.from({ length: Math.ceil(head / RANGE) }, (_, index) => 1 + index * RANGE);
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let from = starts.shift(); from !== undefined; from = starts.shift()) {
        const toBlock = `0x${Math.min(from + RANGE - 1, head).toString(16)}`;
        const address = [deployment.registry, collection];
        const filter = { fromBlock: `0x${from.toString(16)}`, toBlock, address, topics: [EVENT_TOPICS] };
        await rpc.call("eth_getLogs", [filter]);
      }
    }),
  );
  return (performance.now() - startedAt) / 1_000;
}

export async function benchBackfill(target: BackfillTarget): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-bench-"));
  try {
    const rates: number[] = [];
    const floors: number[] = [];
    const ratios: number[] = [];
    let events = 0;
    // One round unmeasured: the node and the compiler warm up.
    for (let round = 0; round <= ROUNDS; round++) {
      const floor = await download(target);
      const ours = await backfill(target, `file:${join(folder, `${round}.db`)}`);
      events = ours.events;
      if (round === 0) continue;
      rates.push(ours.events / ours.seconds);
      floors.push(ours.events / floor);
      ratios.push(floor / ours.seconds);
    }
    return table(
      [`backfill of ${events.toLocaleString("en")} events, SQLite, median of ${ROUNDS} (range)`, "events/s", "ratio"],
      [
        ["floor: only `eth_getLogs` of the same blocks", format(summarize(floors)), "1"],
        ["download, decode, fold and write, process warm", format(summarize(rates)), format(summarize(ratios), 2)],
      ],
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
