-- CreateTable
CREATE TABLE "Payment" (
    "id" TEXT COLLATE "C" NOT NULL,
    "adapter" TEXT COLLATE "C" NOT NULL,
    "orderId" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "state" TEXT COLLATE "C" NOT NULL,
    "openFor" TEXT COLLATE "C",
    "amount" BIGINT NOT NULL,
    "currency" TEXT COLLATE "C" NOT NULL,
    "externalId" TEXT COLLATE "C",
    "payUrl" TEXT COLLATE "C",
    "expiresAt" BIGINT NOT NULL,
    "lookAt" BIGINT NOT NULL,
    "failure" TEXT COLLATE "C",
    "failureDetail" TEXT COLLATE "C",
    "createdAt" BIGINT NOT NULL,
    "updatedAt" BIGINT NOT NULL,

    CONSTRAINT "Payment_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "PaymentEvent" (
    "adapter" TEXT COLLATE "C" NOT NULL,
    "eventId" TEXT COLLATE "C" NOT NULL,
    "kind" TEXT COLLATE "C" NOT NULL,
    "paymentId" TEXT COLLATE "C" NOT NULL,
    "externalId" TEXT COLLATE "C" NOT NULL,
    "amount" BIGINT NOT NULL,
    "currency" TEXT COLLATE "C",
    "outcome" TEXT COLLATE "C" NOT NULL,
    "at" BIGINT NOT NULL,

    CONSTRAINT "PaymentEvent_pkey" PRIMARY KEY ("adapter","eventId")
);

-- CreateTable
CREATE TABLE "PaymentRefund" (
    "id" TEXT COLLATE "C" NOT NULL,
    "paymentId" TEXT COLLATE "C" NOT NULL,
    "amount" BIGINT NOT NULL,
    "reason" TEXT COLLATE "C" NOT NULL,
    "state" TEXT COLLATE "C" NOT NULL,
    "externalId" TEXT COLLATE "C",
    "attempts" INTEGER NOT NULL,
    "notBefore" BIGINT NOT NULL,
    "failureDetail" TEXT COLLATE "C",
    "createdAt" BIGINT NOT NULL,
    "updatedAt" BIGINT NOT NULL,

    CONSTRAINT "PaymentRefund_pkey" PRIMARY KEY ("id")
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
