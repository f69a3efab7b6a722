// npm run deploy: deploys the registry to the chain at RPC_URL and writes down where it is. DEPLOYER_PRIVATE_KEY deploys and
// acts for the consortium; without it the node's first unlocked account does, which development nodes have.
//
// npm run deploy -- --consortium <file>: also founds the consortium that the file describes, and hands the registry over to
// it. That can be done later too, with the data folder and the key that deployed the registry.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { deploymentFile, readDeployment, writeDeployment } from "../server/chain/deployment.ts";
import { createRpc } from "../server/chain/rpc.ts";
import { ConfigError } from "../server/config.ts";
import { describeFailure } from "../server/failures.ts";
import { loadWholeConfig } from "../server/half-restored.ts";
import { readConsortiumParameters } from "./consortium/parameters.ts";
import { deployRegistry } from "./deploy-registry.ts";
import { beginCommand } from "./lifecycle/command.ts";

async function main(): Promise<string> {
  const { values } = parseArgs({ options: { consortium: { type: "string" } } });
  const consortium = values.consortium === undefined ? undefined : readConsortiumParameters(values.consortium);
  const config = loadWholeConfig();
  const rpc = createRpc({ url: config.rpcUrl });
  const chainId = Number(await rpc.call<string>("eth_chainId"));
  const genesis = await rpc.call<{ hash: string }>("eth_getBlockByNumber", ["0x0", false]);
  const file = deploymentFile(config.dataFolder, chainId);
  const known = readDeployment(config.dataFolder, chainId);
  const isThere =
    known?.genesisHash === genesis.hash && (await rpc.call("eth_getCode", [known.registry, "latest"])) !== "0x";
  // By genesis, because a chain that begins anew with the same id knows nothing of the old one's transactions.
  const journalFolder = join(config.dataFolder, "deployments", `ignition-${chainId}-${genesis.hash.slice(2, 10)}`);
  if (isThere && consortium === undefined) {
    return `The registry is on chain ${chainId} already, at ${known.registry} (${file}). To deploy another one, move that file away.`;
  }
  if (isThere && !existsSync(journalFolder)) {
    throw new ConfigError(
      `The registry at ${known.registry} was not deployed with this data folder by npm run deploy, so it cannot be handed ` +
        `over from here. To deploy another one, move ${file} away.`,
    );
  }
  console.error(`Deploying to chain ${chainId} at ${rpc.endpoint} …`);
  const deployment = await deployRegistry({
    rpcUrl: config.rpcUrl,
    cardBaseURI: `${config.publicUrl}/metadata/`,
    privateKey: config.deployerPrivateKey,
    consortium,
    journalFolder,
  });
  writeDeployment(config.dataFolder, deployment);
  const handedOver =
    consortium === undefined ? "" : ` It belongs to a consortium of ${consortium.seats.length} seats now.`;
  return `The registry is at ${deployment.registry} on chain ${chainId}; written to ${file}.${handedOver} Start the server with: npm run server`;
}

beginCommand();
try {
  console.log(await main());
} catch (error) {
  console.error(describeFailure(error));
  process.exitCode = 1;
}
