// Of several servers on one database one writes the mirror, and the others stand by. Must hold: whoever has lost the lease
// cannot commit, whatever it believes; nobody compares clocks of different machines.
//
// The holder changes a counter as a sign of life. Who sees it stand still for long enough, by a clock of its own, takes the
// lease and counts the epoch up; at once where the holder was a process of the same machine and is gone. Every commit of the mirror first renews the lease of its own epoch, in the same transaction.

import { randomUUID } from "node:crypto";
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Database, DatabaseTransaction } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";

/** Another server writes the mirror now. Nothing was changed. */
export class LeaseLostError extends Error {
  override name = "LeaseLostError";
  constructor() {
    super("Another server has taken over writing the mirror");
  }
}

export interface Lease {
  /** Renews the lease, or takes it if it is free or its holder has shown no sign of life for long enough. Whether it is held. */
  hold(): Promise<boolean>;
  /** Renews the lease within a transaction. Throws {@link LeaseLostError} if another server holds it. */
  renew(transaction: DatabaseTransaction): Promise<void>;
  /** Gives the lease back, so that another server need not wait. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  database: Database;
  /** For how long a holder may show no sign of life, in milliseconds. */
  patienceMs?: number;
  /** Who this is: this process if not given. */
  holder?: string;
}

/** How often a sign of life is shown, in milliseconds: several times within anybody's patience. */
export const BEAT_INTERVAL_MS = 1_000;
const LEASE_ID = 1;
const NOBODY = "";

export function createLease({ database, patienceMs = 5_000, holder = thisProcess() }: LeaseOptions): Lease {
  /** The epoch that this server holds; nothing if it holds none. */
  let epoch: number | undefined;
  let renewedAt = 0;
  /** What another holder showed last, and since when. */
  let seen: { epoch: number; beat: number; since: number } | undefined;

  async function beat(client: Database | DatabaseTransaction): Promise<boolean> {
    if (epoch === undefined) return false;
    const renewed = await client.$executeRaw(Prisma.sql`
      UPDATE "WriterLease" SET "beat" = "beat" + 1
      WHERE "id" = ${LEASE_ID} AND "holder" = ${holder} AND "epoch" = ${epoch}`);
    if (renewed === 1) renewedAt = performance.now();
    else epoch = undefined;
    return renewed === 1;
  }

  /** The lease as it stands. The first to ask makes it, held by nobody. */
  async function leaseRow() {
    const where = { id: LEASE_ID };
    const found = await database.writerLease.findUnique({ where });
    if (found !== null) return found;
    return await database.writerLease
      .create({ data: { id: LEASE_ID, holder: NOBODY, epoch: 0, beat: 0 } })
      .catch(async (error: { code?: string }) => {
        // Another was faster.
        if (error.code !== "P2002") throw error;
        return await database.writerLease.findUniqueOrThrow({ where });
      });
  }

  return {
    async hold() {
      if (epoch !== undefined && performance.now() - renewedAt < BEAT_INTERVAL_MS) return true;
      if (await beat(database)) return true;
      const row = await leaseRow();
      const now = performance.now();
      if (seen === undefined || seen.epoch !== row.epoch || seen.beat !== row.beat)
        seen = { epoch: row.epoch, beat: row.beat, since: now };
      if (row.holder !== NOBODY && now - seen.since < patienceMs && !isGone(row.holder)) return false;
      const taken = await database.writerLease.updateMany({
        where: { id: LEASE_ID, epoch: row.epoch, beat: row.beat },
        data: { holder, epoch: row.epoch + 1, beat: 0 },
      });
      if (taken.count !== 1) return false;
      epoch = row.epoch + 1;
      renewedAt = performance.now();
      return true;
    },
    async renew(transaction) {
      if (!(await beat(transaction))) throw new LeaseLostError();
    },
    async release() {
      if (epoch === undefined) return;
      await database.writerLease.updateMany({
        where: { id: LEASE_ID, holder, epoch },
        data: { holder: NOBODY, beat: { increment: 1 } },
      });
      epoch = undefined;
    },
  };
}

/** For how many seconds it is waited for a holder on another machine that may have ended. */
const PATIENCE_S = 7;

/** {@link Lease.hold}, for what a person runs: waits until a holder that has ended would have been noticed. */
export async function holdWhenFree(lease: Lease): Promise<boolean> {
  for (let waited = 0; waited < PATIENCE_S; waited++) {
    if (await lease.hold()) return true;
    await sleep(1_000);
  }
  return await lease.hold();
}

/** This process, so that others on the same machine can see whether it is still there, and no other is taken for it. */
function thisProcess(): string {
  return `${thisMachine()} ${process.pid} ${randomUUID()}`;
}

/** Where process numbers mean the same as here. */
function thisMachine(): string {
  let namespace = "";
  try {
    // Containers may have the same name, and have process numbers of their own.
    namespace = readlinkSync("/proc/self/ns/pid");
  } catch {
    // Only Linux has it, and only Linux has such containers.
  }
  return `${hostname()}${namespace}`.replaceAll(" ", "_");
}

/** Whether a holder was a process of this machine that has ended. */
function isGone(holder: string): boolean {
  const [machine, number] = holder.split(" ");
  const pid = Number(number);
  if (machine !== thisMachine() || !Number.isSafeInteger(pid)) return false;
  // The first process of a restarted container has the number of the one before it.
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
