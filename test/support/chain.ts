// A real chain for a test: Hardhat's node behind HTTP on a free port, with the registry deployed.

import { randomBytes } from "node:crypto";
import { Contract, hexlify, JsonRpcProvider, type JsonRpcSigner, type TransactionResponse, ZeroHash } from "ethers";
import { deployRegistry } from "../../scripts/deploy-registry.ts";
import {
  BRAND_ROLE,
  brandRegistryInterface,
  FINAL_ACT,
  membershipCollectionInterface,
  UNLIMITED_TERM,
} from "../../server/chain/abi.ts";
import type { Deployment } from "../../server/chain/deployment.ts";
import { untilMined } from "../../server/chain/receipt.ts";
import { createRpc, type Rpc } from "../../server/chain/rpc.ts";
import { startHardhatNode } from "./hardhat-node.ts";

export interface TestChain {
  rpcUrl: string;
  rpc: Rpc;
  provider: JsonRpcProvider;
  deployment: Deployment;
  /** The registry, called by the consortium. */
  registry: Contract;
  /** Hardhat's accounts, unlocked: 0 is the consortium, 1 the brand's administrator, 2 its issuer. */
  signer(index: number): Promise<JsonRpcSigner>;
  /**
   * Admits a brand with account 1 as its administrator and account 2 as its issuer. Its handle, with which its slugs begin, is the name's
   * small letters unless it is given: "noirance" of the first one. Returns its id.
   */
  admitBrand(options?: { name?: string; handle?: string }): Promise<number>;
  /** Creates a collection as account 1. Returns its address, lower-case. */
  createCollection(options: {
    brandId: number;
    slug: string;
    name?: string;
    maxSupply?: number;
    reissueDelay?: number;
    highestTier?: number;
    longestTerm?: number;
  }): Promise<string>;
  /** Issues a batch as account 2, to given holders or to a number of random ones. Returns the holders, lower-case. */
  issue(options: {
    collection: string;
    firstSerial: number;
    holders: string[] | number;
    tier?: number;
    expiresAt?: number;
    commitmentRoot?: string;
    batchReference?: string;
  }): Promise<string[]>;
  /** Calls a function of the registry or of a collection as one of the accounts, and waits until it is mined. */
  call(contract: Contract, account: number, method: string, ...args: unknown[]): Promise<void>;
  /** Announces a final act as account 1, moves the chain's clock on by the seven days, and carries it out. */
  doFinally(collection: string, ...acts: (keyof typeof FINAL_ACT)[]): Promise<void>;
  close(): Promise<void>;
}

/** How long a final act is announced before it can be carried out, in seconds. */
export const FINAL_ACT_NOTICE = 7 * 86_400;

let chainsStarted = 0;

/** An address that nobody has the key of, lower-case. */
export function randomAddress(): string {
  return hexlify(randomBytes(20));
}

/** Starts the chain and deploys the registry. */
export async function startTestChain(options: { port?: number; cardBaseURI?: string } = {}): Promise<TestChain> {
  // Two chains of one process would otherwise begin with the same genesis block.
  const initialDate = new Date(Date.now() - ++chainsStarted * 60_000);
  const node = await startHardhatNode({ ...options, override: { initialDate } });
  const rpcUrl = node.url;
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
    async admitBrand({ name = "Noirance", handle = name.toLowerCase().replaceAll(/[^a-z0-9]/g, "") } = {}) {
      const admin = await (await provider.getSigner(1)).getAddress();
      const issuer = await (await provider.getSigner(2)).getAddress();
      await send(registry, 0, "admitBrand", admin, handle, {
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
    async createCollection({ brandId, slug, name = slug, maxSupply = 5000, reissueDelay = 0, ...declared }) {
      const { highestTier = 255, longestTerm = UNLIMITED_TERM } = declared;
      const terms = { maxSupply, burnAuth: 2, reissueDelay, highestTier, longestTerm };
      const request = { brandId, slug, name, symbol: "CARD", ...terms };
      await send(registry, 1, "createCollection", request);
      return String(await registry.getFunction("collectionOf")(slug)).toLowerCase();
    },
    async issue({ collection, firstSerial, holders, tier = 1, expiresAt = 0, ...notes }) {
      const { commitmentRoot = ZeroHash, batchReference = ZeroHash } = notes;
      const addresses = typeof holders === "number" ? Array.from({ length: holders }, randomAddress) : holders;
      const contract = new Contract(collection, membershipCollectionInterface, provider);
      await send(contract, 2, "issue", firstSerial, addresses, { tier, expiresAt }, commitmentRoot, batchReference);
      return addresses.map((address) => address.toLowerCase());
    },
    call: send,
    async doFinally(collection, ...acts) {
      const contract = new Contract(collection, membershipCollectionInterface, provider);
      for (const act of acts) await send(contract, 1, "announce", FINAL_ACT[act]);
      await provider.send("evm_increaseTime", [FINAL_ACT_NOTICE]);
      for (const act of acts) await send(contract, 1, "carryOut", FINAL_ACT[act]);
    },
    async close() {
      provider.destroy();
      await node.close();
    },
  };
}
