// Answers that are longer than memory, or that go on for as long as somebody listens.

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Response } from "express";

/**
 * Sends pieces as fast as they are taken, and stops making them when nobody takes them any more. What fails on the way breaks the
 * connection, so that nobody takes a part for the whole.
 */
export async function sendPieces(response: Response, pieces: AsyncIterable<Uint8Array | string>): Promise<void> {
  const closed = once(response, "close");
  for await (const piece of pieces) {
    if (response.destroyed) return;
    if (!response.write(piece)) await Promise.race([once(response, "drain"), closed]);
  }
  response.end();
}

/** Something that changes, as it is now. */
export interface Snapshot {
  /** Another one for each change. */
  revision: number;
  data: unknown;
  /** Nothing will change any more. */
  ended: boolean;
}

export interface EventsOptions {
  /** The name of the events. */
  name: string;
  /** Nothing if it is gone. */
  read(): Promise<Snapshot | undefined>;
  /** How often it is looked for a change. */
  intervalMs: number;
  /** After so long without a change a comment shows that the connection lives. */
  heartbeatMs: number;
}

/**
 * Sends server-sent events (HTML Living Standard, 9.2): first how things are, then each change, until nothing changes any more.
 * Whoever connects again begins with how things are then, so no change is missed.
 */
export async function sendEvents(response: Response, options: EventsOptions): Promise<void> {
  const { name, read, intervalMs, heartbeatMs } = options;
  const closing = new AbortController();
  response.once("close", () => closing.abort());
  // Proxies that collect answers would hold the events back.
  response.set({ "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" });
  response.flushHeaders();
  let revision: number | undefined;
  let sentAt = performance.now();
  const send = (text: string) => {
    response.write(text);
    sentAt = performance.now();
  };
  while (!closing.signal.aborted) {
    const snapshot = await read();
    if (snapshot === undefined) break;
    if (snapshot.revision !== revision) {
      revision = snapshot.revision;
      send(`event: ${name}\nid: ${revision}\ndata: ${JSON.stringify(snapshot.data)}\n\n`);
    } else if (performance.now() - sentAt > heartbeatMs) {
      send(": still here\n\n");
    }
    if (snapshot.ended) {
      send("event: end\ndata: {}\n\n");
      break;
    }
    await sleep(intervalMs, undefined, { signal: closing.signal }).catch(() => {});
  }
  response.end();
}
