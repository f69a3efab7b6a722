-- CreateTable
CREATE TABLE "RedemptionUndoing" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "number" INTEGER NOT NULL,
    "staff" TEXT COLLATE "C" NOT NULL,
    "used" INTEGER NOT NULL,
    "reason" TEXT COLLATE "C" NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,
    "transactionHash" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "RedemptionUndoing_pkey" PRIMARY KEY ("collectionAddress","serial","benefitId","number")
);

-- AddForeignKey
ALTER TABLE "RedemptionUndoing" ADD CONSTRAINT "RedemptionUndoing_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection"("address") ON DELETE RESTRICT ON UPDATE CASCADE;
