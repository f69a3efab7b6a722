// The envelope of the API's answers.

import type { MirrorStatus } from "../database/mirror-status.ts";
import type { CheckpointRow } from "../database/snapshot.ts";
import type { Reply } from "./operations.ts";
import { presentAsOf } from "./present.ts";
import { mirrorNotReady, Problem } from "./problems.ts";

/** The checkpoint, or 503: before the mirror's first commit there is nothing to answer from. */
export function requireCheckpoint(checkpoint: CheckpointRow | null | undefined): CheckpointRow {
  if (checkpoint === null || checkpoint === undefined) throw mirrorNotReady();
  return checkpoint;
}

export function single(data: unknown, checkpoint: CheckpointRow, mirror: MirrorStatus): Reply {
  return { body: { data }, asOf: presentAsOf(checkpoint, mirror) };
}

/**
 * One page of a list.
 * @param rows One more than `limit` where there is more to come.
 */
export function list<Row>(options: {
  rows: Row[];
  limit: number;
  present(row: Row): unknown;
  cursorOf(row: Row): string;
  checkpoint: CheckpointRow;
  mirror: MirrorStatus;
}): Reply {
  const page = options.rows.slice(0, options.limit);
  const last = page.at(-1);
  const nextCursor = options.rows.length > options.limit && last !== undefined ? options.cursorOf(last) : null;
  const data = page.map(options.present);
  return { body: { data, nextCursor }, asOf: presentAsOf(options.checkpoint, options.mirror) };
}

export function collectionNotFound(): Problem {
  return new Problem(
    "not-found",
    "The registry knows no such collection. Check the slug or the address; GET /v1/collections lists all.",
  );
}

export function cardNotFound(): Problem {
  return new Problem(
    "not-found",
    "The collection holds no card with this serial. Check the number for a typing error.",
  );
}
