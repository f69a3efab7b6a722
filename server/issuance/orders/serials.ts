// Which serials orders get: the lowest that nobody has. Must hold: within the transactions that reserve and free them a serial is
// in at most one place: on the chain (the mirror has its card), claimed by a command, among the freed ones, or never reserved.

import { deleteRows, insertRows, selectRows } from "../../database/bulk.ts";
import type { DatabaseTransaction } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";

/** How many serials are looked at at once. */
const WINDOW = 500;

/**
 * Reserves the lowest free serials of an edition, in order; fewer than `count` if there are no more. Other transactions wait
 * until this one has ended. The caller writes the commands that claim them, or frees them again.
 */
export async function reserveSerials(
  transaction: DatabaseTransaction,
  { collection, count, maxSupply }: { collection: string; count: number; maxSupply: number },
): Promise<number[]> {
  let next = await lockEdition(transaction, collection);
  const reserved = await takeFreed(transaction, collection, count);
  const before = next;
  while (reserved.length < count && next <= maxSupply) {
    const window = Math.min(Math.max(WINDOW, count - reserved.length), maxSupply - next + 1);
    const taken = await takenSerials(transaction, collection, next, window);
    let serial = next;
    for (; serial < next + window && reserved.length < count; serial++) {
      if (!taken.has(serial)) reserved.push(serial);
    }
    next = serial;
  }
  if (next !== before) {
    await transaction.$executeRaw(
      Prisma.sql`UPDATE "Edition" SET "nextSerial" = ${next} WHERE "collectionAddress" = ${collection}`,
    );
  }
  return reserved;
}

/** Gives serials back that are claimed by nobody any more. */
export async function freeSerials(
  transaction: DatabaseTransaction,
  serials: readonly { collection: string; serial: number }[],
): Promise<void> {
  const rows = serials.map(({ collection, serial }) => [collection, serial]);
  const columns = ["collectionAddress", "serial"];
  await deleteRows(transaction, { table: "FreedSerial", key: columns, keys: rows });
  await insertRows(transaction, { table: "FreedSerial", columns, rows });
}

/** The first serial that was never reserved. Locks the edition for the rest of the transaction. */
export async function lockEdition(transaction: DatabaseTransaction, collection: string): Promise<number> {
  for (;;) {
    const [edition] = await transaction.$queryRaw<{ nextSerial: number }[]>(
      Prisma.sql`UPDATE "Edition" SET "nextSerial" = "nextSerial" WHERE "collectionAddress" = ${collection} RETURNING "nextSerial"`,
    );
    if (edition !== undefined) return edition.nextSerial;
    await transaction.$executeRaw(
      Prisma.sql`INSERT INTO "Edition" ("collectionAddress", "nextSerial") VALUES (${collection}, 1) ON CONFLICT DO NOTHING`,
    );
  }
}

/** Takes freed serials, the lowest first. One that somebody else has issued meanwhile is free no more. */
async function takeFreed(transaction: DatabaseTransaction, collection: string, count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const freed = await transaction.$queryRaw<{ serial: number }[]>(
      Prisma.sql`SELECT "serial" FROM "FreedSerial" WHERE "collectionAddress" = ${collection} ORDER BY "serial" LIMIT ${count - found.length}`,
    );
    if (freed.length === 0) break;
    const keys = freed.map(({ serial }) => [collection, serial]);
    await deleteRows(transaction, { table: "FreedSerial", key: ["collectionAddress", "serial"], keys });
    const cards = await selectRows<{ serial: number }>(transaction, {
      table: "Card",
      key: ["collectionAddress", "serial"],
      keys,
    });
    const claims = await selectRows<{ claimedSerial: number }>(transaction, {
      table: "Command",
      key: ["collectionAddress", "claimedSerial"],
      keys,
    });
    const taken = new Set([...cards.map(({ serial }) => serial), ...claims.map(({ claimedSerial }) => claimedSerial)]);
    found.push(...freed.map(({ serial }) => serial).filter((serial) => !taken.has(serial)));
  }
  return found;
}

async function takenSerials(
  transaction: DatabaseTransaction,
  collection: string,
  first: number,
  count: number,
): Promise<Set<number>> {
  const last = first + count - 1;
  const rows = await transaction.$queryRaw<{ serial: number }[]>(Prisma.sql`
    SELECT "serial" FROM "Card" WHERE "collectionAddress" = ${collection} AND "serial" BETWEEN ${first} AND ${last}
    UNION
    SELECT "claimedSerial" FROM "Command" WHERE "collectionAddress" = ${collection} AND "claimedSerial" BETWEEN ${first} AND ${last}`);
  return new Set(rows.map(({ serial }) => serial));
}
