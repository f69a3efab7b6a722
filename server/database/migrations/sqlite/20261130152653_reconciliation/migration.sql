-- CreateTable
CREATE TABLE "AdoptedCard" (
    "collectionAddress" TEXT NOT NULL,
    "serial" INTEGER NOT NULL,
    "brandId" INTEGER NOT NULL,
    "holder" TEXT NOT NULL,
    "tier" INTEGER NOT NULL,
    "expiresAt" BIGINT NOT NULL,
    "source" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "orderId" TEXT,
    "importId" TEXT,
    "issuedAt" BIGINT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL,
    "adoptedAt" BIGINT NOT NULL,
    "settledAt" BIGINT,

    PRIMARY KEY ("collectionAddress", "serial")
);

-- CreateTable
CREATE TABLE "AdoptedRedemption" (
    "collectionAddress" TEXT NOT NULL,
    "serial" INTEGER NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "number" INTEGER NOT NULL,
    "brandId" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "holdId" TEXT,
    "redeemedAt" BIGINT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL,
    "adoptedAt" BIGINT NOT NULL,
    "settledAt" BIGINT,

    PRIMARY KEY ("collectionAddress", "serial", "benefitId", "number")
);

-- CreateTable
CREATE TABLE "Reconciliation" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "genesisHash" TEXT NOT NULL,
    "baselineBlock" INTEGER NOT NULL,
    "throughBlock" INTEGER NOT NULL
);

-- CreateTable
CREATE TABLE "Backup" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "startedAt" BIGINT NOT NULL,
    "finishedAt" BIGINT NOT NULL,
    "bytes" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "Restore" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "at" BIGINT NOT NULL,
    "archiveAt" BIGINT NOT NULL,
    "blockNumber" INTEGER,
    "details" TEXT NOT NULL
);

-- CreateIndex
CREATE INDEX "AdoptedCard_collectionAddress_holder_idx" ON "AdoptedCard"("collectionAddress", "holder");

-- CreateIndex
CREATE INDEX "AdoptedCard_state_brandId_idx" ON "AdoptedCard"("state", "brandId");

-- CreateIndex
CREATE INDEX "AdoptedCard_orderId_idx" ON "AdoptedCard"("orderId");

-- CreateIndex
CREATE INDEX "AdoptedRedemption_state_brandId_idx" ON "AdoptedRedemption"("state", "brandId");

-- What a database has at this moment is older than the comparison with the chain: only what comes after it is compared.
INSERT INTO "Reconciliation" ("id", "genesisHash", "baselineBlock", "throughBlock")
SELECT 1, "genesisHash", "blockNumber", "blockNumber" FROM "Checkpoint" WHERE "id" = 1;
