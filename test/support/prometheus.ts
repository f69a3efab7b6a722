// Tests that need Prometheus and its promtool: rules are judged by the program that will run them.

import type { Suite } from "mocha";
import { findProgram, INSTALL_PROMETHEUS } from "../../scripts/soak/prometheus.ts";

/** Describes what needs Prometheus; skipped, and says so, where it is not installed. */
export function describeWithPrometheus(title: string, body: (this: Suite) => void): void {
  const missing = (["prometheus", "promtool"] as const).filter((name) => findProgram(name) === undefined);
  if (missing.length === 0) describe(title, body);
  else describe.skip(`${title} (${missing.join(" and ")} is not installed: ${INSTALL_PROMETHEUS})`, body);
}
