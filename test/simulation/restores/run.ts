// One simulation: orders at one or two servers while archives are made, servers that are killed, the newest or an older archive put back, and all
// orders sent again. After each round the chain must have what was wanted, once.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { backUp } from "../../../scripts/backup/back-up.ts";
import { putBack } from "../../../scripts/backup/put-back.ts";
import type { BenchDatabase, DatabaseKind } from "../../../scripts/bench/world/databases.ts";
import { type IssuingWorld, startIssuingWorld } from "../../../scripts/bench/world/issuing.ts";
import { freePort } from "../../../scripts/lifecycle/free-port.ts";
import { type GuardedProcess, spawnGuarded } from "../../../scripts/lifecycle/guarded-process.ts";
import { SERVER_ARGUMENTS, SERVER_ENVIRONMENT } from "../../../scripts/lifecycle/server-command.ts";
import { openDatabase } from "../../../server/database/client.ts";
import { migrate } from "../../../server/database/migrate.ts";
import { listReconciliation } from "../../../server/issuance/reconciliation/listing.ts";
import { createRandom, type Random } from "../random.ts";
import { judge } from "./oracle.ts";
import { createShop, type Shop, type ShownOrder } from "./shop.ts";
import { createWishMaker, type Wish } from "./wishes.ts";

export interface RestoreSimulation {
  seed: number;
  rounds: number;
  kind: DatabaseKind;
  onProgress?(text: string): void;
}

export interface RestoreOutcome {
  seed: number;
  wrong: string[];
  happened: Record<string, number>;
  seconds: number;
}

const COLLECTIONS = ["noirance-first", "noirance-second"] as const;
const AT_ONCE = 6;
const QUIET_MS = 60_000;

export async function simulateRestores({ seed, rounds, kind, onProgress }: RestoreSimulation): Promise<RestoreOutcome> {
  const started = performance.now();
  const dice = createRandom(seed);
  const happened: Record<string, number> = {};
  const count = (what: string, times = 1) => {
    happened[what] = (happened[what] ?? 0) + times;
  };
  const wrong: string[] = [];
  const world = await startIssuingWorld();
  const archives = mkdtempSync(join(tmpdir(), "mintmark-archives-"));
  const databases: BenchDatabase[] = [];
  let servers: Servers | undefined;
  try {
    const collections = new Map<string, string>();
    for (const slug of COLLECTIONS) collections.set(slug, await world.createCollection(slug, 1_000_000));
    let database = await createDatabase(kind, world, databases);
    await migrate(database);
    const apiKey = await world.apiKey(database);
    const wishes = createWishMaker(dice.fork("wishes"), COLLECTIONS);
    const shop = createShop({ apiKey, url: () => dice.pick(servers?.urls ?? [""]) });
    const made: string[] = [];
    let begun = 0;
    const backUpNow = async () => {
      const file = join(archives, `${begun++}.tar.gz`);
      await backUp(file, configOf(world, database));
      made.push(file);
      count("archives");
    };

    servers = await startServers(world, database, dice.between(1, 2));
    await backUpNow();
    for (let round = 1; round <= rounds; round++) {
      await world.sealEvery(dice.pick([0, 0, 1]));
      await business({ shop, wishes, dice, orders: dice.between(10, 40), during: backUpNow });
      // Some orders are still on their way.
      await sleep(dice.pick([0, 0, 100, 600]));
      await servers.kill();
      count("servers killed");
      const newest = dice.chance(0.5);
      const archive = newest ? made.at(-1) : dice.pick(made);
      count(newest ? "the newest archive put back" : "any archive put back");
      if (kind.name !== "SQLite") database = await createDatabase(kind, world, databases);
      await putBack(archive ?? "", configOf(world, database), { replace: true, say: () => undefined });
      servers = await startServers(world, database, dice.between(1, 2));
      if (dice.chance(0.3)) {
        // Orders come again while the servers are still looking at the chain, and somebody kills them once more.
        void shop.sendAllAgain().catch(() => undefined);
        await sleep(dice.below(1_500));
        await servers.kill();
        count("servers killed");
        servers = await startServers(world, database, dice.between(1, 2));
      }
      await shop.sendAllAgain();
      const orders = await untilIssued(shop);
      const listed = await listedCards(database, collections);
      const found = await judge({
        ...{ rpc: world.rpc, collections, orders, listed },
        holderOf: ({ customer }) => (customer.holder ?? world.keys.holderAddress(customer.reference)).toLowerCase(),
      });
      count(
        "cards that orders found",
        [...orders.values()].flatMap(({ cards }) => cards).filter(({ matched }) => matched).length,
      );
      wrong.push(...found.map((text) => `round ${round}: ${text}`));
      onProgress?.(`round ${round} of ${rounds}: ${orders.size} orders, ${found.length} things wrong`);
      if (found.length > 0) break;
    }
    count("orders", shop.wishes.size);
    return { seed, wrong, happened, seconds: (performance.now() - started) / 1000 };
  } finally {
    await servers?.kill();
    for (const database of databases) await database.drop().catch(() => undefined);
    rmSync(archives, { recursive: true, force: true });
    await world.stop();
  }
}

/** In the data folder if it is a file, as it is by default. */
async function createDatabase(kind: DatabaseKind, world: IssuingWorld, all: BenchDatabase[]): Promise<string> {
  if (kind.name === "SQLite") return `file:${join(world.dataFolder, "mintmark.db")}`;
  const created = await kind.create();
  all.push(created);
  return created.url;
}

function configOf({ dataFolder }: IssuingWorld, databaseUrl: string) {
  return { dataFolder, databaseUrl, keystoreFile: undefined, authSecret: undefined, dataKey: undefined };
}

/** Customers order; somewhere in between an archive is made. */
async function business(options: {
  shop: Shop;
  wishes: { make(): Wish };
  dice: Random;
  orders: number;
  during(): Promise<void>;
}): Promise<void> {
  const { shop, wishes, dice, orders, during } = options;
  const at = new Set([dice.below(orders), ...(dice.chance(0.3) ? [dice.below(orders)] : [])]);
  let sent = 0;
  const backups: Promise<void>[] = [];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (sent < orders) {
        if (at.has(sent)) backups.push(during());
        sent++;
        await shop.send(wishes.make());
        await sleep(dice.below(30));
      }
    }),
  );
  await Promise.all(backups);
}

async function untilIssued(shop: Shop): Promise<Map<Wish, ShownOrder>> {
  const orders = new Map<Wish, ShownOrder>();
  for (const deadline = performance.now() + QUIET_MS; ; ) {
    for (const [wish, id] of shop.wishes) {
      if (orders.get(wish)?.state !== "issued" && id !== undefined) orders.set(wish, await shop.order(id));
    }
    const open = [...orders.values()].filter(({ state }) => state !== "issued" && state !== "failed");
    if (open.length === 0 || performance.now() > deadline) return orders;
    await sleep(100);
  }
}

async function listedCards(databaseUrl: string, collections: ReadonlyMap<string, string>): Promise<Set<string>> {
  const database = await openDatabase(databaseUrl);
  try {
    const { cards } = await listReconciliation(database);
    const unclaimed = cards.filter(({ state }) => state === "unclaimed");
    return new Set(unclaimed.map(({ collection, serial }) => `${collections.get(collection)} ${serial}`));
  } finally {
    await database.$disconnect();
  }
}

interface Servers {
  urls: string[];
  kill(): Promise<void>;
}

async function startServers(world: IssuingWorld, databaseUrl: string, howMany: number): Promise<Servers> {
  const running: { url: string; server: GuardedProcess }[] = [];
  for (let index = 0; index < howMany; index++) {
    const port = await freePort();
    const server = await spawnGuarded(process.execPath, SERVER_ARGUMENTS, {
      stdio: ["ignore", "inherit", "inherit"],
      env: {
        ...process.env,
        ...SERVER_ENVIRONMENT,
        HOST: "127.0.0.1",
        PORT: String(port),
        PUBLIC_URL: "http://cards.example",
        RPC_URL: world.rpcUrl,
        RPC_WS_URL: world.rpcUrl.replace(/^http/, "ws"),
        FALLBACK_RPC_URLS: "",
        REGISTRY_ADDRESS: world.deployment.registry,
        DATA_DIR: world.dataFolder,
        DATABASE_URL: databaseUrl,
        ISSUER_PRIVATE_KEYS: "",
        RATE_LIMIT_PER_MINUTE: "0",
        KEY_RATE_LIMIT_PER_MINUTE: "0",
        LOG_LEVEL: process.env["SIMULATION_LOG_LEVEL"] ?? "fatal",
      },
    });
    running.push({ url: `http://127.0.0.1:${port}`, server });
  }
  // Orders may come before it is ready; that it listens is enough.
  for (const { url } of running)
    while ((await fetch(`${url}/health`).catch(() => undefined)) === undefined) await sleep(50);
  return {
    urls: running.map(({ url }) => url),
    async kill() {
      for (const { server } of running) server.child.kill("SIGKILL");
      await Promise.all(running.map(({ server }) => server.ended));
    },
  };
}
