// What must hold between application tables, whatever happened. A database that lost a part of itself breaks some of it.

import type { Database } from "../../server/database/client.ts";

interface Invariant {
  /** What is wrong with the rows that are found. */
  says: string;
  /** Finds names of what breaks it, in a column `name`. */
  sql: string;
}

const SHOWN = 3;

const INVARIANTS: Invariant[] = [
  {
    says: "orders that have fewer or more cards than were ordered",
    sql: `SELECT o."id" AS "name" FROM "Order" o
      WHERE o."quantity" <> (SELECT COUNT(*) FROM "Command" c WHERE c."orderId" = o."id" AND c."kind" = 'issue')`,
  },
  {
    says: "commands of orders that are not there",
    sql: `SELECT c."orderId" AS "name" FROM "Command" c
      WHERE c."orderId" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "Order" o WHERE o."id" = c."orderId")`,
  },
  {
    says: "orders of customers that are not there",
    sql: `SELECT o."id" AS "name" FROM "Order" o
      WHERE NOT EXISTS (SELECT 1 FROM "Customer" c WHERE c."id" = o."customerId")`,
  },
  {
    says: "commands that were sent in a transaction that is not there",
    sql: `SELECT CAST(c."id" AS TEXT) AS "name" FROM "Command" c WHERE c."state" = 'sent' AND NOT EXISTS
      (SELECT 1 FROM "ChainTransaction" t WHERE t."signer" = c."signer" AND t."nonce" = c."nonce")`,
  },
  {
    says: "signed transactions of which nothing was kept",
    sql: `SELECT t."signer" || ' ' || CAST(t."nonce" AS TEXT) AS "name" FROM "ChainTransaction" t WHERE t."state" = 'signed' AND NOT EXISTS
      (SELECT 1 FROM "TransactionAttempt" a WHERE a."signer" = t."signer" AND a."nonce" = t."nonce")`,
  },
  {
    says: "nonces that were used and count as free",
    sql: `SELECT t."signer" || ' ' || CAST(t."nonce" AS TEXT) AS "name" FROM "ChainTransaction" t
      JOIN "Signer" s ON s."address" = t."signer" AND s."chainId" = t."chainId" WHERE t."nonce" >= s."nextNonce"`,
  },
  {
    says: "cards that count as issued and are not in the mirror",
    sql: `SELECT c."collectionAddress" || ' ' || CAST(c."serial" AS TEXT) AS "name" FROM "Command" c
      JOIN "Checkpoint" k ON k."blockNumber" >= c."blockNumber" WHERE c."kind" = 'issue' AND c."state" = 'done' AND NOT EXISTS
      (SELECT 1 FROM "Card" d WHERE d."collectionAddress" = c."collectionAddress" AND d."serial" = c."serial")`,
  },
];

/** What does not hold, in sentences. */
export async function brokenInvariants(database: Database): Promise<string[]> {
  const broken: string[] = [];
  for (const { says, sql } of INVARIANTS) {
    const rows = await database.$queryRawUnsafe<{ name: string }[]>(sql);
    if (rows.length === 0) continue;
    const shown = rows.slice(0, SHOWN).map(({ name }) => name);
    broken.push(`${rows.length} ${says}: ${shown.join(", ")}${rows.length > SHOWN ? ", …" : ""}`);
  }
  return broken;
}
