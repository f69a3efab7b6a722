// Deploys the registry to a running chain through Hardhat Ignition.

import { existsSync, readFileSync } from "node:fs";
import { network } from "hardhat";
import type { Deployment } from "../server/chain/deployment.ts";
import { createRpc } from "../server/chain/rpc.ts";
import { replaceFile } from "../server/system/durable-files.ts";
import type { ConsortiumParameters } from "./consortium/parameters.ts";
import { deployModule } from "./ignition/deploy-module.ts";
import consortiumModule from "./ignition/modules/Consortium.ts";
import registryModule from "./ignition/modules/Registry.ts";
import { deployCollectionLibraries } from "./solidity/libraries.ts";

export interface DeployOptions {
  /** The chain's JSON-RPC endpoint. */
  rpcUrl: string;
  /** Where the server serves the cards' metadata; ends with a slash. Empty for nowhere. */
  cardBaseURI: string;
  /** The key that deploys and acts for the consortium; the node's first unlocked account if not given. */
  privateKey?: string | undefined;
  /** Who gets the registry; the deployer keeps it if not given. */
  consortium?: ConsortiumParameters | undefined;
  /** Where Ignition keeps its journal, so that a broken-off deployment goes on where it stopped; nowhere if not given. */
  journalFolder?: string | undefined;
}

/**
 * Deploys the registry, hands it over if that was asked for, and returns where it is. With the journal of an earlier
 * deployment, does what is still missing; so a registry can also be handed over later.
 */
export async function deployRegistry(options: DeployOptions): Promise<Deployment> {
  const connection = await network.create({
    network: "remote",
    override: { url: options.rpcUrl, ...(options.privateKey === undefined ? {} : { accounts: [options.privateKey] }) },
  });
  try {
    const rpc = createRpc({ url: options.rpcUrl });
    const [chainId, genesis, head] = await Promise.all([
      rpc.call<string>("eth_chainId"),
      rpc.call<{ hash: string }>("eth_getBlockByNumber", ["0x0", false]),
      rpc.call<string>("eth_blockNumber"),
    ]);
    const deployedAtBlock = firstBlock(options.journalFolder, Number(head));
    const { journalFolder, consortium } = options;
    const Registry = { cardBaseURI: options.cardBaseURI };
    const { registry } =
      consortium === undefined
        ? await deployModule({ connection, module: registryModule, parameters: { Registry }, journalFolder })
        : await deployModule({
            connection,
            module: consortiumModule,
            parameters: { Registry, Consortium: consortium },
            journalFolder,
          });
    return {
      chainId: Number(chainId),
      genesisHash: genesis.hash.toLowerCase(),
      registry,
      deployedAtBlock,
    };
  } finally {
    await connection.close();
  }
}

/** Gives all collections this version's code. The node's first unlocked account must be the consortium. */
export async function upgradeCollections({ rpcUrl, registry }: { rpcUrl: string; registry: string }): Promise<void> {
  const connection = await network.create({ network: "remote", override: { url: rpcUrl } });
  try {
    const { ethers } = connection;
    const libraries = await deployCollectionLibraries(async (name) => {
      const library = await (await ethers.deployContract(name)).waitForDeployment();
      return await library.getAddress();
    });
    const code = await ethers.deployContract("MembershipCollection", [registry], { libraries });
    await code.waitForDeployment();
    const upgrade = await (await ethers.getContractAt("BrandRegistry", registry)).upgradeCollections(code);
    await upgrade.wait();
  } finally {
    await connection.close();
  }
}

/**
 * The block before the deployment: the registry has no events up to it, so indexing starts here. A deployment that goes on
 * after an interruption began earlier, which stands beside Ignition's journal.
 */
function firstBlock(journalFolder: string | undefined, head: number): number {
  if (journalFolder === undefined) return head;
  const file = `${journalFolder}.first-block`;
  if (existsSync(file)) return Number(readFileSync(file, "utf8"));
  replaceFile(file, String(head));
  return head;
}
