-- AlterTable: what the new columns hold is told by the stored events, which are kept.
ALTER TABLE "Batch" ADD COLUMN     "highestSerial" INTEGER,
ADD COLUMN     "issuedCount" INTEGER,
ADD COLUMN     "logIndex" INTEGER;
UPDATE "Batch" SET "highestSerial" = t."highestSerial", "issuedCount" = t."issuedCount", "logIndex" = t."logIndex"
FROM (
    SELECT b."collectionAddress", b."firstSerial", e."logIndex",
        SUM(b."count") OVER "sofar" AS "issuedCount", MAX(b."firstSerial" + b."count" - 1) OVER "sofar" AS "highestSerial"
    FROM "Event" AS e JOIN "Batch" AS b
        ON b."collectionAddress" = e."address" AND b."firstSerial" = (e."arguments"::json ->> 'firstSerial')::integer
    WHERE e."name" = 'BatchIssued'
    WINDOW "sofar" AS (PARTITION BY b."collectionAddress" ORDER BY b."blockNumber", e."logIndex")
) AS t
WHERE "Batch"."collectionAddress" = t."collectionAddress" AND "Batch"."firstSerial" = t."firstSerial";
ALTER TABLE "Batch" ALTER COLUMN "highestSerial" SET NOT NULL,
ALTER COLUMN "issuedCount" SET NOT NULL,
ALTER COLUMN "logIndex" SET NOT NULL;

-- CreateTable
CREATE TABLE "Reissue" (
    "collectionAddress" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER NOT NULL,
    "generation" INTEGER NOT NULL,
    "fromHolder" TEXT COLLATE "C" NOT NULL,
    "toHolder" TEXT COLLATE "C" NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,

    CONSTRAINT "Reissue_pkey" PRIMARY KEY ("collectionAddress","serial","generation")
);

-- CreateTable
CREATE TABLE "EventSubject" (
    "subject" TEXT COLLATE "C" NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,

    CONSTRAINT "EventSubject_pkey" PRIMARY KEY ("subject","blockNumber","logIndex")
);

-- CreateIndex
CREATE INDEX "Reissue_fromHolder_collectionAddress_serial_idx" ON "Reissue"("fromHolder", "collectionAddress", "serial");

-- CreateIndex
CREATE INDEX "Batch_collectionAddress_blockNumber_logIndex_idx" ON "Batch"("collectionAddress", "blockNumber", "logIndex");

-- AddForeignKey
ALTER TABLE "Reissue" ADD CONSTRAINT "Reissue_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection"("address") ON DELETE RESTRICT ON UPDATE CASCADE;

-- The rows of the new tables.
INSERT INTO "Reissue" ("collectionAddress", "serial", "generation", "fromHolder", "toHolder", "blockNumber", "logIndex")
SELECT "address", "serial", ("arguments"::json ->> 'generation')::integer, "arguments"::json ->> 'from', "arguments"::json ->> 'to', "blockNumber", "logIndex"
FROM "Event" WHERE "name" = 'CardReissued';
INSERT INTO "EventSubject" ("subject", "blockNumber", "logIndex")
SELECT 'brand/' || ("arguments"::json ->> 'brandId'), "blockNumber", "logIndex"
FROM "Event" WHERE "name" IN ('BrandAdmitted', 'BrandProfileChanged', 'BrandStatusChanged')
UNION ALL
SELECT 'collection/' || ("arguments"::json ->> 'collection'), "blockNumber", "logIndex"
FROM "Event" WHERE "name" = 'CollectionCreated'
UNION ALL
SELECT 'collection/' || "address", "blockNumber", "logIndex"
FROM "Event" WHERE "name" IN ('ContentChanged', 'ContentFrozen', 'BenefitsFrozen', 'WindDownStarted');
