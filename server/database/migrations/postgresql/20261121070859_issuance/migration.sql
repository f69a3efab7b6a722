-- CreateTable
CREATE TABLE "Customer" (
    "id" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "reference" TEXT COLLATE "C" NOT NULL,
    "holder" TEXT COLLATE "C",
    "phoneHash" TEXT COLLATE "C",
    "phoneCipher" TEXT COLLATE "C",
    "wallet" TEXT COLLATE "C",
    "createdAt" BIGINT NOT NULL,
    "erasedAt" BIGINT,

    CONSTRAINT "Customer_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ApiKey" (
    "id" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "role" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "hash" TEXT COLLATE "C" NOT NULL,
    "prefix" TEXT COLLATE "C" NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "createdBy" TEXT COLLATE "C" NOT NULL,
    "lastUsedAt" BIGINT,
    "expiresAt" BIGINT,
    "revokedAt" BIGINT,

    CONSTRAINT "ApiKey_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "AuditEntry" (
    "id" SERIAL NOT NULL,
    "at" BIGINT NOT NULL,
    "brandId" INTEGER,
    "actor" TEXT COLLATE "C" NOT NULL,
    "action" TEXT COLLATE "C" NOT NULL,
    "subject" TEXT COLLATE "C" NOT NULL,
    "details" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "AuditEntry_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "Offer" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "free" BOOLEAN NOT NULL,
    "tier" INTEGER NOT NULL,
    "term" TEXT COLLATE "C",
    "opensAt" BIGINT,
    "closesAt" BIGINT,
    "giftable" BOOLEAN NOT NULL,
    "updatedAt" BIGINT NOT NULL,

    CONSTRAINT "Offer_pkey" PRIMARY KEY ("collectionAddress")
);

-- CreateTable
CREATE TABLE "FreeCard" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "customerId" TEXT COLLATE "C" NOT NULL,
    "orderId" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "FreeCard_pkey" PRIMARY KEY ("collectionAddress","customerId")
);

-- CreateTable
CREATE TABLE "Edition" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "nextSerial" INTEGER NOT NULL,

    CONSTRAINT "Edition_pkey" PRIMARY KEY ("collectionAddress")
);

-- CreateTable
CREATE TABLE "FreedSerial" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER NOT NULL,

    CONSTRAINT "FreedSerial_pkey" PRIMARY KEY ("collectionAddress","serial")
);

-- CreateTable
CREATE TABLE "Order" (
    "id" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "customerId" TEXT COLLATE "C" NOT NULL,
    "state" TEXT COLLATE "C" NOT NULL,
    "items" TEXT COLLATE "C" NOT NULL,
    "quantity" INTEGER NOT NULL,
    "paidAmount" BIGINT,
    "paidCurrency" TEXT COLLATE "C",
    "paymentName" TEXT COLLATE "C",
    "paymentId" TEXT COLLATE "C",
    "payBefore" BIGINT,
    "failure" TEXT COLLATE "C",
    "failureDetail" TEXT COLLATE "C",
    "createdBy" TEXT COLLATE "C" NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "updatedAt" BIGINT NOT NULL,

    CONSTRAINT "Order_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "IdempotentRequest" (
    "scope" TEXT COLLATE "C" NOT NULL,
    "key" TEXT COLLATE "C" NOT NULL,
    "requestHash" TEXT COLLATE "C" NOT NULL,
    "orderId" TEXT COLLATE "C" NOT NULL,
    "answer" TEXT COLLATE "C" NOT NULL,
    "createdAt" BIGINT NOT NULL,

    CONSTRAINT "IdempotentRequest_pkey" PRIMARY KEY ("scope","key")
);

-- CreateTable
CREATE TABLE "Command" (
    "id" SERIAL NOT NULL,
    "brandId" INTEGER NOT NULL,
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "kind" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER NOT NULL,
    "state" TEXT COLLATE "C" NOT NULL,
    "claimedSerial" INTEGER,
    "holder" TEXT COLLATE "C",
    "tier" INTEGER,
    "expiresAt" BIGINT,
    "physicalNumber" TEXT COLLATE "C",
    "reason" TEXT COLLATE "C",
    "orderId" TEXT COLLATE "C",
    "importId" TEXT COLLATE "C",
    "line" INTEGER,
    "signer" TEXT COLLATE "C",
    "nonce" INTEGER,
    "suspect" BOOLEAN NOT NULL DEFAULT false,
    "notBefore" BIGINT NOT NULL DEFAULT 0,
    "failure" TEXT COLLATE "C",
    "failureDetail" TEXT COLLATE "C",
    "blockNumber" INTEGER,
    "transactionHash" TEXT COLLATE "C",
    "createdAt" BIGINT NOT NULL,

    CONSTRAINT "Command_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ChainTransaction" (
    "signer" TEXT COLLATE "C" NOT NULL,
    "nonce" INTEGER NOT NULL,
    "chainId" BIGINT NOT NULL,
    "brandId" INTEGER NOT NULL,
    "state" TEXT COLLATE "C" NOT NULL,
    "to" TEXT COLLATE "C" NOT NULL,
    "data" TEXT COLLATE "C" NOT NULL,
    "gas" INTEGER NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "blockNumber" INTEGER,
    "blockHash" TEXT COLLATE "C",
    "final" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "ChainTransaction_pkey" PRIMARY KEY ("signer","nonce")
);

-- CreateTable
CREATE TABLE "TransactionAttempt" (
    "hash" TEXT COLLATE "C" NOT NULL,
    "signer" TEXT COLLATE "C" NOT NULL,
    "nonce" INTEGER NOT NULL,
    "raw" TEXT COLLATE "C" NOT NULL,
    "createdAt" BIGINT NOT NULL,

    CONSTRAINT "TransactionAttempt_pkey" PRIMARY KEY ("hash")
);

-- CreateTable
CREATE TABLE "Signer" (
    "address" TEXT COLLATE "C" NOT NULL,
    "chainId" BIGINT NOT NULL,
    "genesisHash" TEXT COLLATE "C" NOT NULL,
    "nextNonce" INTEGER NOT NULL,

    CONSTRAINT "Signer_pkey" PRIMARY KEY ("address")
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

-- AddForeignKey
ALTER TABLE "TransactionAttempt" ADD CONSTRAINT "TransactionAttempt_signer_nonce_fkey" FOREIGN KEY ("signer", "nonce") REFERENCES "ChainTransaction"("signer", "nonce") ON DELETE RESTRICT ON UPDATE CASCADE;
