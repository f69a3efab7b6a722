// What an import can be, and what its lines can be.

import type { Import } from "../database/generated/sqlite/client.ts";

/**
 * uploaded → checking → needs-columns, invalid or ready → issuing ⇄ paused → done; cancelled or failed on the way. Choosing columns
 * leads back to uploaded from wherever nothing was issued yet.
 */
export const IMPORT_STATES = [
  "uploaded",
  "checking",
  "needs-columns",
  "invalid",
  "ready",
  "issuing",
  "paused",
  "done",
  "cancelled",
  "failed",
] as const;
export type ImportState = (typeof IMPORT_STATES)[number];

export const LINE_STATES = ["wrong", "ready", "queued", "done", "failed", "cancelled"] as const;
export type LineState = (typeof LINE_STATES)[number];

/** Where another choice of columns has the file checked again. */
export const RECHECKABLE: readonly ImportState[] = [
  "uploaded",
  "checking",
  "needs-columns",
  "invalid",
  "ready",
  "failed",
];
/** What can be called off. */
export const CANCELLABLE: readonly ImportState[] = [...RECHECKABLE, "issuing", "paused"];
/** What still has lines that may be on their way to the chain. */
export const ON_THE_WAY: readonly ImportState[] = ["issuing", "paused", "cancelled"];

export type ImportRow = Import;

export function stateOf({ state }: Pick<ImportRow, "state">): ImportState {
  return state as ImportState;
}

/** Whether nothing about it will change any more. */
export function hasEnded({ endedAt }: Pick<ImportRow, "endedAt">): boolean {
  return endedAt !== null;
}
