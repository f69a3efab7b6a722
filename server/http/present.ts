// From rows to answers: addresses with their checksum, times in ISO 8601, nothing that clients do not need.

import { ZeroHash } from "ethers";
import {
  type BrandStatus,
  type BurnAuth,
  type CardStatus,
  REISSUE_WINDOW_SECONDS,
  UNLIMITED_TERM,
} from "../chain/abi.ts";
import type { BlockPosition, MirrorStatus } from "../database/mirror-status.ts";
import type {
  BatchRow,
  BrandRow,
  CardRow,
  CheckpointRow,
  CollectionRow,
  CollectionWithBrand,
} from "../database/snapshot.ts";
import { explainVerdict } from "../verification/explain.ts";
import type { VerdictWithAssurance } from "../verification/verdict.ts";
import type { CardRecord } from "../verification/verify-card.ts";
import type { Moment } from "./answers.ts";
import { checksummed } from "./checksum.ts";
import type { TimedEvent } from "./queries.ts";
import type {
  AsOf,
  BatchAnswer,
  BrandAnswer,
  BrandSummaryAnswer,
  CardAnswer,
  CollectionAnswer,
  EventAnswer,
  VerificationAnswer,
} from "./schemas.ts";

/** Seconds since the Unix epoch as ISO 8601. */
export function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

/** The same for times where 0 means never. */
export function isoTimeOrNull(seconds: number): string | null {
  return seconds === 0 ? null : isoTime(seconds);
}

export function presentAsOf({ checkpoint, past }: Moment, mirror: MirrorStatus): AsOf {
  if (past !== undefined) {
    return {
      chainId: checkpoint.chainId,
      blockNumber: past.number,
      blockHash: past.known?.hash ?? null,
      blockTime: past.known === undefined ? null : isoTime(past.known.timestamp),
      lagSeconds: null,
      state: mirror.state,
      historical: true,
      lastEventBlock: past.lastEventBlock === undefined ? null : presentBlock(past.lastEventBlock),
    };
  }
  return {
    chainId: checkpoint.chainId,
    blockNumber: checkpoint.blockNumber,
    blockHash: checkpoint.blockHash,
    blockTime: isoTime(checkpoint.blockTimestamp),
    lagSeconds: mirror.lagSeconds === undefined ? null : Math.max(0, mirror.lagSeconds),
    state: mirror.state,
  };
}

function presentBlock({ number, hash, timestamp }: BlockPosition) {
  return { number, hash, time: isoTime(timestamp) };
}

function presentBrandSummary(brand: BrandRow): BrandSummaryAnswer {
  return { id: brand.id, name: brand.name, status: brand.status as Exclude<BrandStatus, "None"> };
}

export function presentBrand(brand: BrandRow): BrandAnswer {
  return {
    ...presentBrandSummary(brand),
    handle: brand.handle,
    legalName: brand.legalName,
    domain: brand.domain,
    filingNumber: brand.filingNumber === "" ? null : brand.filingNumber,
  };
}

export function presentCollection(row: CollectionWithBrand): CollectionAnswer {
  return {
    address: checksummed(row.address),
    slug: row.slug,
    name: row.name,
    symbol: row.symbol,
    maxSupply: row.maxSupply,
    issuedCount: row.issuedCount,
    burnAuth: row.burnAuth as BurnAuth,
    reissueDelaySeconds: row.reissueDelay,
    highestTier: row.highestTier,
    longestTermSeconds: row.longestTerm === UNLIMITED_TERM ? null : row.longestTerm,
    contractUri: row.contractUri === "" ? null : row.contractUri,
    contentHash: hashOrNull(row.contentHash),
    // Databases without a type for it answer with 0 and 1.
    contentFrozen: Boolean(row.contentFrozen),
    benefitsFrozen: Boolean(row.benefitsFrozen),
    windingDown: Boolean(row.windingDown),
    brand: presentBrandSummary(row.brand),
    createdIn: { blockNumber: row.blockNumber, transactionHash: row.transactionHash },
  };
}

export function presentCard(card: CardRow, collection: CollectionRow): CardAnswer {
  return {
    collection: { address: checksummed(collection.address), slug: collection.slug, name: collection.name },
    serial: card.serial,
    holder: checksummed(card.holder),
    tier: card.tier,
    status: card.status as Exclude<CardStatus, "None">,
    issuedAt: isoTime(card.issuedAt),
    expiresAt: isoTimeOrNull(card.expiresAt),
    generation: card.generation,
    pendingReissue:
      card.reissueTo === null || card.reissueReadyAt === null
        ? null
        : {
            to: checksummed(card.reissueTo),
            readyAt: isoTime(card.reissueReadyAt),
            voidAfter: isoTime(card.reissueReadyAt + REISSUE_WINDOW_SECONDS),
          },
    lastChange: { blockNumber: card.blockNumber, logIndex: card.logIndex },
  };
}

export function presentBatch(batch: BatchRow): BatchAnswer {
  return {
    firstSerial: batch.firstSerial,
    count: batch.count,
    commitmentRoot: hashOrNull(batch.commitmentRoot),
    batchReference: hashOrNull(batch.batchReference),
    blockNumber: batch.blockNumber,
    transactionHash: batch.transactionHash,
  };
}

export function presentEvent(event: TimedEvent): EventAnswer {
  const stored = JSON.parse(event.arguments) as Record<string, unknown>;
  const args: EventAnswer["arguments"] = {};
  for (const [name, value] of Object.entries(stored)) args[name] = presentArgument(name, value);
  return {
    name: event.name,
    arguments: args,
    blockNumber: event.blockNumber,
    time: isoTime(event.timestamp),
    transactionHash: event.transactionHash,
    logIndex: event.logIndex,
  };
}

/** The arguments of card events that are times. */
const TIMES: ReadonlySet<string> = new Set(["expiresAt", "readyAt", "periodStart"]);

function presentArgument(name: string, value: unknown): EventAnswer["arguments"][string] {
  if (TIMES.has(name) && typeof value === "number") return isoTimeOrNull(value);
  if (typeof value === "string") return /^0x[0-9a-f]{40}$/.test(value) ? checksummed(value) : value;
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  return JSON.stringify(value);
}

function hashOrNull(hash: string): string | null {
  return hash === ZeroHash ? null : hash;
}

/** The page in the card's QR code. */
export function verifyUrl(publicUrl: string, slug: string, serial: bigint | number): string {
  return `${publicUrl}/v/${slug}/${serial}`;
}

export function presentVerification(
  { verdict, record, checkpoint }: { verdict: VerdictWithAssurance; record: CardRecord; checkpoint: CheckpointRow },
  { publicUrl, serial }: { publicUrl: string; serial: bigint },
): VerificationAnswer {
  const { collection, card, batch } = record;
  return {
    verdict: verdict.verdict,
    assurance: verdict.assurance,
    reasons: verdict.reasons,
    explanation: explainVerdict(verdict),
    lastKnown: verdict.lastKnown ?? null,
    card: card === undefined ? null : presentCard(card, collection),
    collection: presentCollection(collection),
    brand: presentBrand(collection.brand),
    evidence: {
      chainId: checkpoint.chainId,
      contract: checksummed(collection.address),
      transactionHash: batch?.transactionHash ?? null,
      blockNumber: batch?.blockNumber ?? null,
      batchFirstSerial: batch?.firstSerial ?? null,
      commitmentRoot: batch === undefined ? null : hashOrNull(batch.commitmentRoot),
    },
    verifyUrl: verifyUrl(publicUrl, collection.slug, serial),
  };
}
