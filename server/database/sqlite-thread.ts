// A connection to an SQLite file on a thread of its own: the driver works synchronously, and a statement that writes thousands of
// rows would hold up every request meanwhile. The driver is the usual one; its calls go to the thread, its answers come back.
// Must hold: calls are carried out one after the other, in the order in which they were made; where reading has a thread of its own,
// that goes for each of the two.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import {
  DriverAdapterError,
  type Error as DriverError,
  type SqlDriverAdapter,
  type SqlDriverAdapterFactory,
  type SqlQuery,
  type SqlQueryable,
  type SqlResultSet,
  type Transaction,
} from "@prisma/driver-adapter-utils";

/** What the thread is asked to do. */
export type SqliteTask =
  | { kind: "query" | "execute"; query: SqlQuery }
  | { kind: "script"; script: string }
  | { kind: "dispose" };

/** What the thread answers, in the order of the tasks. */
export type SqliteOutcome =
  | { value: SqlResultSet | number | undefined }
  /** As the driver reports it. */
  | { driverError: DriverError }
  /** What else went wrong. */
  | { message: string };

const ADAPTER = { provider: "sqlite", adapterName: "mintmark-sqlite-thread" } as const;

/** What a thread connects to. */
export interface SqliteThreadOptions {
  file: string;
  /** How long a statement waits for a file that another process has locked; the driver's own patience if not given. */
  lockPatienceMs: number | undefined;
  /**
   * Whether transactions lock the file from their beginning. Those that read before they write must: otherwise they fail when
   * somebody else has written in between.
   */
  immediate?: boolean;
  /**
   * Whether statements outside of transactions keep out of the open one, as they do on a connection of their own: otherwise they see
   * what it may take back, and are taken back with it. What reads gets a second thread, what writes waits for its turn. So whoever
   * waits for such a write inside a transaction waits for ever.
   */
  isolated?: boolean;
}

/** Connections to a file, each on a thread of its own. */
export function createThreadedSqliteAdapter(options: SqliteThreadOptions): SqlDriverAdapterFactory {
  return { ...ADAPTER, connect: () => connect(options) };
}

async function connect(options: SqliteThreadOptions): Promise<SqlDriverAdapter> {
  const writer = await startThread(options);
  const queryable = queryableOn(writer);
  const execute = async (sql: string): Promise<void> => {
    await queryable.executeRaw({ sql, args: [], argTypes: [] });
  };

  /** Settles when the transactions that were begun so far have ended: the connection has one at a time. */
  let previous: Promise<unknown> = Promise.resolve();
  async function takeTurn(): Promise<() => Promise<void>> {
    const before = previous;
    const ended = Promise.withResolvers<void>();
    previous = ended.promise;
    await before;
    return async () => ended.resolve();
  }
  async function startTransaction(): Promise<Transaction> {
    const release = await takeTurn();
    try {
      await execute(options.immediate === true ? "BEGIN IMMEDIATE" : "BEGIN");
    } catch (error) {
      await release();
      throw error;
    }
    return {
      ...queryable,
      // The client itself sends COMMIT and ROLLBACK, and says then that it has.
      options: { usePhantomQuery: false },
      commit: release,
      rollback: release,
      createSavepoint: (name) => execute(`SAVEPOINT ${name}`),
      rollbackToSavepoint: (name) => execute(`ROLLBACK TO ${name}`),
      releaseSavepoint: (name) => execute(`RELEASE SAVEPOINT ${name}`),
    };
  }
  const executeScript = (script: string) => writer.ask<void>({ kind: "script", script });
  if (options.isolated !== true) {
    return { ...queryable, startTransaction, executeScript, dispose: () => dispose(writer) };
  }

  const reader = await startThread(options);
  const readable = queryableOn(reader);
  async function inTurn<Result>(write: () => Promise<Result>): Promise<Result> {
    const release = await takeTurn();
    try {
      return await write();
    } finally {
      await release();
    }
  }
  return {
    ...ADAPTER,
    async queryRaw(query) {
      if (/^\s*SELECT\b/i.test(query.sql)) return await readable.queryRaw(query);
      // Settings belong to a connection.
      if (/^\s*PRAGMA\b/i.test(query.sql)) await readable.queryRaw(query);
      return await inTurn(() => queryable.queryRaw(query));
    },
    executeRaw: (query) => inTurn(() => queryable.executeRaw(query)),
    startTransaction,
    executeScript: (script) => inTurn(() => executeScript(script)),
    async dispose() {
      await Promise.all([dispose(writer), dispose(reader)]);
    },
  };
}

async function dispose({ ask, end }: Thread): Promise<void> {
  await ask({ kind: "dispose" });
  await end();
}

function queryableOn({ ask }: Thread): SqlQueryable {
  return {
    ...ADAPTER,
    queryRaw: (query) => ask<SqlResultSet>({ kind: "query", query }),
    executeRaw: (query) => ask<number>({ kind: "execute", query }),
  };
}

interface Thread {
  ask<Value>(task: SqliteTask): Promise<Value>;
  end(): Promise<unknown>;
}

async function startThread(options: SqliteThreadOptions): Promise<Thread> {
  const worker = new Worker(new URL("./sqlite-thread-worker.mjs", import.meta.url), { workerData: options });
  await once(worker, "message");
  const waiting: PromiseWithResolvers<unknown>[] = [];
  let ended: Error | undefined;
  const fail = (error: Error) => {
    ended ??= error;
    for (const task of waiting.splice(0)) task.reject(ended);
  };
  worker.on("error", (error) => {
    fail(error);
    // Out of memory, or the driver's fault: a new process is better than one without its writer.
    throw error;
  });
  worker.on("exit", () => fail(new Error("The connection to the database is closed")));
  worker.on("message", (outcome: SqliteOutcome) => {
    const task = waiting.shift();
    // The connection alone is no reason for the process to live on.
    if (waiting.length === 0) worker.unref();
    if ("value" in outcome) task?.resolve(outcome.value);
    else if ("driverError" in outcome) task?.reject(new DriverAdapterError(outcome.driverError));
    else task?.reject(new Error(outcome.message));
  });
  worker.unref();
  return {
    async ask<Value>(task: SqliteTask) {
      if (ended !== undefined) throw ended;
      const answer = Promise.withResolvers<unknown>();
      waiting.push(answer);
      worker.ref();
      worker.postMessage(task);
      return (await answer.promise) as Value;
    },
    end: () => worker.terminate(),
  };
}
