// A mirror of a test's own, and what the chain itself says for comparison.

import { Contract } from "ethers";
import pino from "pino";
import { CARD_STATUS, membershipCollectionInterface } from "../../server/chain/abi.ts";
import { createRpc } from "../../server/chain/rpc.ts";
import { type Database, openDatabase } from "../../server/database/client.ts";
import { createIndexer, type Indexer, type IndexerOptions } from "../../server/indexer/indexer.ts";
import { createMirror, type Mirror } from "../../server/indexer/mirror.ts";
import type { TestChain } from "./chain.ts";
import { type DatabaseKind, sqlite } from "./databases.ts";

export const silent = pino({ level: "silent" });

export interface TestMirror {
  url: string;
  database: Database;
  mirror: Mirror;
  /** An indexer of this mirror; not started. */
  indexer(chain: Pick<TestChain, "rpcUrl" | "deployment">, options?: Partial<IndexerOptions>): Indexer;
  /** Disconnects and deletes the database. */
  close(): Promise<void>;
}

/** Creates an empty, migrated database. */
export async function createTestMirror(kind: DatabaseKind = sqlite): Promise<TestMirror> {
  const { url, drop } = await kind.create();
  const database = await openDatabase(url, { writesMuch: true });
  const mirror = createMirror({ database });
  return {
    url,
    database,
    mirror,
    indexer: (chain, options = {}) =>
      createIndexer({
        rpc: createRpc({ url: chain.rpcUrl }),
        mirror,
        registryOn: () => chain.deployment.registry,
        logger: silent,
        finalityDepth: 64,
        pollIntervalMs: 20,
        ...options,
      }),
    async close() {
      await database.$disconnect();
      await drop();
    },
  };
}

/** Starts an indexer and waits until it has been at the head of the chain. */
export async function startAndCatchUp(indexer: Indexer): Promise<void> {
  const caughtUp = indexer.caughtUp();
  await indexer.start();
  await caughtUp;
}

/** Every row of the mirror, table by table, in a fixed order: equal mirrors give equal values, on whatever database. */
export async function mirrorRows(database: Database): Promise<Record<string, unknown[]>> {
  const tables = {
    Checkpoint: ["id"],
    Block: ["number"],
    Event: ["blockNumber", "logIndex"],
    Brand: ["id"],
    Collection: ["address"],
    Batch: ["collectionAddress", "firstSerial"],
    Card: ["collectionAddress", "serial"],
    Benefit: ["collectionAddress", "tier", "benefitId"],
    Redemption: ["collectionAddress", "serial", "benefitId", "number"],
    RedemptionUndoing: ["collectionAddress", "serial", "benefitId", "number"],
    Reissue: ["collectionAddress", "serial", "generation"],
    EventSubject: ["subject", "blockNumber", "logIndex"],
  };
  const rows: Record<string, unknown[]> = {};
  for (const [table, key] of Object.entries(tables)) {
    const order = key.map((column) => `"${column}"`).join(", ");
    rows[table] = await database.$queryRawUnsafe(`SELECT * FROM "${table}" ORDER BY ${order}`);
  }
  return rows;
}

/**
 * What a mirror that reads the chain now, from nothing, consists of. Always on SQLite, so that a test that compares another
 * database's rows with it also compares the two databases.
 */
export async function freshMirrorRows(
  chain: Pick<TestChain, "rpcUrl" | "deployment">,
): Promise<Record<string, unknown[]>> {
  const fresh = await createTestMirror();
  try {
    const indexer = fresh.indexer(chain);
    await startAndCatchUp(indexer);
    await indexer.stop();
    return await mirrorRows(fresh.database);
  } finally {
    await fresh.close();
  }
}

export interface ComparableCard {
  serial: number;
  holder: string;
  tier: number;
  status: string;
  issuedAt: number;
  expiresAt: number;
  generation: number;
}

/** A collection's cards as the mirror has them. */
export async function cardsInMirror(database: Database, collectionAddress: string): Promise<ComparableCard[]> {
  const rows = await database.card.findMany({ where: { collectionAddress }, orderBy: { serial: "asc" } });
  return rows.map(({ serial, holder, tier, status, issuedAt, expiresAt, generation }) => ({
    serial,
    holder,
    tier,
    status,
    issuedAt: Number(issuedAt),
    expiresAt: Number(expiresAt),
    generation,
  }));
}

/** A collection's issued cards as the contract reports them. */
export async function cardsOnChain(chain: TestChain, collectionAddress: string): Promise<ComparableCard[]> {
  const contract = new Contract(collectionAddress, membershipCollectionInterface, chain.provider);
  const maxSupply = Number(await contract.getFunction("maxSupply")());
  const cards: ComparableCard[] = [];
  for (let first = 1; first <= maxSupply; first += 500) {
    const count = Math.min(500, maxSupply - first + 1);
    const answers = await contract.getFunction("cardsOf")(first, count);
    for (const [index, card] of answers.entries()) {
      if (Number(card.status) === 0) continue;
      cards.push({
        serial: first + index,
        holder: card.holder.toLowerCase(),
        tier: Number(card.tier),
        status: CARD_STATUS[Number(card.status)] ?? "",
        issuedAt: Number(card.issuedAt),
        expiresAt: Number(card.expiresAt),
        generation: Number(card.generation),
      });
    }
  }
  return cards;
}
