-- CreateTable
CREATE TABLE "WriterLease" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "holder" TEXT NOT NULL,
    "epoch" INTEGER NOT NULL,
    "beat" INTEGER NOT NULL
);
