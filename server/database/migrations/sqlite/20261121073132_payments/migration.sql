-- CreateTable
CREATE TABLE "Payment" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "adapter" TEXT NOT NULL,
    "orderId" TEXT NOT NULL,
    "brandId" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "openFor" TEXT,
    "amount" BIGINT NOT NULL,
    "currency" TEXT NOT NULL,
    "externalId" TEXT,
    "payUrl" TEXT,
    "expiresAt" BIGINT NOT NULL,
    "lookAt" BIGINT NOT NULL,
    "failure" TEXT,
    "failureDetail" TEXT,
    "createdAt" BIGINT NOT NULL,
    "updatedAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "PaymentEvent" (
    "adapter" TEXT NOT NULL,
    "eventId" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "paymentId" TEXT NOT NULL,
    "externalId" TEXT NOT NULL,
    "amount" BIGINT NOT NULL,
    "currency" TEXT,
    "outcome" TEXT NOT NULL,
    "at" BIGINT NOT NULL,

    PRIMARY KEY ("adapter", "eventId")
);

-- CreateTable
CREATE TABLE "PaymentRefund" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "paymentId" TEXT NOT NULL,
    "amount" BIGINT NOT NULL,
    "reason" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "externalId" TEXT,
    "attempts" INTEGER NOT NULL,
    "notBefore" BIGINT NOT NULL,
    "failureDetail" TEXT,
    "createdAt" BIGINT NOT NULL,
    "updatedAt" BIGINT NOT NULL
);

-- CreateIndex
CREATE UNIQUE INDEX "Payment_openFor_key" ON "Payment"("openFor");

-- CreateIndex
CREATE INDEX "Payment_orderId_idx" ON "Payment"("orderId");

-- CreateIndex
CREATE INDEX "Payment_state_lookAt_idx" ON "Payment"("state", "lookAt");

-- CreateIndex
CREATE UNIQUE INDEX "Payment_adapter_externalId_key" ON "Payment"("adapter", "externalId");

-- CreateIndex
CREATE INDEX "PaymentEvent_paymentId_idx" ON "PaymentEvent"("paymentId");

-- CreateIndex
CREATE INDEX "PaymentRefund_state_notBefore_idx" ON "PaymentRefund"("state", "notBefore");

-- CreateIndex
CREATE UNIQUE INDEX "PaymentRefund_paymentId_externalId_key" ON "PaymentRefund"("paymentId", "externalId");
