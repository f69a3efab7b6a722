// What is measured of the mirror and its writer, for Prometheus. Must hold: what is not known is never shown as a number
// that would look well.

import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { MirrorStatus } from "../database/mirror-status.ts";
import { isOutage } from "../database/unusable.ts";
import { createPatience } from "../patience.ts";
import type { Lease } from "./lease.ts";
import type { Mirror } from "./mirror.ts";

/** What kept the indexer from going on. By the errors' names, so that measuring depends on nothing of what it measures. */
const FAILURES: Record<string, string> = {
  RpcError: "node",
  InconsistentAnswerError: "inconsistent",
  CheckpointMovedError: "other-writer",
  LeaseLostError: "other-writer",
  FoldError: "impossible",
  EventDecodeError: "impossible",
  WrongChainError: "incident",
  FinalityViolatedError: "incident",
};
const FAILURE_KINDS = new Set([...Object.values(FAILURES), "database", "other"]);

export interface IndexerMetrics {
  /** The same mirror, with its writes measured. */
  measured(mirror: Mirror): Mirror;
  /** The same lease, with the database's answers measured. */
  measuredLease(lease: Lease): Lease;
  /** Measures, whenever it is asked, where the mirror stands. */
  watch(status: () => MirrorStatus): void;
  /** The indexer could not go on. Returns what kind of failure it is. */
  failure(error: unknown): string;
  /** An audit has found so many cards to differ. */
  differences(count: number): void;
}

/** Registers the metrics. Once for each registry. */
export function createIndexerMetrics(registry: Registry): IndexerMetrics {
  const registers = [registry];
  const named = (name: string, help: string) => ({ name: `mintmark_indexer_${name}`, help, registers });
  const events = new Counter(named("events_total", "Events that this server has written into the mirror"));
  const undone = new Counter(named("events_undone_total", "Events that this server has taken back from the mirror"));
  const reorgs = new Counter(
    named("reorgs_total", "How often this server has taken the mirror back to an earlier block"),
  );
  const depth = new Histogram({
    ...named(
      "reorg_depth_blocks",
      "By how many blocks the mirror went back, to the newest one with events that is left",
    ),
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
  });
  const commits = new Histogram({
    ...named("commit_duration_seconds", "How long it took to write a range of blocks into the mirror"),
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  });
  const failures = new Counter({
    ...named("failures_total", "What kept the indexer from going on; it tries again unless the kind is incident"),
    labelNames: ["kind"],
  });
  // From the beginning, because a rate of what was not there before its first time misses that.
  for (const kind of FAILURE_KINDS) failures.inc({ kind }, 0);
  const differences = new Counter(
    named("audit_differences_total", "Cards of which the mirror and the contracts were found to say different things"),
  );

  const patience = createPatience();
  new Gauge({
    name: "mintmark_database_unanswered_seconds",
    help: "For how long the indexer has got nothing from the database, or a lock has kept it out; 0 while all is well.",
    registers,
    collect() {
      this.set(patience.seconds());
    },
  });
  /** A refusal is an answer too: what counts is whether the database is there. */
  async function timed<Result>(work: Promise<Result>): Promise<Result> {
    patience.asked();
    try {
      const result = await work;
      patience.answered(true);
      return result;
    } catch (error) {
      patience.answered(!isOutage(error));
      throw error;
    }
  }

  return {
    measuredLease: (lease) => ({ ...lease, hold: () => timed(lease.hold()) }),
    measured(mirror) {
      return {
        ...mirror,
        checkpoint: () => timed(mirror.checkpoint()),
        async commit(...given) {
          const end = commits.startTimer();
          await timed(mirror.commit(...given));
          end();
          const [, , written] = given;
          events.inc(written.length);
        },
        async rollBack(from, to) {
          const gone = await mirror.rollBack(from, to);
          reorgs.inc();
          depth.observe(from.number - to.number);
          undone.inc(gone);
          return gone;
        },
      };
    },
    watch(status) {
      const gauge = (name: string, help: string, value: (status: MirrorStatus) => number | undefined) =>
        new Gauge({
          ...named(name, help),
          collect() {
            const current = value(status());
            if (current === undefined) this.remove();
            else this.set(current);
          },
        });
      gauge("head_block", "Newest block seen on the chain; absent before any", ({ headNumber }) => headNumber);
      gauge(
        "indexed_block",
        "Last block that the mirror contains; absent before any",
        ({ indexed }) => indexed?.number,
      );
      gauge(
        "indexed_block_timestamp_seconds",
        "When the last block that the mirror contains was made; absent before any",
        ({ indexed }) => indexed?.timestamp,
      );
      gauge(
        "lag_seconds",
        "Seconds since the mirror was last known to equal the chain; since the server's start if it never was",
        ({ lagSeconds }) => lagSeconds ?? Math.floor(process.uptime()),
      );
      gauge("leader", "1 if this server writes the mirror, 0 if it stands by", ({ leads }) => (leads ? 1 : 0));
      gauge("degraded", "1 if the writer has stopped", ({ state }) => (state === "degraded" ? 1 : 0));
      gauge(
        "catching_up_events_per_second",
        "How fast history is being read; absent while there is none to read",
        ({ progress }) => progress?.eventsPerSecond,
      );
      gauge(
        "catching_up_seconds_left",
        "How long reading the rest of history will take; absent while there is none to read, or that is not known",
        ({ progress }) => progress?.secondsLeft,
      );
    },
    failure(error) {
      const name = error instanceof Error ? error.name : "";
      const kind = FAILURES[name] ?? (isOutage(error) ? "database" : "other");
      failures.inc({ kind });
      return kind;
    },
    differences: (count) => differences.inc(count),
  };
}
