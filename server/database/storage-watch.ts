// Whether the database takes what is written. A look that only reads does not notice a full disk, so a row is written every few
// seconds, and what a request meets is noted at once. Must hold: it is told while it lasts, and is over by itself.

import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { Gauge, type Registry } from "prom-client";
import { existingFolder } from "../system/data-folder.ts";
import type { Database } from "./client.ts";
import { Prisma } from "./generated/sqlite/client.ts";
import { locateDatabase } from "./location.ts";
import { type StorageFault, storageFaultOf, storageSentence } from "./unusable.ts";

export interface StorageWatch {
  /** Is told of every failure of the database that a request meets. */
  note(error: unknown): void;
  /** What keeps the database from being written, in a sentence; nothing while it can be. */
  problem(): string | undefined;
  stop(): Promise<void>;
}

export interface StorageWatchOptions {
  /** The connection for application tables. */
  application: Database;
  databaseUrl: string;
  dataFolder: string;
  logger: Logger;
  metrics: Registry;
}

const LOOK_MS = 10_000;
const LOOK_AGAIN_MS = 2_000;
/** With less room than this, the next order may be the one that does not fit. */
const FULL_BELOW_BYTES = 1_048_576;
/** The row that is written, among those that expire by themselves. */
const ATTEMPT_KEY = "storage watch";

export function startStorageWatch(options: StorageWatchOptions): StorageWatch {
  const { application, databaseUrl, dataFolder, logger, metrics } = options;
  const location = locateDatabase(databaseUrl);
  const databaseFolder = location.provider === "sqlite" ? dirname(location.file) : undefined;
  const stopping = new AbortController();
  let fault: StorageFault | undefined;
  let wake: (() => void) | undefined;

  function become(next: StorageFault | undefined, error?: unknown): void {
    if (next !== fault) {
      if (next === undefined) logger.info("the database can be written again");
      else logger.error({ fault: next, ...(error === undefined ? {} : { err: error }) }, storageSentence(next));
    }
    fault = next;
  }

  async function look(): Promise<void> {
    try {
      await application.$executeRaw(Prisma.sql`
        INSERT INTO "Attempts" ("key", "count", "endsAt") VALUES (${ATTEMPT_KEY}, 1, 0)
        ON CONFLICT ("key") DO UPDATE SET "count" = "Attempts"."count" + 1`);
      // PostgreSQL finds room for such a row on a full disk, too; we cannot see how much there is left.
      if (fault === "disk-full" && location.provider === "postgresql") await growTable();
    } catch (error) {
      // What is away says nothing about whether it could be written.
      const found = storageFaultOf(error);
      if (found !== undefined) become((await isFull()) ? "disk-full" : found, error);
      return;
    }
    become((await isFull()) ? "disk-full" : undefined);
  }

  /** As far as it can be seen from here. SQLite tells some kinds of a full disk as another fault. */
  async function isFull(): Promise<boolean> {
    const free = databaseFolder === undefined ? undefined : (await roomOf(databaseFolder))?.free;
    return free !== undefined && free < FULL_BELOW_BYTES;
  }

  async function growTable(): Promise<void> {
    await application.$transaction(async (transaction) => {
      await transaction.$executeRaw`CREATE TEMPORARY TABLE "StorageWatch" ("filler" TEXT) ON COMMIT DROP`;
      await transaction.$executeRaw`INSERT INTO "StorageWatch" VALUES ('takes a page')`;
    });
  }

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      await look();
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const pause = sleep(fault === undefined ? LOOK_MS : LOOK_AGAIN_MS, undefined, {
        signal: stopping.signal,
        ref: false,
      }).catch(() => undefined);
      await Promise.race([pause, woken]);
    }
  }

  createStorageMetrics(metrics, {
    isFailing: () => fault !== undefined,
    folders: { data: dataFolder, ...(databaseFolder === undefined ? {} : { database: databaseFolder }) },
  });

  const watching = watch();
  return {
    note(error) {
      const found = storageFaultOf(error);
      if (found === undefined || found === fault) return;
      become(found, error);
      wake?.();
    },
    problem: () => (fault === undefined ? undefined : storageSentence(fault)),
    async stop() {
      stopping.abort();
      wake?.();
      await watching;
    },
  };
}

interface Room {
  free: number;
  size: number;
}

/** How much room the disk of a folder has, for who is not the administrator; nothing if the system does not tell. */
async function roomOf(folder: string): Promise<Room | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(existingFolder(folder));
    return { free: bavail * bsize, size: blocks * bsize };
  } catch {
    return undefined;
  }
}

/** Registers the metrics of what the database and its disks have room for. */
export function createStorageMetrics(
  registry: Registry,
  { isFailing, folders }: { isFailing: () => boolean; folders: Record<string, string> },
): void {
  new Gauge({
    name: "mintmark_database_write_failed",
    help: "1 while the database cannot be written: its disk is full, it can only be read, its files cannot be used, or are locked.",
    registers: [registry],
    collect() {
      this.set(isFailing() ? 1 : 0);
    },
  });
  const define = (name: string, help: string, value: (room: Room) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["folder"],
      registers: [registry],
      async collect() {
        this.reset();
        for (const [folder, path] of Object.entries(folders)) {
          const room = await roomOf(path);
          if (room !== undefined) this.set({ folder }, value(room));
        }
      },
    });
  define(
    "mintmark_disk_free_bytes",
    "How much room is left on the disk of the data folder, and on that of the database's folder.",
    ({ free }) => free,
  );
  define("mintmark_disk_size_bytes", "How large these disks are.", ({ size }) => size);
}
