// What is told to others of what happens on the chain. Application data: what has been told cannot be untold, so entries are
// only ever added, and an event that the chain takes back is retracted by an entry of its own.
//
// An event stands while an entry tells of it that no later one retracts. Must hold whenever a transaction ends: every event
// of the mirror that is worth telling stands exactly once, word for word; of the blocks that the mirror has read nothing else
// stands. Entries of blocks that it has yet to read are from before it was emptied, and stand until it gets there: who reads
// the same chain again is told nothing twice.
//
// Everything that writes runs inside a transaction of mirror.ts that has written the checkpoint, which is what makes ids
// follow the order of commits: who has read up to an id will never find a lower one that is new.

import { type ChainEvent, type EventName, serialOf } from "../chain/events.ts";
import { type CellValue, insertRows } from "../database/bulk.ts";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";

/** Something that is told: that an event has happened, or that it has not after all. */
export interface OutboxEntry {
  /** From 1 on, without gaps, in the order of telling. */
  id: number;
  event: ChainEvent;
  /** The id of the entry that this one takes back; nothing if it tells of an event. Entries are taken back newest first. */
  retracts: number | null;
}

/** The chain that is told of. */
interface ToldChain {
  chainId: number;
  genesisHash: string;
  registry: string;
}

/** Which events mean something to a shop or a brand. The others restate these, or are about who may do what. */
const IS_TOLD: Record<EventName, boolean> = {
  BrandAdmitted: true,
  BrandProfileChanged: true,
  BrandStatusChanged: true,
  BrandKeysReplaced: true,
  Appointed: false,
  DailyCapChanged: false,
  DailyCapLifted: false,
  DailyCapUsed: false,
  CollectionCreated: true,
  CardBaseURIChanged: false,
  RoleGranted: false,
  RoleRevoked: false,
  ContentChanged: true,
  ContentFrozen: true,
  WindDownStarted: true,
  FinalActAnnounced: true,
  FinalActCancelled: true,
  BenefitChanged: true,
  BenefitsFrozen: true,
  AllowlistOpened: true,
  AllowlistClosed: true,
  // One for all of its cards, each of which has a Transfer, a Locked and an Issued besides.
  BatchIssued: true,
  Transfer: false,
  Locked: false,
  Issued: false,
  CardRenewed: true,
  CardTierChanged: true,
  CardCorrected: true,
  CardSuspended: true,
  CardReinstated: true,
  CardRevoked: true,
  CardSurrendered: true,
  ReissueRequested: true,
  ReissueCancelled: true,
  CardReissued: true,
  BenefitRedeemed: true,
  RedemptionUndone: true,
};

const CHAIN_ID = 1;
/** How many entries one statement names by their ids. */
const IDS_PER_STATEMENT = 500;

/** Whether events of this name are told of. */
export function isTold(name: EventName): boolean {
  return IS_TOLD[name];
}

/** Entries in the order of telling, from the one after `id` on. */
export async function entriesAfter(database: Database, id: number, limit: number): Promise<OutboxEntry[]> {
  const rows = await database.outboxEntry.findMany({ where: { id: { gt: id } }, orderBy: { id: "asc" }, take: limit });
  return rows.map((row) => ({
    id: row.id,
    event: {
      blockNumber: row.blockNumber,
      blockHash: row.blockHash,
      blockTimestamp: Number(row.blockTimestamp),
      transactionHash: row.transactionHash,
      logIndex: row.logIndex,
      address: row.address,
      name: row.name as EventName,
      args: JSON.parse(row.arguments),
    } as ChainEvent,
    retracts: row.retracts,
  }));
}

/** Makes the outbox tell of a chain. Of another one than before nothing stands any more. */
export async function tellOfChain(transaction: DatabaseTransaction, chain: ToldChain): Promise<void> {
  const { chainId, genesisHash, registry } = chain;
  const before = await transaction.outboxChain.findUnique({ where: { id: CHAIN_ID } });
  const isSame =
    Number(before?.chainId) === chainId && before?.genesisHash === genesisHash && before.registry === registry;
  if (isSame) return;
  await retractAfter(transaction, -1);
  const data = { chainId, genesisHash, registry };
  await transaction.outboxChain.upsert({ where: { id: CHAIN_ID }, create: { id: CHAIN_ID, ...data }, update: data });
}

/**
 * Makes exactly the events of some blocks stand, of all that could stand there.
 * @param range The blocks after the first number, up to the second.
 * @param events All events of these blocks, in the order of the chain.
 */
export async function tellEvents(
  transaction: DatabaseTransaction,
  range: { after: number; upTo: number },
  events: readonly ChainEvent[],
): Promise<void> {
  let untold = events.filter(({ name }) => isTold(name));
  const [highest] = await transaction.$queryRaw<{ block: number | bigint | null }[]>(
    Prisma.sql`SELECT MAX("standingBlock") AS "block" FROM "OutboxEntry"`,
  );
  // Hardly ever otherwise: only who reads blocks again meets entries of theirs.
  if (Number(highest?.block ?? -1) > range.after) untold = await reconcile(transaction, range, untold);
  if (untold.length === 0) return;
  const last = await lastId(transaction);
  await insertRows(transaction, {
    table: "OutboxEntry",
    columns: [
      ...["id", "blockNumber", "blockHash", "blockTimestamp", "logIndex", "transactionHash", "address", "name"],
      ...["serial", "arguments", "standingBlock", "standingLog"],
    ],
    rows: untold.map((event, index): CellValue[] => {
      const { blockNumber, blockHash, blockTimestamp, logIndex, transactionHash, address, name, args } = event;
      const where = [blockNumber, blockHash, blockTimestamp, logIndex, transactionHash, address];
      const what = [name, serialOf(event) ?? null, JSON.stringify(args)];
      return [last + 1 + index, ...where, ...what, blockNumber, logIndex];
    }),
  });
}

/** Retracts what stands of the blocks after one, newest first. */
export async function retractAfter(transaction: DatabaseTransaction, blockNumber: number): Promise<void> {
  await retract(transaction, Prisma.sql`"standingBlock" > ${blockNumber}`);
}

/** Retracts what stands in a range and is not among its events. Returns the events that do not stand yet. */
async function reconcile(
  transaction: DatabaseTransaction,
  { after, upTo }: { after: number; upTo: number },
  events: readonly ChainEvent[],
): Promise<ChainEvent[]> {
  const standing = await transaction.outboxEntry.findMany({
    where: { standingBlock: { gt: after, lte: upTo } },
    orderBy: [{ standingBlock: "desc" }, { standingLog: "desc" }],
  });
  const right = new Map(events.map((event) => [placeOf(event), event]));
  const hashes = new Map(events.map(({ blockNumber, blockHash }) => [blockNumber, blockHash]));
  const wrong = standing.filter((entry) => {
    const event = right.get(placeOf(entry));
    if (event === undefined || !tellsOf(entry, event)) return true;
    right.delete(placeOf(entry));
    return false;
  });
  // What was told of later blocks followed the blocks that the chain has replaced.
  if (wrong.some(({ blockNumber, blockHash }) => hashes.get(blockNumber) !== blockHash))
    await retractAfter(transaction, upTo);
  for (let start = 0; start < wrong.length; start += IDS_PER_STATEMENT) {
    const ids = wrong.slice(start, start + IDS_PER_STATEMENT).map(({ id }) => id);
    await retract(transaction, Prisma.sql`"id" IN (${Prisma.join(ids)})`);
  }
  return [...right.values()];
}

/** Retracts the standing entries that a condition names, newest first. */
async function retract(transaction: DatabaseTransaction, condition: Prisma.Sql): Promise<void> {
  const last = await lastId(transaction);
  await transaction.$executeRaw(Prisma.sql`
    INSERT INTO "OutboxEntry" ("id", "blockNumber", "blockHash", "blockTimestamp", "logIndex", "transactionHash", "address",
      "name", "serial", "arguments", "retracts")
    SELECT ${Prisma.raw(String(last))} + row_number() OVER (ORDER BY "standingBlock" DESC, "standingLog" DESC), "blockNumber",
      "blockHash", "blockTimestamp", "logIndex", "transactionHash", "address", "name", "serial", "arguments", "id"
    FROM "OutboxEntry" WHERE "standingBlock" IS NOT NULL AND ${condition}`);
  await transaction.$executeRaw(Prisma.sql`
    UPDATE "OutboxEntry" SET "standingBlock" = NULL, "standingLog" = NULL
    WHERE "standingBlock" IS NOT NULL AND ${condition}`);
}

async function lastId(transaction: DatabaseTransaction): Promise<number> {
  const [row] = await transaction.$queryRaw<{ id: number | bigint | null }[]>(
    Prisma.sql`SELECT MAX("id") AS "id" FROM "OutboxEntry"`,
  );
  return Number(row?.id ?? 0);
}

function placeOf({ blockNumber, logIndex }: { blockNumber: number; logIndex: number }): string {
  return `${blockNumber}/${logIndex}`;
}

/**
 * Whether an entry tells of this very event. Not by its block alone: a node may have lied about what is in it. Arguments that
 * the entry does not have were unknown to the version that wrote it, and are no reason to tell of everything anew.
 */
function tellsOf(
  entry: { blockHash: string; transactionHash: string; address: string; name: string; arguments: string },
  event: ChainEvent,
): boolean {
  const { blockHash, transactionHash, address, name } = event;
  const args = event.args as Record<string, unknown>;
  return (
    entry.blockHash === blockHash &&
    entry.transactionHash === transactionHash &&
    entry.address === address &&
    entry.name === name &&
    Object.entries(JSON.parse(entry.arguments)).every(
      ([argument, value]) => !(argument in args) || args[argument] === value,
    )
  );
}
