// The thread of one connection to an SQLite file: see sqlite-thread.ts.

import { parentPort, workerData } from "node:worker_threads";
import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import { isDriverAdapterError } from "@prisma/driver-adapter-utils";
import type { SqliteOutcome, SqliteTask, SqliteThreadOptions } from "./sqlite-thread.ts";

const { file, lockPatienceMs } = workerData as SqliteThreadOptions;
const patience = lockPatienceMs === undefined ? {} : { timeout: lockPatienceMs };
const connection = await new PrismaBetterSqlite3({ url: file, ...patience }).connect();

function carryOut(task: SqliteTask) {
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

async function outcomeOf(task: SqliteTask): Promise<SqliteOutcome> {
  try {
    return { value: (await carryOut(task)) ?? undefined };
  } catch (error) {
    if (isDriverAdapterError(error)) return { driverError: error.cause };
    return { message: error instanceof Error ? error.message : String(error) };
  }
}

let last: Promise<void> = Promise.resolve();
parentPort?.on("message", (task: SqliteTask) => {
  last = last.then(async () => parentPort?.postMessage(await outcomeOf(task)));
});
parentPort?.postMessage("connected");
