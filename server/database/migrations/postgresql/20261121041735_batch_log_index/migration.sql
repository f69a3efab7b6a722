-- AlterTable
ALTER TABLE "Batch" ADD COLUMN     "logIndex" INTEGER;
UPDATE "Batch" b SET "logIndex" = e."logIndex" FROM "Event" e
WHERE e."blockNumber" = b."blockNumber" AND e."name" = 'BatchIssued' AND e."address" = b."collectionAddress"
AND (e."arguments"::json->>'firstSerial')::integer = b."firstSerial";
ALTER TABLE "Batch" ALTER COLUMN "logIndex" SET NOT NULL;
