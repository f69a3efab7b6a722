-- The mirror is emptied, because its new columns hold what older mirrors have not read: the indexer reads the chain anew.
DELETE FROM "Card";
DELETE FROM "Batch";
DELETE FROM "Collection";
DELETE FROM "Brand";
DELETE FROM "Event";
DELETE FROM "Block";
DELETE FROM "Checkpoint";

-- AlterTable
ALTER TABLE "Card" ADD COLUMN "reissueReadyAt" BIGINT;
ALTER TABLE "Card" ADD COLUMN "reissueTo" TEXT;

-- CreateTable
CREATE TABLE "Benefit" (
    "collectionAddress" TEXT NOT NULL,
    "tier" INTEGER NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "quota" BIGINT NOT NULL,
    "period" BIGINT NOT NULL,
    "startsAt" BIGINT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,

    PRIMARY KEY ("collectionAddress", "tier", "benefitId"),
    CONSTRAINT "Benefit_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection" ("address") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Redemption" (
    "collectionAddress" TEXT NOT NULL,
    "serial" INTEGER NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "number" INTEGER NOT NULL,
    "staff" TEXT NOT NULL,
    "periodStart" BIGINT NOT NULL,
    "used" INTEGER NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL,

    PRIMARY KEY ("collectionAddress", "serial", "benefitId", "number"),
    CONSTRAINT "Redemption_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection" ("address") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_Collection" (
    "address" TEXT NOT NULL PRIMARY KEY,
    "brandId" INTEGER NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "symbol" TEXT NOT NULL,
    "maxSupply" INTEGER NOT NULL,
    "burnAuth" TEXT NOT NULL,
    "reissueDelay" INTEGER NOT NULL,
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
INSERT INTO "new_Collection" ("address", "blockNumber", "brandId", "burnAuth", "issuedCount", "maxSupply", "name", "slug", "symbol", "transactionHash") SELECT "address", "blockNumber", "brandId", "burnAuth", "issuedCount", "maxSupply", "name", "slug", "symbol", "transactionHash" FROM "Collection";
DROP TABLE "Collection";
ALTER TABLE "new_Collection" RENAME TO "Collection";
CREATE UNIQUE INDEX "Collection_slug_key" ON "Collection"("slug");
CREATE INDEX "Collection_brandId_idx" ON "Collection"("brandId");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;
