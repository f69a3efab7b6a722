// The maker in a thread of its own: executing a large transaction takes a second, in which questions are answered.
// One plan after the other; each answered in its turn.

import { parentPort, workerData } from "node:worker_threads";
import { openForWriting } from "./chain-file.ts";
import { watchChainFile } from "./file-watch.ts";
import { type BlockPlan, createMaker, type MadeBlock } from "./maker.ts";

/** What it answers; `news` comes unasked. */
export type MakerAnswer = { made: MadeBlock[] } | { problem: string; code: string | undefined } | { news: string };

const port = parentPort;
if (port === null) throw new Error("This runs as a thread only");
const { folder } = workerData as { folder: string };
const database = openForWriting(folder);
const maker = await createMaker(database, folder);
// Only now: the log is there from the first look into the file on.
const watch = watchChainFile(database, folder, maker.head, (news) => port.postMessage({ news } satisfies MakerAnswer));
port.on("message", async (plans: BlockPlan[] | "close") => {
  if (plans === "close") {
    await watch.close();
    maker.close();
    database.close();
    port.close();
    return;
  }
  let answer: MakerAnswer;
  try {
    // Before as well: what is written next makes a log that was cut as long again.
    watch.requireWell();
    const made = await maker.make(plans);
    watch.requireWell();
    answer = { made };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    answer = { problem: message, code };
  }
  port.postMessage(answer);
});
port.postMessage("ready");
