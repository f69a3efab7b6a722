// The audit log: what was done by whom, for ever. An entry is written in the transaction of the act, so neither is there
// without the other.

import type { Database, DatabaseTransaction } from "../database/client.ts";

export interface AuditEntry {
  /** In milliseconds since the Unix epoch. */
  at: number;
  /** Nothing where it concerns no brand. */
  brandId: number | undefined;
  /** See `actorOf`; `system` or `command-line` where nobody has signed in. */
  actor: string;
  /** What was done, as `noun.verb-in-the-past`. */
  action: string;
  /** The id of what it was done to. */
  subject: string;
  /** Never secrets or personal data: nobody can take them out again. */
  details?: Record<string, string | number | boolean | null>;
}

export async function recordAct(transaction: Database | DatabaseTransaction, entry: AuditEntry): Promise<void> {
  const { at, brandId = null, actor, action, subject, details = {} } = entry;
  await transaction.auditEntry.create({
    data: { at, brandId, actor, action, subject, details: JSON.stringify(details) },
  });
}
