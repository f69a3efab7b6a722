// What an upgrade must find again. The layout is a tracked file, so a change of it shows in the diff.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { type CompilerInput, contractsInput, syntaxTrees } from "../../scripts/solidity/compiler.ts";
import {
  breakingChanges,
  readStorageLayout,
  type StorageLayout,
  wordConstants,
} from "../../scripts/solidity/storage-layout.ts";

const tracked = JSON.parse(readFileSync(join(import.meta.dirname, "storage-layout.json"), "utf8")) as StorageLayout;

describe("Storage layout", () => {
  let input: CompilerInput;
  let trees: ReturnType<typeof syntaxTrees>;

  before(async () => {
    input = await contractsInput();
    trees = syntaxTrees(input);
  });

  it("keeps everything where it was, and what was appended is written down", () => {
    const layout = readStorageLayout(input, trees);
    expect(breakingChanges(tracked, layout), "an upgrade would not find what it keeps").to.deep.equal([]);
    expect(layout, "something was appended: npm run storage-layout writes it down").to.deep.equal(tracked);
  });

  it("begins every namespace where ERC-7201 says", () => {
    const words = wordConstants(input, trees);
    const locations = Object.entries(tracked.namespaces).map(([namespace, { location }]) => ({ namespace, location }));
    expect(locations.length).to.be.greaterThan(0);
    for (const { namespace, location } of locations) expect(words.has(location), namespace).to.equal(true);
  });

  it("keeps nothing of ours outside of a namespace, where a base contract could move it", () => {
    const libraries = ["ERC721"];
    const ours = Object.values(tracked.variables)
      .flat()
      .filter((variable) => !libraries.some((library) => variable.endsWith(` of ${library}`)));
    expect(ours).to.deep.equal([]);
  });

  describe("the comparison", () => {
    const field = "0:0 uint32 count";
    const appended = "0:4 uint32 more";
    const layout = (changes: Partial<StorageLayout> = {}): StorageLayout => ({
      namespaces: { one: { location: "0x00", fields: [field] } },
      variables: {},
      structs: { Entry: [field] },
      enums: { Status: ["None", "Active"] },
      numbers: { "Records._SHIFT": "160" },
      ...changes,
    });
    const withFields = (...fields: string[]) => layout({ namespaces: { one: { location: "0x00", fields } } });

    it("lets fields, structs and values be appended", () => {
      expect(breakingChanges(layout(), withFields(field, appended))).to.deep.equal([]);
      expect(breakingChanges(layout(), layout({ structs: { Entry: [field, appended], Other: [] } }))).to.deep.equal([]);
      expect(breakingChanges(layout(), layout({ enums: { Status: ["None", "Active", "Retired"] } }))).to.deep.equal([]);
    });

    const broken: Record<string, StorageLayout> = {
      "a field that moves": withFields(appended, field),
      "a field that moves within its slot": withFields("0:4 uint32 count"),
      "a field of another type": withFields("0:0 int32 count"),
      "a field with another name, which may mean something else": withFields("0:0 uint32 total"),
      "a field that is gone": withFields(),
      "a namespace that is gone": layout({ namespaces: {} }),
      "a namespace that moves": layout({ namespaces: { one: { location: "0x01", fields: [field] } } }),
      "a struct's field that is gone": layout({ structs: { Entry: [] } }),
      "an enum with a value in between": layout({ enums: { Status: ["None", "Pending", "Active"] } }),
      "an enum that is gone": layout({ enums: {} }),
      "a number that cuts a slot otherwise": layout({ numbers: { "Records._SHIFT": "161" } }),
    };
    for (const [name, next] of Object.entries(broken)) {
      it(`refuses ${name}`, () => {
        expect(breakingChanges(layout(), next)).to.not.deep.equal([]);
      });
    }
  });
});
