// Hints that there is a new block, over WebSocket. Only hints: they may come late, twice or not at all, so whoever follows the
// chain has to look for itself as well, and asks the chain what is there.

import type { Logger } from "pino";

export interface HeadsOptions {
  /** The node's WebSocket endpoint. */
  url: string;
  onHead(): void;
  logger: Logger;
  /** After how many milliseconds a subscription is made anew. Hardhat's node drops one after five minutes. */
  renewAfterMs?: number;
}

export interface Heads {
  /** Ends the subscription. */
  stop(): void;
  /** Whether a subscription stands. */
  readonly subscribed: boolean;
}

const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 30_000;

/** Subscribes to new blocks, and again whenever the connection is lost. */
export function followHeads({ url, onHead, logger, renewAfterMs = 240_000 }: HeadsOptions): Heads {
  let socket: WebSocket | undefined;
  let timer: NodeJS.Timeout | undefined;
  let retryMs = RETRY_FIRST_MS;
  let stopped = false;
  let subscribed = false;

  function connect(): void {
    socket = new WebSocket(url);
    socket.addEventListener("open", () => {
      socket?.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] }));
      // A connection made anew in good time, so that no block falls between two of them unnoticed for long.
      timer = setTimeout(() => socket?.close(), renewAfterMs);
      timer.unref();
    });
    socket.addEventListener("message", (message) => {
      let answer: { id?: number; error?: { message?: string }; method?: string };
      try {
        answer = JSON.parse(String(message.data));
      } catch {
        logger.debug({ url: hostOf(url) }, "the node sent something that is not JSON over WebSocket");
        return;
      }
      if (answer.id === 1 && answer.error === undefined) {
        subscribed = true;
        retryMs = RETRY_FIRST_MS;
        // Blocks may have been made before the subscription stood.
        onHead();
      } else if (answer.error !== undefined) {
        logger.debug({ url: hostOf(url), reason: answer.error.message }, "the node offers no subscription");
        socket?.close();
      } else if (answer.method === "eth_subscription") {
        onHead();
      }
    });
    socket.addEventListener("error", () => logger.debug({ url: hostOf(url) }, "no WebSocket connection to the node"));
    socket.addEventListener("close", () => {
      clearTimeout(timer);
      const wasSubscribed = subscribed;
      subscribed = false;
      if (stopped) return;
      timer = setTimeout(connect, wasSubscribed ? 0 : retryMs);
      timer.unref();
      retryMs = Math.min(retryMs * 2, RETRY_LAST_MS);
    });
  }
  connect();

  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      socket?.close();
    },
    get subscribed() {
      return subscribed;
    },
  };
}

/** The endpoint without what may be a secret. */
function hostOf(url: string): string {
  return new URL(url).host;
}
