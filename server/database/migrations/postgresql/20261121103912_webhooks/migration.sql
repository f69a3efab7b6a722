-- CreateTable
CREATE TABLE "OrderEvent" (
    "id" SERIAL NOT NULL,
    "orderId" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "what" TEXT COLLATE "C" NOT NULL,
    "details" TEXT COLLATE "C" NOT NULL,
    "at" BIGINT NOT NULL,

    CONSTRAINT "OrderEvent_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "WebhookEndpoint" (
    "id" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "url" TEXT COLLATE "C" NOT NULL,
    "events" TEXT COLLATE "C" NOT NULL,
    "description" TEXT COLLATE "C" NOT NULL,
    "state" TEXT COLLATE "C" NOT NULL,
    "disabledReason" TEXT COLLATE "C",
    "secret" TEXT COLLATE "C" NOT NULL,
    "formerSecret" TEXT COLLATE "C",
    "formerUntil" BIGINT,
    "afterEntry" INTEGER NOT NULL,
    "pausedUntil" BIGINT NOT NULL DEFAULT 0,
    "failingSince" BIGINT,
    "createdBy" TEXT COLLATE "C" NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "updatedAt" BIGINT NOT NULL,

    CONSTRAINT "WebhookEndpoint_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "WebhookCursor" (
    "id" INTEGER NOT NULL,
    "entry" INTEGER NOT NULL,
    "cards" INTEGER NOT NULL,
    "revision" INTEGER NOT NULL,

    CONSTRAINT "WebhookCursor_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ExpiryDate" (
    "id" SERIAL NOT NULL,
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "firstSerial" INTEGER NOT NULL,
    "count" INTEGER NOT NULL,
    "expiresAt" BIGINT NOT NULL,
    "since" BIGINT NOT NULL,
    "what" TEXT COLLATE "C" NOT NULL,
    "told" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "ExpiryDate_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "WebhookEvent" (
    "id" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "type" TEXT COLLATE "C" NOT NULL,
    "happenedAt" BIGINT NOT NULL,
    "data" TEXT COLLATE "C" NOT NULL,
    "customerId" TEXT COLLATE "C",
    "entry" INTEGER,
    "reverts" TEXT COLLATE "C",
    "createdAt" BIGINT NOT NULL,

    CONSTRAINT "WebhookEvent_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "WebhookDelivery" (
    "number" SERIAL NOT NULL,
    "id" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "endpointId" TEXT COLLATE "C" NOT NULL,
    "eventId" TEXT COLLATE "C" NOT NULL,
    "type" TEXT COLLATE "C" NOT NULL,
    "state" TEXT COLLATE "C" NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "tries" INTEGER NOT NULL DEFAULT 0,
    "dueAt" BIGINT NOT NULL,
    "claim" TEXT COLLATE "C" NOT NULL DEFAULT '',
    "claimedTo" BIGINT NOT NULL DEFAULT 0,
    "createdAt" BIGINT NOT NULL,
    "deliveredAt" BIGINT,

    CONSTRAINT "WebhookDelivery_pkey" PRIMARY KEY ("number")
);

-- CreateTable
CREATE TABLE "WebhookAttempt" (
    "id" SERIAL NOT NULL,
    "deliveryNumber" INTEGER NOT NULL,
    "at" BIGINT NOT NULL,
    "durationMs" INTEGER NOT NULL,
    "status" INTEGER,
    "answer" TEXT COLLATE "C",
    "failure" TEXT COLLATE "C",

    CONSTRAINT "WebhookAttempt_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "WebhookEndpoint_brandId_id_idx" ON "WebhookEndpoint"("brandId", "id");

-- CreateIndex
CREATE INDEX "ExpiryDate_what_expiresAt_id_idx" ON "ExpiryDate"("what", "expiresAt", "id");

-- CreateIndex
CREATE INDEX "WebhookEvent_entry_idx" ON "WebhookEvent"("entry");

-- CreateIndex
CREATE INDEX "WebhookEvent_createdAt_idx" ON "WebhookEvent"("createdAt");

-- CreateIndex
CREATE UNIQUE INDEX "WebhookDelivery_id_key" ON "WebhookDelivery"("id");

-- CreateIndex
CREATE INDEX "WebhookDelivery_endpointId_state_dueAt_number_idx" ON "WebhookDelivery"("endpointId", "state", "dueAt", "number");

-- CreateIndex
CREATE INDEX "WebhookDelivery_endpointId_number_idx" ON "WebhookDelivery"("endpointId", "number");

-- CreateIndex
CREATE INDEX "WebhookDelivery_createdAt_idx" ON "WebhookDelivery"("createdAt");

-- CreateIndex
CREATE INDEX "WebhookDelivery_eventId_idx" ON "WebhookDelivery"("eventId");

-- CreateIndex
CREATE INDEX "WebhookAttempt_deliveryNumber_id_idx" ON "WebhookAttempt"("deliveryNumber", "id");

-- CreateIndex
CREATE INDEX "WebhookAttempt_at_idx" ON "WebhookAttempt"("at");

