// What an operator can measure of sending. docs/operations.md says what to do about each figure.

import { Counter, type Registry } from "prom-client";
import type { Clocks } from "../../clocks.ts";
import { gaugesOf } from "../../gauges.ts";
import type { Book } from "./book.ts";
import { SENDER_EVENTS, type SenderEvent } from "./sender.ts";

export interface SenderMetrics {
  count(event: SenderEvent): void;
  /** Measures what the book says whenever somebody asks. */
  watch(options: { figures: Book["figures"] } & Clocks): void;
}

export function createSenderMetrics(registry: Registry): SenderMetrics {
  const events = new Counter({
    name: "mintmark_sender_transactions_total",
    help: "Transactions of the sender, by what happened to them.",
    labelNames: ["event"],
    registers: [registry],
  });
  // From the beginning, because an increase of what was not there before its first time misses that.
  for (const event of SENDER_EVENTS) events.inc({ event }, 0);
  return {
    count: (event) => events.inc({ event }),
    watch({ figures, now, steady }) {
      const gauge = gaugesOf(registry, figures);
      gauge("mintmark_sender_queued_commands", "What waits to be sent.", ({ queued }) => queued);
      gauge(
        "mintmark_sender_suspect_commands",
        "What waits to be looked at, after its transaction failed.",
        ({ suspects }) => suspects,
      );
      gauge("mintmark_sender_open_transactions", "Nonces that were given out and are not settled.", ({ open }) => open);
      let aheadSince: number | undefined;
      gauge(
        "mintmark_sender_oldest_queued_seconds",
        "For how long the oldest of what waits has been waiting.",
        ({ oldestQueued, queuedAhead }) => {
          aheadSince = queuedAhead === 0 ? undefined : (aheadSince ?? steady());
          const known = oldestQueued === undefined ? 0 : now() - oldestQueued;
          // What was queued while the clock was ahead waits at least since it was first seen.
          return Math.max(0, known, aheadSince === undefined ? 0 : steady() - aheadSince) / 1000;
        },
      );
    },
  };
}
