-- CreateTable
CREATE TABLE "Import" (
    "id" TEXT COLLATE "C" NOT NULL,
    "brandId" INTEGER NOT NULL,
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "format" TEXT COLLATE "C" NOT NULL,
    "timeZone" TEXT COLLATE "C" NOT NULL,
    "bytes" INTEGER NOT NULL,
    "state" TEXT COLLATE "C" NOT NULL,
    "revision" INTEGER NOT NULL DEFAULT 0,
    "choice" TEXT COLLATE "C",
    "layout" TEXT COLLATE "C",
    "warnings" TEXT COLLATE "C" NOT NULL DEFAULT '[]',
    "failure" TEXT COLLATE "C",
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "checkedLine" INTEGER NOT NULL DEFAULT 0,
    "lines" INTEGER NOT NULL DEFAULT 0,
    "wrongLines" INTEGER NOT NULL DEFAULT 0,
    "queuedLines" INTEGER NOT NULL DEFAULT 0,
    "doneLines" INTEGER NOT NULL DEFAULT 0,
    "failedLines" INTEGER NOT NULL DEFAULT 0,
    "cancelledLines" INTEGER NOT NULL DEFAULT 0,
    "createdBy" TEXT COLLATE "C" NOT NULL,
    "createdAt" BIGINT NOT NULL,
    "updatedAt" BIGINT NOT NULL,
    "startedAt" BIGINT,
    "endedAt" BIGINT,

    CONSTRAINT "Import_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "ImportLine" (
    "importId" TEXT COLLATE "C" NOT NULL,
    "line" INTEGER NOT NULL,
    "state" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER,
    "customer" TEXT COLLATE "C",
    "holder" TEXT COLLATE "C",
    "tier" INTEGER,
    "expiresAt" BIGINT,
    "physicalNumber" TEXT COLLATE "C",
    "failure" TEXT COLLATE "C",

    CONSTRAINT "ImportLine_pkey" PRIMARY KEY ("importId","line")
);

-- CreateTable
CREATE TABLE "ImportProblem" (
    "importId" TEXT COLLATE "C" NOT NULL,
    "line" INTEGER NOT NULL,
    "number" INTEGER NOT NULL,
    "reason" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "ImportProblem_pkey" PRIMARY KEY ("importId","line","number")
);

-- CreateIndex
CREATE INDEX "Import_brandId_id_idx" ON "Import"("brandId", "id");

-- CreateIndex
CREATE INDEX "Import_state_id_idx" ON "Import"("state", "id");

-- CreateIndex
CREATE INDEX "ImportLine_importId_state_serial_idx" ON "ImportLine"("importId", "state", "serial");
