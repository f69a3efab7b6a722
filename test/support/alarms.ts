// Our alarm rules against made-up series, with promtool: which alarms fire, and when.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram, RULES_FILE } from "../../scripts/soak/prometheus.ts";

/** The names of all alarms of the file. */
export function alarmNames(): string[] {
  return [...readFileSync(RULES_FILE, "utf8").matchAll(/^ +- alert: (\w+)$/gm)].map(([, name = ""]) => name);
}

/** The names of all metrics of ours that alarms are about. */
export function alarmedMetrics(): string[] {
  return [...new Set(readFileSync(RULES_FILE, "utf8").match(/\bmintmark_\w+/g))];
}

/**
 * Values of a series: `7` stays 7, `0+2` rises by 2 with each sample, `clock` is the time, `_` is none. Of a fault also `jump 3`, which is 3 more than before
 * and stays there, and `rise 3`, which rises by 3 with each sample from there.
 */
export type Values = string;

export interface Scenario {
  title: string;
  /** What some series are from the fault on, by series; new ones are not there before. */
  fault: Record<string, Values>;
  /** What the series are instead from the beginning. */
  before?: Record<string, Values>;
  /** How far apart samples are, and rules are looked at, in seconds. */
  step?: number;
  /** Which alarms fire, in seconds after the fault began; each list is complete. */
  fires: { after: number; alarms: string[] }[];
}

const DEFAULT_STEP = 5;
/** How long nothing is wrong before a fault. */
const SAMPLES_BEFORE = 40;

/** Runs scenarios over series of ordinary operation. Rejects with promtool's own words. */
export async function judgeAlarms(ordinary: Record<string, Values>, scenarios: readonly Scenario[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-alarms-"));
  try {
    const groups = Map.groupBy(scenarios, ({ step = DEFAULT_STEP }) => step);
    for (const [step, group] of groups) {
      const file = join(folder, `every-${step}-seconds.json`);
      const tests = group.map((scenario) => testOf(ordinary, scenario));
      // JSON is YAML.
      writeFileSync(file, JSON.stringify({ rule_files: [RULES_FILE], evaluation_interval: `${step}s`, tests }));
      const run = promisify(execFile)(findProgram("promtool") ?? "promtool", ["test", "rules", file], {
        maxBuffer: 2 ** 26,
      });
      await run.catch((error: { stdout: string; stderr: string }) => {
        throw new Error(`${error.stdout}${error.stderr}`);
      });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function testOf(ordinary: Record<string, Values>, { title, fault, before, step, fires }: Scenario) {
  const interval = step ?? DEFAULT_STEP;
  const samples = SAMPLES_BEFORE;
  const beginning = samples * interval;
  const end = Math.max(...fires.map(({ after }) => after));
  const length = Math.ceil(end / interval) + 1;
  const names = new Set([...Object.keys(ordinary), ...Object.keys(fault), ...Object.keys(before ?? {})]);
  return {
    name: title,
    interval: `${interval}s`,
    input_series: [...names].map((series) => {
      const given = before?.[series] ?? ordinary[series] ?? "_";
      const usual = given === "clock" ? `0+${interval}` : given;
      const changed = fault[series];
      const values =
        changed === undefined
          ? repeated(usual, samples + length)
          : `${repeated(usual, samples)} ${repeated(goingOn(usual, samples, changed), length)}`;
      return { series, values };
    }),
    promql_expr_test: [{ after: 0, alarms: [] as string[] }, ...fires].map(({ after, alarms }) => ({
      expr: 'count by (alertname) (ALERTS{alertstate="firing"}) * 0 + 1',
      // The moment before anything can have been seen.
      eval_time: `${after === 0 ? beginning - interval : beginning + after}s`,
      exp_samples: alarms.toSorted().map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
    })),
  };
}

function repeated(values: Values, count: number): string {
  if (values === "_") return `_x${count}`;
  const { start, rise } = lineOf(values);
  return `${start}+${rise}x${count - 1}`;
}

/** What a series goes on with after so many usual values. */
function goingOn(usual: Values, count: number, changed: Values): Values {
  const [, how, by = "0"] = /^(jump|rise) ([\d.]+)$/.exec(changed) ?? [];
  if (how === undefined) return changed;
  const { start, rise } = lineOf(usual);
  return `${start + rise * (count - 1) + Number(by)}+${how === "rise" ? by : 0}`;
}

function lineOf(values: Values): { start: number; rise: number } {
  const [, start, rise = "0"] = /^([\d.e]+)(?:\+([\d.e]+))?$/.exec(values) ?? [];
  if (start === undefined) throw new Error(`No values: ${values}`);
  return { start: Number(start), rise: Number(rise) };
}
