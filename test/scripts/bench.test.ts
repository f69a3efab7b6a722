// The scale benchmark runs at all, on a small chain: its figures are for people, but that it measures a complete mirror is checked
// by itself, and it fails if not.

import { expect } from "chai";
import { runCommand } from "../support/commands.ts";

const BENCH = `${JSON.stringify(process.execPath)} scripts/bench.ts`;

describe("npm run bench", () => {
  it("reads a generated chain as fast as the server can, beside the floor", async () => {
    const { code, output } = await runCommand(`${BENCH} scale --events=10000 --rounds=1 --database=sqlite`);
    expect(code, output).to.equal(0);
    const row = output.split("\n").find((line) => line.startsWith("| 10,")) ?? "";
    const [chain = "", , database, seconds, rate, download, insert] = row.split(" | ");
    expect(chain).to.match(/^\| 10,\d{3} events in \d+ blocks, dense$/);
    expect(database).to.equal("SQLite");
    for (const figure of [seconds, rate, download, insert])
      expect(Number(figure?.replaceAll(",", "")), `${figure} in ${row}`).to.be.greaterThan(0);
  });

  it("says which benchmarks there are", async () => {
    const { code, output } = await runCommand(`${BENCH} backfil`);
    expect(code).to.equal(2);
    expect(output).to.include("There is no benchmark backfil; there are gas, scale,");
  });
});
