// For those who run the server: is it alive, is it current, what does it measure.

import { setTimeout as sleep } from "node:timers/promises";
import type { MirrorProgress } from "../database/mirror-status.ts";
import type { SigningProblem } from "../issuance/signing-state.ts";
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
  const { config, database, mirror, metrics, orders, logger, storage, databaseProblem = () => undefined } = services;
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

  /** What keeps this server from doing its work, whatever the chain says; nothing if nothing does. */
  async function failure(): Promise<string | null> {
    const answers = await databaseAnswers();
    return databaseProblem() ?? storage.problem() ?? (answers ? null : "The database cannot be queried.");
  }

  async function readiness(): Promise<ReadinessAnswer> {
    const status = mirror.status();
    const failing = (await failure()) ?? services.shortage() ?? null;
    const doubt = mirrorDoubt(status, config.maxLagSeconds);
    const reasons: Record<NonNullable<typeof doubt>, string> = {
      "mirror-starting": "The mirror has not reached the chain yet.",
      "mirror-catching-up": "The mirror is still reading the chain's history.",
      "mirror-degraded": "The mirror has stopped, because what the chain says cannot be right.",
      "mirror-lagging": `The mirror has had no news from the chain for more than ${config.maxLagSeconds} seconds.`,
    };
    return {
      ready: failing === null && doubt === undefined,
      reason: failing ?? (doubt === undefined ? null : reasons[doubt]),
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
      signing: presentSigning(orders.signing()),
    };
  }

  return [
    defineOperation({
      id: "getHealth",
      path: "/health",
      summary: "Whether the process works",
      description:
        "200 while the process can query and write its database. Says nothing about the chain: see /ready. What is 503 here ends by " +
        "itself when the database is back, or has room again: no reason to restart the process. A database that was deleted, " +
        "replaced or damaged under the server stays 503: `reason` says what to do.",
      answers: {
        200: { description: "It works.", schema: healthSchema },
        503: { description: "The database cannot be queried or written; `reason` says why.", schema: healthSchema },
      },
      ...OPERATIONAL_ROUTE,
      async handle() {
        const reason = await failure();
        if (reason === null) return { body: { status: "ok", reason } };
        return { status: 503, body: { status: "failing", reason } };
      },
    }),
    defineOperation({
      id: "getReadiness",
      path: "/ready",
      summary: "Whether answers are current",
      description:
        "200 once the mirror has caught up with the chain, and for as long as it keeps up, the database answers and can be written, and " +
        "connections are not short. What cannot be signed stands in `signing` and changes nothing of that: another server would not " +
        "sign either, and all of them can be read.",
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

function presentSigning(problems: readonly SigningProblem[]): ReadinessAnswer["signing"] {
  return {
    state: problems.length === 0 ? "working" : "impaired",
    problems: problems.map(({ since, ...problem }) => ({ ...problem, since: isoTime(since / 1000) })),
  };
}

function presentProgress({ secondsLeft, ...progress }: MirrorProgress) {
  return { ...progress, secondsLeft: secondsLeft ?? null };
}
