// A file that is uploaded again after an older copy was restored names its serials itself: its lines find their cards on the chain when they are
// checked, and are done. Here those cards stop being nobody's.

import type { Database } from "../../database/client.ts";
import { Prisma } from "../../database/generated/sqlite/client.ts";

/** Returns how many cards were claimed. */
export async function claimByImports(application: Database, now: number): Promise<number> {
  return await application.$executeRaw(Prisma.sql`
    UPDATE "AdoptedCard" SET "state" = 'claimed', "settledAt" = ${now}, "importId" = l."importId"
    FROM "ImportLine" AS l, "Import" AS i
    WHERE "AdoptedCard"."state" = 'unclaimed' AND i."collectionAddress" = "AdoptedCard"."collectionAddress" AND l."importId" = i."id"
      AND l."state" = 'done' AND l."serial" = "AdoptedCard"."serial" AND l."holder" = "AdoptedCard"."holder"`);
}
