-- AlterTable
ALTER TABLE "Command" ADD COLUMN     "benefitId" INTEGER,
ADD COLUMN     "deadline" BIGINT,
ADD COLUMN     "generation" INTEGER,
ADD COLUMN     "holdId" TEXT COLLATE "C",
ADD COLUMN     "redemptionNumber" INTEGER,
ADD COLUMN     "signature" TEXT COLLATE "C";

-- CreateTable
CREATE TABLE "BenefitRule" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "brandId" INTEGER NOT NULL,
    "kind" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "nameZh" TEXT COLLATE "C",
    "basisPoints" INTEGER,
    "products" TEXT COLLATE "C" NOT NULL,
    "updatedAt" BIGINT NOT NULL,

    CONSTRAINT "BenefitRule_pkey" PRIMARY KEY ("collectionAddress","benefitId")
);

-- CreateTable
CREATE TABLE "BenefitHold" (
    "id" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "customerId" TEXT COLLATE "C",
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "holder" TEXT COLLATE "C" NOT NULL,
    "generation" INTEGER NOT NULL,
    "custodial" BOOLEAN NOT NULL,
    "state" TEXT COLLATE "C" NOT NULL,
    "heldUntil" BIGINT NOT NULL,
    "number" INTEGER,
    "note" TEXT COLLATE "C",
    "reason" TEXT COLLATE "C",
    "failure" TEXT COLLATE "C",
    "failureDetail" TEXT COLLATE "C",
    "idempotencyKey" TEXT COLLATE "C" NOT NULL,
    "requestHash" TEXT COLLATE "C" NOT NULL,
    "answer" TEXT COLLATE "C" NOT NULL,
    "createdBy" TEXT COLLATE "C" NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "confirmedAt" BIGINT,
    "updatedAt" BIGINT NOT NULL,

    CONSTRAINT "BenefitHold_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "BenefitLock" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "revision" INTEGER NOT NULL,

    CONSTRAINT "BenefitLock_pkey" PRIMARY KEY ("collectionAddress","serial","benefitId")
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
