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
  if (row.hash === null) throw missingBlock(row.blockNumber);
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

/** Where an event is on the chain. */
export type Place = Pick<ChainEvent, "blockNumber" | "logIndex">;

type EventCells = [
  blockNumber: number,
  logIndex: number,
  transactionHash: string,
  address: string,
  name: string,
  args: unknown,
  hash: string,
  timestamp: number,
];

/**
 * At most `limit` stored events from the one after a place on, in the order of the chain. Comes as one text, which takes half
 * the time of rows. None of its texts needs quoting: they are hashes, addresses and names, and arguments are JSON already.
 */
export async function loadEventsAfter(
  transaction: DatabaseTransaction,
  { blockNumber, logIndex }: Place,
  limit: number,
): Promise<ChainEvent[]> {
  const [answer] = await transaction.$queryRaw<[{ events: string | null }]>(Prisma.sql`
    SELECT string_agg('[' || s."blockNumber" || ',' || s."logIndex" || ',"' || s."transactionHash" || '","' || s."address"
      || '","' || s."name" || '",' || s."arguments" || ',"' || coalesce(s."hash", '') || '",' || coalesce(s."timestamp", 0)
      || ']', ',') AS "events"
    FROM (SELECT e.*, b."hash", b."timestamp" FROM "Event" e LEFT JOIN "Block" b ON b."number" = e."blockNumber"
      WHERE (e."blockNumber", e."logIndex") > (${blockNumber}, ${logIndex})
      ORDER BY e."blockNumber", e."logIndex" LIMIT ${limit}) AS s`);
  const rows = JSON.parse(`[${answer.events ?? ""}]`) as EventCells[];
  return rows.map(([number, log, transactionHash, address, name, args, hash, timestamp]) => {
    if (hash === "") throw missingBlock(number);
    const where = { blockNumber: number, blockHash: hash, blockTimestamp: timestamp, transactionHash, logIndex: log };
    return { ...where, address, name, args } as ChainEvent;
  });
}

function missingBlock(number: number | bigint): Error {
  return new Error(`The mirror has events of block ${number}, but not the block`);
}

/** Stored events in the order of the chain. `condition` names the columns of the table `e`. */
export async function loadEvents(transaction: DatabaseTransaction, condition: Prisma.Sql): Promise<ChainEvent[]> {
  const rows = await transaction.$queryRaw<StoredEvent[]>(Prisma.sql`
    SELECT ${Prisma.raw(STORED_EVENT_COLUMNS)} FROM "Event" e LEFT JOIN "Block" b ON b."number" = e."blockNumber"
    WHERE ${condition} ORDER BY e."blockNumber", e."logIndex"`);
  return rows.map(fromStored);
}

/** By the place on the chain. */
export function inChainOrder(a: ChainEvent, b: ChainEvent): number {
  return a.blockNumber - b.blockNumber || a.logIndex - b.logIndex;
}
