// Kills processes that another one has started, as the system does when memory is short.

import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface Killer {
  /** How many were killed so far. */
  killed(): number;
  /** Lets whoever is started from now on live. */
  stop(): Promise<void>;
}

/**
 * Kills each descendant of a process whose command line names a program, as soon as it is there.
 * @param most After so many the next ones live.
 */
export function killDescendants(pid: number, program: string, most = Number.POSITIVE_INFINITY): Killer {
  const seen = new Set<number>();
  let stopped = false;
  const running = (async () => {
    while (!stopped && seen.size < most) {
      for (const child of descendantsOf(pid)) {
        if (seen.has(child) || seen.size >= most || !commandOf(child).includes(program)) continue;
        seen.add(child);
        try {
          process.kill(child, "SIGKILL");
        } catch {
          // It was faster.
          seen.delete(child);
        }
      }
      await sleep(5);
    }
  })();
  return {
    killed: () => seen.size,
    async stop() {
      stopped = true;
      await running;
    },
  };
}

function descendantsOf(pid: number): number[] {
  const children = childrenOf(pid);
  return [...children, ...children.flatMap(descendantsOf)];
}

/** Those that are gone by now are not among them. */
function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
      const text = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
      return text.split(" ").filter(Boolean).map(Number);
    });
  } catch {
    return [];
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
