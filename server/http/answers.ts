// The envelope of the API's answers.

import type { MirrorStatus } from "../database/mirror-status.ts";
import type { CheckpointRow } from "../database/snapshot.ts";
import type { PastBlock } from "../history/past-block.ts";
import type { Reply } from "./operations.ts";
import { presentAsOf } from "./present.ts";
import { mirrorNotReady, Problem } from "./problems.ts";
import type { Queries } from "./queries.ts";

/** The checkpoint, or 503: before the mirror's first commit there is nothing to answer from. */
export function requireCheckpoint(checkpoint: CheckpointRow | null | undefined): CheckpointRow {
  if (checkpoint === null || checkpoint === undefined) throw mirrorNotReady();
  return checkpoint;
}

/** What rows are as of. */
export interface Moment {
  /** How far the mirror is. */
  checkpoint: CheckpointRow;
  /** The block that was asked for; nothing where the newest was. */
  past: PastBlock | undefined;
}

/** The moment of a snapshot, or 503 where there is none and 409 where the mirror has not come to it yet. */
export function requireMoment(snapshot: {
  checkpoint: CheckpointRow | null | undefined;
  past?: PastBlock | undefined;
}): Moment {
  const checkpoint = requireCheckpoint(snapshot.checkpoint);
  requireReached(checkpoint, snapshot.past?.number);
  return { checkpoint, past: snapshot.past };
}

/** Throws what {@link requireMoment} throws, for what is not found. */
export async function refuseUnreached(
  queries: Pick<Queries, "checkpoint">,
  atBlock: number | undefined,
): Promise<void> {
  const checkpoint = requireCheckpoint(await queries.checkpoint());
  requireReached(checkpoint, atBlock);
}

function requireReached({ blockNumber }: CheckpointRow, atBlock: number | undefined): void {
  if (atBlock === undefined || atBlock <= blockNumber) return;
  throw new Problem(
    "block-not-reached",
    `The registry has read the chain up to block ${blockNumber}. Ask for that block or an earlier one, or try again later.`,
  );
}

export function single(data: unknown, moment: Moment, mirror: MirrorStatus): Reply {
  return { body: { data }, asOf: presentAsOf(moment, mirror) };
}

/**
 * One page of a list.
 * @param rows One more than `limit` where there is more to come.
 * @param keyOf A row's place in the list.
 * @param goesOnAfter Where the list goes on though there are no more rows here; nothing where it does not.
 */
export function list<Row, Key>(options: {
  rows: Row[];
  limit: number;
  present(row: Row): unknown;
  keyOf(row: Row): Key;
  goesOnAfter: Key | undefined;
  cursorOf(key: Key): string;
  moment: Moment;
  mirror: MirrorStatus;
}): Reply {
  const page = options.rows.slice(0, options.limit);
  const last = page.at(-1);
  const next = options.rows.length > options.limit && last !== undefined ? options.keyOf(last) : options.goesOnAfter;
  const nextCursor = next === undefined ? null : options.cursorOf(next);
  const data = page.map(options.present);
  return { body: { data, nextCursor }, asOf: presentAsOf(options.moment, options.mirror) };
}

/** @param atBlock The block that was asked for; nothing where the newest was. */
export function collectionNotFound(atBlock?: number): Problem {
  return new Problem(
    "not-found",
    atBlock === undefined
      ? "The registry knows no such collection. Check the slug or the address; GET /v1/collections lists all."
      : `At block ${atBlock} the registry had no such collection. GET /v1/collections?atBlock=${atBlock} lists those of then.`,
  );
}

/** @param atBlock The block that was asked for; nothing where the newest was. */
export function cardNotFound(atBlock?: number): Problem {
  return new Problem(
    "not-found",
    atBlock === undefined
      ? "The collection holds no card with this serial. Check the number for a typing error."
      : `At block ${atBlock} the collection held no card with this serial. Check the number, or ask for a later block.`,
  );
}
