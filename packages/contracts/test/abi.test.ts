// The ABIs are committed sources, so that nobody needs a compiler to use them; these tests hold them against the compiler's output.

import { expect } from "chai";
import { type ContractName, CONTRACTS, compiledAbi } from "../generate.ts";
import * as published from "../src/index.ts";

describe("the package of the contracts", () => {
  for (const name of Object.keys(CONTRACTS) as ContractName[]) {
    it(`has ${name}'s ABI as the compiler has it (npm run contracts-abi writes it)`, () => {
      const constant = `${name.charAt(0).toLowerCase()}${name.slice(1)}Abi` as keyof typeof published;
      expect(published[constant]).to.deep.equal(compiledAbi(name));
    });
  }
});
