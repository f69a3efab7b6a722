// The events that the mirror has kept, as they were when they came from the chain.

import type { ChainEvent, EventName } from "../chain/events.ts";
import type { DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";

/** An event's row with the hash and the time of its block. */
export interface StoredEvent {
  blockNumber: number | bigint;
  logIndex: number | bigint;
  transactionHash: string;
  address: string;
  name: string;
  arguments: string;
  hash: string | null;
  timestamp: number | bigint | null;
}

/** What a {@link StoredEvent} consists of, where the tables are `e` and `b`. */
export const STORED_EVENT_COLUMNS = `e."blockNumber", e."logIndex", e."transactionHash", e."address", e."name", e."arguments", b."hash", b."timestamp"`;

export function fromStored(row: StoredEvent): ChainEvent {
  if (row.hash === null) throw new Error(`The mirror has events of block ${row.blockNumber}, but not the block`);
  return {
    blockNumber: Number(row.blockNumber),
    blockHash: row.hash,
    blockTimestamp: Number(row.timestamp),
    transactionHash: row.transactionHash,
    logIndex: Number(row.logIndex),
    address: row.address,
    name: row.name as EventName,
    args: JSON.parse(row.arguments),
  } as ChainEvent;
}

/** Stored events in the order of the chain. `condition` names the columns of the table `e`. */
export async function loadEvents(
  transaction: DatabaseTransaction,
  condition: Prisma.Sql,
  limit = Number.MAX_SAFE_INTEGER,
): Promise<ChainEvent[]> {
  const rows = await transaction.$queryRaw<StoredEvent[]>(Prisma.sql`
    SELECT ${Prisma.raw(STORED_EVENT_COLUMNS)} FROM "Event" e LEFT JOIN "Block" b ON b."number" = e."blockNumber"
    WHERE ${condition} ORDER BY e."blockNumber", e."logIndex" LIMIT ${limit}`);
  return rows.map(fromStored);
}

/** By the place on the chain. */
export function inChainOrder(a: ChainEvent, b: ChainEvent): number {
  return a.blockNumber - b.blockNumber || a.logIndex - b.logIndex;
}
