// The real system under ordinary traffic, watched by Prometheus with our rules: no alarm may fire. Chain, server, database, receiver
// of webhooks and Prometheus are processes of their own, as an operator has them.

import { setTimeout as sleep } from "node:timers/promises";
import { Contract, JsonRpcProvider } from "ethers";
import { membershipCollectionInterface } from "../../server/chain/abi.ts";
import { migrate } from "../../server/database/migrate.ts";
import { createRandom } from "../../test/simulation/random.ts";
import type { DatabaseKind } from "../bench/world/databases.ts";
import { type IssuingWorld, startIssuingWorld } from "../bench/world/issuing.ts";
import { startServer } from "../bench/world/server.ts";
import { startPrometheus } from "./prometheus.ts";
import { startTraffic, type Traffic } from "./traffic.ts";

export interface SoakOptions {
  minutes: number;
  seed: number;
  kind: DatabaseKind;
  onProgress(text: string): void;
}

export interface SoakOutcome {
  /** Alarms that fired, and those that were about to, with for how many seconds they were seen so. */
  fired: Record<string, number>;
  pending: Record<string, number>;
  /** What else is wrong with the run; nothing if all is well. */
  wrong: string[];
  answers: Record<string, number>;
  orders: number;
  webhooks: number;
  scrapes: number;
}

const SCRAPE_S = 5;
const BENEFIT = 1;
/** Each card may use it so often: people come again. */
const QUOTA = 1_000;
const SETTLE_MS = 60_000;

export async function soak({ minutes, seed, kind, onProgress }: SoakOptions): Promise<SoakOutcome> {
  const world = await startIssuingWorld();
  const database = await kind.create();
  const ending: (() => Promise<void>)[] = [() => database.drop(), () => world.stop()];
  try {
    await migrate(database.url);
    await prepareChain(world);
    const server = await startServer({
      node: { url: world.rpcUrl, registry: world.deployment.registry },
      databaseUrl: database.url,
      dataFolder: world.dataFolder,
      settings: { KEY_RATE_LIMIT_PER_MINUTE: "0", LOG_LEVEL: process.env["SOAK_LOG_LEVEL"] ?? "error" },
    });
    ending.unshift(() => server.stop());
    await server.ready();
    await server.until("/v1/collections/noirance-soak", ({ status }) => status === 200);
    const apiKey = await world.apiKey(database.url);
    const prometheus = await startPrometheus({ mintmark: server.url }, SCRAPE_S);
    ending.unshift(() => prometheus.stop());
    const traffic = await startTraffic({
      ...{ url: server.url, apiKey, collection: "noirance-soak", benefit: BENEFIT },
      dice: createRandom(seed),
    });
    let over = false;
    ending.unshift(async () => {
      if (!over) await traffic.stop();
    });

    for (let minute = 1; minute <= Math.ceil(minutes); minute++) {
      await sleep(Math.min(1, minutes - (minute - 1)) * 60_000);
      const firing = await prometheus.firing();
      const state = firing.length === 0 ? "no alarm" : `FIRING: ${firing.join(", ")}`;
      onProgress(`minute ${minute}: ${traffic.orders.length} orders, ${traffic.webhooks()} webhooks, ${state}`);
    }
    await traffic.stop();
    over = true;
    const wrong = await settle(server.get, traffic, apiKey, server.url);
    // The last look of the rules, at what was last scraped.
    await sleep(2 * SCRAPE_S * 1_000);
    const range = `${Math.ceil(minutes * 60) + SETTLE_MS / 1_000 + 60}s`;
    const seen = async (state: string) =>
      Object.fromEntries(
        (
          await prometheus.query(
            `max by (alertname) (count_over_time(ALERTS{alertstate="${state}"}[${range}])) * ${SCRAPE_S}`,
          )
        ).map(({ labels, value }) => [labels["alertname"] ?? "", value]),
      );
    const [scraped] = await prometheus.query(`sum(sum_over_time(up{job="mintmark"}[${range}]))`);
    const scrapes = scraped?.value ?? 0;
    // Otherwise no alarm would mean nothing.
    if (scrapes < (minutes * 60 * 0.8) / SCRAPE_S) wrong.push(`Prometheus has scraped only ${scrapes} times`);
    return {
      fired: await seen("firing"),
      pending: await seen("pending"),
      wrong,
      answers: Object.fromEntries([...traffic.answers].sort()),
      orders: traffic.orders.length,
      webhooks: traffic.webhooks(),
      scrapes,
    };
  } finally {
    for (const end of ending) await end();
  }
}

/** A collection with a benefit, and a block each second. */
async function prepareChain(world: IssuingWorld): Promise<void> {
  const address = await world.createCollection("noirance-soak", 1_000_000);
  await world.grant("Staff", world.keys.issuer.address);
  const provider = new JsonRpcProvider(world.rpcUrl, world.deployment.chainId, { staticNetwork: true });
  try {
    const contract = new Contract(address, membershipCollectionInterface, world.keys.admin.connect(provider));
    const terms = [QUOTA, 0, 0];
    const free = { maxFeePerGas: 0, maxPriorityFeePerGas: 0 };
    const sent = await contract.getFunction("setBenefit")(1, BENEFIT, terms, free);
    await sent.wait();
  } finally {
    provider.destroy();
  }
  await world.sealEvery(1);
}

/** Waits until what was ordered is issued. Returns what is wrong. */
async function settle(
  get: (path: string) => Promise<{ body: { data: { issuedCount: number } } }>,
  { answers, orders }: Traffic,
  apiKey: string,
  url: string,
): Promise<string[]> {
  const wrong: string[] = [];
  const open = new Set(orders);
  for (
    const deadline = performance.now() + SETTLE_MS;
    open.size > 0 && performance.now() < deadline;
    await sleep(500)
  ) {
    for (const id of open) {
      const response = await fetch(`${url}/v1/orders/${id}`, { headers: { Authorization: `Bearer ${apiKey}` } });
      const { data } = (await response.json()) as { data: { state: string } };
      if (data.state !== "issued") break;
      open.delete(id);
    }
  }
  if (open.size > 0) wrong.push(`${open.size} orders are not issued`);
  const { body } = await get("/v1/collections/noirance-soak");
  if (body.data.issuedCount < orders.length) wrong.push(`Only ${body.data.issuedCount} cards are in the mirror`);
  for (const [name, count] of answers)
    if (/ 5\d\d$|^broken off/.test(name)) wrong.push(`${count} answers were "${name}"`);
  return wrong;
}
