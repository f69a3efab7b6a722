// The process of a local chain: opens what is kept, answers JSON-RPC, and tells whoever has started it how it goes. Ends in order
// on SIGTERM, and when whoever has started it is gone.

import { existsSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { DatabaseUnusableError, explainSqlite } from "../../server/database/unusable.ts";
import { describeFailure, giveLastWords } from "../../server/failures.ts";
import { keepFromOthers } from "../../server/system/data-folder.ts";
import { openChain } from "./engine/chain.ts";
import { ChainRefusedError, chainFile } from "./engine/chain-file.ts";
import { BlocksMissingError, chainRemedy, type KeptChain, type KnownBlock, openKeptChain } from "./engine/opening.ts";
import { serveRpc } from "./rpc/server.ts";

/** What the process is started with, as JSON on its command line. */
export interface ChainProcessOptions {
  folder: string;
  host: string;
  port: number;
  acceptLoss: boolean;
  known?: KnownBlock | undefined;
}

/** What it tells. After `refused` it ends. */
export type ChainNews =
  | ({ kind: "ready" } & KeptChain)
  | { kind: "refused"; message: string; blocksMissing: boolean }
  | { kind: "message"; message: string };

function tell(news: ChainNews): void {
  if (process.connected) process.send?.(news);
}

/** Resolves when the news has gone out. */
async function tellLast(news: ChainNews): Promise<void> {
  if (!process.connected) return;
  await new Promise<void>((resolve) => process.send?.(news, undefined, undefined, () => resolve()));
}

/** Held for as long as the process lives; let go of, it would be closed with the next garbage. */
let held: Database.Database | undefined;

/** Keeps every other process from opening this chain; the system gives the lock back when this one ends. */
function lock(folder: string): void {
  if (!existsSync(folder))
    throw new ChainRefusedError(`The folder ${folder} is gone, and the chain was in it. ${chainRemedy(folder)}`);
  const file = join(folder, "chain.lock");
  try {
    const database = new Database(file, { timeout: 2_000 });
    // No file beside it: there is nothing to roll back.
    database.pragma("journal_mode = MEMORY");
    database.exec("BEGIN EXCLUSIVE");
    held = database;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "SQLITE_NOTADB" || code?.startsWith("SQLITE_CORRUPT"))
      throw new ChainRefusedError(`${file} is damaged. There is nothing in it: delete it, and start again.`);
    if (code !== "SQLITE_BUSY") throw explainSqlite(file, error) ?? error;
    throw new ChainRefusedError(`Another process has opened the chain in ${folder}. Stop it first.`);
  }
}

async function main({ folder, host, port, acceptLoss, known }: ChainProcessOptions): Promise<void> {
  lock(folder);
  const kept = await openKeptChain({ folder, known, acceptLoss, now: Math.floor(Date.now() / 1_000) });
  const chain = await openChain({ folder, onMessage: (message) => tell({ kind: "message", message }) });
  const server = await serveRpc({ chain, host, port });
  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    await server.close();
    await chain.close();
    process.exit(0);
  };
  // The lock goes with the process, not before.
  process.on("exit", () => held?.close());
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, stop);
  process.on("disconnect", stop);
  if (!process.connected) return await stop();
  tell({ kind: "ready", ...kept });
}

keepFromOthers();
giveLastWords((sentence) => tell({ kind: "message", message: `The chain's process fails: ${sentence}` }));

const options = JSON.parse(process.argv[2] ?? "{}") as ChainProcessOptions;
try {
  await main(options);
} catch (error) {
  const file = chainFile(options.folder);
  const message =
    error instanceof DatabaseUnusableError
      ? error.message
      : (explainSqlite(file, error)?.message ?? describeFailure(error));
  await tellLast({ kind: "refused", message, blocksMissing: error instanceof BlocksMissingError });
  process.exit(1);
}
