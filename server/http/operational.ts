// For those who run the server: is it alive, is it current, what does it measure.

import { setTimeout as sleep } from "node:timers/promises";
import type { MirrorProgress } from "../database/mirror-status.ts";
import { mirrorDoubt } from "../verification/verdict.ts";
import { checksummed } from "./checksum.ts";
import { defineOperation, type Operation } from "./operations.ts";
import { noQuery } from "./parameters.ts";
import { isoTime } from "./present.ts";
import { healthSchema, type ReadinessAnswer, readinessSchema } from "./schemas.ts";
import type { Services } from "./services.ts";

const OPERATIONAL_ROUTE = {
  tag: "operations",
  query: noQuery,
  problems: [] as number[],
  tagged: false,
  limited: false,
  open: false,
  access: "everyone",
} as const;

/** A database that needs longer for the simplest of all questions answers nobody. */
const DATABASE_PATIENCE_MS = 2_000;

export function operationalOperations(services: Services): Operation[] {
  const { config, database, mirror, metrics, logger, databaseProblem = () => undefined } = services;
  let asking: Promise<boolean> | undefined;

  /** Whether the database answers. Asked once at a time: those who ask while it hangs must not take all connections. */
  async function databaseAnswers(): Promise<boolean> {
    asking ??= database.$queryRaw`SELECT 1`
      .then(
        () => true,
        (error: unknown) => {
          logger.error({ err: error }, "the database cannot be queried");
          return false;
        },
      )
      .finally(() => {
        asking = undefined;
      });
    const patience = new AbortController();
    const late = sleep(DATABASE_PATIENCE_MS, false, { signal: patience.signal }).catch(() => false);
    const answers = await Promise.race([asking, late]);
    patience.abort();
    return answers;
  }

  /** Whether the database answers, and has all that was written. */
  const databaseIsWell = async () => (await databaseAnswers()) && databaseProblem() === undefined;

  async function readiness(): Promise<ReadinessAnswer> {
    const status = mirror.status();
    const doubt = (await databaseIsWell()) ? mirrorDoubt(status, config.maxLagSeconds) : "database-unavailable";
    const reasons: Record<NonNullable<typeof doubt>, string> = {
      "database-unavailable": databaseProblem() ?? "The database cannot be queried.",
      "mirror-starting": "The mirror has not reached the chain yet.",
      "mirror-catching-up": "The mirror is still reading the chain's history.",
      "mirror-degraded": "The mirror has stopped, because what the chain says cannot be right.",
      "mirror-lagging": `The mirror has had no news from the chain for more than ${config.maxLagSeconds} seconds.`,
    };
    return {
      ready: doubt === undefined,
      reason: doubt === undefined ? null : reasons[doubt],
      mirror: {
        state: status.state,
        chainId: status.chainId ?? null,
        registry: status.registry === undefined ? null : checksummed(status.registry),
        indexed:
          status.indexed === undefined
            ? null
            : {
                number: status.indexed.number,
                hash: status.indexed.hash,
                time: isoTime(status.indexed.timestamp),
              },
        headNumber: status.headNumber ?? null,
        lagSeconds: status.lagSeconds === undefined ? null : Math.max(0, status.lagSeconds),
        progress: status.progress === undefined ? null : presentProgress(status.progress),
        problem: status.problem ?? null,
      },
    };
  }

  return [
    defineOperation({
      id: "getHealth",
      path: "/health",
      summary: "Whether the process works",
      description:
        "200 while the process can query its database. Says nothing about the chain: see /ready. What is 503 here ends by " +
        "itself when the database is back: no reason to restart the process. A database that was deleted, replaced or damaged under " +
        "the server stays 503: `reason` in /ready says what to do.",
      answers: {
        200: { description: "It works.", schema: healthSchema },
        503: { description: "The database cannot be queried.", schema: healthSchema },
      },
      ...OPERATIONAL_ROUTE,
      async handle() {
        return (await databaseIsWell()) ? { body: { status: "ok" } } : { status: 503, body: { status: "failing" } };
      },
    }),
    defineOperation({
      id: "getReadiness",
      path: "/ready",
      summary: "Whether answers are current",
      description:
        "200 once the mirror has caught up with the chain, and for as long as it keeps up and the database answers.",
      answers: {
        200: { description: "Answers are current.", schema: readinessSchema },
        503: { description: "They may not be; `reason` says why.", schema: readinessSchema },
      },
      ...OPERATIONAL_ROUTE,
      async handle() {
        const body = await readiness();
        return { status: body.ready ? 200 : 503, body };
      },
    }),
    defineOperation({
      id: "getMetrics",
      path: "/metrics",
      summary: "Measurements for Prometheus",
      description: "In the text format of Prometheus. Names begin with `mintmark_`.",
      answers: { 200: { description: "The measurements.", contentType: "text/plain" } },
      ...OPERATIONAL_ROUTE,
      async handle() {
        return { body: await metrics.metrics(), headers: { "Content-Type": metrics.contentType } };
      },
    }),
  ];
}

function presentProgress({ secondsLeft, ...progress }: MirrorProgress) {
  return { ...progress, secondsLeft: secondsLeft ?? null };
}
