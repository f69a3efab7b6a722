-- CreateTable
CREATE TABLE "OutboxEntry" (
    "id" INTEGER NOT NULL,
    "blockNumber" INTEGER NOT NULL,
    "blockHash" TEXT COLLATE "C" NOT NULL,
    "blockTimestamp" BIGINT NOT NULL,
    "logIndex" INTEGER NOT NULL,
    "transactionHash" TEXT COLLATE "C" NOT NULL,
    "address" TEXT COLLATE "C" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "serial" INTEGER,
    "arguments" TEXT COLLATE "C" NOT NULL,
    "retracts" INTEGER,
    "standingBlock" INTEGER,
    "standingLog" INTEGER,

    CONSTRAINT "OutboxEntry_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "OutboxChain" (
    "id" INTEGER NOT NULL,
    "chainId" BIGINT NOT NULL,
    "genesisHash" TEXT COLLATE "C" NOT NULL,
    "registry" TEXT COLLATE "C" NOT NULL,

    CONSTRAINT "OutboxChain_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "OutboxEntry_retracts_key" ON "OutboxEntry"("retracts");

-- CreateIndex
CREATE UNIQUE INDEX "OutboxEntry_standingBlock_standingLog_key" ON "OutboxEntry"("standingBlock", "standingLog");

-- A mirror that is there already counts as told.
INSERT INTO "OutboxChain" ("id", "chainId", "genesisHash", "registry")
SELECT "id", "chainId", "genesisHash", "registry" FROM "Checkpoint";

INSERT INTO "OutboxEntry" (
    "id", "blockNumber", "blockHash", "blockTimestamp", "logIndex", "transactionHash", "address", "name", "serial",
    "arguments", "standingBlock", "standingLog"
)
SELECT
    row_number() OVER (ORDER BY e."blockNumber", e."logIndex"), e."blockNumber", b."hash", b."timestamp", e."logIndex",
    e."transactionHash", e."address", e."name", e."serial", e."arguments", e."blockNumber", e."logIndex"
FROM "Event" e JOIN "Block" b ON b."number" = e."blockNumber"
WHERE e."name" IN (
    'BrandAdmitted', 'BrandProfileChanged', 'BrandStatusChanged', 'CollectionCreated', 'ContentChanged', 'ContentFrozen',
    'WindDownStarted', 'BenefitChanged', 'BenefitsFrozen', 'AllowlistOpened', 'AllowlistClosed', 'BatchIssued',
    'CardRenewed', 'CardTierChanged', 'CardSuspended', 'CardReinstated', 'CardRevoked', 'CardSurrendered',
    'ReissueRequested', 'ReissueCancelled', 'CardReissued', 'BenefitRedeemed'
)
ORDER BY e."blockNumber", e."logIndex";
