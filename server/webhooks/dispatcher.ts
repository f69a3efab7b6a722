// Sends what is due. Several servers do so at once. Must hold: an endpoint that is slow or dead takes up no more than its share, so
// it never keeps what is for others waiting; how many are under way at once is bounded.

import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Sealing } from "../accounts/sealing.ts";
import { createSetBackWatch } from "../clocks.ts";
import type { Database } from "../database/client.ts";
import type { Attempt, Claimed, Deliveries, Outcome, Result } from "./deliveries.ts";
import { type EndpointRow, secretsOf } from "./endpoints.ts";
import { bodiesOf } from "./messages.ts";
import type { WebhookMetrics } from "./metrics.ts";
import type { Poster } from "./post.ts";
import { parseRetryAfter, retryDelay } from "./schedule.ts";
import { signedHeaders } from "./signing.ts";

export interface DispatcherOptions {
  application: Database;
  deliveries: Deliveries;
  sealing: Sealing;
  poster: Poster;
  /** How long to wait after each attempt that has failed. */
  retryDelaysMs: readonly number[];
  logger: Pick<Logger, "info" | "warn">;
  metrics?: WebhookMetrics | undefined;
  /** The wall clock, in milliseconds. */
  now(): number;
  /** The steady clock. */
  steady(): number;
  random?: () => number;
}

export interface Dispatcher {
  /** Something may be due. */
  wake(): void;
  start(): void;
  /** Resolves once what was under way has come to an end, or was given back. */
  stop(): Promise<void>;
}

/** How many messages are under way at once, and how many of them to endpoints that are slow or fail. */
const MOST_AT_ONCE = 96;
const MOST_TO_LAGGARDS = MOST_AT_ONCE / 2;
const MOST_PER_ENDPOINT = 16;
/** An endpoint that takes longer is slow. */
const SLOW_MS = 2_000;
const IDLE_MS = 250;
const TROUBLE_MS = 1_000;
/** How long what is under way may take once the server was told to stop. */
const STOP_PATIENCE_MS = 2_000;
const GONE = 410;
const UNREADABLE_SECRET = "The endpoint's secret cannot be read here any more. Give it a new one with rotate-secret.";

/** How an endpoint does. */
interface Share {
  underWay: number;
  /** How many may be under way; grows while it answers, and shrinks to one while it does not. */
  most: number;
  laggard: boolean;
  /** Until when it wants nothing, by the steady clock; the book says so to others, a moment later. */
  pausedUntil: number;
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { application, deliveries, sealing, poster, retryDelaysMs, logger, metrics, now, steady } = options;
  const random = options.random ?? Math.random;
  const stopping = new AbortController();
  const ending = new AbortController();
  const shares = new Map<string, Share>();
  const underWay = new Set<Promise<void>>();
  let settling: Promise<void> | undefined;
  let results: Result[] = [];
  let running: Promise<void> | undefined;
  let woken = Promise.withResolvers<void>();

  function wake(): void {
    woken.resolve();
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let pause = IDLE_MS;
      woken = Promise.withResolvers();
      try {
        if (await dispatch()) pause = 0;
      } catch (error) {
        logger.warn({ err: error }, "webhooks could not be sent; trying again");
        pause = TROUBLE_MS;
      }
      if (pause > 0) await Promise.race([woken.promise, sleep(pause, undefined, { ref: false })]);
    }
  }

  const shortenWaits = createSetBackWatch({ now, steady }, async () => {
    const count = await deliveries.shortenWaits();
    if (count > 0) logger.warn({ count }, "the clock was ahead when webhooks were put off: they are due now");
  });

  function shareOf(endpointId: string): Share {
    const share = shares.get(endpointId) ?? { underWay: 0, most: 4, laggard: false, pausedUntil: 0 };
    shares.set(endpointId, share);
    return share;
  }

  function roomFor(share: Share): number {
    if (share.pausedUntil > steady()) return 0;
    const all = [...shares.values()];
    const total = all.reduce((sum, { underWay }) => sum + underWay, 0);
    const laggards = all.reduce((sum, { underWay, laggard }) => sum + (laggard ? underWay : 0), 0);
    const free = share.laggard ? Math.min(MOST_AT_ONCE - total, MOST_TO_LAGGARDS - laggards) : MOST_AT_ONCE - total;
    const room = share.most - share.underWay;
    // Each claim is a commit: several messages cost as much as one.
    return room < share.most / 4 ? 0 : Math.min(room, free);
  }

  /** Begins what can be begun. Returns whether anything was. */
  async function dispatch(): Promise<boolean> {
    await shortenWaits();
    const endpoints = await deliveries.dueEndpoints();
    let begun = false;
    // Whoever has least under way comes first, so that the last ones in the list are not always the last.
    for (const endpoint of endpoints.toSorted((a, b) => shareOf(a.id).underWay - shareOf(b.id).underWay)) {
      const share = shareOf(endpoint.id);
      const room = roomFor(share);
      if (room <= 0 || stopping.signal.aborted) continue;
      const claimed = await deliveries.claim(endpoint.id, room);
      if (claimed.length === 0) continue;
      begun = true;
      const bodies = await bodiesOf(
        application,
        endpoint.id,
        claimed.map(({ eventId }) => eventId),
      );
      for (const delivery of claimed) begin(endpoint, share, delivery, bodies.get(delivery.eventId));
    }
    for (const [id, { underWay }] of shares) {
      if (underWay === 0 && !endpoints.some((endpoint) => endpoint.id === id)) shares.delete(id);
    }
    return begun;
  }

  function begin(endpoint: EndpointRow, share: Share, delivery: Claimed, body: string | undefined): void {
    share.underWay++;
    const work = attempt(endpoint, share, delivery, body)
      .then((result) => {
        results.push(result);
        settling ??= settleAll();
      })
      // It is tried again once the claim has run out.
      .catch((error: unknown) => logger.warn({ err: error, delivery: delivery.id }, "a webhook could not be sent"))
      .finally(() => {
        share.underWay--;
        underWay.delete(work);
        wake();
      });
    underWay.add(work);
  }

  async function attempt(
    endpoint: EndpointRow,
    share: Share,
    delivery: Claimed,
    body: string | undefined,
  ): Promise<Result> {
    const at = now();
    // The event is too old to be kept.
    if (body === undefined) return { delivery, outcome: { kind: "failed" }, attempt: undefined };
    const secrets = readSecrets(endpoint, at);
    if (secrets === undefined) {
      const outcome = failureOf(delivery.tries + 1, undefined);
      metrics?.attempted(outcome.kind, 0);
      return { delivery, outcome, attempt: { at, durationMs: 0, failure: UNREADABLE_SECRET } };
    }
    const headers = signedHeaders(secrets, { id: delivery.id, at, body });
    const result = await poster.post(endpoint.url, headers, body, ending.signal);
    if (result.kind === "stopped") return { delivery, outcome: { kind: "given-back" }, attempt: undefined };
    const { durationMs } = result;
    const ok = result.kind === "answered" && result.status >= 200 && result.status < 300;
    share.laggard = !ok || durationMs > SLOW_MS;
    share.most = share.laggard ? Math.max(1, share.most >> 1) : Math.min(MOST_PER_ENDPOINT, share.most * 2);
    const log: Attempt =
      result.kind === "answered"
        ? { at, durationMs, status: result.status, answer: result.answer }
        : { at, durationMs, failure: result.reason };
    const retryAfter = result.kind === "answered" && !ok ? parseRetryAfter(result.retryAfter, now()) : undefined;
    if (retryAfter !== undefined) share.pausedUntil = steady() + retryAfter;
    const outcome = ok ? { kind: "delivered" as const } : failureOf(delivery.tries + 1, retryAfter);
    metrics?.attempted(outcome.kind, durationMs);
    return {
      ...{ delivery, outcome, attempt: log },
      pausedUntil: retryAfter === undefined ? undefined : now() + retryAfter,
      goneAt: result.kind === "answered" && result.status === GONE ? endpoint.url : undefined,
    };
  }

  /** Nothing where they were encrypted with another key than this server has. */
  function readSecrets(endpoint: EndpointRow, at: number): string[] | undefined {
    try {
      return secretsOf(sealing, endpoint, at);
    } catch (error) {
      logger.warn({ err: error, endpoint: endpoint.id }, "a webhook secret cannot be read: is DATA_KEY what it was?");
      return undefined;
    }
  }

  function failureOf(tries: number, retryAfter: number | undefined): Extract<Outcome, { kind: "retry" | "failed" }> {
    const delay = retryDelay(retryDelaysMs, tries, retryAfter, random);
    return delay === undefined ? { kind: "failed" } : { kind: "retry", dueAt: now() + delay };
  }

  /** Writes down what came of all attempts so far, together; what comes of others meanwhile goes into the next turn. */
  async function settleAll(): Promise<void> {
    while (results.length > 0) {
      const some = results;
      results = [];
      try {
        const disabled = await deliveries.settle(some);
        for (const endpoint of disabled) logger.warn({ endpoint }, "a webhook endpoint was disabled");
        metrics?.disabled(disabled.length);
      } catch (error) {
        logger.warn({ err: error }, "what came of webhooks could not be written down; trying again");
        results.unshift(...some);
        // Others try them again once the claims have run out.
        if (stopping.signal.aborted) break;
        await sleep(TROUBLE_MS);
      }
    }
    settling = undefined;
    wake();
  }

  return {
    wake,
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      wake();
      await running;
      const done = Promise.all(underWay);
      await Promise.race([done, sleep(STOP_PATIENCE_MS, undefined, { ref: false })]);
      ending.abort();
      await done;
      await settling;
      poster.close();
    },
  };
}
