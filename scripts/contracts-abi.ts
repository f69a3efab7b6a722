// npm run contracts-abi: writes the contracts' ABIs into packages/contracts, as the compiler has them. A test fails while they differ.

import { writeAbis } from "../packages/contracts/generate.ts";
import { run } from "./run.ts";

writeAbis();
process.exitCode = await run("biome", ["format", "--write", "packages/contracts/src/abi"]);
