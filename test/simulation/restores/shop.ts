// A shop that takes down what it has sent and what was answered, and sends all of it again when it is asked to.

import { setTimeout as sleep } from "node:timers/promises";
import type { Wish } from "./wishes.ts";

/** A card of an order, as the API tells. */
export interface OrderedCard {
  collection: { address: string };
  serial: number;
  state: string;
  matched: boolean;
}

export interface ShownOrder {
  id: string;
  state: string;
  cards: OrderedCard[];
  failure: { detail: string } | null;
}

export interface Shop {
  /** All that was ever wanted, and the order that the last answer named. */
  readonly wishes: ReadonlyMap<Wish, string | undefined>;
  /** Sends a wish once, to whichever server; nobody may answer. */
  send(wish: Wish): Promise<void>;
  /** Sends everything again, until it is answered. */
  sendAllAgain(): Promise<void>;
  order(id: string): Promise<ShownOrder>;
}

const AT_ONCE = 12;
const PATIENCE_MS = 60_000;

export function createShop({ apiKey, url }: { apiKey: string; url(): string }): Shop {
  const wishes = new Map<Wish, string | undefined>();
  const headers = { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" };

  /** Whether there was an answer that means something. */
  async function attempt(wish: Wish): Promise<boolean> {
    const { key, ...body } = wish;
    const answer = await fetch(`${url()}/v1/orders`, {
      method: "POST",
      headers: { ...headers, "Idempotency-Key": key },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    }).catch(() => undefined);
    if (answer === undefined) return false;
    const text = await answer.text().catch(() => undefined);
    if (text === undefined || answer.status === 503 || answer.status === 429) return false;
    if (answer.status !== 201) throw new Error(`${key} was answered ${answer.status}: ${text}`);
    wishes.set(wish, (JSON.parse(text) as { data: { id: string } }).data.id);
    return true;
  }

  return {
    wishes,
    async send(wish) {
      wishes.set(wish, wishes.get(wish));
      await attempt(wish);
    },
    async sendAllAgain() {
      const left = [...wishes.keys()];
      const deadline = performance.now() + PATIENCE_MS;
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          for (let wish = left.shift(); wish !== undefined; wish = left.shift()) {
            while (!(await attempt(wish))) {
              if (performance.now() > deadline) throw new Error(`${wish.key} is answered by nobody`);
              await sleep(50);
            }
          }
        }),
      );
    },
    async order(id) {
      const answer = await fetch(`${url()}/v1/orders/${id}`, { headers });
      if (answer.status !== 200) throw new Error(`${id} is answered ${answer.status}: ${await answer.text()}`);
      return ((await answer.json()) as { data: ShownOrder }).data;
    },
  };
}
