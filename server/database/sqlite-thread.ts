// Connections to an SQLite file on threads of their own: the driver works synchronously, and a statement that writes thousands of
// rows would hold up every request meanwhile. The driver is the usual one; its calls go to the threads, its answers come back.
// One thread writes, for all clients that share it, and one reads.
// Must hold: all writers of the process queue in one place, and whoever has the turn has the file's lock from the beginning, so that
// a transaction may read before it writes and never meets another one of the same process.

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
import { createTurns, type Turn } from "./turns.ts";

/** What a thread is asked to do. */
export type SqliteTask =
  /** `within`: only within a transaction. */
  | { kind: "query" | "execute"; query: SqlQuery; within: boolean }
  | { kind: "script"; script: string }
  /** `commit` answers with the number of the commit, if anything was changed. */
  | { kind: "begin" | "commit" | "rollback" | "dispose" };

/** What a thread answers, in the order of the tasks. */
export type SqliteOutcome =
  | { value: SqlResultSet | number | undefined }
  /** As the driver reports it. */
  | { driverError: DriverError }
  /** What else went wrong. */
  | { message: string };

const ADAPTER = { provider: "sqlite", adapterName: "mintmark-sqlite-thread" } as const;

/** WAL survives a killed process with every committed transaction; FULL survives a power cut as well. */
const WRITER_SETTINGS = ["journal_mode = WAL", "synchronous = FULL"];

const LOCK_PATIENCE_MS = 5_000;

/** Is asked around whatever is written. */
export interface WriteGuard {
  /** Throws if nothing may be written any more. */
  requireWritable(): void;
  /** The commit with this number is done. Throws if it may be lost all the same. */
  committed(number: number): void;
}

/** What the threads connect to. */
export interface SqliteThreadOptions {
  file: string;
  /** How long a transaction waits for a file that another process has locked. */
  lockPatienceMs?: number | undefined;
  /** The writer's page cache; SQLite's own size if not given. */
  cacheKiB?: number | undefined;
  guard?: WriteGuard | undefined;
}

/** What a thread begins with. */
export interface SqliteWorkerData {
  file: string;
  lockPatienceMs: number;
  /** As `PRAGMA` takes them. */
  settings: string[];
}

export interface SqliteThreads {
  /**
   * An adapter for one client. The threads begin with the first client that connects and end with the last one. What is written
   * outside of transactions waits for its turn, so whoever waits for it inside a transaction waits for ever.
   * @param options.urgent Whether what is written outside of transactions goes before all others.
   */
  adapter(options?: { urgent?: boolean }): SqlDriverAdapterFactory;
  /** Copies all that was committed to a new file, while a client is connected. */
  copyTo(file: string): Promise<void>;
}

/** The threads of a file. */
export function createSqliteThreads(options: SqliteThreadOptions): SqliteThreads {
  const turns = createTurns();
  let clients = 0;
  let starting: Promise<{ writer: Thread; reader: Thread }> | undefined;

  async function start() {
    const { file, lockPatienceMs = LOCK_PATIENCE_MS, cacheKiB } = options;
    const cache = cacheKiB === undefined ? [] : [`cache_size = -${cacheKiB}`];
    // One after the other: the first makes the file what the second expects.
    // A transaction that finds the lock taken looks for it more often than the driver does.
    const settings = [...WRITER_SETTINGS, ...cache, "busy_timeout = 0", "wal_checkpoint(TRUNCATE)"];
    const writer = await startThread({ file, lockPatienceMs, settings });
    return { writer, reader: await startThread({ file, lockPatienceMs, settings: ["query_only = ON"] }) };
  }

  async function leave(): Promise<void> {
    clients--;
    if (clients > 0 || starting === undefined) return;
    const { writer, reader } = await starting;
    starting = undefined;
    // The reader first: whoever closes the file last tidies it up, and only who may write can.
    await dispose(reader);
    await dispose(writer);
  }

  return {
    adapter: ({ urgent = false } = {}) => ({
      ...ADAPTER,
      async connect() {
        starting ??= start().catch((error: unknown) => {
          starting = undefined;
          throw error;
        });
        const threads = await starting;
        clients++;
        return connectionOf({ ...threads, turns, guard: options.guard, urgent, leave });
      },
    }),
    async copyTo(file) {
      const threads = await starting;
      if (threads === undefined) throw new Error("The connection to the database is closed");
      const turn = await turns.take({ urgent: true });
      try {
        await threads.writer.ask({ kind: "script", script: `VACUUM INTO '${file.replaceAll("'", "''")}'` });
      } finally {
        turn.end();
      }
    },
  };
}

interface ConnectionParts {
  writer: Thread;
  reader: Thread;
  turns: ReturnType<typeof createTurns>;
  guard: WriteGuard | undefined;
  urgent: boolean;
  leave(): Promise<void>;
}

function connectionOf({ writer, reader, turns, guard, urgent, leave }: ConnectionParts): SqlDriverAdapter {
  const within = queryableOn(writer, true);
  const beside = queryableOn(reader, false);
  const execute = async (sql: string): Promise<void> => {
    await within.executeRaw({ sql, args: [], argTypes: [] });
  };

  async function begin(isUrgent: boolean): Promise<Turn> {
    const turn = await turns.take({ urgent: isUrgent });
    try {
      guard?.requireWritable();
      await writer.ask({ kind: "begin" });
      return turn;
    } catch (error) {
      // Another process has the lock, and has had it for as long as anybody waits: so it would be for those behind.
      if (isLocked(error)) turns.refuse(error);
      turn.end();
      throw error;
    }
  }
  async function commit(): Promise<void> {
    const number = await writer.ask<number | undefined>({ kind: "commit" });
    if (number !== undefined) guard?.committed(number);
  }
  /** A transaction of one statement. */
  async function alone<Result>(write: () => Promise<Result>): Promise<Result> {
    const turn = await begin(urgent);
    try {
      const result = await write();
      await commit();
      return result;
    } catch (error) {
      // Whether that works or not, this is what went wrong.
      await writer.ask({ kind: "rollback" }).catch(() => undefined);
      throw error;
    } finally {
      turn.end();
    }
  }

  return {
    ...ADAPTER,
    async queryRaw(query) {
      return await (isRead(query) ? beside.queryRaw(query) : alone(() => within.queryRaw(query)));
    },
    executeRaw: (query) => alone(() => within.executeRaw(query)),
    async executeScript(script) {
      const turn = await turns.take();
      try {
        await writer.ask({ kind: "script", script });
      } finally {
        turn.end();
      }
    },
    async startTransaction(): Promise<Transaction> {
      const turn = await begin(false);
      const end = async () => turn.end();
      return {
        ...within,
        async executeRaw(query) {
          if (query.sql !== "COMMIT" && query.sql !== "ROLLBACK") return await within.executeRaw(query);
          if (query.sql === "COMMIT") await commit();
          else await writer.ask({ kind: "rollback" });
          return 0;
        },
        // The client itself sends COMMIT and ROLLBACK, and says then that it has.
        options: { usePhantomQuery: false },
        commit: end,
        rollback: end,
        createSavepoint: (name) => execute(`SAVEPOINT ${name}`),
        rollbackToSavepoint: (name) => execute(`ROLLBACK TO ${name}`),
        releaseSavepoint: (name) => execute(`RELEASE SAVEPOINT ${name}`),
      };
    },
    dispose: leave,
  };
}

/** Whether a statement writes nothing. The reader refuses those that do. */
function isRead({ sql }: SqlQuery): boolean {
  if (/^\s*WITH\b/i.test(sql)) return !/\b(INSERT|UPDATE|DELETE|REPLACE)\b/i.test(sql);
  return /^\s*(SELECT|EXPLAIN|PRAGMA)\b/i.test(sql);
}

function isLocked(error: unknown): boolean {
  return error instanceof DriverAdapterError && String(error.cause.originalCode).startsWith("SQLITE_BUSY");
}

async function dispose({ ask, end }: Thread): Promise<void> {
  await ask({ kind: "dispose" });
  await end();
}

function queryableOn({ ask }: Thread, within: boolean): SqlQueryable {
  return {
    ...ADAPTER,
    queryRaw: (query) => ask<SqlResultSet>({ kind: "query", query, within }),
    executeRaw: (query) => ask<number>({ kind: "execute", query, within }),
  };
}

interface Thread {
  ask<Value>(task: SqliteTask): Promise<Value>;
  end(): Promise<unknown>;
}

async function startThread(workerData: SqliteWorkerData): Promise<Thread> {
  const worker = new Worker(new URL("./sqlite-thread-worker.mjs", import.meta.url), { workerData });
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
