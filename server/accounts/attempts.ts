// How often something may be tried: signing in, having a code sent. Counted in the database, because several server processes share
// the limit. Must hold: one statement counts and decides, so requests at the same moment cannot all slip through.

import { createHmac } from "node:crypto";
import type { Clocks } from "../clocks.ts";
import type { Database } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import type { Secrets } from "./secrets.ts";

const PRUNE_EVERY_MS = 60_000;
/** How far the clocks of servers on one database may be apart. */
const CLOCKS_APART_MS = 60_000;

export interface Limit {
  /** So often … */
  max: number;
  /** … in so many seconds, from the first time on. */
  seconds: number;
}

export interface Attempts {
  /** Counts one attempt. Returns for how many seconds there may be no other; 0 if this one was allowed. */
  count(key: string, limit: Limit): Promise<number>;
}

export function createAttempts(options: { database: Database; secrets: Secrets } & Clocks): Attempts {
  const { database, secrets, now, steady } = options;
  const hashKey = secrets.dataKey("attempts");
  let prunedAt = steady();

  async function prune(time: number): Promise<void> {
    if (steady() - prunedAt < PRUNE_EVERY_MS) return;
    prunedAt = steady();
    await database.attempts.deleteMany({ where: { endsAt: { lte: time } } });
  }

  return {
    async count(key, { max, seconds }) {
      const time = now();
      // Addresses and phone numbers are nobody's business, not even for an hour.
      const hash = createHmac("sha256", hashKey).update(key).digest("base64url");
      const endsAt = BigInt(time + seconds * 1000);
      // What would end later than what begins now was begun while the clock was ahead.
      const isOver = Prisma.sql`
        ("Attempts"."endsAt" <= ${BigInt(time)} OR "Attempts"."endsAt" > ${endsAt + BigInt(CLOCKS_APART_MS)})`;
      const [row] = await database.$queryRaw<{ count: number | bigint; endsAt: number | bigint }[]>(Prisma.sql`
        INSERT INTO "Attempts" ("key", "count", "endsAt") VALUES (${hash}, 1, ${endsAt})
        ON CONFLICT ("key") DO UPDATE SET
          "count" = CASE WHEN ${isOver} THEN 1 ELSE "Attempts"."count" + 1 END,
          "endsAt" = CASE WHEN ${isOver} THEN excluded."endsAt" ELSE "Attempts"."endsAt" END
        RETURNING "count", "endsAt"`);
      await prune(time);
      if (row === undefined || Number(row.count) <= max) return 0;
      return Math.max(1, Math.ceil((Number(row.endsAt) - time) / 1000));
    },
  };
}
