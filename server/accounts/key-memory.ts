// What is known of API keys, so that a checkout that asks hundreds of times a second costs the database nothing. Must hold: a key that
// was revoked stops working at once in this process and within seconds in others.

import type { Logger } from "pino";
import type { Database } from "../database/client.ts";
import { findApiKey } from "./api-keys.ts";
import type { BrandPrincipal } from "./principal.ts";

/** For how long an answer is believed: so long may a revoked key still work in another server process. */
const BELIEVED_MS = 5_000;
const MOST_REMEMBERED = 10_000;
/** How often it is written down when keys were used last. */
const WRITE_EVERY_MS = 60_000;

export interface KeyMemory {
  /** Whom a key stands for; nobody if it does not count. */
  principalOf(key: string): Promise<BrandPrincipal | undefined>;
  /** Forgets all keys, after one was changed. */
  forget(): void;
  /** Writes down when keys were used last. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface KeyMemoryOptions {
  /** Where keys are looked up. */
  database: Database;
  /** Where their use is written to: the connection for application tables. */
  application: Database;
  logger: Logger;
  /** The wall clock, in milliseconds. */
  now(): number;
  /** The steady clock. */
  steady(): number;
}

interface Memory {
  principal: Promise<BrandPrincipal | undefined>;
  /** Until when it is believed, by the steady clock. */
  until: number;
  /** When the key ends, by the wall clock. */
  expiresAt: number;
}

export function createKeyMemory({ database, application, logger, now, steady }: KeyMemoryOptions): KeyMemory {
  let remembered = new Map<string, Memory>();
  let used = new Map<string, number>();

  function lookUp(key: string): Promise<BrandPrincipal | undefined> {
    const memory = remembered;
    // Remembered while it is looked up: of many requests with a new key one asks the database.
    const entry: Memory = {
      until: steady() + BELIEVED_MS,
      expiresAt: Number.POSITIVE_INFINITY,
      principal: Promise.resolve(undefined),
    };
    entry.principal = findApiKey(database, key, now()).then(
      (found) => {
        if (found === undefined) return undefined;
        const { expiresAt, ...principal } = found;
        if (expiresAt !== undefined) entry.expiresAt = expiresAt;
        return principal;
      },
      (error) => {
        if (memory.get(key) === entry) memory.delete(key);
        throw error;
      },
    );
    // Whoever sends made-up keys must not make it grow for ever.
    if (memory.size >= MOST_REMEMBERED) memory.clear();
    memory.set(key, entry);
    return entry.principal;
  }

  async function flush(): Promise<void> {
    const uses = used;
    used = new Map();
    for (const [id, lastUsedAt] of uses) {
      // Another server process may have seen a later use.
      await application.apiKey.updateMany({
        where: { id, OR: [{ lastUsedAt: null }, { lastUsedAt: { lt: lastUsedAt } }] },
        data: { lastUsedAt },
      });
    }
  }
  // Nobody is kept waiting, nor kept from ending, by what only says when a key was used.
  async function tryFlush(): Promise<void> {
    await flush().catch((error: unknown) =>
      logger.warn({ err: error }, "the last use of API keys was not written down"),
    );
  }
  const timer = setInterval(tryFlush, WRITE_EVERY_MS);
  timer.unref();

  return {
    async principalOf(key) {
      const known = remembered.get(key);
      const isBelieved = known !== undefined && known.until > steady() && known.expiresAt > now();
      const principal = await (isBelieved ? known.principal : lookUp(key));
      if (principal !== undefined) used.set(principal.id, now());
      return principal;
    },
    forget() {
      remembered = new Map();
    },
    flush,
    async close() {
      clearInterval(timer);
      await tryFlush();
    },
  };
}
