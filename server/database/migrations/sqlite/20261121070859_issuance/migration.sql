-- CreateTable
CREATE TABLE "Customer" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "brandId" INTEGER NOT NULL,
    "reference" TEXT NOT NULL,
    "holder" TEXT,
    "phoneHash" TEXT,
    "phoneCipher" TEXT,
    "wallet" TEXT,
    "createdAt" BIGINT NOT NULL,
    "erasedAt" BIGINT
);

-- CreateTable
CREATE TABLE "ApiKey" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "brandId" INTEGER NOT NULL,
    "role" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "hash" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "createdBy" TEXT NOT NULL,
    "lastUsedAt" BIGINT,
    "expiresAt" BIGINT,
    "revokedAt" BIGINT
);

-- CreateTable
CREATE TABLE "AuditEntry" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "at" BIGINT NOT NULL,
    "brandId" INTEGER,
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "details" TEXT NOT NULL
);

-- CreateTable
CREATE TABLE "Offer" (
    "collectionAddress" TEXT NOT NULL PRIMARY KEY,
    "brandId" INTEGER NOT NULL,
    "free" BOOLEAN NOT NULL,
    "tier" INTEGER NOT NULL,
    "term" TEXT,
    "opensAt" BIGINT,
    "closesAt" BIGINT,
    "giftable" BOOLEAN NOT NULL,
    "updatedAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "FreeCard" (
    "collectionAddress" TEXT NOT NULL,
    "customerId" TEXT NOT NULL,
    "orderId" TEXT NOT NULL,

    PRIMARY KEY ("collectionAddress", "customerId")
);

-- CreateTable
CREATE TABLE "Edition" (
    "collectionAddress" TEXT NOT NULL PRIMARY KEY,
    "nextSerial" INTEGER NOT NULL
);

-- CreateTable
CREATE TABLE "FreedSerial" (
    "collectionAddress" TEXT NOT NULL,
    "serial" INTEGER NOT NULL,

    PRIMARY KEY ("collectionAddress", "serial")
);

-- CreateTable
CREATE TABLE "Order" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "brandId" INTEGER NOT NULL,
    "customerId" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "items" TEXT NOT NULL,
    "quantity" INTEGER NOT NULL,
    "paidAmount" BIGINT,
    "paidCurrency" TEXT,
    "paymentName" TEXT,
    "paymentId" TEXT,
    "payBefore" BIGINT,
    "failure" TEXT,
    "failureDetail" TEXT,
    "createdBy" TEXT NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "updatedAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "IdempotentRequest" (
    "scope" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "requestHash" TEXT NOT NULL,
    "orderId" TEXT NOT NULL,
    "answer" TEXT NOT NULL,
    "createdAt" BIGINT NOT NULL,

    PRIMARY KEY ("scope", "key")
);

-- CreateTable
CREATE TABLE "Command" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "brandId" INTEGER NOT NULL,
    "collectionAddress" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "serial" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "claimedSerial" INTEGER,
    "holder" TEXT,
    "tier" INTEGER,
    "expiresAt" BIGINT,
    "physicalNumber" TEXT,
    "reason" TEXT,
    "orderId" TEXT,
    "importId" TEXT,
    "line" INTEGER,
    "signer" TEXT,
    "nonce" INTEGER,
    "suspect" BOOLEAN NOT NULL DEFAULT false,
    "notBefore" BIGINT NOT NULL DEFAULT 0,
    "failure" TEXT,
    "failureDetail" TEXT,
    "blockNumber" INTEGER,
    "transactionHash" TEXT,
    "createdAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "ChainTransaction" (
    "signer" TEXT NOT NULL,
    "nonce" INTEGER NOT NULL,
    "chainId" BIGINT NOT NULL,
    "brandId" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "to" TEXT NOT NULL,
    "data" TEXT NOT NULL,
    "gas" INTEGER NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "blockNumber" INTEGER,
    "blockHash" TEXT,
    "final" BOOLEAN NOT NULL DEFAULT false,

    PRIMARY KEY ("signer", "nonce")
);

-- CreateTable
CREATE TABLE "TransactionAttempt" (
    "hash" TEXT NOT NULL PRIMARY KEY,
    "signer" TEXT NOT NULL,
    "nonce" INTEGER NOT NULL,
    "raw" TEXT NOT NULL,
    "createdAt" BIGINT NOT NULL,
    CONSTRAINT "TransactionAttempt_signer_nonce_fkey" FOREIGN KEY ("signer", "nonce") REFERENCES "ChainTransaction" ("signer", "nonce") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "Signer" (
    "address" TEXT NOT NULL PRIMARY KEY,
    "chainId" BIGINT NOT NULL,
    "genesisHash" TEXT NOT NULL,
    "nextNonce" INTEGER NOT NULL
);

-- CreateIndex
CREATE INDEX "Customer_brandId_id_idx" ON "Customer"("brandId", "id");

-- CreateIndex
CREATE UNIQUE INDEX "Customer_brandId_reference_key" ON "Customer"("brandId", "reference");

-- CreateIndex
CREATE UNIQUE INDEX "Customer_brandId_phoneHash_key" ON "Customer"("brandId", "phoneHash");

-- CreateIndex
CREATE UNIQUE INDEX "Customer_brandId_wallet_key" ON "Customer"("brandId", "wallet");

-- CreateIndex
CREATE UNIQUE INDEX "ApiKey_hash_key" ON "ApiKey"("hash");

-- CreateIndex
CREATE INDEX "ApiKey_brandId_id_idx" ON "ApiKey"("brandId", "id");

-- CreateIndex
CREATE INDEX "AuditEntry_brandId_id_idx" ON "AuditEntry"("brandId", "id");

-- CreateIndex
CREATE INDEX "Order_brandId_id_idx" ON "Order"("brandId", "id");

-- CreateIndex
CREATE INDEX "Order_customerId_id_idx" ON "Order"("customerId", "id");

-- CreateIndex
CREATE INDEX "Order_state_payBefore_idx" ON "Order"("state", "payBefore");

-- CreateIndex
CREATE UNIQUE INDEX "Order_paymentName_paymentId_key" ON "Order"("paymentName", "paymentId");

-- CreateIndex
CREATE INDEX "IdempotentRequest_createdAt_idx" ON "IdempotentRequest"("createdAt");

-- CreateIndex
CREATE INDEX "Command_state_notBefore_brandId_idx" ON "Command"("state", "notBefore", "brandId");

-- CreateIndex
CREATE INDEX "Command_state_brandId_id_idx" ON "Command"("state", "brandId", "id");

-- CreateIndex
CREATE INDEX "Command_orderId_idx" ON "Command"("orderId");

-- CreateIndex
CREATE INDEX "Command_signer_nonce_idx" ON "Command"("signer", "nonce");

-- CreateIndex
CREATE INDEX "Command_collectionAddress_serial_idx" ON "Command"("collectionAddress", "serial");

-- CreateIndex
CREATE UNIQUE INDEX "Command_collectionAddress_claimedSerial_key" ON "Command"("collectionAddress", "claimedSerial");

-- CreateIndex
CREATE UNIQUE INDEX "Command_importId_line_key" ON "Command"("importId", "line");

-- CreateIndex
CREATE INDEX "ChainTransaction_state_idx" ON "ChainTransaction"("state");

-- CreateIndex
CREATE INDEX "TransactionAttempt_signer_nonce_idx" ON "TransactionAttempt"("signer", "nonce");
