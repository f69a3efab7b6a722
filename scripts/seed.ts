// npm run seed: brings the demo brands onto the development chain at RPC_URL, as npm start does by itself. For chains whose
// first account is unlocked and is the consortium.

import { RpcError } from "../server/chain/rpc.ts";
import { ConfigError, loadConfig } from "../server/config.ts";
import { KeystoreError } from "../server/issuance/keystore.ts";
import { seedDemo } from "./demo.ts";
import { ensureRegistry } from "./lifecycle/deployment.ts";
import { StartError } from "./lifecycle/session.ts";

try {
  const { rpcUrl, dataFolder, publicUrl } = loadConfig();
  const cardBaseURI = `${publicUrl}/metadata/`;
  const { deployment } = await ensureRegistry({ rpcUrl, dataFolder, cardBaseURI });
  const done = await seedDemo({ rpcUrl, deployment, dataFolder, cardBaseURI });
  console.log(done.length === 0 ? "The demo data is there already." : done.join("\n"));
} catch (error) {
  const expected = [ConfigError, RpcError, KeystoreError, StartError].some((kind) => error instanceof kind);
  console.error(expected ? (error as Error).message : error);
  process.exitCode = 1;
}
