-- CreateTable
CREATE TABLE "AdoptedCard" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER NOT NULL,
    "brandId" INTEGER NOT NULL,
    "holder" TEXT COLLATE "C" NOT NULL,
    "tier" INTEGER NOT NULL,
    "expiresAt" BIGINT NOT NULL,
    "source" TEXT COLLATE "C" NOT NULL,
    "state" TEXT COLLATE "C" NOT NULL,
    "orderId" TEXT COLLATE "C",
    "importId" TEXT COLLATE "C",
    "issuedAt" BIGINT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "transactionHash" TEXT COLLATE "C" NOT NULL,
    "adoptedAt" BIGINT NOT NULL,
    "settledAt" BIGINT,

    CONSTRAINT "AdoptedCard_pkey" PRIMARY KEY ("collectionAddress","serial")
);

-- CreateTable
CREATE TABLE "AdoptedRedemption" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "number" INTEGER NOT NULL,
    "brandId" INTEGER NOT NULL,
    "state" TEXT COLLATE "C" NOT NULL,
    "holdId" TEXT COLLATE "C",
    "redeemedAt" BIGINT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "transactionHash" TEXT COLLATE "C" NOT NULL,
    "adoptedAt" BIGINT NOT NULL,
    "settledAt" BIGINT,

    CONSTRAINT "AdoptedRedemption_pkey" PRIMARY KEY ("collectionAddress","serial","benefitId","number")
);

-- CreateTable
CREATE TABLE "Reconciliation" (
    "id" INTEGER NOT NULL,
    "genesisHash" TEXT COLLATE "C" NOT NULL,
    "baselineBlock" INTEGER NOT NULL,
    "throughBlock" INTEGER NOT NULL,

    CONSTRAINT "Reconciliation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Backup" (
    "id" SERIAL NOT NULL,
    "startedAt" BIGINT NOT NULL,
    "finishedAt" BIGINT NOT NULL,
    "bytes" BIGINT NOT NULL,

    CONSTRAINT "Backup_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Restore" (
    "id" SERIAL NOT NULL,
    "at" BIGINT NOT NULL,
    "archiveAt" BIGINT NOT NULL,
    "blockNumber" INTEGER,
    "details" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "Restore_pkey" PRIMARY KEY ("id")
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
