// A node that fails, lies or lags. Whatever it does, the mirror must not take it for the truth, must say that something is
// wrong, and must equal the chain again once the node is well.

import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { RawLog } from "../../../server/chain/events.ts";
import { createRpc } from "../../../server/chain/rpc.ts";
import type { Indexer } from "../../../server/indexer/indexer.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";
import { type Fault, type FaultyRpc, type ForwardedCall, startFaultyRpc } from "../../support/faulty-rpc.ts";
import {
  cardsInMirror,
  cardsOnChain,
  createTestMirror,
  freshMirrorRows,
  mirrorRows,
  startAndCatchUp,
  type TestMirror,
} from "../../support/mirror.ts";
import { until } from "../../support/patience.ts";

const html = "<html><body>Bad gateway</body></html>";
const rewrite = (result: Extract<Fault, { kind: "rewrite" }>["result"]): Fault => ({ kind: "rewrite", result });
const rewriteLogs = (change: (logs: RawLog[], call: ForwardedCall) => unknown): Fault =>
  rewrite((call, result) => (call.method === "eth_getLogs" ? change(result, call) : result));

describe("indexer of a node that cannot be relied on", () => {
  let chain: TestChain;
  let node: FaultyRpc;
  let mirror: TestMirror;
  let indexer: Indexer;
  let collection: string;

  beforeEach(async () => {
    chain = await startTestChain();
    node = await startFaultyRpc(chain.rpcUrl);
    mirror = await createTestMirror();
    const brandId = await chain.admitBrand();
    collection = await chain.createCollection({ brandId, slug: "noirance-black", maxSupply: 1_000 });
    await chain.issue({ collection, firstSerial: 1, holders: 20 });
    indexer = indexerOf();
  });
  afterEach(async () => {
    node.fault = undefined;
    await indexer.stop();
    await mirror.close();
    await node.close();
    await chain.close();
  });

  function indexerOf(options: Parameters<TestMirror["indexer"]>[1] = {}): Indexer {
    const rpc = createRpc({ url: node.rpcUrl, timeoutMs: 300 });
    return mirror.indexer({ rpcUrl: node.rpcUrl, deployment: chain.deployment }, { rpc, ...options });
  }

  /** The mirror has been at the head for certain: two passes were begun after now. */
  async function caughtUp(): Promise<void> {
    await indexer.caughtUp();
    await indexer.caughtUp();
  }

  async function expectTruth(): Promise<void> {
    expect(indexer.status().state).to.equal("following");
    expect(await cardsInMirror(mirror.database, collection)).to.deep.equal(await cardsOnChain(chain, collection));
    await indexer.stop();
    expect(await mirrorRows(mirror.database)).to.deep.equal(await freshMirrorRows(chain));
  }

  const outages: Record<string, Fault> = {
    "never answers": { kind: "hang" },
    "breaks connections off": { kind: "drop" },
    "answers with HTTP 500": { kind: "answer", status: 500, body: html },
    "answers with HTTP 429": { kind: "answer", status: 429, body: "" },
    "answers with a page": { kind: "answer", status: 200, body: html },
    "answers with a page that forbids": { kind: "answer", status: 403, body: html },
    "answers with half of the JSON": { kind: "truncate" },
    "answers with null": { kind: "answer", status: 200, body: "null" },
    "answers every call with null": rewrite(() => null),
    "answers every call with an empty object": rewrite(() => ({})),
    "answers with null for logs": rewriteLogs(() => null),
    "answers with logs of nothing": rewriteLogs(() => [null]),
    "does not know its own blocks": rewrite((call, result) =>
      call.method.startsWith("eth_getBlock") && call.params[0] !== "latest" ? null : result,
    ),
    "takes back every log": rewriteLogs((logs) => logs.map((log) => ({ ...log, removed: true }))),
    "answers with logs of another fork": rewriteLogs((logs) =>
      logs.map((log) => ({ ...log, blockHash: `0x${"ab".repeat(32)}` })),
    ),
  };
  for (const [what, fault] of Object.entries(outages)) {
    it(`that ${what}`, async () => {
      await startAndCatchUp(indexer);
      const before = await mirrorRows(mirror.database);
      node.fault = fault;
      await chain.issue({ collection, firstSerial: 21, holders: 20 });
      await until(() => indexer.status().problem !== undefined);
      await until(() => node.faultyAnswers() >= 3);
      expect(await mirrorRows(mirror.database)).to.deep.equal(before);
      expect(indexer.status().state).to.equal("following");

      node.fault = undefined;
      await caughtUp();
      expect(indexer.status().problem).to.equal(undefined);
      await expectTruth();
    });
  }

  const starts = ["never answers", "answers with a page that forbids", "answers every call with null"] as const;
  for (const what of starts) {
    it(`that ${what} when the server starts`, async () => {
      node.fault = outages[what];
      const starting = indexer.start();
      await until(() => indexer.status().problem !== undefined);
      expect(indexer.status()).to.include({ state: "starting", lagSeconds: undefined });
      node.fault = undefined;
      await starting;
      await caughtUp();
      await expectTruth();
    });
  }

  const oddities: Record<string, (logs: RawLog[]) => unknown> = {
    "in any order": (logs) => logs.toReversed(),
    twice: (logs) => [...logs, ...logs],
    "never, although its headers say that there are some": () => [],
    "without their block's time": (logs) => logs.map(({ blockTimestamp: _, ...log }) => log),
  };
  for (const [how, change] of Object.entries(oddities)) {
    it(`that answers with logs ${how}`, async () => {
      node.fault = rewriteLogs(change);
      await startAndCatchUp(indexer);
      await chain.issue({ collection, firstSerial: 21, holders: 20 });
      await caughtUp();
      await expectTruth();
    });
  }

  it("that once breaks a log off in the middle", async () => {
    await startAndCatchUp(indexer);
    let broken = 0;
    node.fault = rewriteLogs((logs) => {
      if (logs.length === 0 || broken++ > 0) return logs;
      return logs.map((log) => ({ ...log, data: log.data.slice(0, -2), topics: log.topics.slice(0, 1) }));
    });
    await chain.issue({ collection, firstSerial: 21, holders: 20 });
    await until(() => broken > 0);
    await caughtUp();
    await expectTruth();
  });

  it("that breaks its logs off again and again: the mirror stops as it was", async () => {
    await startAndCatchUp(indexer);
    const before = await mirrorRows(mirror.database);
    node.fault = rewriteLogs((logs) => logs.map((log) => ({ ...log, topics: log.topics.slice(0, 1) })));
    await chain.issue({ collection, firstSerial: 21, holders: 20 });
    await until(() => indexer.status().state === "degraded");
    expect(await mirrorRows(mirror.database)).to.deep.equal(before);
  });

  it("that shares its address with one that lacks the last block when a new collection's logs are asked for", async () => {
    // Both reach the chain in one range. The second question, for the new collection's logs, meets the late node.
    const white = await chain.createCollection({ brandId: 1, slug: "noirance-white", maxSupply: 50 });
    await chain.issue({ collection: white, firstSerial: 1, holders: 10 });
    const head = await chain.provider.getBlockNumber();
    let late = 0;
    const asksForWhite = (call: ForwardedCall) =>
      call.method === "eth_getLogs" && call.params[0].address.includes(white);
    node.fault = rewrite((call, result, request) => {
      if (late >= 3 || !request.some(asksForWhite)) return result;
      if (call.method === "eth_getLogs") {
        late++;
        return [];
      }
      return call.method === "eth_getBlockByNumber" && Number(call.params[0]) === head ? null : result;
    });
    indexer = indexerOf({ finalityDepth: 0 });
    await startAndCatchUp(indexer);
    await caughtUp();
    expect(late).to.be.greaterThan(0);
    expect(await cardsInMirror(mirror.database, white)).to.deep.equal(await cardsOnChain(chain, white));
    await expectTruth();
  });

  it("that is late: final blocks are waited for, not taken back", async () => {
    indexer = indexerOf({ finalityDepth: 0, behindGraceMs: 50 });
    await startAndCatchUp(indexer);
    const before = await mirrorRows(mirror.database);
    const head = await chain.provider.getBlockNumber();
    const earlier = await chain.provider.send("eth_getBlockByNumber", [`0x${(head - 1).toString(16)}`, false]);
    node.fault = rewrite((call, result) => {
      if (call.method !== "eth_getBlockByNumber") return result;
      if (call.params[0] === "latest") return earlier;
      return Number(call.params[0]) >= head ? null : result;
    });
    await until(() => indexer.status().problem?.includes("behind the mirror") === true);
    await sleep(200);
    expect(indexer.status().state).to.equal("following");
    expect(await mirrorRows(mirror.database)).to.deep.equal(before);
    node.fault = undefined;
    await caughtUp();
    await expectTruth();
  });

  it("keeps counting the time without news when the clock is set back", async () => {
    await startAndCatchUp(indexer);
    node.fault = { kind: "drop" };
    await until(() => indexer.status().problem !== undefined);
    const { now } = Date;
    Date.now = () => now() - 3_600_000;
    try {
      await sleep(1_200);
      expect(indexer.status().lagSeconds).to.be.greaterThan(0).and.lessThan(60);
    } finally {
      Date.now = now;
    }
  });

  it("reads the chain anew when the mirror is emptied under it", async () => {
    await startAndCatchUp(indexer);
    await mirror.mirror.clear();
    await until(async () => (await mirror.database.card.count()) > 0);
    await caughtUp();
    await expectTruth();
  });

  it("shares an empty database with a second indexer", async () => {
    const second = indexerOf();
    await Promise.all([startAndCatchUp(indexer), startAndCatchUp(second)]);
    await chain.issue({ collection, firstSerial: 21, holders: 20 });
    await Promise.all([caughtUp(), second.caughtUp()]);
    await second.stop();
    await expectTruth();
  });
});
