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
    "blockNumber" INTEGER NOT NULL,
    "logIndex" INTEGER NOT NULL,
    "transactionHash" TEXT NOT NULL,

    PRIMARY KEY ("collectionAddress", "firstSerial"),
    CONSTRAINT "Batch_collectionAddress_fkey" FOREIGN KEY ("collectionAddress") REFERENCES "Collection" ("address") ON DELETE RESTRICT ON UPDATE CASCADE
);
INSERT INTO "new_Batch" ("blockNumber", "collectionAddress", "commitmentRoot", "count", "expiresAt", "firstSerial", "logIndex", "tier", "transactionHash")
SELECT b."blockNumber", b."collectionAddress", b."commitmentRoot", b."count", b."expiresAt", b."firstSerial", e."logIndex", b."tier", b."transactionHash"
FROM "Batch" b JOIN "Event" e ON e."blockNumber" = b."blockNumber" AND e."name" = 'BatchIssued' AND e."address" = b."collectionAddress"
AND json_extract(e."arguments", '$.firstSerial') = b."firstSerial";
DROP TABLE "Batch";
ALTER TABLE "new_Batch" RENAME TO "Batch";
PRAGMA foreign_keys=ON;
PRAGMA defer_foreign_keys=OFF;
