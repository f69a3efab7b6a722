// A mirror of a generated chain that is complete, for what is measured from then on.

import { type ReplayNode, type ReplayNodeOptions, startReplayNode } from "../replay/start.ts";
import type { BenchDatabase, DatabaseKind } from "./databases.ts";
import { type BenchServer, type BenchServerOptions, expectComplete, startServer } from "./server.ts";

export interface FilledMirror {
  kind: DatabaseKind;
  node: ReplayNode;
  database: BenchDatabase;
  /** Starts a server on it; it has to be stopped before {@link FilledMirror.close}. */
  start(options?: Pick<BenchServerOptions, "subscribed" | "settings">): Promise<BenchServer>;
  /** The path of a card of the last collection, which is the one that additional cards belong to. */
  pathOf(serial: number): string;
  close(): Promise<void>;
}

/** Makes a chain and lets a server read it. */
export async function fillMirror(kind: DatabaseKind, options: ReplayNodeOptions): Promise<FilledMirror> {
  const node = await startReplayNode(options);
  const database = await kind.create();
  const start: FilledMirror["start"] = (more = {}) => startServer({ node, databaseUrl: database.url, ...more });
  async function close(): Promise<void> {
    await node.stop();
    await database.drop();
  }
  try {
    const server = await start();
    try {
      await server.ready();
      await expectComplete(server, node.head, node.cards);
    } finally {
      await server.stop();
    }
  } catch (error) {
    await close();
    throw error;
  }
  const pathOf = (serial: number) => `/v1/collections/bench-${node.collections.length}/cards/${serial}`;
  return { kind, node, database, start, pathOf, close };
}
