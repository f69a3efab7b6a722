// Orders of the real server on a real chain: how soon a card is there, how many a second, and what a rush on an edition meets.

import { setTimeout as sleep } from "node:timers/promises";
import { migrate } from "../../server/database/migrate.ts";
import { type IssuanceChain, openIssuanceChain } from "../../server/issuance/chain.ts";
import { issueCards } from "../../server/issuance/sender.ts";
import { type Bound, number, percentile } from "./measure.ts";
import { machineTime } from "./replay/server.ts";
import { type Bought, buy } from "./world/buyers.ts";
import type { DatabaseKind } from "./world/databases.ts";
import { type IssuingWorld, startIssuingWorld } from "./world/issuing.ts";
import { type BenchServer, startServer } from "./world/server.ts";

const EDITION = 1_000;
const ATTEMPTS = 50_000;
const RUSH_CONNECTIONS = 500;
const RATE_SECONDS = 20;
const RATE_CONNECTIONS = 64;
const LATENCY_ORDERS = 200;
const LATENCY_EVERY_MS = 130;
const LARGE = 1_000_000;

export async function benchOrders(kind: DatabaseKind): Promise<Bound[]> {
  const world = await startIssuingWorld();
  try {
    const database = await kind.create();
    await migrate(database.url);
    const server = await startServer({
      node: { url: world.rpcUrl, registry: world.deployment.registry },
      databaseUrl: database.url,
      dataFolder: world.dataFolder,
      finalityDepth: 0,
    });
    try {
      await server.ready();
      const apiKey = await world.apiKey(database.url);
      const shop = { world, server, apiKey, name: kind.name };
      const bounds = [await latency(shop), ...(await rate(shop)), ...(await rush(shop))];
      return bounds;
    } finally {
      await server.stop();
    }
  } finally {
    await world.stop();
  }
}

interface Shop {
  world: IssuingWorld;
  server: BenchServer;
  apiKey: string;
  name: string;
}

/** From the answer to an order to its card in the API, while a block is sealed each second. */
async function latency({ world, server, apiKey, name }: Shop): Promise<Bound> {
  await world.createCollection("noirance-latency", LARGE);
  await known(server, "noirance-latency");
  await world.sealEvery(1);
  const seen = new Map<number, number>();
  let looking = true;
  const looker = (async () => {
    for (let next = 1; looking; ) {
      const { status } = await server.get(`/v1/collections/latency/cards/${next}`);
      if (status === 200) seen.set(next++, machineTime());
      else await sleep(10);
    }
  })();
  const bought = await buy({
    url: server.url,
    apiKey,
    item: { collection: "noirance-latency", tier: 1, term: "P1Y" },
    connections: 20,
    orders: LATENCY_ORDERS,
    everyMs: LATENCY_EVERY_MS,
    prefix: "latency",
  });
  await server.until("/v1/collections/noirance-latency", ({ body }) => body.data.issuedCount === LATENCY_ORDERS);
  await sleep(1_000);
  looking = false;
  await looker;
  const times = bought.map(({ answeredAt, serials }) => (seen.get(serials[0] ?? 0) ?? Number.NaN) - answeredAt);
  const [p50, p95, max] = [0.5, 0.95, 1].map((share) => percentile(times, share)) as [number, number, number];
  return {
    what: `${LATENCY_ORDERS} orders, one every ${LATENCY_EVERY_MS} ms, a block each second, ${name}: order accepted → card in the API, p50 / p95 / max`,
    bound: "p95 ≤ 2.5 s",
    measured: [p50, p95, max].map((value) => `${(value / 1000).toFixed(2)} s`).join(" / "),
    holds: p95 <= 2_500,
  };
}

/** Cards a second from the first order to the last card in the mirror, beside what the chain takes if cards are all it is given. */
async function rate({ world, server, apiKey, name }: Shop): Promise<Bound[]> {
  const collection = await world.createCollection("noirance-rate", LARGE);
  const ceilingCollection = await world.createCollection("noirance-ceiling", LARGE);
  await known(server, "noirance-rate");
  await known(server, "noirance-ceiling");
  await world.sealEvery(1);
  const startedAt = machineTime();
  const bought = await buy({
    url: server.url,
    apiKey,
    item: { collection: "noirance-rate", tier: 1, term: "P1Y" },
    connections: RATE_CONNECTIONS,
    seconds: RATE_SECONDS,
    prefix: "rate",
  });
  const accepted = bought.filter(({ status }) => status === 201).length;
  expectAll(bought, accepted);
  const doneAt = await server.until("/v1/collections/noirance-rate", ({ body }) => body.data.issuedCount === accepted);
  const perSecond = (accepted / (doneAt - startedAt)) * 1000;
  const acceptedPerSecond = accepted / RATE_SECONDS;
  void collection;

  const chain = await openIssuanceChain({ rpcUrl: world.rpcUrl, registry: () => world.deployment.registry });
  const ceiling = await ceilingOf(chain, ceilingCollection, world, accepted);
  const share = perSecond / ceiling;
  return [
    {
      what: `orders of one card each over ${RATE_CONNECTIONS} connections for ${RATE_SECONDS} s, a block each second, ${name}: cards a second from the first order to the last card in the mirror (${number(acceptedPerSecond)} orders/s accepted; the command issues ${number(ceiling)} cards/s on the same chain)`,
      bound: "≥ 300, or ≥ 80 % of the chain",
      measured: `${number(perSecond)} (${number(share * 100)} %)`,
      holds: perSecond >= 300 || share >= 0.8,
    },
  ];
}

/** What one key's transactions get through on this chain, one after the other as the command for spreadsheets sends them. */
async function ceilingOf(
  chain: IssuanceChain,
  address: string,
  { keys, rpc }: IssuingWorld,
  most: number,
): Promise<number> {
  try {
    const collection = await chain.collection(address);
    await rpc.call("evm_setAutomine", [true]);
    const count = Math.min(most, 6_000);
    const cards = Array.from({ length: count }, (_, index) => ({
      line: index + 1,
      serial: index + 1,
      holder: keys.issuer.address,
      tier: 1,
      expiresAt: 0,
    }));
    const startedAt = machineTime();
    await issueCards({ chain, collection, keys, maxCards: 200 }, cards);
    return (count / (machineTime() - startedAt)) * 1000;
  } finally {
    chain.close();
  }
}

/** Everybody wants a card of an edition that has far too few. */
async function rush({ world, server, apiKey, name }: Shop): Promise<Bound[]> {
  await world.createCollection("noirance-rush", EDITION);
  await known(server, "noirance-rush");
  await world.sealEvery(1);
  const startedAt = machineTime();
  const bought = await buy({
    url: server.url,
    apiKey,
    item: { collection: "noirance-rush", tier: 1, term: null },
    connections: RUSH_CONNECTIONS,
    orders: ATTEMPTS,
    prefix: "rush",
  });
  const seconds = (machineTime() - startedAt) / 1000;
  const sold = bought.filter(({ status }) => status === 201);
  const refused = bought.filter(({ status }) => status === 409);
  expectAll(bought, sold.length + refused.length);
  const unique = new Set(sold.flatMap(({ serials }) => serials)).size;
  const times = refused.map(({ sentAt, answeredAt }) => answeredAt - sentAt);
  const p99 = percentile(times, 0.99);
  await server.until("/v1/collections/noirance-rush", ({ body }) => body.data.issuedCount === EDITION);
  const what = `${number(ATTEMPTS)} attempts over ${RUSH_CONNECTIONS} connections at an edition of ${number(EDITION)}, ${name}`;
  return [
    {
      what: `${what}: unique serials sold, and then on the chain`,
      bound: `exactly ${number(EDITION)}`,
      measured: `${number(unique)} of ${number(sold.length)} orders`,
      holds: unique === EDITION && sold.length === EDITION,
    },
    {
      what: `${what}: refusals, p50 / p99 (${number(bought.length / seconds)} answers/s)`,
      bound: "p99 ≤ 250 ms",
      measured: `${number(percentile(times, 0.5))} / ${number(p99)} ms`,
      holds: p99 <= 250,
    },
  ];
}

function expectAll(bought: readonly Bought[], good: number): void {
  if (good === bought.length) return;
  const counts = Object.entries(Object.groupBy(bought, ({ status }) => status)).map(
    ([status, some]) => `${some?.length} × ${status}`,
  );
  throw new Error(`Some orders were neither placed nor refused in order: ${counts.join(", ")}`);
}

/** Waits until the server knows a collection. */
async function known(server: BenchServer, slug: string): Promise<void> {
  await server.until(`/v1/collections/${slug}`, ({ status }) => status === 200);
}
