// How often each client has asked in its minute. The library's own store measures with the wall clock, which may be set back by days, and
// would refuse a client for as long.

import type { Store } from "express-rate-limit";

/** @param steady The steady clock. */
export function createRequestCounts(windowMs: number, steady: () => number): Store {
  const clients = new Map<string, { hits: number; endsAt: number }>();
  let prunedAt = steady();

  function prune(): void {
    if (steady() - prunedAt < windowMs) return;
    prunedAt = steady();
    for (const [key, { endsAt }] of clients) if (endsAt <= prunedAt) clients.delete(key);
  }

  return {
    localKeys: true,
    increment(key) {
      prune();
      const known = clients.get(key);
      const client = known === undefined || known.endsAt <= steady() ? { hits: 0, endsAt: steady() + windowMs } : known;
      client.hits++;
      clients.set(key, client);
      return { totalHits: client.hits, resetTime: new Date(Date.now() + client.endsAt - steady()) };
    },
    decrement(key) {
      const client = clients.get(key);
      if (client !== undefined && client.hits > 0) client.hits--;
    },
    resetKey: (key) => void clients.delete(key),
  };
}
