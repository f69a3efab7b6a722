import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { requireFreePort } from "../../scripts/lifecycle/listening.ts";
import { identifyProcess, isRunning } from "../../scripts/lifecycle/process-identity.mjs";
import { claimRun } from "../../scripts/lifecycle/run-file.ts";

describe("the claim on a data folder", () => {
  let folder: string;
  let messages: string[];
  let stranger: ChildProcess;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-run-"));
    messages = [];
    stranger = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    await new Promise((done) => stranger.once("spawn", done));
  });

  afterEach(() => {
    stranger.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  const file = () => join(folder, "run.json");
  const say = (message: string) => messages.push(message);
  const strangerPid = () => stranger.pid as number;

  async function refusal(promise: Promise<unknown>): Promise<string> {
    return await promise.then(
      () => "not refused",
      (error: Error) => error.message,
    );
  }

  it("is refused while another run goes on", async () => {
    const supervisor = identifyProcess(strangerPid());
    writeFileSync(file(), JSON.stringify({ supervisor, since: new Date(), children: {} }));
    expect(await refusal(claimRun(folder, say))).to.match(new RegExp(`running on .* already .*kill ${strangerPid()}`));
    expect(stranger.exitCode).to.equal(null);
  });

  it("ends with an orderly stop, and leaves nothing", async () => {
    const run = await claimRun(folder, say);
    expect(run.earlierRunWasKilled).to.equal(false);
    run.record("chain", strangerPid());
    run.release();
    expect(existsSync(file())).to.equal(false);
    expect((await claimRun(folder, say)).earlierRunWasKilled).to.equal(false);
  });

  it("ends what a killed run left behind, and says so", async () => {
    const orphan = identifyProcess(strangerPid());
    const gone = { pid: process.pid, start: "an earlier boot" };
    writeFileSync(file(), JSON.stringify({ supervisor: gone, since: new Date(), children: { chain: orphan } }));
    const run = await claimRun(folder, say);
    expect(run.earlierRunWasKilled).to.equal(true);
    expect(messages.join()).to.contain(`left its chain running (process ${strangerPid()}): ending it`);
    expect(orphan !== undefined && isRunning(orphan)).to.equal(false);
    expect(JSON.parse(readFileSync(file(), "utf8")).supervisor.pid).to.equal(process.pid);
  });

  it("never ends a stranger whose process has the number of one of ours", async () => {
    const gone = { pid: 999_999_999, start: "an earlier boot" };
    const sameNumber = { pid: strangerPid(), start: "an earlier boot" };
    writeFileSync(file(), JSON.stringify({ supervisor: gone, since: new Date(), children: { chain: sameNumber } }));
    await claimRun(folder, say);
    expect([stranger.exitCode, stranger.signalCode, messages]).to.deep.equal([null, null, []]);
  });

  it("is not disturbed by a damaged record", async () => {
    writeFileSync(file(), '{"supervis');
    expect((await claimRun(folder, say)).earlierRunWasKilled).to.equal(true);
  });

  it("is not disturbed by what is no record at all", async () => {
    for (const text of ["null", "{}", "[]", "7"]) {
      writeFileSync(file(), text);
      const run = await claimRun(folder, say);
      expect(run.earlierRunWasKilled, text).to.equal(true);
      run.release();
    }
    mkdirSync(file());
    (await claimRun(folder, say)).release();
    expect(readdirSync(folder)).to.deep.equal([]);
  });

  it("goes to one of several who ask at once", async () => {
    const gone = { pid: 999_999_999, start: "an earlier boot" };
    writeFileSync(file(), JSON.stringify({ supervisor: gone, since: new Date(), children: {} }));
    const results = await Promise.allSettled([1, 2, 3].map(() => claimRun(folder, say)));
    expect(results.filter(({ status }) => status === "fulfilled")).to.have.length(1);
  });

  it("asks for another port where one is taken", async () => {
    const port = await freePort();
    const server = createServer();
    await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
    const message = await refusal(requireFreePort("127.0.0.1", port, "the server", "PORT=3001 npm start"));
    expect(message).to.contain(`Port ${port} of 127.0.0.1`).and.to.contain("PORT=3001 npm start");
    await new Promise((done) => server.close(done));
    await requireFreePort("127.0.0.1", port, "the server", "");
  });
});
