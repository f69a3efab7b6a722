// Watches over a server's database while it runs. Must hold: once it has lost or damaged what was written, nothing more is written, and
// no commit is confirmed that a restart would not find.

import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Database } from "./client.ts";
import { Prisma } from "./generated/sqlite/client.ts";
import { type DatabaseState, differenceOf, type KnownDatabase } from "./known-database.ts";
import { type DatabaseLocation, describeDatabase } from "./location.ts";
import { watchSqliteFiles } from "./sqlite-files.ts";
import type { WriteGuard } from "./sqlite-thread.ts";
import { damageOf, isOutage } from "./unusable.ts";

export interface DatabaseWatch extends WriteGuard {
  /** What is wrong, in a sentence; nothing while all is well. Stays for as long as the process lives. */
  problem(): string | undefined;
  /** Is told of what a statement has failed with. */
  failed(error: unknown): void;
}

/** The database is not what it was. */
export class DatabaseLostError extends Error {
  override name = "DatabaseLostError";
  code = "DATABASE_LOST";
}

const AFTER_DAMAGE =
  "Nothing more is written. Stop the server and run npm run check, which says what is damaged and what helps.";

interface WatchOptions {
  location: DatabaseLocation;
  known: KnownDatabase | undefined;
  logger: Logger | undefined;
}

/** What both kinds of databases need. Everybody may read the sentences, so they name no folders and no hosts; the log does. */
function createProblem({ location, logger }: WatchOptions) {
  let problem: string | undefined;
  return {
    get: () => problem,
    become(sentence: string, error?: unknown): void {
      problem = sentence;
      const cause = error === undefined ? {} : { err: error };
      logger?.fatal({ database: describeDatabase(location), ...cause }, sentence);
    },
    failed(error: unknown): void {
      const damage = damageOf(error);
      if (damage === undefined || problem !== undefined) return;
      this.become(`The database is damaged (${damage}). ${AFTER_DAMAGE}`);
    },
  };
}

/**
 * Watches over a file, which must be open.
 * @param options.rescue Copies all that is in the open files to a new one.
 */
export function watchSqlite(
  options: WatchOptions & { location: { file: string }; rescue(copy: string): Promise<void> },
): DatabaseWatch & { close(): void } {
  const { location, known, rescue } = options;
  const { file } = location;
  const name = basename(file);
  const state = createProblem(options);
  const files = watchSqliteFiles(file);

  function look(): void {
    if (state.get() !== undefined) return;
    const problem = files.problem();
    if (problem === undefined) return;
    state.become(`${problem} Nothing more is written.`);
    const copy = `${file}.rescued-${new Date().toISOString().replace(/\D/g, "").slice(0, 14)}`;
    // The files that are open still have everything, for as long as they are open.
    rescue(copy).then(
      () =>
        state.become(
          `${problem} Nothing more is written; all that was written is in ${basename(copy)}, beside it. Stop the server, put that file in the place of ${name}, delete ${name}-wal and ${name}-shm, and start again.`,
        ),
      (error: unknown) =>
        state.become(
          `${problem} Nothing more is written, and what was written could not be copied. Stop the server, and restore a backup: npm run restore -- <archive>.`,
          error,
        ),
    );
  }

  function requireWell(): void {
    const problem = state.get();
    if (problem !== undefined) throw new DatabaseLostError(problem);
  }

  return {
    problem() {
      look();
      return state.get();
    },
    failed(error) {
      // What reads where the log was cut may find no database there: that is told as what has happened.
      if (damageOf(error) !== undefined) look();
      state.failed(error);
    },
    requireWritable() {
      // Before as well: what is written next makes a log that was cut as long again.
      look();
      requireWell();
    },
    committed(number) {
      look();
      requireWell();
      known?.note(number);
    },
    close: () => files.close(),
  };
}

/** How often it is looked whether a PostgreSQL database is still the one it was. */
const LOOK_MS = 5_000;

/**
 * Watches over a PostgreSQL database, which others may drop and restore while a server runs. Its commits are not counted one by one,
 * because all writers would wait for that one row.
 * @param options.onLost Is told when the database has gone back in time, or is another one: the process should end, because it
 * cannot keep its statements back.
 */
export function watchPostgresql(
  options: WatchOptions & { database: Database; state: DatabaseState; onLost(problem: string): void },
): DatabaseWatch & { close(): Promise<void> } {
  const { location, known, database, onLost } = options;
  const state = createProblem(options);
  const stopping = new AbortController();
  let seen = options.state;

  async function look(): Promise<void> {
    const [row] = await database.$queryRaw<{ name: string; commits: bigint }[]>(
      Prisma.sql`UPDATE "DatabaseState" SET "commits" = "commits" + 1 WHERE "id" = 1 RETURNING "name", "commits"`,
    );
    const found = { name: row?.name ?? "", commits: Number(row?.commits ?? 0) };
    const problem = differenceOf(location, seen, found);
    if (problem === undefined) {
      seen = found;
      known?.note(found.commits);
    } else {
      state.become(problem);
      onLost(problem);
    }
  }

  const watching = (async () => {
    while (!stopping.signal.aborted && state.get() === undefined) {
      await look().catch((error: unknown) => {
        state.failed(error);
        // What is away comes back. What cannot be asked for its state is told wherever else it is asked.
        if (!isOutage(error)) options.logger?.warn({ err: error }, "the database does not tell its state");
      });
      await sleep(LOOK_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
    }
  })();

  return {
    problem: state.get,
    failed: (error) => state.failed(error),
    requireWritable: () => undefined,
    committed: () => undefined,
    async close() {
      stopping.abort();
      await watching;
    },
  };
}
