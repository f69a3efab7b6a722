// A mirror from before answers of the past, brought up to date by its migration: the same rows as if it were read anew.

import { expect } from "chai";
import { Contract } from "ethers";
import { BRAND_ROLE, membershipCollectionInterface } from "../../../server/chain/abi.ts";
import { openDatabase } from "../../../server/database/client.ts";
import { migrate } from "../../../server/database/migrate.ts";
import { startTestChain } from "../../support/chain.ts";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { createTestMirror, freshMirrorRows, mirrorRows, startAndCatchUp } from "../../support/mirror.ts";

const REASON = `0x${"52".repeat(32)}`;
const PROFILE = { legalName: "N", domain: "n.example", filingNumber: "1", profileURI: "u", profileHash: REASON };
const ADMIN = 1;
const drop = (table: string, column: string) => `ALTER TABLE "${table}" DROP COLUMN "${column}"`;
const ISSUER = 2;

describeOnEachDatabase("the migration to answers of the past", (kind) => {
  it("fills what it adds from the stored events", async () => {
    const chain = await startTestChain();
    const mirror = await createTestMirror(kind);
    try {
      const brandId = await chain.admitBrand({ name: 'zero\0and "quotes"', handle: "zero" });
      const roleId = await chain.registry.getFunction("roleId")(brandId, BRAND_ROLE.Steward);
      await chain.call(chain.registry, ADMIN, "grantRole", roleId, await (await chain.signer(ISSUER)).getAddress());
      for (const slug of ["zero-one", "zero-two"]) {
        const collection = await chain.createCollection({ brandId, slug, maxSupply: 50 });
        for (const [firstSerial, holders] of [[41, 3] as const, [1, 10] as const, [20, 1] as const]) {
          await chain.issue({ collection, firstSerial, holders });
        }
        const contract = new Contract(collection, membershipCollectionInterface, chain.provider);
        for (const to of [`0x${"aa".repeat(20)}`, `0x${"bb".repeat(20)}`]) {
          await chain.call(contract, ISSUER, "requestReissue", 42, to, REASON);
        }
        await chain.call(contract, ADMIN, "setContent", "https://n.example", REASON);
        await chain.doFinally(collection, "FreezeContent", "FreezeBenefits", "WindDown");
      }
      await chain.call(chain.registry, 0, "setBrandProfile", brandId, { ...PROFILE, name: "n" });
      await chain.call(chain.registry, 0, "suspendBrand", brandId, REASON);
      const indexer = mirror.indexer(chain);
      await startAndCatchUp(indexer);
      await indexer.stop();

      for (const statement of [
        'DROP TABLE "EventSubject"',
        'DROP TABLE "Reissue"',
        'DROP INDEX "Batch_collectionAddress_blockNumber_logIndex_idx"',
        ...["issuedCount", "highestSerial", "logIndex", "batchReference"].map((column) => drop("Batch", column)),
        ...["handle", "keyEpoch", "suspension"].map((column) => drop("Brand", column)),
        ...["highestTier", "longestTerm"].map((column) => drop("Collection", column)),
        ...["staff", "standsFor"].map((column) => drop("Command", column)),
        drop("AdoptedCard", "tag"),
        `DELETE FROM "_prisma_migrations" WHERE "migration_name" LIKE '%_time_travel' OR "migration_name" LIKE '%_declared_terms'`,
      ]) {
        await mirror.database.$executeRawUnsafe(statement);
      }
      await mirror.database.$disconnect();
      expect(await migrate(mirror.url)).to.have.length(2);
      const migrated = await openDatabase(mirror.url);
      const rows = await mirrorRows(migrated);
      await migrated.$disconnect();
      expect(rows["Reissue"]).to.have.length(4);
      expect(rows).to.deep.equal(await freshMirrorRows(chain));
    } finally {
      await mirror.close();
      await chain.close();
    }
  });
});
