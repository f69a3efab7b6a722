// anvil, the second chain of tests, simulations and benchmarks: it comes from npm as one program without an install script, and can
// take blocks back. It is set up as the consortium's chain is: Cancun, its own chain id, nothing to pay, blocks as large as needed.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { LOCAL_CHAIN_ID } from "./engine/genesis.ts";

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
    throw new Error(`anvil has no program for ${platform} ${arch}: tests and benchmarks that need it cannot run here.`);
  }
  const wrapper = createRequire(import.meta.url).resolve("@foundry-rs/anvil/package.json");
  const file = join(dirname(wrapper), "..", name, "bin", "anvil");
  if (!existsSync(file))
    throw new Error(`The package @foundry-rs/${name} is not installed. Delete node_modules and run npm test again.`);
  return file;
}

/** anvil's arguments. `genesisTimestamp` is part of the first block. */
export function anvilArguments(options: { host: string; port: number; genesisTimestamp: number }): string[] {
  return [
    ...["--chain-id", String(LOCAL_CHAIN_ID), "--hardfork", "cancun", "--gas-limit", "1000000000"],
    ...["--base-fee", "0", "--gas-price", "0", "--no-priority-fee"],
    ...["--order", "fifo"],
    // anvil refuses a request of more than 2 MB, which large batches are.
    ...["--no-request-size-limit", "--quiet"],
    ...["--host", options.host, "--port", String(options.port)],
    ...["--timestamp", String(options.genesisTimestamp)],
  ];
}
