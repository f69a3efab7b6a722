import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { Wallet } from "ethers";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { identifyProcess, isRunning } from "../../scripts/lifecycle/process-identity.mjs";
import { type LocalChain, startLocalChain } from "../../scripts/local-chain/local-chain.ts";
import { createRpc, type Rpc } from "../../server/chain/rpc.ts";

/** An event in the constructor, and code that holds its argument: enough to compare logs, receipts and state. */
const LOGGING_CONTRACT = "0x602a60005260206000a060016000f3";
/** The first development account, whose key everybody knows. */
const ACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

describe("the local chain", () => {
  let folder: string;
  let port: number;
  let rpc: Rpc;
  let messages: string[];
  let chain: LocalChain | undefined;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-chain-"));
    port = await freePort();
    rpc = createRpc({ url: `http://127.0.0.1:${port}` });
    messages = [];
  });

  afterEach(async () => {
    await chain?.stop();
    chain = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(): Promise<LocalChain> {
    chain = await startLocalChain({ folder, host: "127.0.0.1", port, onMessage: (message) => messages.push(message) });
    return chain;
  }

  async function makeBlocks(count: number): Promise<void> {
    for (let made = 0; made < count; made++) {
      const transaction = { from: ACCOUNT, data: LOGGING_CONTRACT, gas: "0x30d40", gasPrice: "0x0" };
      await mined(await rpc.call<string>("eth_sendTransaction", [transaction]));
    }
  }

  /** The node answers before it has made the block. */
  async function mined(hash: string): Promise<{ status: string }> {
    for (;;) {
      const receipt = await rpc.call<{ status: string } | null>("eth_getTransactionReceipt", [hash]);
      if (receipt !== null) return receipt;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** All that a client can see: blocks, receipts, logs, nonces, the state's root. */
  async function whole(): Promise<unknown> {
    const head = Number(await rpc.call("eth_blockNumber"));
    const tags = Array.from({ length: head + 1 }, (_, number) => `0x${number.toString(16)}`);
    return {
      blocks: await Promise.all(tags.map((tag) => rpc.call("eth_getBlockByNumber", [tag, true]))),
      receipts: await Promise.all(tags.slice(1).map((tag) => rpc.call("eth_getBlockReceipts", [tag]))),
      logs: await rpc.call("eth_getLogs", [{ fromBlock: "0x0", toBlock: "latest" }]),
      nonce: await rpc.call("eth_getTransactionCount", [ACCOUNT, "latest"]),
      proof: await rpc.call("eth_getProof", [ACCOUNT, [], "latest"]),
    };
  }

  const journalFile = () => join(folder, "journal.jsonl");
  const saved = () => readFileSync(journalFile(), "utf8").trimEnd().split("\n").length - 1;

  async function until(condition: () => boolean): Promise<void> {
    for (let waited = 0; !condition(); waited += 10) {
      if (waited > 10_000) throw new Error("waited for 10 s in vain");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  it("has nothing to pay, even from an account that has nothing", async () => {
    await start();
    const header = await rpc.call<{ baseFeePerGas: string; gasLimit: string }>("eth_getBlockByNumber", [
      "latest",
      false,
    ]);
    expect(Number(await rpc.call("eth_chainId"))).to.equal(5_192_721);
    expect(Number(header.baseFeePerGas)).to.equal(0);
    expect(Number(header.gasLimit)).to.equal(1_000_000_000);
    const poor = Wallet.createRandom();
    const fees = { gasLimit: 200_000, maxFeePerGas: 0, maxPriorityFeePerGas: 0 };
    const signed = await poor.signTransaction({
      type: 2,
      chainId: 5_192_721,
      nonce: 0,
      data: LOGGING_CONTRACT,
      ...fees,
    });
    expect(await mined(await rpc.call("eth_sendRawTransaction", [signed]))).to.include({ status: "0x1" });
  });

  it("is the same chain after an orderly stop", async () => {
    await (await start()).stop();
    const genesis = saved();
    await start();
    await makeBlocks(5);
    const before = await whole();
    await chain?.stop();
    await start();
    expect(await whole()).to.deep.equal(before);
    expect(chain?.restoredBlock).to.equal(5);
    expect([genesis, messages]).to.deep.equal([0, []]);
  });

  it("goes on at the present time after a restart", async () => {
    await start();
    await makeBlocks(2);
    await chain?.stop();
    await start();
    await makeBlocks(1);
    const { timestamp, number } = await rpc.call<Record<string, string>>("eth_getBlockByNumber", ["latest", false]);
    expect(Number(number)).to.equal(3);
    expect(Number(timestamp)).to.be.closeTo(Math.floor(Date.now() / 1000), 5);
  });

  it("loses at most the last second when the node is killed", async () => {
    const { pid } = await start();
    await makeBlocks(5);
    await until(() => saved() === 5);
    const before = await whole();
    process.kill(pid, "SIGKILL");
    expect(await chain?.failed).to.contain("SIGKILL");
    await chain?.stop();
    await start();
    expect(await whole()).to.deep.equal(before);
  });

  it("writes blocks down while others are made, without waiting for a pause", async () => {
    await start();
    let made = 0;
    while (saved() < 10 && made < 5_000) {
      await makeBlocks(1);
      made++;
    }
    expect(saved()).to.be.at.least(10);
  });

  it("ends with the process that started it, and keeps what was made until then", async () => {
    const script = `
      import { startLocalChain } from ${JSON.stringify(resolve("scripts/local-chain/local-chain.ts"))};
      const chain = await startLocalChain({ folder: ${JSON.stringify(folder)}, host: "127.0.0.1", port: ${port}, onMessage: () => {} });
      console.log(chain.pid);
      setInterval(() => {}, 1000);`;
    const starter: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await new Promise<number>((done) => starter.stdout?.once("data", (data) => done(Number(data))));
    const node = identifyProcess(pid);
    await makeBlocks(3);
    await until(() => saved() === 3);
    const before = await whole();
    starter.kill("SIGKILL");
    await until(() => node !== undefined && !isRunning(node));
    await start();
    expect(await whole()).to.deep.equal(before);
  });

  it("says that the last block is lost when its line was torn", async () => {
    await start();
    await makeBlocks(3);
    await chain?.stop();
    const text = readFileSync(journalFile(), "utf8");
    truncateSync(journalFile(), text.length - 20);
    await start();
    expect(chain?.restoredBlock).to.equal(2);
    expect(messages).to.deep.equal(["The last block was not completely written down and is lost."]);
    await makeBlocks(1);
    await chain?.stop();
    messages.length = 0;
    await start();
    expect([chain?.restoredBlock, messages]).to.deep.equal([3, []]);
  });

  it("is restored up to the damage, which is kept", async () => {
    await start();
    await makeBlocks(6);
    await chain?.stop();
    const lines = readFileSync(journalFile(), "utf8").split("\n");
    lines[4] = `${lines[4]?.slice(0, 40)}\0\0\0`;
    writeFileSync(journalFile(), lines.join("\n"));
    await start();
    expect(chain?.restoredBlock).to.equal(3);
    expect(messages.join()).to.match(/damaged after block 3.*3 lines after it are lost/);
    expect(readdirSync(folder).filter((name) => name.startsWith("journal"))).to.have.length(2);
  });

  it("starts a chain of many blocks from its kept state, or without it where that is damaged", async () => {
    await start();
    await makeBlocks(130);
    const snapshot = () => readdirSync(folder).find((name) => name.startsWith("snapshot"));
    await until(() => snapshot() !== undefined);
    const before = await whole();
    await chain?.stop();

    await start();
    expect(await whole()).to.deep.equal(before);
    await chain?.stop();

    const file = join(folder, snapshot() ?? "");
    truncateSync(file, Math.floor(readFileSync(file).length / 2));
    await start();
    expect(await whole()).to.deep.equal(before);
    expect(messages.join()).to.contain("is damaged");
    await chain?.stop();
  });

  it("takes the kept state where the journal is damaged before it", async () => {
    await start();
    await makeBlocks(130);
    const snapshot = () => readdirSync(folder).find((name) => name.startsWith("snapshot"));
    await until(() => snapshot() !== undefined);
    await chain?.stop();
    const kept = Number(snapshot()?.split("-")[1]);
    const lines = readFileSync(journalFile(), "utf8").split("\n");
    lines[50] = "damage";
    writeFileSync(journalFile(), lines.join("\n"));
    await start();
    expect(chain?.restoredBlock).to.equal(kept);
    expect(messages.join()).to.contain("replaces it");
    await until(() => saved() === kept);
    const before = await whole();
    await chain?.stop();
    messages.length = 0;
    await start();
    expect(await whole()).to.deep.equal(before);
    expect(messages).to.deep.equal([]);
  });

  it("forgets the blocks that the node took back", async () => {
    await start();
    await makeBlocks(5);
    await until(() => saved() === 5);
    await rpc.call("anvil_rollback", [3]);
    await makeBlocks(1);
    await until(() => saved() === 3);
    const before = await whole();
    await chain?.stop();
    await start();
    expect(await whole()).to.deep.equal(before);
  });
});
