-- CreateTable
CREATE TABLE "DatabaseState" (
    "id" INTEGER NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "commits" BIGINT NOT NULL,

    CONSTRAINT "DatabaseState_pkey" PRIMARY KEY ("id")
);

INSERT INTO "DatabaseState" ("id", "name", "commits") VALUES (1, replace(gen_random_uuid()::text, '-', ''), 0);
