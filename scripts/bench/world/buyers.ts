// Many customers at once, on a thread of their own, so that what measures does not slow down what is measured more than a network
// would: connections that are kept, each of which sends its next order when it has the answer to the last.

import { Agent, request } from "node:http";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { machineTime } from "../replay/server.ts";

export interface Buying {
  url: string;
  apiKey: string;
  /** Collection and what else stands in an item. */
  item: object;
  connections: number;
  /** How many orders in all; or for how long, in seconds. */
  orders?: number;
  seconds?: number;
  /** Of how many milliseconds apart orders are sent, whatever becomes of them; as fast as they are answered if not given. */
  everyMs?: number;
  /** What references of customers begin with. */
  prefix: string;
}

/** One order that was answered. */
export interface Bought {
  status: number;
  /** When it was sent and answered, in {@link machineTime}. */
  sentAt: number;
  answeredAt: number;
  serials: number[];
}

export async function buy(buying: Buying): Promise<Bought[]> {
  const worker = new Worker(new URL(import.meta.url), { workerData: buying });
  return await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

async function run(buying: Buying): Promise<Bought[]> {
  const { url, apiKey, item, connections, orders = Number.POSITIVE_INFINITY, seconds, everyMs, prefix } = buying;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const target = new URL("/v1/orders", url);
  const bought: Bought[] = [];
  const until = seconds === undefined ? Number.POSITIVE_INFINITY : machineTime() + seconds * 1000;
  let sent = 0;

  function order(): Promise<void> {
    const number = ++sent;
    const body = JSON.stringify({ customer: { reference: `${prefix}-${number}` }, items: [item] });
    const sentAt = machineTime();
    return new Promise((resolve, reject) => {
      const outgoing = request(
        target,
        {
          method: "POST",
          agent,
          headers: {
            Authorization: `Bearer ${apiKey}`,
            "Content-Type": "application/json",
            "Content-Length": Buffer.byteLength(body),
            "Idempotency-Key": `${prefix}-${number}`,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const status = response.statusCode ?? 0;
            const answeredAt = machineTime();
            const text = status === 201 ? Buffer.concat(chunks).toString() : "";
            const serials = [...text.matchAll(/"serial":(\d+)/g)].map((match) => Number(match[1]));
            bought.push({ status, sentAt, answeredAt, serials });
            resolve();
          });
        },
      );
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  }

  if (everyMs !== undefined) {
    const open: Promise<void>[] = [];
    for (let due = machineTime(); sent < orders && machineTime() < until; due += everyMs) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - machineTime())));
      open.push(order());
    }
    await Promise.all(open);
  } else {
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (sent < orders && machineTime() < until) await order();
      }),
    );
  }
  agent.destroy();
  return bought;
}

if (parentPort !== null && workerData !== null) parentPort.postMessage(await run(workerData as Buying));
