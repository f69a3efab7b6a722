// Holds the mirror against what the contracts themselves say at the mirror's own block. The mirror follows from events; the
// contracts' storage is the other witness, so a difference is either a bug or somebody's hand in the database.
// Must hold: rows and block come from one snapshot, so that a mirror that moves on meanwhile is no difference.

import type { Rpc } from "../../chain/rpc.ts";
import type { Database } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";
import { type CardRow, type CollectionRow, checkpoint, many, readSnapshot } from "../../database/snapshot.ts";
import { auditCardsOf, auditSomeCards } from "./cards.ts";
import type { Difference } from "./difference.ts";
import { auditBenefits, auditBrands, auditCollections } from "./settings.ts";

const ALL = Number.MAX_SAFE_INTEGER;
const EVERY = Prisma.sql`true`;

export interface AuditReport {
  /** The block that both were looked at as of; nothing if the mirror is empty. */
  block: { number: number; hash: string } | undefined;
  cards: number;
  differences: Difference[];
}

/** Compares cards that are picked at random, at most `count`. May run while the mirror is written. */
export async function auditSample(options: {
  rpc: Rpc;
  database: Database;
  count: number;
  random?: () => number;
}): Promise<AuditReport> {
  const { rpc, database, count, random = Math.random } = options;
  const { collections } = await readSnapshot(database, {
    collections: many("Collection", { where: Prisma.sql`"issuedCount" > 0`, limit: ALL }),
  });
  if (collections.length === 0) return { block: undefined, cards: 0, differences: [] };
  const picks = Array.from({ length: count }, () => {
    const { address, maxSupply } = collections[Math.floor(random() * collections.length)] as CollectionRow;
    const serial = 1 + Math.floor(random() * maxSupply);
    // The first card from a random serial on: every card has a chance, and the index leads to it.
    const where = Prisma.sql`"collectionAddress" = ${address} AND "serial" >= ${serial}`;
    return many("Card", { where, orderBy: Prisma.sql`"serial"`, limit: 1 });
  });
  const { checkpoint: at, ...picked } = await readSnapshot(database, {
    checkpoint,
    ...Object.fromEntries(picks.map((pick, index) => [`pick${index}`, pick])),
  });
  if (at === null) return { block: undefined, cards: 0, differences: [] };
  const cards = Object.values(picked as Record<string, CardRow[]>).flat();
  const differences = await auditSomeCards({ rpc, at }, cards);
  return { block: { number: at.blockNumber, hash: at.blockHash }, cards: cards.length, differences };
}

/**
 * Compares everything: every serial of every edition, pending reissues, uses of benefits, collections and brands, and whether
 * the mirror has all of the registry's. The mirror may be written meanwhile, but for collections and benefits that are new then.
 */
export async function auditAll(options: {
  rpc: Rpc;
  database: Database;
  /** Is told how many cards were compared, and how many the mirror says that there are. */
  onProgress?: (done: number, all: number) => void;
}): Promise<AuditReport> {
  const { rpc, database, onProgress } = options;
  const { checkpoint: at, ...tables } = await readSnapshot(database, {
    checkpoint,
    brands: many("Brand", { where: EVERY, orderBy: Prisma.sql`"id"`, limit: ALL }),
    collections: many("Collection", { where: EVERY, orderBy: Prisma.sql`"blockNumber", "address"`, limit: ALL }),
    benefits: many("Benefit", {
      where: EVERY,
      orderBy: Prisma.sql`"collectionAddress", "tier", "benefitId"`,
      limit: ALL,
    }),
  });
  if (at === null) return { block: undefined, cards: 0, differences: [] };
  const witness = { rpc, at };
  const differences = [
    ...(await auditBrands(witness, tables.brands)),
    ...(await auditCollections(witness, tables.collections)),
    ...(await auditBenefits(witness, tables.benefits)),
  ];
  const all = tables.collections.reduce((sum, { issuedCount }) => sum + issuedCount, 0);
  let cards = 0;
  for (const collection of tables.collections) {
    const found = await auditCardsOf({
      rpc,
      database,
      collection,
      onCards(count) {
        cards += count;
        onProgress?.(cards, all);
      },
    });
    differences.push(...found);
  }
  return { block: { number: at.blockNumber, hash: at.blockHash }, cards, differences };
}
