// The ABIs are committed sources, so that nobody needs a compiler to use them; these tests hold them against the compiler's output.

import { expect } from "chai";
import { CONTRACTS, type ContractName, compiledAbi } from "../generate.ts";
import * as published from "../src/index.ts";

const exported = new Map(Object.entries(published));

describe("the package of the contracts", () => {
  for (const name of Object.keys(CONTRACTS) as ContractName[]) {
    it(`has ${name}'s ABI as the compiler has it (npm run contracts-abi writes it)`, () => {
      const constant = `${name.charAt(0).toLowerCase()}${name.slice(1)}Abi`;
      expect(exported.get(constant)).to.deep.equal(compiledAbi(name));
    });
  }
});
