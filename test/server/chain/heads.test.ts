import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "chai";
import { freePort } from "../../../scripts/lifecycle/free-port.ts";
import { anvilArguments, anvilBinary } from "../../../scripts/local-chain/anvil.ts";
import { followHeads, type Heads } from "../../../server/chain/heads.ts";
import { createRpc } from "../../../server/chain/rpc.ts";
import { startTestChain, type TestChain } from "../../support/chain.ts";
import { silent } from "../../support/mirror.ts";

describe("hints of new blocks", () => {
  let chain: TestChain | undefined;
  let heads: Heads | undefined;
  let hints: EventTarget;

  beforeEach(() => {
    hints = new EventTarget();
  });
  afterEach(async () => {
    heads?.stop();
    await chain?.close();
    chain = undefined;
  });

  const hint = () => once(hints, "head");
  const follow = (url: string, renewAfterMs?: number) => {
    const options = { url, onHead: () => hints.dispatchEvent(new Event("head")), logger: silent };
    heads = followHeads(renewAfterMs === undefined ? options : { ...options, renewAfterMs });
  };
  const webSocket = (rpcUrl: string) => rpcUrl.replace("http", "ws");

  it("come when the subscription stands and with each block", async () => {
    chain = await startTestChain();
    const subscribed = hint();
    follow(webSocket(chain.rpcUrl));
    await subscribed;
    expect(heads?.subscribed).to.equal(true);
    const block = hint();
    await chain.provider.send("evm_mine", []);
    await block;
  });

  it("come again after the node was away", async () => {
    const port = await freePort();
    const start = () => {
      const args = anvilArguments({ host: "127.0.0.1", port, genesisTimestamp: 1_700_000_000 });
      return spawn(anvilBinary(), args, { stdio: "ignore" });
    };
    let node = start();
    try {
      const subscribed = hint();
      follow(`ws://127.0.0.1:${port}`);
      await subscribed;
      const gone = once(node, "exit");
      node.kill("SIGKILL");
      await gone;
      const again = hint();
      node = start();
      await again;
      const block = hint();
      await createRpc({ url: `http://127.0.0.1:${port}` }).call("evm_mine");
      await block;
    } finally {
      node.kill("SIGKILL");
    }
  });

  it("come over a connection that is made anew before the node drops it", async () => {
    chain = await startTestChain();
    const subscribed = hint();
    follow(webSocket(chain.rpcUrl), 50);
    await subscribed;
    await hint();
    await hint();
    expect(heads?.subscribed).to.equal(true);
  });

  it("are done without where nobody listens", async () => {
    follow(`ws://127.0.0.1:${await freePort()}`);
    expect(heads?.subscribed).to.equal(false);
    heads?.stop();
  });
});
