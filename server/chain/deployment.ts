// Where the contracts are. `npm start`, `npm run dev` and `npm run deploy` write a record for each chain into the data
// folder; a server elsewhere is told with REGISTRY_ADDRESS.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { replaceFile } from "../system/durable-files.ts";

const deploymentSchema = z.object({
  chainId: z.number().int().positive(),
  genesisHash: z.string().regex(/^0x[0-9a-f]{64}$/),
  registry: z.string().regex(/^0x[0-9a-f]{40}$/),
  deployedAtBlock: z.number().int().nonnegative(),
});

/** One deployment of the contracts on one chain. Addresses and hashes are lower-case. */
export type Deployment = z.infer<typeof deploymentSchema>;

/** The file that records the deployment on a chain. */
export function deploymentFile(dataFolder: string, chainId: number): string {
  return join(dataFolder, "deployments", `${chainId}.json`);
}

/** Reads the record of a chain; nothing if there is none. Throws if it cannot be read. */
export function readDeployment(dataFolder: string, chainId: number): Deployment | undefined {
  const file = deploymentFile(dataFolder, chainId);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return deploymentSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`The deployment record ${file} is damaged. Delete it and deploy again, or set REGISTRY_ADDRESS.`, {
      cause,
    });
  }
}

/** Writes the record of a chain; a reader sees the old one or the new one, never half of it. */
export function writeDeployment(dataFolder: string, deployment: Deployment): void {
  const file = deploymentFile(dataFolder, deployment.chainId);
  replaceFile(file, `${JSON.stringify(deploymentSchema.parse(deployment), null, 2)}\n`);
}
