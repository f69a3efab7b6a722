// Ordinary traffic at one server: orders, checks of cards, pages, what customers are entitled to, redemptions, webhooks. What is done
// next follows from a seed; how fast it is answered, from the machine.

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "../../test/simulation/random.ts";

export interface TrafficOptions {
  url: string;
  apiKey: string;
  /** A collection whose tier 1 has the benefit. */
  collection: string;
  benefit: number;
  dice: Random;
}

export interface Traffic {
  /** How many answers there were, by what was asked and the status. */
  readonly answers: Map<string, number>;
  /** The orders that were accepted. */
  readonly orders: readonly string[];
  /** How many webhooks have come in. */
  webhooks(): number;
  stop(): Promise<void>;
}

/** What people do, and how often each does it, in milliseconds on average. */
const ORDER_EVERY_MS = 400;
const LOOK_EVERY_MS = 60;
const REDEEM_EVERY_MS = 1_500;
const CUSTOMERS = 200;
/** One receiver in so many is out of order for a moment, as receivers are. */
const RECEIVER_FAILS = 0.01;

export async function startTraffic(options: TrafficOptions): Promise<Traffic> {
  const { url, apiKey, collection, benefit, dice } = options;
  const answers = new Map<string, number>();
  const orders: string[] = [];
  const cards: { customer: string; serial: number }[] = [];
  const ending = new AbortController();
  let received = 0;

  async function ask(what: string, path: string, init: { body?: unknown; key?: string; method?: string } = {}) {
    const { body, key, method = body === undefined ? "GET" : "POST" } = init;
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(key === undefined ? {} : { "Idempotency-Key": key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const name = `${what} ${response.status}`;
    answers.set(name, (answers.get(name) ?? 0) + 1);
    return { status: response.status, text };
  }

  /** Does something again and again, as unevenly as people do. */
  async function repeat(everyMs: number, own: Random, act: (dice: Random, count: number) => Promise<void>) {
    for (let count = 0; !ending.signal.aborted; count++) {
      await sleep(-Math.log(1 - own.next()) * everyMs, undefined, { signal: ending.signal }).catch(() => undefined);
      if (ending.signal.aborted) return;
      await act(own, count).catch((error: Error) => {
        const name = `broken off: ${error.message}`;
        answers.set(name, (answers.get(name) ?? 0) + 1);
      });
    }
  }

  const anyCard = (own: Random) => (cards.length === 0 ? undefined : own.pick(cards));
  const anyCustomer = (own: Random) => `customer-${own.below(CUSTOMERS)}`;

  async function order(own: Random, count: number): Promise<void> {
    const customer = anyCustomer(own);
    const quantity = own.weighted([
      [8, 1],
      [1, 2],
      [1, 5],
    ] as const);
    // One in five has a wallet of their own.
    const holder = own.chance(0.2) ? `0x${createHash("sha1").update(customer).digest("hex")}` : undefined;
    const body = {
      customer: { reference: holder === undefined ? customer : `${customer}-own`, ...(holder && { holder }) },
      items: [{ collection, tier: 1, term: "P1Y", quantity }],
    };
    const key = `soak-${count}`;
    const { status, text } = await ask("order", "/v1/orders", { body, key });
    if (status !== 201) return;
    const { data } = JSON.parse(text) as { data: { id: string } };
    orders.push(data.id);
    const serials = [...text.matchAll(/"serial":(\d+)/g)].map(([, serial]) => Number(serial));
    if (holder === undefined) cards.push(...serials.map((serial) => ({ customer, serial })));
    // Shops that are not sure ask again.
    if (own.chance(0.05)) await ask("order again", "/v1/orders", { body, key });
  }

  async function look(own: Random): Promise<void> {
    const serial = anyCard(own)?.serial ?? 1;
    await own.weighted<() => Promise<unknown>>([
      [6, () => ask("verify", `/v1/verify/${collection}/${serial}`)],
      [4, () => ask("page", `/v/${collection}/${serial}`)],
      [2, () => ask("card", `/v1/collections/${collection}/cards/${serial}`)],
      [2, () => ask("cards", `/v1/collections/${collection}/cards?limit=50`)],
      [3, () => ask("entitlements", `/v1/customers/${anyCustomer(own)}/entitlements`)],
      [1, () => ask("orders", "/v1/orders?limit=20")],
      [1, () => ask("ready", "/ready")],
    ])();
  }

  async function redeem(own: Random, count: number): Promise<void> {
    const card = anyCard(own);
    if (card === undefined) return;
    const body = { customer: card.customer, collection, serial: card.serial, benefit };
    const held = await ask("reserve", "/v1/redemptions", { body, key: `redeem-${count}` });
    if (held.status !== 201) return;
    const { id } = (JSON.parse(held.text) as { data: { id: string } }).data;
    const end = own.chance(0.8) ? "confirm" : "release";
    await ask(end, `/v1/redemptions/${id}/${end}`, { body: {} });
  }

  const receiverDice = dice.fork("receiver");
  const receiver = createServer((request, response) => {
    request.resume();
    received++;
    response.writeHead(receiverDice.chance(RECEIVER_FAILS) ? 500 : 204).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const { port } = receiver.address() as AddressInfo;
  const body = { url: `http://127.0.0.1:${port}/hooks`, events: ["card.*", "order.*"] };
  const made = await ask("endpoint", "/v1/webhook-endpoints", { body, key: "soak-endpoint" });
  if (made.status !== 201) throw new Error(`The webhook endpoint was not made: ${made.text}`);

  const running = [
    repeat(ORDER_EVERY_MS, dice.fork("orders"), order),
    repeat(LOOK_EVERY_MS, dice.fork("looks"), look),
    repeat(REDEEM_EVERY_MS, dice.fork("redemptions"), redeem),
  ];
  return {
    answers,
    orders,
    webhooks: () => received,
    async stop() {
      ending.abort();
      await Promise.all(running);
      receiver.closeAllConnections();
      await new Promise((resolve) => receiver.close(resolve));
    },
  };
}
