// What an operator watches: the alarms, the documentation and what the server really measures must be about the same.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import * as prettier from "prettier";
import { Registry } from "prom-client";
import { findProgram, RULES_FILE } from "../../scripts/soak/prometheus.ts";
import { createRpcMetrics } from "../../server/chain/metrics.ts";
import { measureChildren } from "../../server/child-processes.ts";
import { measureDatabase } from "../../server/database/metrics.ts";
import { createStorageMetrics } from "../../server/database/storage-watch.ts";
import { createConnectionMetrics } from "../../server/http/listener.ts";
import { createHttpMetrics } from "../../server/http/metrics.ts";
import { createIndexerMetrics } from "../../server/indexer/metrics.ts";
import { watchReconciliation } from "../../server/issuance/reconciliation/figures.ts";
import { createSenderMetrics } from "../../server/issuance/sending/metrics.ts";
import { measureSigning } from "../../server/issuance/signing-state.ts";
import { createWebhookMetrics } from "../../server/webhooks/metrics.ts";
import { alarmedMetrics, alarmNames, judgeAlarms, type Scenario, type Values } from "../support/alarms.ts";
import { ROOT } from "../support/commands.ts";
import { freshStatus } from "../support/mirror-fixture.ts";
import { describeWithPrometheus } from "../support/prometheus.ts";

const rules = readFileSync(RULES_FILE, "utf8");
const docs = readFileSync(join(ROOT, "docs/operations.md"), "utf8");

/** Of what is not measured by the parts above: by prom-client of the process. */
const MEASURED_ELSEWHERE = ["mintmark_process_open_fds", "mintmark_process_max_fds"];

/** Two servers, one of which stands by, while cards are ordered, checked and told of. */
const ORDINARY: Record<string, Values> = {
  'up{job="mintmark",instance="a"}': "1",
  'up{job="mintmark",instance="b"}': "1",
  'mintmark_indexer_degraded{instance="a"}': "0",
  'mintmark_indexer_lag_seconds{instance="a"}': "1",
  'mintmark_indexer_leader{instance="a"}': "1",
  'mintmark_indexer_leader{instance="b"}': "0",
  'mintmark_indexer_indexed_block_timestamp_seconds{instance="a"}': "clock",
  'mintmark_indexer_audit_differences_total{instance="a"}': "0",
  'mintmark_indexer_reorgs_total{instance="a"}': "0",
  // A statement waits for another's lock now and then.
  'mintmark_indexer_failures_total{instance="a",kind="database"}': "0+1",
  'mintmark_database_unanswered_seconds{instance="a"}': "0.2",
  'mintmark_database_write_failed{instance="a"}': "0",
  'mintmark_database_lost{instance="a"}': "0",
  'mintmark_disk_free_bytes{instance="a",folder="data"}': "5e10",
  'mintmark_process_open_fds{instance="a"}': "60",
  'mintmark_process_max_fds{instance="a"}': "1024",
  'mintmark_keystores_closed{instance="a",reason="opening"}': "1",
  'mintmark_keystores_closed{instance="a",reason="process"}': "0",
  'mintmark_keystores_closed{instance="a",reason="damaged"}': "0",
  'mintmark_remote_signer_away{instance="a"}': "0",
  'mintmark_signers_silent{instance="a"}': "0",
  'mintmark_child_process_deaths_total{instance="a",process="keys"}': "0",
  'mintmark_rpc_node_unanswered_seconds{instance="a",node="n1"}': "0.4",
  'mintmark_rpc_node_unanswered_seconds{instance="a",node="n2"}': "0",
  // A lost connection now and then, and calls that revert because they are to be rehearsed.
  'mintmark_rpc_errors_total{instance="a",node="n1",kind="unreachable"}': "0+0.1",
  'mintmark_rpc_errors_total{instance="a",node="n1",kind="rejected"}': "0+5",
  'mintmark_rpc_node_head_block{instance="a",node="n1"}': "100+3",
  'mintmark_rpc_node_head_block{instance="a",node="n2"}': "98+3",
  'mintmark_http_request_duration_seconds_count{instance="a",route="/v1/orders",status="201"}': "0+250",
  'mintmark_http_request_duration_seconds_count{instance="a",route="/v1/orders",status="503"}': "0+0.1",
  'mintmark_http_request_duration_seconds_count{instance="a",route="/ready",status="503"}': "0+5",
  'mintmark_sender_oldest_queued_seconds{instance="a"}': "2",
  'mintmark_sender_open_transactions{instance="a"}': "3",
  'mintmark_sender_suspect_commands{instance="a"}': "0",
  'mintmark_sender_transactions_total{instance="a",event="confirmed"}': "0+2",
  'mintmark_sender_transactions_total{instance="a",event="failed"}': "0+0.01",
  'mintmark_sender_transactions_total{instance="a",event="replaced"}': "0",
  'mintmark_sender_transactions_total{instance="a",event="filled"}': "0",
  'mintmark_webhook_oldest_due_seconds{instance="a"}': "1",
  'mintmark_webhook_outbox_stalled_seconds{instance="a"}': "0",
  'mintmark_webhook_outbox_entries_behind{instance="a"}': "20",
  'mintmark_reconciliation_unclaimed_cards{instance="a"}': "0",
  mintmark_backup_timestamp_seconds: "1",
};

/** A fault for each alarm. What is critical and cannot wait is told within 30 seconds. */
const FAULTS: Scenario[] = [
  {
    title: "a server is killed",
    fault: { 'up{job="mintmark",instance="b"}': "0" },
    fires: [{ after: 25, alarms: ["MintmarkServerAway"] }],
  },
  {
    title: "the mirror has stopped",
    fault: { 'mintmark_indexer_degraded{instance="a"}': "1" },
    fires: [{ after: 5, alarms: ["MintmarkMirrorStopped"] }],
  },
  {
    title: "the mirror is behind",
    fault: { 'mintmark_indexer_lag_seconds{instance="a"}': "5+5" },
    fires: [
      { after: 80, alarms: [] },
      { after: 95, alarms: ["MintmarkMirrorBehind"] },
    ],
  },
  {
    title: "nobody writes the mirror",
    fault: { 'mintmark_indexer_leader{instance="a"}': "0" },
    fires: [
      { after: 20, alarms: [] },
      { after: 30, alarms: ["MintmarkNobodyWrites"] },
    ],
  },
  {
    title: "two servers write the mirror",
    fault: { 'mintmark_indexer_leader{instance="b"}': "1" },
    fires: [{ after: 30, alarms: ["MintmarkNobodyWrites"] }],
  },
  {
    title: "an audit finds a difference",
    fault: { 'mintmark_indexer_audit_differences_total{instance="a"}': "jump 1" },
    fires: [{ after: 5, alarms: ["MintmarkMirrorDiffers"] }],
  },
  {
    title: "the database is away",
    fault: { 'mintmark_database_unanswered_seconds{instance="a"}': "3+5" },
    fires: [
      { after: 10, alarms: [] },
      { after: 20, alarms: ["MintmarkDatabaseAway"] },
    ],
  },
  {
    title: "statements wait for locks far more often than usual",
    step: 15,
    fault: { 'mintmark_indexer_failures_total{instance="a",kind="database"}': "rise 10" },
    fires: [{ after: 600, alarms: [] }],
  },
  {
    title: "the database cannot be written",
    fault: { 'mintmark_database_write_failed{instance="a"}': "1" },
    fires: [{ after: 10, alarms: ["MintmarkDatabaseNotWritable"] }],
  },
  {
    title: "the database is deleted while it is used",
    fault: { 'mintmark_database_lost{instance="a"}': "1" },
    fires: [{ after: 5, alarms: ["MintmarkDatabaseLost"] }],
  },
  {
    title: "an older copy was restored, and the chain has cards that no order stands for",
    step: 60,
    fault: { 'mintmark_reconciliation_unclaimed_cards{instance="a"}': "3" },
    fires: [
      { after: 3_000, alarms: [] },
      { after: 3_900, alarms: ["MintmarkCardsUnclaimed"] },
    ],
  },
  {
    title: "the disk fills",
    fault: { 'mintmark_disk_free_bytes{instance="a",folder="data"}': "1e9" },
    fires: [{ after: 5, alarms: ["MintmarkDiskFills"] }],
  },
  {
    title: "descriptors are short",
    fault: { 'mintmark_process_open_fds{instance="a"}': "900" },
    fires: [{ after: 5, alarms: ["MintmarkDescriptorsShort"] }],
  },
  {
    title: "a keystore does not open",
    fault: { 'mintmark_keystores_closed{instance="a",reason="process"}': "1" },
    fires: [{ after: 5, alarms: ["MintmarkKeystoreClosed"] }],
  },
  {
    title: "the remote signer is away",
    fault: { 'mintmark_remote_signer_away{instance="a"}': "1" },
    fires: [{ after: 5, alarms: ["MintmarkRemoteSignerAway"] }],
  },
  {
    title: "a key does not sign",
    fault: { 'mintmark_signers_silent{instance="a"}': "1" },
    fires: [{ after: 5, alarms: ["MintmarkKeySilent"] }],
  },
  {
    title: "a process that computes is killed once",
    step: 15,
    fault: { 'mintmark_child_process_deaths_total{instance="a",process="keys"}': "jump 1" },
    fires: [
      { after: 5, alarms: ["MintmarkProcessDied"] },
      { after: 660, alarms: [] },
    ],
  },
  {
    title: "the chain takes blocks back",
    fault: { 'mintmark_indexer_reorgs_total{instance="a"}': "jump 1" },
    fires: [{ after: 5, alarms: ["MintmarkChainReorganised"] }],
  },
  {
    title: "a node hangs, or asks to be left alone",
    fault: { 'mintmark_rpc_node_unanswered_seconds{instance="a",node="n1"}': "3+5" },
    fires: [
      { after: 10, alarms: [] },
      { after: 20, alarms: ["MintmarkNodeFails"] },
    ],
  },
  {
    title: "a node fails now and then",
    step: 15,
    fault: { 'mintmark_rpc_errors_total{instance="a",node="n1",kind="unreachable"}': "rise 2" },
    fires: [{ after: 600, alarms: ["MintmarkNodeUnreliable"] }],
  },
  {
    title: "a node is stuck",
    step: 15,
    fault: { 'mintmark_rpc_node_head_block{instance="a",node="n2"}': "100" },
    fires: [{ after: 305, alarms: ["MintmarkNodeStuck"] }],
  },
  {
    title: "the chain stands still",
    step: 15,
    fault: { 'mintmark_indexer_indexed_block_timestamp_seconds{instance="a"}': "jump 0" },
    fires: [{ after: 400, alarms: ["MintmarkChainStandsStill"] }],
  },
  {
    title: "requests fail",
    step: 15,
    fault: {
      'mintmark_http_request_duration_seconds_count{instance="a",route="/v1/orders",status="503"}': "rise 10",
    },
    fires: [{ after: 400, alarms: ["MintmarkRequestsFail"] }],
  },
  {
    title: "orders wait",
    fault: { 'mintmark_sender_oldest_queued_seconds{instance="a"}': "61" },
    fires: [{ after: 125, alarms: ["MintmarkOrdersWait"] }],
  },
  {
    title: "transactions are stuck",
    step: 15,
    fault: { 'mintmark_sender_transactions_total{instance="a",event="confirmed"}': "jump 0" },
    fires: [{ after: 1_000, alarms: ["MintmarkTransactionsStuck"] }],
  },
  {
    title: "cards are doubtful",
    step: 15,
    fault: { 'mintmark_sender_suspect_commands{instance="a"}': "4" },
    fires: [{ after: 605, alarms: ["MintmarkCardsAreDoubtful"] }],
  },
  {
    title: "transactions fail",
    fault: { 'mintmark_sender_transactions_total{instance="a",event="failed"}': "jump 8" },
    fires: [{ after: 5, alarms: ["MintmarkTransactionsFail"] }],
  },
  {
    title: "another program sends with a key",
    fault: { 'mintmark_sender_transactions_total{instance="a",event="replaced"}': "jump 1" },
    fires: [{ after: 5, alarms: ["MintmarkKeyUsedElsewhere"] }],
  },
  {
    title: "nodes refuse a transaction",
    fault: { 'mintmark_sender_transactions_total{instance="a",event="filled"}': "jump 1" },
    fires: [{ after: 5, alarms: ["MintmarkNodesRefuseTransactions"] }],
  },
  {
    title: "webhooks wait",
    step: 15,
    fault: { 'mintmark_webhook_oldest_due_seconds{instance="a"}': "61" },
    fires: [{ after: 605, alarms: ["MintmarkWebhooksWait"] }],
  },
  {
    title: "the outbox stalls",
    fault: { 'mintmark_webhook_outbox_stalled_seconds{instance="a"}': "0+5" },
    fires: [
      { after: 60, alarms: [] },
      { after: 70, alarms: ["MintmarkOutboxStalls"] },
    ],
  },
  {
    title: "the outbox is behind",
    step: 15,
    fault: { 'mintmark_webhook_outbox_entries_behind{instance="a"}': "20000" },
    fires: [{ after: 605, alarms: ["MintmarkOutboxBehind"] }],
  },
  {
    title: "the last backup is old",
    step: 240,
    fault: {},
    fires: [
      { after: 83_520, alarms: [] },
      { after: 84_960, alarms: ["MintmarkBackupOld"] },
    ],
  },
  {
    title: "there never was a backup",
    step: 240,
    fault: {},
    before: { mintmark_backup_timestamp_seconds: "_" },
    fires: [
      { after: 76_080, alarms: [] },
      { after: 77_040, alarms: ["MintmarkNeverBackedUp"] },
    ],
  },
];

describe("what an operator watches", () => {
  /** Names of our own metrics, with their type. */
  let measured: Map<string, string>;

  before(async () => {
    const registry = new Registry();
    createHttpMetrics(registry);
    measureDatabase(registry, () => undefined);
    createConnectionMetrics(registry, { open: () => 0, limit: 1 });
    createStorageMetrics(registry, { isFailing: () => false, folders: { data: ROOT } });
    createIndexerMetrics(registry).watch(freshStatus);
    createRpcMetrics(registry, ["http://127.0.0.1:8545"]).watch(() => []);
    createSenderMetrics(registry).watch({
      figures: async () => ({ queued: 0, open: 0, oldestQueued: undefined, queuedAhead: 0, suspects: 0 }),
      ...{ now: () => 0, steady: () => 0 },
    });
    createWebhookMetrics(registry).watch({
      figures: async () => ({ pending: 0, oldestDue: undefined, place: "", behind: 0 }),
      ...{ now: () => 0, steady: () => 0 },
    });
    measureChildren(registry);
    measureSigning(registry, () => ({
      signers: { keystoreProblems: () => [], remoteProblem: () => undefined, hasRemote: true },
      silent: [],
    }));
    watchReconciliation(registry, {
      figures: async () => ({ cards: 0, redemptions: 0 }),
      lastBackup: async () => 0,
    });
    const own = (await registry.getMetricsAsJSON()).filter(({ name }) => !/^mintmark_(process|nodejs)_/.test(name));
    measured = new Map(own.map(({ name, type }) => [name, String(type)]));
    for (const name of MEASURED_ELSEWHERE) measured.set(name, "gauge");
  });

  it("is documented, all of it and nothing else", () => {
    const documented = [...docs.matchAll(/`(mintmark_\w+)`/g)].map(([, name]) => name);
    expect([...new Set(documented)].sort()).to.deep.equal([...measured.keys()].sort());
  });

  it("is what the alarms are about", () => {
    const named = alarmedMetrics();
    expect(named).not.to.be.empty;
    for (const name of named) {
      const type = measured.get(name) ?? measured.get(name.replace(/_(count|sum|bucket)$/, ""));
      expect(type, name).not.to.equal(undefined);
    }
    // A counter tells something by how fast it grows, a gauge by what it is.
    for (const [, expression = ""] of rules.matchAll(/expr: (.*)/g)) {
      for (const [, wrapped, name = ""] of expression.matchAll(/(rate\(|increase\()?(mintmark_\w+)/g)) {
        const isCounter = measured.get(name) !== "gauge";
        expect(wrapped !== undefined, expression).to.equal(isCounter);
      }
    }
  });

  it("has alarms that are written correctly, each of them documented and tried", async () => {
    for (const name of alarmNames()) expect(docs, name).to.match(new RegExp(`^\\| \`${name}\` \\|`, "m"));
    const documented = [...docs.matchAll(/^\| `(Mintmark\w+)` \|/gm)].map(([, name]) => name);
    expect(documented.toSorted()).to.deep.equal(alarmNames().toSorted());
    const tried = new Set(FAULTS.flatMap(({ fires }) => fires.flatMap(({ alarms }) => alarms)));
    expect([...tried].sort()).to.deep.equal(alarmNames().toSorted());
    expect(await prettier.format(rules, { parser: "yaml", printWidth: 120, proseWrap: "preserve" })).to.equal(rules);
  });
});

describeWithPrometheus("the alarms, as Prometheus understands them", () => {
  it("are rules", async () => {
    const { stdout } = await promisify(execFile)(findProgram("promtool") ?? "", ["check", "rules", RULES_FILE]);
    expect(stdout).to.contain(`SUCCESS: ${alarmNames().length} rules found`);
  });

  it("keep quiet in ordinary operation, and each fires in its fault, and no other with it", async () => {
    const calm: Scenario = { title: "nothing is wrong", step: 15, fault: {}, fires: [{ after: 1_800, alarms: [] }] };
    await judgeAlarms(ORDINARY, [calm, ...FAULTS]);
  });
});
