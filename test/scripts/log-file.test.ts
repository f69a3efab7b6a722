// The server's log: bounded, and nobody's reason to end.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { type LogFile, openLogFile } from "../../scripts/lifecycle/log-file.ts";
import { createRpc } from "../../server/chain/rpc.ts";
import { ROOT, watchCommand } from "../support/commands.ts";
import { canMount, makeSmallDisk, NEEDS_MOUNT } from "../support/small-disk.ts";

const withDisk = canMount() ? it : it.skip;
const note = canMount() ? "" : ` (${NEEDS_MOUNT})`;

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20);
}

describe("the log file", () => {
  let folder: string;
  let file: string;
  let messages: string[];
  let log: LogFile | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-log-"));
    file = join(folder, "logs", "server.log");
    messages = [];
  });
  afterEach(() => {
    log?.close();
    log = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (options: { file?: string; limitBytes?: number; files?: number } = {}) => {
    log = openLogFile({ file, onMessage: (message) => messages.push(message), ...options });
    return log;
  };
  const linesOf = (path: string) => readFileSync(path, "utf8").trimEnd().split("\n");

  it("is rotated while it is written, and all files together stay within a bound", () => {
    const log = open({ limitBytes: 10_000, files: 3 });
    for (let number = 1; number <= 2_000; number++) log.write(`${number} ${"x".repeat(40)}`);
    log.close();
    const files = readdirSync(join(folder, "logs")).sort();
    expect(files).to.deep.equal(["server.log", "server.log.1", "server.log.2"]);
    for (const name of files) {
      expect(statSync(join(folder, "logs", name)).size).to.be.below(10_100);
      expect(statSync(join(folder, "logs", name)).mode & 0o777).to.equal(0o600);
    }
    // Nothing is missing between the oldest line that was kept and the newest.
    const numbers = files.reverse().flatMap((name) => linesOf(join(folder, "logs", name)).map(Number.parseFloat));
    expect(numbers).to.deep.equal(numbers.map((_, index) => 2_000 - numbers.length + 1 + index));
    expect(messages).to.deep.equal([]);
  });

  it("is made again where somebody has deleted it", async () => {
    const log = open();
    log.write("one");
    await until(() => readdirSync(folder).includes("logs") && linesOf(file).includes("one"));
    rmSync(join(folder, "logs"), { recursive: true });
    log.write("two");
    await until(() => readdirSync(folder).includes("logs") && linesOf(file).includes("two"));
    expect(messages).to.deep.equal([]);
  });

  withDisk(`drops lines while its disk is full, says so once, and goes on${note}`, async () => {
    const disk = makeSmallDisk(2);
    try {
      file = join(disk.folder, "server.log");
      const log = open();
      log.write("before");
      await until(() => readdirSync(disk.folder).includes("server.log"));
      disk.fill();
      for (let number = 0; messages.length === 0; number++) {
        log.write(`dropped ${number} ${"x".repeat(200)}`);
        await sleep(1);
      }
      for (let number = 0; number < 500; number++) log.write("dropped as well");
      await sleep(1_500);
      expect(messages).to.have.length(1);
      expect(messages[0]).to.contain(`The disk of ${file} is full`);
      disk.empty();
      await until(() => messages.length === 2);
      expect(messages[1]).to.match(/The log is written again\. \d+ lines were dropped meanwhile\./);
      log.write("after");
      await until(() => linesOf(file).includes("after"));
      const lines = linesOf(file);
      expect(lines[0]).to.equal("before");
      expect(lines.slice(-2)).to.deep.equal([messages[1], "after"]);
    } finally {
      log?.close();
      disk.remove();
    }
  });

  withDisk(`takes neither chain nor server down when its disk is full${note}`, async () => {
    const disk = makeSmallDisk(2);
    const [port, rpcPort] = [await freePort(), await freePort()];
    const url = `http://127.0.0.1:${port}`;
    const dataFolder = join(folder, "data");
    mkdirSync(dataFolder);
    symlinkSync(disk.folder, join(dataFolder, "logs"));
    const environment: NodeJS.ProcessEnv = {
      ...process.env,
      ...{ DATA_DIR: dataFolder, PORT: String(port), RPC_URL: `http://127.0.0.1:${rpcPort}` },
      ...{ LOG_LEVEL: "debug", RATE_LIMIT_PER_MINUTE: "0" },
    };
    for (const name of ["DATABASE_URL", "npm_lifecycle_event"]) delete environment[name];
    const child = spawn(process.execPath, ["scripts/start.ts"], { cwd: ROOT, env: environment });
    const start = watchCommand(child);
    try {
      await start.prints(/Mintmark is ready/);
      disk.fill();
      const ask = async () => {
        const response = await fetch(`${url}/v1/collections`);
        await response.body?.cancel();
        return response.status;
      };
      while (!start.output().includes("cannot be written")) expect(await ask()).to.equal(200);
      for (let asked = 0; asked < 100; asked++) expect(await ask()).to.equal(200);
      expect(await createRpc({ url: `http://127.0.0.1:${rpcPort}` }).call("eth_chainId")).to.equal("0x4f3c11");
      expect(start.output().split("The log ").length - 1).to.equal(1);
      disk.empty();
      await start.prints(/The log is written again\. \d+ lines were dropped meanwhile\./);
      await ask();
      const last = () => linesOf(join(disk.folder, "server.log")).at(-1) ?? "";
      await until(() => last().includes("/v1/collections"));
    } finally {
      child.kill("SIGINT");
      expect(await start.ended).to.equal(0);
      disk.remove();
    }
  });
});
