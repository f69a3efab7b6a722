// Moves imports along: checks what was uploaded, keeps the queue of the sender filled, and takes in what has become of it. Runs in
// the one server process that leads; what it does is in the database, so that another one can go on at any point.

import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { ChildEndedError } from "../child-processes.ts";
import { steadyClock } from "../clocks.ts";
import type { Database } from "../database/client.ts";
import { isOutage } from "../database/unusable.ts";
import { IssuanceError } from "../issuance/problems.ts";
import { updateImport, withImport } from "./changes.ts";
import { checkImport } from "./check.ts";
import type { ImportFiles } from "./files.ts";
import type { HolderProcess } from "./holder-process.ts";
import { advanceImport } from "./issue.ts";
import { MissingFile } from "./reader-process.ts";
import { type ImportRow, ON_THE_WAY } from "./states.ts";

export interface ImportWorkerOptions {
  application: Database;
  database: Database;
  files: ImportFiles;
  holders(brandId: number): Promise<HolderProcess>;
  /** Whether this is the process that does the work. */
  leads(): boolean;
  logger: Logger;
  /** The wall clock, in milliseconds. */
  now(): number;
  /** The steady clock. */
  steady?(): number;
  /** Is told when commands were put in the sender's queue. */
  onQueued?(): void;
}

export interface ImportWorker {
  /** Resolves when all that was under way has stopped. */
  stop(): Promise<void>;
}

/** How often it is looked for new work. */
const INTERVAL_MS = 500;
/** After what went wrong by itself, it is tried again after so long. */
const RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 20_000;
/** A check that ends its processes so often at the same line is not tried again. */
const MOST_DEATHS = 6;
const SWEEP_INTERVAL_MS = 600_000;
/** An upload that was not written to for so long was cut off. */
const CUT_OFF_MS = 3_600_000;
/** The file of an import that nobody has touched for so long is not kept any longer. */
const FORGOTTEN_MS = 30 * 24 * 3_600_000;

export function startImportWorker(options: ImportWorkerOptions): ImportWorker {
  const { application, database, files, leads, logger, now, steady = steadyClock } = options;
  const stopping = new AbortController();
  const { signal } = stopping;

  /** Does a task again and again until told to stop. A check takes minutes; what is issued meanwhile must not wait for it. */
  async function repeat(task: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      let pause = INTERVAL_MS;
      try {
        if (leads()) await task();
      } catch (error) {
        if (signal.aborted) return;
        pause = RETRY_MS;
        const level = isOutage(error) || (error instanceof IssuanceError && error.retryable) ? "warn" : "error";
        logger[level]({ err: error }, "imports: something failed and is tried again");
      }
      await sleep(pause, undefined, { signal }).catch(() => {});
    }
  }

  /** Imports whose check did not go on, and is tried again: how often in a row, and not before when. */
  const putOff = new Map<string, { times: number; line: number; until: number }>();

  async function checkNext(): Promise<void> {
    const waiting = [...putOff].filter(([, { until }]) => until > steady()).map(([id]) => id);
    const row = await database.import.findFirst({
      where: { state: { in: ["uploaded", "checking"] }, id: { notIn: waiting } },
      orderBy: { id: "asc" },
    });
    if (row === null) return;
    logger.info({ importId: row.id, from: row.checkedLine }, "checking an import");
    try {
      const file = files.path(row.id);
      await checkImport(row, { ...options, file, signal });
      putOff.delete(row.id);
    } catch (error) {
      if (error instanceof MissingFile) {
        await failImport(
          row.id,
          "The uploaded file is gone from this server's data folder. Upload it again; where several servers work together, they must share DATA_DIR/imports.",
        );
      } else if (error instanceof ChildEndedError || (error instanceof IssuanceError && error.retryable)) {
        await tryLater(row, error);
      } else throw error;
    }
  }

  /** Others are checked meanwhile. A file that ends the process that reads it again and again, at the same line, is given up. */
  async function tryLater({ id, checkedLine }: ImportRow, error: Error): Promise<void> {
    const before = putOff.get(id);
    const times = before?.line === checkedLine ? before.times + 1 : 1;
    // One that could not even be started is not the file's fault.
    if (error instanceof ChildEndedError && error.end.kind !== "not-started" && times >= MOST_DEATHS) {
      putOff.delete(id);
      logger.warn({ importId: id, reason: error.message }, "an import is given up");
      await failImport(
        id,
        `${error.message} It was tried ${times} times. Split the file into smaller ones and upload them, or have the server's operator look into it.`,
      );
      return;
    }
    const restMs = Math.min(RETRY_MS * 2 ** (times - 1), LONGEST_RETRY_MS);
    putOff.set(id, { times, line: checkedLine, until: steady() + restMs });
    logger.warn({ importId: id, reason: error.message }, "imports: a check is tried again");
    await withImport(application, id, async (transaction, { state }) => {
      const failure = `${error.message} It is tried again by itself.`;
      if (state === "checking") await updateImport(transaction, id, now(), { failure });
    });
  }

  async function failImport(id: string, failure: string): Promise<void> {
    await withImport(application, id, (transaction) =>
      updateImport(transaction, id, now(), { state: "failed", failure }),
    );
  }

  async function advance(): Promise<void> {
    const rows = await database.import.findMany({
      where: { state: { in: [...ON_THE_WAY] }, endedAt: null },
      orderBy: { id: "asc" },
    });
    for (const row of rows) {
      if (!(await advanceImport(row, options))) continue;
      options.onQueued?.();
      const now = await database.import.findUnique({ where: { id: row.id }, select: { endedAt: true } });
      // Customers' references are in the file.
      if (now?.endedAt !== null) await files.remove(row.id);
    }
  }

  let sweptAt = Number.NEGATIVE_INFINITY;
  async function sweep(): Promise<void> {
    if (steady() - sweptAt < SWEEP_INTERVAL_MS) return;
    sweptAt = steady();
    await files.sweep({
      olderThanMs: CUT_OFF_MS,
      now: now(),
      async needed(id) {
        const row = await database.import.findUnique({ where: { id }, select: { endedAt: true, updatedAt: true } });
        return row !== null && row.endedAt === null && Number(row.updatedAt) > now() - FORGOTTEN_MS;
      },
    });
  }

  const running = Promise.all([repeat(checkNext), repeat(advance), repeat(sweep)]);
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
