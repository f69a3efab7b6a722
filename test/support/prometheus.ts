// Prometheus and its promtool, as Debian packages them: rules are judged by the program that will run them.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Suite } from "mocha";

export const INSTALL_PROMETHEUS = "apt-get install -y --no-install-recommends prometheus";

/** One of its programs; nothing if it is not installed. */
export function findProgram(name: "prometheus" | "promtool"): string | undefined {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"]) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not there.
    }
  }
  return undefined;
}

/** Describes what needs Prometheus; skipped, and says so, where it is not installed. */
export function describeWithPrometheus(title: string, body: (this: Suite) => void): void {
  const missing = (["prometheus", "promtool"] as const).filter((name) => findProgram(name) === undefined);
  if (missing.length === 0) describe(title, body);
  else describe.skip(`${title} (${missing.join(" and ")} is not installed: ${INSTALL_PROMETHEUS})`, body);
}
