// The server as it is run: a process of its own, on a free port.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { ROOT } from "./commands.ts";
import { until } from "./patience.ts";

export interface TestServer {
  url: string;
  process: ChildProcess;
  /** What it has written to its error output. */
  errors(): string;
  get(path: string, init?: RequestInit): Promise<Response>;
  /** What /ready answers. */
  readiness(): Promise<Readiness>;
  /** Resolves once /ready answers with this status. */
  untilReady(status?: 200 | 503): Promise<Readiness>;
  /** The value of a metric, such as `mintmark_rpc_errors_total{kind="http"}`, added up over what else it tells apart. */
  metric(selector: string): Promise<number | undefined>;
  /** Asks it to end; resolves to its exit code. */
  stop(): Promise<number | null>;
}

export interface Readiness {
  status: number;
  ready: boolean;
  reason: string | null;
  mirror: { state: string; lagSeconds: number | null; problem: string | null; headNumber: number | null };
}

const USUAL = { LOG_LEVEL: "silent", RATE_LIMIT_PER_MINUTE: "0", AUTH_SECRET: "a secret that every test server has" };

let shared: string | undefined;

/**
 * For servers that are given none: the usual one is the developer's, has keys perhaps, and remembers databases of earlier runs. Shared,
 * so that a server that is started again knows its database.
 */
export function sharedDataFolder(): string {
  if (shared === undefined) {
    const folder = mkdtempSync(join(tmpdir(), "mintmark-servers-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    shared = folder;
  }
  return shared;
}

export interface TestServerOptions {
  /** The limit of open files; the machine's if not given. */
  openFiles?: number;
  /** Where its log goes, as a descriptor; nowhere if not given. */
  log?: number;
}

/** Starts a server; resolves when it listens. */
export async function startTestServer(
  environment: Record<string, string>,
  { openFiles, log }: TestServerOptions = {},
): Promise<TestServer> {
  const port = await freePort();
  const program = [process.execPath, "server/main.ts"];
  const [command = "", ...args] =
    openFiles === undefined ? program : ["/bin/sh", "-c", `ulimit -n ${openFiles} && exec "$@"`, "sh", ...program];
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, DATA_DIR: sharedDataFolder(), ...USUAL, ...environment, PORT: String(port) },
    stdio: ["ignore", log ?? "ignore", "pipe"],
  });
  let said = "";
  child.stderr?.on("data", (data) => {
    said += data;
  });
  let ended = false;
  const exited = once(child, "exit").then(([code]: (number | null)[]) => {
    ended = true;
    return code ?? null;
  });
  const url = `http://127.0.0.1:${port}`;
  const requireRunning = () => {
    if (ended) throw new Error(`The server has ended: ${said}`);
  };
  const server: TestServer = {
    url,
    process: child,
    errors: () => said,
    get: (path, init) => fetch(`${url}${path}`, init),
    async readiness() {
      const response = await server.get("/ready");
      return { status: response.status, ...((await response.json()) as Omit<Readiness, "status">) };
    },
    async untilReady(status = 200) {
      let seen: Readiness | undefined;
      return await until(
        async () => {
          requireRunning();
          seen = await server.readiness();
          return seen.status === status ? seen : undefined;
        },
        () => `/ready does not answer with ${status}, but: ${JSON.stringify(seen)}`,
      );
    },
    async metric(selector) {
      const [, name = "", wanted = ""] = /^(\w+)(?:\{(.*)\})?$/.exec(selector) ?? [];
      const lines = (await (await server.get("/metrics")).text()).split("\n");
      const values = lines.flatMap((line) => {
        const [, found, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
        const matches = found === name && wanted.split(",").every((label) => labels.includes(label));
        return matches ? [Number(value)] : [];
      });
      return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
    },
    async stop() {
      child.kill("SIGTERM");
      return await exited;
    },
  };
  await until(() => {
    requireRunning();
    return server.get("/metrics").then(
      () => true,
      () => false,
    );
  });
  return server;
}
