// npm start and npm run dev as a person meets them, on ports and a data folder of their own.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import type { ProcessIdentity } from "../../scripts/lifecycle/process-identity.mjs";
import { createRpc } from "../../server/chain/rpc.ts";
import { ROOT, type RunningCommand, watchCommand } from "./commands.ts";

/** A place where everything is started again and again: two ports, and a data folder, which a start finds as the one before it left it. */
export interface StartPlace {
  folder: string;
  /** Where the server and the chain listen once they were started. */
  server: string;
  chain: string;
  /** The settings of every command. */
  environment: NodeJS.ProcessEnv;
  start(script?: string, overrides?: NodeJS.ProcessEnv, args?: readonly string[]): RunningCommand;
  /** The processes that the last start has written down. */
  processes(): Record<"chain" | "server", ProcessIdentity>;
  /** Asks a start to end, as the terminal and npm do; it must end in order. */
  stop(command: RunningCommand): Promise<void>;
  /** What must be the same again after a start: the chain, and what the server says of it. */
  fingerprint(): Promise<unknown>;
  /** Ends whatever is still running. */
  end(): Promise<void>;
  remove(): void;
}

export async function createStartPlace(): Promise<StartPlace> {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-start-"));
  const [port, rpcPort] = [await freePort(), await freePort()];
  const server = `http://127.0.0.1:${port}`;
  const chain = `http://127.0.0.1:${rpcPort}`;
  const environment: NodeJS.ProcessEnv = { ...process.env, DATA_DIR: folder, PORT: String(port), RPC_URL: chain };
  for (const name of ["DATABASE_URL", "REGISTRY_ADDRESS", "PUBLIC_URL", "HOST", "npm_lifecycle_event"])
    delete environment[name];
  let started: RunningCommand[] = [];
  return {
    folder,
    server,
    chain,
    environment,
    start(script = "scripts/start.ts", overrides = {}, args = []) {
      const child = spawn(process.execPath, [script, ...args], {
        cwd: ROOT,
        env: { ...environment, ...overrides },
        stdio: ["ignore", "pipe", "pipe"],
      });
      const result = watchCommand(child);
      started.push(result);
      return result;
    },
    processes: () => JSON.parse(readFileSync(join(folder, "run.json"), "utf8")).children,
    async stop({ child, ended }) {
      child.kill("SIGINT");
      // As from the terminal and from npm.
      child.kill("SIGINT");
      expect(await ended).to.equal(0);
    },
    async fingerprint() {
      const rpc = createRpc({ url: chain });
      return {
        head: await rpc.call("eth_getBlockByNumber", ["latest", false]),
        logs: await rpc.call("eth_getLogs", [{ fromBlock: "0x0", toBlock: "latest" }]),
        // Without what depends on the moment.
        collections: (await (await fetch(`${server}/v1/collections`)).json()).data,
      };
    },
    async end() {
      for (const { child, ended } of started) {
        child.kill("SIGTERM");
        await ended;
      }
      started = [];
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export async function statusOf(url: string): Promise<number> {
  const response = await fetch(url);
  await response.body?.cancel();
  return response.status;
}
