// The registry of a development chain: found where it is known, deployed where there is none.

import { brandRegistryInterface, membershipCollectionInterface } from "../../server/chain/abi.ts";
import { type Deployment, readDeployment, writeDeployment } from "../../server/chain/deployment.ts";
import { createRpc, type Rpc, RpcError } from "../../server/chain/rpc.ts";
import { StartError } from "./session.ts";

/**
 * The registry on the chain at `rpcUrl`; `isNew` if it was deployed just now. Collections that have an earlier version's code
 * are given this one's. Throws {@link StartError} if the registry itself is an earlier version's.
 */
export async function ensureRegistry(options: {
  rpcUrl: string;
  dataFolder: string;
  cardBaseURI: string;
}): Promise<{ deployment: Deployment; isNew: boolean }> {
  const rpc = createRpc({ url: options.rpcUrl });
  const chainId = Number(await rpc.call<string>("eth_chainId"));
  const { hash: genesisHash } = await rpc.call<{ hash: string }>("eth_getBlockByNumber", ["0x0", false]);
  const known = knownDeployment(options.dataFolder, chainId);
  if (known?.genesisHash === genesisHash && (await hasCode(rpc, known.registry))) {
    await bringUpToDate(rpc, known.registry, options);
    return { deployment: known, isNew: false };
  }

  const found = await findRegistry(rpc);
  if (found !== undefined) {
    await bringUpToDate(rpc, found, options);
    const deployment = { chainId, genesisHash, registry: found, deployedAtBlock: 0 };
    writeDeployment(options.dataFolder, deployment);
    return { deployment, isNew: false };
  }
  // Hardhat takes a while to load and is needed only here.
  const { deployRegistry } = await import("../deploy-registry.ts");
  const { rpcUrl, cardBaseURI } = options;
  const deployment = await deployRegistry({ rpcUrl, cardBaseURI });
  writeDeployment(options.dataFolder, deployment);
  return { deployment, isNew: true };
}

/** What the data folder says; nothing if its record is missing or damaged, because the chain knows better. */
function knownDeployment(dataFolder: string, chainId: number): Deployment | undefined {
  try {
    return readDeployment(dataFolder, chainId);
  } catch {
    return undefined;
  }
}

async function hasCode(rpc: Rpc, address: string): Promise<boolean> {
  return (await rpc.call<string>("eth_getCode", [address, "latest"])) !== "0x";
}

/** A registry is not upgraded, so one of an earlier version stays what it was. Ours gives collections their code. */
async function bringUpToDate(
  rpc: Rpc,
  registry: string,
  { rpcUrl, dataFolder }: { rpcUrl: string; dataFolder: string },
): Promise<void> {
  const implementation = await implementationOf(rpc, registry);
  if (implementation !== undefined) {
    if (await hasAllFunctions(rpc, implementation)) return;
    const { upgradeCollections } = await import("../deploy-registry.ts");
    await upgradeCollections({ rpcUrl, registry });
    return;
  }
  throw new StartError(
    `The contracts on this chain (registry ${registry}) are those of an earlier version, and cannot be upgraded to this one's. ` +
      `Move ${dataFolder} away, or set DATA_DIR to another folder, and start again.`,
  );
}

/** The code of the registry's collections; nothing if it gives them none. */
async function implementationOf(rpc: Rpc, registry: string): Promise<string | undefined> {
  const data = brandRegistryInterface.encodeFunctionData("implementation");
  try {
    const answer = await rpc.call<string>("eth_call", [{ to: registry, data }, "latest"]);
    if (answer !== "0x") return `0x${answer.slice(-40)}`;
  } catch (error) {
    if (!(error instanceof RpcError) || !/revert/i.test(error.message)) throw error;
  }
  return undefined;
}

/** Whether code has every function that the server calls: the compiler compares what is called with each selector. */
async function hasAllFunctions(rpc: Rpc, implementation: string): Promise<boolean> {
  const code = await rpc.call<string>("eth_getCode", [implementation, "latest"]);
  let isComplete = true;
  membershipCollectionInterface.forEachFunction(({ selector }) => {
    // Leading zeros are not part of the code.
    if (!code.includes(selector.slice(2).replace(/^(00)+/, ""))) isComplete = false;
  });
  return isComplete;
}

/** The registry that admitted the chain's first brand: its record was lost, and a second one would lose its cards. */
async function findRegistry(rpc: Rpc): Promise<string | undefined> {
  const topic = brandRegistryInterface.getEvent("BrandAdmitted")?.topicHash;
  const filter = { fromBlock: "0x0", toBlock: "latest", topics: [topic] };
  const [first] = await rpc.call<{ address: string }[]>("eth_getLogs", [filter]);
  return first?.address.toLowerCase();
}
