-- CreateTable
CREATE TABLE "Checkpoint" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "chainId" BIGINT NOT NULL,
    "genesisHash" TEXT NOT NULL,
    "registry" TEXT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "blockHash" TEXT NOT NULL,
    "blockTimestamp" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "Block" (
    "number" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "hash" TEXT NOT NULL,
    "timestamp" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "Event" (
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL,
    "address" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "serial" INTEGER,
    "arguments" TEXT NOT NULL,

    PRIMARY KEY ("blockNumber", "logIndex")
);

-- CreateTable
CREATE TABLE "Brand" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "status" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "legalName" TEXT NOT NULL,
    "domain" TEXT NOT NULL,
    "filingNumber" TEXT NOT NULL,
    "profileUri" TEXT NOT NULL,
    "profileHash" TEXT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL
);

-- CreateTable
CREATE TABLE "Collection" (
    "address" TEXT NOT NULL PRIMARY KEY,
    "brandId" INTEGER NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "symbol" TEXT NOT NULL,
    "maxSupply" INTEGER NOT NULL,
    "burnAuth" TEXT NOT NULL,
    "issuedCount" INTEGER NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL,
    CONSTRAINT "Collection_brandId_fkey" FOREIGN KEY ("brandId") REFERENCES "Brand" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Batch" (
    "collectionAddress" TEXT NOT NULL,
    "firstSerial" INTEGER NOT NULL,
    "count" INTEGER NOT NULL,
    "tier" INTEGER NOT NULL,
    "expiresAt" BIGINT NOT NULL,
    "commitmentRoot" TEXT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL,

    PRIMARY KEY ("collectionAddress", "firstSerial"),
    CONSTRAINT "Batch_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection" ("address") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Card" (
    "collectionAddress" TEXT NOT NULL,
    "serial" INTEGER NOT NULL,
    "holder" TEXT NOT NULL,
    "tier" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "issuedAt" BIGINT NOT NULL,
    "expiresAt" BIGINT NOT NULL,
    "generation" INTEGER NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,

    PRIMARY KEY ("collectionAddress", "serial"),
    CONSTRAINT "Card_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection" ("address") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateIndex
CREATE INDEX "Event_address_serial_idx" ON "Event"("address", "serial");

-- CreateIndex
CREATE UNIQUE INDEX "Collection_slug_key" ON "Collection"("slug");

-- CreateIndex
CREATE INDEX "Collection_brandId_idx" ON "Collection"("brandId");

-- CreateIndex
CREATE INDEX "Card_holder_collectionAddress_serial_idx" ON "Card"("holder", "collectionAddress", "serial");
