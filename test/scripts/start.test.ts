// npm start and npm run dev as a person meets them, on ports and a data folder of their own.

import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, utimesSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { isRunning, type ProcessIdentity } from "../../scripts/lifecycle/process-identity.mjs";
import { createRpc } from "../../server/chain/rpc.ts";
import { type RunningCommand, watchCommand } from "../support/commands.ts";

const ROOT = resolve(import.meta.dirname, "../..");

describe("starting everything", () => {
  let folder: string;
  let environment: NodeJS.ProcessEnv;
  let server: string;
  let chain: string;
  let started: RunningCommand[];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-start-"));
    const [port, rpcPort] = [await freePort(), await freePort()];
    server = `http://127.0.0.1:${port}`;
    chain = `http://127.0.0.1:${rpcPort}`;
    environment = { ...process.env, DATA_DIR: folder, PORT: String(port), RPC_URL: chain };
    for (const name of ["DATABASE_URL", "REGISTRY_ADDRESS", "PUBLIC_URL", "HOST", "npm_lifecycle_event"])
      delete environment[name];
  });

  beforeEach(() => {
    started = [];
  });

  afterEach(async () => {
    for (const { child, ended } of started) {
      child.kill("SIGTERM");
      await ended;
    }
  });

  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function start(
    script = "scripts/start.ts",
    overrides: NodeJS.ProcessEnv = {},
    args: readonly string[] = [],
  ): RunningCommand {
    const child = spawn(process.execPath, [script, ...args], {
      cwd: ROOT,
      env: { ...environment, ...overrides },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const result = watchCommand(child);
    started.push(result);
    return result;
  }

  const processes = (): Record<"chain" | "server", ProcessIdentity> =>
    JSON.parse(readFileSync(join(folder, "run.json"), "utf8")).children;

  async function stop({ child, ended }: RunningCommand): Promise<void> {
    child.kill("SIGINT");
    // As from the terminal and from npm.
    child.kill("SIGINT");
    expect(await ended).to.equal(0);
  }

  async function status(url: string): Promise<number> {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.status;
  }

  async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let waited = 0; !(await condition()); waited += 20) {
      if (waited > 15_000) throw new Error("waited for 15 s in vain");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async function fingerprint(): Promise<unknown> {
    const rpc = createRpc({ url: chain });
    return {
      head: await rpc.call("eth_getBlockByNumber", ["latest", false]),
      logs: await rpc.call("eth_getLogs", [{ fromBlock: "0x0", toBlock: "latest" }]),
      // Without what depends on the moment.
      collections: (await (await fetch(`${server}/v1/collections`)).json()).data,
    };
  }

  it("prints addresses that answer, and keeps everything over an orderly stop", async () => {
    const first = start();
    await first.prints(/Mintmark is ready[\s\S]*Ctrl-C/);
    const printed = [...first.output().matchAll(/ (http:\S+)/g)].map((match) => match[1] ?? "");
    expect(printed).to.have.length(4);
    for (const url of printed.filter((url) => url !== chain)) expect(await status(url), url).to.equal(200);
    expect(await createRpc({ url: chain }).call("eth_chainId")).to.equal("0x4f3c11");
    const before = await fingerprint();
    const { chain: node, server: main } = processes();
    await stop(first);
    expect([isRunning(node), isRunning(main)]).to.deep.equal([false, false]);

    const second = start();
    await second.prints(/Mintmark is ready/);
    expect(second.output()).to.match(/at block \d+/);
    expect(await fingerprint()).to.deep.equal(before);
    await stop(second);
  });

  it("refuses a second start on the same data, and leaves the first alone", async () => {
    const first = start();
    await first.prints(/Mintmark is ready/);
    const second = start();
    expect(await second.ended).to.equal(1);
    expect(second.output()).to.contain("running on").and.to.contain("already");
    expect(await status(`${server}/ready`)).to.equal(200);
  });

  it("starts the server again when it was killed", async () => {
    const run = start();
    await run.prints(/Mintmark is ready/);
    const before = processes().server;
    process.kill(before.pid, "SIGKILL");
    await run.prints(/The server ended unexpectedly \(SIGKILL\)/);
    await until(async () => (await status(`${server}/ready`).catch(() => 0)) === 200);
    expect(processes().server.pid).not.to.equal(before.pid);
  });

  it("starts the chain again when it was killed, and has lost nothing", async () => {
    const run = start();
    await run.prints(/Mintmark is ready/);
    const before = await fingerprint();
    const { chain: node, server: main } = processes();
    process.kill(node.pid, "SIGKILL");
    await run.prints(/The chain's process ended unexpectedly \(SIGKILL\)/);
    await until(() =>
      createRpc({ url: chain })
        .call("eth_chainId")
        .then(
          () => true,
          () => false,
        ),
    );
    expect(await fingerprint()).to.deep.equal(before);
    await createRpc({ url: chain }).call("evm_mine");
    await until(async () => (await status(`${server}/ready`)) === 200);
    expect(processes().server.pid).to.equal(main.pid);
  });

  it("leaves nothing running when it was killed itself, and has it all at the next start", async () => {
    const run = start();
    await run.prints(/Mintmark is ready/);
    const before = await fingerprint();
    const { chain: node, server: main } = processes();
    run.child.kill("SIGKILL");
    await until(() => !isRunning(node) && !isRunning(main));
    const next = start();
    await next.prints(/Mintmark is ready/);
    expect(next.output()).to.contain("The earlier run did not stop in order.");
    expect(await fingerprint()).to.deep.equal(before);
  });

  it("names the port that is in use and the setting to change, and leaves nothing running", async () => {
    const stranger = createServer();
    await new Promise<void>((done) => stranger.listen(Number(new URL(server).port), "127.0.0.1", done));
    const run = start();
    expect(await run.ended).to.equal(1);
    expect(run.output()).to.contain(new URL(server).port).and.to.contain("PORT=");
    await new Promise((done) => stranger.close(done));
    expect(await status(chain).catch(() => "nothing")).to.equal("nothing");
  });

  it("names the setting that is wrong", async () => {
    const run = start("scripts/start.ts", { PORT: "many" });
    expect(await run.ended).to.equal(1);
    expect(run.output()).to.contain("PORT: must be a number");
  });

  it("says so when the server and the chain are given one port, or an address of another machine", async () => {
    const shared = start("scripts/start.ts", { PORT: new URL(chain).port });
    expect(await shared.ended).to.equal(1);
    expect(shared.output()).to.contain("PORT and RPC_URL both name port");
    const elsewhere = start("scripts/start.ts", { RPC_URL: "http://192.0.2.1:8545" });
    expect(await elsewhere.ended).to.equal(1);
    expect(elsewhere.output()).to.contain("192.0.2.1 is not an address of this machine");
  });

  it("makes no new chain over a database that knows one, and names the command that lets it", async () => {
    rmSync(join(folder, "chain"), { recursive: true });
    const run = start();
    expect(await run.ended).to.equal(1);
    expect(run.output()).to.match(
      /There is no chain in .* the database knows one, up to block \d+\. .*npm run reset-mirror/,
    );
    expect(existsSync(join(folder, "chain", "chain.db"))).to.equal(false);
    const reset = spawnSync(process.execPath, ["scripts/reset-mirror.ts"], {
      cwd: ROOT,
      env: environment,
      encoding: "utf8",
    });
    expect(reset.stdout).to.match(/The mirror of chain 5192721 up to block \d+ is gone/);
    const next = start();
    await next.prints(/Mintmark is ready/);
  });

  it("says which blocks are missing, and goes on without them when told to", async () => {
    const first = start();
    await first.prints(/Mintmark is ready/);
    await stop(first);
    const kept = join(folder, "kept-chain");
    cpSync(join(folder, "chain"), kept, { recursive: true });
    const second = start();
    await second.prints(/Mintmark is ready/);
    const rpc = createRpc({ url: chain });
    const from = Number(await rpc.call("eth_blockNumber"));
    await rpc.call("hardhat_mine", ["0x64"]);
    await until(async () => {
      const { mirror } = await (await fetch(`${server}/ready`)).json();
      return mirror.indexed.number === from + 100;
    });
    await stop(second);
    // An older copy of the chain, whole, by somebody's own hand.
    rmSync(join(folder, "chain"), { recursive: true });
    renameSync(kept, join(folder, "chain"));
    const refused = start();
    expect(await refused.ended).to.equal(1);
    expect(refused.output()).to.match(
      new RegExp(`Blocks ${from + 1} to ${from + 100} are missing: .*npm start -- --accept-lost-blocks`),
    );
    const accepted = start("scripts/start.ts", {}, ["--accept-lost-blocks"]);
    await accepted.prints(/Mintmark is ready/);
    expect(accepted.output()).to.contain(`the mirror is taken back from block ${from + 100}`);
    await rpc.call("evm_mine");
    await until(async () => {
      const { ready, mirror } = await (await fetch(`${server}/ready`)).json();
      return ready && mirror.indexed.number === from + 1;
    });
    await stop(accepted);
    const last = start();
    await last.prints(/Mintmark is ready/);
    await stop(last);
  });

  it("runs on Hardhat's node for development, beside the kept data", async () => {
    const kept = readFileSync(join(folder, "chain", "head"), "utf8");
    const run = start("scripts/dev.ts");
    await run.prints(/ready for development/);
    expect(await createRpc({ url: chain }).call("eth_chainId")).to.equal("0x7a69");
    expect(await status(`${server}/v/noirance-preview/1`)).to.equal(200);
    const { server: main } = JSON.parse(readFileSync(join(folder, "dev", "run.json"), "utf8")).children;
    process.kill(main.pid, "SIGKILL");
    await run.prints(/ended unexpectedly \(SIGKILL\)[\s\S]*Waiting for a source to change/);
    const source = join(ROOT, "server", "main.ts");
    utimesSync(source, new Date(), new Date());
    await run.prints(/main.ts changed: the server runs again/);
    expect(await status(`${server}/ready`)).to.equal(200);
    await stop(run);
    expect(readFileSync(join(folder, "chain", "head"), "utf8")).to.equal(kept);
  });
});
