-- AlterTable
ALTER TABLE "Command" ADD COLUMN     "staff" TEXT COLLATE "C",
ADD COLUMN     "standsFor" TEXT COLLATE "C";

-- AlterTable
ALTER TABLE "AdoptedCard" ADD COLUMN     "tag" TEXT COLLATE "C";

-- AlterTable: what the new columns hold is told by the stored events, which are kept.
ALTER TABLE "Batch" ADD COLUMN     "batchReference" TEXT COLLATE "C";
UPDATE "Batch" SET "batchReference" = COALESCE((
    SELECT e."arguments"::json ->> 'batchReference' FROM "Event" AS e
    WHERE e."blockNumber" = "Batch"."blockNumber" AND e."logIndex" = "Batch"."logIndex"
), '0x0000000000000000000000000000000000000000000000000000000000000000');
ALTER TABLE "Batch" ALTER COLUMN "batchReference" SET NOT NULL;

-- AlterTable
ALTER TABLE "Brand" ADD COLUMN     "handle" TEXT COLLATE "C",
ADD COLUMN     "keyEpoch" INTEGER,
ADD COLUMN     "suspension" INTEGER;
UPDATE "Brand" SET
    "handle" = COALESCE((SELECT e."arguments"::json ->> 'handle' FROM "Event" AS e WHERE e."name" = 'BrandAdmitted' AND (e."arguments"::json ->> 'brandId')::integer = "Brand"."id"), ''),
    "keyEpoch" = COALESCE((SELECT MAX((e."arguments"::json ->> 'keyEpoch')::integer) FROM "Event" AS e WHERE e."name" = 'BrandKeysReplaced' AND (e."arguments"::json ->> 'brandId')::integer = "Brand"."id"), 0),
    "suspension" = COALESCE((SELECT MAX((e."arguments"::json ->> 'suspension')::integer) FROM "Event" AS e WHERE e."name" = 'BrandStatusChanged' AND (e."arguments"::json ->> 'brandId')::integer = "Brand"."id"), 0);
ALTER TABLE "Brand" ALTER COLUMN "handle" SET NOT NULL,
ALTER COLUMN "keyEpoch" SET NOT NULL,
ALTER COLUMN "suspension" SET NOT NULL;

-- AlterTable
ALTER TABLE "Collection" ADD COLUMN     "highestTier" INTEGER,
ADD COLUMN     "longestTerm" BIGINT;
UPDATE "Collection" SET
    "highestTier" = COALESCE((SELECT (e."arguments"::json ->> 'highestTier')::integer FROM "Event" AS e WHERE e."name" = 'CollectionCreated' AND e."arguments"::json ->> 'collection' = "Collection"."address"), 255),
    "longestTerm" = COALESCE((SELECT (e."arguments"::json ->> 'longestTerm')::bigint FROM "Event" AS e WHERE e."name" = 'CollectionCreated' AND e."arguments"::json ->> 'collection' = "Collection"."address"), 4294967295);
ALTER TABLE "Collection" ALTER COLUMN "highestTier" SET NOT NULL,
ALTER COLUMN "longestTerm" SET NOT NULL;
