// npm start as a person meets it. What it does after its processes were killed, and its chain lost, is in test/long/start.test.ts.

import { createServer } from "node:net";
import { expect } from "chai";
import { deployments } from "../../packages/contracts/src/index.ts";
import { isRunning } from "../../scripts/lifecycle/process-identity.mjs";
import { readDeployment } from "../../server/chain/deployment.ts";
import { createRpc } from "../../server/chain/rpc.ts";
import { createStartPlace, type StartPlace, statusOf } from "../support/start-place.ts";

describe("starting everything", () => {
  let place: StartPlace;
  before(async () => {
    place = await createStartPlace();
  });
  afterEach(() => place.end());
  after(() => place.remove());

  it("prints addresses that answer, and keeps everything over an orderly stop", async () => {
    const first = place.start();
    await first.prints(/Mintmark is ready[\s\S]*Ctrl-C/);
    const printed = [...first.output().matchAll(/ (http:\S+)/g)].map((match) => match[1] ?? "");
    expect(printed).to.have.length(4);
    for (const url of printed.filter((url) => url !== place.chain)) expect(await statusOf(url), url).to.equal(200);
    expect(await createRpc({ url: place.chain }).call("eth_chainId")).to.equal("0x4f3c11");
    // Where the package says that the registry is.
    expect(readDeployment(place.folder, 5_192_721)?.registry).to.equal(deployments[5_192_721]?.registry);
    const before = await place.fingerprint();
    const { chain: node, server: main } = place.processes();
    await place.stop(first);
    expect([isRunning(node), isRunning(main)]).to.deep.equal([false, false]);

    const second = place.start();
    await second.prints(/Mintmark is ready/);
    expect(second.output()).to.match(/at block \d+/);
    expect(await place.fingerprint()).to.deep.equal(before);
    await place.stop(second);
  });

  it("refuses a second start on the same data, and leaves the first alone", async () => {
    const first = place.start();
    await first.prints(/Mintmark is ready/);
    const second = place.start();
    expect(await second.ended).to.equal(1);
    expect(second.output()).to.contain("running on").and.to.contain("already");
    expect(await statusOf(`${place.server}/ready`)).to.equal(200);
  });

  it("names the port that is in use and the setting to change, and leaves nothing running", async () => {
    const stranger = createServer();
    await new Promise<void>((done) => stranger.listen(Number(new URL(place.server).port), "127.0.0.1", done));
    const run = place.start();
    expect(await run.ended).to.equal(1);
    expect(run.output()).to.contain(new URL(place.server).port).and.to.contain("PORT=");
    await new Promise((done) => stranger.close(done));
    expect(await statusOf(place.chain).catch(() => "nothing")).to.equal("nothing");
  });

  it("names the setting that is wrong", async () => {
    const run = place.start("scripts/start.ts", { PORT: "many" });
    expect(await run.ended).to.equal(1);
    expect(run.output()).to.contain("PORT: must be a number");
  });

  it("says so when the server and the chain are given one port, or an address of another machine", async () => {
    const shared = place.start("scripts/start.ts", { PORT: new URL(place.chain).port });
    expect(await shared.ended).to.equal(1);
    expect(shared.output()).to.contain("PORT and RPC_URL both name port");
    const elsewhere = place.start("scripts/start.ts", { RPC_URL: "http://192.0.2.1:8545" });
    expect(await elsewhere.ended).to.equal(1);
    expect(elsewhere.output()).to.contain("192.0.2.1 is not an address of this machine");
  });
});
