// The Solidity tests on a mutant: slower to start than the others, so only for what survived those. They run in a copy of
// the project that is kept from one mutant to the next, so that only what changed is compiled again.

import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What a copy needs to be a project of its own. */
const COPIED = ["contracts", "test/contracts", "test/support", "hardhat.config.ts", "package.json", "tsconfig.json"];
const TIMEOUT_MS = 180_000;

/** A copy of the project for the Solidity tests. */
export interface SolidityTests {
  /** Whether a test fails with this content of the file. */
  notice(mutant: { file: string; content: string }): Promise<boolean>;
  remove(): void;
}

/** Makes the copy and runs its tests once. Throws if they fail on unchanged code. */
export async function createSolidityTests(root: string): Promise<SolidityTests> {
  const parent = join(root, "cache", "mutation");
  mkdirSync(parent, { recursive: true });
  const copy = mkdtempSync(join(parent, "project-"));
  for (const path of COPIED) cpSync(join(root, path), join(copy, path), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  const remove = () => rmSync(copy, { recursive: true, force: true });
  process.once("exit", remove);

  const unchanged = await runTests(root, copy);
  if (unchanged.failed) throw new Error(`The Solidity tests fail on unchanged code:\n${unchanged.output}`);
  return {
    async notice({ file, content }) {
      writeFileSync(join(copy, file), content);
      try {
        return (await runTests(root, copy)).failed;
      } finally {
        cpSync(join(root, file), join(copy, file));
      }
    },
    remove() {
      process.off("exit", remove);
      remove();
    },
  };
}

async function runTests(root: string, copy: string): Promise<{ failed: boolean; output: string }> {
  const child = spawn(join(root, "node_modules", ".bin", "hardhat"), ["test", "solidity", "--network", "default"], {
    cwd: copy,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
    env: { ...process.env, HARDHAT_DISABLE_TELEMETRY: "1" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done, failed) => {
    child.once("error", failed);
    child.once("close", (...end) => done(end));
  });
  if (code === 0) return { failed: false, output };
  // A test that does not end does not pass either; anything else that is no failed test is a fault of ours.
  if (signal === null && !/\d+ failing/.test(output)) throw new Error(`The Solidity tests did not run:\n${output}`);
  return { failed: true, output };
}
