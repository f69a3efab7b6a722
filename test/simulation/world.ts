// What simulations run in, one after the other: a chain, two ways to it that can be spoilt, writers, and a new database for
// each. Made once, because it takes longer than a simulation.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPostgresql } from "../../scripts/postgresql/local-server.ts";
import { postgresql, sqlite } from "../support/databases.ts";
import { type FaultyRpc, startFaultyRpc } from "../support/faulty-rpc.ts";
import { type SimulatedChain, startSimulatedChain } from "./chain.ts";
import { createLedgers, type Ledgers } from "./ledger.ts";
import { createLife, type Life } from "./life.ts";
import { createWriters, type Writers } from "./writers.ts";

export interface SimulatedDatabase {
  url: string;
  isPostgresql: boolean;
  /** The file whose changes tell that something is being committed, where there is one. */
  journalFile: string | undefined;
  drop(): Promise<void>;
}

export interface World {
  chain: SimulatedChain;
  life: Life;
  ledgers: Ledgers;
  /** What stands between the writers and the chain. */
  nodes: readonly [FaultyRpc, FaultyRpc];
  writers: Writers;
  hasPostgresql: boolean;
  /** Makes the chain as it was before any simulation. */
  reset(): Promise<void>;
  /** A new database without rows: SQLite, unless PostgreSQL is wished for and there. */
  createDatabase(options: { onPostgresql: boolean }): Promise<SimulatedDatabase>;
  close(): Promise<void>;
}

export async function createWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-simulation-"));
  const writers = createWriters({ folder, warmUpUrl: `file:${join(folder, "warm-up.db")}` });
  const chain = await startSimulatedChain();
  const life = await createLife(chain);
  for (const sendings of life.foundation()) await chain.mine(sendings, chain.head.timestamp + 1);
  const { number: foundation } = chain.head;
  const nodes = [await startFaultyRpc(chain.rpcUrl), await startFaultyRpc(chain.rpcUrl)] as const;
  const hasPostgresql = findPostgresql() !== undefined;

  return {
    chain,
    life,
    ledgers: createLedgers(chain),
    nodes,
    writers,
    hasPostgresql,
    reset: () => chain.reset(foundation),
    async createDatabase({ onPostgresql }) {
      if (onPostgresql && hasPostgresql) {
        return { ...(await postgresql.create()), isPostgresql: true, journalFile: undefined };
      }
      const database = await sqlite.create();
      return { ...database, isPostgresql: false, journalFile: `${database.url.slice("file:".length)}-wal` };
    },
    async close() {
      await writers.close();
      await Promise.all(nodes.map((node) => node.close()));
      await chain.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
