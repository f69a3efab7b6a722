// The thread of one connection to an SQLite file: see sqlite-thread.ts. Plain JavaScript, because a thread that reads TypeScript
// takes 20 MB more for as long as it lives.
// Must hold: a transaction is whole or not there, whatever failed in it; what belongs to one is never carried out after it.

import { parentPort, workerData } from "node:worker_threads";
import { PrismaBetterSqlite3 } from "@prisma/adapter-better-sqlite3";
import { isDriverAdapterError } from "@prisma/driver-adapter-utils";

/** @type {import("./sqlite-thread.ts").SqliteWorkerData} */
const { file, lockPatienceMs, settings } = workerData;
const connection = await new PrismaBetterSqlite3({ url: file, timeout: lockPatienceMs }).connect();
for (const setting of settings) await ask(`PRAGMA ${setting}`);
/** Whether commits are counted: a database that is being migrated may lack the table. */
const counts = (await ask("SELECT 1 FROM sqlite_master WHERE name = 'DatabaseState'")) !== undefined;

/** SQLite itself looks for a lock every 100 ms after a while, and another process whose writers queue leaves gaps of one. */
const LOOK_AGAIN_MS = 2;
const resting = new Int32Array(new SharedArrayBuffer(4));

/** How many rows the connection had changed when its transaction began. */
let changedBefore = 0;
/**
 * Why SQLite has taken the transaction back.
 * @type {unknown}
 */
let takenBackBy;

/**
 * The first value of a statement's answer.
 * @param {string} sql
 */
async function ask(sql) {
  const { rows } = await connection.queryRaw({ sql, args: [], argTypes: [] });
  return rows[0]?.[0];
}

async function begin() {
  // Left by a commit that failed, for example because the disk was full.
  if (connection.client.inTransaction) await ask("ROLLBACK");
  for (const deadline = performance.now() + lockPatienceMs; ; pause()) {
    try {
      await ask("BEGIN IMMEDIATE");
      break;
    } catch (error) {
      if (!isLocked(error) || performance.now() > deadline) throw error;
    }
  }
  takenBackBy = undefined;
  changedBefore = Number(await ask("SELECT total_changes()"));
}

/** Lets the thread rest: it has nothing else to do. */
function pause() {
  Atomics.wait(resting, 0, 0, LOOK_AGAIN_MS);
}

/** @param {unknown} error */
function isLocked(error) {
  return isDriverAdapterError(error) && String(error.cause.originalCode).startsWith("SQLITE_BUSY");
}

/** Returns the number of the commit; nothing if nothing was changed. */
async function commit() {
  requireTransaction();
  const changed = Number(await ask("SELECT total_changes()")) !== changedBefore;
  try {
    const number =
      counts && changed
        ? await ask(`UPDATE "DatabaseState" SET "commits" = "commits" + 1 RETURNING "commits"`)
        : undefined;
    await ask("COMMIT");
    return number === undefined ? undefined : Number(number);
  } catch (error) {
    // Where that fails too, the next one's beginning tries it again; the first failure says what is wrong.
    if (connection.client.inTransaction) await ask("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/**
 * SQLite takes a transaction back by itself, for example on a full disk: what follows must not be carried out without it. It fails
 * for the same reason, so that whoever has not heard of the first failure learns it.
 */
function requireTransaction() {
  if (connection.client.inTransaction) return;
  throw takenBackBy ?? new Error("The transaction has been taken back");
}

/**
 * Carries out what belongs to a transaction.
 * @template Answer
 * @param {() => Promise<Answer>} statement
 */
async function within(statement) {
  requireTransaction();
  try {
    return await statement();
  } catch (error) {
    if (!connection.client.inTransaction) takenBackBy = error;
    throw error;
  }
}

/** @param {import("./sqlite-thread.ts").SqliteTask} task */
async function carryOut(task) {
  switch (task.kind) {
    case "query":
    case "execute": {
      const statement = () =>
        task.kind === "query" ? connection.queryRaw(task.query) : connection.executeRaw(task.query);
      return task.within ? within(statement) : statement();
    }
    case "script":
      return connection.executeScript(task.script);
    case "begin":
      return begin();
    case "commit":
      return commit();
    case "rollback":
      if (connection.client.inTransaction) await ask("ROLLBACK");
      return undefined;
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
