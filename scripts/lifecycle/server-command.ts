// How the server's process is started: with the settings of its runtime that keep its memory small. Without them it works as well,
// and takes up to half as much memory again. See server/memory.ts for what changes while it runs.

import { resolve } from "node:path";

/** Node's arguments. */
export const SERVER_ARGUMENTS: readonly string[] = [
  "--max-semi-space-size=4",
  // Compiled once and quickly: the database client is the only WebAssembly, and what optimising it takes, 40 MB, is never given back.
  "--liftoff-only",
  resolve(import.meta.dirname, "..", "..", "server", "main.ts"),
];

/** glibc otherwise keeps up to eight heaps for each core, and hands nothing of them back. */
export const SERVER_ENVIRONMENT: Readonly<NodeJS.ProcessEnv> = { MALLOC_ARENA_MAX: "2" };
