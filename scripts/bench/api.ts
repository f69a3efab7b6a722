// Requests per second of the real server, beside a bare Node server that answers the same bytes.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Worker } from "node:worker_threads";
import autocannon from "autocannon";
import { format, summarize, table } from "./measure.ts";

const ROUNDS = 3;
const SECONDS = 4;
const CONNECTIONS = 50;

interface Outcome {
  rate: number;
  p99: number;
}

async function load(url: string): Promise<Outcome> {
  const result = await autocannon({ url, connections: CONNECTIONS, duration: SECONDS });
  const bad = result.non2xx + result.errors + result.timeouts;
  if (bad > 0)
    throw new Error(`${bad} of ${result.requests.total} requests to ${url} failed: the rate would mean nothing`);
  return { rate: result.requests.average, p99: result.latency.p99 };
}

/** A server of its own thread that answers every request with the same bytes. */
async function startFloor(body: string): Promise<{ url: string; close(): Promise<number> }> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { body } });
  const [port] = (await once(worker, "message")) as [number];
  return { url: `http://127.0.0.1:${port}/`, close: () => worker.terminate() };
}

/**
 * @param serverUrl A running, ready server without a rate limit.
 * @param paths What to ask for, with a name each.
 */
export async function benchApi(serverUrl: string, paths: Record<string, string>): Promise<string> {
  const rows: string[][] = [];
  for (const [name, path] of Object.entries(paths)) {
    const url = `${serverUrl}${path}`;
    const floor = await startFloor(await (await fetch(url)).text());
    try {
      const ours: Outcome[] = [];
      const floors: Outcome[] = [];
      await load(url);
      for (let round = 0; round < ROUNDS; round++) {
        floors.push(await load(floor.url));
        ours.push(await load(url));
      }
      const rates = (outcomes: Outcome[]) => format(summarize(outcomes.map(({ rate }) => rate)));
      const ratio = summarize(ours.map(({ rate }, index) => rate / (floors[index]?.rate ?? Number.NaN)));
      const p99 = format(summarize(ours.map((outcome) => outcome.p99)));
      rows.push([`${name}: \`GET ${path}\``, rates(ours), p99, rates(floors), format(ratio, 2)]);
    } finally {
      await floor.close();
    }
  }
  return table(
    [`${CONNECTIONS} connections, median of ${ROUNDS} (range)`, "requests/s", "p99, ms", "bare Node server", "ratio"],
    rows,
  );
}

async function serveFloor(body: string): Promise<void> {
  const { parentPort } = await import("node:worker_threads");
  const server = createServer((_, response) => {
    response.setHeader("Content-Type", "application/json");
    response.end(body);
  });
  server.listen(0, "127.0.0.1", () => parentPort?.postMessage((server.address() as AddressInfo).port));
}

const { isMainThread, workerData } = await import("node:worker_threads");
if (!isMainThread) await serveFloor((workerData as { body: string }).body);
