// npm run check-handle -- <handle>: whether a brand may be admitted with it. For whoever proposes an admission, and for each seat before it
// votes: the registry compares bytes, and a reader's eye does not.

import { connect, isHandle } from "../packages/contracts/src/index.ts";
import { readDeployment } from "../server/chain/deployment.ts";
import { createRpc } from "../server/chain/rpc.ts";
import { loadConfig } from "../server/config.ts";
import { describeFailure } from "../server/failures.ts";
import { beginCommand } from "./lifecycle/command.ts";

const USAGE = `Says whether a brand may be admitted with a handle: whether no admitted brand's looks like it.

  npm run check-handle -- <handle>
      ends with 0 if it may, with 1 if it looks like another one or is no handle

Settings (environment or .env): RPC_URL, DATA_DIR, REGISTRY_ADDRESS.`;

async function check(handle: string): Promise<{ text: string; isFree: boolean }> {
  if (!isHandle(handle))
    return { text: `"${handle}" is no handle: 2 to 20 of the letters a to z and the digits 0 to 9.`, isFree: false };
  const { rpcUrl, dataFolder, registryAddress } = loadConfig();
  const rpc = createRpc({ url: rpcUrl });
  const chainId = Number(await rpc.call("eth_chainId"));
  const registry = registryAddress ?? readDeployment(dataFolder, chainId)?.registry;
  if (registry === undefined)
    throw new Error(`No registry is known on chain ${chainId}. Set REGISTRY_ADDRESS to the address of the registry.`);
  const mintmark = await connect(
    chainId,
    { request: ({ method, params }) => rpc.call(method, params ?? []) },
    { name: rpcUrl, registry: registry as `0x${string}`, deployedAtBlock: 0 },
  );
  const alike = await mintmark.brandsLike(handle);
  if (alike.length === 0) return { text: `No brand's handle looks like "${handle}".`, isFree: true };
  const lines = alike.map(({ brandId, handle: theirs, legalName, domain, status }) =>
    [`  brand ${brandId}: "${theirs}", ${legalName}, ${domain}`, ...(status === "Active" ? [] : [status])].join(", "),
  );
  return { text: [`"${handle}" looks like what is taken; admit nobody with it:`, ...lines].join("\n"), isFree: false };
}

beginCommand();
try {
  const handle = process.argv[2];
  if (handle === undefined || process.argv.length > 3 || handle.startsWith("-")) {
    const isHelp = handle === "--help";
    (isHelp ? console.log : console.error)(USAGE);
    process.exitCode = isHelp ? 0 : 1;
  } else {
    const { text, isFree } = await check(handle);
    (isFree ? console.log : console.error)(text);
    process.exitCode = isFree ? 0 : 1;
  }
} catch (error) {
  console.error(describeFailure(error));
  process.exitCode = 1;
}
