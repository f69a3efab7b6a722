-- CreateTable
CREATE TABLE "DatabaseState" (
    "id" INTEGER NOT NULL PRIMARY KEY,
    "name" TEXT NOT NULL,
    "commits" BIGINT NOT NULL
);

INSERT INTO "DatabaseState" ("id", "name", "commits") VALUES (1, lower(hex(randomblob(16))), 0);
