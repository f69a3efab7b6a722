// The node program of the local chain. Why anvil: Hardhat's node, which tests and `npm run dev` use, forgets everything when
// it ends, and Besu, which the consortium runs, needs Java. anvil comes from npm as one program without an install script.
// It is set up as the consortium's chain is: Cancun, its own chain id, nothing to pay, blocks as large as needed.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** The chain id of every local chain. */
export const LOCAL_CHAIN_ID = 5_192_721;

const PLATFORM_PACKAGES: Record<string, string> = {
  "linux x64": "anvil-linux-amd64",
  "linux arm64": "anvil-linux-arm64",
  "darwin x64": "anvil-darwin-amd64",
  "darwin arm64": "anvil-darwin-arm64",
};

/** The program itself and not its wrapper, so that signals reach it. Throws where there is none for this machine. */
export function anvilBinary(platform: string = process.platform, arch: string = process.arch): string {
  const name = PLATFORM_PACKAGES[`${platform} ${arch}`];
  if (name === undefined) {
    throw new Error(
      `The local chain cannot run on ${platform} ${arch}: anvil has no program for it. Use npm run dev, or a chain elsewhere with npm run deploy and npm run server.`,
    );
  }
  const wrapper = createRequire(import.meta.url).resolve("@foundry-rs/anvil/package.json");
  const file = join(dirname(wrapper), "..", name, "bin", "anvil");
  if (!existsSync(file))
    throw new Error(`The package @foundry-rs/${name} is not installed. Delete node_modules and run npm start again.`);
  return file;
}

/** anvil's arguments for a local chain. `genesisTimestamp` is part of the first block, `snapshot` a state to begin with. */
export function anvilArguments(options: {
  host: string;
  port: number;
  genesisTimestamp: number;
  snapshot: string | undefined;
}): string[] {
  return [
    ...["--chain-id", String(LOCAL_CHAIN_ID), "--hardfork", "cancun", "--gas-limit", "1000000000"],
    ...["--base-fee", "0", "--gas-price", "0", "--no-priority-fee"],
    // As they came, so that replaying them in the order of their block makes the same block.
    ...["--order", "fifo"],
    // anvil refuses a request of more than 2 MB, which large batches are.
    ...["--no-request-size-limit", "--quiet"],
    ...["--host", options.host, "--port", String(options.port)],
    ...(options.snapshot === undefined
      ? ["--timestamp", String(options.genesisTimestamp)]
      : ["--load-state", options.snapshot]),
  ];
}
