// Looks at a few cards now and then while the mirror follows the chain, and raises an alarm where the contracts say otherwise.

import type { Logger } from "pino";
import type { AuditReport } from "./audit/audit.ts";

export interface AuditorOptions {
  /** Compares some cards. */
  audit(): Promise<AuditReport>;
  /** Whether the mirror is as new as the chain, so that there is something to compare. */
  isFollowing(): boolean;
  /** Called with how many differences were found. */
  onDifferences(count: number): void;
  logger: Logger;
  intervalMs?: number;
}

/** Audits in intervals, one at a time. Returns what stops it. */
export function startAuditor(options: AuditorOptions): { stop(): Promise<void> } {
  const { audit, isFollowing, onDifferences, logger, intervalMs = 60_000 } = options;
  let current: Promise<void> = Promise.resolve();
  let busy = false;

  async function look(): Promise<void> {
    busy = true;
    try {
      const { block, cards, differences } = await audit();
      for (const difference of differences)
        logger.error({ block, ...difference }, "the mirror and the chain say differently");
      if (differences.length > 0) onDifferences(differences.length);
      logger.debug({ block, cards }, "audited some cards");
    } catch (err) {
      // The node may be away; the indexer says so too, and the next look comes.
      logger.warn({ err }, "no audit: the chain could not be asked");
    } finally {
      busy = false;
    }
  }

  const timer = setInterval(() => {
    if (!busy && isFollowing()) current = look();
  }, intervalMs);
  return {
    async stop() {
      clearInterval(timer);
      await current;
    },
  };
}
