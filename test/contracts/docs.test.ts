// docs/contracts.md names tests as proof of what it says. They must exist.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";

const FOLDER = join(import.meta.dirname);

describe("docs/contracts.md", () => {
  it("names tests that exist", () => {
    const text = readFileSync(join(FOLDER, "..", "..", "docs", "contracts.md"), "utf8");
    const missing: string[] = [];
    let named = 0;
    for (const [, pattern = "", titles = ""] of text.matchAll(/`([\w./*]+\.test\.ts)`((?:,? "[^"]+")*)/g)) {
      const matches = new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
      const files = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).filter((file) => matches.test(file));
      if (files.length === 0) missing.push(pattern);
      const sources = files.map((file) => readFileSync(join(FOLDER, file), "utf8")).join("\n");
      for (const [, title = ""] of titles.matchAll(/"([^"]+)"/g)) {
        named++;
        // What an ellipsis stands for may be anything, a template's value too.
        const parts = title.split("…").map((part) => part.trim());
        if (!parts.every((part) => sources.includes(part))) missing.push(`${pattern}: ${title}`);
      }
    }
    expect(missing).to.deep.equal([]);
    expect(named).to.be.greaterThan(10);
  });
});
