// How often something may be tried: signing in, having a code sent. Counted in the database, because several server processes share
// the limit. Must hold: one statement counts and decides, so requests at the same moment cannot all slip through.

import { createHmac } from "node:crypto";
import type { Database } from "../database/client.ts";
import { Prisma } from "../database/generated/sqlite/client.ts";
import type { Secrets } from "./secrets.ts";

const PRUNE_EVERY_MS = 60_000;

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

export function createAttempts(options: { database: Database; secrets: Secrets; now(): number }): Attempts {
  const { database, secrets, now } = options;
  const hashKey = secrets.dataKey("attempts");
  let prunedAt = now();

  async function prune(time: number): Promise<void> {
    if (time - prunedAt < PRUNE_EVERY_MS) return;
    prunedAt = time;
    await database.attempts.deleteMany({ where: { endsAt: { lte: time } } });
  }

  return {
    async count(key, { max, seconds }) {
      const time = now();
      // Addresses and phone numbers are nobody's business, not even for an hour.
      const hash = createHmac("sha256", hashKey).update(key).digest("base64url");
      const [row] = await database.$queryRaw<{ count: number | bigint; endsAt: number | bigint }[]>(Prisma.sql`
        INSERT INTO "Attempts" ("key", "count", "endsAt") VALUES (${hash}, 1, ${BigInt(time + seconds * 1000)})
        ON CONFLICT ("key") DO UPDATE SET
          "count" = CASE WHEN "Attempts"."endsAt" <= ${BigInt(time)} THEN 1 ELSE "Attempts"."count" + 1 END,
          "endsAt" = CASE WHEN "Attempts"."endsAt" <= ${BigInt(time)} THEN excluded."endsAt" ELSE "Attempts"."endsAt" END
        RETURNING "count", "endsAt"`);
      await prune(time);
      if (row === undefined || Number(row.count) <= max) return 0;
      return Math.max(1, Math.ceil((Number(row.endsAt) - time) / 1000));
    },
  };
}
