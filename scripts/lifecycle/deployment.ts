// The registry of a development chain: found where it is known, deployed where there is none.

import { brandRegistryInterface } from "../../server/chain/abi.ts";
import { type Deployment, readDeployment, writeDeployment } from "../../server/chain/deployment.ts";
import { createRpc, type Rpc, RpcError } from "../../server/chain/rpc.ts";
import { StartError } from "./session.ts";

/**
 * The registry on the chain at `rpcUrl`; `isNew` if it was deployed just now. Throws {@link StartError} if what is there was
 * deployed by a version whose contracts were others.
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
    await requireCurrent(rpc, known.registry, options.dataFolder);
    return { deployment: known, isNew: false };
  }

  const found = await findRegistry(rpc);
  if (found !== undefined) {
    await requireCurrent(rpc, found, options.dataFolder);
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
async function requireCurrent(rpc: Rpc, registry: string, dataFolder: string): Promise<void> {
  const data = brandRegistryInterface.encodeFunctionData("implementation");
  try {
    const answer = await rpc.call<string>("eth_call", [{ to: registry, data }, "latest"]);
    if (answer !== "0x") return;
  } catch (error) {
    if (!(error instanceof RpcError) || !/revert/i.test(error.message)) throw error;
  }
  throw new StartError(
    `The contracts on this chain (registry ${registry}) are those of an earlier version, and cannot be upgraded to this one's. ` +
      `Move ${dataFolder} away, or set DATA_DIR to another folder, and start again.`,
  );
}

/** The registry that admitted the chain's first brand: its record was lost, and a second one would lose its cards. */
async function findRegistry(rpc: Rpc): Promise<string | undefined> {
  const topic = brandRegistryInterface.getEvent("BrandAdmitted")?.topicHash;
  const filter = { fromBlock: "0x0", toBlock: "latest", topics: [topic] };
  const [first] = await rpc.call<{ address: string }[]>("eth_getLogs", [filter]);
  return first?.address.toLowerCase();
}
