// How much of what the chain has is nobody's in this database.

import type { Registry } from "prom-client";
import type { Database } from "../../database/client.ts";
import { gaugesOf } from "../../gauges.ts";

export interface ReconciliationFigures {
  /** Unclaimed ones. */
  cards: number;
  redemptions: number;
}

export async function readFigures(application: Database): Promise<ReconciliationFigures> {
  const where = { state: "unclaimed" };
  return {
    cards: await application.adoptedCard.count({ where }),
    redemptions: await application.adoptedRedemption.count({ where }),
  };
}

/** When the last archive of this database was made, in seconds; 0 if none was. */
export async function readLastBackup(application: Database): Promise<number> {
  const last = await application.backup.findFirst({ orderBy: { id: "desc" }, select: { finishedAt: true } });
  return last === null ? 0 : Math.floor(Number(last.finishedAt) / 1000);
}

/** Measures them whenever somebody asks. docs/operations.md says what to do about each figure. */
export function watchReconciliation(
  registry: Registry,
  { figures, lastBackup }: { figures(): Promise<ReconciliationFigures>; lastBackup(): Promise<number> },
): void {
  const gauge = gaugesOf(registry, figures);
  gauge(
    "mintmark_reconciliation_unclaimed_cards",
    "Cards that this server's keys have issued and no order or import in its database stands for.",
    ({ cards }) => cards,
  );
  gauge(
    "mintmark_reconciliation_unclaimed_redemptions",
    "Redemptions by this server's keys that no redemption in its database stands for.",
    ({ redemptions }) => redemptions,
  );
  gaugesOf(registry, lastBackup)(
    "mintmark_backup_timestamp_seconds",
    "When the last archive of this database was made, in seconds since the Unix epoch; 0 if none was.",
    (seconds) => seconds,
  );
}
