import { expect } from "chai";
import { Registry } from "prom-client";
import { createRpcMetrics } from "../../../server/chain/metrics.ts";
import { RpcError } from "../../../server/chain/rpc.ts";
import type { MirrorStatus } from "../../../server/database/mirror-status.ts";
import { InconsistentAnswerError } from "../../../server/indexer/headers.ts";
import { createIndexerMetrics } from "../../../server/indexer/metrics.ts";
import { CheckpointMovedError } from "../../../server/indexer/mirror.ts";
import { startTestChain } from "../../support/chain.ts";
import { createTestMirror, startAndCatchUp } from "../../support/mirror.ts";
import { freshStatus } from "../../support/mirror-fixture.ts";

describe("what is measured", () => {
  let registry: Registry;

  beforeEach(() => {
    registry = new Registry();
  });

  /** All samples by name and labels, as Prometheus reads them. */
  async function samples(): Promise<Record<string, number>> {
    const lines = (await registry.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
    );
  }

  it("counts what is written and what is taken back, and by how many blocks", async () => {
    const metrics = createIndexerMetrics(registry);
    const chain = await startTestChain();
    const mirror = await createTestMirror();
    try {
      const collection = await chain.createCollection({ brandId: await chain.admitBrand(), slug: "noirance-black" });
      const snapshot = await chain.provider.send("evm_snapshot", []);
      const before = await chain.provider.getBlockNumber();
      await chain.issue({ collection, firstSerial: 1, holders: 3 });
      await chain.provider.send("evm_mine", []);
      const indexer = mirror.indexer(chain, { mirror: metrics.measured(mirror.mirror) });
      metrics.watch(indexer.status);
      await startAndCatchUp(indexer);
      const events = await mirror.database.event.count();
      expect(await samples()).to.include({
        mintmark_indexer_events_total: events,
        mintmark_indexer_reorgs_total: 0,
        mintmark_indexer_events_undone_total: 0,
        mintmark_indexer_head_block: before + 2,
        mintmark_indexer_indexed_block: before + 2,
        mintmark_indexer_leader: 1,
        mintmark_indexer_degraded: 0,
      });

      await chain.provider.send("evm_revert", [snapshot]);
      for (let block = 0; block < 3; block++) await chain.provider.send("evm_mine", []);
      await indexer.caughtUp();
      await indexer.caughtUp();
      await indexer.stop();
      const undone = events - (await mirror.database.event.count());
      expect(undone).to.be.greaterThan(0);
      expect(await samples()).to.include({
        mintmark_indexer_events_total: events,
        mintmark_indexer_reorgs_total: 1,
        mintmark_indexer_events_undone_total: undone,
        mintmark_indexer_reorg_depth_blocks_sum: 2,
        mintmark_indexer_indexed_block: before + 3,
      });
    } finally {
      await mirror.close();
      await chain.close();
    }
  });

  it("does not count what was not written", async () => {
    const metrics = createIndexerMetrics(registry);
    const mirror = await createTestMirror();
    try {
      const measured = metrics.measured(mirror.mirror);
      const block = { number: 1, hash: "0x1", timestamp: 1 };
      for (const write of [measured.commit(block, block, []), measured.rollBack(block, block)])
        expect(await write.catch((error: unknown) => error)).to.be.instanceOf(CheckpointMovedError);
      expect(await samples()).to.include({
        mintmark_indexer_commit_duration_seconds_count: 0,
        mintmark_indexer_reorgs_total: 0,
      });
    } finally {
      await mirror.close();
    }
  });

  it("shows what is not known as missing, and a mirror that never was current as one that is behind", async () => {
    let status: MirrorStatus = {
      ...freshStatus(),
      state: "starting",
      indexed: undefined,
      headNumber: undefined,
      lagSeconds: undefined,
      leads: false,
    };
    createIndexerMetrics(registry).watch(() => status);
    const unknown = await samples();
    expect(unknown).not.to.have.any.keys(
      "mintmark_indexer_head_block",
      "mintmark_indexer_indexed_block",
      "mintmark_indexer_catching_up_seconds_left",
    );
    expect(unknown["mintmark_indexer_lag_seconds"]).to.equal(Math.floor(process.uptime()));

    const progress = { from: 0, target: 10, block: 5, events: 100, eventsPerSecond: 50, secondsLeft: 2 };
    status = { ...freshStatus(), progress };
    const known = await samples();
    expect(known).to.include({
      mintmark_indexer_head_block: status.headNumber,
      mintmark_indexer_lag_seconds: 1,
      mintmark_indexer_catching_up_events_per_second: 50,
      mintmark_indexer_catching_up_seconds_left: 2,
    });
    status = freshStatus();
    expect(await samples()).not.to.have.any.keys("mintmark_indexer_catching_up_seconds_left");
  });

  it("tells failures apart", async () => {
    const metrics = createIndexerMetrics(registry);
    const failures: [unknown, string][] = [
      [new RpcError("", { kind: "timeout", retryable: true }), "node"],
      [new InconsistentAnswerError(), "inconsistent"],
      [new CheckpointMovedError(), "other-writer"],
      [Object.assign(new Error("timed out"), { code: "P1008" }), "database"],
      [Object.assign(new Error(), { cause: { originalCode: "57P01" } }), "database"],
      [new TypeError("x is not a function"), "other"],
      ["thrown", "other"],
    ];
    for (const [error, kind] of failures) expect(metrics.failure(error), String(error)).to.equal(kind);
    expect(await samples()).to.include({
      'mintmark_indexer_failures_total{kind="database"}': 2,
      'mintmark_indexer_failures_total{kind="incident"}': 0,
    });
  });

  it("counts requests, calls and errors by node, and shows no more of a node than its host", async () => {
    const urls = [
      "https://user:s3cret@node.example/v3/s3cret?key=s3cret",
      "https://node.example/v3/0ther",
      "http://b:8545",
    ];
    const [first = "", second = "", third = ""] = urls;
    const metrics = createRpcMetrics(registry, urls);
    metrics.watch(() =>
      urls.map((url, index) => ({ url, head: index === 2 ? undefined : index, isUsed: index === 1 })),
    );
    for (const url of [first, second]) metrics.sent(url);
    metrics.request(first, { methods: ["eth_getLogs", "eth_getLogs"], seconds: 0.2, bytes: 1_000, error: undefined });
    const error = new RpcError("", { kind: "rate-limited", retryable: true });
    metrics.request(second, { methods: ["eth_chainId"], seconds: 0.1, bytes: 0, error });
    metrics.error(third, "inconsistent");
    const found = await samples();
    expect(JSON.stringify(found)).not.to.match(/s3cret|0ther/);
    expect(found).to.include({
      'mintmark_rpc_calls_total{node="node.example",method="eth_getLogs"}': 2,
      'mintmark_rpc_received_bytes_total{node="node.example"}': 1_000,
      'mintmark_rpc_request_duration_seconds_count{node="node.example"}': 1,
      'mintmark_rpc_errors_total{node="node.example",kind="rate-limited"}': 0,
      'mintmark_rpc_errors_total{node="node.example#2",kind="rate-limited"}': 1,
      'mintmark_rpc_errors_total{node="b:8545",kind="inconsistent"}': 1,
      'mintmark_rpc_node_unanswered_seconds{node="node.example"}': 0,
      'mintmark_rpc_node_unanswered_seconds{node="b:8545"}': 0,
      'mintmark_rpc_node_used{node="node.example"}': 0,
      'mintmark_rpc_node_used{node="node.example#2"}': 1,
      'mintmark_rpc_node_head_block{node="node.example#2"}': 1,
    });
    expect(found).not.to.have.any.keys('mintmark_rpc_node_head_block{node="b:8545"}');
    expect(found['mintmark_rpc_node_unanswered_seconds{node="node.example#2"}']).to.be.greaterThan(0);
  });
});
