// The real server as whoever operates it sees it: a process with settings, an address and a size.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../lifecycle/free-port.ts";
import { type GuardedProcess, spawnGuarded } from "../../lifecycle/guarded-process.ts";
import { SERVER_ARGUMENTS, SERVER_ENVIRONMENT } from "../../lifecycle/server-command.ts";
import { machineTime } from "../replay/server.ts";
import type { ReplayNode } from "../replay/start.ts";

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the path answers
  body: any;
}

export interface BenchServer {
  url: string;
  process: GuardedProcess;
  /** When the process was started, in {@link machineTime}. */
  startedAt: number;
  /** Asks for a path over a connection that is kept. Rejects if there is no answer. */
  get(path: string): Promise<Answer>;
  /** Resolves with the time when `/ready` first answered 200. Rejects if the process ends before. */
  ready(): Promise<number>;
  /** Resolves with the time when `holds` was first true of the answer. */
  until(path: string, holds: (answer: Answer) => boolean, gapMs?: number): Promise<number>;
  /** The most memory that the process had at any time so far, in bytes. */
  peakMemory(): number;
  /** How many seconds the process has had a processor so far, all its threads together. */
  processorSeconds(): number;
  /** A signal that the process cannot answer. */
  signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void;
  stop(): Promise<void>;
}

export interface BenchServerOptions {
  node: Pick<ReplayNode, "url" | "registry">;
  databaseUrl: string;
  finalityDepth?: number;
  /** Whether the node tells of new blocks. If not, the server finds them by asking. */
  subscribed?: boolean;
  /** Where keystores are; a folder of its own if not given. */
  dataFolder?: string;
  /** Further settings. */
  settings?: Record<string, string>;
}

/** Linux counts processor time in these, on all machines that Node runs on. */
const TICKS_PER_SECOND = 100;
const READY_GAP_MS = 20;
const FINALITY_DEPTH = 64;
/** Longer than anything that is measured should take. */
const TIMEOUT_MS = 30 * 60_000;

export async function startServer(options: BenchServerOptions): Promise<BenchServer> {
  const { node, databaseUrl, finalityDepth = FINALITY_DEPTH, subscribed = true, dataFolder, settings } = options;
  const folder = mkdtempSync(join(tmpdir(), "mintmark-bench-data-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const environment = {
    ...process.env,
    HOST: "127.0.0.1",
    PORT: String(port),
    PUBLIC_URL: url,
    RPC_URL: node.url,
    RPC_WS_URL: subscribed ? node.url.replace(/^http/, "ws") : "none",
    FALLBACK_RPC_URLS: "",
    REGISTRY_ADDRESS: node.registry,
    DATA_DIR: dataFolder ?? folder,
    DATABASE_URL: databaseUrl,
    FINALITY_DEPTH: String(finalityDepth),
    RATE_LIMIT_PER_MINUTE: "0",
    LOG_LEVEL: "error",
    ...settings,
  };
  const startedAt = machineTime();
  const running = await spawnGuarded(process.execPath, SERVER_ARGUMENTS, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...SERVER_ENVIRONMENT, ...environment },
  });
  let hasEnded = false;
  running.ended.then(() => {
    hasEnded = true;
    rmSync(folder, { recursive: true, force: true });
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });

  const get = (path: string) =>
    new Promise<Answer>((resolve, reject) => {
      const sent = request(`${url}${path}`, { agent }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          const isJson = response.headers["content-type"]?.includes("json") === true;
          resolve({ status: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text });
        });
      });
      sent.on("error", reject);
      sent.end();
    });

  const until: BenchServer["until"] = async (path, holds, gapMs = READY_GAP_MS) => {
    for (const deadline = machineTime() + TIMEOUT_MS; machineTime() < deadline; ) {
      // It may not be listening yet.
      const answer = await get(path).catch(() => undefined);
      if (answer !== undefined && holds(answer)) return machineTime();
      if (hasEnded) throw new Error("The server ended while it was measured; what it said stands above");
      if (gapMs > 0) await sleep(gapMs);
    }
    throw new Error(`${path} did not become what it should within ${TIMEOUT_MS / 60_000} minutes`);
  };

  return {
    url,
    process: running,
    startedAt,
    get,
    ready: () => until("/ready", ({ status }) => status === 200),
    until,
    peakMemory() {
      const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${running.pid}/status`, "utf8"))?.[1];
      return Number(kilobytes) * 1_024;
    },
    processorSeconds() {
      // What stands before the last bracket is the program's name, which may hold spaces; then, from the third field on, numbers.
      const fields = readFileSync(`/proc/${running.pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    },
    signal(name) {
      running.child.kill(name);
    },
    async stop() {
      agent.destroy();
      await running.stop();
    },
  };
}

/** Throws unless the server has every card that the node has, as of its newest block: a wrong mirror's speed means nothing. */
export async function expectComplete(server: BenchServer, head: number, cards: number): Promise<void> {
  const { body: readiness } = await server.get("/ready");
  const { body } = await server.get("/v1/collections?limit=100");
  const issued = (body.data as { issuedCount: number }[]).reduce((sum, { issuedCount }) => sum + issuedCount, 0);
  if (readiness.mirror.indexed.number !== head || issued !== cards) {
    const { number } = readiness.mirror.indexed;
    throw new Error(`The mirror has ${issued} cards as of block ${number}, and the chain ${cards} as of block ${head}`);
  }
}
