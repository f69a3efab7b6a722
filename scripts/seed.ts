// npm run seed: brings the demo brands onto the development chain at RPC_URL, as npm start does by itself. For chains whose
// first account is unlocked and is the consortium.

import { loadConfig } from "../server/config.ts";
import { describeFailure } from "../server/failures.ts";
import { seedDemo } from "./demo.ts";
import { beginCommand } from "./lifecycle/command.ts";
import { ensureRegistry } from "./lifecycle/deployment.ts";

beginCommand();
try {
  const { rpcUrl, dataFolder, publicUrl } = loadConfig();
  const cardBaseURI = `${publicUrl}/metadata/`;
  const { deployment } = await ensureRegistry({ rpcUrl, dataFolder, cardBaseURI });
  const done = await seedDemo({ rpcUrl, deployment, dataFolder, cardBaseURI });
  console.log(done.length === 0 ? "The demo data is there already." : done.join("\n"));
} catch (error) {
  console.error(describeFailure(error));
  process.exitCode = 1;
}
