// From rows to answers: addresses with their checksum, times in ISO 8601, nothing that clients do not need.

import { getAddress, ZeroHash } from "ethers";
import type { BrandStatus, BurnAuth, CardStatus } from "../chain/abi.ts";
import type { Batch, Brand, Card, Checkpoint, Collection } from "../database/generated/client.ts";
import type { MirrorStatus } from "../database/mirror-status.ts";
import { explainVerdict } from "../verification/explain.ts";
import type { VerdictWithAssurance } from "../verification/verdict.ts";
import type { CardRecord } from "../verification/verify-card.ts";
import type { CollectionRow, EventRow } from "./queries.ts";
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
export function isoTime(seconds: bigint | number): string {
  return new Date(Number(seconds) * 1000).toISOString();
}

/** The same for times where 0 means never. */
export function isoTimeOrNull(seconds: bigint | number): string | null {
  return Number(seconds) === 0 ? null : isoTime(seconds);
}

export function presentAsOf(checkpoint: Checkpoint, mirror: MirrorStatus): AsOf {
  return {
    chainId: Number(checkpoint.chainId),
    blockNumber: checkpoint.blockNumber,
    blockHash: checkpoint.blockHash,
    blockTime: isoTime(checkpoint.blockTimestamp),
    lagSeconds: mirror.lagSeconds === undefined ? null : Math.max(0, mirror.lagSeconds),
    state: mirror.state,
  };
}

function presentBrandSummary(brand: Brand): BrandSummaryAnswer {
  return { id: brand.id, name: brand.name, status: brand.status as Exclude<BrandStatus, "None"> };
}

export function presentBrand(brand: Brand): BrandAnswer {
  return {
    ...presentBrandSummary(brand),
    legalName: brand.legalName,
    domain: brand.domain,
    filingNumber: brand.filingNumber === "" ? null : brand.filingNumber,
  };
}

export function presentCollection(row: CollectionRow): CollectionAnswer {
  return {
    address: getAddress(row.address),
    slug: row.slug,
    name: row.name,
    symbol: row.symbol,
    maxSupply: row.maxSupply,
    issuedCount: row.issuedCount,
    burnAuth: row.burnAuth as BurnAuth,
    brand: presentBrandSummary(row.brand),
    createdIn: { blockNumber: row.blockNumber, transactionHash: row.transactionHash },
  };
}

export function presentCard(card: Card, collection: Collection): CardAnswer {
  return {
    collection: { address: getAddress(collection.address), slug: collection.slug, name: collection.name },
    serial: card.serial,
    holder: getAddress(card.holder),
    tier: card.tier,
    status: card.status as Exclude<CardStatus, "None">,
    issuedAt: isoTime(card.issuedAt),
    expiresAt: isoTimeOrNull(card.expiresAt),
    generation: card.generation,
    lastChange: { blockNumber: card.blockNumber, logIndex: card.logIndex },
  };
}

export function presentBatch(batch: Batch): BatchAnswer {
  return {
    firstSerial: batch.firstSerial,
    count: batch.count,
    commitmentRoot: commitmentRootOrNull(batch.commitmentRoot),
    blockNumber: batch.blockNumber,
    transactionHash: batch.transactionHash,
  };
}

export function presentEvent(event: EventRow): EventAnswer {
  const stored = JSON.parse(event.arguments) as Record<string, unknown>;
  const args: EventAnswer["arguments"] = {};
  for (const [name, value] of Object.entries(stored)) args[name] = presentArgument(name, value);
  return {
    name: event.name,
    arguments: args,
    blockNumber: Number(event.blockNumber),
    time: isoTime(event.timestamp),
    transactionHash: event.transactionHash,
    logIndex: Number(event.logIndex),
  };
}

function presentArgument(name: string, value: unknown): EventAnswer["arguments"][string] {
  if (name === "expiresAt" && (typeof value === "number" || typeof value === "string")) {
    return isoTimeOrNull(Number(value));
  }
  if (typeof value === "string") return /^0x[0-9a-f]{40}$/.test(value) ? getAddress(value) : value;
  if (typeof value === "number" || typeof value === "boolean" || value === null) return value;
  return JSON.stringify(value);
}

function commitmentRootOrNull(root: string): string | null {
  return root === ZeroHash ? null : root;
}

/** The page in the card's QR code. */
export function verifyUrl(publicUrl: string, slug: string, serial: bigint | number): string {
  return `${publicUrl}/v/${slug}/${serial}`;
}

export function presentVerification(
  { verdict, record, checkpoint }: { verdict: VerdictWithAssurance; record: CardRecord; checkpoint: Checkpoint },
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
      chainId: Number(checkpoint.chainId),
      contract: getAddress(collection.address),
      transactionHash: batch?.transactionHash ?? null,
      blockNumber: batch?.blockNumber ?? null,
      batchFirstSerial: batch?.firstSerial ?? null,
      commitmentRoot: batch === undefined ? null : commitmentRootOrNull(batch.commitmentRoot),
    },
    verifyUrl: verifyUrl(publicUrl, collection.slug, serial),
  };
}
