// Where a server's log lines go when nobody takes them: the server goes on.

import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { freePort } from "../../../scripts/lifecycle/free-port.ts";
import { ROOT, watchCommand } from "../../support/commands.ts";
import { startTestServer } from "../../support/server.ts";
import { canMount, makeSmallDisk, NEEDS_MOUNT } from "../../support/small-disk.ts";

const withDisk = canMount() ? it : it.skip;

describe("a server whose log nobody takes", () => {
  let folder: string;
  /** Nobody answers there; what is asked of the server here needs no chain. */
  let environment: Record<string, string>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-log-"));
    environment = { DATA_DIR: folder, RPC_URL: `http://127.0.0.1:${await freePort()}`, LOG_LEVEL: "debug" };
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  withDisk(
    `goes on while its disk is full, and says how many lines were lost${canMount() ? "" : ` (${NEEDS_MOUNT})`}`,
    async () => {
      const disk = makeSmallDisk(2);
      const file = join(disk.folder, "log");
      const log = openSync(file, "a");
      const server = await startTestServer(environment, { log });
      const ask = async () => {
        const response = await server.get("/v1/collections");
        await response.body?.cancel();
      };
      try {
        disk.fill();
        while (!server.errors().includes("cannot be written")) await ask();
        for (let asked = 0; asked < 50; asked++) await ask();
        expect(server.errors().match(/cannot be written/g)).to.have.length(1);
        disk.empty();
        await ask();
        while (!/"dropped":\d+/.test(readFileSync(file, "utf8"))) await ask();
        expect(await server.stop()).to.equal(0);
        expect(readFileSync(file, "utf8")).to.contain('"stopped"');
      } finally {
        server.process.kill("SIGKILL");
        closeSync(log);
        disk.remove();
      }
    },
  );

  it("goes on when the programs that read its output are gone", async () => {
    const port = await freePort();
    const child = spawn(process.execPath, ["server/main.ts"], {
      cwd: ROOT,
      env: { ...process.env, ...environment, PORT: String(port) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const server = watchCommand(child);
    await server.prints(/listening/);
    child.stdout?.destroy();
    child.stderr?.destroy();
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    for (let asked = 0; asked < 20; asked++)
      expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).to.equal(200);
    child.kill("SIGHUP");
    expect(await ended).to.equal(0);
  });
});
