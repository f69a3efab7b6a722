-- CreateTable
CREATE TABLE "OrderEvent" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "orderId" TEXT NOT NULL,
    "brandId" INTEGER NOT NULL,
    "what" TEXT NOT NULL,
    "details" TEXT NOT NULL,
    "at" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "WebhookEndpoint" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "brandId" INTEGER NOT NULL,
    "url" TEXT NOT NULL,
    "events" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "disabledReason" TEXT,
    "secret" TEXT NOT NULL,
    "formerSecret" TEXT,
    "formerUntil" BIGINT,
    "afterEntry" INTEGER NOT NULL,
    "pausedUntil" BIGINT NOT NULL DEFAULT 0,
    "failingSince" BIGINT,
    "createdBy" TEXT NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "updatedAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "WebhookCursor" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "entry" INTEGER NOT NULL,
    "cards" INTEGER NOT NULL,
    "revision" INTEGER NOT NULL
);

-- CreateTable
CREATE TABLE "ExpiryDate" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "collectionAddress" TEXT NOT NULL,
    "brandId" INTEGER NOT NULL,
    "firstSerial" INTEGER NOT NULL,
    "count" INTEGER NOT NULL,
    "expiresAt" BIGINT NOT NULL,
    "since" BIGINT NOT NULL,
    "what" TEXT NOT NULL,
    "told" INTEGER NOT NULL DEFAULT 0
);

-- CreateTable
CREATE TABLE "WebhookEvent" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "brandId" INTEGER NOT NULL,
    "type" TEXT NOT NULL,
    "happenedAt" BIGINT NOT NULL,
    "data" TEXT NOT NULL,
    "customerId" TEXT,
    "entry" INTEGER,
    "reverts" TEXT,
    "createdAt" BIGINT NOT NULL
);

-- CreateTable
CREATE TABLE "WebhookDelivery" (
    "number" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "id" TEXT NOT NULL,
    "brandId" INTEGER NOT NULL,
    "endpointId" TEXT NOT NULL,
    "eventId" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "tries" INTEGER NOT NULL DEFAULT 0,
    "dueAt" BIGINT NOT NULL,
    "claim" TEXT NOT NULL DEFAULT '',
    "claimedTo" BIGINT NOT NULL DEFAULT 0,
    "createdAt" BIGINT NOT NULL,
    "deliveredAt" BIGINT
);

-- CreateTable
CREATE TABLE "WebhookAttempt" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "deliveryNumber" INTEGER NOT NULL,
    "at" BIGINT NOT NULL,
    "durationMs" INTEGER NOT NULL,
    "status" INTEGER,
    "answer" TEXT,
    "failure" TEXT
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

