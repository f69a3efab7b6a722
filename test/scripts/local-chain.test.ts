// The local chain's promise: a block that a client has seen is there after whatever happens to the process, its files and the
// clock, or the start says which blocks are missing and does nothing else.

import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { Wallet } from "ethers";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { identifyProcess, isRunning } from "../../scripts/lifecycle/process-identity.mjs";
import type { KnownBlock } from "../../scripts/local-chain/engine/opening.ts";
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
    folder = join(mkdtempSync(join(tmpdir(), "mintmark-chain-")), "chain");
    port = await freePort();
    rpc = createRpc({ url: `http://127.0.0.1:${port}` });
    messages = [];
  });

  afterEach(async () => {
    await chain?.stop();
    chain = undefined;
    rmSync(join(folder, ".."), { recursive: true, force: true });
  });

  async function start(options: { acceptLoss?: boolean; known?: KnownBlock } = {}): Promise<LocalChain> {
    chain = await startLocalChain({
      folder,
      host: "127.0.0.1",
      port,
      onMessage: (message) => messages.push(message),
      ...options,
    });
    return chain;
  }

  async function refused(options: { known?: KnownBlock } = {}): Promise<string> {
    const before = files();
    const error = await start(options).then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    if (error === undefined) throw new Error("The chain was opened");
    expect(files(), "nothing is changed").to.deep.equal(before);
    return error.message;
  }

  /** What is kept; SQLite's own log may be written back into the file. */
  const files = () =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !/-(wal|shm)$|lock$/.test(entry.name))
      .map(({ name }) => name);
  const file = (name = "chain.db") => join(folder, name);

  async function send(): Promise<string> {
    const transaction = { from: ACCOUNT, data: LOGGING_CONTRACT, gas: "0x30d40", gasPrice: "0x0" };
    return await rpc.call<string>("eth_sendTransaction", [transaction]);
  }

  async function makeBlocks(count: number): Promise<void> {
    for (let made = 0; made < count; made++) await mined(await send());
  }

  /** The node answers before it has made the block. */
  async function mined(hash: string): Promise<{ status: string; blockHash: string }> {
    for (;;) {
      const receipt = await rpc.call<{ status: string; blockHash: string } | null>("eth_getTransactionReceipt", [hash]);
      if (receipt !== null) return receipt;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  const blockAt = async (tag: string) =>
    await rpc.call<{ hash: string; number: string; timestamp: string }>("eth_getBlockByNumber", [tag, false]);

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

  const blocks = async () => ((await whole()) as { blocks: unknown[] }).blocks;

  async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** Kills the process while the file's log has not been written back, and keeps the chain from being started again. */
  async function killForGood(): Promise<void> {
    const running = chain;
    if (running === undefined) throw new Error("No chain runs");
    process.kill(running.pid(), "SIGKILL");
    await running.stop();
    chain = undefined;
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
    expect((await start()).isNew).to.equal(true);
    await chain?.stop();
    await start();
    await makeBlocks(5);
    await rpc.call("evm_mine");
    const before = await whole();
    await chain?.stop();
    await start();
    expect(await whole()).to.deep.equal(before);
    expect([chain?.isNew, chain?.head.number, messages]).to.deep.equal([false, 6, []]);
  });

  it("has every block that was seen after it was killed in the middle of the next ones, and goes on by itself", async () => {
    await start();
    for (let round = 0; round < 3; round++) {
      const sent = await Promise.all(Array.from({ length: 20 }, send));
      const seen = await mined(sent[round * 3] ?? "");
      const before = await blockAt("latest");
      const killed = chain?.pid() ?? 0;
      process.kill(killed, "SIGKILL");
      await until(() => chain?.pid() !== killed);
      expect(await rpc.call("eth_getBlockByHash", [seen.blockHash, false])).to.include({ hash: seen.blockHash });
      expect((await blockAt(before.number)).hash).to.equal(before.hash);
    }
    expect(messages.join()).to.contain("ended unexpectedly (SIGKILL)");
    await makeBlocks(1);
  });

  it("keeps all blocks when the clock is set back or ahead, and goes on in order", async () => {
    const shifted = async (seconds: number, work: () => Promise<void>) => {
      const hook = join(folder, "..", "clock.mjs");
      writeFileSync(hook, `const now = Date.now; Date.now = () => now() + ${seconds * 1_000};`);
      process.env["NODE_OPTIONS"] = `--import=${hook}`;
      try {
        await start();
        await work();
        await chain?.stop();
      } finally {
        delete process.env["NODE_OPTIONS"];
      }
    };
    const hour = 3_600;
    await shifted(0, () => makeBlocks(2));
    for (const seconds of [24 * hour, -24 * hour, 365 * 24 * hour, 0]) {
      let before: unknown;
      await shifted(seconds, async () => {
        await makeBlocks(2);
        before = await whole();
      });
      await shifted(-seconds, async () => {
        expect(await whole()).to.deep.equal(before);
      });
    }
    await start();
    const head = Number(await rpc.call("eth_blockNumber"));
    const times = [];
    for (let number = 0; number <= head; number++)
      times.push(Number((await blockAt(`0x${number.toString(16)}`)).timestamp));
    expect(times).to.deep.equal(times.toSorted((left, right) => left - right));
    expect(head).to.equal(10);
  });

  it("ends with the process that started it, and keeps what was made until then", async () => {
    const script = `
      import { startLocalChain } from ${JSON.stringify(resolve("scripts/local-chain/local-chain.ts"))};
      const chain = await startLocalChain({ folder: ${JSON.stringify(folder)}, host: "127.0.0.1", port: ${port}, onMessage: () => {} });
      console.log(chain.pid());
      setInterval(() => {}, 1000);`;
    const starter: ChildProcess = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = await new Promise<number>((done) => starter.stdout?.once("data", (data) => done(Number(data))));
    const node = identifyProcess(pid);
    await makeBlocks(3);
    const before = await whole();
    starter.kill("SIGKILL");
    await until(() => node !== undefined && !isRunning(node));
    await start();
    expect(await whole()).to.deep.equal(before);
  });

  it("is opened by one process at a time", async () => {
    await start();
    const other = await freePort();
    const error = await startLocalChain({ folder, host: "127.0.0.1", port: other, onMessage: () => undefined }).then(
      () => undefined,
      (reason: Error) => reason.message,
    );
    expect(error).to.contain("Another process has opened the chain");
    await makeBlocks(1);
  });

  it("says which blocks are missing when its log was cut, and goes on without them only if told to", async () => {
    await start();
    await makeBlocks(3);
    await chain?.stop();
    await start();
    await makeBlocks(4);
    const head = await blockAt("latest");
    await killForGood();
    truncateSync(file("chain.db-wal"), Math.floor(statSync(file("chain.db-wal")).size / 2));
    expect(await refused()).to.match(
      /^Blocks? \d( to 7)? (is|are) missing: .*ends with block \d, and block 7 was written.*--accept-lost-blocks$/,
    );
    await start({ acceptLoss: true });
    expect(chain?.head.number).to.be.within(3, 6);
    await makeBlocks(1);
    await chain?.stop();
    await start();
    // Somebody who knows the lost block is not told another one in silence.
    await chain?.stop();
    const known = { genesisHash: chain?.genesisHash ?? "", number: Number(head.number), hash: head.hash };
    expect(await refused({ known })).to.match(/missing: .*--accept-lost-blocks$/);
    await start({ known, acceptLoss: true });
  });

  it("is not begun anew over what knows another chain", async () => {
    await start();
    await makeBlocks(2);
    const { hash } = await blockAt("latest");
    const known = { genesisHash: chain?.genesisHash ?? "", number: 2, hash };
    await chain?.stop();
    const kept = join(folder, "..", "kept");
    cpSync(folder, kept, { recursive: true });

    rmSync(file());
    rmSync(file("chain.db-wal"), { force: true });
    expect(await refused()).to.match(
      /chain.db is missing; blocks 0 to 2 were in it\. Restore a backup: npm run restore/,
    );
    rmSync(file("head"));
    expect(await refused({ known })).to.match(/^There is no chain in .*, and the database knows one, up to block 2\. /);
    await start();
    await chain?.stop();
    expect(await refused({ known })).to.match(/is not the one that the database knows/);
    copyFileSync(join(kept, "chain.db"), file());
    expect(await refused({ known })).to.match(/Block 0 is missing: .*has another block of that number/);
    writeFileSync(file("journal.jsonl"), "{}");
    rmSync(file());
    rmSync(file("head"));
    expect(await refused()).to.match(/earlier version of Mintmark/);
  });

  const damages: [string, (file: string) => void][] = [
    ["emptied", (name) => truncateSync(name, 0)],
    ["cut in half", (name) => truncateSync(name, Math.floor(statSync(name).size / 2))],
    ["cut by a byte", (name) => truncateSync(name, statSync(name).size - 1)],
    ["overwritten at its beginning", (name) => overwrite(name, 0)],
    ["overwritten in its middle", (name) => overwrite(name, Math.floor(statSync(name).size / 2 / 4_096) * 4_096)],
    ["something else", (name) => writeFileSync(name, "not a database, and long enough to be looked at".repeat(100))],
  ];
  for (const [what, damage] of damages)
    it(`says in one sentence that its file is damaged: ${what}`, async () => {
      await start();
      await makeBlocks(10);
      await chain?.stop();
      damage(file());
      rmSync(file("chain.db-wal"), { force: true });
      const sentence = await refused();
      expect(sentence).to.match(/^The chain's file .*chain\.db is (damaged|empty).*npm run restore/);
      expect(sentence).not.to.contain("\n");
    });

  it("goes on after a start that was broken off while the chain was made", async () => {
    await start();
    await chain?.stop();
    rmSync(file("head"));
    writeFileSync(file(), "");
    rmSync(file("chain.db-wal"), { force: true });
    await start();
    await makeBlocks(1);
    expect(chain?.isNew).to.equal(true);
  });

  it("keeps the log beside a file that was emptied: it may have everything", async () => {
    await start();
    await makeBlocks(2);
    const known = { genesisHash: chain?.genesisHash ?? "", number: 2, hash: (await blockAt("latest")).hash };
    await killForGood();
    const log = statSync(file("chain.db-wal")).size;
    truncateSync(file(), 0);
    rmSync(file("head"));
    expect(await refused({ known })).to.match(/chain\.db is empty; blocks 0 to 2 were in it/);
    expect(statSync(file("chain.db-wal")).size).to.equal(log);
  });

  const losses: [string, () => void][] = [
    [
      "its files are deleted",
      () => readdirSync(folder).forEach((name) => void (name.startsWith("chain.db") && rmSync(file(name)))),
    ],
    ["its folder is deleted", () => rmSync(folder, { recursive: true })],
    ["its file is replaced by an older copy", () => cpSync(join(folder, "..", "older"), file(), { force: true })],
    // What was only in the log is in the maker's memory still.
    ["its log is cut", () => truncateSync(file("chain.db-wal"), 0)],
  ];
  for (const [what, lose] of losses)
    it(`tells nobody of further blocks when ${what} while it runs, and saves those that were seen`, async () => {
      await start();
      await makeBlocks(1);
      await chain?.stop();
      cpSync(file(), join(folder, "..", "older"));
      await start();
      await makeBlocks(2);
      const before = await blocks();
      if (what.includes("replaced")) rmSync(file());
      lose();
      const rescued = () => messages.map((message) => /in (\S+rescued-\d+)\. Stop/.exec(message)?.[1]).find(Boolean);
      const hash = await send();
      await until(() => rescued() !== undefined);
      const receipt = await rpc.call("eth_getTransactionReceipt", [hash]).catch(() => null);
      expect(receipt).to.equal(null);
      expect(Number(await rpc.call("eth_blockNumber"))).to.equal(3);
      await chain?.stop();
      // What the message says, word for word.
      renameSync(rescued() ?? "", file());
      for (const suffix of ["-wal", "-shm"]) rmSync(file(`chain.db${suffix}`), { force: true });
      await start();
      // A block that nobody was told of may be there besides.
      expect((await blocks()).slice(0, 4)).to.deep.equal(before);
      await makeBlocks(1);
    });

  it("says in one sentence that its folder is gone, or its lock is damaged", async () => {
    await start();
    rmSync(folder, { recursive: true });
    process.kill(chain?.pid() ?? 0, "SIGKILL");
    expect(await chain?.failed).to.match(
      /^the chain cannot be started again: The folder \S+ is gone.*npm run restore[^\n]*$/,
    );
    await chain?.stop();
    mkdirSync(folder);
    writeFileSync(file("chain.lock"), "not a database, and long enough to be looked at".repeat(100));
    expect(await refused()).to.match(/^\S+chain\.lock is damaged\. There is nothing in it: delete it[^\n]*$/);
    rmSync(file("chain.lock"));
    mkdirSync(file("chain.lock"));
    expect(await refused()).to.match(/^The database \S+chain\.lock cannot be opened[^\n]*$/);
  });

  it("answers what it can, and says so, where a part of its state is damaged", async () => {
    await start();
    await makeBlocks(2);
    const proof = await rpc.call<{ accountProof: string[] }>("eth_getProof", [ACCOUNT, [], "latest"]);
    await chain?.stop();
    const leaf = Buffer.from((proof.accountProof.at(-1) ?? "").slice(2), "hex");
    const bytes = readFileSync(file());
    const at = bytes.indexOf(leaf);
    expect(at).to.be.greaterThan(0);
    const descriptor = openSync(file(), "r+");
    writeSync(descriptor, Buffer.from([(bytes[at + leaf.length - 1] ?? 0) ^ 1]), 0, 1, at + leaf.length - 1);
    closeSync(descriptor);
    await start();
    expect(Number(await rpc.call("eth_blockNumber"))).to.equal(2);
    const error = await rpc.call("eth_getBalance", [ACCOUNT, "latest"]).then(String, (reason: Error) => reason.message);
    expect(error).to.contain("is damaged");
  });
});

function overwrite(name: string, at: number): void {
  const descriptor = openSync(name, "r+");
  writeSync(descriptor, Buffer.alloc(4_096, 0xa5), 0, 4_096, at);
  closeSync(descriptor);
}
