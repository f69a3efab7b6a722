-- CreateTable
CREATE TABLE "Import" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "brandId" INTEGER NOT NULL,
    "collectionAddress" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "format" TEXT NOT NULL,
    "timeZone" TEXT NOT NULL,
    "bytes" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "revision" INTEGER NOT NULL DEFAULT 0,
    "choice" TEXT,
    "layout" TEXT,
    "warnings" TEXT NOT NULL DEFAULT '[]',
    "failure" TEXT,
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "checkedLine" INTEGER NOT NULL DEFAULT 0,
    "lines" INTEGER NOT NULL DEFAULT 0,
    "wrongLines" INTEGER NOT NULL DEFAULT 0,
    "queuedLines" INTEGER NOT NULL DEFAULT 0,
    "doneLines" INTEGER NOT NULL DEFAULT 0,
    "failedLines" INTEGER NOT NULL DEFAULT 0,
    "cancelledLines" INTEGER NOT NULL DEFAULT 0,
    "createdBy" TEXT NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "updatedAt" BIGINT NOT NULL,
    "startedAt" BIGINT,
    "endedAt" BIGINT
);

-- CreateTable
CREATE TABLE "ImportLine" (
    "importId" TEXT NOT NULL,
    "line" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "serial" INTEGER,
    "customer" TEXT,
    "holder" TEXT,
    "tier" INTEGER,
    "expiresAt" BIGINT,
    "physicalNumber" TEXT,
    "failure" TEXT,

    PRIMARY KEY ("importId", "line")
);

-- CreateTable
CREATE TABLE "ImportProblem" (
    "importId" TEXT NOT NULL,
    "line" INTEGER NOT NULL,
    "number" INTEGER NOT NULL,
    "reason" TEXT NOT NULL,

    PRIMARY KEY ("importId", "line", "number")
);

-- CreateIndex
CREATE INDEX "Import_brandId_id_idx" ON "Import"("brandId", "id");

-- CreateIndex
CREATE INDEX "Import_state_id_idx" ON "Import"("state", "id");

-- CreateIndex
CREATE INDEX "ImportLine_importId_state_serial_idx" ON "ImportLine"("importId", "state", "serial");
