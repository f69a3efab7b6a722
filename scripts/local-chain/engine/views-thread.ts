// Answers questions to the state in a thread of its own: a call that reads hundreds of cards takes a core for a while.

import { parentPort, workerData } from "node:worker_threads";
import { createArchive } from "./archive.ts";
import { openForReading } from "./chain-file.ts";
import { createCommon } from "./genesis.ts";
import { CallFailedError, createViews, type Views } from "./views.ts";

export interface ViewQuestion {
  id: number;
  what: keyof Views;
  /** The number of the block whose state is meant. */
  block: number;
  args: unknown[];
}

export type ViewAnswer = { id: number } & (
  | { value: unknown }
  | { failed: { reason: string; data: string } }
  | { problem: string }
);

const port = parentPort;
if (port === null) throw new Error("This runs as a thread only");
const { folder } = workerData as { folder: string };
const database = openForReading(folder);
const common = createCommon();
const archive = createArchive(database, common);
const views = await createViews(database, common, archive);

async function answer({ id, what, block: number, args }: ViewQuestion): Promise<ViewAnswer> {
  try {
    const block = archive.block(number);
    if (block === undefined) return { id, problem: `Block ${number} is not in the chain's file` };
    const view = views[what] as (...given: unknown[]) => Promise<unknown>;
    return { id, value: await view(block, ...args) };
  } catch (error) {
    if (error instanceof CallFailedError) return { id, failed: { reason: error.reason, data: error.data } };
    return { id, problem: (error as Error).message };
  }
}

port.on("message", async (question: ViewQuestion | "close") => {
  if (question !== "close") return port.postMessage(await answer(question));
  database.close();
  port.close();
});
port.postMessage("ready");
