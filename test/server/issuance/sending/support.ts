// A chain with brands, and servers that issue for them as far as issuing is concerned: the real indexer and the real sender on a
// database, behind a node that can be spoilt.

import { randomUUID } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { expect } from "chai";
import { Contract, JsonRpcProvider, type JsonRpcSigner, Wallet, ZeroHash } from "ethers";
import { pino } from "pino";
import { Registry } from "prom-client";
import { deployRegistry } from "../../../../scripts/deploy-registry.ts";
import { freePort } from "../../../../scripts/lifecycle/free-port.ts";
import { spawnGuarded } from "../../../../scripts/lifecycle/guarded-process.ts";
import { anvilArguments, anvilBinary } from "../../../../scripts/local-chain/anvil.ts";
import {
  BRAND_ROLE,
  brandRegistryInterface,
  CARD_STATUS,
  membershipCollectionInterface,
  UNLIMITED_TERM,
} from "../../../../server/chain/abi.ts";
import type { Deployment } from "../../../../server/chain/deployment.ts";
import { untilMined } from "../../../../server/chain/receipt.ts";
import { createRpc, type Rpc } from "../../../../server/chain/rpc.ts";
import { type Database, openDatabase } from "../../../../server/database/client.ts";
import { inTransaction } from "../../../../server/database/transactions.ts";
import { createIndexer, type Indexer } from "../../../../server/indexer/indexer.ts";
import { createMirror } from "../../../../server/indexer/mirror.ts";
import { createIssuing, type Issuing } from "../../../../server/issuance/issuing.ts";
import { giveCard, refundOrder } from "../../../../server/issuance/orders/changes.ts";
import type { OrderState } from "../../../../server/issuance/orders/order.ts";
import { randomAddress } from "../../../support/chain.ts";
import { type DatabaseKind, sqlite, type TestDatabase } from "../../../support/databases.ts";
import { type FaultyRpc, startFaultyRpc } from "../../../support/faulty-rpc.ts";
import { until } from "../../../support/patience.ts";
import { answerOf, orderOf } from "../orders/support.ts";

const FREE = { maxFeePerGas: 0, maxPriorityFeePerGas: 0 };
/** The unlocked accounts of the node: who acts for the consortium, and who for every brand. */
const CONSORTIUM = 0;
const ADMIN = 1;

export interface SendingWorld {
  rpcUrl: string;
  rpc: Rpc;
  provider: JsonRpcProvider;
  deployment: Deployment;
  /** Admits a brand, and gives the Issuer and Steward roles to a new key. */
  createBrand(): Promise<TestBrand>;
  /** Calls the registry as the consortium. */
  asConsortium(method: string, ...args: unknown[]): Promise<void>;
  /** Reinstates a brand that is suspended. */
  reinstate(brandId: number): Promise<void>;
  /** From now on blocks are made when they are asked for; the function that it returns makes them as transactions come again. */
  stopSealing(): Promise<() => Promise<void>>;
  /** Makes a block. */
  seal(): Promise<void>;
  close(): Promise<void>;
}

export interface TestBrand {
  id: number;
  /** May issue and revoke. */
  key: Wallet;
  /** Calls the registry as the brand's administrator. */
  asAdmin(method: string, ...args: unknown[]): Promise<void>;
  grant(role: keyof typeof BRAND_ROLE, account: string): Promise<void>;
  revoke(role: keyof typeof BRAND_ROLE, account: string): Promise<void>;
  /** Returns its address, lower-case. */
  createCollection(options?: {
    maxSupply?: number;
    reissueDelay?: number;
    highestTier?: number;
    longestTerm?: number;
  }): Promise<string>;
  /** Calls a collection with a key of the brand, in a transaction that no sender knows of. */
  call(collection: string, key: Wallet, method: string, ...args: unknown[]): Promise<void>;
  /** The same as its administrator. */
  callAsAdmin(collection: string, method: string, ...args: unknown[]): Promise<void>;
}

/** A chain that makes a block as soon as there is a transaction. */
export async function startSendingWorld(): Promise<SendingWorld> {
  const port = await freePort();
  const rpcUrl = `http://127.0.0.1:${port}`;
  const genesisTimestamp = Math.floor(Date.now() / 1000);
  const argv = anvilArguments({ host: "127.0.0.1", port, genesisTimestamp });
  const anvil = await spawnGuarded(anvilBinary(), argv, { stdio: "ignore" });
  const rpc = createRpc({ url: rpcUrl });
  await until(async () => await rpc.call("eth_chainId").catch(() => undefined));
  const deployment = await deployRegistry({ rpcUrl, cardBaseURI: "" });
  const provider = new JsonRpcProvider(rpcUrl, deployment.chainId, { staticNetwork: true, cacheTimeout: -1 });
  const registry = new Contract(deployment.registry, brandRegistryInterface, provider);
  const mined = (hash: string) => untilMined(hash, (hash) => provider.getTransactionReceipt(hash));
  async function send(contract: Contract, by: Wallet | JsonRpcSigner, method: string, args: unknown[]): Promise<void> {
    const transaction = await (contract.connect(by) as Contract).getFunction(method)(...args, FREE);
    await mined(transaction.hash);
  }
  const collectionAt = (address: string) => new Contract(address, membershipCollectionInterface, provider);
  const account = (index: number) => provider.getSigner(index);

  return {
    rpcUrl,
    rpc,
    provider,
    deployment,
    async reinstate(brandId) {
      const { suspension } = await registry.getFunction("brandOf")(brandId);
      await send(registry, await account(CONSORTIUM), "reinstateBrand", [brandId, suspension]);
    },
    asConsortium: async (method, ...args) => await send(registry, await account(CONSORTIUM), method, args),
    async createBrand() {
      const admin = await account(ADMIN);
      const profile = { name: "Noirance", legalName: "Noirance Co., Ltd.", domain: "noirance.example" };
      const handle = `n${randomUUID().slice(0, 8)}`;
      await send(registry, await account(CONSORTIUM), "admitBrand", [
        await admin.getAddress(),
        handle,
        { ...profile, filingNumber: "", profileURI: "", profileHash: ZeroHash },
      ]);
      const id = Number(await registry.getFunction("brandCount")());
      const asAdmin = (method: string, ...args: unknown[]) => send(registry, admin, method, args);
      const roleId = (role: keyof typeof BRAND_ROLE) => registry.getFunction("roleId")(id, BRAND_ROLE[role]);
      const key = new Wallet(Wallet.createRandom().privateKey);
      const brand: TestBrand = {
        id,
        key,
        asAdmin,
        grant: async (role, account) => await asAdmin("grantRole", await roleId(role), account),
        revoke: async (role, account) => await asAdmin("revokeRole", await roleId(role), account),
        async createCollection({
          maxSupply = 1_000,
          reissueDelay = 0,
          highestTier = 255,
          longestTerm = UNLIMITED_TERM,
        } = {}) {
          const declared = { highestTier, longestTerm };
          const slug = `${handle}-${randomUUID().slice(0, 8)}`;
          const request = {
            brandId: id,
            slug,
            name: slug,
            symbol: "CARD",
            maxSupply,
            burnAuth: 2,
            reissueDelay,
            ...declared,
          };
          await asAdmin("createCollection", request);
          return String(await registry.getFunction("collectionOf")(slug)).toLowerCase();
        },
        call: (collection, by, method, ...args) =>
          send(collectionAt(collection), by.connect(provider) as Wallet, method, args),
        callAsAdmin: (collection, method, ...args) => send(collectionAt(collection), admin, method, args),
      };
      await brand.grant("Issuer", key.address);
      await brand.grant("Steward", key.address);
      return brand;
    },
    async stopSealing() {
      await rpc.call("evm_setAutomine", [false]);
      return async () => {
        await rpc.call("evm_setAutomine", [true]);
        await rpc.call("evm_mine");
      };
    },
    async seal() {
      await rpc.call("evm_mine");
    },
    async close() {
      provider.destroy();
      await anvil.stop();
    },
  };
}

export interface IssuingServerOptions {
  /** The keys that it signs with. */
  keys?: Wallet[];
  remoteSignerUrl?: string;
}

/** A server on a database; whoever is started after it on the same database goes on where it has stopped. */
export interface IssuingServer {
  issuing: Issuing;
  indexer: Indexer;
  /** The node as the sender sees it. */
  node: FaultyRpc;
  log: { level: number; msg: string; [key: string]: unknown }[];
  metrics: Registry;
  /** Takes an order; it is sent as soon as the sender may. */
  order(options: OrderWish): Promise<string>;
  /** Ends the sender and the indexer. */
  stop(): Promise<void>;
}

export interface OrderWish {
  brand: TestBrand;
  collection: string;
  quantity?: number;
  maxSupply?: number;
  holder?: string;
}

/** A database that servers issue from, and what it says in the end. */
export interface IssuingDatabase {
  url: string;
  database: Database;
  application: Database;
  /** The sender's clocks, in milliseconds: how much more time has passed than really has, and by how much the wall clock was set besides. */
  clock: { ahead: number; set: number };
  /** Where servers find their keystores. */
  dataFolder: string;
  /** Starts a server whose indexer is level with the chain. */
  start(options?: IssuingServerOptions): Promise<IssuingServer>;
  /** Waits until an order is in a state. */
  untilOrder(id: string, ...states: OrderState[]): Promise<void>;
  /** The cards of an order, as `serial state failure`. */
  cards(orderId: string): Promise<string[]>;
  /** The book's transactions, as `nonce state`. */
  transactions(key: Wallet): Promise<string[]>;
  refund(orderId: string): Promise<void>;
  give(orderId: string, collection: string, serial: number, holder: string): Promise<void>;
  /**
   * Holds the chain against the book: each card that was issued is one that is done, with the holder that was wanted; each was issued
   * once; and no nonce is open or missing.
   */
  expectExact(collection: string, ...keys: Wallet[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * @param options.keystore A file; servers that are started have its keys.
 * @param options.from A database that is there; a new one otherwise.
 */
export async function createIssuingDatabase(
  world: SendingWorld,
  kind: DatabaseKind = sqlite,
  { keystore, from }: { keystore?: string; from?: TestDatabase } = {},
): Promise<IssuingDatabase> {
  const created: TestDatabase = from ?? (await kind.create());
  const [database, writer, application] = await Promise.all([
    openDatabase(created.url),
    openDatabase(created.url, { writesMuch: true }),
    openDatabase(created.url, { application: true }),
  ]);
  const dataFolder = mkdtempSync(join(tmpdir(), "mintmark-sending-"));
  mkdirSync(join(dataFolder, "keys"));
  if (keystore !== undefined) copyFileSync(keystore, join(dataFolder, "keys", "brand.json"));
  const running = new Set<IssuingServer>();
  const clock = { ahead: 0, set: 0 };
  const now = () => Date.now() + clock.ahead + clock.set;
  const steady = () => performance.now() + clock.ahead;

  return {
    url: created.url,
    database,
    application,
    clock,
    dataFolder,
    async start({ keys = [], remoteSignerUrl } = {}) {
      const node = await startFaultyRpc(world.rpcUrl);
      const log: IssuingServer["log"] = [];
      const sink = new Writable({
        write(chunk, _encoding, done) {
          log.push(JSON.parse(String(chunk)));
          done();
        },
      });
      const metrics = new Registry();
      const logger = pino({ level: "info" }, sink);
      const indexer = createIndexer({
        rpc: createRpc({ url: world.rpcUrl }),
        mirror: createMirror({ database: writer }),
        registryOn: () => world.deployment.registry,
        logger: pino({ level: "silent" }),
        finalityDepth: 64,
        pollIntervalMs: 20,
      });
      const issuing = createIssuing({
        config: {
          dataFolder,
          keystoreFile: undefined,
          keystorePassphrase: undefined,
          issuerPrivateKeys: keys.map(({ privateKey }) => privateKey),
          remoteSignerUrl,
          rpcUrl: node.rpcUrl,
          finalityDepth: 64,
          orderTimeZone: "Asia/Shanghai",
        },
        database,
        application,
        mirror: indexer,
        registryOn: () => world.deployment.registry,
        answerOf,
        logger,
        metrics,
        now,
        steady,
      });
      const caughtUp = indexer.caughtUp();
      await indexer.start();
      await caughtUp;
      issuing.start();
      const server: IssuingServer = {
        issuing,
        indexer,
        node,
        log,
        metrics,
        async order({ brand, collection, quantity = 1, maxSupply = 1_000, holder = randomAddress() }) {
          const order = orderOf({ brandId: brand.id, collection, quantity, maxSupply, holder: () => holder });
          const placement = await issuing.desk.place(order);
          if (placement.kind !== "placed") throw new Error(`It was not placed: ${placement.kind}`);
          return placement.orderId;
        },
        async stop() {
          running.delete(server);
          await Promise.all([issuing.stop(), indexer.stop()]);
          await node.close();
        },
      };
      running.add(server);
      return server;
    },
    async untilOrder(id, ...states) {
      let seen = "";
      await until(
        async () => {
          const order = await database.order.findUniqueOrThrow({ where: { id } });
          seen = `${order.state} ${order.failure ?? ""} ${order.failureDetail ?? ""}`;
          return (states as string[]).includes(order.state);
        },
        () => `The order is ${seen} and not ${states.join(" or ")}`,
      );
    },
    async cards(orderId) {
      const commands = await database.command.findMany({ where: { orderId, kind: "issue" }, orderBy: { id: "asc" } });
      return commands.map(({ serial, state, failure }) => [serial, state, failure].filter(Boolean).join(" "));
    },
    async transactions({ address }) {
      const signer = address.toLowerCase();
      const rows = await database.chainTransaction.findMany({ where: { signer }, orderBy: { nonce: "asc" } });
      return rows.map(({ nonce, state }) => `${nonce} ${state}`);
    },
    async refund(orderId) {
      const wish = { reason: "refund", now: now() };
      await inTransaction(application, (transaction) => refundOrder(transaction, orderId, wish));
    },
    async give(orderId, collection, serial, holder) {
      const gift = { collection, serial, holder, now: now() };
      await inTransaction(application, (transaction) => giveCard(transaction, orderId, gift));
    },
    async expectExact(collection, ...keys) {
      const topics = [membershipCollectionInterface.getEvent("Transfer")?.topicHash ?? "", ZeroHash];
      const logs = await world.provider.getLogs({ address: collection, topics, fromBlock: 0 });
      const issued = logs.map(({ topics }) => `${Number(topics[3])} ${`0x${topics[2]?.slice(26)}`}`);
      const done = await database.command.findMany({
        where: { collectionAddress: collection, kind: "issue", state: "done" },
        orderBy: { serial: "asc" },
      });
      expect(issued.toSorted((one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10))).to.deep.equal(
        done.map(({ serial, holder }) => `${serial} ${holder}`),
      );
      for (const { address } of keys) {
        const signer = address.toLowerCase();
        const open = { signer, state: { in: ["planned", "signed"] } };
        expect(await database.chainTransaction.count({ where: open }), "open transactions").to.equal(0);
        const { nextNonce } = await database.signer.findUniqueOrThrow({ where: { address: signer } });
        expect(nextNonce, "next nonce").to.equal(await world.provider.getTransactionCount(address));
      }
    },
    async close() {
      for (const server of running) await server.stop();
      await Promise.all([database, writer, application].map((client) => client.$disconnect()));
      await created.drop();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

/** The status of a card as the chain has it. */
export async function statusOnChain(world: SendingWorld, collection: string, serial: number): Promise<string> {
  const contract = new Contract(collection, membershipCollectionInterface, world.provider);
  return CARD_STATUS[Number((await contract.getFunction("cardOf")(serial)).status)] ?? "";
}

/** The holder of a card as the chain has it, lower-case. */
export async function holderOnChain(world: SendingWorld, collection: string, serial: number): Promise<string> {
  const contract = new Contract(collection, membershipCollectionInterface, world.provider);
  return String((await contract.getFunction("cardOf")(serial)).holder).toLowerCase();
}

/** A fault for requests that call a method, and for no others. */
export function faultOf(method: string, fault: Exclude<FaultyRpc["fault"], undefined>): FaultyRpc["fault"] {
  return (request) => {
    if (!request.some((call) => call.method === method)) return undefined;
    return typeof fault === "function" ? fault(request) : fault;
  };
}
