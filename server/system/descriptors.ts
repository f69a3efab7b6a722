// How many files and connections this process may have open, and how many of them clients may take.

import { readdirSync, readFileSync } from "node:fs";

/** What the rest of the server may come to need at once: the database, nodes of the chain, receivers of webhooks, child processes. */
const RESERVE = 128;
/** Of a low limit, the rest of the server gets this part. */
const RESERVED_PART = 0.4;
/** With fewer, even one browser would wait for itself. */
const LEAST_CONNECTIONS = 8;
/** Without any client, database, chain and child processes need almost so many. */
const LEAST_LIMIT = 64;
/** A limit below this one is worth a word. */
export const COMFORTABLE_LIMIT = 512;

/** The limit of open descriptors; nothing if there is none, or the system does not tell. */
export function descriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    // Only Linux has this file.
    const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
    const soft = Number(userLimits?.open_files?.soft);
    return Number.isSafeInteger(soft) ? soft : undefined;
  }
}

function openDescriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}

/** What is wrong with the limit, in a sentence; nothing if a server can work with it. */
export function descriptorProblem(limit = descriptorLimit()): string | undefined {
  if (limit === undefined || limit >= LEAST_LIMIT) return undefined;
  return `This process may have ${limit} files and connections open, and a server needs ${LEAST_LIMIT} at least. Raise the limit, for example with ulimit -n 4096, and start again.`;
}

/** How many connections of clients may be open at once. To be asked before the first is. */
export function connectionLimit(limit = descriptorLimit(), open = openDescriptors()): number {
  if (limit === undefined) return Number.MAX_SAFE_INTEGER;
  const left = limit - open;
  return Math.max(LEAST_CONNECTIONS, Math.floor(left - Math.min(RESERVE, left * RESERVED_PART)));
}
