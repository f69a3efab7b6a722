// Puts the parts of webhooks together: endpoints and deliveries for the API, and the work behind them. One server of those that share
// a database follows what happens; all of them send.

import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { createSealing } from "../accounts/sealing.ts";
import type { Secrets } from "../accounts/secrets.ts";
import { steadyClock } from "../clocks.ts";
import type { Config } from "../config.ts";
import type { Database } from "../database/client.ts";
import type { MirrorStatus } from "../database/mirror-status.ts";
import type { AddressPolicy, Resolve } from "./addresses.ts";
import { createDeliveries, type Deliveries } from "./deliveries.ts";
import { createDispatcher } from "./dispatcher.ts";
import { createEndpoints, type Endpoints } from "./endpoints.ts";
import { createExpiryTeller } from "./expiries.ts";
import { createWebhookMetrics } from "./metrics.ts";
import { createOrderFollower } from "./order-follower.ts";
import { createOutboxFollower } from "./outbox-follower.ts";
import { createPoster } from "./post.ts";
import { longestWaits, RETRY_DELAYS_MS } from "./schedule.ts";
import { StalePreparationError } from "./telling.ts";

export interface Webhooks {
  endpoints: Endpoints;
  deliveries: Deliveries;
  /** Follows all there is to follow, without sending anything. */
  follow(): Promise<void>;
  start(): void;
  /** Resolves once what is under way has stopped. */
  stop(): Promise<void>;
}

export interface WebhooksOptions {
  config: Pick<Config, "publicUrl" | "maxLagSeconds" | "webhooks">;
  /** For reading the mirror. */
  database: Database;
  application: Database;
  secrets: Pick<Secrets, "dataKey">;
  mirror: { status(): Pick<MirrorStatus, "leads" | "state" | "lagSeconds"> };
  logger: Logger;
  metrics?: Registry;
  /** The wall clock, in milliseconds. */
  now(): number;
  /** The steady clock. */
  steady?(): number;
  /** How names become addresses; as the system does it if left out. */
  resolve?: Resolve;
}

const DAY_MS = 86_400_000;
/** After so long of nothing but failures an endpoint is disabled: longer than the schedule of one message. */
const PATIENCE_MS = 5 * DAY_MS;
const IDLE_MS = 250;
const TROUBLE_MS = 1_000;
const PRUNE_EVERY_MS = 600_000;

export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { config, database, application, secrets, mirror, logger, now, steady = steadyClock } = options;
  const { timeoutMs, expiringDays, keptDays } = config.webhooks;
  const retryDelaysMs = config.webhooks.retryDelaysMs ?? RETRY_DELAYS_MS;
  const sealing = createSealing(secrets.dataKey("webhook secrets"), "A webhook secret");
  const policy = policyFor(config);
  const metrics = options.metrics === undefined ? undefined : createWebhookMetrics(options.metrics);
  const wake = () => dispatcher.wake();
  const deliveries = createDeliveries({
    database: application,
    claimMs: 2 * timeoutMs + 1_000,
    longestWaitsMs: longestWaits(retryDelaysMs),
    patienceMs: PATIENCE_MS,
    now,
    wake,
  });
  metrics?.watch({ figures: deliveries.figures, now, steady });
  const dispatcher = createDispatcher({
    ...{ application, deliveries, sealing, logger, metrics, now, steady },
    poster: createPoster({ policy, timeoutMs, ...(options.resolve === undefined ? {} : { resolve: options.resolve }) }),
    retryDelaysMs,
  });
  const followers = [
    createOutboxFollower({ database, application, now }),
    createOrderFollower({ application, now }),
    createExpiryTeller({
      ...{ database, application, expiringDays, now },
      isCurrent() {
        const { state, lagSeconds } = mirror.status();
        return state === "following" && lagSeconds !== undefined && lagSeconds <= config.maxLagSeconds;
      },
    }),
  ];

  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let prunedAt = Number.NEGATIVE_INFINITY;

  /** Whether there was anything to follow. */
  async function step(): Promise<boolean> {
    let some = false;
    for (const follower of followers) {
      try {
        some = (await follower.step()) || some;
      } catch (error) {
        // Looked at again, it is right.
        if (!(error instanceof StalePreparationError)) throw error;
        some = true;
      }
    }
    if (some) dispatcher.wake();
    return some;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let pause = IDLE_MS;
      try {
        if (mirror.status().leads) {
          if (await step()) pause = 0;
          else await prune();
        }
      } catch (error) {
        logger.warn({ err: error }, "what happens could not be made into webhooks; trying again");
        pause = TROUBLE_MS;
      }
      if (pause > 0) await sleep(pause, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  async function prune(): Promise<void> {
    if (steady() - prunedAt < PRUNE_EVERY_MS) return;
    prunedAt = steady();
    await deliveries.prune(now() - keptDays * DAY_MS);
  }

  return {
    endpoints: createEndpoints({ database: application, sealing, policy, now, wake }),
    deliveries,
    async follow() {
      while (await step());
    },
    start() {
      running ??= run();
      dispatcher.start();
    },
    async stop() {
      stopping.abort();
      await running;
      await dispatcher.stop();
    },
  };
}

/** A server that is reached by https only tells others by https; one that is for this machine only tells this machine, too. */
export function policyFor({ publicUrl, webhooks }: Pick<Config, "publicUrl" | "webhooks">): AddressPolicy {
  const { protocol, hostname } = new URL(publicUrl);
  const isLocal = protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  return { http: protocol === "http:", loopback: webhooks.allowLoopback ?? isLocal };
}
