// Gives adopted cards to orders that wait, before anything is sent for them: they came before the cards were adopted, or their customers' addresses
// were not known yet. What comes later finds its cards when it is placed: see claiming.ts.

import { selectRows } from "../../database/bulk.ts";
import type { Database, DatabaseTransaction } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";
import { inTransaction } from "../../database/transactions.ts";
import type { OrderItem } from "../orders/order.ts";
import { freeSerials, lockEdition } from "../orders/serials.ts";
import { settleOrders } from "../orders/standing.ts";
import type { KnownByKeys } from "./adopting.ts";
import { type AdoptedCard, openPool, writeClaims } from "./claiming.ts";
import { REPEATED_FOR_MS } from "./fit.ts";

interface WaitingCommand {
  id: number;
  collectionAddress: string;
  serial: number;
  claimedSerial: number | null;
  holder: string;
  tier: number;
  expiresAt: number | bigint;
  orderId: string;
  standsFor: string | null;
  state: string;
}

interface MatchingOptions {
  /** Nothing if this server has no keystore of the brand. */
  keysOf(brandId: number): Promise<KnownByKeys | undefined>;
  now: number;
  timeZone: string;
}

/** How many of a brand's waiting commands got a card that the chain has. */
export async function matchWaiting(
  application: Database,
  brandId: number,
  { keysOf, ...options }: MatchingOptions,
): Promise<number> {
  const found = await application.$queryRaw<{ id: number; collectionAddress: string }[]>(Prisma.sql`
    SELECT DISTINCT c."id", c."collectionAddress" FROM "AdoptedCard" AS a
    JOIN "Command" AS c ON c."collectionAddress" = a."collectionAddress" AND c."holder" = a."holder" AND c."tier" = a."tier"
    WHERE a."state" = 'unclaimed' AND a."brandId" = ${brandId} AND a."source" = 'order' AND a."adoptedAt" > ${options.now - REPEATED_FOR_MS}
      AND c."state" = 'queued' AND c."brandId" = ${brandId} AND c."kind" = 'issue' AND c."orderId" IS NOT NULL`);
  if (found.length === 0) return 0;
  const keys = await keysOf(brandId);
  let matched = 0;
  for (const [collection, commands] of Map.groupBy(found, ({ collectionAddress }) => collectionAddress)) {
    const ids = commands.map(({ id }) => id);
    matched += await inTransaction(application, (transaction) =>
      matchHere(transaction, collection, ids, { ...options, keys }),
    );
  }
  return matched;
}

async function matchHere(
  transaction: DatabaseTransaction,
  collection: string,
  ids: readonly number[],
  { keys, now, timeZone }: { keys: KnownByKeys | undefined; now: number; timeZone: string },
): Promise<number> {
  await lockEdition(transaction, collection);
  const commands = await selectRows<WaitingCommand>(transaction, {
    table: "Command",
    key: ["id"],
    keys: ids.map((id) => [id]),
    where: `t."state" = 'queued' AND t."holder" IS NOT NULL`,
  });
  const orders = await selectRows<{ id: string; items: string }>(transaction, {
    table: "Order",
    key: ["id"],
    keys: commands.map(({ orderId }) => [orderId]),
  });
  const itemsOf = new Map(orders.map(({ id, items }) => [id, JSON.parse(items) as OrderItem[]]));
  const tagOf = ({ standsFor }: WaitingCommand) =>
    standsFor === null ? undefined : keys?.cardTag(collection, standsFor);
  const wishes = commands.map((command) => ({ collection, holder: command.holder, tag: tagOf(command) }));
  const pool = await openPool(transaction, wishes, { now, timeZone });
  const claims: { card: AdoptedCard; command: WaitingCommand }[] = [];
  for (const command of commands.toSorted((left, right) => left.id - right.id)) {
    const { holder, tier, orderId } = command;
    const tag = tagOf(command);
    for (const item of itemsOf.get(orderId) ?? []) {
      if (item.collection !== collection || item.tier !== tier) continue;
      const card = pool.take({ collection, holder, tier, term: item.term, expiresAt: Number(command.expiresAt), tag });
      if (card === undefined) continue;
      claims.push({ card, command });
      break;
    }
  }
  if (claims.length === 0) return 0;
  for (const { card, command } of claims) {
    const { serial, expiresAt, blockNumber, transactionHash } = card;
    await transaction.$executeRaw(Prisma.sql`
      UPDATE "Command" SET "state" = 'done', "serial" = ${serial}, "claimedSerial" = ${serial}, "expiresAt" = ${expiresAt},
        "blockNumber" = ${blockNumber}, "transactionHash" = ${transactionHash}, "suspect" = ${false}, "failure" = NULL, "failureDetail" = NULL
      WHERE "id" = ${command.id} AND "state" = 'queued'`);
  }
  await writeClaims(
    transaction,
    claims.map(({ card, command: { orderId } }) => ({ card, orderId })),
    now,
  );
  await freeUnissued(
    transaction,
    collection,
    claims.flatMap(({ command: { claimedSerial } }) => claimedSerial ?? []),
  );
  await settleOrders(
    transaction,
    claims.map(({ command: { orderId } }) => orderId),
    now,
  );
  return claims.length;
}

/** Serials that were reserved and are not needed. One that the chain has is nobody's to give. */
async function freeUnissued(transaction: DatabaseTransaction, collection: string, serials: readonly number[]) {
  const cards = await selectRows<{ serial: number }>(transaction, {
    table: "Card",
    key: ["collectionAddress", "serial"],
    keys: serials.map((serial) => [collection, serial]),
  });
  const issued = new Set(cards.map(({ serial }) => Number(serial)));
  await freeSerials(
    transaction,
    serials.filter((serial) => !issued.has(serial)).map((serial) => ({ collection, serial })),
  );
}
