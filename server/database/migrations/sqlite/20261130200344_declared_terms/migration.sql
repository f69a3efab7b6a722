-- AlterTable
ALTER TABLE "Command" ADD COLUMN "staff" TEXT;
ALTER TABLE "Command" ADD COLUMN "standsFor" TEXT;

-- AlterTable
ALTER TABLE "AdoptedCard" ADD COLUMN "tag" TEXT;

-- RedefineTables: what the new columns hold is told by the stored events, which are kept.
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_Batch" (
    "collectionAddress" TEXT NOT NULL,
    "firstSerial" INTEGER NOT NULL,
    "count" INTEGER NOT NULL,
    "tier" INTEGER NOT NULL,
    "expiresAt" BIGINT NOT NULL,
    "commitmentRoot" TEXT NOT NULL,
    "batchReference" TEXT NOT NULL,
    "issuedCount" INTEGER NOT NULL,
    "highestSerial" INTEGER NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL,

    PRIMARY KEY ("collectionAddress", "firstSerial"),
    CONSTRAINT "Batch_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection" ("address") ON DELETE RESTRICT ON UPDATE CASCADE
);
INSERT INTO "new_Batch" ("blockNumber", "collectionAddress", "commitmentRoot", "count", "expiresAt", "firstSerial", "highestSerial", "issuedCount", "logIndex", "tier", "transactionHash", "batchReference")
SELECT "blockNumber", "collectionAddress", "commitmentRoot", "count", "expiresAt", "firstSerial", "highestSerial", "issuedCount", "logIndex", "tier", "transactionHash",
    COALESCE((SELECT json_extract(e."arguments", '$.batchReference') FROM "Event" AS e WHERE e."blockNumber" = "Batch"."blockNumber" AND e."logIndex" = "Batch"."logIndex"), '0x0000000000000000000000000000000000000000000000000000000000000000')
FROM "Batch";
DROP TABLE "Batch";
ALTER TABLE "new_Batch" RENAME TO "Batch";
CREATE INDEX "Batch_collectionAddress_blockNumber_logIndex_idx" ON "Batch"("collectionAddress", "blockNumber", "logIndex");
CREATE TABLE "new_Brand" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "status" TEXT NOT NULL,
    "handle" TEXT NOT NULL,
    "keyEpoch" INTEGER NOT NULL,
    "suspension" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "legalName" TEXT NOT NULL,
    "domain" TEXT NOT NULL,
    "filingNumber" TEXT NOT NULL,
    "profileUri" TEXT NOT NULL,
    "profileHash" TEXT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL
);
INSERT INTO "new_Brand" ("blockNumber", "domain", "filingNumber", "id", "legalName", "name", "profileHash", "profileUri", "status", "transactionHash", "handle", "keyEpoch", "suspension")
SELECT "blockNumber", "domain", "filingNumber", "id", "legalName", "name", "profileHash", "profileUri", "status", "transactionHash",
    COALESCE((SELECT json_extract(e."arguments", '$.handle') FROM "Event" AS e WHERE e."name" = 'BrandAdmitted' AND json_extract(e."arguments", '$.brandId') = "Brand"."id"), ''),
    COALESCE((SELECT MAX(json_extract(e."arguments", '$.keyEpoch')) FROM "Event" AS e WHERE e."name" = 'BrandKeysReplaced' AND json_extract(e."arguments", '$.brandId') = "Brand"."id"), 0),
    COALESCE((SELECT MAX(json_extract(e."arguments", '$.suspension')) FROM "Event" AS e WHERE e."name" = 'BrandStatusChanged' AND json_extract(e."arguments", '$.brandId') = "Brand"."id"), 0)
FROM "Brand";
DROP TABLE "Brand";
ALTER TABLE "new_Brand" RENAME TO "Brand";
CREATE TABLE "new_Collection" (
    "address" TEXT NOT NULL PRIMARY KEY,
    "brandId" INTEGER NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "symbol" TEXT NOT NULL,
    "maxSupply" INTEGER NOT NULL,
    "burnAuth" TEXT NOT NULL,
    "reissueDelay" INTEGER NOT NULL,
    "highestTier" INTEGER NOT NULL,
    "longestTerm" BIGINT NOT NULL,
    "contractUri" TEXT NOT NULL,
    "contentHash" TEXT NOT NULL,
    "contentFrozen" BOOLEAN NOT NULL,
    "benefitsFrozen" BOOLEAN NOT NULL,
    "windingDown" BOOLEAN NOT NULL,
    "issuedCount" INTEGER NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL,
    CONSTRAINT "Collection_brandId_fkey" FOREIGN KEY ("brandId") REFERENCES "Brand" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
INSERT INTO "new_Collection" ("address", "benefitsFrozen", "blockNumber", "brandId", "burnAuth", "contentFrozen", "contentHash", "contractUri", "issuedCount", "maxSupply", "name", "reissueDelay", "slug", "symbol", "transactionHash", "windingDown", "highestTier", "longestTerm")
SELECT "address", "benefitsFrozen", "blockNumber", "brandId", "burnAuth", "contentFrozen", "contentHash", "contractUri", "issuedCount", "maxSupply", "name", "reissueDelay", "slug", "symbol", "transactionHash", "windingDown",
    COALESCE((SELECT json_extract(e."arguments", '$.highestTier') FROM "Event" AS e WHERE e."name" = 'CollectionCreated' AND json_extract(e."arguments", '$.collection') = "Collection"."address"), 255),
    COALESCE((SELECT json_extract(e."arguments", '$.longestTerm') FROM "Event" AS e WHERE e."name" = 'CollectionCreated' AND json_extract(e."arguments", '$.collection') = "Collection"."address"), 4294967295)
FROM "Collection";
DROP TABLE "Collection";
ALTER TABLE "new_Collection" RENAME TO "Collection";
CREATE UNIQUE INDEX "Collection_slug_key" ON "Collection"("slug");
CREATE INDEX "Collection_brandId_idx" ON "Collection"("brandId");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;
