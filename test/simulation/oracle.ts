// Says whether a mirror and its outbox are right. Three witnesses, none of which has been through what the mirror has been
// through: the blocks as the chain made them, a mirror that read the chain just now without any disturbance, and the contracts
// themselves.

import { isDeepStrictEqual } from "node:util";
import type { ChainEvent } from "../../server/chain/events.ts";
import type { Rpc } from "../../server/chain/rpc.ts";
import type { Database } from "../../server/database/client.ts";
import { auditAll } from "../../server/indexer/audit/audit.ts";
import { mirrorRows } from "../support/mirror.ts";
import { lookAtOutbox, type StoredEntry } from "./outbox-oracle.ts";

/** The events of the blocks up to one, oldest first; nothing if no chain ever had such a block. */
export type EventsUpTo = (blockHash: string) => readonly ChainEvent[] | undefined;

/** How many differences of one kind are told. */
const MOST_TOLD = 3;

/** How a mirror can be looked at while it is written: all as of one moment. */
interface Glance {
  checkpoint: { blockNumber: number; blockHash: string } | null;
  blocks: { number: number; hash: string }[];
  events: { blockNumber: number; logIndex: number; transactionHash: string; address: string; name: string }[];
  outbox: StoredEntry[];
}

async function glance(database: Database, isolated: boolean): Promise<Glance> {
  return await database.$transaction(
    async (transaction) => ({
      checkpoint: await transaction.checkpoint.findFirst(),
      blocks: await transaction.block.findMany({ orderBy: { number: "asc" } }),
      events: await transaction.event.findMany({ orderBy: [{ blockNumber: "asc" }, { logIndex: "asc" }] }),
      outbox: await transaction.outboxEntry.findMany({ orderBy: { id: "asc" } }),
    }),
    // A transaction of SQLite sees one moment anyway, and knows no other kind.
    isolated ? { isolationLevel: "RepeatableRead" as never } : {},
  );
}

/**
 * What is wrong with a mirror at any moment: it must hold exactly the events of a chain that there was, up to one block, and
 * the outbox must tell of these.
 * @param options.wasEmptied Whether the outbox may tell of blocks that the mirror had read before, and will read again.
 */
export async function lookAtMirror(
  database: Database,
  options: { isPostgresql: boolean; eventsUpTo: EventsUpTo; wasEmptied: boolean },
): Promise<string[]> {
  const { isPostgresql, eventsUpTo, wasEmptied } = options;
  const { checkpoint, blocks, events, outbox } = await glance(database, isPostgresql);
  if (checkpoint === null) return events.length === 0 ? [] : ["The mirror has events and no checkpoint"];
  const expected = eventsUpTo(checkpoint.blockHash);
  if (expected === undefined) {
    return [`The mirror stands at block ${checkpoint.blockNumber} ${checkpoint.blockHash}, which no chain ever had`];
  }
  const expectedBlocks = new Map(expected.map(({ blockNumber, blockHash }) => [blockNumber, blockHash]));
  return [
    ...differences(
      "events",
      events.map((event) => eventKey(event)),
      expected.map((event) => eventKey(event)),
    ),
    ...differences(
      "blocks",
      blocks.map(({ number, hash }) => `${number} ${hash}`),
      [...expectedBlocks].map(([number, hash]) => `${number} ${hash}`),
    ),
    ...lookAtOutbox(outbox, expected, wasEmptied ? { upTo: checkpoint.blockNumber } : {}),
  ];
}

function eventKey(event: Glance["events"][number]): string {
  const { blockNumber, logIndex, name, address, transactionHash } = event;
  return `${blockNumber}/${logIndex} ${name} of ${address} in ${transactionHash}`;
}

function differences(what: string, found: readonly string[], expected: readonly string[]): string[] {
  if (isDeepStrictEqual(found, expected)) return [];
  const [foundOnes, expectedOnes] = [new Set(found), new Set(expected)];
  const told = (title: string, some: string[]) =>
    some.length === 0 ? [] : [`${some.length} ${what} ${title}: ${some.slice(0, MOST_TOLD).join("; ")}`];
  const wrong = [
    ...told("are missing", [...expectedOnes.difference(foundOnes)]),
    ...told("are too many", [...foundOnes.difference(expectedOnes)]),
  ];
  return wrong.length > 0 ? wrong : [`The ${what} are in another order, or some are there twice`];
}

/** What is wrong with a mirror that nobody writes any more, and that has to be at the head of the chain. */
export async function judgeMirror(options: {
  database: Database;
  rpc: Rpc;
  /** The rows of a mirror that has just been made from nothing. */
  freshRows: Record<string, unknown[]>;
}): Promise<string[]> {
  const { database, rpc, freshRows } = options;
  const rows = await mirrorRows(database);
  const wrong = Object.keys(freshRows).flatMap((table) =>
    differences(
      `rows of ${table} beside a fresh mirror's`,
      (rows[table] ?? []).map(text),
      (freshRows[table] ?? []).map(text),
    ),
  );
  const audit = await auditAll({ rpc, database });
  const differing = audit.differences.map(
    ({ of, mirror, chain }) => `${of}: ${text(mirror)} instead of ${text(chain)}`,
  );
  if (differing.length > 0) {
    wrong.push(`${differing.length} differences from the contracts: ${differing.slice(0, MOST_TOLD).join("; ")}`);
  }
  return wrong;
}

/** Rows as text: the same for the same values, in whatever order a database keeps its columns. */
function text(row: unknown): string {
  return JSON.stringify(row, (_, value) => {
    if (typeof value === "bigint") return Number(value);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
