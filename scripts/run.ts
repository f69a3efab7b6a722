import { spawn } from "node:child_process";
import { join } from "node:path";

const BINARIES = join(import.meta.dirname, "..", "node_modules", ".bin");

/** Runs a command of an installed package in the foreground. Resolves to its exit code; 1 if a signal ended it. */
export async function run(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<number> {
  return await new Promise((resolve, reject) => {
    const child = spawn(join(BINARIES, command), args, { stdio: "inherit", env: { ...process.env, ...environment } });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}
