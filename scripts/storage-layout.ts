// npm run storage-layout: writes down where the contracts keep what (test/contracts/storage-layout.json), after something was
// appended. Refuses what an upgrade would not survive; before anything is deployed that must be kept, --breaking writes it.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.ts";
import { contractsInput } from "./solidity/compiler.ts";
import { breakingChanges, readStorageLayout, type StorageLayout } from "./solidity/storage-layout.ts";

const FILE = join(import.meta.dirname, "..", "test", "contracts", "storage-layout.json");

const layout = readStorageLayout(await contractsInput());
const old = existsSync(FILE) ? (JSON.parse(readFileSync(FILE, "utf8")) as StorageLayout) : undefined;
const problems = old === undefined ? [] : breakingChanges(old, layout);
for (const problem of problems) console.error(`✖ ${problem}`);
if (problems.length > 0 && !process.argv.includes("--breaking")) {
  console.error("Contracts that are upgraded would not find what they keep. Nothing was written.");
  process.exit(1);
}
writeFileSync(FILE, `${JSON.stringify(layout, null, 2)}\n`);
process.exit(await run("biome", ["format", "--write", FILE]));
