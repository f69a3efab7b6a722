// What the verification page shows, in the reader's words: from a verification to lines that a view prints as they are.

import { ZeroHash } from "ethers";
import { type Formats, legible, shorten } from "../../web/text/formats.ts";
import type { Text } from "../../web/text/text.ts";
import type { MirrorStatus } from "../database/mirror-status.ts";
import type { Verdict } from "../verification/verdict.ts";
import type { CardVerification } from "../verification/verify-card.ts";
import { checksummed } from "./checksum.ts";
import { brandNameOf, collectionNameOf } from "./names.ts";

/** One line of a list of facts. */
export interface Fact {
  label: string;
  value: string;
  /** The full value where `value` is shortened. */
  full?: string;
  /** ISO 8601, where the value is a time. */
  time?: string;
  /** Set in a typeface of fixed width. */
  code?: boolean;
}

export interface CardPageModel {
  verdict: Verdict;
  /** Decides colour and icon; of `cannot-confirm` too. */
  tone: "good" | "warning" | "bad" | "unknown";
  heading: string;
  lead: string;
  notes: string[];
  lastKnown: string | undefined;
  /** The card's name, above the facts; nothing where the collection is not known. */
  cardName: string | undefined;
  brandName: string | undefined;
  serialText: string;
  hasCard: boolean;
  facts: Fact[];
  evidence: Fact[];
  assurance: string[];
  freshness: { asOf: string; time: string | undefined; iso: string | undefined; lag: string } | undefined;
  /** The page's own path, where the card exists. */
  cardPath: string | undefined;
}

const TONES: Record<Verdict, CardPageModel["tone"]> = {
  genuine: "good",
  expired: "warning",
  suspended: "warning",
  revoked: "bad",
  surrendered: "bad",
  "not-found": "bad",
  "suspect-duplicate": "warning",
  "cannot-confirm": "unknown",
};

export function createCardPageModel(options: {
  verification: CardVerification;
  mirror: MirrorStatus;
  /** The serial as it was asked for. */
  serialText: string;
  text: Text;
  formats: Formats;
}): CardPageModel {
  const { verification, mirror, serialText, text, formats } = options;
  const { verdict, record, checkpoint } = verification;
  const words = text.verdicts[verdict.verdict];
  const card = record?.card;
  const batch = record?.batch;
  const brandName = record === undefined ? undefined : brandNameOf(record.collection);
  const facts: Fact[] = [];
  const evidence: Fact[] = [];

  if (record !== undefined) {
    const { collection } = record;
    facts.push({ label: text.card.legalName, value: legible(collection.brand.legalName, "–") });
    facts.push({ label: text.card.domain, value: legible(collection.brand.domain, "–") });
    if (card !== undefined) {
      const holder = checksummed(card.holder);
      const live = card.status === "Active" || card.status === "Suspended";
      facts.push({ label: text.card.tier, value: text.card.tierValue(card.tier) });
      facts.push({ label: text.card.status, value: text.cardStatus[card.status as keyof Text["cardStatus"]] });
      const issuedAt = card.issuedAt;
      facts.push({ label: text.card.issuedAt, value: formats.date(issuedAt), time: formats.iso(issuedAt) });
      const expiresAt = card.expiresAt;
      facts.push(
        expiresAt === 0
          ? { label: text.card.expiresAt, value: text.card.neverExpires }
          : { label: text.card.expiresAt, value: formats.dateTime(expiresAt), time: formats.iso(expiresAt) },
      );
      facts.push({
        label: live ? text.card.holder : text.card.lastHolder,
        value: shorten(holder),
        full: holder,
        code: true,
      });
    }
    if (batch !== undefined) {
      facts.push({
        label: text.card.recordedIn,
        value: `${text.card.recordedInValue(formats.number(batch.blockNumber))} · ${shorten(batch.transactionHash)}`,
        full: batch.transactionHash,
      });
    }
    if (checkpoint !== undefined) evidence.push({ label: text.evidence.chain, value: String(checkpoint.chainId) });
    evidence.push({ label: text.evidence.contract, value: checksummed(collection.address), code: true });
    if (card !== undefined) {
      evidence.push({ label: text.evidence.holder, value: checksummed(card.holder), code: true });
    }
    if (batch !== undefined) {
      evidence.push({ label: text.evidence.transaction, value: batch.transactionHash, code: true });
      evidence.push({ label: text.evidence.block, value: formats.number(batch.blockNumber) });
      evidence.push({
        label: text.evidence.batch,
        value: text.evidence.batchValue(
          formats.number(batch.firstSerial),
          formats.number(batch.firstSerial + batch.count - 1),
        ),
      });
      if (batch.commitmentRoot !== ZeroHash) {
        evidence.push({ label: text.evidence.commitmentRoot, value: batch.commitmentRoot, code: true });
      }
    }
    if (card !== undefined && card.generation > 0) {
      evidence.push({ label: text.evidence.generation, value: formats.number(card.generation) });
    }
  }

  const { lastKnown } = verdict;
  const blockTime = checkpoint === undefined ? undefined : checkpoint.blockTimestamp;
  return {
    verdict: verdict.verdict,
    tone: TONES[verdict.verdict],
    heading: words.title,
    lead: words.lead,
    notes: verdict.reasons.map((reason) => text.reasons[reason]).filter((note) => note !== ""),
    // "Not found" by a mirror that is behind would be a guess.
    lastKnown:
      lastKnown === undefined || lastKnown.verdict === "not-found"
        ? undefined
        : text.card.lastKnown(text.verdicts[lastKnown.verdict].title),
    cardName: record === undefined ? undefined : collectionNameOf(record.collection),
    brandName,
    serialText:
      card === undefined || record === undefined
        ? serialText
        : `${formats.number(card.serial)} / ${formats.number(record.collection.maxSupply)}`,
    hasCard: card !== undefined,
    facts,
    evidence,
    assurance: assuranceOf(verdict.verdict, text, brandName),
    freshness:
      checkpoint === undefined || blockTime === undefined
        ? undefined
        : {
            asOf: text.freshness.asOf(formats.number(checkpoint.blockNumber)),
            time: formats.dateTime(blockTime),
            iso: formats.iso(blockTime),
            lag: text.freshness.lag(
              mirror.lagSeconds === undefined ? undefined : Math.max(0, Math.round(mirror.lagSeconds)),
            ),
          },
    cardPath: card === undefined || record === undefined ? undefined : `/v/${record.collection.slug}/${card.serial}`,
  };
}

function assuranceOf(verdict: Verdict, { assurance }: Text, brandName: string | undefined): string[] {
  switch (verdict) {
    case "cannot-confirm":
      return [assurance.unconfirmed];
    case "not-found":
      return [assurance.nothing];
    default:
      return [assurance.sure, assurance.notSure, ...(brandName === undefined ? [] : [assurance.whatToDo(brandName)])];
  }
}
