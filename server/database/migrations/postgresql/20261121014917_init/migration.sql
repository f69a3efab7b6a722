-- CreateTable
CREATE TABLE "Checkpoint" (
    "id" INTEGER NOT NULL,
    "chainId" BIGINT NOT NULL,
    "genesisHash" TEXT COLLATE "C" NOT NULL,
    "registry" TEXT COLLATE "C" NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "blockHash" TEXT COLLATE "C" NOT NULL,
    "blockTimestamp" BIGINT NOT NULL,

    CONSTRAINT "Checkpoint_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Block" (
    "number" INTEGER NOT NULL,
    "hash" TEXT COLLATE "C" NOT NULL,
    "timestamp" BIGINT NOT NULL,

    CONSTRAINT "Block_pkey" PRIMARY KEY ("number")
);

-- CreateTable
CREATE TABLE "Event" (
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,
    "transactionHash" TEXT COLLATE "C" NOT NULL,
    "address" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER,
    "arguments" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "Event_pkey" PRIMARY KEY ("blockNumber","logIndex")
);

-- CreateTable
CREATE TABLE "Brand" (
    "id" INTEGER NOT NULL,
    "status" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "legalName" TEXT COLLATE "C" NOT NULL,
    "domain" TEXT COLLATE "C" NOT NULL,
    "filingNumber" TEXT COLLATE "C" NOT NULL,
    "profileUri" TEXT COLLATE "C" NOT NULL,
    "profileHash" TEXT COLLATE "C" NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "transactionHash" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "Brand_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Collection" (
    "address" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "slug" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "symbol" TEXT COLLATE "C" NOT NULL,
    "maxSupply" INTEGER NOT NULL,
    "burnAuth" TEXT COLLATE "C" NOT NULL,
    "reissueDelay" INTEGER NOT NULL,
    "contractUri" TEXT COLLATE "C" NOT NULL,
    "contentHash" TEXT COLLATE "C" NOT NULL,
    "contentFrozen" BOOLEAN NOT NULL,
    "benefitsFrozen" BOOLEAN NOT NULL,
    "windingDown" BOOLEAN NOT NULL,
    "issuedCount" INTEGER NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "transactionHash" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "Collection_pkey" PRIMARY KEY ("address")
);

-- CreateTable
CREATE TABLE "Batch" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "firstSerial" INTEGER NOT NULL,
    "count" INTEGER NOT NULL,
    "tier" INTEGER NOT NULL,
    "expiresAt" BIGINT NOT NULL,
    "commitmentRoot" TEXT COLLATE "C" NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "transactionHash" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "Batch_pkey" PRIMARY KEY ("collectionAddress","firstSerial")
);

-- CreateTable
CREATE TABLE "Card" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER NOT NULL,
    "holder" TEXT COLLATE "C" NOT NULL,
    "tier" INTEGER NOT NULL,
    "status" TEXT COLLATE "C" NOT NULL,
    "issuedAt" BIGINT NOT NULL,
    "expiresAt" BIGINT NOT NULL,
    "generation" INTEGER NOT NULL,
    "reissueTo" TEXT COLLATE "C",
    "reissueReadyAt" BIGINT,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,

    CONSTRAINT "Card_pkey" PRIMARY KEY ("collectionAddress","serial")
);

-- CreateTable
CREATE TABLE "Benefit" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "tier" INTEGER NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "quota" BIGINT NOT NULL,
    "period" BIGINT NOT NULL,
    "startsAt" BIGINT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,

    CONSTRAINT "Benefit_pkey" PRIMARY KEY ("collectionAddress","tier","benefitId")
);

-- CreateTable
CREATE TABLE "Redemption" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "number" INTEGER NOT NULL,
    "staff" TEXT COLLATE "C" NOT NULL,
    "periodStart" BIGINT NOT NULL,
    "used" INTEGER NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,
    "transactionHash" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "Redemption_pkey" PRIMARY KEY ("collectionAddress","serial","benefitId","number")
);

-- CreateTable
CREATE TABLE "WriterLease" (
    "id" INTEGER NOT NULL,
    "holder" TEXT COLLATE "C" NOT NULL,
    "epoch" INTEGER NOT NULL,
    "beat" INTEGER NOT NULL,

    CONSTRAINT "WriterLease_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "Event_address_serial_idx" ON "Event"("address", "serial");

-- CreateIndex
CREATE UNIQUE INDEX "Collection_slug_key" ON "Collection"("slug");

-- CreateIndex
CREATE INDEX "Collection_brandId_idx" ON "Collection"("brandId");

-- CreateIndex
CREATE INDEX "Card_holder_collectionAddress_serial_idx" ON "Card"("holder", "collectionAddress", "serial");

-- AddForeignKey
ALTER TABLE "Collection" ADD CONSTRAINT "Collection_brandId_fkey" FOREIGN KEY ("brandId") REFERENCES "Brand"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Batch" ADD CONSTRAINT "Batch_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection"("address") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Card" ADD CONSTRAINT "Card_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection"("address") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Benefit" ADD CONSTRAINT "Benefit_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection"("address") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "Redemption" ADD CONSTRAINT "Redemption_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection"("address") ON DELETE RESTRICT ON UPDATE CASCADE;
