// A chain with a brand that issues, for what is measured or simulated: anvil as the local chain runs it, the brand's keystore in a
// data folder, and API keys for its programs.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Contract, JsonRpcProvider, type Signer, ZeroHash } from "ethers";
import { createApiKey } from "../../../server/accounts/api-keys.ts";
import type { BrandRole } from "../../../server/accounts/principal.ts";
import { BRAND_ROLE, brandRegistryInterface, UNLIMITED_TERM } from "../../../server/chain/abi.ts";
import type { Deployment } from "../../../server/chain/deployment.ts";
import { untilMined } from "../../../server/chain/receipt.ts";
import { createRpc, type Rpc } from "../../../server/chain/rpc.ts";
import { openDatabase } from "../../../server/database/client.ts";
import { type BrandKeys, createKeystore, DEMO_PASSPHRASE } from "../../../server/issuance/keystore.ts";
import { deployRegistry } from "../../deploy-registry.ts";
import { freePort } from "../../lifecycle/free-port.ts";
import { spawnGuarded } from "../../lifecycle/guarded-process.ts";
import { anvilArguments, anvilBinary } from "../../local-chain/anvil.ts";

export interface IssuingWorld {
  rpcUrl: string;
  rpc: Rpc;
  deployment: Deployment;
  /** Where the brand's keystore is. */
  dataFolder: string;
  brandId: number;
  keys: BrandKeys;
  /** The slug begins with `noirance-`. Returns its address, lower-case. */
  createCollection(slug: string, maxSupply: number): Promise<string>;
  /** Gives a role of the brand to an account. */
  grant(role: keyof typeof BRAND_ROLE, account: string): Promise<void>;
  /** From now on a block is sealed every so many seconds; with 0 as soon as there is a transaction. */
  sealEvery(seconds: number): Promise<void>;
  /** An API key of the brand in a database that has its tables. */
  apiKey(databaseUrl: string, role?: BrandRole): Promise<string>;
  stop(): Promise<void>;
}

const FREE = { maxFeePerGas: 0, maxPriorityFeePerGas: 0 };
const BURN_AUTH_BOTH = 2;

export async function startIssuingWorld(): Promise<IssuingWorld> {
  const port = await freePort();
  const rpcUrl = `http://127.0.0.1:${port}`;
  const genesisTimestamp = Math.floor(Date.now() / 1000);
  const chain = await spawnGuarded(anvilBinary(), anvilArguments({ host: "127.0.0.1", port, genesisTimestamp }), {
    stdio: "ignore",
  });
  const rpc = createRpc({ url: rpcUrl });
  await untilAnswering(rpc);
  const dataFolder = mkdtempSync(join(tmpdir(), "mintmark-issuing-"));
  const deployment = await deployRegistry({ rpcUrl, cardBaseURI: "" });
  const provider = new JsonRpcProvider(rpcUrl, deployment.chainId, { staticNetwork: true, cacheTimeout: -1 });
  const file = join(dataFolder, "keys", "brand.json");
  const keys = await createKeystore({ file, label: "brand", passphrase: DEMO_PASSPHRASE, demo: true });
  const registry = new Contract(deployment.registry, brandRegistryInterface, provider);

  async function send(by: Signer, method: string, ...args: unknown[]): Promise<void> {
    const transaction = await (registry.connect(by) as Contract).getFunction(method)(...args, FREE);
    await untilMined(transaction.hash, (hash) => provider.getTransactionReceipt(hash));
  }
  const profile = { name: "Noirance", legalName: "Noirance Co., Ltd.", domain: "noirance.example", filingNumber: "" };
  await send(await provider.getSigner(0), "admitBrand", keys.admin.address, "noirance", {
    ...profile,
    profileURI: "",
    profileHash: ZeroHash,
  });
  const brandId = Number(await registry.getFunction("brandCount")());
  const admin = keys.admin.connect(provider);
  const grant: IssuingWorld["grant"] = async (role, account) => {
    await send(admin, "grantRole", await registry.getFunction("roleId")(brandId, BRAND_ROLE[role]), account);
  };
  await grant("Issuer", keys.issuer.address);
  await grant("Steward", keys.issuer.address);

  return {
    rpcUrl,
    rpc,
    deployment,
    dataFolder,
    brandId,
    keys,
    grant,
    async createCollection(slug, maxSupply) {
      const request = {
        brandId,
        slug,
        name: slug,
        symbol: "CARD",
        maxSupply,
        burnAuth: BURN_AUTH_BOTH,
        reissueDelay: 0,
        highestTier: 255,
        longestTerm: UNLIMITED_TERM,
      };
      await send(admin, "createCollection", request);
      return String(await registry.getFunction("collectionOf")(slug)).toLowerCase();
    },
    async sealEvery(seconds) {
      await rpc.call(seconds === 0 ? "evm_setAutomine" : "evm_setIntervalMining", [seconds === 0 ? true : seconds]);
    },
    async apiKey(databaseUrl, role = "manager") {
      const database = await openDatabase(databaseUrl, { application: true });
      try {
        const createdBy = "command-line";
        return (await createApiKey(database, { brandId, role, name: role, createdBy, now: Date.now() })).key;
      } finally {
        await database.$disconnect();
      }
    },
    async stop() {
      provider.destroy();
      await chain.stop();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

async function untilAnswering(rpc: Rpc): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await rpc.call("eth_chainId");
      return;
    } catch (error) {
      if (attempt > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}
