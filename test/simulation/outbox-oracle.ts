// Says whether an outbox is right, by doing what one who is told by it would do: read the entries one after the other and
// keep what stands. Knows nothing of how they are written.

import type { ChainEvent, EventName } from "../../server/chain/events.ts";

/** An entry of the outbox as it is stored. */
export interface StoredEntry {
  id: number;
  blockNumber: number;
  blockHash: string;
  blockTimestamp: number | bigint;
  logIndex: number;
  transactionHash: string;
  address: string;
  name: string;
  arguments: string;
  /** The entry that this one takes back; nothing if it tells of an event. */
  retracts: number | null;
  standingBlock: number | null;
  standingLog: number | null;
}

/** The events that restate others, or are about who may do what. All others mean something to a shop or a brand. */
const NOT_TOLD: ReadonlySet<EventName> = new Set<EventName>([
  "Transfer",
  "Locked",
  "Issued",
  "RoleGranted",
  "RoleRevoked",
  "Appointed",
  "DailyCapChanged",
  "DailyCapLifted",
  "DailyCapUsed",
  "CardBaseURIChanged",
]);

/** How many mistakes of an outbox are told. */
const MOST_TOLD = 5;

/**
 * What is wrong with an outbox.
 * @param entries All of them, in the order of their ids.
 * @param events The events that the mirror has, in the order of the chain.
 * @param options.upTo The last block that the mirror has read since it was emptied; what is told of later ones is from before.
 */
export function lookAtOutbox(
  entries: readonly StoredEntry[],
  events: readonly ChainEvent[],
  { upTo = Number.POSITIVE_INFINITY } = {},
): string[] {
  const wrong: string[] = [];
  /** What stands, oldest first. */
  const standing: StoredEntry[] = [];
  for (const [index, entry] of entries.entries()) {
    const { id, retracts } = entry;
    if (id !== index + 1) wrong.push(`Entry ${index + 1} of the outbox is missing: there is ${id} in its place`);
    const top = standing.at(-1);
    if (retracts === null) {
      if (top !== undefined && !isBefore(top, entry))
        wrong.push(`Entry ${id} tells of ${what(entry)} while ${what(top)} still stands`);
      standing.push(entry);
    } else if (top?.id === retracts && what(top) === what(entry)) standing.pop();
    else wrong.push(`Entry ${id} takes back entry ${retracts}, and what stood last is ${top?.id}: ${top && what(top)}`);
  }
  const marked = entries.filter(({ standingBlock, standingLog }) => standingBlock !== null || standingLog !== null);
  if (
    marked.map(mark).join() !==
    standing.map(({ id, blockNumber, logIndex }) => `${id} ${blockNumber} ${logIndex}`).join()
  )
    wrong.push("The entries that are marked as standing are others than those that stand");

  const told = new Set(standing.filter(({ blockNumber }) => blockNumber <= upTo).map(what));
  const right = new Set(events.filter(({ name }) => !NOT_TOLD.has(name)).map(whatHappened));
  for (const event of right.difference(told)) wrong.push(`The outbox does not tell of ${event}`);
  for (const event of told.difference(right)) wrong.push(`The outbox tells of ${event}, which has not happened`);
  return wrong.slice(0, MOST_TOLD);
}

function isBefore(one: StoredEntry, other: StoredEntry): boolean {
  return (
    one.blockNumber < other.blockNumber || (one.blockNumber === other.blockNumber && one.logIndex < other.logIndex)
  );
}

function mark({ id, standingBlock, standingLog }: StoredEntry): string {
  return `${id} ${standingBlock} ${standingLog}`;
}

/** What an entry tells of, as a text that is the same for the same event only. */
function what(entry: StoredEntry): string {
  const { name, blockNumber, logIndex, blockHash, blockTimestamp, transactionHash, address } = entry;
  const where = [blockHash, Number(blockTimestamp), transactionHash, address];
  return `${name} at ${blockNumber}/${logIndex} (${where.join(" ")}) ${inOrder(JSON.parse(entry.arguments))}`;
}

function whatHappened({ args, ...event }: ChainEvent): string {
  return what({
    ...event,
    ...{ id: 0, retracts: null, standingBlock: null, standingLog: null },
    arguments: JSON.stringify(args),
  });
}

function inOrder(args: Record<string, unknown>): string {
  return JSON.stringify(Object.entries(args).sort(([a], [b]) => (a < b ? -1 : 1)));
}
