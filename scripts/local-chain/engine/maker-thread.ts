// The maker in a thread of its own: executing a large transaction takes a second, in which questions are answered.
// One plan after the other; each answered in its turn.

import { parentPort, workerData } from "node:worker_threads";
import { openForWriting } from "./chain-file.ts";
import { type BlockPlan, createMaker, type MadeBlock } from "./maker.ts";

export type MakerAnswer = { made: MadeBlock[] } | { problem: string; code: string | undefined };

const port = parentPort;
if (port === null) throw new Error("This runs as a thread only");
const { folder } = workerData as { folder: string };
const database = openForWriting(folder);
const maker = await createMaker(database, folder);
port.on("message", async (plans: BlockPlan[] | "close") => {
  if (plans === "close") {
    maker.close();
    database.close();
    port.close();
    return;
  }
  let answer: MakerAnswer;
  try {
    answer = { made: await maker.make(plans) };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    answer = { problem: message, code };
  }
  port.postMessage(answer);
});
port.postMessage("ready");
