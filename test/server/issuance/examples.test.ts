import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { exampleFiles } from "../../../scripts/generate-examples.ts";

const FOLDER = resolve(import.meta.dirname, "../../../examples");

describe("examples", () => {
  it("are what the generator writes, byte for byte", () => {
    const files = exampleFiles();
    expect(readdirSync(FOLDER).filter((name) => name.endsWith(".csv"))).to.deep.equal(Object.keys(files).sort());
    for (const [name, content] of Object.entries(files))
      expect(readFileSync(join(FOLDER, name)).equals(Buffer.from(content)), name).to.equal(true);
  });

  it("are a brand's 5,000 cards and a city's two editions of 1,000", () => {
    const {
      "noirance-black.csv": black = "",
      "lanting-river.csv": river = "",
      "lanting-garden.csv": garden = "",
    } = exampleFiles();
    const serials = (text: string) =>
      text
        .trim()
        .split(/\r?\n/)
        .slice(1)
        .map((line) => Number.parseInt(line, 10));
    const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
    expect(serials(black)).to.deep.equal(upTo(5000));
    expect(serials(river)).to.deep.equal(upTo(1000));
    expect(serials(garden)).to.deep.equal(upTo(1000));
    expect(river.startsWith("\ufeff编号,")).to.equal(true);
    expect(river.split("\r\n")).to.have.length(1002);
  });
});
