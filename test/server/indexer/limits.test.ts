// Nodes limit what they give at once, and each says so in its own way. The mirror must come out the same, in few calls.

import { expect } from "chai";
import { type Rpc, type RpcCall, RpcError } from "../../../server/chain/rpc.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";
import {
  createTestMirror,
  freshMirrorRows,
  mirrorRows,
  startAndCatchUp,
  type TestMirror,
} from "../../support/mirror.ts";

describe("indexer of a node with limits", () => {
  let chain: TestChain;
  let mirror: TestMirror;
  let expected: Record<string, unknown[]>;

  before(async () => {
    chain = await startTestChain();
    const brandId = await chain.admitBrand();
    for (const slug of ["noirance-black", "noirance-white"]) {
      const collection = await chain.createCollection({ brandId, slug });
      for (let firstSerial = 1; firstSerial < 60; firstSerial += 10)
        await chain.issue({ collection, firstSerial, holders: 10 });
      await chain.provider.send("hardhat_mine", ["0x64"]);
    }
    expected = await freshMirrorRows(chain);
  });
  beforeEach(async () => {
    mirror = await createTestMirror();
  });
  afterEach(() => mirror.close());
  after(() => chain.close());

  /** Reads the whole chain from the node as it is limited. Returns the calls that it answered. */
  async function readThrough(
    refuses: (calls: readonly RpcCall[]) => boolean,
    options: { finalityDepth?: number; maxRange?: number } = {},
  ): Promise<{ calls: RpcCall[]; refused: number }> {
    const answered: RpcCall[] = [];
    let refused = 0;
    const rpc: Rpc = {
      ...chain.rpc,
      async batch(calls) {
        if (refuses(calls)) {
          refused++;
          throw new RpcError("query exceeds the limit", { kind: "too-large", retryable: true });
        }
        answered.push(...calls);
        return await chain.rpc.batch(calls);
      },
    };
    const indexer = mirror.indexer(chain, { rpc, ...options });
    await startAndCatchUp(indexer);
    await indexer.stop();
    expect(await mirrorRows(mirror.database)).to.deep.equal(expected);
    return { calls: answered, refused };
  }

  it("on calls in one request", async () => {
    const { refused } = await readThrough((calls) => calls.length > 7);
    expect(refused).to.be.greaterThan(0).and.lessThan(10);
  });

  it("on blocks in one call for logs", async () => {
    const blocks = ({ params: [filter] }: RpcCall) => {
      const { fromBlock, toBlock } = filter as { fromBlock: string; toBlock: string };
      return Number(toBlock) - Number(fromBlock) + 1;
    };
    const { refused } = await readThrough(
      (calls) => calls.some((call) => call.method === "eth_getLogs" && blocks(call) > 10),
      { finalityDepth: 0 },
    );
    expect(refused).to.be.greaterThan(0).and.lessThan(10);
  });

  it("needs two calls for as many blocks as the node gives logs of at once", async () => {
    const head = await chain.provider.getBlockNumber();
    const maxRange = 20;
    const { calls } = await readThrough(() => false, { finalityDepth: 0, maxRange });
    const ranges = Math.ceil(head / maxRange);
    const perBlocks = calls.filter(({ method }) => method === "eth_getLogs" || method === "eth_getBlockByNumber");
    // Besides: the genesis block, where it begins, the ends of ranges once more, the two collections' own logs.
    expect(perBlocks.length).to.be.lessThan(2 * ranges + 15);
  });
});
