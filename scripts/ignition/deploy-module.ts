// Deploys an Ignition module to the chain of a connection, without the questions and folders of Ignition's own command.

import {
  type DeploymentParameters,
  DeploymentResultType,
  deploy,
  type IgnitionModule,
  type IgnitionModuleResult,
} from "@nomicfoundation/ignition-core";
import { artifacts, type network } from "hardhat";

export interface DeployModuleOptions<Contracts extends IgnitionModuleResult<string>> {
  connection: Awaited<ReturnType<typeof network.create>>;
  module: IgnitionModule<string, string, Contracts>;
  parameters: DeploymentParameters;
  /** Where Ignition keeps its journal, so that a broken-off deployment goes on where it stopped; nowhere if not given. */
  journalFolder?: string | undefined;
  /** The accounts that the module knows by their places; the connection's if not given. */
  accounts?: string[] | undefined;
}

/** Deploys the module and returns the addresses of the contracts that it returns, lower-case. */
export async function deployModule<Contracts extends IgnitionModuleResult<string>>(
  options: DeployModuleOptions<Contracts>,
): Promise<Record<keyof Contracts, string>> {
  const { provider } = options.connection;
  const result = await deploy({
    // Blocks of a consortium chain are final, and a development chain makes no block without a transaction.
    config: { requiredConfirmations: 1, blockPollingInterval: 50 },
    provider,
    artifactResolver: {
      loadArtifact: (name) => artifacts.readArtifact(name),
      getBuildInfo: async (name) => {
        const id = await artifacts.getBuildInfoId(name);
        const file = id === undefined ? undefined : await artifacts.getBuildInfoPath(id);
        return file === undefined ? undefined : (await import(file, { with: { type: "json" } })).default;
      },
    },
    ignitionModule: options.module,
    deploymentParameters: options.parameters,
    accounts: options.accounts ?? ((await provider.request({ method: "eth_accounts" })) as string[]),
    ...(options.journalFolder === undefined ? {} : { deploymentDir: options.journalFolder }),
    gasPrice: 0n,
  });
  if (result.type !== DeploymentResultType.SUCCESSFUL_DEPLOYMENT) {
    const details = JSON.stringify(result, (_, value) => (typeof value === "bigint" ? value.toString() : value));
    throw new Error(`The contracts could not be deployed: ${details}`);
  }
  const contracts = Object.entries<{ id: string }>(options.module.results);
  return Object.fromEntries(
    contracts.map(([name, { id }]) => [name, result.contracts[id]?.address.toLowerCase() ?? missing(id)]),
  ) as Record<keyof Contracts, string>;
}

function missing(id: string): never {
  throw new Error(`Ignition deployed its module without ${id}`);
}
