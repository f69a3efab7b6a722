-- AlterTable
ALTER TABLE "Command" ADD COLUMN "benefitId" INTEGER;
ALTER TABLE "Command" ADD COLUMN "deadline" BIGINT;
ALTER TABLE "Command" ADD COLUMN "generation" INTEGER;
ALTER TABLE "Command" ADD COLUMN "holdId" TEXT;
ALTER TABLE "Command" ADD COLUMN "redemptionNumber" INTEGER;
ALTER TABLE "Command" ADD COLUMN "signature" TEXT;

-- CreateTable
CREATE TABLE "BenefitRule" (
    "collectionAddress" TEXT NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "brandId" INTEGER NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "nameZh" TEXT,
    "basisPoints" INTEGER,
    "products" TEXT NOT NULL,
    "updatedAt" BIGINT NOT NULL,

    PRIMARY KEY ("collectionAddress", "benefitId")
);

-- CreateTable
CREATE TABLE "BenefitHold" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "brandId" INTEGER NOT NULL,
    "customerId" TEXT,
    "collectionAddress" TEXT NOT NULL,
    "serial" INTEGER NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "holder" TEXT NOT NULL,
    "generation" INTEGER NOT NULL,
    "custodial" BOOLEAN NOT NULL,
    "state" TEXT NOT NULL,
    "heldUntil" BIGINT NOT NULL,
    "number" INTEGER,
    "note" TEXT,
    "reason" TEXT,
    "failure" TEXT,
    "failureDetail" TEXT,
    "idempotencyKey" TEXT NOT NULL,
    "requestHash" TEXT NOT NULL,
    "answer" TEXT NOT NULL,
    "createdBy" TEXT NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "confirmedAt" BIGINT,
    "updatedAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "BenefitLock" (
    "collectionAddress" TEXT NOT NULL,
    "serial" INTEGER NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "revision" INTEGER NOT NULL,

    PRIMARY KEY ("collectionAddress", "serial", "benefitId")
);

-- CreateIndex
CREATE INDEX "BenefitRule_brandId_idx" ON "BenefitRule"("brandId");

-- CreateIndex
CREATE INDEX "BenefitHold_brandId_id_idx" ON "BenefitHold"("brandId", "id");

-- CreateIndex
CREATE INDEX "BenefitHold_collectionAddress_serial_state_idx" ON "BenefitHold"("collectionAddress", "serial", "state");

-- CreateIndex
CREATE INDEX "BenefitHold_customerId_id_idx" ON "BenefitHold"("customerId", "id");

-- CreateIndex
CREATE INDEX "BenefitHold_state_heldUntil_idx" ON "BenefitHold"("state", "heldUntil");

-- CreateIndex
CREATE UNIQUE INDEX "BenefitHold_brandId_idempotencyKey_key" ON "BenefitHold"("brandId", "idempotencyKey");

-- CreateIndex
CREATE INDEX "Command_holdId_idx" ON "Command"("holdId");

-- CreateIndex
CREATE INDEX "Customer_brandId_holder_idx" ON "Customer"("brandId", "holder");
