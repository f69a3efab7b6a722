// From the lines of a checked import to commands for the sender, some thousand at a time, so that what customers order meanwhile
// does not wait behind all of it; and back, what became of them. A line and its command change in one transaction, and a line can
// have only one command: whoever is killed here, and whoever goes on, no line is lost and none is sent twice.

import type { Database, DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import { countLines, updateImport, withImport } from "./changes.ts";
import { reserved } from "./check.ts";
import { type ImportRow, ON_THE_WAY } from "./states.ts";

/** With fewer commands than this in the queue, more are put there. */
const REFILL_BELOW = 2_000;
const REFILL_LINES = 2_000;

/** Takes in what has become of the commands of an import, and puts more of them in the queue. Whether anything changed. */
export async function advanceImport(
  { id }: Pick<ImportRow, "id">,
  { application, database, now }: { application: Database; database: Database; now(): number },
): Promise<boolean> {
  const row = await database.import.findUnique({ where: { id } });
  if (row === null || row.endedAt !== null || !ON_THE_WAY.some((state) => state === row.state)) return false;
  const settled = await database.$queryRaw<unknown[]>`
    SELECT 1 FROM "ImportLine" AS l JOIN "Command" AS c ON c."importId" = l."importId" AND c."line" = l."line"
    WHERE l."importId" = ${id} AND l."state" = 'queued' AND c."state" IN ('done', 'failed', 'cancelled') LIMIT 1`;
  const mayBeOver = row.state !== "paused" && row.queuedLines === 0;
  const wantsMore = row.state === "issuing" && row.queuedLines < REFILL_BELOW && hasMore(row);
  if (settled.length === 0 && !wantsMore && !mayBeOver) return false;
  return (
    (await withImport(application, id, async (transaction, locked) => {
      if (locked.endedAt !== null) return false;
      await settle(transaction, id);
      if (locked.state === "issuing" && locked.queuedLines < REFILL_BELOW) await refill(transaction, locked, now());
      const counts = await countLines(transaction, id);
      const { lines, doneLines, failedLines, cancelledLines } = counts;
      const over =
        locked.state === "cancelled" ? counts.queuedLines === 0 : doneLines + failedLines + cancelledLines === lines;
      const ended = over ? { endedAt: now(), ...(locked.state === "cancelled" ? {} : { state: "done" }) } : {};
      await updateImport(transaction, id, now(), { ...counts, ...ended });
      return true;
    })) ?? false
  );
}

/** Whether there are lines that were not put in the queue yet. */
function hasMore({ lines, queuedLines, doneLines, failedLines, cancelledLines }: ImportRow): boolean {
  return queuedLines + doneLines + failedLines + cancelledLines < lines;
}

/** Lines whose commands have come to their end come to theirs. */
async function settle(transaction: DatabaseTransaction, importId: string): Promise<void> {
  await transaction.$executeRaw`
    UPDATE "ImportLine" SET "state" = c."state", "failure" = COALESCE(c."failureDetail", c."failure")
    FROM "Command" AS c
    WHERE "ImportLine"."importId" = ${importId} AND "ImportLine"."state" = 'queued'
      AND c."importId" = "ImportLine"."importId" AND c."line" = "ImportLine"."line"
      AND c."state" IN ('done', 'failed', 'cancelled')`;
}

/** Puts the next lines in the queue, in the order of the serials, since neighbours are issued in one batch. */
async function refill(transaction: DatabaseTransaction, row: ImportRow, now: number): Promise<void> {
  const { id: importId, brandId, collectionAddress } = row;
  const next = await transaction.importLine.findMany({
    where: { importId, state: "ready" },
    orderBy: { serial: "asc" },
    take: REFILL_LINES,
    select: { line: true, serial: true },
  });
  if (next.length === 0) return;
  const lines = next.map(({ line }) => line);
  const last = next.at(-1)?.serial ?? 0;
  // A serial that an order has taken since the check is left out here.
  await transaction.$executeRaw`
    INSERT INTO "Command" ("brandId", "collectionAddress", "kind", "serial", "claimedSerial", "state", "holder", "tier",
      "expiresAt", "physicalNumber", "importId", "line", "createdAt")
    SELECT ${brandId}, ${collectionAddress}, 'issue', "serial", "serial", 'queued', "holder", "tier",
      "expiresAt", "physicalNumber", "importId", "line", ${now}
    FROM "ImportLine" WHERE "importId" = ${importId} AND "state" = 'ready' AND "serial" <= ${last}
    ORDER BY "serial" ON CONFLICT DO NOTHING`;
  await transaction.$executeRaw`
    UPDATE "ImportLine" SET "state" = 'queued' WHERE "importId" = ${importId} AND "state" = 'ready' AND "serial" <= ${last}
      AND EXISTS (SELECT 1 FROM "Command" AS c WHERE c."importId" = ${importId} AND c."line" = "ImportLine"."line")`;
  const taken = await transaction.importLine.findMany({
    where: { importId, state: "ready", serial: { lte: last }, line: { in: lines } },
  });
  for (const { line, serial } of taken) {
    const claim = await transaction.command.findFirst({ where: { collectionAddress, claimedSerial: serial } });
    const failure = reserved(serial ?? 0, claim ?? { orderId: null, importId: null });
    await transaction.importLine.updateMany({ where: { importId, line }, data: { state: "failed", failure } });
  }
}

/** Lines that were ready when the file was checked and are not any more: issued, reserved or expired since. */
export async function hasChangedSinceCheck(
  database: Database,
  { id, collectionAddress }: ImportRow,
  now: number,
): Promise<boolean> {
  const clock = Math.floor(now / 1000);
  const found = await database.$queryRaw<unknown[]>(Prisma.sql`
    SELECT 1 FROM "ImportLine" AS l WHERE l."importId" = ${id} AND l."state" = 'ready' AND (
      (l."expiresAt" <> 0 AND l."expiresAt" <= ${clock})
      OR EXISTS (SELECT 1 FROM "Card" AS c WHERE c."collectionAddress" = ${collectionAddress} AND c."serial" = l."serial")
      OR EXISTS (SELECT 1 FROM "Command" AS c WHERE c."collectionAddress" = ${collectionAddress} AND c."claimedSerial" = l."serial")
    ) LIMIT 1`);
  return found.length > 0;
}
