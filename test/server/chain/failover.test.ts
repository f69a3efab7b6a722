import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { createFailoverRpc, type FailoverRpc } from "../../../server/chain/failover.ts";
import { type Rpc, type RpcCall, RpcError } from "../../../server/chain/rpc.ts";
import { silent } from "../../support/mirror.ts";

const LOOK_EVERY_MS = 20;

interface FakeNode extends Rpc {
  /** How it answers: with its name, not at all, with a refusal, that it was asked for too much, or never. */
  mode: "answers" | "fails" | "refuses" | "too-large" | "hangs";
  genesis: string;
  head: number;
  asked: number;
}

function node(endpoint: string): FakeNode {
  const self: FakeNode = {
    endpoint,
    mode: "answers",
    genesis: "0xaa",
    head: 100,
    asked: 0,
    async call<Result>(method: string) {
      return (await answer(method)) as Result;
    },
    batch: async (calls: readonly RpcCall[]) => await Promise.all(calls.map(({ method }) => answer(method))),
  };
  async function answer(method: string): Promise<unknown> {
    if (self.mode === "fails") throw new RpcError(`${endpoint} is away`, { kind: "unreachable", retryable: true });
    if (self.mode === "hangs") return await new Promise(() => undefined);
    if (method === "eth_chainId") return "0x1";
    if (method === "eth_getBlockByNumber") return { hash: self.genesis };
    if (method === "eth_blockNumber") return `0x${self.head.toString(16)}`;
    self.asked++;
    if (self.mode === "refuses")
      throw new RpcError(`${endpoint} refuses`, { kind: "rejected", retryable: false, code: -32602 });
    if (self.mode === "too-large")
      throw new RpcError(`${endpoint} has too much`, { kind: "too-large", retryable: true });
    return endpoint;
  }
  return self;
}

describe("several nodes of one chain", () => {
  let a: FakeNode;
  let b: FakeNode;
  let rpc: FailoverRpc;
  let strangers: string[];

  beforeEach(() => {
    a = node("a");
    b = node("b");
    strangers = [];
    rpc = createFailoverRpc({
      rpcs: [a, b],
      logger: silent,
      lookEveryMs: LOOK_EVERY_MS,
      onOtherChain: ({ endpoint }) => strangers.push(endpoint),
    });
  });

  const ask = () => rpc.call<string>("eth_getLogs");
  const failure = () => ask().catch((error: Error) => error.message);
  /** Asks for as long as it takes to compare the nodes twice, by the clock and by turns of the event loop. Returns who answered last. */
  async function askForAWhile(): Promise<string> {
    let answer = "";
    const enough = performance.now() + 4 * LOOK_EVERY_MS;
    for (let turns = 0; turns < 2 * LOOK_EVERY_MS || performance.now() < enough; turns++) {
      answer = await ask();
      await sleep(2);
    }
    return answer;
  }

  it("are one node where there is one, which is not asked who it is", async () => {
    a.genesis = "not asked for";
    const alone = createFailoverRpc({ rpcs: [a], logger: silent, lookEveryMs: 0 });
    alone.switchNode();
    expect(await alone.call("eth_getLogs")).to.equal("a");
    expect(await alone.batch([{ method: "eth_getLogs", params: [] }])).to.deep.equal(["a"]);
    a.mode = "fails";
    expect(await alone.call("eth_getLogs").catch((error: Error) => error.message)).to.equal("a is away");
    expect(alone.endpoint).to.equal("a");
  });

  it("are asked one after the other until one answers, which is then kept to", async () => {
    expect(await ask()).to.equal("a");
    a.mode = "fails";
    expect(await ask()).to.equal("b");
    expect(rpc.endpoint).to.equal("b");
    a.mode = "answers";
    expect(await ask()).to.equal("b");
  });

  it("come back to the first once it answers again", async () => {
    a.mode = "fails";
    expect(await askForAWhile()).to.equal("b");
    a.mode = "answers";
    expect(await askForAWhile()).to.equal("a");
    expect(rpc.endpoint).to.equal("a");
  });

  it("fail as the first of them failed when none answers", async () => {
    a.mode = "fails";
    b.mode = "fails";
    const error = await ask().catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(RpcError).with.property("message", "a is away");
  });

  it("are not all asked what one of them refuses", async () => {
    a.mode = "refuses";
    expect(await failure()).to.equal("a refuses");
    expect(b.asked).to.equal(0);
  });

  it("are not all asked for what is too much for one of them", async () => {
    a.mode = "too-large";
    expect(await failure()).to.equal("a has too much");
    expect(b.asked).to.equal(0);
    a.mode = "answers";
    expect(await ask()).to.equal("a");
  });

  it("never answer for another chain", async () => {
    b.genesis = "0xbb";
    b.head = 1_000_000;
    expect(await askForAWhile()).to.equal("a");
    // Before the first one fails, after which it has no head either, as soon as that is looked at.
    expect(rpc.nodes().map(({ head }) => head)).to.deep.equal([100, undefined]);
    a.mode = "fails";
    expect(await failure()).to.equal("a is away");
    expect(b.asked).to.equal(0);
    expect(new Set(strangers)).to.deep.equal(new Set(["b"]));
  });

  it("are looked at anew when they were away: another chain may have come in the meantime", async () => {
    await ask();
    a.mode = "fails";
    await ask();
    a.mode = "answers";
    a.genesis = "0xcc";
    b.mode = "fails";
    expect(await failure()).to.match(/b is away|another chain/);
    expect(a.asked).to.equal(1);
  });

  it("are changed when one answers but is behind the mirror", async () => {
    await ask();
    rpc.switchNode();
    expect(await ask()).to.equal("b");
  });

  it("are left when they are stuck while others go on, and used again once they have caught up", async () => {
    expect(await askForAWhile()).to.equal("a");
    b.head = 106;
    expect(await askForAWhile()).to.equal("b");
    const found = rpc.nodes().map(({ rpc: { endpoint }, head, isUsed }) => ({ endpoint, head, isUsed }));
    expect(found).to.deep.equal([
      { endpoint: "a", head: 100, isUsed: false },
      { endpoint: "b", head: 106, isUsed: true },
    ]);
    a.head = 104;
    expect(await askForAWhile()).to.equal("b");
    a.head = 105;
    expect(await askForAWhile()).to.equal("a");
  });

  it("are not left for being a few blocks behind", async () => {
    b.head = 105;
    expect(await askForAWhile()).to.equal("a");
  });

  it("are compared without waiting for one that hangs", async () => {
    await ask();
    b.mode = "hangs";
    expect(await askForAWhile()).to.equal("a");
    expect(a.asked).to.be.greaterThan(5);
  });
});
