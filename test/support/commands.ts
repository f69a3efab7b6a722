// Commands run as a person runs them in a terminal.

import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { until } from "./patience.ts";

export const ROOT = resolve(import.meta.dirname, "../..");

export interface RunningCommand {
  child: ChildProcess;
  /** All that it has printed until now. */
  output(): string;
  /** Resolves when the output matches; rejects if the command ends before. */
  prints(pattern: RegExp): Promise<void>;
  /** Resolves to the exit code when the command has ended; null if a signal ended it. */
  ended: Promise<number | null>;
}

/** Starts a command line in the repository's folder. */
export function startCommand(line: string, environment: NodeJS.ProcessEnv = {}): RunningCommand {
  const child = spawn(line, {
    cwd: ROOT,
    shell: true,
    // A process group of its own, so that a test can end all of it.
    detached: true,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return watchCommand(child);
}

/** Collects what a child process prints and how it ends. Its output must be piped. */
export function watchCommand(child: ChildProcess): RunningCommand {
  let text = "";
  let done = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (data) => {
      text += data;
    });
  }
  const ended = new Promise<number | null>((finish) => {
    child.once("close", (code) => {
      done = true;
      finish(code);
    });
  });
  return {
    child,
    output: () => text,
    ended,
    async prints(pattern) {
      await until(
        () => {
          if (done && !pattern.test(text)) throw new Error(`It ended before it printed ${pattern}:\n${text}`);
          return pattern.test(text);
        },
        () => `It did not print ${pattern}, but:\n${text}`,
      );
    },
  };
}

/** Runs a command line to its end. */
export async function runCommand(
  line: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; output: string }> {
  const command = startCommand(line, environment);
  const code = await command.ended;
  return { code, output: command.output() };
}
