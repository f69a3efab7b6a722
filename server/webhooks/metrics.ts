// What an operator can measure of webhooks. docs/operations.md says what to do about each figure.

import { Counter, Histogram, type Registry } from "prom-client";
import type { Clocks } from "../clocks.ts";
import { gaugesOf } from "../gauges.ts";
import type { Deliveries } from "./deliveries.ts";

export interface WebhookMetrics {
  attempted(outcome: "delivered" | "retry" | "failed", durationMs: number): void;
  disabled(count: number): void;
  /** Measures what the book says whenever somebody asks. */
  watch(options: { figures: Deliveries["figures"] } & Clocks): void;
}

export function createWebhookMetrics(registry: Registry): WebhookMetrics {
  const attempts = new Counter({
    name: "mintmark_webhook_attempts_total",
    help: "Attempts to deliver, by what came of them.",
    labelNames: ["outcome"],
    registers: [registry],
  });
  const durations = new Histogram({
    name: "mintmark_webhook_attempt_duration_seconds",
    help: "How long attempts took.",
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
    registers: [registry],
  });
  const disabled = new Counter({
    name: "mintmark_webhook_endpoints_disabled_total",
    help: "Endpoints that were disabled because they were gone or failed for days.",
    registers: [registry],
  });
  for (const outcome of ["delivered", "retry", "failed"]) attempts.inc({ outcome }, 0);
  return {
    attempted(outcome, durationMs) {
      attempts.inc({ outcome });
      durations.observe(durationMs / 1000);
    },
    disabled: (count) => disabled.inc(count),
    watch({ figures, now, steady }) {
      const gauge = gaugesOf(registry, figures);
      gauge(
        "mintmark_webhook_pending_deliveries",
        "What is still to be delivered to enabled endpoints, what waits for its next attempt included.",
        ({ pending }) => pending,
      );
      gauge(
        "mintmark_webhook_oldest_due_seconds",
        "For how long the oldest delivery that is due has been due.",
        ({ oldestDue }) => (oldestDue === undefined ? 0 : Math.max(0, (now() - oldestDue) / 1000)),
      );
      gauge(
        "mintmark_webhook_outbox_entries_behind",
        "How many entries of the outbox are not followed yet; 0 where there is no endpoint.",
        ({ behind }) => behind,
      );
      let seen: { place: string; since: number } | undefined;
      gauge(
        "mintmark_webhook_outbox_stalled_seconds",
        "For how long no entry of the outbox was followed although there are some; 0 while it goes on, and where there is no endpoint.",
        ({ behind, place }) => {
          if (behind === 0) seen = undefined;
          else if (seen?.place !== place) seen = { place, since: steady() };
          return seen === undefined ? 0 : (steady() - seen.since) / 1000;
        },
      );
    },
  };
}
