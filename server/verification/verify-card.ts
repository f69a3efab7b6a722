// Looks one card up and gives the verdict on it, with the evidence for it.
// Must hold: the rows and the checkpoint come from one snapshot, so that "as of" is true.

import type { BrandStatus, CardStatus } from "../chain/abi.ts";
import type { Database } from "../database/client.ts";
import type { MirrorStatus } from "../database/mirror-status.ts";
import {
  type BatchRow,
  batchAt,
  type CardRow,
  type CheckpointRow,
  type CollectionWithBrand,
  cardAt,
  checkpoint,
  collectionAt,
  readSnapshot,
  storedSerial,
} from "../database/snapshot.ts";
import { createHistory } from "../history/history.ts";
import type { PastBlock } from "../history/past-block.ts";
import { pastVerdictOf, type VerdictWithAssurance, verdictOf } from "./verdict.ts";

/** What the mirror holds about one serial of one collection. */
export interface CardRecord {
  collection: CollectionWithBrand;
  /** Nothing where the serial was never issued. */
  card: CardRow | undefined;
  /** The batch that the card was issued in; nothing where there is no card. */
  batch: BatchRow | undefined;
}

export interface CardVerification {
  verdict: VerdictWithAssurance;
  /** Nothing if the mirror does not know the collection. */
  record: CardRecord | undefined;
  /** The block that the record is as of; nothing before the mirror's first commit. */
  checkpoint: CheckpointRow | undefined;
}

export interface VerifyCardInput {
  database: Database;
  mirror: MirrorStatus;
  maxLagSeconds: number;
  /** Seconds since the Unix epoch. */
  now: number;
  /** Lower-case; nothing if no collection is known by the name that was asked for. */
  collectionAddress: string | undefined;
  /** May be beyond the edition. */
  serial: bigint;
}

export async function verifyCard(input: VerifyCardInput): Promise<CardVerification> {
  const { database, mirror, maxLagSeconds, now } = input;
  const collectionAddress = input.collectionAddress ?? "";
  const serial = storedSerial(input.serial);
  const found = await readSnapshot(database, {
    checkpoint,
    collection: collectionAt(collectionAddress),
    card: cardAt(collectionAddress, serial),
    batch: batchAt(collectionAddress, serial),
  });
  return {
    verdict: verdictOf({ ...standingOf(found), now, mirror, maxLagSeconds }),
    record: recordOf(found),
    checkpoint: found.checkpoint ?? undefined,
  };
}

/** A verification as of a block of the past, which may be one that the mirror has not come to: compare the checkpoint. */
export interface PastVerification extends CardVerification {
  past: PastBlock;
}

/** Gives the verdict as of a block, at that block's time. */
export async function verifyCardAt(
  input: Pick<VerifyCardInput, "database" | "mirror" | "collectionAddress" | "serial"> & { atBlock: number },
): Promise<PastVerification> {
  const { database, mirror, collectionAddress, serial, atBlock } = input;
  const history = createHistory({ database, at: atBlock });
  const found = await history.cardOnly(collectionAddress ?? "", storedSerial(serial));
  return {
    verdict: pastVerdictOf({ ...standingOf(found), sealed: found.past, mirror }),
    record: recordOf(found),
    checkpoint: found.checkpoint ?? undefined,
    past: found.past,
  };
}

interface FoundCard {
  collection: CollectionWithBrand | null;
  card: CardRow | null;
  batch: BatchRow | null;
}

/** What a verdict goes by. */
function standingOf({ collection, card }: FoundCard) {
  return {
    card: card === null ? undefined : { status: card.status as CardStatus, expiresAt: card.expiresAt },
    brandStatus: collection === null ? undefined : (collection.brand.status as BrandStatus),
  };
}

function recordOf({ collection, card, batch }: FoundCard): CardRecord | undefined {
  if (collection === null) return undefined;
  return { collection, card: card ?? undefined, batch: card === null || batch === null ? undefined : batch };
}
