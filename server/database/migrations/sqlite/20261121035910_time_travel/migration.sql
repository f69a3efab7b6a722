-- CreateTable
CREATE TABLE "Reissue" (
    "collectionAddress" TEXT NOT NULL,
    "serial" INTEGER NOT NULL,
    "generation" INTEGER NOT NULL,
    "fromHolder" TEXT NOT NULL,
    "toHolder" TEXT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,

    PRIMARY KEY ("collectionAddress", "serial", "generation"),
    CONSTRAINT "Reissue_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection" ("address") ON DELETE RESTRICT ON UPDATE CASCADE
);

-- CreateTable
CREATE TABLE "EventSubject" (
    "subject" TEXT NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,

    PRIMARY KEY ("subject", "blockNumber", "logIndex")
);

-- RedefineTables
PRAGMA defer_foreign_keys=ON;
PRAGMA foreign_keys=OFF;
CREATE TABLE "new_Batch" (
    "collectionAddress" TEXT NOT NULL,
    "firstSerial" INTEGER NOT NULL,
    "count" INTEGER NOT NULL,
    "tier" INTEGER NOT NULL,
    "expiresAt" BIGINT NOT NULL,
    "commitmentRoot" TEXT NOT NULL,
    "issuedCount" INTEGER NOT NULL,
    "highestSerial" INTEGER NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL,

    PRIMARY KEY ("collectionAddress", "firstSerial"),
    CONSTRAINT "Batch_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection" ("address") ON DELETE RESTRICT ON UPDATE CASCADE
);
-- What the new columns and tables hold is told by the stored events, which are kept.
INSERT INTO "new_Batch" ("collectionAddress", "firstSerial", "count", "tier", "expiresAt", "commitmentRoot", "issuedCount", "highestSerial", "blockNumber", "logIndex", "transactionHash")
SELECT b."collectionAddress", b."firstSerial", b."count", b."tier", b."expiresAt", b."commitmentRoot",
    SUM(b."count") OVER "sofar", MAX(b."firstSerial" + b."count" - 1) OVER "sofar",
    b."blockNumber", e."logIndex", b."transactionHash"
FROM "Event" AS e CROSS JOIN "Batch" AS b
WHERE e."name" = 'BatchIssued' AND b."collectionAddress" = e."address" AND b."firstSerial" = json_extract(e."arguments", '$.firstSerial')
WINDOW "sofar" AS (PARTITION BY b."collectionAddress" ORDER BY b."blockNumber", e."logIndex");
DROP TABLE "Batch";
ALTER TABLE "new_Batch" RENAME TO "Batch";
CREATE INDEX "Batch_collectionAddress_blockNumber_logIndex_idx" ON "Batch"("collectionAddress", "blockNumber", "logIndex");
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;

-- CreateIndex
CREATE INDEX "Reissue_fromHolder_collectionAddress_serial_idx" ON "Reissue"("fromHolder", "collectionAddress", "serial");

-- The rows of the new tables.
INSERT INTO "Reissue" ("collectionAddress", "serial", "generation", "fromHolder", "toHolder", "blockNumber", "logIndex")
SELECT "address", "serial", json_extract("arguments", '$.generation'), json_extract("arguments", '$.from'), json_extract("arguments", '$.to'), "blockNumber", "logIndex"
FROM "Event" WHERE "name" = 'CardReissued';
INSERT INTO "EventSubject" ("subject", "blockNumber", "logIndex")
SELECT 'brand/' || json_extract("arguments", '$.brandId'), "blockNumber", "logIndex"
FROM "Event" WHERE "name" IN ('BrandAdmitted', 'BrandProfileChanged', 'BrandStatusChanged')
UNION ALL
SELECT 'collection/' || json_extract("arguments", '$.collection'), "blockNumber", "logIndex"
FROM "Event" WHERE "name" = 'CollectionCreated'
UNION ALL
SELECT 'collection/' || "address", "blockNumber", "logIndex"
FROM "Event" WHERE "name" IN ('ContentChanged', 'ContentFrozen', 'BenefitsFrozen', 'WindDownStarted');
