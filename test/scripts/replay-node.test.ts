// The generated chain that the scale benchmarks read: what it says must be what the contracts could have said, and what a node
// would have answered; or the benchmarks would measure something else.

import { once } from "node:events";
import { expect } from "chai";
import { Interface } from "ethers";
import { logsBloom } from "../../scripts/bench/replay/bloom.ts";
import { type ReplayNode, type ReplayNodeOptions, startReplayNode } from "../../scripts/bench/replay/start.ts";
import { brandRegistryInterface, membershipCollectionInterface } from "../../server/chain/abi.ts";
import { decodeLog, EVENT_TOPICS, isCardEvent, type RawLog } from "../../server/chain/events.ts";
import { followHeads } from "../../server/chain/heads.ts";
import { createRpc, type Rpc } from "../../server/chain/rpc.ts";
import { type CardState, fold, serialsOf } from "../../server/indexer/fold.ts";
import { startTestChain } from "../support/chain.ts";
import { silent } from "../support/mirror.ts";

const EVENTS = 3_000;

interface Header {
  number: string;
  hash: string;
  parentHash: string;
  timestamp: string;
  logsBloom: string;
}

describe("the replaying node", () => {
  const nodes: ReplayNode[] = [];

  async function start(options: ReplayNodeOptions = {}): Promise<{ node: ReplayNode; rpc: Rpc }> {
    const node = await startReplayNode({ events: EVENTS, ...options });
    nodes.push(node);
    return { node, rpc: createRpc({ url: node.url }) };
  }
  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.stop();
  });

  const hex = (value: number) => `0x${value.toString(16)}`;
  const allLogs = (rpc: Rpc, filter: object = {}) =>
    rpc.call<RawLog[]>("eth_getLogs", [{ fromBlock: "0x0", toBlock: "latest", ...filter }]);

  async function allHeaders(rpc: Rpc): Promise<Header[]> {
    const head = Number(await rpc.call("eth_blockNumber"));
    const numbers = Array.from({ length: head + 1 }, (_, number) => number);
    return (await rpc.batch(
      numbers.map((number) => ({ method: "eth_getBlockByNumber", params: [hex(number), false] })),
    )) as Header[];
  }

  /** Folds the logs as the mirror would; throws what the fold throws. */
  function foldCards(logs: readonly RawLog[]): Map<string, CardState> {
    const cards = new Map<string, CardState>();
    for (const log of logs) {
      const event = decodeLog(log, Number(log.blockTimestamp));
      if (event === undefined || !isCardEvent(event)) continue;
      for (const serial of serialsOf(event)) {
        const key = `${event.address}/${serial}`;
        cards.set(key, fold(cards.get(key), event));
      }
    }
    return cards;
  }

  for (const shape of ["dense", "sparse"] as const) {
    it(`tells a history that the contracts could have told, ${shape}`, async () => {
      const { node, rpc } = await start({ shape, collections: 3, maxLogsRange: 1_000_000 });
      const logs = await allLogs(rpc);
      const read = logs.filter((log) => EVENT_TOPICS.includes(log.topics[0] ?? ""));
      expect(read).to.have.length(node.events);
      expect(node.events).to.be.within(EVENTS, EVENTS + 1_000);
      expect(logs.length, "logs that the server does not read").to.be.greaterThan(read.length);

      const cards = foldCards(logs);
      expect(cards.size).to.equal(node.cards);
      expect(new Set(Array.from(cards.keys(), (key) => key.split("/")[0]))).to.deep.equal(new Set(node.collections));
      expect(new Set(Array.from(cards.values(), ({ status }) => status))).to.include.keys("Active", "Revoked");
      const names = new Set(read.map((log) => decodeLog(log, 0)?.name));
      expect(names).to.include.keys(
        "BrandAdmitted",
        "CollectionCreated",
        "BenefitChanged",
        "BatchIssued",
        "CardRenewed",
      );
      expect(names).to.include.keys(
        "CardSuspended",
        "CardReinstated",
        "BenefitRedeemed",
        "RedemptionUndone",
        "CardTierChanged",
      );

      const both = new Interface([...brandRegistryInterface.fragments, ...membershipCollectionInterface.fragments]);
      for (const log of read) {
        const parsed = both.parseLog(log);
        if (parsed === null) throw new Error(`${log.topics[0]} is not in the contracts' interfaces`);
        const { topics, data } = both.encodeEventLog(parsed.fragment, [...parsed.args]);
        expect({ topics: log.topics, data: log.data }).to.deep.equal({ topics, data });
      }
    });
  }

  it("links its blocks, and their headers say which logs they have", async () => {
    const { rpc } = await start();
    const headers = await allHeaders(rpc);
    const logs = await allLogs(rpc);
    for (const [index, header] of headers.entries()) {
      const before = headers[index - 1];
      if (before !== undefined) expect(header.parentHash).to.equal(before.hash);
      const own = logs.filter(({ blockHash }) => blockHash === header.hash);
      expect(own.map(({ logIndex }) => Number(logIndex))).to.deep.equal(own.map((_, position) => position));
      expect(header.logsBloom).to.equal(logsBloom(own));
      for (const log of own)
        expect([log.blockNumber, log.blockTimestamp]).to.deep.equal([header.number, header.timestamp]);
      expect(await rpc.call("eth_getBlockByHash", [header.hash, false])).to.deep.equal(header);
    }
    expect(await rpc.call("eth_getBlockByNumber", [hex(headers.length), false])).to.equal(null);
  });

  it("makes blooms as a real node does", async () => {
    const chain = await startTestChain();
    try {
      const brandId = await chain.admitBrand();
      const collection = await chain.createCollection({ brandId, slug: "noirance-bloom" });
      await chain.issue({ collection, firstSerial: 1, holders: 20 });
      for (const header of await allHeaders(chain.rpc))
        expect(header.logsBloom).to.equal(logsBloom(await chain.rpc.call("eth_getLogs", [{ blockHash: header.hash }])));
    } finally {
      await chain.close();
    }
  });

  it("lets through what a filter asks for", async () => {
    const { node, rpc } = await start({ collections: 2 });
    const logs = await allLogs(rpc);
    const [collection = ""] = node.collections;
    const someTopics = EVENT_TOPICS.slice(0, -8);
    const holder = logs.find(({ topics }) => topics.length === 4)?.topics[2] ?? "";
    const questions: [object, (log: RawLog) => boolean][] = [
      [{ address: node.registry }, (log) => log.address === node.registry],
      [{ address: [collection.toUpperCase().replace("0X", "0x")] }, (log) => log.address === collection],
      [{ topics: [EVENT_TOPICS] }, (log) => EVENT_TOPICS.includes(log.topics[0] ?? "")],
      [
        { address: [node.registry, collection], topics: [someTopics] },
        (log) => log.address !== node.collections[1] && someTopics.includes(log.topics[0] ?? ""),
      ],
      [{ topics: [null, null, holder] }, (log) => log.topics[2] === holder],
      [{ fromBlock: "0x4", toBlock: "0x6" }, (log) => Number(log.blockNumber) >= 4 && Number(log.blockNumber) <= 6],
    ];
    for (const [filter, isWanted] of questions) {
      const wanted = logs.filter(isWanted);
      expect(wanted.length, JSON.stringify(filter)).to.be.within(1, logs.length - 1);
      expect(await allLogs(rpc, filter)).to.deep.equal(wanted);
    }
    const { blockHash } = logs.at(-1) as RawLog;
    const ofBlock = logs.filter((log) => log.blockHash === blockHash);
    expect(await rpc.call("eth_getLogs", [{ blockHash }])).to.deep.equal(ofBlock);
    expect(await rpc.call("eth_getLogs", [{ blockHash: `0x${"1".repeat(64)}` }])).to.deep.equal([]);
  });

  it("is the same chain each time, prepared or not; and another with another seed", async () => {
    const { rpc } = await start();
    const logs = await allLogs(rpc);
    const headers = await allHeaders(rpc);
    const { rpc: prepared } = await start({ prepare: true });
    expect(await allLogs(prepared)).to.deep.equal(logs);
    expect(await allHeaders(prepared)).to.deep.equal(headers);
    const { rpc: other } = await start({ seed: 2 });
    expect((await allHeaders(other))[0]?.hash).not.to.equal(headers[0]?.hash);
  });

  it("refuses what Besu refuses, and counts what it is asked", async () => {
    const { node, rpc } = await start({ maxLogsRange: 5 });
    expect(await rpc.call("eth_getLogs", [{ fromBlock: "0x1", toBlock: "0x6" }])).to.be.an("array").that.is.not.empty;
    const refused = await rpc
      .call("eth_getLogs", [{ fromBlock: "0x1", toBlock: "0x7" }])
      .catch((error: Error) => error);
    expect(refused).to.include({ code: -32005, retryable: true });
    expect(refused).to.have.property("message").that.includes("Requested range exceeds maximum RPC range limit");
    const unknown = await rpc.call("eth_getProof").catch((error: unknown) => error);
    expect(unknown).to.include({ code: -32601, retryable: false });
    await rpc.batch([
      { method: "eth_chainId", params: [] },
      { method: "eth_blockNumber", params: [] },
    ]);
    const { requests, calls, bytes } = await node.counts();
    expect({ requests, calls }).to.deep.equal({
      requests: 4,
      calls: { eth_getLogs: 2, eth_getProof: 1, eth_chainId: 1, eth_blockNumber: 1 },
    });
    expect(bytes).to.be.greaterThan(1_000);
    await node.resetCounts();
    expect(await node.counts()).to.deep.equal({ requests: 0, calls: {}, bytes: 0 });
  });

  it("answers as late as it is told to, and without times if told so", async () => {
    const { node, rpc } = await start({ withTimestamps: false });
    for (const log of await allLogs(rpc)) expect(log).not.to.have.property("blockTimestamp");
    await node.setLatency(200);
    const startedAt = performance.now();
    await rpc.call("eth_blockNumber");
    expect(performance.now() - startedAt).to.be.at.least(195);
  });

  it("goes on, announces it, and takes back what it is told to take back", async () => {
    const { node, rpc } = await start();
    const hints = new EventTarget();
    const onHead = () => hints.dispatchEvent(new Event("head"));
    const subscribed = once(hints, "head");
    const heads = followHeads({ url: node.webSocketUrl, onHead, logger: silent });
    try {
      await subscribed;
      const hint = once(hints, "head");
      const { head, firstSerial } = await node.append(3, 7);
      await hint;
      expect(head).to.equal(node.head + 3);
      const before = await allLogs(rpc);
      const cards = foldCards(before);
      expect(cards.size).to.equal(node.cards + 21);
      expect(cards.has(`${node.collections.at(-1)}/${firstSerial + 20}`)).to.equal(true);

      const oldHeaders = await allHeaders(rpc);
      const { head: newHead, hash } = await node.reorg(5, false);
      const newHeaders = await allHeaders(rpc);
      expect(newHead).to.equal(head + 1);
      expect(newHeaders.at(-1)?.hash).to.equal(hash);
      expect(newHeaders.slice(0, head - 4)).to.deep.equal(oldHeaders.slice(0, head - 4));
      for (const [index, { hash, parentHash }] of newHeaders.entries()) {
        if (index > 0) expect(parentHash).to.equal(newHeaders[index - 1]?.hash);
        if (index > head - 5) expect(hash).not.to.equal(oldHeaders[index]?.hash);
      }
      expect(await rpc.call("eth_getBlockByHash", [oldHeaders.at(-1)?.hash, false])).to.equal(null);
      const replaced = foldCards(await allLogs(rpc));
      expect([...replaced.keys()]).to.deep.equal([...cards.keys()]);
      expect([...replaced.values()]).not.to.deep.equal([...cards.values()]);

      await node.reorg(4, true);
      expect(foldCards(await allLogs(rpc)).size).to.equal(node.cards);
      const refused = await node.reorg(6, true).catch((error) => error);
      expect(refused.message).to.include("Only the");
    } finally {
      heads.stop();
    }
  });
});
