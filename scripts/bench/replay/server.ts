// Serves the generated chain over HTTP, and over WebSocket at the same port, as late as it is told to.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { ReplayChain } from "./chain.ts";
import { createJsonRpc, type ReplayCounts } from "./json-rpc.ts";
import { acceptWebSocket, type WebSocketConnection } from "./web-socket.ts";

export interface ReplayServerOptions {
  chain: ReplayChain;
  port: number;
  maxLogsRange: number;
  finalizedDepth: number;
  /** How many milliseconds each HTTP answer waits before it goes. */
  latencyMs: number;
}

/** When something was done, in milliseconds of a clock that all processes of the machine share. */
export function machineTime(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What the side methods of the node do, by name; params in a list, as always. */
export interface SideMethods {
  /** What it was asked so far. */
  replay_counts(): ReplayCounts;
  /** Counts from nothing again. */
  replay_resetCounts(): void;
  replay_setLatency(ms: number): void;
  /** Adds blocks with a batch of so many cards each; of 0, empty ones. `at` is when their heads were announced. */
  replay_append(blocks: number, cards: number): { at: number; head: number; firstSerial: number };
  /** Replaces the newest blocks: see {@link ReplayChain.replace}. */
  replay_reorg(depth: number, empty: boolean): { at: number; head: number; hash: string };
}

/** Starts serving; resolves with the URL. */
export async function serveReplay(options: ReplayServerOptions): Promise<string> {
  const { chain, maxLogsRange, finalizedDepth } = options;
  let { latencyMs } = options;
  const subscriptions = new Map<WebSocketConnection, string>();

  function announce(from: number): number {
    const at = machineTime();
    for (let block = from; block <= chain.head(); block++) {
      const header = chain.header(block);
      for (const [connection, subscription] of subscriptions)
        connection.send(
          `{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"${subscription}","result":${header}}}`,
        );
    }
    return at;
  }

  const sideMethods: SideMethods = {
    replay_counts: () => rpc.counts,
    replay_resetCounts() {
      Object.assign(rpc.counts, { requests: 0, calls: {}, bytes: 0 });
    },
    replay_setLatency(ms) {
      latencyMs = ms;
    },
    replay_append(blocks, cards) {
      const before = chain.head();
      const added = Array.from({ length: blocks }, () => chain.append(cards));
      return { at: announce(before + 1), head: chain.head(), firstSerial: added[0]?.firstSerial ?? 0 };
    },
    replay_reorg(depth, empty) {
      const before = chain.head();
      chain.replace(depth, empty);
      return { at: announce(before - depth + 1), head: chain.head(), hash: chain.hashOf(chain.head()) };
    },
  };
  const rpc = createJsonRpc({ chain, maxLogsRange, finalizedDepth, sideMethods: { ...sideMethods } });

  const server = createServer(async (request, response) => {
    const text = await bodyOf(request);
    const answer = () => {
      const parts = rpc.answer(text);
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      response.writeHead(200, { "content-type": "application/json", "content-length": length });
      response.cork();
      for (const part of parts) response.write(part);
      response.end();
      response.uncork();
    };
    if (latencyMs === 0) answer();
    else setTimeout(answer, latencyMs);
  });
  // Whoever keeps a connection may use it whenever it likes.
  server.keepAliveTimeout = 0;
  server.on("upgrade", (request, socket) => {
    const connection = acceptWebSocket(request, socket, {
      onMessage(text) {
        const subscription = subscriptionOf(text);
        if (subscription === undefined) connection.send(Buffer.concat(rpc.answer(text)).toString());
        else {
          subscriptions.set(connection, subscription.name);
          connection.send(JSON.stringify({ jsonrpc: "2.0", id: subscription.id, result: subscription.name }));
        }
      },
      onClose: () => subscriptions.delete(connection),
    });
  });
  await new Promise<void>((resolve) => server.listen(options.port, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

let subscribed = 0;

/** The new subscription that a message asks for; nothing if it asks for something else. */
function subscriptionOf(text: string): { id: unknown; name: string } | undefined {
  try {
    const { id, method, params } = JSON.parse(text);
    if (method !== "eth_subscribe" || params?.[0] !== "newHeads") return undefined;
    return { id, name: `0x${(++subscribed).toString(16)}` };
  } catch {
    return undefined;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
