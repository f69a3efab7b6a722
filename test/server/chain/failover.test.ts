import { expect } from "chai";
import { createFailoverRpc } from "../../../server/chain/failover.ts";
import { type Rpc, type RpcCall, RpcError } from "../../../server/chain/rpc.ts";
import { silent } from "../../support/mirror.ts";

interface FakeNode extends Rpc {
  /** How it answers: with its name, not at all, with a refusal. */
  mode: "answers" | "fails" | "refuses";
  genesis: string;
  asked: number;
}

function node(endpoint: string): FakeNode {
  const self: FakeNode = {
    endpoint,
    mode: "answers",
    genesis: "0xaa",
    asked: 0,
    async call<Result>() {
      return (await answer("eth_blockNumber")) as Result;
    },
    batch: async (calls: readonly RpcCall[]) => await Promise.all(calls.map(({ method }) => answer(method))),
  };
  async function answer(method: string): Promise<unknown> {
    if (self.mode === "fails") throw new RpcError(`${endpoint} is away`, { retryable: true });
    if (method === "eth_chainId") return "0x1";
    if (method === "eth_getBlockByNumber") return { hash: self.genesis };
    self.asked++;
    if (self.mode === "refuses") throw new RpcError(`${endpoint} refuses`, { retryable: false, code: -32602 });
    return endpoint;
  }
  return self;
}

describe("several nodes of one chain", () => {
  let a: FakeNode;
  let b: FakeNode;
  let rpc: Rpc;

  beforeEach(() => {
    a = node("a");
    b = node("b");
    rpc = createFailoverRpc({ rpcs: [a, b], logger: silent, returnAfterMs: 20 });
  });

  const ask = () => rpc.call<string>("eth_blockNumber");

  it("are one node where there is one", () => {
    expect(createFailoverRpc({ rpcs: [a], logger: silent })).to.equal(a);
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
    await ask();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await ask()).to.equal("b");
    a.mode = "answers";
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await ask()).to.equal("a");
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
    expect(await ask().catch((error: Error) => error.message)).to.equal("a refuses");
    expect(b.asked).to.equal(0);
  });

  it("never answer for another chain", async () => {
    b.genesis = "0xbb";
    await ask();
    a.mode = "fails";
    expect(await ask().catch((error: Error) => error.message)).to.equal("a is away");
    expect(b.asked).to.equal(0);
  });

  it("are looked at anew when they were away: another chain may have come in the meantime", async () => {
    await ask();
    a.mode = "fails";
    await ask();
    a.mode = "answers";
    a.genesis = "0xcc";
    b.mode = "fails";
    expect(await ask().catch((error: Error) => error.message)).to.match(/b is away|another chain/);
    expect(a.asked).to.equal(1);
  });

  it("are changed when one answers but is behind", async () => {
    await ask();
    rpc.switchNode?.();
    expect(await ask()).to.equal("b");
  });
});
