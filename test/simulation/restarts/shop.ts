// A shop that wants cards all the time, and sends each order until it has been answered, whatever becomes of the server meanwhile.

import { setTimeout as sleep } from "node:timers/promises";

export interface PlacedOrder {
  key: string;
  id: string;
  /** What it was answered with first. */
  text: string;
}

export interface RestartShop {
  readonly placed: readonly PlacedOrder[];
  /** What should not have been answered. */
  readonly wrong: string[];
  /** Wants no more orders, and waits until those that it wants are answered. */
  finish(): Promise<void>;
  /** Sends every order again. */
  repeatAll(): Promise<void>;
}

const PATIENCE_MS = 10_000;
/** Orders that are under way at the same time. */
const TILLS = 3;

export function startShop(options: {
  url: string;
  apiKey: string;
  collection: string;
  seed: number;
  /** How many cards there are to sell. */
  most: number;
  pauseMs: number;
}): RestartShop {
  const { url, apiKey, collection, seed, most, pauseMs } = options;
  const placed: PlacedOrder[] = [];
  const wrong: string[] = [];
  let wanted = 0;
  let closed = false;

  async function send(key: string, number: number): Promise<{ status: number; text: string } | undefined> {
    const body = {
      customer: { reference: `RESTART-${seed}-${number}` },
      items: [{ collection, tier: 1, term: "P1Y" }],
    };
    try {
      const response = await fetch(`${url}/v1/orders`, {
        method: "POST",
        headers: { authorization: `Bearer ${apiKey}`, "idempotency-key": key, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      return { status: response.status, text: await response.text() };
    } catch {
      return undefined; // Nobody is there, or nobody answers.
    }
  }

  async function insist(key: string, number: number): Promise<string | undefined> {
    for (;;) {
      const answer = await send(key, number);
      if (answer?.status === 201) return answer.text;
      // 503 is what a full disk and a chain that is away are answered with; 429 asks for patience.
      if (answer !== undefined && answer.status !== 503 && answer.status !== 429) {
        wrong.push(`${key} was answered ${answer.status}: ${answer.text}`);
        if (answer.status < 500) return undefined;
      }
      await sleep(50);
    }
  }

  const idOf = (text: string) => (JSON.parse(text) as { data: { id: string } }).data.id;

  async function till(): Promise<void> {
    while (!closed && wanted < most) {
      const number = ++wanted;
      const key = `restart-${seed}-${number}`;
      const text = await insist(key, number);
      if (text !== undefined) placed.push({ key, id: idOf(text), text });
      await sleep(pauseMs);
    }
  }
  const tills = Array.from({ length: TILLS }, till);

  return {
    placed,
    wrong,
    async finish() {
      closed = true;
      await Promise.all(tills);
    },
    async repeatAll() {
      for (const { key, id, text } of placed) {
        const again = await insist(key, Number(key.split("-").at(-1)));
        if (again === undefined || idOf(again) !== id)
          wrong.push(`${key}, sent again, came to another order: ${again} for ${text}`);
      }
    },
  };
}
