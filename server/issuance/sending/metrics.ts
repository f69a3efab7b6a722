// What an operator can measure of sending. docs/operations.md says what to do about each figure.

import { Counter, type Registry } from "prom-client";
import { gaugesOf } from "../../gauges.ts";
import type { Book } from "./book.ts";
import { SENDER_EVENTS, type SenderEvent } from "./sender.ts";

export interface SenderMetrics {
  count(event: SenderEvent): void;
  /** Measures what the book says whenever somebody asks. */
  watch(options: { figures: Book["figures"]; now(): number }): void;
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
    watch({ figures, now }) {
      const gauge = gaugesOf(registry, figures);
      gauge("mintmark_sender_queued_commands", "What waits to be sent.", ({ queued }) => queued);
      gauge(
        "mintmark_sender_suspect_commands",
        "What waits to be looked at, after its transaction failed.",
        ({ suspects }) => suspects,
      );
      gauge("mintmark_sender_open_transactions", "Nonces that were given out and are not settled.", ({ open }) => open);
      gauge(
        "mintmark_sender_oldest_queued_seconds",
        "For how long the oldest of what waits has been waiting.",
        ({ oldestQueued }) => (oldestQueued === undefined ? 0 : Math.max(0, (now() - oldestQueued) / 1000)),
      );
    },
  };
}
