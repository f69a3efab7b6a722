// Prometheus as Debian packages it, with our alarm rules: it watches servers as an operator's does.

import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../lifecycle/free-port.ts";
import { spawnGuarded } from "../lifecycle/guarded-process.ts";

export const INSTALL_PROMETHEUS = "apt-get install -y --no-install-recommends prometheus";
export const RULES_FILE = resolve(import.meta.dirname, "../../examples/prometheus-alerts.yml");

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

export interface Sample {
  labels: Record<string, string>;
  value: number;
}

export interface Prometheus {
  url: string;
  /** The answer to a query in PromQL, as of now. */
  query(expression: string): Promise<Sample[]>;
  /** The names of the alarms that fire now, of one target or of all. */
  firing(instance?: string): Promise<string[]>;
  stop(): Promise<void>;
}

/**
 * Starts it.
 * @param targets Servers by the name that their label `instance` is to have.
 */
export async function startPrometheus(targets: Record<string, string>, everySeconds = 5): Promise<Prometheus> {
  const program = findProgram("prometheus");
  if (program === undefined) throw new Error(`Prometheus is not installed. Install it: ${INSTALL_PROMETHEUS}`);
  const folder = mkdtempSync(join(tmpdir(), "mintmark-prometheus-"));
  const every = `${everySeconds}s`;
  // JSON is YAML.
  writeFileSync(
    join(folder, "prometheus.json"),
    JSON.stringify({
      global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
      rule_files: [RULES_FILE],
      scrape_configs: [
        {
          job_name: "mintmark",
          static_configs: Object.entries(targets).map(([instance, url]) => ({
            targets: [new URL(url).host],
            labels: { instance },
          })),
        },
      ],
    }),
  );
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const running = await spawnGuarded(
    program,
    [
      `--config.file=${join(folder, "prometheus.json")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdio: ["ignore", "ignore", "inherit"], cwd: folder },
  );
  let ended = false;
  void running.ended.then(() => {
    ended = true;
    rmSync(folder, { recursive: true, force: true });
  });
  const isReady = () =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (!(await isReady())) {
    if (ended) throw new Error("Prometheus ended at its start; what it said stands above");
    await sleep(100);
  }

  async function query(expression: string): Promise<Sample[]> {
    const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const body = (await response.json()) as {
      error?: string;
      data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    if (body.data === undefined) throw new Error(`Prometheus refused ${expression}: ${body.error}`);
    return body.data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }
  return {
    url,
    query,
    async firing(instance) {
      const labels = ['alertstate="firing"', ...(instance === undefined ? [] : [`instance="${instance}"`])];
      const found = await query(`ALERTS{${labels.join(",")}}`);
      return [...new Set(found.map(({ labels }) => labels["alertname"] ?? ""))].sort();
    },
    stop: () => running.stop(),
  };
}
