// The function that makes a keystore's key of its passphrase takes 134 MB by design. In a process of its own they go back to the
// system, where the server would keep them; the library's own is also five times slower, and holds up the event loop.
// Must hold: passphrase and key go through pipes alone, never onto a command line, into the environment or a log.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { hexlify, scrypt } from "ethers";

const PROGRAM = join(import.meta.dirname, "scrypt-process.mjs");

/** Has the library compute scrypt in a process of its own from now on. */
export function moveScryptOut(): void {
  scrypt.register(async (password, salt, N, r, p, length, progress) => {
    const child = spawn(process.execPath, [PROGRAM], { stdio: ["pipe", "pipe", "inherit"], env: {} });
    const [key, [code]] = await Promise.all([
      text(child.stdout),
      once(child, "close") as Promise<[number | null]>,
      child.stdin.end(
        JSON.stringify({ password: hexlify(password).slice(2), salt: hexlify(salt).slice(2), N, r, p, length }),
      ),
    ]);
    if (code !== 0) throw new Error(`The process that computes scrypt ended with ${code}. Is memory short?`);
    progress?.(1);
    return `0x${key}`;
  });
}
