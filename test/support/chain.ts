// A real chain for a test: Hardhat's node behind HTTP on a free port, with the registry deployed.

import { randomBytes } from "node:crypto";
import { Contract, hexlify, JsonRpcProvider, type JsonRpcSigner, type TransactionResponse, ZeroHash } from "ethers";
import { network } from "hardhat";
import { deployRegistry } from "../../scripts/deploy-registry.ts";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { BRAND_ROLE, brandRegistryInterface, membershipCollectionInterface } from "../../server/chain/abi.ts";
import type { Deployment } from "../../server/chain/deployment.ts";
import { untilMined } from "../../server/chain/receipt.ts";
import { createRpc, type Rpc } from "../../server/chain/rpc.ts";

export interface TestChain {
  rpcUrl: string;
  rpc: Rpc;
  provider: JsonRpcProvider;
  deployment: Deployment;
  /** The registry, called by the consortium. */
  registry: Contract;
  /** Hardhat's accounts, unlocked: 0 is the consortium, 1 the brand's administrator, 2 its issuer. */
  signer(index: number): Promise<JsonRpcSigner>;
  /** Admits a brand with account 1 as its administrator and account 2 as its issuer. Returns its id. */
  admitBrand(options?: { name?: string }): Promise<number>;
  /** Creates a collection as account 1. Returns its address, lower-case. */
  createCollection(options: {
    brandId: number;
    slug: string;
    name?: string;
    maxSupply?: number;
    reissueDelay?: number;
  }): Promise<string>;
  /** Issues a batch as account 2, to given holders or to a number of random ones. Returns the holders, lower-case. */
  issue(options: {
    collection: string;
    firstSerial: number;
    holders: string[] | number;
    tier?: number;
    expiresAt?: number;
    commitmentRoot?: string;
  }): Promise<string[]>;
  /** Calls a function of the registry or of a collection as one of the accounts, and waits until it is mined. */
  call(contract: Contract, account: number, method: string, ...args: unknown[]): Promise<void>;
  close(): Promise<void>;
}

let chainsStarted = 0;

/** An address that nobody has the key of, lower-case. */
export function randomAddress(): string {
  return hexlify(randomBytes(20));
}

/** Starts the chain and deploys the registry. */
export async function startTestChain(options: { port?: number; cardBaseURI?: string } = {}): Promise<TestChain> {
  const port = options.port ?? (await freePort());
  // Two chains of one process would otherwise begin with the same genesis block.
  const initialDate = new Date(Date.now() - ++chainsStarted * 60_000);
  const server = await network.createServer({ network: "node", override: { initialDate } }, "127.0.0.1", port);
  await server.listen();
  const rpcUrl = `http://127.0.0.1:${port}`;
  const deployment = await deployRegistry({ rpcUrl, cardBaseURI: options.cardBaseURI ?? "" });
  const provider = new JsonRpcProvider(rpcUrl, deployment.chainId, { staticNetwork: true, cacheTimeout: -1 });
  const registry = new Contract(deployment.registry, brandRegistryInterface, await provider.getSigner(0));
  const free = { gasPrice: 0 };

  async function send(contract: Contract, index: number, method: string, ...args: unknown[]): Promise<void> {
    const connected = contract.connect(await provider.getSigner(index)) as Contract;
    const transaction: TransactionResponse = await connected.getFunction(method)(...args, free);
    await untilMined(transaction.hash, (hash) => provider.getTransactionReceipt(hash));
  }

  return {
    rpcUrl,
    rpc: createRpc({ url: rpcUrl }),
    provider,
    deployment,
    registry,
    signer: (index) => provider.getSigner(index),
    async admitBrand({ name = "Noirance" } = {}) {
      const admin = await (await provider.getSigner(1)).getAddress();
      const issuer = await (await provider.getSigner(2)).getAddress();
      await send(registry, 0, "admitBrand", admin, {
        name,
        legalName: `${name} Co., Ltd.`,
        domain: "brand.example",
        filingNumber: "",
        profileURI: "",
        profileHash: ZeroHash,
      });
      const brandId = Number(await registry.getFunction("brandCount")());
      await send(registry, 1, "grantRole", await registry.getFunction("roleId")(brandId, BRAND_ROLE.Issuer), issuer);
      return brandId;
    },
    async createCollection({ brandId, slug, name = slug, maxSupply = 5000, reissueDelay = 0 }) {
      const request = { brandId, slug, name, symbol: "CARD", maxSupply, burnAuth: 2, reissueDelay };
      await send(registry, 1, "createCollection", request);
      return String(await registry.getFunction("collectionOf")(slug)).toLowerCase();
    },
    async issue({ collection, firstSerial, holders, tier = 1, expiresAt = 0, commitmentRoot = ZeroHash }) {
      const addresses = typeof holders === "number" ? Array.from({ length: holders }, randomAddress) : holders;
      const contract = new Contract(collection, membershipCollectionInterface, provider);
      await send(contract, 2, "issue", firstSerial, addresses, { tier, expiresAt }, commitmentRoot);
      return addresses.map((address) => address.toLowerCase());
    },
    call: send,
    async close() {
      provider.destroy();
      await server.close();
    },
  };
}
