// The checks that need no chain: types, lint and formatting, of the OpenAPI document too.

import { isShopInstalled, SHOP_FOLDER, SHOP_MISSING } from "./lifecycle/example-shop.ts";
import { run } from "./run.ts";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  /** What failed, a line each, where the suite says so. Whoever reads only the end of a long log finds it there. */
  failures?: string[];
}

/** Checks neither tell anybody that they were run nor ask for a newer release. */
const OFFLINE = { REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };

/** Runs all checks, also after one has failed, so that one run shows everything. */
export async function runChecks({ fix = false }: { fix?: boolean } = {}): Promise<Counts> {
  const checks: [string, ...string[]][] = [
    ["biome", "check", ...(fix ? ["--write"] : []), "--error-on-warnings"],
    ["prettier", fix ? "--write" : "--check", "--log-level", "warn", "contracts/**/*.sol", "test/**/*.sol"],
    // The document that the build has made, as every server serves it.
    ["redocly", "lint", "packages/client/openapi.json", "--config", "redocly.yaml"],
    ["solhint", "--disc", "--max-warnings", "0", "contracts/**/*.sol", "test/**/*.sol"],
    ["tsc"],
  ];
  const failures: string[] = [];
  const counts: Counts = { passed: 0, failed: 0, skipped: 0, failures };
  if (isShopInstalled()) checks.push(["tsc", "--project", SHOP_FOLDER]);
  else {
    counts.skipped++;
    console.warn(`\n▸ types of the example store: skipped. ${SHOP_MISSING}`);
  }
  for (const [command, ...args] of checks) {
    console.log(`\n▸ ${command} ${args.join(" ")}`);
    const code = await run(command, args, OFFLINE);
    if (code === 0) counts.passed++;
    else {
      counts.failed++;
      failures.push(`${command} ${args.join(" ")}`);
    }
  }
  return counts;
}
