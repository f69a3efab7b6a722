import type { BenchServer } from "./server.ts";

/** How long a client waits before it asks again whether something has come, in milliseconds. */
export const GAP_MS = 1;

/** Resolves with the time when the server's mirror was first at a block and ready. */
export function untilAt(server: BenchServer, block: number, hash?: string): Promise<number> {
  return server.until(
    "/ready",
    ({ status, body }) => {
      const indexed = body?.mirror?.indexed;
      return status === 200 && indexed?.number === block && (hash === undefined || indexed.hash === hash);
    },
    GAP_MS,
  );
}
