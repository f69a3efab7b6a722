// A shop that does not let go: each order is sent to one server or another, several times if it comes to that, until one of them has
// said yes or no.

import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../random.ts";
import type { Wish } from "./wishes.ts";

/** What a wish came to. */
export interface Fulfilment {
  wish: Wish;
  /** All answers that said yes, as they came. */
  answers: string[];
  /** Why it was refused; nothing if it was not. */
  refusal: { status: number; type: string; detail: string } | undefined;
}

interface Answer {
  status: number;
  text: string;
}

export interface ShopOptions {
  apiKey: string;
  /** Where servers are, or will be again. */
  urls: readonly string[];
  dice: Random;
  /** Nobody is to be waited for any longer. */
  signal: AbortSignal;
}

export interface Shop {
  fulfil(wish: Wish): Promise<Fulfilment>;
  close(): void;
}

const PATIENCE_MS = 20_000;

export function createShop({ apiKey, urls, dice, signal }: ShopOptions): Shop {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });

  function send(path: string, body: unknown, headers: Record<string, string>, patienceMs: number): Promise<Answer> {
    const text = JSON.stringify(body ?? {});
    return new Promise((resolve, reject) => {
      const outgoing = request(
        new URL(path, dice.pick(urls)),
        {
          method: "POST",
          agent,
          timeout: patienceMs,
          headers: {
            Authorization: `Bearer ${apiKey}`,
            "Content-Type": "application/json",
            "Content-Length": Buffer.byteLength(text),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
          );
        },
      );
      outgoing.on("timeout", () => outgoing.destroy(new Error("gave up waiting")));
      outgoing.on("error", reject);
      outgoing.end(text);
    });
  }

  /** Sends until there is an answer that means something. */
  async function insist(path: string, body: unknown, headers: Record<string, string>, firstPatienceMs?: number) {
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      const patience = attempt === 0 ? (firstPatienceMs ?? PATIENCE_MS) : PATIENCE_MS;
      const answer = await send(path, body, headers, patience).catch(() => undefined);
      if (answer !== undefined && answer.status < 500) return answer;
      // 500 would be a fault of ours, and retrying must not hide it.
      if (answer?.status === 500) throw new Error(`A server failed: ${answer.text}`);
      await sleep(dice.between(5, 150));
    }
  }

  async function place(wish: Wish): Promise<Answer[]> {
    const headers = { "Idempotency-Key": wish.key };
    return await Promise.all(
      Array.from({ length: wish.copies }, () => insist("/v1/orders", wish.body, headers, wish.patienceMs)),
    );
  }

  return {
    async fulfil(wish) {
      const answers = await place(wish);
      if (wish.repeats) answers.push(...(await place(wish)));
      const good = answers.filter(({ status }) => status === 201);
      const bad = answers.find(({ status }) => status !== 201);
      if (wish.cancelsAfterMs !== undefined && good[0] !== undefined) {
        await sleep(wish.cancelsAfterMs);
        const { id } = (JSON.parse(good[0].text) as { data: { id: string } }).data;
        const cancelled = await insist(`/v1/orders/${id}/cancel`, undefined, {});
        if (cancelled.status !== 200 && cancelled.status !== 409)
          throw new Error(`Cancelling answered ${cancelled.status}: ${cancelled.text}`);
      }
      return {
        wish,
        answers: good.map(({ text }) => text),
        refusal:
          bad === undefined
            ? undefined
            : { status: bad.status, ...(JSON.parse(bad.text) as { type: string; detail: string }) },
      };
    },
    close: () => agent.destroy(),
  };
}
