// Which process a number means. Numbers are used again, so a process is named by its number and its start; only one that
// still has both may be taken for the process that was written down. Plain JavaScript: the oldest Node reads it too.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** When the process started, as an opaque text that no later process of the same number has; nothing if it is gone. */
export function processStart(pid) {
  if (process.platform === "linux") {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The name, in parentheses, may hold anything; what follows the last one is regular: state, …, start (field 22).
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (fields[0] === "Z" || fields[0] === "X") return undefined;
      const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
      return `${boot}/${fields[19]}`;
    } catch {
      return undefined; // No such process.
    }
  }
  try {
    const line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
    const [state = "Z", ...start] = line.split(/\s+/);
    return state.startsWith("Z") ? undefined : start.join(" ");
  } catch {
    return undefined; // ps fails if there is no such process.
  }
}

/** The identity of a running process; nothing if it is gone. */
export function identifyProcess(pid) {
  const start = processStart(pid);
  return start === undefined ? undefined : { pid, start };
}

/** Whether exactly this process still runs. */
export function isRunning(identity) {
  return processStart(identity.pid) === identity.start;
}
