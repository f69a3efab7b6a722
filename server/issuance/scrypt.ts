// The function that makes a keystore's key of its passphrase takes 134 MB by design. In a process of its own they go back to the
// system, where the server would keep them; the library's own is also five times slower, and holds up the event loop.
// Must hold: passphrase and key go through pipes alone, never onto a command line, into the environment or a log.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { hexlify, scrypt } from "ethers";
import { diedAtWork, launch } from "../child-processes.ts";

const PROGRAM = join(import.meta.dirname, "scrypt-process.mjs");
/** It takes a second; on a machine that is overloaded, some. */
const PATIENCE_MS = 120_000;

/** Has the library compute scrypt in a process of its own from now on, which throws `ChildEndedError`. */
export function moveScryptOut(): void {
  scrypt.register(async (password, salt, N, r, p, length, progress) => {
    const question = { password: hexlify(password).slice(2), salt: hexlify(salt).slice(2), N, r, p, length };
    const key = await askProcess(JSON.stringify(question), length);
    progress?.(1);
    return `0x${key}`;
  });
}

async function askProcess(question: string, length: number): Promise<string> {
  // What it would write of an error could hold what it was given.
  const { child, ended } = launch(() =>
    spawn(process.execPath, [PROGRAM], { stdio: ["pipe", "pipe", "ignore"], env: {} }),
  );
  if (child === undefined) throw diedAtWork("keys", await ended);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, PATIENCE_MS);
  try {
    const answered = child.stdout === null ? "" : text(child.stdout).catch(() => "");
    // If it ends before it has read all, that is an error of the pipe too.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(question);
    const [key, end] = await Promise.all([answered, ended]);
    if (late) throw diedAtWork("keys", { kind: "silent", seconds: PATIENCE_MS / 1000 });
    if (end.kind !== "ended" || end.code !== 0) throw diedAtWork("keys", end);
    if (key.length !== 2 * length || !/^[0-9a-f]+$/.test(key)) throw diedAtWork("keys", { kind: "malformed" });
    return key;
  } finally {
    clearTimeout(timer);
  }
}
