// npm start and npm run dev when their processes are killed, and when the chain has lost something.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, renameSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { deployments } from "../../packages/contracts/src/index.ts";
import { isRunning } from "../../scripts/lifecycle/process-identity.mjs";
import { readDeployment } from "../../server/chain/deployment.ts";
import { createRpc } from "../../server/chain/rpc.ts";
import { ROOT } from "../support/commands.ts";
import { until } from "../support/patience.ts";
import { createStartPlace, type StartPlace, statusOf } from "../support/start-place.ts";

describe("everything that was started", () => {
  let place: StartPlace;
  before(async () => {
    place = await createStartPlace();
  });
  afterEach(() => place.end());
  after(() => place.remove());

  it("starts the server again when it was killed", async () => {
    const run = place.start();
    await run.prints(/Mintmark is ready/);
    const before = place.processes().server;
    process.kill(before.pid, "SIGKILL");
    await run.prints(/The server ended unexpectedly \(SIGKILL\)/);
    await until(async () => (await statusOf(`${place.server}/ready`).catch(() => 0)) === 200);
    expect(place.processes().server.pid).not.to.equal(before.pid);
  });

  it("starts the chain again when it was killed, and has lost nothing", async () => {
    const run = place.start();
    await run.prints(/Mintmark is ready/);
    const before = await place.fingerprint();
    const { chain: node, server: main } = place.processes();
    process.kill(node.pid, "SIGKILL");
    await run.prints(/The chain's process ended unexpectedly \(SIGKILL\)/);
    await until(() =>
      createRpc({ url: place.chain })
        .call("eth_chainId")
        .then(
          () => true,
          () => false,
        ),
    );
    expect(await place.fingerprint()).to.deep.equal(before);
    await createRpc({ url: place.chain }).call("evm_mine");
    await until(async () => (await statusOf(`${place.server}/ready`)) === 200);
    expect(place.processes().server.pid).to.equal(main.pid);
  });

  it("leaves nothing running when it was killed itself, and has it all at the next start", async () => {
    const run = place.start();
    await run.prints(/Mintmark is ready/);
    const before = await place.fingerprint();
    const { chain: node, server: main } = place.processes();
    run.child.kill("SIGKILL");
    await until(() => !isRunning(node) && !isRunning(main));
    const next = place.start();
    await next.prints(/Mintmark is ready/);
    expect(next.output()).to.contain("The earlier run did not stop in order.");
    expect(await place.fingerprint()).to.deep.equal(before);
  });

  it("makes no new chain over a database that knows one, and names the command that lets it", async () => {
    rmSync(join(place.folder, "chain"), { recursive: true });
    const run = place.start();
    expect(await run.ended).to.equal(1);
    expect(run.output()).to.match(
      /There is no chain in .* the database knows one, up to block \d+\. .*npm run reset-mirror/,
    );
    expect(existsSync(join(place.folder, "chain", "chain.db"))).to.equal(false);
    const reset = spawnSync(process.execPath, ["scripts/reset-mirror.ts"], {
      cwd: ROOT,
      env: place.environment,
      encoding: "utf8",
    });
    expect(reset.stdout).to.match(/The mirror of chain 5192721 up to block \d+ is gone/);
    const next = place.start();
    await next.prints(/Mintmark is ready/);
  });

  it("says which blocks are missing, and goes on without them when told to", async () => {
    const first = place.start();
    await first.prints(/Mintmark is ready/);
    await place.stop(first);
    const kept = join(place.folder, "kept-chain");
    cpSync(join(place.folder, "chain"), kept, { recursive: true });
    const second = place.start();
    await second.prints(/Mintmark is ready/);
    const rpc = createRpc({ url: place.chain });
    const from = Number(await rpc.call("eth_blockNumber"));
    await rpc.call("hardhat_mine", ["0x64"]);
    await until(async () => {
      const { mirror } = await (await fetch(`${place.server}/ready`)).json();
      return mirror.indexed.number === from + 100;
    });
    await place.stop(second);
    // An older copy of the chain, whole, by somebody's own hand.
    rmSync(join(place.folder, "chain"), { recursive: true });
    renameSync(kept, join(place.folder, "chain"));
    const refused = place.start();
    expect(await refused.ended).to.equal(1);
    expect(refused.output()).to.match(
      new RegExp(`Blocks ${from + 1} to ${from + 100} are missing: .*npm start -- --accept-lost-blocks`),
    );
    const accepted = place.start("scripts/start.ts", {}, ["--accept-lost-blocks"]);
    await accepted.prints(/Mintmark is ready/);
    expect(accepted.output()).to.contain(`the mirror is taken back from block ${from + 100}`);
    await rpc.call("evm_mine");
    await until(async () => {
      const { ready, mirror } = await (await fetch(`${place.server}/ready`)).json();
      return ready && mirror.indexed.number === from + 1;
    });
    await place.stop(accepted);
    const last = place.start();
    await last.prints(/Mintmark is ready/);
    await place.stop(last);
  });

  it("runs on Hardhat's node for development, beside the kept data", async () => {
    const kept = readFileSync(join(place.folder, "chain", "head"), "utf8");
    const run = place.start("scripts/dev.ts");
    await run.prints(/ready for development/);
    expect(await createRpc({ url: place.chain }).call("eth_chainId")).to.equal("0x7a69");
    expect(readDeployment(join(place.folder, "dev"), 31_337)?.registry).to.equal(deployments[31_337]?.registry);
    expect(await statusOf(`${place.server}/v/noirance-preview/1`)).to.equal(200);
    const { server: main } = JSON.parse(readFileSync(join(place.folder, "dev", "run.json"), "utf8")).children;
    process.kill(main.pid, "SIGKILL");
    await run.prints(/ended unexpectedly \(SIGKILL\)[\s\S]*Waiting for a source to change/);
    const source = join(ROOT, "server", "main.ts");
    utimesSync(source, new Date(), new Date());
    await run.prints(/main.ts changed: the server runs again/);
    expect(await statusOf(`${place.server}/ready`)).to.equal(200);
    await place.stop(run);
    expect(readFileSync(join(place.folder, "chain", "head"), "utf8")).to.equal(kept);
  });
});
