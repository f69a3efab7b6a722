import { spawn } from "node:child_process";
import { join } from "node:path";

const BINARIES = join(import.meta.dirname, "..", "node_modules", ".bin");

/** Runs a command of an installed package in the foreground. Resolves to its exit code; 1 if a signal ended it. */
export async function run(
  command: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<number> {
  return await runFile(binary(command), args, environment);
}

/** The file behind a command of an installed package. */
export function binary(command: string): string {
  return join(BINARIES, command);
}

/** The same for a script of this folder. */
export async function runScript(
  script: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<number> {
  return await runFile(process.execPath, [join(import.meta.dirname, script), ...args], environment);
}

/** The same for a program. */
export async function runFile(
  file: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<number> {
  return await new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: "inherit", env: { ...process.env, ...environment } });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/** Runs a script of this folder beside something else that has the terminal: returns what it has printed. */
export async function runScriptQuietly(
  script: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ code: number; output: string }> {
  return await runQuietly(process.execPath, [join(import.meta.dirname, script), ...args], environment);
}

/** The same for a program. */
export async function runQuietly(
  file: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ code: number; output: string }> {
  return await new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
