-- CreateTable
CREATE TABLE "RedemptionUndoing" (
    "collectionAddress" TEXT NOT NULL,
    "serial" INTEGER NOT NULL,
    "benefitId" INTEGER NOT NULL,
    "number" INTEGER NOT NULL,
    "staff" TEXT NOT NULL,
    "used" INTEGER NOT NULL,
    "reason" TEXT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL,

    PRIMARY KEY ("collectionAddress", "serial", "benefitId", "number"),
    CONSTRAINT "RedemptionUndoing_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection" ("address") ON DELETE RESTRICT ON UPDATE CASCADE
);
