// What an operator watches: the alarms, the documentation and what the server really measures must be about the same.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import * as prettier from "prettier";
import { Registry } from "prom-client";
import { createRpcMetrics } from "../../server/chain/metrics.ts";
import { measureDatabase } from "../../server/database/metrics.ts";
import { createHttpMetrics } from "../../server/http/metrics.ts";
import { createIndexerMetrics } from "../../server/indexer/metrics.ts";
import { createSenderMetrics } from "../../server/issuance/sending/metrics.ts";
import { createWebhookMetrics } from "../../server/webhooks/metrics.ts";
import { ROOT } from "../support/commands.ts";
import { freshStatus } from "../support/mirror-fixture.ts";

const rules = readFileSync(join(ROOT, "examples/prometheus-alerts.yml"), "utf8");
const docs = readFileSync(join(ROOT, "docs/operations.md"), "utf8");

describe("what an operator watches", () => {
  /** Names of our own metrics, with their type. */
  let measured: Map<string, string>;

  before(async () => {
    const registry = new Registry();
    createHttpMetrics(registry);
    measureDatabase(registry, () => undefined);
    createIndexerMetrics(registry).watch(freshStatus);
    createRpcMetrics(registry, []).watch(() => []);
    createSenderMetrics(registry).watch({
      figures: async () => ({ queued: 0, open: 0, oldestQueued: undefined, suspects: 0 }),
      now: () => 0,
    });
    createWebhookMetrics(registry).watch({
      figures: async () => ({ pending: 0, oldestDue: undefined, followed: 0, last: 0 }),
      now: () => 0,
    });
    const own = (await registry.getMetricsAsJSON()).filter(({ name }) =>
      /^mintmark_(database|indexer|rpc|http|sender|webhook)_/.test(name),
    );
    measured = new Map(own.map(({ name, type }) => [name, String(type)]));
  });

  it("is documented, all of it and nothing else", () => {
    const documented = [...docs.matchAll(/`(mintmark_\w+)`/g)].map(([, name]) => name);
    expect([...new Set(documented)].sort()).to.deep.equal([...measured.keys()].sort());
  });

  it("is what the alarms are about", () => {
    const named = [...rules.matchAll(/mintmark_\w+/g)].map(([name]) => name);
    expect(named).not.to.be.empty;
    for (const name of named) {
      const type = measured.get(name) ?? measured.get(name.replace(/_(count|sum|bucket)$/, ""));
      expect(type, name).not.to.equal(undefined);
    }
    // A counter tells something by how fast it grows, a gauge by what it is.
    for (const [, expression = ""] of rules.matchAll(/expr: (.*)/g)) {
      for (const [, wrapped, name = ""] of expression.matchAll(/(rate\(|increase\()?(mintmark_\w+)/g)) {
        const isCounter = measured.get(name) !== "gauge";
        expect(wrapped !== undefined, expression).to.equal(isCounter);
      }
    }
  });

  it("has alarms that are written correctly", async () => {
    expect(await prettier.format(rules, { parser: "yaml", printWidth: 120, proseWrap: "preserve" })).to.equal(rules);
    const alarms = rules.split(/^ {6}- alert: /m).slice(1);
    expect(alarms.length).to.be.greaterThan(8);
    for (const alarm of alarms) {
      expect(alarm).to.match(/^Mintmark\w+\n/);
      for (const key of ["expr", "labels", "annotations"]) expect(alarm, key).to.match(new RegExp(`^ {8}${key}:`, "m"));
      const pairs = ["()", "{}", "[]"].map(([open = "", close = ""]) => [
        alarm.split(open).length - 1,
        alarm.split(close).length - 1,
      ]);
      for (const [opened, closed] of pairs) expect(opened, alarm).to.equal(closed);
    }
  });
});
