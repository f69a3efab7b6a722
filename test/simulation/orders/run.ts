// One simulation: thousands of orders at two servers that are killed, on a chain whose node fails, whose key others use as well, and
// that may take blocks back. In the end everything must have come out right.

import { setTimeout as sleep } from "node:timers/promises";
import { getAddress, Wallet, ZeroHash } from "ethers";
import type { DatabaseKind } from "../../../scripts/bench/world/databases.ts";
import { type IssuingWorld, startIssuingWorld } from "../../../scripts/bench/world/issuing.ts";
import { freePort } from "../../../scripts/lifecycle/free-port.ts";
import { type GuardedProcess, spawnGuarded } from "../../../scripts/lifecycle/guarded-process.ts";
import { SERVER_ARGUMENTS, SERVER_ENVIRONMENT } from "../../../scripts/lifecycle/server-command.ts";
import { membershipCollectionInterface } from "../../../server/chain/abi.ts";
import { openDatabase } from "../../../server/database/client.ts";
import { migrate } from "../../../server/database/migrate.ts";
import { openIssuanceChain } from "../../../server/issuance/chain.ts";
import { type FaultyRpc, startFaultyRpc } from "../../support/faulty-rpc.ts";
import { createRandom, type Random } from "../random.ts";
import { judge } from "./oracle.ts";
import { createShop, type Fulfilment } from "./shop.ts";
import { makeWish } from "./wishes.ts";

export interface OrderSimulation {
  seed: number;
  orders: number;
  kind: DatabaseKind;
  onProgress?(text: string): void;
}

export interface OrderOutcome {
  seed: number;
  /** What is wrong; nothing if all is well. */
  wrong: string[];
  /** How often which thing happened. */
  happened: Record<string, number>;
  seconds: number;
}

const CUSTOMERS_AT_ONCE = 60;
const SERVERS = 2;
/** If nothing comes to an end for so long, it never will. */
const QUIET_MS = 90_000;
const FREE_TERM = { free: true, tier: 1, term: "P1Y" };

export async function simulateOrders({ seed, orders, kind, onProgress }: OrderSimulation): Promise<OrderOutcome> {
  const started = performance.now();
  const dice = createRandom(seed);
  const happened: Record<string, number> = {};
  const count = (what: string, times = 1) => {
    happened[what] = (happened[what] ?? 0) + times;
  };
  const world = await startIssuingWorld();
  const node = await startFaultyRpc(world.rpcUrl);
  const ending = new AbortController();
  const running: Promise<void>[] = [];
  const servers: Instance[] = [];
  try {
    const database = await kind.create();
    await migrate(database.url);
    const editions = { large: "noirance-large", small: "noirance-small", free: "noirance-free" };
    const large = await world.createCollection(editions.large, 1_000_000);
    const small = await world.createCollection(editions.small, Math.ceil(orders / 8));
    const free = await world.createCollection(editions.free, Math.ceil(orders / 20));
    const second = Wallet.createRandom();
    const stranger = Wallet.createRandom();
    await world.grant("Issuer", second.address);
    await world.grant("Issuer", stranger.address);
    const apiKey = await world.apiKey(database.url);
    await world.sealEvery(dice.pick([0, 1, 1]));

    for (let index = 0; index < SERVERS; index++) {
      servers.push(
        await createInstance({
          world,
          rpcUrl: node.rpcUrl,
          databaseUrl: database.url,
          issuerPrivateKeys: second.privateKey,
          finalityDepth: 64,
        }),
      );
    }
    await Promise.all(servers.map((server) => server.start()));
    await Promise.all(servers.map((server) => server.untilReady()));
    await setOffer(servers[0] as Instance, apiKey, editions.free);

    const shop = createShop({
      apiKey,
      urls: servers.map(({ url }) => url),
      dice: dice.fork("shop"),
      signal: ending.signal,
    });
    const strangers = new Set<string>();
    const calm = new AbortController();
    const trouble = [
      killServers(servers, dice.fork("kills"), calm.signal, count),
      breakNode(node, dice.fork("node"), calm.signal, count),
      interfere(
        { world, stranger, collections: [large, small], strangers, dice: dice.fork("stranger"), count },
        calm.signal,
      ),
    ];
    running.push(...trouble);
    // What goes wrong there must not be found out at the end only.
    for (const one of trouble) one.catch((error) => ending.abort(error));

    const wishDice = dice.fork("wishes");
    const wishes = Array.from({ length: orders }, (_, index) => makeWish(wishDice, index, orders, editions));
    const fulfilments: Fulfilment[] = [];
    await Promise.all(
      Array.from({ length: CUSTOMERS_AT_ONCE }, async () => {
        for (let wish = wishes.shift(); wish !== undefined; wish = wishes.shift()) {
          fulfilments.push(await shop.fulfil(wish));
          if (fulfilments.length % 500 === 0) onProgress?.(`${fulfilments.length} of ${orders} orders answered`);
        }
      }),
    );
    calm.abort();
    await Promise.all(trouble);
    node.fault = undefined;
    shop.close();
    for (const server of servers) await server.start();
    onProgress?.("all orders are answered; waiting for the last cards");

    const reader = await openDatabase(database.url, { application: true });
    const chain = await openIssuanceChain({ rpcUrl: world.rpcUrl, registry: () => world.deployment.registry });
    try {
      await untilQuiet(reader, onProgress);
      const cards = new Map(
        await Promise.all(
          [large, small, free].map(async (collection) => {
            const reserved = await reader.edition.findUnique({ where: { collectionAddress: collection } });
            const last = (reserved?.nextSerial ?? 1) + 200;
            const { maxSupply } = await chain.collection(collection);
            const serials = Array.from({ length: Math.min(last, maxSupply) }, (_, index) => index + 1);
            return [collection, await chain.cards(getAddress(collection), serials)] as const;
          }),
        ),
      );
      const nonces = new Map<string, number>();
      for (const { address } of await reader.signer.findMany()) nonces.set(address, await chain.nonce(address));
      const known = new Map<string, string>();
      const wrong = await judge({
        database: reader,
        fulfilments,
        cards,
        strangers,
        nonces,
        freeCollection: free,
        holderOf(reference) {
          const address = known.get(reference) ?? world.keys.holderAddress(reference).toLowerCase();
          known.set(reference, address);
          return address;
        },
      });
      for (const [state, some] of Map.groupBy(
        await reader.order.findMany({ select: { state: true } }),
        (row) => row.state,
      ))
        count(`orders ${state}`, some.length);
      for (const { refusal } of fulfilments) if (refusal !== undefined) count(`refused ${refusal.type}`);
      for (const [state, some] of Map.groupBy(await reader.chainTransaction.findMany(), (row) => row.state))
        count(`transactions ${state}`, some.length);
      count(
        "attempts beyond the first",
        (await reader.transactionAttempt.count()) - (await reader.chainTransaction.count()),
      );
      count(
        "cards on the chain",
        [...cards.values()].reduce((sum, here) => sum + here.size, 0),
      );
      return { seed, wrong, happened, seconds: (performance.now() - started) / 1000 };
    } finally {
      await reader.$disconnect();
      chain.close();
    }
  } finally {
    ending.abort(new Error("The simulation is over"));
    await Promise.allSettled(running);
    await Promise.all(servers.map((server) => server.end()));
    await node.close();
    await world.stop();
  }
}

/** A server that is killed and started again, always at the same address. */
interface Instance {
  url: string;
  /** Starts it if it does not run. */
  start(): Promise<void>;
  kill(): Promise<void>;
  untilReady(): Promise<void>;
  end(): Promise<void>;
}

async function createInstance(options: {
  world: IssuingWorld;
  rpcUrl: string;
  databaseUrl: string;
  issuerPrivateKeys: string;
  finalityDepth: number;
}): Promise<Instance> {
  const { world, rpcUrl, databaseUrl, issuerPrivateKeys, finalityDepth } = options;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let process_: GuardedProcess | undefined;
  const environment = {
    ...process.env,
    ...SERVER_ENVIRONMENT,
    HOST: "127.0.0.1",
    PORT: String(port),
    PUBLIC_URL: "http://cards.example",
    RPC_URL: rpcUrl,
    RPC_WS_URL: world.rpcUrl.replace(/^http/, "ws"),
    FALLBACK_RPC_URLS: "",
    REGISTRY_ADDRESS: world.deployment.registry,
    DATA_DIR: world.dataFolder,
    DATABASE_URL: databaseUrl,
    FINALITY_DEPTH: String(finalityDepth),
    ISSUER_PRIVATE_KEYS: issuerPrivateKeys,
    RATE_LIMIT_PER_MINUTE: "0",
    KEY_RATE_LIMIT_PER_MINUTE: "0",
    LOG_LEVEL: process.env["SIMULATION_LOG_LEVEL"] ?? "fatal",
  };
  return {
    url,
    async start() {
      if (process_ !== undefined) return;
      const started = await spawnGuarded(process.execPath, SERVER_ARGUMENTS, {
        stdio: ["ignore", "inherit", "inherit"],
        env: environment,
      });
      process_ = started;
      started.ended.then(() => {
        if (process_ === started) process_ = undefined;
      });
    },
    async kill() {
      const killed = process_;
      process_ = undefined;
      killed?.child.kill("SIGKILL");
      await killed?.ended;
    },
    async untilReady() {
      for (;;) {
        const answer = await fetch(`${url}/ready`).catch(() => undefined);
        if (answer?.status === 200) return;
        await sleep(50);
      }
    },
    async end() {
      await process_?.stop();
    },
  };
}

async function setOffer(server: Instance, apiKey: string, collection: string): Promise<void> {
  const answer = await fetch(`${server.url}/v1/collections/${collection}/offer`, {
    method: "PUT",
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify(FREE_TERM),
  });
  if (answer.status !== 200) throw new Error(`The offer was not taken: ${await answer.text()}`);
}

type Count = (what: string, times?: number) => void;

/** Kills one server or the other, and starts it again after a while. */
async function killServers(servers: readonly Instance[], dice: Random, signal: AbortSignal, count: Count) {
  while (!signal.aborted) {
    await pause(dice.between(1_500, 6_000), signal);
    if (signal.aborted) return;
    const victim = dice.pick(servers);
    await victim.kill();
    count("kill -9");
    await pause(dice.below(2_000), signal);
    await victim.start();
  }
}

/** Has the node fail in one way or another, now and then for all who ask. */
async function breakNode(node: FaultyRpc, dice: Random, signal: AbortSignal, count: Count) {
  while (!signal.aborted) {
    await pause(dice.between(500, 5_000), signal);
    if (signal.aborted) break;
    const kind = dice.weighted([
      [3, "drop"],
      [2, "break"],
      [2, "delay"],
      [1, "hang"],
      [2, "some"],
    ] as const);
    count(`node: ${kind}`);
    node.fault =
      kind === "delay"
        ? { kind, ms: dice.between(50, 800) }
        : kind === "some"
          ? () => (dice.chance(0.3) ? { kind: "break" } : undefined)
          : { kind };
    await pause(dice.between(100, 3_000), signal);
    node.fault = undefined;
  }
  node.fault = undefined;
}

/** Somebody else uses the brand's key, and issues cards past the servers. */
async function interfere(
  options: {
    world: IssuingWorld;
    stranger: { privateKey: string };
    collections: readonly string[];
    strangers: Set<string>;
    dice: Random;
    count: Count;
  },
  signal: AbortSignal,
): Promise<void> {
  const { world, collections, strangers, dice, count } = options;
  const stranger = new Wallet(options.stranger.privateKey);
  const issuer = new Wallet(world.keys.issuer.privateKey);
  const send = async (wallet: Wallet, to: string, data: string): Promise<boolean> => {
    const nonce = Number(await world.rpc.call<string>("eth_getTransactionCount", [wallet.address, "latest"]));
    const { chainId } = world.deployment;
    const signed = await wallet.signTransaction({ type: 0, chainId, nonce, to, data, gasLimit: 500_000, gasPrice: 0 });
    try {
      const hash = await world.rpc.call<string>("eth_sendRawTransaction", [signed]);
      for (let look = 0; look < 100; look++) {
        const receipt = await world.rpc.call<{ status: string } | null>("eth_getTransactionReceipt", [hash]);
        if (receipt !== null) return Number(receipt.status) === 1;
        await sleep(50);
      }
      return false;
    } catch {
      // One of the servers was faster.
      return false;
    }
  };
  while (!signal.aborted) {
    await pause(dice.between(1_000, 8_000), signal);
    if (signal.aborted) return;
    if (dice.chance(0.4)) {
      if (await send(issuer, issuer.address, "0x")) count("nonces used by somebody else");
      continue;
    }
    const collection = dice.pick(collections);
    const head = await world.rpc.call<string>("eth_call", [
      { to: collection, data: membershipCollectionInterface.encodeFunctionData("issuedCount", []) },
      "latest",
    ]);
    const serial = Number(head) + dice.between(1, 150);
    const data = membershipCollectionInterface.encodeFunctionData("issue", [
      serial,
      [stranger.address],
      { tier: 9, expiresAt: 0 },
      ZeroHash,
      ZeroHash,
    ]);
    strangers.add(`${collection} ${serial}`);
    if (await send(stranger, getAddress(collection), data)) count("cards issued by somebody else");
  }
}

/** Resolves when every order has come to its end. Rejects if nothing does any more. */
async function untilQuiet(
  database: Awaited<ReturnType<typeof openDatabase>>,
  onProgress?: (text: string) => void,
): Promise<void> {
  let before = -1;
  for (let since = performance.now(); ; ) {
    const open = await database.command.count({ where: { state: { in: ["held", "queued", "sent"] } } });
    const transactions = await database.chainTransaction.count({ where: { state: { in: ["planned", "signed"] } } });
    if (open + transactions === 0) return;
    if (open + transactions !== before) since = performance.now();
    before = open + transactions;
    if (performance.now() - since > QUIET_MS) {
      onProgress?.(`${open} cards and ${transactions} transactions have come to no end`);
      return;
    }
    await sleep(250);
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => {});
}
