// npm start while the disk of its database is full: the server that dies then is started again until it can live.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { ROOT, watchCommand } from "../support/commands.ts";
import { canMount, makeSmallDisk, NEEDS_MOUNT } from "../support/small-disk.ts";

const withDisk = canMount() ? it : it.skip;

describe("npm start on a full disk", () => {
  withDisk(
    `starts a server that was killed again, and is well soon after there is room${canMount() ? "" : ` (${NEEDS_MOUNT})`}`,
    async () => {
      const disk = makeSmallDisk(16);
      const folder = mkdtempSync(join(tmpdir(), "mintmark-full-"));
      const url = `http://127.0.0.1:${await freePort()}`;
      const environment: NodeJS.ProcessEnv = {
        ...process.env,
        ...{ DATA_DIR: folder, PORT: new URL(url).port, RPC_URL: `http://127.0.0.1:${await freePort()}` },
        DATABASE_URL: `file:${join(disk.folder, "mintmark.db")}`,
      };
      delete environment["npm_lifecycle_event"];
      const child = spawn(process.execPath, ["scripts/start.ts"], { cwd: ROOT, env: environment });
      const start = watchCommand(child);
      const server = (): number => JSON.parse(readFileSync(join(folder, "run.json"), "utf8")).children.server.pid;
      const isReady = () =>
        fetch(`${url}/ready`).then(
          async (response) => {
            await response.body?.cancel();
            return response.ok;
          },
          () => false,
        );
      try {
        await start.prints(/Mintmark is ready/);
        disk.fill();
        const first = server();
        process.kill(first, "SIGKILL");
        await start.prints(/ended unexpectedly \(SIGKILL\)/);
        // Either it cannot live, or it lives and says that its disk is full.
        const seen = new Set([first]);
        let reason: string | undefined;
        while (seen.size < 4 && reason === undefined) {
          seen.add(server());
          reason = await fetch(`${url}/ready`).then(
            async (response) => ((await response.json()) as { reason: string }).reason.match(/disk is full/)?.[0],
            () => undefined,
          );
          await sleep(20);
        }
        disk.empty();
        const emptied = performance.now();
        while (!(await isReady())) await sleep(50);
        expect(performance.now() - emptied).to.be.below(30_000);
        expect(start.output()).to.not.match(/^ +at /m);
      } finally {
        child.kill("SIGINT");
        expect(await start.ended).to.equal(0);
        disk.remove();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );
});
