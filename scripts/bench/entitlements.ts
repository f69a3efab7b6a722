// How fast a basket is checked when the mirror is large: customers at random of as many as there are holders, the largest discount of their
// cards, what is left of it. Beside it, what the same server takes for a question that needs no database.

import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import autocannon from "autocannon";
import { createApiKey } from "../../server/accounts/api-keys.ts";
import { type Database, dialectOf, openDatabase } from "../../server/database/client.ts";
import { Prisma } from "../../server/database/generated/sqlite/client.ts";
import { type Bound, format, number, percentile, summarize } from "./measure.ts";
import type { DatabaseKind } from "./world/databases.ts";
import { fillMirror } from "./world/mirror.ts";

export interface EntitlementsOptions {
  cards: number;
  progress(text: string): void;
}

const ROUNDS = 3;
const SECONDS = 5;
const CONNECTIONS = 50;
/** Baskets of each connection, asked for again and again: far more than any memory of the server's has room for, together. */
const BASKETS_PER_CONNECTION = 2_000;
/** As many as a large shop has at its busiest, each second; what a check takes then is what a customer waits. */
const STEADY_RATE = 1_000;
const RATE_BOUND = 3_000;
const P99_BOUND_MS = 25;
const BRAND_ID = 1;
const BENEFIT_ID = 1;

export async function benchEntitlements(
  kind: DatabaseKind,
  { cards, progress }: EntitlementsOptions,
): Promise<Bound[]> {
  const mirror = await fillMirror(kind, { cards });
  try {
    progress("  customers …");
    const application = await openDatabase(mirror.database.url, { application: true });
    const customers = await enterCustomers(application);
    // What PostgreSQL does by itself some minutes after so much was written: not while it is measured.
    if (dialectOf(application).provider === "postgresql") await application.$executeRawUnsafe("VACUUM ANALYZE");
    const options = { brandId: BRAND_ID, role: "staff", name: "bench", createdBy: "bench", now: Date.now() } as const;
    const { key } = await createApiKey(application, options);
    await application.$disconnect();
    const server = await mirror.start({ settings: { KEY_RATE_LIMIT_PER_MINUTE: "0" } });
    try {
      await server.ready();
      const load = (more: Partial<autocannon.Options>) => ask(server.url, key, customers, more);
      progress("  checks …");
      await expectDiscounts(server.url, key, customers);
      await load({ duration: SECONDS });
      const fastest: Outcome[] = [];
      const steady: Outcome[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const before = server.processorSeconds();
        const outcome = await load({ duration: SECONDS });
        fastest.push({ ...outcome, cores: (server.processorSeconds() - before) / SECONDS });
        steady.push(await askSteadily(server.url, key, customers));
      }
      const rate = summarize(fastest.map((outcome) => outcome.rate));
      const cores = summarize(fastest.map((outcome) => outcome.cores ?? Number.NaN));
      const p99 = summarize(steady.map((outcome) => outcome.p99));
      const crowded = summarize(fastest.map((outcome) => outcome.p99));
      const what = `${number(cards)} cards, ${number(customers)} customers, ${kind.name}`;
      return [
        {
          what: `checks a second, ${CONNECTIONS} connections, ${what}; the server has ${format(cores, 1)} of the two cores`,
          bound: `≥ ${number(RATE_BOUND)}`,
          measured: format(rate),
          holds: rate.median >= RATE_BOUND,
        },
        {
          what: `p99 of a check at ${number(STEADY_RATE)} a second, ${kind.name}`,
          bound: `≤ ${P99_BOUND_MS} ms`,
          measured: `${format(p99)} ms`,
          holds: p99.median <= P99_BOUND_MS,
        },
        {
          what: `p99 of a check with ${CONNECTIONS} connections that ask as fast as they can, ${kind.name}`,
          bound: `≤ ${P99_BOUND_MS} ms`,
          measured: `${format(crowded)} ms`,
          holds: crowded.median <= P99_BOUND_MS,
        },
      ];
    } finally {
      await server.stop();
    }
  } finally {
    await mirror.close();
  }
}

/** Each holder becomes a customer, `CRM-` and a number from 1 on; and the benefit of the cards a discount. Returns how many there are. */
async function enterCustomers(application: Database): Promise<number> {
  await application.$executeRaw(Prisma.sql`
    INSERT INTO "Customer" ("id", "brandId", "reference", "holder", "createdAt")
    SELECT 'cus_' || n, ${BRAND_ID}, 'CRM-' || n, "holder", 0
    FROM (SELECT "holder", ROW_NUMBER() OVER (ORDER BY "holder") AS n FROM (SELECT DISTINCT "holder" FROM "Card") AS h) AS h`);
  const collections = await application.collection.findMany({ select: { address: true } });
  for (const { address } of collections) {
    await application.benefitRule.create({
      data: {
        ...{
          collectionAddress: address,
          benefitId: BENEFIT_ID,
          brandId: BRAND_ID,
          kind: "discount",
          basisPoints: 1_000,
        },
        ...{ name: "Member price", products: JSON.stringify(["category:tea"]), updatedAt: 0 },
      },
    });
  }
  return await application.customer.count();
}

interface Outcome {
  rate: number;
  p99: number;
  cores?: number;
}

const LINES = [
  { id: "1", product: "SKU-1", categories: ["tea", "gifts"], quantity: 2, unitPrice: 4_800 },
  { id: "2", product: "SKU-2", categories: ["cups"], unitPrice: 12_000 },
  { id: "3", product: "SKU-3", unitPrice: 99 },
];

function basketOf(customer: number): string {
  return JSON.stringify({ customer: `CRM-${customer}`, lines: LINES });
}

async function ask(url: string, key: string, customers: number, more: Partial<autocannon.Options>): Promise<Outcome> {
  const result = await autocannon({
    url: `${url}/v1/entitlements/check`,
    method: "POST",
    connections: CONNECTIONS,
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    setupClient(client) {
      const baskets = Array.from({ length: BASKETS_PER_CONNECTION }, () => 1 + Math.floor(Math.random() * customers));
      client.setRequests(baskets.map((customer) => ({ method: "POST" as const, body: basketOf(customer) })));
    },
    ...more,
  });
  const bad = result.non2xx + result.errors + result.timeouts;
  if (bad > 0) throw new Error(`${bad} of ${result.requests.total} checks failed: the rate would mean nothing`);
  return { rate: result.requests.average, p99: result.latency.p99 };
}

/** Checks that come in their own time, whatever becomes of those before; how long the slowest of a hundred takes. */
async function askSteadily(url: string, key: string, customers: number): Promise<Outcome> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const took: number[] = [];
  const open: Promise<void>[] = [];
  const begun = performance.now();
  const until = begun + SECONDS * 1_000;
  for (let sent = 0; performance.now() < until; ) {
    const due = Math.floor(((performance.now() - begun) * STEADY_RATE) / 1_000);
    for (; sent < due; sent++) open.push(askOnce(url, key, customers, agent, took));
    await sleep(1);
  }
  await Promise.all(open);
  agent.destroy();
  return { rate: took.length / SECONDS, p99: percentile(took, 0.99) };
}

function askOnce(url: string, key: string, customers: number, agent: Agent, took: number[]): Promise<void> {
  const body = basketOf(1 + Math.floor(Math.random() * customers));
  const headers = {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    Authorization: `Bearer ${key}`,
  };
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/v1/entitlements/check`, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.on("error", reject);
      response.on("end", () => {
        if (response.statusCode !== 200) return reject(new Error(`A check was answered with ${response.statusCode}`));
        took.push(performance.now() - begun);
        resolve();
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** Throws unless most customers have their discount: answers that nobody is anybody would be quick. */
async function expectDiscounts(url: string, key: string, customers: number): Promise<void> {
  let discounts = 0;
  const asked = 100;
  for (let index = 0; index < asked; index++) {
    const response = await fetch(`${url}/v1/entitlements/check`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
      body: basketOf(1 + Math.floor(Math.random() * customers)),
    });
    const { data } = (await response.json()) as { data: { discountTotal: number; member: boolean } };
    if (data.member && data.discountTotal === 960) discounts++;
  }
  if (discounts < asked * 0.8) throw new Error(`Only ${discounts} of ${asked} customers get their discount`);
}
