// The thread of one connection to an SQLite file: see sqlite-thread.ts. Plain JavaScript, because a thread that reads TypeScript
// takes 20 MB more for as long as it lives.

import { parentPort, workerData } from "node:worker_threads";
import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import { isDriverAdapterError } from "@prisma/driver-adapter-utils";

/** @type {import("./sqlite-thread.ts").SqliteThreadOptions} */
const { file, lockPatienceMs } = workerData;
const patience = lockPatienceMs === undefined ? {} : { timeout: lockPatienceMs };
const connection = await new PrismaBetterSqlite3({ url: file, ...patience }).connect();

/** @param {import("./sqlite-thread.ts").SqliteTask} task */
function carryOut(task) {
  switch (task.kind) {
    case "query":
      return connection.queryRaw(task.query);
    case "execute":
      return connection.executeRaw(task.query);
    case "script":
      return connection.executeScript(task.script);
    case "dispose":
      return connection.dispose();
  }
}

/**
 * @param {import("./sqlite-thread.ts").SqliteTask} task
 * @returns {Promise<import("./sqlite-thread.ts").SqliteOutcome>}
 */
async function outcomeOf(task) {
  try {
    return { value: (await carryOut(task)) ?? undefined };
  } catch (error) {
    if (isDriverAdapterError(error)) return { driverError: error.cause };
    return { message: error instanceof Error ? error.message : String(error) };
  }
}

let last = Promise.resolve();
parentPort?.on("message", (task) => {
  last = last.then(async () => parentPort?.postMessage(await outcomeOf(task)));
});
parentPort?.postMessage("connected");
