// What is published of the contracts (packages/contracts): the Solidity interfaces and the compiled reader. A part of npm run build by
// itself, as the typed client's is.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { copyInterfaces, PACKAGE } from "../packages/contracts/generate.ts";
import { run } from "./run.ts";

copyInterfaces();
rmSync(join(PACKAGE, "dist"), { recursive: true, force: true });
process.exitCode = await run("tsc", ["--project", PACKAGE]);
