// How the server's process is started: with the settings of its runtime that keep its memory small while it reads the chain's
// history. Without them it works as well, and takes up to half as much memory again.

import { resolve } from "node:path";

/** Node's arguments. Garbage is collected when it is half as much as what is in use, not several times as much. */
export const SERVER_ARGUMENTS: readonly string[] = [
  "--heap-growing-percent=50",
  "--max-semi-space-size=8",
  // Compiled once and quickly: the database client is the only WebAssembly, and what optimising it takes, 40 MB, is never given back.
  "--liftoff-only",
  resolve(import.meta.dirname, "..", "..", "server", "main.ts"),
];

/** glibc otherwise keeps up to eight heaps for each core, and hands nothing of them back. */
export const SERVER_ENVIRONMENT: Readonly<NodeJS.ProcessEnv> = { MALLOC_ARENA_MAX: "2" };
